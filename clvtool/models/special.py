"""Functional forms that several models share, each in the one form that keeps its digits.

`scipy.special` is not used: it takes longer to import than a fit to run, and `gammaln` and `betaln` cancel just where
a fit may wander (a + b beyond 1e6), which makes maxima that do not exist.
"""

from __future__ import annotations

from math import log, pi
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from clvtool.models.histories import Floats

_SHIFT = 12  # from here on, the asymptotic series below are exact to the last digit


def log_gamma_remainder(z: Floats) -> Floats:
    """Return lnΓ(z) − [(z − ½) ln z − z + ½ ln 2π] for z > 0: what Stirling's formula leaves (about 1/(12 z))."""
    far = np.where(z < _SHIFT, z + _SHIFT, z)
    u = 1 / (far * far)
    series = u * (-1 / 1680 + u * (1 / 1188 + u * (-691 / 360360 + u * (1 / 156))))
    remainder = (1 / 12 + u * (-1 / 360 + u * (1 / 1260 + series))) / far
    near = z < _SHIFT
    low, high = z[near], far[near]
    product = np.prod(low + np.arange(_SHIFT)[:, None], axis=0)
    remainder[near] += (high - 0.5) * np.log(high) - (low - 0.5) * np.log(low) - _SHIFT - np.log(product)
    return remainder


def digamma_remainder(z: Floats) -> Floats:
    """Return ψ(z) − ln z for z > 0 (about −1/(2 z))."""
    far = np.where(z < _SHIFT, z + _SHIFT, z)
    u = 1 / (far * far)
    series = u * (1 / 240 + u * (-1 / 132 + u * (691 / 32760 + u * (-1 / 12))))
    remainder = -0.5 / far + u * (-1 / 12 + u * (1 / 120 + u * (-1 / 252 + series)))
    near = z < _SHIFT
    low = z[near]
    remainder[near] += np.log1p(_SHIFT / low) - (1 / (low + np.arange(_SHIFT)[:, None])).sum(axis=0)
    return remainder


def trigamma(z: Floats) -> Floats:
    """Return ψ'(z) for z > 0."""
    far = np.where(z < _SHIFT, z + _SHIFT, z)
    u = 1 / (far * far)
    series = u * (-1 / 30 + u * (5 / 66 + u * (-691 / 2730 + u * (7 / 6))))
    value = (1 + u * (1 / 6 + u * (-1 / 30 + u * (1 / 42 + series)))) / far + 0.5 * u
    near = z < _SHIFT
    value[near] += ((z[near] + np.arange(_SHIFT)[:, None]) ** -2.0).sum(axis=0)
    return value


def log_beta_deficit(a: Floats, b: Floats) -> Floats:
    """Return ln B(a, b) + a ln(1 + b/a) + b ln(1 + a/b) for a, b > 0.

    The two logarithms are the large part of ln B(a, b); they meet others like them in a likelihood and are joined with
    those there, before anything cancels. What remains is ½ ln(2π (a+b)/(a b)) and Stirling's remainders.
    """
    remainders = log_gamma_remainder(a) + log_gamma_remainder(b) - log_gamma_remainder(a + b)
    return 0.5 * (log(2 * pi) + np.log(a + b) - np.log(a) - np.log(b)) + remainders


class Sum(NamedTuple):
    """A sum with its derivatives: by z for one argument, by (a, b) for two."""

    value: float
    gradient: Floats
    hessian: Floats


def more_than(counts: Floats) -> Floats:
    """Return for i = 0, 1, … how many customers have more than i, given how many have exactly i (an array from 0)."""
    return counts[::-1].cumsum()[::-1][1:]


def log_rising(z: float, unit: float, tail: Floats) -> Sum:
    """Return Σ over customers of ln[(z)_n / unit^n], (z)_n = Γ(z+n)/Γ(z), with derivatives by z.

    `tail[i]` is the number of customers with n > i (see `more_than`). A sum of logarithms, exact at any z.
    """
    terms = z + np.arange(tail.size)
    first = tail / terms
    return Sum(
        float((tail * np.log(terms / unit)).sum()), np.array([first.sum()]), np.array([[-(first / terms).sum()]])
    )


def log_rising_ratio(a: float, b: float, tail: Floats) -> Sum:
    """Return Σ over customers of ln[(b)_n / (a+b)_n] = ln[B(a, b+n) / B(a, b)], with derivatives by (a, b).

    `tail[i]` is the number of customers with n > i. No gamma function of a large argument is ever subtracted from
    another, so a + b = 1e12 is as exact as a + b = 1.
    """
    stay = b + np.arange(tail.size)
    both = a + stay
    by_a = tail / both
    by_aa = by_a / both
    cross = float(by_aa.sum())
    return Sum(
        -float((tail * np.log1p(a / stay)).sum()),
        np.array([-by_a.sum(), (by_a * a / stay).sum()]),
        np.array([[cross, cross], [cross, -(by_aa * (a / stay) * (1 + both / stay)).sum()]]),
    )
