"""What customers are expected to do in each of several periods ahead: those who are there, and those who will come.

Expectations are sums over customers of what the models expect of each. The variance of a sum has three parts: chance
(the variance of each customer, who are independent of each other), what the fits leave open (delta method), and, of new
customers, how many come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.fitting import derived_variance
from clvtool.models.newcomers import Newcomers, uncertainty
from clvtool.models.registry import fitted

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from clvtool.models.fitting import Fit
    from clvtool.models.gamma_gamma import GammaGamma
    from clvtool.models.histories import Floats, Ints
    from clvtool.models.newcomers import Arrivals
    from clvtool.models.stretches import StretchModel


_NODES = 16


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Customers by history, equal histories counted once, in an order that neither names nor rows can change.

    `x`, `t_x`, `T` as the models take them, in weeks; `count` customers share a history, `spent` is their money after
    the first purchase day (below 0 counts as 0), `scatter` Σ (m − mean)² over them. `heads` are the places at which
    another x begins. `spread` is the squared coefficient of variation of m over customers who came back.
    """

    x: Floats
    t_x: Floats
    T: Floats
    count: Floats
    spent: Floats
    scatter: Floats
    heads: NDArray[np.intp]
    spread: float

    @classmethod
    def of(cls, x: Ints, t_x: Ints, T: Ints, m: Floats) -> Self:
        """Collapse one entry a customer (purchases, days, days, money) to distinct histories."""
        order = np.lexsort((m, t_x, T, x))
        x, t_x, T, m = x[order], t_x[order], T[order], np.maximum(m[order], 0.0)
        heads = np.flatnonzero(np.append(True, (np.diff(x) != 0) | (np.diff(T) != 0) | (np.diff(t_x) != 0)))
        count = np.diff(heads, append=x.size)
        mean = np.add.reduceat(m, heads) / count
        again = m[x > 0]
        middle = float(again.mean()) if again.size else 0.0
        return cls(
            x=x[heads].astype(float),
            t_x=t_x[heads] / 7,
            T=T[heads] / 7,
            count=count.astype(float),
            spent=mean * count * x[heads],
            scatter=np.add.reduceat((m - np.repeat(mean, count)) ** 2, heads),
            heads=np.flatnonzero(np.diff(x[heads], prepend=-1)),
            spread=float(again.var()) / middle**2 if middle > 0 else 0.0,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Points (x, T) that stand for all histories: for each x, Chebyshev nodes of log(scale + T).

    What is expected of a customer who has not left depends on x and T alone, and on T smoothly: its sum over customers
    is a sum over a few nodes, to nine digits. `share` is history × node: how much of a history each node of its x gets.
    """

    x: Floats
    T: Floats
    share: Floats
    heads: NDArray[np.intp]

    @classmethod
    def of(cls, people: People, scale: float) -> Self:
        """Return the nodes for these histories."""
        place = np.log(scale + people.T)
        low, high = np.minimum.reduceat(place, people.heads), np.maximum.reduceat(place, people.heads)
        node = -np.cos(np.pi * np.arange(_NODES) / (_NODES - 1))
        sign = (-1.0) ** np.arange(_NODES)
        sign[[0, -1]] *= 0.5
        sizes = np.diff(people.heads, append=place.size)
        half, middle = np.repeat((high - low) / 2, sizes), np.repeat((high + low) / 2, sizes)
        at = np.divide(place - middle, half, out=np.full_like(place, -1.0), where=half > 0)
        off = at[:, None] - node
        share = np.divide(sign, off, out=np.zeros_like(off), where=np.abs(off) > 1e-14)
        on = np.flatnonzero((np.abs(off) <= 1e-14).any(axis=1))
        share[on] = np.abs(off[on]) <= 1e-14
        share /= share.sum(axis=1, keepdims=True)
        T = np.exp((high + low)[:, None] / 2 + (high - low)[:, None] / 2 * node) - scale
        return cls(np.repeat(people.x[people.heads], _NODES), np.maximum(T, 0.0).ravel(), share, people.heads)

    def onto(self, values: Floats) -> Floats:
        """Return the weights of the nodes, given those of the histories."""
        return np.asarray(np.add.reduceat(values[:, None] * self.share, self.heads, axis=0).ravel())

    def by_x(self, values: Floats) -> Floats:
        """Return row × distinct x: the sums over the nodes."""
        return np.asarray(values.reshape(len(values), -1, _NODES).sum(axis=2))


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What is expected: MEASURES × period of existing and of new customers, variances of their sums; new customers."""

    existing: Floats
    new: Floats
    variance: Floats
    arrivals: Floats
    arrivals_variance: Floats


def expected(
    buying_fit: Fit, spending_fit: Fit | None, people: People, arrivals: Arrivals, after: Ints, until: Ints
) -> Expected:
    """Return what is expected in the periods (after, until], in days after the day of the analysis.

    Revenue is NaN where there is no model of money.
    """
    buying: StretchModel = fitted(buying_fit)
    spending: GammaGamma | None = None if spending_fit is None else fitted(spending_fit)
    grid = Grid.of(people, buying_fit.parameters[buying.TIME])
    base = _doings(buying, people, grid, after, until)
    new = Newcomers.of(buying, arrivals, after, until)

    def moved(fit: Fit) -> Floats:
        other: StretchModel = fitted(fit)
        doings = _doings(other, people, grid, after, until)
        return doings.figures(spending) + Newcomers.of(other, arrivals, after, until).means(spending)

    def moved_money(fit: Fit) -> Floats:
        other: GammaGamma = fitted(fit)
        return np.asarray(base.figures(other)[2] + new.means(other)[2])

    variance = _chance(buying, spending, people, grid, after, until) + new.variances(spending, people.spread)
    variance += derived_variance(moved, buying_fit)
    if spending_fit is not None:
        variance[2] += derived_variance(moved_money, spending_fit)
    counts, counts_variance = new.counts()
    return Expected(base.figures(spending), new.means(spending), variance, counts, counts_variance)


@dataclass(frozen=True, slots=True, eq=False)
class _Doings:
    """Buyers by period; purchases by period and distinct `x`, and Σ purchases · money spent so far, likewise."""

    active: Floats
    x: Floats
    orders: Floats
    spent: Floats

    def figures(self, spending: GammaGamma | None) -> Floats:
        """Return MEASURES × period; revenue is Σ purchases × E[M | x, m], by distinct x, as E is linear in m."""
        orders = self.orders.sum(axis=1)
        revenue = np.full(orders.shape, np.nan)
        if spending is not None:
            divisor = self.orders * self.x
            mean = np.divide(self.spent, divisor, out=np.zeros_like(divisor), where=divisor > 0)
            revenue = (self.orders * spending.expected_value(self.x, mean)).sum(axis=1)
        return np.stack([orders, self.active, revenue])


def _doings(buying: StretchModel, people: People, grid: Grid, after: Ints, until: Ints) -> _Doings:
    """Return what existing customers are expected to do."""
    alive = buying.p_alive(people.x, people.t_x, people.T)
    several, spenders = grid.onto(alive * people.count), grid.onto(alive * people.spent)
    each, some = _each(buying, grid, after, until)
    active = (several * some).sum(axis=1)
    return _Doings(active, people.x[people.heads], grid.by_x(several * each), grid.by_x(spenders * each))


def _each(buying: StretchModel, grid: Grid, after: Ints, until: Ints) -> tuple[Floats, Floats]:
    """Return period × node: the expected purchases in the period, and the probability of any."""
    edges, place = np.unique(np.concatenate([after, until]), return_inverse=True)
    levels = buying.purchases_if_alive(edges[:, None] / 7, grid.x, grid.T)
    purchases = levels[place[after.size :]] - levels[place[: after.size]]
    return purchases, buying.p_some_if_alive(after[:, None] / 7, until[:, None] / 7, grid.x, grid.T)


def _chance(
    buying: StretchModel, spending: GammaGamma | None, people: People, grid: Grid, after: Ints, until: Ints
) -> Floats:
    """Return MEASURES × period: the variances of what existing customers do, given the parameters.

    With Y purchases of mean value Z, each Gamma of shape p around it: E[R²] = E[Z²] (E[Y²] + E[Y]/p).
    """
    alive = buying.p_alive(people.x, people.t_x, people.T)
    several, twice = grid.onto(people.count * alive), grid.onto(people.count * alive**2)
    money = money_twice = np.full(grid.x.size, np.nan)
    within = np.nan
    if spending is not None:
        m = np.divide(people.spent, people.count * people.x, out=np.zeros_like(people.x), where=people.x > 0)
        value = spending.expected_value(people.x, m)
        slope = spending.expected_value(people.x, m + 1) - value
        squares = people.count * value**2 + slope**2 * people.scatter  # Σ E[M]² over the customers of a history
        between, within = uncertainty(spending, people.x, people.spread), 1 / spending.fit.parameters["p"]
        money, money_twice = grid.onto(squares * (1 + between) * alive), grid.onto(squares * alive**2)
    each, some = _each(buying, grid, after, until)
    square = buying.pairs_if_alive(after[:, None] / 7, until[:, None] / 7, grid.x, grid.T) + each
    found = (
        several * square - twice * each**2,
        several * some - twice * some**2,
        money * (square + within * each) - money_twice * each**2,
    )
    return np.asarray(np.maximum(np.stack([one.sum(axis=1) for one in found]), 0.0))
