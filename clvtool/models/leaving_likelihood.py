"""The likelihood of histories of customers who may leave after a purchase: BG/NBD and its modifications.

Everything that depends on x alone or on a day alone is summed or looked up there; one exp and one log1p remain per
distinct history, whatever the number of parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.counts import Counts, sums
from clvtool.models.histories import Histories
from clvtool.models.newton import Point
from clvtool.models.special import log_rising_ratio, more_than
from clvtool.models.stages import waited

if TYPE_CHECKING:
    from typing import Self

    from clvtool.models.histories import Floats, Ints

_CHUNK = 8192  # histories treated at a time: they stay in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class LeavingLikelihood:
    """The log-likelihood of (r, α, a, b) given histories; call `log_likelihood`.

    A customer with x repeat purchases has had n = x + `first` chances to leave: `first` is 0 where the first purchase
    is none (BG/NBD), 1 where it is (MBG/NBD). The other fields are sums and columns of the histories.
    """

    first: int
    counts: Counts
    chances_beyond: Floats  # customers with more than i chances
    x: Ints  # of the histories with a chance to leave, as t_x, T and count
    t_x: Ints
    T: Ints
    count: Floats
    stages: int = 1
    sure: Histories | None = None  # where a purchase has stages: the histories without a chance to leave

    @classmethod
    def of(cls, histories: Histories, first: int, stages: int = 1) -> Self:
        """Prepare the likelihood of these histories; `stages` are those of a purchase (see `stages`)."""
        x, t_x, T, count = histories.x, histories.t_x, histories.T, histories.count.astype(float)
        at = int(np.searchsorted(x, 1 - first))  # histories are sorted by x
        return cls(
            first=first,
            counts=Counts.of(replace(histories, x=stages * x)),
            chances_beyond=more_than(sums(x + first, count)),
            x=x[at:],
            t_x=t_x[at:],
            T=T[at:],
            count=count[at:],
            stages=stages,
            sure=Histories(x[:at], t_x[:at], T[:at], histories.count[:at]) if stages > 1 else None,
        )

    def log_likelihood(self, parameters: Floats) -> Point:
        """Return the log-likelihood with its derivatives by (r, α, a, b).

        Per customer, ordered so that nothing cancels at large r, α or a + b:
        ln[(r)_x / α^x] − (r+x) ln(1 + T/α) + ln[(b)_n / (a+b)_n] + ln(1 + e^η),
        η = ln a − ln(b+n−1) + (r+x) ln[(α+T)/(α+t_x)], the log odds of having left (absent where n = 0).
        With k stages a purchase: k x for x but in n, and ln(Q + e^η) for the last term, Q of `waited`.
        """
        r, alpha, a, b = parameters.tolist()
        value, gradient, hessian = self._leaving(r, alpha, a, b)
        buying = self.counts.log_likelihood(r, alpha)
        survival = log_rising_ratio(a, b, self.chances_beyond)
        value += buying.value + survival.value
        gradient[:2] += buying.gradient
        gradient[2:] += survival.gradient
        hessian[:2, :2] += buying.hessian
        hessian[2:, 2:] += survival.hessian
        return Point(value, gradient, hessian)

    def _leaving(self, r: float, alpha: float, a: float, b: float) -> tuple[float, Floats, Floats]:
        """Return Σ ln(1 + e^η), or Σ ln(Q + e^η), over the histories, with derivatives (lower triangle mirrored)."""
        week = self.counts.week
        growth = np.log1p(week / alpha)
        inverse = 1 / (alpha + week)
        share = week * inverse
        stay = b + np.arange(self.chances_beyond.size)  # b + n − 1 for n = 1, 2, …
        log_stay = np.log(stay) - log(a)
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
        if self.sure is not None:
            waiting = waited(r, alpha, week[self.sure.t_x], week[self.sure.T], self.stages)
            customers = self.sure.count.astype(float)
            value += waiting.add(customers, customers, gradient, hessian)
        for start in range(0, self.x.size, _CHUNK):
            rows = slice(start, start + _CHUNK)
            x, t_x, T, count = self.x[rows], self.t_x[rows], self.T[rows], self.count[rows]
            n, rho = x + (self.first - 1), r + self.stages * x
            by = np.empty((4, x.size))  # derivatives of η by r, α, a, b
            np.subtract(growth[T], growth[t_x], out=by[0])
            slope = (share[t_x] - share[T]) * (1 / alpha)  # 1/(α+T) − 1/(α+t_x), to full accuracy at large α too
            np.multiply(rho, slope, out=by[1])
            by[2] = 1 / a
            np.divide(-1, stay[n], out=by[3])
            eta = rho * by[0] - log_stay[n]
            bend = by[1].copy()
            if self.stages > 1:
                waiting = waited(rho, alpha, week[t_x], week[T], self.stages)
                eta -= waiting.value
                by[:2] -= waiting.gradient
            small = np.exp(-np.abs(eta))
            total = np.maximum(eta, 0) + np.log1p(small)
            left = np.where(eta > 0, 1.0, small) / (1 + small)  # probability of having left
            weight = count * left
            value += float((count * total).sum())
            if self.stages > 1:
                value += waiting.add(count, count * (1 - left), gradient, hessian)
            gradient += np.einsum("im,m->i", by, weight)
            hessian += np.einsum("im,jm->ij", by * (weight * (1 - left)), by)
            # second derivatives of η
            hessian[0, 1] += float((weight * slope).sum())
            hessian[1, 1] -= float((weight * bend * (inverse[T] + inverse[t_x])).sum())
            hessian[2, 2] -= float(weight.sum()) / a**2
            hessian[3, 3] += float((weight * by[3] * by[3]).sum())
        upper = np.triu(hessian)
        return value, gradient, upper + np.triu(hessian, 1).T
