"""All purchases still to come of customers who leave after a purchase, discounted: DERT of BG/NBD and MBG/NBD.

A customer who buys at a rate λ, leaves after each purchase with the chance p, and has not left, buys at t from now with
density λ e^(−λ p t), which discounting makes ∫ λ e^(−(λ p + δ) t) dt = λ / (λ p + δ). With λ ~ Gamma(ρ, α + T) and
p ~ Beta(a, β), DERT is E[1 / (p + z/g)] over g ~ Gamma(ρ, 1), with z = δ (α + T). In ln g and in the log odds of p the
integrand has no singularity nearer than ±iπ, so sums over equal steps converge geometrically, and their nodes hang on x
alone: all ages of customers with the same x share them. Where so much of p lies at 0 or at 1 that steps would not get
there, the rest of the (geometric) sum stands at 0 or 1 itself.

Checked against 25-digit arithmetic at six places, ρ from 0.05 to 1000 and z from 1e-4 to 3: relative error below 1e-12.
The integral over time agrees to 1e-11 for a from 1e-9 to 5e5 and 20,000 purchases, but not for r = 1000 with few
purchases, where that one is the coarser (6e-5).
"""

from __future__ import annotations

from math import exp, expm1, log, log1p, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from clvtool.models.histories import Floats

_STEP = 0.2  # of a distribution wider than two fifths
_NOTHING = 46.0  # e-folds below which a part of a sum is none of it
_LAST = 39.0  # e-folds beyond which p is 0 or 1 to the last digit
_CHUNK = 1 << 19  # numbers treated at a time


def residual_if_alive(z: Floats, rho: float, a: float, beta: float) -> Floats:
    """Return E[1 / (p + z/g)] over g ~ Gamma(ρ, 1) and p ~ Beta(a, β) for each z; all of them are above 0."""
    least = float(z.min(initial=np.inf))
    if not z.size:
        return z
    g, of_g = _gamma(rho, log(least))
    p, of_p = _beta(a, beta, log(least / float(g[-1])))
    result = np.empty(z.size)
    step = max(1, _CHUNK // (g.size * p.size))
    for start in range(0, z.size, step):
        ratio = z[start : start + step, None] / g
        given = (1 / (ratio[..., None] + p)) @ of_p
        result[start : start + step] = given @ of_g
    return result


def _gamma(rho: float, least: float) -> tuple[Floats, Floats]:
    """Return places of g ~ Gamma(ρ, 1), ascending, and their weights; below e^least the integrand falls with g."""
    centre, step = log(rho), min(_STEP, 0.5 / sqrt(rho))
    first = max(-max(_NOTHING / rho, 10 / sqrt(rho)), min(least - centre, 0.0) - _NOTHING / (1 + rho))
    last = log1p(_NOTHING / rho + 10 / sqrt(rho))
    away = step * np.arange(np.floor(first / step), np.ceil(last / step) + 1)
    weight = np.exp(-rho * (np.expm1(away) - away))  # g^ρ e^(−g) ÷ its largest value, at g = ρ
    whole = weight.sum() + weight[0] * _rest(rho * step)  # with what lies below, where the integrand is nothing
    kept = weight > 0
    return rho * np.exp(away[kept]), weight[kept] / whole


def _beta(a: float, beta: float, least: float) -> tuple[Floats, Floats]:
    """Return places of p ~ Beta(a, β) and their weights; below e^least the integrand hardly changes with p."""
    centre, spread = log(a / beta), sqrt(1 / a + 1 / beta)
    step = min(_STEP, 0.5 * spread)
    lowest, highest = min(least, -log(beta), 0.0) - _LAST, _LAST + max(log(a), 0.0)
    first = max(lowest - centre, -max(_NOTHING / a, 10 * spread))
    last = min(highest - centre, max(_NOTHING / beta, 10 * spread))
    w = centre + step * np.arange(np.floor(first / step), np.ceil(last / step) + 1)
    small = np.exp(-np.abs(w))
    folds = a * np.minimum(w, 0) - beta * np.maximum(w, 0) - (a + beta) * np.log1p(small)
    weight = np.exp(folds - folds.max())
    p = np.where(w > 0, 1.0, small) / (1 + small)
    # what lies beyond: a geometric series, e^(−a·step) or e^(−β·step) from place to place
    below, above = weight[0] * _rest(a * step), weight[-1] * _rest(beta * step)
    weight = np.concatenate([[below], weight, [above]])
    return np.concatenate([[0.0], p, [1.0]]), weight / weight.sum()


def _rest(folds: float) -> float:
    """Return the sum of e^(−n·folds) over n = 1, 2, 3 and so on."""
    return exp(-folds) / -expm1(-folds)
