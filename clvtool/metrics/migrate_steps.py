"""Migration between segments step by step: from the end of each period to that of the next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clvtool.errors import UsageError
from clvtool.metrics.activity import active_window
from clvtool.metrics.coming import with_expected
from clvtool.metrics.curves import of_steps
from clvtool.metrics.flows import LEFT, moves_of, table_of
from clvtool.metrics.migrate import Span, days_of, flows_between
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.schemes import Choice, scheme
from clvtool.metrics.segment import left_out
from clvtool.metrics.standing import standing
from clvtool.periods import day_number, periods_between
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import polars as pl

    from clvtool.metrics.standing import Standing

MOST_STEPS = 240
ON_SCREEN = (
    *("from_date", "to_date", "customers", "moved_up", "moved_down", "entered", "left", "up_rate", "down_rate"),
    *("up_low_rate", "up_high_rate", "down_low_rate", "down_high_rate"),
)
"""The columns in the order of use: those that do not fit on a terminal are left out."""
DEFINITIONS = {
    "from_date": "the first day of the step: the end of a {unit}, or where the series begins",
    "to_date": "the second day of the step",
    "customers": "in a segment on both days",
    "moved_up": "of these, in a better segment on the second day; rate, low and high: Wilson's interval at {level:g} %",
    "moved_down": "of these, in a worse one",
    "entered": "customers whose first order came between the days, and who are active on the second",
    "left": "active on the first day of the step, and not on the second",
}


def migrate_steps(
    orders: pl.DataFrame,
    span: Span | None = None,
    choice: Choice | None = None,
    policies: Policies | None = None,
    *,
    unit: str = "month",
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return the rows of `migrate` for every step, `from_date to_date` before them.

    Bounds are those of the first day, or with `rescore` of each day. `screen` and `extra["steps"]` have one row a step:
    how many rose, fell, came and left. Raises UsageError for more steps than anybody can read.
    """
    import polars as pl

    given, chosen, policies = span or Span(), choice or Choice(), policies or Policies()
    begin, end = days_of(orders, given, policies)
    ends = [one.last for one in periods_between(begin, end, unit) if begin < one.last < end]
    if len(ends) >= MOST_STEPS:
        raise UsageError(f"--steps {unit}: that would be {len(ends) + 1} steps", "take longer ones, or a later --from")
    last = _standing(orders, chosen, policies, end)
    window = active_window(last.found, last.log, given.active_window)
    then = _standing(orders, chosen, policies, begin)
    bounds = frozen = scheme(chosen, then)
    tables, rows = [], []
    for day in (*ends, end):
        now = last if day == end else _standing(orders, chosen, policies, day)
        later = scheme(chosen, now) if given.rescore else frozen
        length = day_number(day) - day_number(then.log.as_of)
        active_days = length if window.days is None else window.days
        flows = flows_between(then, now, (bounds, later), length, active_days)
        step = {"from_date": then.log.as_of, "to_date": day}
        table = table_of(flows, bounds.names, has_money=now.log.has_amount)
        tables.append(table.select(*(pl.lit(when).alias(name) for name, when in step.items()), pl.all()))
        rows.append(step | _totals(flows, len(bounds.names), given.level) | {"left": _left(then, now, active_days)})
        then, bounds = now, later
    steps = pl.DataFrame(rows, infer_schema_length=None)
    basis = "of each day" if given.rescore else f"of {begin}, on all days"
    length_told = f"{window.days} days" if window.days is not None else "the step itself"
    words = {"unit": unit, "level": given.level * 100}
    means = {name: text.format(**words) for name, text in DEFINITIONS.items()}
    return Result(
        name="migrate",
        title=f"Migration between segments ({chosen.scheme}) by {unit}",
        table=pl.concat(tables),
        notes=(
            *notes,
            *last.log.notes,
            *left_out(last),
            f"bounds are those {basis}",
            f"{LEFT}: no purchase for {length_told} ({window.source})",
        ),
        as_of=last.log.as_of,
        currency=currency,
        definitions={"from_segment": frozen.meaning} | means,
        extra={"steps": rows},
        screen=steps.select(ON_SCREEN),
        plot=of_steps(steps),
    )


def _standing(orders: pl.DataFrame, chosen: Choice, policies: Policies, day: date) -> Standing:
    now = standing(order_log(orders, replace(policies, as_of=day)))
    if chosen.tiers_by == "clv":
        now, _ = with_expected(now, chosen.valuation, required=True)
    return now


def _totals(flows: pl.DataFrame, size: int, level: float) -> dict[str, Any]:
    """Return how many rose, fell and came in a step."""
    import polars as pl

    up, down = moves_of(flows, size, level)
    came = flows.filter((pl.col("place_before") == size) & (pl.col("place_after") < size))
    told: dict[str, Any] = {"customers": up["n"]}
    for name, move in (("up", up), ("down", down)):
        told |= {f"moved_{name}": move["customers"], f"{name}_rate": move["rate"]}
        told |= {f"{name}_low_rate": move["ci_low"], f"{name}_high_rate": move["ci_high"]}
    return told | {"entered": int(came["customers"].sum())}


def _left(then: Standing, now: Standing, active_days: int) -> int:
    """Return how many are active on the first day and not on the second."""
    import polars as pl

    before, after = (one.found.ids.filter(pl.Series(one.recency < active_days)) for one in (then, now))
    return len(before) - int(before.is_in(after.implode()).sum())
