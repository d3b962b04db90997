"""What customers are expected to do in each of several periods ahead: those who are there, and those who will come.

Expectations are sums over customers of what the models expect of each. The variance of a sum has three parts: chance
(the variance of each customer, who are independent of each other), what the fits leave open (delta method), and, of new
customers, how many come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.fitting import derived_variances
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


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Customers by history, equal histories counted once, in an order that neither names nor rows can change.

    `x`, `t_x`, `T` as the models take them, in weeks; `count` customers share a history, `spent` is their money after
    the first purchase day (below 0 counts as 0), `scatter` Σ (m − mean)² over them. `pair_x` and `pair_T` are the
    distinct pairs of x and T, `pair` the place of each history among them. `spread` is the squared coefficient of
    variation of m over customers who came back.
    """

    x: Floats
    t_x: Floats
    T: Floats
    count: Floats
    spent: Floats
    scatter: Floats
    pair: NDArray[np.intp]
    pair_x: Floats
    pair_T: Floats  # noqa: N815 (T of the papers)
    spread: float

    @classmethod
    def of(cls, x: Ints, t_x: Ints, T: Ints, m: Floats) -> Self:
        """Collapse one entry a customer (purchases, days, days, money) to distinct histories."""
        order = np.lexsort((m, t_x, T, x))
        x, t_x, T, m = x[order], t_x[order], T[order], np.maximum(m[order], 0.0)
        other = (np.diff(x) != 0) | (np.diff(T) != 0)
        heads = np.flatnonzero(np.append(True, other | (np.diff(t_x) != 0)))
        count = np.diff(heads, append=x.size)
        mean = np.add.reduceat(m, heads) / count
        scatter = np.add.reduceat((m - np.repeat(mean, count)) ** 2, heads)
        fresh = np.append(True, other)[heads]
        again = m[x > 0]
        middle = float(again.mean()) if again.size else 0.0
        return cls(
            x=x[heads].astype(float),
            t_x=t_x[heads] / 7,
            T=T[heads] / 7,
            count=count.astype(float),
            spent=mean * count * x[heads],
            scatter=scatter,
            pair=np.cumsum(fresh) - 1,
            pair_x=x[heads][fresh].astype(float),
            pair_T=T[heads][fresh] / 7,
            spread=float(again.var()) / middle**2 if middle > 0 else 0.0,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What is expected: MEASURES × period of existing and of new customers, variances of their sums; new customers."""

    existing: Floats
    new: Floats
    variance: Floats
    arrivals: Floats
    arrivals_variance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Doings:
    """Purchases and buyers by period, before money.

    `weight` are the purchases by period and distinct x, `spent` is Σ purchases · money spent so far, likewise: an
    expected order value is linear in that.
    """

    orders: Floats
    active: Floats
    weight: Floats
    spent: Floats


def expected(
    buying_fit: Fit, spending_fit: Fit | None, people: People, arrivals: Arrivals, after: Ints, until: Ints
) -> Expected:
    """Return what is expected in the periods (after, until], in days after the day of the analysis.

    Revenue is NaN where there is no model of money.
    """
    buying: StretchModel = fitted(buying_fit)
    spending: GammaGamma | None = None if spending_fit is None else fitted(spending_fit)
    heads = np.flatnonzero(np.diff(people.x, prepend=-1.0))
    base = _doings(buying, people, heads, after, until)
    new = Newcomers.of(buying, arrivals, after, until)
    own = np.stack([base.orders, base.active, _revenue(spending, people.x[heads], base)])

    def moved(fit: Fit) -> Floats:
        other: StretchModel = fitted(fit)
        doings = _doings(other, people, heads, after, until)
        existing = np.stack([doings.orders, doings.active, _revenue(spending, people.x[heads], doings)])
        return existing + Newcomers.of(other, arrivals, after, until).means(spending)

    def moved_money(fit: Fit) -> Floats:
        other: GammaGamma = fitted(fit)
        return np.asarray(_revenue(other, people.x[heads], base) + new.means(other)[2])

    variance = _chance(buying, spending, people, after, until) + new.variances(spending, people.spread)
    variance += derived_variances(moved, buying_fit)
    if spending_fit is not None:
        variance[2] += derived_variances(moved_money, spending_fit)
    counts, counts_variance = new.counts()
    return Expected(own, new.means(spending), variance, counts, counts_variance)


def _doings(buying: StretchModel, people: People, heads: NDArray[np.intp], after: Ints, until: Ints) -> _Doings:
    """Return what existing customers are expected to do; `heads` are the places where another x begins."""
    alive = buying.p_alive(people.x, people.t_x, people.T)
    several = alive * people.count
    spenders = alive * people.spent
    orders, active, weight, spent = [], [], [], []
    edge, level = 0, np.zeros(people.pair_x.size)
    for begin, end in zip(after.tolist(), until.tolist(), strict=True):
        low = level if begin == edge else buying.purchases_if_alive(begin / 7, people.pair_x, people.pair_T)
        edge, level = end, buying.purchases_if_alive(end / 7, people.pair_x, people.pair_T)
        each = (level - low)[people.pair]
        some = buying.p_some_if_alive(begin / 7, end / 7, people.pair_x, people.pair_T)[people.pair]
        bought = several * each
        orders.append(bought.sum())
        active.append((several * some).sum())
        weight.append(np.add.reduceat(bought, heads))
        spent.append(np.add.reduceat(spenders * each, heads))
    return _Doings(np.array(orders), np.array(active), np.array(weight), np.array(spent))


def _revenue(spending: GammaGamma | None, x: Floats, doings: _Doings) -> Floats:
    """Return the expected revenue by period: Σ purchases × E[M | x, m], by distinct x, as E is linear in m."""
    if spending is None:
        return np.full(doings.orders.shape, np.nan)
    divisor = doings.weight * x
    mean = np.divide(doings.spent, divisor, out=np.zeros_like(divisor), where=divisor > 0)
    return np.asarray((doings.weight * spending.expected_value(x, mean)).sum(axis=1))


def _chance(buying: StretchModel, spending: GammaGamma | None, people: People, after: Ints, until: Ints) -> Floats:
    """Return MEASURES × period: the variances of what existing customers do, given the parameters.

    With Y purchases of mean value Z, each Gamma of shape p around it: E[R²] = E[Z²] (E[Y²] + E[Y]/p).
    """
    alive = buying.p_alive(people.x, people.t_x, people.T)
    squares, between, within = np.zeros(people.x.size), np.zeros(people.x.size), np.nan
    if spending is not None:
        m = np.divide(people.spent, people.count * people.x, out=np.zeros_like(people.x), where=people.x > 0)
        value = spending.expected_value(people.x, m)
        slope = spending.expected_value(people.x, m + 1) - value
        squares = people.count * value**2 + slope**2 * people.scatter  # Σ E[M]² over the customers of a history
        between, within = uncertainty(spending, people.x, people.spread), 1 / spending.fit.parameters["p"]
    found = []
    for begin, end in zip((after / 7).tolist(), (until / 7).tolist(), strict=True):
        pair = people.pair_x, people.pair_T
        low, high = (buying.purchases_if_alive(edge, *pair) for edge in (begin, end))
        each = alive * (high - low)[people.pair]
        square = alive * buying.pairs_if_alive(begin, end, *pair)[people.pair] + each
        some = alive * buying.p_some_if_alive(begin, end, *pair)[people.pair]
        found.append((
            (people.count * (square - each**2)).sum(),
            (people.count * some * (1 - some)).sum(),
            (squares * ((1 + between) * (square + within * each) - each**2)).sum(),
        ))  # fmt: skip
    return np.maximum(np.array(found).T, 0.0)
