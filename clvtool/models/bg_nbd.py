"""BG/NBD: customers buy at gamma-distributed rates and may leave after each repeat purchase.

Fader, Hardie, Lee (2005), "Counting your customers" the easy way, Marketing Science 24-2. While active, a customer buys
at the rate λ ~ Gamma(r, α); after each repeat purchase the customer leaves with the chance p ~ Beta(a, b).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from clvtool.errors import FitError
from clvtool.models.fitting import Form, maximum_likelihood
from clvtool.models.leaving import purchases_before_leaving
from clvtool.models.newton import Point
from clvtool.models.purchases import PurchaseModel
from clvtool.models.scales import leaving_chance, purchase_rate
from clvtool.models.special import log_rising, log_rising_ratio, more_than

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike

    from clvtool.models.histories import Floats, Histories, Ints

FORM = Form("bg-nbd", unit="weeks", scales=(purchase_rate("r", "alpha"), leaving_chance("a", "b")))

_PILOT = 20_000  # rows whose maximum is a start within a few standard errors of the maximum of all
_CHUNK = 8192  # rows treated at a time: they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class BgNbd(PurchaseModel):
    """A fitted BG/NBD (see `PurchaseModel` for arguments and units)."""

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability that a customer with this history has not left by T (1 without repeat purchase).

        1 ÷ (1 + a/(b+x−1) · ((α+T)/(α+t_x))^(r+x)); Fader, Hardie, Lee (2008), "Computing P(alive) using the BG/NBD".
        """
        r, alpha, a, b = self.fit.parameters.values()
        x, t_x, T = np.broadcast_arrays(np.asarray(x, float), np.asarray(t_x, float), np.asarray(T, float))
        log_odds = (T - t_x) / (alpha + t_x)  # of having left, step by step in one place: the arrays may be large
        np.log1p(log_odds, out=log_odds)
        log_odds *= r + x
        log_odds -= np.log(np.where(x > 0, b + x - 1, np.inf)) - log(a)
        small = np.exp(-np.abs(log_odds))
        return np.asarray(np.where(log_odds > 0, small, 1.0) / (1 + small))

    def expected_purchases(self, t: ArrayLike) -> Floats:
        """Return the expected number of repeat purchases of a new customer in the t weeks after the first purchase.

        Equation (9) of the paper, in the form of `leaving`.
        """
        r, alpha, a, b = self.fit.parameters.values()
        return purchases_before_leaving(np.asarray(t, float) / alpha, r, a, b)

    def purchases_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the expected number of purchases in (T, T + t] of a customer who has not left by T.

        Equation (10) of the paper without its denominator, in the form of `leaving`.
        """
        r, alpha, a, b = self.fit.parameters.values()
        x = np.asarray(x, float)
        return purchases_before_leaving(np.asarray(t, float) / (alpha + np.asarray(T, float)), r + x, a, b + x)


def fit(histories: Histories) -> BgNbd:
    """Fit the BG/NBD to purchase histories by maximum likelihood.

    A maximum at the border (nobody leaves; all customers share one rate or one chance) is a fit too: its `warnings`
    say so in words. Raises FitError when there is nothing to fit: no customers, no time, or no repeat purchase.
    """
    repeats = int((histories.count * histories.x).sum())
    if histories.n_customers == 0:
        raise FitError("BG/NBD has no customers to fit")
    if repeats == 0:
        raise FitError(
            f"BG/NBD needs repeat purchases: all {histories.n_customers} customers bought on one day only, within at "
            f"most {int(histories.T.max())} days",
            hint="take a longer period, or do not ask for a purchase model",
        )
    rows = histories.x.size
    data = _Data.of(histories, slice(None))
    pilot = _Data.of(histories, slice(None, None, rows // _PILOT)) if rows > 2 * _PILOT else None
    weeks = float((histories.count * histories.T).sum()) / 7
    active = int(histories.count[histories.x > 0].sum())
    rate = 1.5 * repeats / weeks  # per week while active; a bit more than over all time
    return BgNbd(
        maximum_likelihood(
            FORM,
            data.log_likelihood,
            starts=[(r, r / rate, s * p, s * (1 - p)) for r, p, s in ((1, 0.2, 2), (0.2, 0.5, 1), (5, 0.02, 10))],
            n_customers=histories.n_customers,
            facts={"repeat_purchases": repeats, "repeat_customers": active, "customer_weeks": weeks},
            pilot=pilot.log_likelihood if pilot else None,
        )
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    """The histories as the likelihood wants them: sums by x and by day, and the rows with repeat purchases.

    Everything that depends on x alone or on a day alone is summed or looked up there; per row remain one exp and one
    log1p. Days are numbered by their place in a table of all days from 0 to the longest T.
    """

    tail: Floats  # customers with more than i repeat purchases
    week: Floats  # of day 0, 1, …
    customers: Floats  # per day T
    repeats: Floats  # repeat purchases per day T
    x: Ints  # of the rows with x > 0, as t_x, T and count
    t_x: Ints
    T: Ints
    count: Floats

    @classmethod
    def of(cls, histories: Histories, rows: slice) -> Self:
        """Prepare these rows of the histories."""
        x, t_x, T, count = (one[rows] for one in (histories.x, histories.t_x, histories.T, histories.count))
        by_x = np.bincount(x, weights=count)
        first = int(np.searchsorted(x, 1))  # rows are sorted by x
        return cls(
            more_than(by_x.astype(np.int64)),
            np.arange(int(T.max()) + 1) / 7,
            np.bincount(T, weights=count),
            np.bincount(T, weights=count * x),
            x[first:],
            t_x[first:],
            T[first:],
            count[first:].astype(np.float64),
        )

    def log_likelihood(self, parameters: Floats) -> Point:
        """Return the log-likelihood with its derivatives by (r, α, a, b).

        Per customer (paper, equation (6), ordered so that nothing cancels at large r, α or a + b):
        ln[(r)_x / α^x] − (r+x) ln(1 + T/α) + ln[(b)_x / (a+b)_x] + ln(1 + e^η),
        η = ln a − ln(b+x−1) + (r+x) ln[(α+T)/(α+t_x)] where x > 0.
        """
        r, alpha, a, b = parameters.tolist()
        value, gradient, hessian = self._leaving(r, alpha, a, b)
        rising = log_rising(r, alpha, self.tail)
        survival = log_rising_ratio(a, b, self.tail)
        # without leaving: negative binomial over [0, T], from sums by day
        week, n, k = self.week, self.customers, self.repeats
        growth, both = np.log1p(week / alpha), alpha + week
        excess = r * n * week - alpha * k
        value += rising.value + survival.value - float(((r * n + k) * growth).sum())
        gradient[0] += rising.gradient[0] - float((n * growth).sum())
        gradient[1] += float((excess / both).sum()) / alpha
        gradient[2:] += survival.gradient
        hessian[0, 0] += rising.hessian[0, 0]
        hessian[0, 1] += float((n * week / both).sum()) / alpha
        hessian[1, 0] = hessian[0, 1]
        hessian[1, 1] -= float(((k * alpha * both + excess * (alpha + both)) / (both * both)).sum()) / alpha**2
        hessian[2:, 2:] += survival.hessian
        return Point(value, gradient, hessian)

    def _leaving(self, r: float, alpha: float, a: float, b: float) -> tuple[float, Floats, Floats]:
        """Return Σ ln(1 + e^η) over the rows with repeat purchases, with derivatives."""
        log_week = np.log1p(self.week / alpha)
        inverse = 1 / (alpha + self.week)
        share = self.week * inverse
        stay = b + np.arange(self.tail.size)  # b + x − 1 for x = 1, 2, …
        log_stay = np.log(stay) - log(a)
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
        for start in range(0, self.x.size, _CHUNK):
            rows = slice(start, start + _CHUNK)
            x, t_x, T, count = self.x[rows], self.t_x[rows], self.T[rows], self.count[rows]
            rho = r + x
            by = np.empty((4, x.size))  # derivatives of η by r, α, a, b
            np.subtract(log_week[T], log_week[t_x], out=by[0])
            slope = (share[t_x] - share[T]) * (1 / alpha)  # 1/(α+T) − 1/(α+t_x), to full accuracy at large α too
            np.multiply(rho, slope, out=by[1])
            by[2] = 1 / a
            np.divide(-1, stay[x - 1], out=by[3])
            eta = rho * by[0] - log_stay[x - 1]
            small = np.exp(-np.abs(eta))
            total = np.maximum(eta, 0) + np.log1p(small)
            left = np.where(eta > 0, 1.0, small) / (1 + small)  # probability of having left
            weight = count * left
            value += float((count * total).sum())
            gradient += np.einsum("im,m->i", by, weight)
            hessian += np.einsum("im,jm->ij", by * (weight * (1 - left)), by)
            # second derivatives of η
            hessian[0, 1] += float((weight * slope).sum())
            hessian[1, 1] -= float((weight * by[1] * (inverse[T] + inverse[t_x])).sum())
            hessian[2, 2] -= float(weight.sum()) / a**2
            hessian[3, 3] += float((weight * by[3] * by[3]).sum())
        hessian[1, 0] = hessian[0, 1]
        return value, gradient, hessian
