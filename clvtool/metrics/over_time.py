"""Value by period: the table of `compute` as it stood at the end of every period."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError
from clvtool.metrics.activity import active_window, calendar
from clvtool.metrics.curves import of_values
from clvtool.metrics.customers import customers
from clvtool.metrics.lines import COLUMNS
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

MOST_PERIODS = 240


def compute_over_time(
    orders: pl.DataFrame,
    valuation: Valuation | None = None,
    policies: Policies | None = None,
    *,
    by: Sequence[str] = (),
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return the rows of `compute` at the end of every period that the log covers whole, `period` before the metric.

    Everything that was known by then counts, nothing that came later; the active window is that of the whole log, so
    that rates of different periods can be compared. Raises DataError where no period is whole, UsageError for more
    periods than anybody can read.
    """
    import polars as pl

    given, policies = valuation or Valuation(), policies or Policies()
    log = order_log(orders, policies, by)
    found, cal = customers(log), calendar(log, given.period)
    window = active_window(found, log, given.active_window)
    ends = [(cal.periods[place].label, cal.periods[place].last) for place in cal.whole]
    if not ends:
        raise DataError(f"the log covers no {given.period} whole", "take a shorter --period")
    if len(ends) > MOST_PERIODS:
        raise UsageError(f"--over-time: that would be {len(ends)} tables", "take a longer --period")
    given = replace(given, active_window="period" if window.days is None else str(window.days))
    tables = []
    results = [compute(orders, given, replace(policies, as_of=day), by=by, currency=currency) for _, day in ends]
    labels = [f"{name}_group" if name in (*COLUMNS, "period") else name for name in log.groups]
    for (period, _), one in zip(ends, results, strict=True):
        own = dict(zip(one.table.columns, labels, strict=False))
        tables.append(one.table.rename(own).select(*labels, pl.lit(period).alias("period"), pl.exclude(labels)))
    table = pl.concat(tables)
    length = f"the {given.period} itself" if window.days is None else f"{window.days} days"
    return Result(
        name="compute",
        title=f"Customer lifetime value by {given.period}",
        table=table,
        notes=(
            *notes,
            *log.notes,
            f"each {given.period} shows all of the log up to its end; --as-of that day says why a figure is empty",
            f"active window: {length} ({window.source}), found once in the whole log",
        ),
        as_of=log.as_of,
        currency=currency,
        plot=of_values(table, labels, [period for period, _ in ends]),
    )
