"""Predictive intervals of single customers: how many purchases, and how much money, within a horizon.

They hold everything that is not known of a customer: whether they have left (the P(alive) of their history), how many
purchases somebody like them makes (`counts_if_alive`), how much each is worth (Gamma-Gamma: given k purchases, their
sum is a scaled beta-prime), and, by `sigma_points`, the parameters of the models.

Given that a customer has not left, all that depends on x and T alone. So each distinct pair gets a table of the
probabilities to exceed k purchases, or a sum of money; the quantile of a customer is one look into it, at the level
divided by P(alive). Money is kept in units of γ + what was spent, in which only x matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from clvtool.models.histories import distinct
from clvtool.models.registry import fitted
from clvtool.models.special import log_beta_deficit
from clvtool.models.uncertainty import sigma_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from clvtool.models.gamma_gamma import GammaGamma
    from clvtool.models.histories import Floats, Ints
    from clvtool.models.purchases import PurchaseModel

_REST = 1e-3  # of the tail of an interval, that a table may leave open
_LONGEST = 1 << 17  # purchases
_APART = 0.04  # in ln(α + T), of the ages for which tables are computed
_CELLS = 160  # of a table of money
_BODY = 14.0  # standard deviations


class Ranges(NamedTuple):
    """The bounds of the central interval, one entry a customer.

    Money is that of all purchases within the horizon, at its value then and before any margin; None without a model.
    """

    orders_low: Ints
    orders_high: Ints
    money_low: Floats | None
    money_high: Floats | None


def ranges(
    buying: PurchaseModel,
    spending: GammaGamma | None,
    horizon: float,
    level: float,
    x: Floats,
    T: Floats,
    m: Floats,
    p_alive: Floats,
) -> Ranges:
    """Return the predictive intervals of customers over `horizon` weeks; `m` is the mean money of x repeat purchases.

    At `level` 0.95, the bounds are the 2.5 % and the 97.5 % quantile: the true figure lies between them with at least
    this probability, as counts are whole numbers. A bound is 0 where 0 is likely enough.
    """
    tail = (1 - level) / 2
    places = np.zeros((2, x.size), np.int64)
    money = np.zeros((2, x.size))
    buyings = [fitted(fit) for fit in sigma_points(buying.fit)]
    spendings = [fitted(fit) for fit in sigma_points(spending.fit)] if spending else []
    for value, members in by_value(x):
        ages, age = distinct(T[members], 7.0)
        knots, counts = if_alive(buyings, horizon, value, ages, tail * _REST)
        beyond = np.maximum(1 - counts.sum(axis=1, keepdims=True), 0.0)
        exceed = knots.spread(counts[:, ::-1].cumsum(axis=1)[:, ::-1] + beyond)  # P(K ≥ k)
        if spending:
            spent = value * float(np.maximum(m[members], 0).mean())
            sums = _Sums.of(spending, spendings, value, spent, counts.shape[1] - 1, tail)
            more = knots.spread(np.einsum("nk,kg->ng", counts[:, 1:], sums.more))
        for side, chance in enumerate((1 - tail, tail)):
            # P(K > k) = p_alive · P(K > k | alive) ≤ chance; most customers are done with k = 0
            at = chance / p_alive[members]
            some = np.flatnonzero(at < exceed[age, 1])
            row, at, who = age[some], at[some], members[some]
            places[side, who] = 1 + _first(exceed[:, 2:], row, at)
            if spending:
                money[side, who] = sums.quantile(more, row, at)
    if spending is None:
        return Ranges(places[0], places[1], None, None)
    _, _, gamma = spending.fit.parameters.values()
    money *= gamma + np.maximum(m, 0) * x
    return Ranges(places[0], places[1], money[0], money[1])


def by_value(x: Floats) -> Iterator[tuple[float, NDArray[np.intp]]]:
    """Return each distinct x with the places at which it stands."""
    values, codes = distinct(x, 1.0)
    order = np.argsort(codes, kind="stable")
    yield from zip(values.tolist(), np.split(order, np.bincount(codes)[:-1].cumsum()), strict=True)


class Knots(NamedTuple):
    """Ages so near to each other (4 % of α + T) that between two of them a straight line is as good as the model.

    What is computed at the knots is carried to all ages by `spread`; the error of a probability is below 0.001.
    """

    at: Floats
    place: NDArray[np.intp]  # of the knot before each age, and the share of the way to the next
    share: Floats

    @classmethod
    def of(cls, ages: Floats, scale: float) -> Knots:
        """Choose among ages, which are sorted."""
        step = np.floor(np.log(scale + ages) / _APART)
        chosen = np.union1d(np.flatnonzero(np.diff(step, prepend=-np.inf)), ages.size - 1)
        at = ages[chosen]
        place = np.minimum(np.searchsorted(chosen, np.arange(ages.size), "right") - 1, max(at.size - 2, 0))
        after = np.minimum(place + 1, at.size - 1)
        width = at[after] - at[place]
        return cls(at, place, (ages - at[place]) / np.where(width > 0, width, 1.0))

    def spread(self, table: Floats) -> Floats:
        """Return the rows of all ages, from those of the knots."""
        slope = np.diff(table, axis=0, append=table[-1:])
        return np.asarray(table[self.place] + self.share[:, None] * slope[self.place])


def if_alive(buyings: list[PurchaseModel], horizon: float, x: float, ages: Floats, rest: float) -> tuple[Knots, Floats]:
    """Return P(k purchases | alive), k = 0…K, of customers with one x at the knots among these ages.

    The mean over the models, and so long that P(more than K) ≤ `rest`.
    """
    one = buyings[0]
    knots = Knots.of(ages, min(one.fit.parameters["alpha"], one.fit.parameters[one.TIME]))
    most = 15  # the young buy faster than the old, as far as is known: what is enough for them is enough for all
    while most < _LONGEST and 1 - float(one.counts_if_alive(horizon, x, ages[:1], most).sum()) > rest:
        most += most // 2
    counts = one.counts_if_alive(horizon, x, knots.at, most)
    for other in buyings[1:]:
        counts += other.counts_if_alive(horizon, x, knots.at, most)
    return knots, counts / len(buyings)


class _Sums(NamedTuple):
    """P(sum of k purchases > w), k = 1…K (K × cells), at ln w = `low` + `step` · (1, 2, …), w in units of γ + spent."""

    low: float
    step: float
    more: Floats

    @classmethod
    def of(cls, spending: GammaGamma, moved: list[GammaGamma], x: float, spent: float, most: int, tail: float) -> _Sums:
        """Return the table for customers with x repeat purchases, worth `spent` on average.

        Given k, w is beta-prime with p k and p x + q. Its density over ln w is summed up cell by cell, without a
        normalising constant; the mean is taken over the models of `moved`, each in its own units.
        """
        p, q, gamma = spending.fit.parameters.values()
        few, many = (_bounds(p * k, p * x + q, tail * _REST) for k in (1, most))
        low, high = few[0], max(few[1], many[1])
        step = (high - low) / _CELLS
        middle = low + step * (np.arange(_CELLS) + 0.5)
        k = np.arange(1, most + 1)
        more = np.zeros((most, _CELLS))
        for model in moved:
            p, q, own = model.fit.parameters.values()
            y = middle - np.log((own + spent) / (gamma + spent))
            density = (p * k)[:, None] * y - (p * (k + x) + q)[:, None] * np.logaddexp(0, y)
            density = np.exp(density - density.max(axis=1, keepdims=True))
            below = density.cumsum(axis=1)
            more += 1 - below / below[:, -1:]
        return cls(low, step, more / len(moved))

    def quantile(self, more: Floats, row: NDArray[np.intp], at: Floats) -> Floats:
        """Return the w that is exceeded with probability `at`, between two cells, from a table of P(W > w)."""
        cell = np.minimum(_first(more, row, at), _CELLS - 1)
        above, below = more[row, np.maximum(cell - 1, 0)], more[row, cell]
        share = np.clip((above - at) / np.maximum(above - below, 1e-300), 0, 1)
        return np.asarray(np.exp(self.low + self.step * (cell + np.where(cell > 0, share, 1.0))))


def _bounds(a: float, b: float, beyond: float) -> tuple[float, float]:
    """Return a range of ln w that a beta-prime w leaves, on either side, with a probability of `beyond` or less.

    P(w < e^y) ≤ e^(a y)/(a B(a, b)), and so from the other side; for large shapes the normal distribution is closer.
    """
    log_beta = float(log_beta_deficit(np.array([a]), np.array([b]))[0]) - a * np.log1p(b / a) - b * np.log1p(a / b)
    centre, width = np.log(a / b), _BODY * np.sqrt(1 / a + 1 / b)
    low = max((np.log(beyond * a) + log_beta) / a, centre - width)
    return float(low), float(min(-(np.log(beyond * b) + log_beta) / b, centre + width))


def _first(falling: Floats, row: NDArray[np.intp], at: Floats) -> NDArray[np.intp]:
    """Return the first column of each row whose entry is `at` or less (the number of columns where none is).

    The rows fall; with 2 added per row they are one rising sequence, in which all are found at once.
    """
    rows, columns = falling.shape
    rising = (2.0 * np.arange(rows)[:, None] - falling).ravel()
    return np.asarray(np.searchsorted(rising, 2.0 * row - at) - columns * row)
