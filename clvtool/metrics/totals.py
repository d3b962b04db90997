"""What groups of customers are expected to do and to be worth together, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from clvtool.errors import UsageError
from clvtool.metrics.activity import calendar
from clvtool.metrics.cells import sums as whole_sums
from clvtool.metrics.expected import RESIDUAL, column
from clvtool.metrics.groups import TOTAL
from clvtool.metrics.standing import money
from clvtool.periods import UNITS

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.metrics.expected import Expected
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.metrics.predictive import Histories
    from clvtool.models.fitting import Fit
    from clvtool.models.purchases import PurchaseModel

COLUMNS = {
    "customers": "customers of the group",
    "historic_value": "net money of all their orders so far, before any margin",
    "expected_alive": "how many of them are expected not to have left for good",
    "expected_orders": "sum of the expected purchase days within {horizon}",
    "expected_orders_low": (
        "their purchase days together lie between low and high with {level}: chance of each purchase, and uncertainty "
        "of the parameters"
    ),
    "expected_orders_high": "as expected_orders_low",
    "clv": (
        "value still to come within {horizon}: sum over customers of expected purchase days, discounted at {discount} "
        "a year, × expected_order_value × margin ({margin})"
    ),
    "clv_low": "as expected_orders_low, with the chance of what each purchase is worth",
    "clv_high": "as clv_low",
    "reason": "why a figure of the row is empty or negative; empty where all is well",
}
ON_SCREEN = (
    *("customers", "clv", "clv_low", "clv_high", RESIDUAL, "reason", "expected_orders", "expected_orders_low"),
    *("expected_orders_high", "expected_alive", "historic_value"),
)
"""The columns in the order of use (`expected.on_screen`)."""
REASONS = {
    "wide": "the interval would be so wide that it says nothing: too few purchases are expected, or little is known",
    "no_variance": "customers spend so unlike each other (q of gamma-gamma is 2 or less) that a sum has no variance",
}


@dataclass(frozen=True, slots=True)
class Grouping:
    """How customers are added up: all of them, and by columns and by the `period` of the first order, if any."""

    by: tuple[str, ...] = ()
    period: str | None = None

    def __post_init__(self) -> None:
        """Refuse a period that is none."""
        if self.period is not None and self.period not in UNITS:
            raise UsageError(f"--cohort {self.period}: no such period", f"there is: {', '.join(UNITS)}")


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """The rows of the table: the total and then, if there are any, the groups; `place` is that of each customer."""

    names: tuple[tuple[str, ...], ...]
    place: NDArray[np.int64]

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over each row's customers."""
        import numpy as np

        if not self.names:
            return np.array([values.sum()])
        return np.append(values.sum(), np.bincount(self.place, weights=values, minlength=len(self.names)))

    def exact(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sum over each row's customers, of whole numbers."""
        import numpy as np

        parts = whole_sums(self.place, values, len(self.names)) if self.names else values[:0]
        return np.append(values.sum(), parts)


def totals(
    found: Customers, seen: Histories, log: OrderLog, ahead: Expected, level: float, grouping: Grouping
) -> pl.DataFrame:
    """Return one row a group (see `COLUMNS`), the total first; the columns that name the group before the others."""
    import numpy as np
    import polars as pl

    groups = _groups(found, log, grouping)
    labels = [f"{name}_group" if name in (*COLUMNS, RESIDUAL, "cohort") else name for name in log.groups]
    labels += ["cohort"] * (grouping.period is not None)
    names = [(TOTAL,) * len(labels), *groups.names]
    orders_variance, clv_variance = _variances(seen, ahead, groups)
    orders = groups.sums(ahead.outlook.purchases)
    orders_bounds = _bounds(orders, orders_variance, level)
    clv = np.zeros(len(names)) if ahead.clv is None else groups.sums(ahead.clv)
    clv_bounds = _bounds(clv, clv_variance, level)
    columns: dict[str, pl.Series | pl.Expr] = {
        label: pl.Series([name[place] for name in names], dtype=pl.String) for place, label in enumerate(labels)
    }
    historic = money(groups.exact(seen.first + seen.later))
    columns |= {
        "customers": pl.Series(groups.exact(np.ones(found.n, np.int64))),
        "historic_value": historic if log.has_amount else pl.lit(None, historic.dtype),
        "expected_alive": pl.Series(groups.sums(ahead.outlook.p_alive)),
        "expected_orders": pl.Series(orders),
        "expected_orders_low": pl.Series([low for low, _ in orders_bounds], dtype=pl.Float64),
        "expected_orders_high": pl.Series([high for _, high in orders_bounds], dtype=pl.Float64),
        "clv": column(None if ahead.clv is None else clv),
        "clv_low": pl.Series([low for low, _ in clv_bounds], dtype=pl.Float64),
        "clv_high": pl.Series([high for _, high in clv_bounds], dtype=pl.Float64),
    }
    if ahead.without_horizon:
        columns[RESIDUAL] = column(None if ahead.residual is None else groups.sums(ahead.residual))
    reasons = [
        _reason(ahead, wide=None in (*of_orders, *of_clv), variance=variance)
        for of_orders, of_clv, variance in zip(orders_bounds, clv_bounds, clv_variance.tolist(), strict=True)
    ]
    columns["reason"] = pl.Series(reasons, dtype=pl.String)
    return pl.select([values.alias(name) for name, values in columns.items()])


def _reason(ahead: Expected, *, wide: bool, variance: float) -> str | None:
    if ahead.clv is None:
        return ahead.why_no_clv
    if math.isinf(variance):
        return "no_variance"
    if wide:
        return "wide"
    return "negative_margin" if ahead.margin is not None and ahead.margin < 0 else None


def _groups(found: Customers, log: OrderLog, grouping: Grouping) -> _Groups:
    """Return the groups of customers; of those by period, the ones that have customers."""
    import numpy as np

    if grouping.period is None:
        return _Groups(found.groups.names if log.groups else (), found.groups.customer)
    cal = calendar(log, grouping.period)
    place = found.groups.customer * len(cal.periods) + cal.places(found.first)
    used, place = np.unique(place, return_inverse=True)
    names = [
        (*found.groups.names[group], cal.periods[period].label)
        for group, period in zip(*np.divmod(used, len(cal.periods)), strict=True)
    ]
    return _Groups(tuple(names), place)


def _bounds(
    sums: NDArray[np.float64], variances: NDArray[np.float64], level: float
) -> list[tuple[float, float] | tuple[None, None]]:
    """Return the interval of each sum; one below zero is that of its amount."""
    from clvtool.models.totals import interval_of_sum

    bounds: list[tuple[float, float] | tuple[None, None]] = []
    for total, variance in zip(sums.tolist(), variances.tolist(), strict=True):
        inside = interval_of_sum(abs(total), variance, level)
        if inside is None:
            bounds.append((None, None))
        else:
            bounds.append(inside if total >= 0 else (-inside[1], -inside[0]))
    return bounds


def _variances(seen: Histories, ahead: Expected, groups: _Groups) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the variances of each sum of purchases, and of each sum of clv (NaN-free: ∞ where there is no variance).

    Customers buy independently of each other: the variances of their purchases and money add up. They all share the
    parameters: to that comes the gradient of the sum, times the covariance of the parameters.
    """
    import numpy as np

    from clvtool.models.fitting import derived_variance
    from clvtool.models.registry import fitted
    from clvtool.models.totals import count_moments, money_variance

    x, t_x, T, place = _distinct(seen)
    outlook, buying = ahead.outlook, cast("PurchaseModel", ahead.buying)  # predict refuses sums by cell
    mean, square = count_moments(buying, ahead.weeks, seen.x.astype(float), seen.T / 7, outlook.p_alive)
    orders = groups.sums(np.maximum(square - mean**2, 0.0))
    worth = np.zeros(len(place)) if ahead.worth is None else ahead.worth

    def of_buying(fit: Fit) -> NDArray[np.float64]:
        moved = fitted(fit).outlook(ahead.weeks, ahead.delta, x, t_x, T)
        return np.stack([groups.sums(moved.purchases[place]), groups.sums(moved.discounted[place] * worth)])

    shared = derived_variance(of_buying, buying.fit)
    orders += shared[0]
    if ahead.spending is None or ahead.margin is None:
        return orders, np.full(orders.size, np.inf)
    some = outlook.purchases > 0
    factor = ahead.margin * np.divide(outlook.discounted, outlook.purchases, out=np.zeros(len(place)), where=some)
    noise = money_variance(ahead.spending, seen.x.astype(float), seen.m, mean, square)
    clv = groups.sums(np.square(factor) * noise) + shared[1]
    margin = ahead.margin

    def of_spending(fit: Fit) -> NDArray[np.float64]:
        return groups.sums(outlook.discounted * margin * fitted(fit).expected_value(seen.x, seen.m))

    return orders, clv + derived_variance(of_spending, ahead.spending.fit)


def _distinct(seen: Histories) -> tuple[NDArray[np.float64], ...]:
    """Return the distinct histories (x, t_x and T in weeks), and the place of each customer's among them."""
    import numpy as np

    days = int(seen.T.max(initial=0)) + 1
    keys, place = np.unique((seen.x * days + seen.t_x) * days + seen.T, return_inverse=True)
    rest, T = np.divmod(keys, days)
    x, t_x = np.divmod(rest, days)
    return x.astype(float), t_x / 7, T / 7, place
