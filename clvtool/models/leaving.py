"""How many purchases an active customer makes before leaving: the expectation behind every (M)BG/NBD forecast.

A customer buys at a gamma-distributed rate and leaves after each purchase with a beta-distributed chance p. The papers
write the expected number of purchases with ₂F₁, multiplied by (a+b+x−1)/(a−1): 0/0 at a = 1, cancelling digits for
short times and for large a + b, overflowing for frequent buyers. Here it is one of two sums of positive terms:

1. Without leaving, the number of purchases N is negative binomial; a customer survives the first n of them with
   probability q_n = (β)_n / (a+β)_n. Hence E = Σ_{n≥0} q_n P(N > n) = Σ_{n≥1} P(N = n) (q_0 + … + q_{n−1}).
2. Given p, the expectation is (1 − (1 + p y)^−ρ) / p, an integral over the beta distribution of p. In the log odds of p
   the integrand has no singularity nearer than ±iπ, whatever the parameters, so the trapezoidal rule converges
   geometrically, also for a distribution so narrow that it is a single value.

The first is used where it needs few terms, the second for the rest (hundreds of expected purchases).
Checked against 50-digit arithmetic: relative error below 1e-12 for 1e-6 ≤ y ≤ 1e4, a + b to 1e8, 20,000 purchases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from clvtool.models.histories import Floats

_MOST_TERMS = 640.0  # of the sum over purchases
_CHUNK = 4096  # numbers treated at a time: they stay in the processor's cache
_NODES = (64, 128, 256, 512, 1024, 2048, 4096)
_NEVER = 1e-12  # a chance of leaving so small that nobody leaves


def purchases_before_leaving(y: ArrayLike, rho: ArrayLike, a: float, beta: ArrayLike) -> Floats:
    """Return E[(1 − (1 + p y)^−ρ) / p] over p ~ Beta(a, β), elementwise (y, ρ, β are broadcast).

    For a customer with x purchases until T who is still active: y = t/(α + T), ρ = r + x, β = b + x, and the result is
    the expected number of purchases in the next t. For a new customer x = T = 0. For MBG/NBD β is b + x + 1.
    Needs y ≥ 0 and ρ, a, β > 0.
    """
    y, rho, beta = np.broadcast_arrays(np.asarray(y, float), np.asarray(rho, float), np.asarray(beta, float))
    shape = y.shape
    y, rho, beta = y.ravel(), rho.ravel(), beta.ravel()
    mean: Floats = rho * y
    if a < _NEVER:
        return mean.reshape(shape)
    terms = mean + 9 * np.sqrt(mean * (1 + y)) + 37 * (1 + y)
    order = np.argsort(terms, kind="stable")
    few = int(np.searchsorted(terms[order], _MOST_TERMS))
    result = np.empty(y.size)
    for start in range(0, few, _CHUNK):
        some = order[start : min(start + _CHUNK, few)]
        result[some] = _sum_over_purchases(y[some], rho[some], a, beta[some])
    if few < y.size:
        rest = order[few:]
        result[rest] = _integral_over_chances(y[rest], rho[rest], a, beta[rest])
    return result.reshape(shape)


def still_there(y: ArrayLike, rho: ArrayLike, a: float, beta: ArrayLike) -> Floats:
    """Return E[(1 + p y)^−ρ] over p ~ Beta(a, β), elementwise: the probability of not leaving before y.

    With the weight p, Beta(a, β) is Beta(a + 1, β) but for a factor, which gives 1 − a/(a+β) · (the sum above).
    """
    beta = np.asarray(beta, float)
    if a < _NEVER:
        return np.ones(np.broadcast_shapes(np.shape(y), np.shape(rho), beta.shape))
    leaves = a / (a + beta) * purchases_before_leaving(y, rho, a + 1, beta)
    return np.asarray(np.clip(1 - leaves, 0.0, 1.0))


def _sum_over_purchases(y: Floats, rho: Floats, a: float, beta: Floats) -> Floats:
    """Return the sum over the number of purchases n of P(N = n) · (q_0 + … + q_{n−1})."""
    z = y / (1 + y)
    probability = np.exp(-rho * np.log1p(y))  # of N = n, starting at n = 0
    survival = np.ones_like(y)  # q_n
    survivals = np.zeros_like(y)  # q_0 + … + q_{n−1}
    total = np.zeros_like(y)
    ratio, term = np.empty_like(y), np.empty_like(y)
    n = 0
    while True:
        # P(N = n + 1) = P(N = n) · (ρ + n)/(n + 1) · z
        np.add(rho, n, out=ratio)
        ratio *= z
        ratio /= n + 1
        probability *= ratio
        survivals += survival
        np.multiply(probability, survivals, out=term)
        total += term
        # q_{n+1} = q_n · (β + n)/(a + β + n)
        np.add(beta, n, out=term)
        survival *= term
        term += a
        survival /= term
        n += 1
        if n % 8 == 0 and ratio.max() < 1:
            np.multiply(probability, survivals, out=term)
            if bool((term <= 1e-17 * (1 - ratio) * total).all()):
                return total


def _integral_over_chances(y: Floats, rho: Floats, a: float, beta: Floats) -> Floats:
    """Return the integral over the log odds w of p, doubling the nodes until the sum stands still."""
    result = np.empty(y.size)
    open_ = np.arange(y.size)
    before = np.zeros(0)
    for nodes in _NODES:
        now = np.empty(open_.size)
        step = max(1, (_CHUNK * 16) // nodes)
        for start in range(0, open_.size, step):
            some = open_[start : start + step]
            now[start : start + step] = _trapezoid(y[some], rho[some], a, beta[some], nodes)
        result[open_] = now
        if before.size:
            moving = np.abs(now - before) > 1e-13 * now
            open_, now = open_[moving], now[moving]
        if open_.size == 0:
            break
        before = now
    return result


def _trapezoid(y: Floats, rho: Floats, a: float, beta: Floats, nodes: int) -> Floats:
    """Return the integral with this many nodes: w = centre + width · sinh(v), equal steps in v.

    The weights are those of the beta distribution up to a factor, which is divided out: no gamma function is needed.
    """
    y, rho, beta = y[:, None], rho[:, None], beta[:, None]
    centre = np.log(a / beta)
    spread = np.sqrt(1 / a + 1 / beta)  # of w: exact for a narrow distribution
    width = np.minimum(spread, 1.5)
    body = np.minimum(9 * spread, 60)
    left = np.arcsinh(np.maximum((42 + np.log1p(rho * y)) / a, body) / width)  # the value grows to rho·y as p falls
    right = np.arcsinh(np.maximum(42 / beta, body) / width)
    v = -left + (left + right) * (np.arange(nodes) + 0.5) / nodes
    w = centre + width * np.sinh(v)
    small = np.exp(-np.abs(w))
    log_odds_weight = a * np.minimum(w, 0) - beta * np.maximum(w, 0) - (a + beta) * np.log1p(small)
    log_odds_weight += np.log(np.cosh(v))
    log_odds_weight -= log_odds_weight.max(axis=1, keepdims=True)
    weight = np.exp(log_odds_weight)
    p = np.where(w > 0, 1.0, small) / (1 + small)
    exponent = -rho * np.log1p(p * y)
    seen = p * y > 1e-300  # below, the expectation is that without leaving
    value = np.where(seen, -np.expm1(exponent) / np.where(seen, p, 1.0), rho * y)
    return np.asarray((weight * value).sum(axis=1) / weight.sum(axis=1))
