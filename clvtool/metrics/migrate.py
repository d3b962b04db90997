"""Who moved between two days: from which segment into which, who came and who left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from clvtool.errors import DataError, UsageError
from clvtool.metrics.activity import active_window, check_window
from clvtool.metrics.coming import with_expected
from clvtool.metrics.flows import ENTERED, LEFT, flows_of, matrix_of, moves_of, table_of, told_of
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.schemes import Choice, scheme
from clvtool.metrics.segment import left_out
from clvtool.metrics.standing import standing
from clvtool.periods import day_number
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.schemes import Scheme
    from clvtool.metrics.standing import Standing


@dataclass(frozen=True, slots=True)
class Span:
    """The two days, whether the bounds are those of the first or of each, and who counts as active at the second."""

    begin: date | None = None
    end: date | None = None
    rescore: bool = False
    active_window: str = "auto"
    level: float = 0.95

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        check_window(self.active_window)
        if not 0 < self.level < 1:
            raise UsageError(f"--level {self.level:g} is not between 0 and 1", "95 % is --level 0.95")


def migrate(
    orders: pl.DataFrame,
    span: Span | None = None,
    choice: Choice | None = None,
    policies: Policies | None = None,
    *,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return one row a flow that somebody took, in the order of the segments.

    Columns: `from_segment to_segment customers rate revenue_before revenue_after recency_change_days frequency_change
    aov_change`. `screen` is the matrix of customers with its margins, `extra["moves"]` how many rose and fell.
    Raises UsageError for days outside the log.
    """
    import polars as pl

    given, chosen, policies = span or Span(), choice or Choice(), policies or Policies()
    begin, end = days_of(orders, given, policies)
    then = standing(order_log(orders, replace(policies, as_of=begin)))
    now = standing(order_log(orders, replace(policies, as_of=end)))
    if chosen.tiers_by == "clv":
        then, _ = with_expected(then, chosen.valuation, required=True)
        now, _ = with_expected(now, chosen.valuation, required=True)
    del orders
    bounds = scheme(chosen, then)
    later = scheme(chosen, now) if given.rescore else bounds
    length = day_number(end) - day_number(begin)
    window = active_window(now.found, now.log, given.active_window)
    active_days = length if window.days is None else window.days
    size = len(bounds.names)
    flows = flows_between(then, now, (bounds, later), length, active_days)
    moved = moves_of(flows, size, given.level)
    gone = int(flows.filter(flows["place_before"] < size).select(pl.col("customers") - pl.col("known")).sum().item())
    basis = "taken anew at the second day" if given.rescore else "those of the first day, on both days"
    remarks = [
        f"from {begin} to {end}; bounds are {basis}",
        f"{LEFT}: no purchase in the {active_days} days up to {end}"
        + (" (since the first day)" if window.days is None else f" (active window: {window.source})"),
    ]
    if given.rescore and chosen.scheme in {"rfm", "tiers"}:
        remarks.append("scores and tiers of equal size are ranks: with --rescore, who rises lets another one fall")
    if not given.rescore and chosen.tiers_by == "revenue" and chosen.scheme in {"tiers", "abc"}:
        remarks.append(
            "revenue adds up from the first order on, so by unchanged bounds hardly anybody falls: --rescore"
        )
    asleep = int((then.recency >= active_days).sum())
    if asleep:
        remarks.append(
            f"{asleep:,} customers had not bought for that long on {begin} already; they are in a segment there"
        )
    if gone:
        remarks.append(f"{gone:,} customers are {LEFT} because their orders were refunded in full later")
    if length > (begin - then.log.first_day).days + 1:
        remarks.append(f"revenue_before, of {length} days, reaches back beyond the first order of the log")
    remarks += [f"{move['direction']}: {told_of(move)}" for move in moved]
    return Result(
        name="migrate",
        title=f"Migration between segments ({chosen.scheme})",
        table=table_of(flows, bounds.names, has_money=now.log.has_amount),
        notes=(*notes, *now.log.notes, *left_out(now), *remarks),
        as_of=now.log.as_of,
        currency=currency,
        definitions={"from_segment": bounds.meaning} | _definitions(length),
        extra={"from": begin, "to": end, "moves": moved},
        screen=matrix_of(flows, bounds.names),
    )


def _definitions(length: int) -> dict[str, str]:
    return {
        "to_segment": f"segment at the second day; {LEFT} for those who are not active there",
        "customers": f"customers who took this way; from {ENTERED} those whose first order came between the days",
        "rate": "share of the customers of from_segment",
        "revenue_before": f"their net revenue in the {length} days up to the first day",
        "revenue_after": f"their net revenue in the {length} days from then to the second day",
        "recency_change_days": "change of the mean of days since the last purchase",
        "frequency_change": f"change of orders per customer in {length} days",
        "aov_change": "change of net revenue per order between the two spans",
    }


def days_of(orders: pl.DataFrame, span: Span, policies: Policies) -> tuple[date, date]:
    """Return the two days; where they are not said, the middle of the log and its last day."""
    days = orders["order_date"].filter(orders["kind"] == "order")
    if days.is_empty():
        order_log(orders, policies)  # says why
    low = cast("date", days.min())
    high = policies.as_of or cast("date", days.max())
    valid = f"the log goes from {low} to {high}"
    end = span.end or high
    begin = span.begin or low + (end - low) // 2
    for option, when in (("--to", end), ("--from", begin)):
        if not low <= when <= high:
            raise UsageError(f"{option} {when} is outside of the log", valid)
    if span.begin is None and begin == end:
        raise DataError("all orders are of a single day, so nobody can have moved", valid)
    if begin >= end:
        raise UsageError(f"--from {begin} is not before --to {end}", valid)
    return begin, end


def flows_between(
    then: Standing, now: Standing, schemes: tuple[Scheme, Scheme], length: int, active_days: int
) -> pl.DataFrame:
    """Return the flows from one day to another, each with its scheme; orders and money of the `length` days before."""
    size = len(schemes[0].names)
    before = _side(then, schemes[0].places(then), length, "before")
    after = _side(now, _or_left(now, schemes[1].places(now), active_days, size), length, "after")
    return flows_of(before, after, size)


def _or_left(now: Standing, places: NDArray[np.int64], active_days: int, size: int) -> NDArray[np.int64]:
    import numpy as np

    return np.where(now.recency < active_days, places, size)


def _side(one: Standing, places: NDArray[np.int64], length: int, name: str) -> pl.DataFrame:
    """Return per customer: place, recency, and orders and revenue in the last `length` days up to that day."""
    import polars as pl

    found = one.found
    recent = found.day > day_number(one.log.as_of) - length
    return pl.DataFrame(
        {
            "customer_id": found.ids,
            f"place_{name}": places,
            f"recency_{name}": one.recency,
            f"orders_{name}": found.total(found.is_order.astype("int64"), recent),
            f"revenue_{name}": found.total(found.amount, recent),
        }
    )
