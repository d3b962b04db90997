"""The integral behind the likelihood of Pareto/NBD.

The papers write the part of the likelihood of those who have left with two ₂F₁, whose difference cancels, and whose
derivatives by their parameters have no closed form. It is an integral over the time of leaving,

    I(t, T) = ∫ₜᵀ [(α+t)/(α+u)]^ρ [(β+t)/(β+u)]^s du/(β+u),    ρ = r + x,

of a positive, falling function. In w = ln(min(α, β) + u) it has no singularity nearer than ±iπ, so Gauss–Legendre
converges geometrically; the range ends where the function has fallen to e^−40. Derivatives are means of the logarithm's
derivatives over the same nodes. Checked against 40-digit arithmetic: relative error below 1e-10.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Self

    from clvtool.models.histories import Floats

CHUNK = 1024  # histories treated at a time, with all their nodes: they stay in the processor's cache
_RULES = tuple(
    (*np.polynomial.legendre.leggauss(nodes), longest, steepest)
    for nodes, longest, steepest in ((6, 0.5, 1.2), (8, 1.0, 4.0), (12, 2.0, 10.0), (20, 3.0, 25.0), (32, 5.0, np.inf))
)
"""Nodes with weights, and the range of w they are enough for: its length, and the fall of the logarithm over it."""
_FALLEN = 40.0
_LARGEST = 600.0  # of an exponent, so that nothing overflows


@dataclass(frozen=True, slots=True, eq=False)
class Leaving:
    """The nodes of I(t, T) for n histories (n × k).

    `weight` sums to the integral over k; `ahead` is u − t; `by_alpha` is ln[(α+u)/(α+t)], `by_beta` ln[(β+u)/(β+t)].
    """

    ahead: Floats
    weight: Floats
    by_alpha: Floats
    by_beta: Floats

    @classmethod
    def of(cls, rho: Floats, alpha: float, s: float, beta: float, t: Floats, length: Floats) -> Self:
        """Return the nodes for ρ, t and T − t (n each; T > t)."""
        scale = min(alpha, beta) + t
        far = np.minimum(length, (alpha + t) * _until(rho))
        far = np.minimum(far, (beta + t) * _until(np.array([s + 1])))
        far = np.minimum(far, (max(alpha, beta) + t) * _until(rho + (s + 1)))
        reach = np.log1p(far / scale)
        fall = rho * np.log1p(far / (alpha + t)) + (s + 1) * np.log1p(far / (beta + t))
        longest, steepest = float(reach.max()), float(fall.max())
        rule = next((one for one in _RULES if longest <= one[2] and steepest <= one[3]), _RULES[-1])
        node, share, widest, _ = rule
        panels = max(1, ceil(longest / widest))
        place = ((np.arange(panels)[:, None] + (0.5 + 0.5 * node)) / panels).ravel()
        ahead = scale[:, None] * np.expm1(reach[:, None] * place)
        by_alpha = np.log1p(ahead * (1 / (alpha + t))[:, None])
        by_beta = np.log1p(ahead * (1 / (beta + t))[:, None])
        weight = np.exp(-rho[:, None] * by_alpha - s * by_beta)
        weight *= (scale[:, None] + ahead) / ((beta + t)[:, None] + ahead)
        weight *= reach[:, None] * (np.tile(share, panels) * (0.5 / panels))
        return cls(ahead, weight, by_alpha, by_beta)


def _until(exponent: Floats) -> Floats:
    """Return the growth over which a power with this exponent falls to e^−40, less one."""
    return np.expm1(np.minimum(_FALLEN / exponent, _LARGEST))


def log_leaving(rho: Floats, alpha: float, s: float, beta: float, t: Floats, T: Floats) -> Floats:
    """Return ln I(t, T) of n histories (−∞ where T = t)."""
    result = np.full(rho.size, -np.inf)
    some = np.flatnonzero(t < T)
    for start in range(0, some.size, CHUNK):
        rows = some[start : start + CHUNK]
        nodes = Leaving.of(rho[rows], alpha, s, beta, t[rows], T[rows] - t[rows])
        result[rows] = np.log(nodes.weight.sum(axis=1))
    return result
