"""The integral behind Pareto/NBD for many histories at once: sums over days, shared by all with as many purchases.

With days as steps, ∫ from t to T is what remains from t on less what remains from T on, and what remains depends on
(x, day) only: far fewer pairs than histories. The function falls, so what remains from t on is at most as many times
larger than the wanted part as there are days, and the difference keeps 12 digits.

    J(d) = ∫ from day d to the last day of [(α+d)/(α+u)]^ρ [(β+d)/(β+u)]^s φ(u) du/(β+u),    ρ = r + x,

for φ = 1 and the products of 1, ln(1+u/α), u/(α(α+u)), ln(1+u/β), u/(β(β+u)), whose means are all that the
derivatives need: those by α are differences of 1/α − 1/(α+u), and do not cancel where α is large.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.newton import Point
from clvtool.models.pareto_integral import CHUNK, Leaving

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from clvtool.models.histories import Floats, Ints

_WORTH = 2  # histories of a number of purchases for each day of the table: below that, one by one is as fast
_ROWS = 1 << 14  # histories treated at a time
_DAY = 1 / 7


@dataclass(frozen=True, slots=True, eq=False)
class ParetoTable:
    """Histories that are silent at the end, in weeks and by their places in tables of day × purchases."""

    x: Floats  # the numbers of purchases that occur
    week: Floats  # of day 0, 1, … up to the last
    own: NDArray[np.intp]  # place in x, of each history
    t: NDArray[np.intp]  # day of the last purchase
    T: NDArray[np.intp]
    count: Floats

    @classmethod
    def of(cls, x: Ints, t: Ints, T: Ints, count: Ints) -> tuple[Self, NDArray[np.bool_]]:
        """Prepare the histories (t < T) that are worth a table, and say which they are."""
        days = int(T.max(initial=0))
        often = np.flatnonzero(np.bincount(x) * _WORTH > days)
        among = np.isin(x, often)
        x, t, T, count = x[among], t[among], T[among], count[among]
        own = np.searchsorted(often, x)
        week = np.arange(int(T.max(initial=0)) + 1) / 7
        return cls(often.astype(float), week, own, t.astype(np.intp), T.astype(np.intp), count.astype(float)), among

    def log_odds(self, r: float, alpha: float, s: float, beta: float) -> Point:
        """Return Σ ln(1 + e^η), with derivatives by (r, α, s, β), as `pareto_likelihood` defines η."""
        if not self.own.size:
            return Point(0.0, np.zeros(4), np.zeros((4, 4)))
        at = _basis(self.week, alpha, beta)
        rest = self._remaining(r, alpha, s, beta)
        alone = np.ascontiguousarray(rest[:, 0].transpose(1, 0, 2)).reshape(5, -1)  # of 1 and of the four
        spread = np.zeros(alone.shape[1])  # what each place of the table counts for in the sum over histories
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
        for start in range(0, self.own.size, _ROWS):
            rows = slice(start, start + _ROWS)
            own, t, T, count = self.own[rows], self.t[rows], self.T[rows], self.count[rows]
            rho, end = r + self.x[own], at[:, T]
            grown = rho * (end[0] - at[0][t]) + s * (end[2] - at[2][t])
            decay = np.exp(-grown)
            here, there = t * self.x.size + own, T * self.x.size + own
            integral, *means = alone[:, here] - decay * alone[:, there]
            a, b, c, d = means = [mean / integral for mean in means]
            eta = log(s) + grown + np.log(integral)
            small = np.exp(-np.abs(eta))
            left = np.where(eta > 0, 1.0, small) / (1 + small)
            weight = count * left
            share = weight / integral
            spread += np.bincount(here, share, spread.size) - np.bincount(there, share * decay, spread.size)
            slope = np.stack([
                end[0] - a,
                rho * (b - end[1]),
                end[2] - c + 1 / s,
                (s + 1) * d - s * end[3] - 1 / beta,
            ])  # fmt: skip
            value += float((count * (np.maximum(eta, 0) + np.log1p(small))).sum())
            gradient += (slope * weight).sum(axis=1)
            moving = np.stack([-a, rho * b, -c, (s + 1) * d])
            hessian += _outer(slope, weight * (1 - left)) - _outer(moving, weight)
            hessian[0, 1] += float((weight * (b - end[1])).sum())
            hessian[1, 1] += float((weight * rho * (2 / alpha * (end[1] - b) - end[1] ** 2)).sum())
            hessian[2, 2] -= float(weight.sum()) / s**2
            hessian[2, 3] += float((weight * (d - end[3])).sum())
            bend = s * (2 / beta * (end[3] - d) - end[3] ** 2) + (1 / beta - 2 * d) / beta
            hessian[3, 3] += float((weight * bend).sum())
        products = np.einsum("dijx,dx->ijx", rest[:, 1:, 1:], spread.reshape(-1, self.x.size))
        rho = r + self.x
        factor = np.stack([-np.ones_like(rho), rho, -np.ones_like(rho), np.full_like(rho, s + 1)])
        hessian += np.einsum("ix,jx,ijx->ij", factor, factor, products)
        hessian[1, 1] += float((rho * products[1, 1]).sum())
        hessian[3, 3] += (s + 1) * float(products[3, 3].sum())
        upper = np.triu(hessian)
        return Point(value, gradient, upper + np.triu(hessian, 1).T)

    def _remaining(self, r: float, alpha: float, s: float, beta: float) -> Floats:
        """Return J(d) of the products φᵢ φⱼ of the five functions, as day × i × j × x."""
        days, wide = self.week.size - 1, self.x.size
        rest = np.zeros((days + 1, 5, 5, wide))
        rho = r + self.x
        step = max(1, CHUNK // wide)
        for start in range(0, days, step):
            week = np.repeat(self.week[start : min(start + step, days)], wide)
            nodes = Leaving.of(np.tile(rho, week.size // wide), alpha, s, beta, week, np.full(week.size, _DAY))
            functions = np.stack([np.ones_like(nodes.ahead), *_basis(week[:, None] + nodes.ahead, alpha, beta)])
            products = np.einsum("icn,jcn->ijc", functions * nodes.weight, functions)
            rest[start : start + step][: week.size // wide] = products.reshape(5, 5, -1, wide).transpose(2, 0, 1, 3)
        by_alpha, by_beta = np.log1p(_DAY / (alpha + self.week)), np.log1p(_DAY / (beta + self.week))
        decay = np.exp(-by_alpha[:, None] * rho - s * by_beta[:, None])
        for day in range(days - 1, -1, -1):
            rest[day] += decay[day] * rest[day + 1]
        return rest


def _basis(u: Floats, alpha: float, beta: float) -> Floats:
    """Return ln(1+u/α), u/(α(α+u)), ln(1+u/β), u/(β(β+u))."""
    return np.stack([np.log1p(u / alpha), u / (alpha * (alpha + u)), np.log1p(u / beta), u / (beta * (beta + u))])


def _outer(slopes: Floats, weight: Floats) -> Floats:
    """Return Σ over histories of weight × slope × slope′."""
    return np.asarray(np.einsum("im,jm->ij", slopes * weight, slopes))
