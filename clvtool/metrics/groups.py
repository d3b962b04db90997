"""Everything that the figures of a group of customers need, gathered once for the total and for every group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import FitError
from clvtool.metrics.customers import NO_GROUP
from clvtool.metrics.moments import added, group_moments
from clvtool.metrics.predictive import Histories, Prediction, histories, new_customers, predict_new

if TYPE_CHECKING:
    from datetime import date

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.activity import Balance, Calendar, Window
    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.metrics.valuation import Valuation
    from clvtool.stats import Moments


@dataclass(frozen=True, slots=True)
class Group:
    """Everything about one group of customers, or about all of them."""

    moments: Moments
    shop: Moments
    refunds: int  # ten-thousandths
    chosen: NDArray[np.bool_]
    prediction: Prediction | None
    why_not: str


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
    def margin_known(self) -> bool:
        """Return whether values are profit and not just revenue."""
        return self.given.margin is not None or self.log.has_cost


def groups_of(run: Run) -> list[Group]:
    """Return the total and then every group."""
    import numpy as np

    log, found, given = run.log, run.found, run.given
    seen = histories(found, day_number(log.as_of))
    fresh = new_customers(
        found, day_number(log.first_day), run.window.mean_days(given.period), log_from_start=given.log_from_start
    )
    columns = _columns(run, fresh)
    total, parts = group_moments(columns, found.group, len(found.groups))
    others = found.outside
    own = {name: columns[name] for name in ("orders", "revenue")}
    _, identified = group_moments(own, found.group, len(found.groups))
    outside = {"orders": others["is_order"].to_numpy().astype(np.int64), "revenue": others["amount"].to_numpy()}
    guest_total, guest_parts = group_moments(outside, _places(found, others.select(log.groups)), len(found.groups))
    own_total, _ = group_moments(own, np.zeros(found.n, np.int64), 1)
    everyone = np.ones(found.n, bool)
    given_back, given_back_by = _refunds(run)
    groups = [_group(run, total, added(own_total, guest_total), given_back, everyone, seen, fresh)]
    if log.groups:
        for place, moments in enumerate(parts):
            shop = added(identified[place], guest_parts[place])
            groups.append(_group(run, moments, shop, given_back_by[place], found.group == place, seen, fresh))
    return groups


def _places(found: Customers, rows: pl.DataFrame) -> NDArray[np.int64]:
    """Return the group of each row of group columns."""
    import numpy as np

    if not rows.width:
        return np.zeros(found.outside.height, np.int64)
    place_of = {names: place for place, names in enumerate(found.groups)}
    return np.array([place_of[row] for row in rows.iter_rows()], np.int64)


def _group(
    run: Run,
    moments: Moments,
    shop: Moments,
    refunds: int,
    chosen: NDArray[np.bool_],
    seen: Histories,
    fresh: NDArray[np.bool_],
) -> Group:
    prediction, why_not = None, ""
    among = chosen & fresh
    if not run.log.has_amount:
        why_not = "there is no column with money"
    elif among.any():
        try:
            first = moments["first_value"] / moments["fresh"]
            prediction = predict_new(seen, among, first, run.given.horizon, run.given.discount)
        except FitError as error:
            why_not = error.message
    else:
        why_not = "there are no customers"
    return Group(moments, shop, refunds, chosen, prediction, why_not)


def _columns(run: Run, fresh: NDArray[np.bool_]) -> dict[str, NDArray[np.int64]]:
    """Return what every customer contributes to each sum."""
    import numpy as np

    log, found, cal, window, flows = run.log, run.found, run.cal, run.window, run.flows
    orders = found.is_order.astype(np.int64)
    if cal.whole:
        low, high = day_number(cal.periods[cal.whole.start].first), day_number(cal.periods[cal.whole.stop - 1].last)
        inside = (found.day >= low) & (found.day <= high)
    else:
        inside = np.zeros(len(found.day), bool)
    on_first = found.day == found.first[found.code]
    as_of, days = day_number(log.as_of), int(window.mean_days(cal.unit))
    beyond = np.maximum(np.minimum(found.last + days - 1, as_of) - found.first + 1 - days, 0)
    whole_orders = found.total(orders)
    return {
        "orders": whole_orders,
        "revenue": found.total(found.amount),
        "repeaters": (whole_orders >= 2).astype(np.int64),
        "period_orders": found.total(orders, inside),
        "period_revenue": found.total(found.amount, inside),
        "period_cost": found.total(found.cost, inside),
        "start": flows.start,
        "end": flows.end,
        "lost": flows.lost,
        "returned": flows.returned,
        "beyond": beyond,
        "gone": (as_of - found.last >= days).astype(np.int64),
        "fresh": fresh.astype(np.int64),
        "first_value": np.where(fresh, found.total(found.amount, on_first), 0),
    }


def _refunds(run: Run) -> tuple[int, list[int]]:
    """Return the money given back, of all and by the group of the customer (a guest's: of the refund itself)."""
    import polars as pl

    found, log = run.found, run.log
    if not log.has_amount or log.refunds.is_empty():
        return 0, [0] * len(found.groups)
    money = pl.col("amount").to_physical().cast(pl.Int64).sum()
    total = -int(log.refunds.select(money).item())
    if not log.groups:
        return total, [total]
    owners = pl.DataFrame({"customer_id": found.ids, "group": found.group})
    sums = [0] * len(found.groups)
    known = log.refunds.join(owners, on="customer_id", how="inner").group_by("group").agg(money)
    for place, amount in known.iter_rows():
        sums[place] -= amount
    place_of = {names: place for place, names in enumerate(found.groups)}
    unknown = log.refunds.join(owners, on="customer_id", how="anti").group_by(log.groups).agg(money)
    for *names, amount in unknown.iter_rows():
        place = place_of.get(tuple(NO_GROUP if name is None else str(name) for name in names))
        if place is not None:
            sums[place] -= amount
    return total, sums


def day_number(day: date) -> int:
    """Return a day as days since 1970-01-01."""
    return (day - type(day)(1970, 1, 1)).days
