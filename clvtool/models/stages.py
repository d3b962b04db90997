"""Purchases that come more regularly than at random: each is the last of k stages, and only the stages are random.

A customer passes stages at a gamma-distributed rate λ, a purchase at every k-th, so that the time between purchases is
Erlang-k: with k = 1 anything goes, with k = 12 hardly two gaps differ. Of a customer who has not left by T, less than k
stages have passed since the last purchase at t_x: j of them with the weight c_j = (ρ)_j/j! · u^j, u = (T−t_x)/(α+T),
ρ = r + k x. Given j, λ ~ Gamma(ρ + j, α + T).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.leaving import purchases_before_leaving
from clvtool.models.purchase_counts import cut_short

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from clvtool.models.histories import Floats

_CHUNK = 4096  # numbers treated at a time: they stay in the processor's cache
_MOST_TERMS = 20_000.0  # of the sum over stages
_SMALLEST = 600.0  # e-folds: a first term below e^−600 is none


@dataclass(frozen=True, slots=True, eq=False)
class Waited:
    """ln Q of some histories with derivatives by (r, α): `gradient` (2 × n), `hessian` (rr, rα, αα; 3 × n)."""

    value: Floats
    gradient: Floats
    hessian: Floats

    def add(self, count: Floats, bend: Floats, gradient: Floats, hessian: Floats) -> float:
        """Add Σ count · ln Q to the derivatives of a likelihood, the second ones × `bend`; return its value."""
        gradient[:2] += (count * self.gradient).sum(axis=1)
        rr, ra, aa = (bend * self.hessian).sum(axis=1).tolist()
        hessian[0, 0] += rr
        hessian[0, 1] += ra
        hessian[1, 1] += aa
        return float((count * self.value).sum())


def waited(rho: ArrayLike, alpha: float, t_x: Floats, T: Floats, stages: int) -> Waited:
    """Return ln Q, Q = c_0 + … + c_{k−1}: the chance of no purchase since t_x ÷ that of no stage, with derivatives."""
    rho = np.asarray(rho, float)
    after = 1 / (alpha + T)
    u = (T - t_x) * after
    term, harmonic, squares = np.ones_like(u), np.zeros_like(u), np.zeros_like(u)
    whole, h, hh, j1, jj, jh = (one * u for one in (0.0,) * 6)
    whole += 1
    for j in range(1, stages):
        near = rho + (j - 1)
        term = term * (near * u / j)
        harmonic = harmonic + 1 / near
        squares = squares + 1 / (near * near)
        whole += term
        h += term * harmonic
        hh += term * (harmonic * harmonic - squares)
        j1 += term * j
        jj += term * (j * j)
        jh += term * (harmonic * j)
    h, hh, j1, jj, jh = (one / whole for one in (h, hh, j1, jj, jh))
    return Waited(
        np.log(whole),
        np.stack([h, -j1 * after]),
        np.stack([hh - h * h, -(jh - j1 * h) * after, (jj - j1 * j1 + j1) * after * after]),
    )


def purchases_by_stages(y: Floats, rho: Floats, u: Floats, a: float, beta: Floats, stages: int) -> Floats:
    """Return the expected number of purchases before leaving within y · (α + T), elementwise.

    Customers leave after each with a chance p ~ Beta(a, β); u is NaN where t_x is not known. Exact, as a sum over the
    stages passed, where that needs no more than 20,000 terms; for the others, who buy some 50 times and more, purchases
    at random at the same rate stand in.
    """
    y, rho, u, beta = (np.asarray(one, float) for one in np.broadcast_arrays(y, rho, u, beta))
    shape = y.shape
    y, rho, u, beta = (one.ravel() for one in (y, rho, u, beta))
    mean = (rho + stages - 1) * y
    terms = mean + 9 * np.sqrt(mean * (1 + y)) + 37 * (1 + y)
    terms = np.where((rho + stages) * np.log1p(y) < _SMALLEST, terms, np.inf)
    order = np.argsort(terms, kind="stable")
    few = int(np.searchsorted(terms[order], _MOST_TERMS))
    result = np.empty(y.size)
    for start in range(0, few, _CHUNK):
        some = order[start : min(start + _CHUNK, few)]
        result[some] = _sum_over_stages(y[some], rho[some], u[some], a, beta[some], stages)
    rest = order[few:]
    if rest.size:
        result[rest] = purchases_before_leaving(y[rest] / stages, rho[rest], a, beta[rest])
    return result.reshape(shape)


def _sum_over_stages(y: Floats, rho: Floats, u: Floats, a: float, beta: Floats, stages: int) -> Floats:
    """Return the sum over stages l since the last purchase of P(l) · (q_0 + … + q_{n−1}), n = ⌊l/k⌋ purchases.

    q_n is the chance to be there still after n of them. `parts[j]` is P(l) with j stages before T.
    """
    z = y / (1 + y)
    log_none = np.log1p(y)
    parts = np.exp(_log_weights(rho, u, stages) - (rho + np.arange(stages)[:, None]) * log_none)
    chances = np.zeros_like(parts)
    survival, survivals, total = np.ones_like(y), np.zeros_like(y), np.zeros_like(y)
    place = 0
    while True:
        if place < stages:
            chances[place] = parts[place]
        elif place % stages == 0:
            n = place // stages - 1
            survivals += survival
            survival = survival * ((beta + n) / (a + beta + n))
        term = chances.sum(axis=0) * survivals
        total += term
        ratio = (rho + place) * z
        for j in range(min(place + 1, stages)):
            chances[j] *= ratio / (place + 1 - j)
        place += 1
        if place % (8 * stages) == 0:
            worst = ratio / (place - stages)
            if worst.max() < 1 and bool((term <= 1e-17 * (1 - worst) * total).all()):
                return total


def counts_by_stages(y: Floats, rho: Floats, u: Floats, a: float, beta: Floats, stages: int, most: int) -> Floats:
    """Return P(exactly n purchases before leaving within y · (α + T)) for n = 0…most, a row each; exact.

    In logarithms, so that 20,000 purchases neither overflow nor vanish.
    """
    log_z = -np.log1p(1 / np.maximum(y, 1e-300))
    logs = np.full((stages, y.size), -np.inf)
    begin = _log_weights(rho, u, stages) - (rho + np.arange(stages)[:, None]) * np.log1p(y)
    staying = np.zeros((y.size, most + 1))
    for place in range(stages * (most + 1)):
        if place < stages:
            logs[place] = begin[place]
        staying[:, place // stages] += np.exp(logs).sum(axis=0)
        step = np.log(rho + place) + log_z
        for j in range(min(place + 1, stages)):
            logs[j] += step - np.log(place + 1 - j)
    return cut_short(staying, a, beta)


def _log_weights(rho: Floats, u: Floats, stages: int) -> Floats:
    """Return ln(c_j / Q) for j = 0…k−1, a row each; where u is NaN, all stages are equally likely."""
    logs = np.zeros((stages, rho.size))
    log_u = np.log(np.maximum(u, 1e-300))
    for j in range(1, stages):
        logs[j] = logs[j - 1] + np.log((rho + j - 1) / j) + log_u
    top = logs.max(axis=0)
    logs -= top + np.log(np.exp(logs - top).sum(axis=0))
    return np.where(np.isnan(u), -np.log(stages), logs)
