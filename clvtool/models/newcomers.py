"""What customers who are still to come are expected to do: a compound Poisson sum over the days on which they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from clvtool.models.gamma_gamma import GammaGamma
    from clvtool.models.histories import Floats, Ints
    from clvtool.models.stretches import StretchModel

MEASURES = ("orders", "active", "revenue")
"""The figures of a period, in the order of all arrays here and in `expected`."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """New customers per day ahead, and how sure that is.

    `daily` is per day after the day of the analysis, `begins` the days (from 0) at which periods begin. The number of
    a period varies `dispersion` times as much as a Poisson count (0: it is known), `uncertainty` is the variance of
    the rate ÷ rate². `first_value` is the mean money of the first purchase day, `first_square` the mean of its square,
    `first_variance` the variance of the mean. `words` say where the rate is from.
    """

    daily: Floats
    begins: Ints
    dispersion: float
    uncertainty: float
    first_value: float
    first_square: float
    first_variance: float
    words: str


def uncertainty(spending: GammaGamma, x: Floats, spread: float) -> Floats:
    """Return the squared coefficient of variation of a customer's mean order value, given x of their purchases.

    1/(p x + q − 2); where that is larger than the one observed between customers (or infinite: q ≤ 2), the latter.
    """
    p, q, _ = spending.fit.parameters.values()
    if spread <= 0:
        return np.zeros_like(x)
    return np.asarray(1 / np.maximum(p * x + q - 2, 1 / spread))


@dataclass(frozen=True, slots=True, eq=False)
class Newcomers:
    """What customers who come on each day ahead do in each period (arrays day × period, per customer).

    `first` is 1 where the day of the first purchase lies in the period. `ages` are the distinct spans, in weeks since
    the first purchase, that periods are to those who come on a day, `place` which of them.
    """

    buying: StretchModel
    arrivals: Arrivals
    first: Floats
    repeats: Floats
    some: Floats
    ages: tuple[Floats, Floats]
    place: NDArray[np.intp]

    @classmethod
    def of(cls, buying: StretchModel, arrivals: Arrivals, after: Ints, until: Ints) -> Self:
        """Return what the model says of customers who come on each of the days of `arrivals`."""
        day = np.arange(1, arrivals.daily.size + 1)[:, None]
        came = day <= until
        begin, end = np.maximum(after - day, 0) * came, np.maximum(until - day, 0)
        width = int(until.max(initial=0)) + 1
        codes, place = np.unique(begin * width + end, return_inverse=True)
        place = place.reshape(begin.shape)
        low, high = codes // width / 7, codes % width / 7
        alive = buying.p_alive(0, 0, 0)
        repeats = alive * (buying.purchases_if_alive(high, 0, 0) - buying.purchases_if_alive(low, 0, 0))
        some = alive * buying.p_some_if_alive(low, high, 0, 0)
        first = (came & (day > after)).astype(float)
        return cls(buying, arrivals, first, repeats[place], some[place], (low, high), place)

    def means(self, spending: GammaGamma | None) -> Floats:
        """Return MEASURES × period: the sums that are expected."""
        return np.asarray(np.einsum("d,mdp->mp", self.arrivals.daily, self._each(spending)))

    def counts(self) -> tuple[Floats, Floats]:
        """Return the customers who come in each period, and the variances."""
        count = self.arrivals.daily @ self.first
        return count, np.maximum(self._coming(self.first[None], count[None])[0] + count, 0.0)

    def variances(self, spending: GammaGamma | None, spread: float) -> Floats:
        """Return MEASURES × period: the variances of the sums, given the parameters of the models.

        Who comes, and what each does: a compound Poisson sum has the sum of squares.
        """
        first, repeats = self.first, self.repeats
        pairs = self.buying.p_alive(0, 0, 0) * self.buying.pairs_if_alive(*self.ages, 0, 0)
        squares = pairs[self.place] + repeats
        orders = first * (1 + 2 * repeats) + squares
        active = first + (1 - first) * self.some
        money = np.full(first.shape, np.nan)
        if spending is not None:
            value, start = float(spending.expected_value(0, 0)), self.arrivals.first_value
            within = 1 / spending.fit.parameters["p"]
            again = value**2 * (1 + float(uncertainty(spending, np.zeros(1), spread)[0]))
            money = first * (self.arrivals.first_square + 2 * start * repeats * value)
            money += again * (squares + within * repeats)
        poisson = np.einsum("d,mdp->mp", self.arrivals.daily, np.stack([orders, active, money]))
        each = self._each(spending)
        total = poisson + self._coming(each, np.einsum("d,mdp->mp", self.arrivals.daily, each))
        total[2] += self.arrivals.first_variance * (self.arrivals.daily @ first) ** 2
        return np.asarray(np.maximum(total, 0.0))

    def _each(self, spending: GammaGamma | None) -> Floats:
        """Return MEASURES × day × period: what is expected of a customer."""
        money = np.full(self.first.shape, np.nan)
        if spending is not None:
            money = self.first * self.arrivals.first_value + self.repeats * float(spending.expected_value(0, 0))
        active = self.first + (1 - self.first) * self.some
        return np.stack([self.first + self.repeats, active, money])

    def _coming(self, each: Floats, total: Floats) -> Floats:
        """Return what the number of customers who come adds to the variance of sums beyond that of a Poisson count.

        The number of each period varies `dispersion` times as much, and the rate, one for all periods, is uncertain.
        """
        daily, begins = self.arrivals.daily, self.arrivals.begins
        count = np.add.reduceat(daily, begins)
        share = np.add.reduceat(daily[None, :, None] * each, begins, axis=1)
        extra = np.divide(share**2, count[None, :, None], out=np.zeros_like(share), where=count[None, :, None] > 0)
        return np.asarray((self.arrivals.dispersion - 1) * extra.sum(axis=1) + self.arrivals.uncertainty * total**2)
