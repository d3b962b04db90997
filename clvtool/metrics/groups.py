"""Everything that the figures of a group of customers need, gathered once for the total and for every group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clvtool.errors import FitError
from clvtool.metrics.figures import Figures, figures, ratio
from clvtool.metrics.moments import group_moments
from clvtool.metrics.predictive import Histories, Prediction, histories, new_customers, predict_new, undiscounted
from clvtool.metrics.sorting import whole_money
from clvtool.periods import day_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.activity import Balance, Calendar, Window
    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.metrics.valuation import Valuation
    from clvtool.stats import Moments

TOTAL = "(total)"


@dataclass(frozen=True, slots=True)
class Run:
    """What is the same for every group of a run."""

    log: OrderLog
    found: Customers
    cal: Calendar
    window: Window
    flows: Balance
    given: Valuation

    @property
    def first_day(self) -> int:
        """Return the day of the first order."""
        return day_number(self.log.first_day)

    @property
    def as_of(self) -> int:
        """Return the day of the analysis."""
        return day_number(self.log.as_of)

    @property
    def window_days(self) -> int:
        """Return the active window in whole days."""
        return self.window.whole_days(self.given.period)


@dataclass(frozen=True, slots=True)
class Group:
    """Everything about one group of customers, or about all of them.

    `moments` are over its customers, `shop` over these and the events of the group that have no customer. `members`
    are its customers, `revenue` the net money of each (ten-thousandths). `new` is method 4, or why there is none.
    """

    name: tuple[str, ...]
    moments: Moments
    shop: Moments
    refunds: int  # ten-thousandths
    figures: Figures
    members: NDArray[np.int64]
    revenue: NDArray[np.int64]
    new: Prediction | str


def groups_of(run: Run) -> list[Group]:
    """Return the total and then, if there are group columns, every group."""
    import numpy as np

    found, parts = run.found, run.found.groups
    seen = histories(found, run.as_of)
    has_amount = run.log.has_amount
    refunds = np.zeros(0, np.int64)
    if has_amount:
        refunds = run.log.refunds.select(whole_money("amount"))["amount"].to_numpy()

    def gathered(
        names: list[tuple[str, ...]],
        returned: NDArray[np.int64],
        customer: NDArray[np.int64],
        outside: NDArray[np.int64],
        refund: NDArray[np.int64],
    ) -> list[Group]:
        is_fresh = new_customers(
            found, run.first_day, run.window_days, customer, log_from_start=run.given.log_from_start
        )
        columns = _columns(run, seen, is_fresh, returned)
        moments = group_moments(columns, customer, len(names))
        shop = _shop(run, columns, customer, outside, len(names))
        given_back = _sums(refunds, refund, len(names))
        order = np.argsort(customer, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(customer, minlength=len(names)))[:-1])
        return [
            Group(
                name=names[place],
                moments=moments[place],
                shop=shop[place],
                refunds=given_back[place],
                figures=figures(
                    moments[place], run.window, run.given, has_amount=has_amount, has_cost=run.log.has_cost
                ),
                members=some,
                revenue=columns["revenue"][some],
                new=_predicted(run, seen, moments[place], some, some[is_fresh[some]]),
            )
            for place, some in enumerate(members)
        ]

    def nought(places: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.zeros(len(places), np.int64)

    total = [(TOTAL,) * len(run.log.groups)]
    groups = gathered(
        total, run.flows.returned, nought(parts.customer), nought(parts.outside), np.zeros(len(refunds), np.int64)
    )
    if run.log.groups:
        groups += gathered(list(parts.names), run.flows.returned_in_group, parts.customer, parts.outside, parts.refunds)
    return groups


def _predicted(
    run: Run, seen: Histories, moments: Moments, members: NDArray[np.int64], fresh: NDArray[np.int64]
) -> Prediction | str:
    """Return method 4 for a group, from those of its customers who were new when first seen, or why there is none."""
    horizon, discount = run.given.horizon, run.given.discount
    if not run.log.has_amount:
        return "there is no column with money"
    if not moments.n:
        return "there are no customers"
    first = moments["first_money"] / moments["fresh"]
    later = ratio(moments["later_money"], moments["later_purchases"]) or first  # without any, nothing can be fitted
    try:
        new = predict_new(seen, fresh, first, later, horizon, discount)
        older = undiscounted(seen, members, horizon) if len(fresh) < len(members) else None
    except FitError as error:
        return error.message
    return replace(new, undiscounted_with_older=older)


def _columns(
    run: Run, seen: Histories, is_fresh: NDArray[np.bool_], returned: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Return what every customer contributes to each sum."""
    import numpy as np

    found, cal, flows, days = run.found, run.cal, run.flows, run.window_days
    if cal.whole:
        low, high = (day_number(day) for day in (cal.periods[cal.whole.start].first, cal.periods[cal.whole[-1]].last))
        inside = (found.day >= low) & (found.day <= high)
    else:
        inside = np.zeros(len(found.day), bool)
    is_order = found.is_order.astype(np.int64)
    orders, revenue = found.total(is_order), found.total(found.amount)
    nothing = np.zeros(found.n, np.int64)
    active_until = np.minimum(found.last + days - 1, run.as_of)
    return {
        "orders": orders,
        "revenue": revenue,
        "cost": found.total(found.cost) if run.log.has_cost else nothing,
        "repeaters": (orders >= 2).astype(np.int64),
        "period_orders": found.total(is_order, inside),
        "period_revenue": found.total(found.amount, inside),
        "period_cost": found.total(found.cost, inside) if run.log.has_cost else nothing,
        "start": flows.start,
        "end": flows.end,
        "lost": flows.lost,
        "returned": returned,
        "beyond": np.maximum(active_until - found.first + 1 - days, 0),
        "gone": (run.as_of - found.last >= days).astype(np.int64),
        "fresh": is_fresh.astype(np.int64),
        "first_money": np.where(is_fresh, seen.first, 0),
        "later_money": np.where(is_fresh, seen.later, 0),
        "later_purchases": np.where(is_fresh, seen.x, 0),
    }


def _shop(
    run: Run,
    columns: dict[str, NDArray[np.int64]],
    customer: NDArray[np.int64],
    outside: NDArray[np.int64],
    groups: int,
) -> list[Moments]:
    """Return the moments of orders and revenue, each event without a customer being a unit of its own."""
    import numpy as np

    others = run.found.outside
    return group_moments(
        {
            "orders": np.append(columns["orders"], others["is_order"].to_numpy()),
            "revenue": np.append(columns["revenue"], others["amount"].to_numpy()),
        },
        np.append(customer, outside),
        groups,
    )


def _sums(refunds: NDArray[np.int64], group: NDArray[np.int64], groups: int) -> list[int]:
    """Return the money given back per group."""
    import polars as pl

    sums = [0] * groups
    if len(refunds):
        table = pl.DataFrame({"group": group, "money": refunds}).group_by("group").agg(pl.col("money").sum())
        for place, money in table.iter_rows():
            sums[place] = -money
    return sums
