"""How many purchases a customer makes who buys at a gamma-distributed rate, whole probabilities instead of a mean.

Without leaving, the number of purchases is negative binomial; leaving cuts it short. The tables here have one row a
history and one column a number of purchases 0, 1, …; all terms are positive, so nothing cancels.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from clvtool.models.histories import Floats

_CELLS = 1 << 18  # numbers treated at a time: they stay near the processor
_NODE, _SHARE = np.polynomial.legendre.leggauss(16)
_BUMPS = 6.0  # standard deviations of a count that one panel of nodes resolves to ten digits
_LEAST = 1e-300  # instead of a time of 0, so that logarithms are finite


def pairs(x: ArrayLike, T: ArrayLike) -> tuple[Floats, Floats]:
    """Return x and T as two columns of one length: the rows of a table."""
    x, T = np.broadcast_arrays(np.asarray(x, float), np.asarray(T, float))
    return x.ravel(), T.ravel()


def staying_counts(y: Floats, rho: Floats, most: int) -> Floats:
    """Return P(N = k), k = 0…most, of a customer who stays for a time y in units of α + T: negative binomial.

    ρ is r + x; a row each of y and ρ. In logarithms, so that 20,000 purchases neither overflow nor vanish.
    """
    return np.asarray(np.exp(_log_coefficients(rho, most) + _log_powers(y, rho, np.arange(most + 1.0))))


def _log_coefficients(rho: Floats, most: int) -> Floats:
    """Return ln[(ρ)_k / k!]."""
    k = np.arange(most)
    steps = np.zeros((rho.size, most + 1))
    np.cumsum(np.log((rho[:, None] + k) / (k + 1)), axis=1, out=steps[:, 1:])
    return steps


def _log_powers(y: Floats, rho: Floats, k: Floats) -> Floats:
    """Return k ln z + ρ ln(1 − z), z = y/(1 + y)."""
    y = np.maximum(y, _LEAST)
    return np.asarray((-np.log1p(1 / y))[..., None] * k - (rho * np.log1p(y))[..., None])


def leaving_after_purchases(y: Floats, rho: Floats, a: float, beta: Floats, most: int) -> Floats:
    """Return P(K = k), k = 0…most, of a customer who leaves after each purchase with the chance p ~ Beta(a, β).

    N purchases if they stayed; they survive the first n with probability q_n = (β)_n / (a+β)_n. So
    P(K = k) = q_k P(N = k) + (q_{k−1} − q_k) P(N ≥ k): the k were all, or the k-th was the last.
    """
    return cut_short(staying_counts(y, rho, most), a, beta)


def cut_short(staying: Floats, a: float, beta: Floats) -> Floats:
    """Return the probabilities of 0, 1, … purchases of a customer who may leave, from those of one who stays.

    The chance of leaving after each is p ~ Beta(a, β); a row a customer.
    """
    beyond = np.maximum(1 - staying.sum(axis=1), 0.0)  # P(N > most)
    at_least = staying[:, ::-1].cumsum(axis=1)[:, ::-1] + beyond[:, None]
    stay = beta[:, None] + np.arange(staying.shape[1] - 1)
    left = a / (a + stay)
    survival = np.ones_like(staying)
    np.cumprod(stay / (a + stay), axis=1, out=survival[:, 1:])
    counts: Floats = survival * staying
    counts[:, 1:] += survival[:, :-1] * left * at_least[:, 1:]
    return counts


def leaving_at_any_time(t: float, rho: Floats, alpha: Floats, s: float, beta: Floats, most: int) -> Floats:
    """Return P(K = k), k = 0…most, of a customer who leaves at a rate μ ~ Gamma(s, β), and buys at λ ~ Gamma(ρ, α).

    Who stays for all of t, plus the integral over the time u of leaving. With u = m (e^(R v²) − 1), m the lesser of
    α and β, the terms of all k are bumps of one width in v, whatever k: Gauss–Legendre in v with as many panels as
    there are widths. Checked against 30-digit arithmetic: error below 1e-10.
    """
    result = np.empty((rho.size, most + 1))
    steep = rho * np.log1p(t / alpha) + (s + 1) * np.log1p(t / beta)
    order = np.argsort(steep, kind="stable")
    for rows in _parts(order, most + 1):
        lesser = np.minimum(alpha[rows], beta[rows])
        reach = np.log1p(t / lesser)
        panels = max(ceil(2 * float(steep[rows].max()) ** 0.5 / _BUMPS), ceil(float(reach.max()) ** 0.5))
        result[rows] = _over_time(t, rho[rows], alpha[rows], s, beta[rows], lesser, reach, most, panels)
    return result


def _parts(order: NDArray[np.intp], columns: int) -> Iterator[NDArray[np.intp]]:
    """Return the places in parts whose tables, with all their nodes, are small."""
    step = max(1, _CELLS // (columns * _NODE.size))
    for start in range(0, order.size, step):
        yield order[start : start + step]


def _over_time(
    t: float,
    rho: Floats,
    alpha: Floats,
    s: float,
    beta: Floats,
    lesser: Floats,
    reach: Floats,
    most: int,
    panels: int,
) -> Floats:
    """Return the probabilities for a few histories, panel by panel."""
    k = np.arange(most + 1.0)
    coefficients = _log_coefficients(rho, most)
    log_stays = -s * np.log1p(t / beta)
    counts = np.exp(coefficients + _log_powers(t / alpha, rho, k) + log_stays[:, None])
    rho, alpha, beta, lesser, reach = (column[:, None] for column in (rho, alpha, beta, lesser, reach))
    for panel in range(panels):
        v = (panel + 0.5 + 0.5 * _NODE) / panels
        u = np.maximum(lesser * np.expm1(reach * v * v), _LEAST)
        # du = (m + u) 2 R v dv, and the density of leaving s/(β+u) (β/(β+u))^s
        weight = s * (lesser + u) / (beta + u) * reach * (v * _SHARE / panels)
        log_weight = np.log(np.maximum(weight, _LEAST)) - s * np.log1p(u / beta)
        log_weight -= rho * np.log1p(u / alpha)
        terms = -np.log1p(alpha / u)[:, :, None] * k
        terms += log_weight[:, :, None]
        terms += coefficients[:, None, :]
        counts += np.exp(terms, out=terms).sum(axis=1)
    return counts
