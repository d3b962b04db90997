"""The likelihood of histories under Pareto/NBD.

Where many customers share a number of purchases, the integral behind it comes from tables (`pareto_table`); the
others are treated one by one here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.counts import Counts
from clvtool.models.newton import Point
from clvtool.models.pareto_integral import CHUNK, Leaving
from clvtool.models.pareto_table import ParetoTable

if TYPE_CHECKING:
    from typing import Self

    from clvtool.models.histories import Floats, Histories


@dataclass(frozen=True, slots=True, eq=False)
class ParetoLikelihood:
    """The log-likelihood of (r, α, s, β) given histories; call `log_likelihood`."""

    counts: Counts
    table: ParetoTable
    x: Floats  # of the other histories that are silent at the end, in weeks, as t, T and count
    t: Floats
    T: Floats
    count: Floats

    @classmethod
    def of(cls, histories: Histories) -> Self:
        """Prepare the likelihood of these histories."""
        columns = (histories.x, histories.t_x, histories.T, histories.count)
        silent = [column[histories.t_x < histories.T] for column in columns]
        table, among = ParetoTable.of(*silent)
        x, t, T, count = (column[~among].astype(float) for column in silent)
        # those that need many nodes together
        usual = float((count * T).sum() / count.sum()) if count.size else 1.0
        order = np.argsort((x + 1) * np.log((4 * T + usual) / (4 * t + usual)), kind="stable")
        return cls(Counts.of(histories), table, x[order], t[order] / 7, T[order] / 7, count[order])

    def log_likelihood(self, parameters: Floats) -> Point:
        """Return the log-likelihood with its derivatives by (r, α, s, β).

        Per customer, ordered so that nothing cancels at large shapes:
        ln[(r)_x / α^x] − (r+x) ln(1 + T/α) − s ln(1 + T/β) + ln(1 + e^η), where η are the log odds of having left,
        η = ln s + (r+x) ln[(α+T)/(α+t_x)] + s ln[(β+T)/(β+t_x)] + ln I(t_x, T).
        """
        r, alpha, s, beta = parameters.tolist()
        value, gradient, hessian = self.table.log_odds(r, alpha, s, beta)
        for start in range(0, self.x.size, CHUNK):
            rows = slice(start, start + CHUNK)
            part = _left(self.x[rows], self.t[rows], self.T[rows], self.count[rows], r, alpha, s, beta)
            value += part.value
            gradient += part.gradient
            hessian += part.hessian
        buying = self.counts.log_likelihood(r, alpha)
        value += buying.value
        gradient[:2] += buying.gradient
        hessian[:2, :2] += buying.hessian
        # staying: −s ln(1 + T/β), from sums by day
        week, n = self.counts.week, self.counts.customers
        growth, share = np.log1p(week / beta), week / (beta + week)
        value -= s * float((n * growth).sum())
        gradient[2] -= float((n * growth).sum())
        gradient[3] += s * float((n * share).sum()) / beta
        hessian[2, 3] += float((n * share).sum()) / beta
        hessian[3, 2] = hessian[2, 3]
        hessian[3, 3] -= s * float((n * share * (2 - share)).sum()) / beta**2
        return Point(value, gradient, hessian)


def _left(x: Floats, t: Floats, T: Floats, count: Floats, r: float, alpha: float, s: float, beta: float) -> Point:
    """Return Σ ln(1 + e^η) with derivatives.

    η is the logarithm of an integral of e^f: its derivatives are the means of those of f, and its second ones the
    means of the second ones plus the covariances of the first, weighted by e^f.
    """
    rho, length = r + x, T - t
    nodes = Leaving.of(rho, alpha, s, beta, t, length)
    integral = nodes.weight.sum(axis=1)
    by_alpha, by_beta = np.log1p(length / (alpha + t)), np.log1p(length / (beta + t))
    eta = log(s) + rho * by_alpha + s * by_beta + np.log(integral)
    small = np.exp(-np.abs(eta))
    left = np.where(eta > 0, 1.0, small) / (1 + small)
    weight = count * left
    share = nodes.weight * (weight / integral)[:, None]  # of each node in the sum over customers
    # derivatives of f at the nodes: ln[(α+T)/(α+u)], ρ/(α+T) − ρ/(α+u), ln[(β+T)/(β+u)], s/(β+T) − (s+1)/(β+u)
    inverse_a, inverse_b = 1 / ((alpha + t)[:, None] + nodes.ahead), 1 / ((beta + t)[:, None] + nodes.ahead)
    rest = length[:, None] - nodes.ahead
    end_a, end_b = (1 / (alpha + T))[:, None], (1 / (beta + T))[:, None]
    slope_a, slope_b = -rest * end_a * inverse_a, -rest * end_b * inverse_b
    by = np.stack([
        by_alpha[:, None] - nodes.by_alpha,
        rho[:, None] * slope_a,
        by_beta[:, None] - nodes.by_beta,
        s * slope_b - inverse_b,
    ])  # fmt: skip
    weighted = by * share
    mean = weighted.sum(axis=2) / weight  # of each history
    flat = by.reshape(4, -1)
    hessian = np.einsum("im,jm->ij", weighted.reshape(4, -1), flat)
    hessian -= np.einsum("im,jm->ij", mean * weight, mean)
    first = mean
    first[2] += 1 / s
    hessian += np.einsum("im,jm->ij", first * (weight * (1 - left)), first)
    hessian[0, 1] += float((share * slope_a).sum())
    hessian[1, 1] -= float((share * rho[:, None] * slope_a * (end_a + inverse_a)).sum())
    hessian[2, 2] -= float(weight.sum()) / s**2
    hessian[2, 3] += float((share * slope_b).sum())
    hessian[3, 3] += float((share * (inverse_b * inverse_b - s * slope_b * (end_b + inverse_b))).sum())
    upper = np.triu(hessian)
    value = float((count * (np.maximum(eta, 0) + np.log1p(small))).sum())
    return Point(value, (first * weight).sum(axis=1), upper + np.triu(hessian, 1).T)
