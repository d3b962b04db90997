"""How many customers stay: the customer balance per period, with its rates, their trend and their spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.metrics.activity import COUNTS, active_window, balance_of, calendar, check, stays
from clvtool.metrics.balance_summary import summary
from clvtool.metrics.balance_table import RATES, BalanceRun, balance_table, money_kept, warm_up_of
from clvtool.metrics.change import Reference, compared
from clvtool.metrics.curves import of_balance
from clvtool.metrics.customers import customers
from clvtool.metrics.groups import TOTAL
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.remarks import of_groups, of_nobody, of_time
from clvtool.periods import day_number
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.metrics.activity import Window

COLUMNS = ("period", *COUNTS, *RATES, "warm_up", "complete")
DEFINITIONS = {
    "start": "customers active at the end of the period before",
    "new": "first order in the {period}, active at its end",
    "new_lost": "first order in the {period}, not active at its end",
    "lost": "active at the start, not at the end",
    "returned": "active at the end, not at the start, first order earlier",
    "returned_lost": "bought in the {period}, but active neither at its start nor at its end, first order earlier",
    "end": "active at the end: start + new + returned - lost",
    "retention_rate": "(start - lost) ÷ start; low and high: Wilson's interval at {level:g} %",
    "churn_rate": "lost ÷ start",
    "net_churn_rate": "(lost - returned) ÷ start: who comes back is not gone",
    "lifespan": "1 ÷ net churn rate, in {period}s",
    "revenue_retention_rate": "net revenue of the customers in start: this {period} ÷ the one before, both complete",
    "warm_up": "the log is too short before it for customers to be lost: rates of customers are empty",
    "complete": "the log covers the {period} whole; rates are empty where it does not",
}
ON_SCREEN = (
    *("period", "start", "new", "lost", "returned", "end", "retention_rate", "net_churn_rate", "retention_low"),
    *("retention_high", "churn_rate", "revenue_retention_rate", "lifespan", "new_lost", "returned_lost"),
    *("warm_up", "complete"),
)
"""The columns in the order of use: those that do not fit on a terminal are left out."""


def retention(
    orders: pl.DataFrame,
    policies: Policies | None = None,
    *,
    period: str = "month",
    window: str = "auto",
    by: Sequence[str] = (),
    level: float = 0.95,
    log_from_start: bool = False,
    reference: Reference | None = None,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return the customer balance of an ORDERS table: one row a period, the total first, then each group of `by`.

    Columns as in COLUMNS, the group columns before them. `window` is the active window: days, `period` or `auto`.
    `log_from_start` says that nobody in the log is an older customer. With a `reference`, columns of `change` say
    how the retention rate has changed.
    Raises UsageError for a period, a window or a level that makes no sense.
    """
    import numpy as np

    check(period, window)
    if not 0 < level < 1:
        raise UsageError(f"--level {level:g} is not between 0 and 1", "95 % is --level 0.95")
    log = order_log(orders, policies or Policies(), by)
    del orders
    found = customers(log)
    log = log.without_events()
    span, cal = active_window(found, log, window), calendar(log, period)
    seen = stays(found, cal, span)
    places = np.arange(len(cal.periods))
    complete = np.isin(places, cal.whole)
    run = BalanceRun(log, found, cal, balance_of(found, cal, seen), level, complete, warm_up_of(log, cal, span))
    before, after = money_kept(run, seen)
    names = [(TOTAL,) * len(log.groups), *(found.groups.names if log.groups else [])]
    counts = run.flows.table
    if log.groups:
        counts, before, after = (
            np.concatenate([part.sum(axis=-2, keepdims=True), part], axis=-2) for part in (counts, before, after)
        )
    labels = [f"{name}_group" if name in COLUMNS else name for name in log.groups]
    table = balance_table(run, labels, names, counts, before, after)
    told, said = summary(run, names, table)
    lost, returned = (int(part.sum()) for part in (run.flows.lost, run.flows.returned))
    remarks = [*notes, *log.notes, *of_nobody(log, found), *of_time(span, cal, lost, returned)]
    remarks += [*([] if log_from_start else _truncated(run, span)), *of_groups(log, found), *said]
    words = {"period": period, "level": level * 100}
    means = {name: text.format_map(words) for name, text in DEFINITIONS.items()}
    screen = table.select(*labels, *ON_SCREEN)
    if reference is not None:
        change = compared(
            table,
            reference,
            [*labels, "period"],
            time="period",
            labels=[one.label for one in cal.periods],
            unit=period,
            rate="retention_rate",
            trials="start",
        )
        table = table.hstack(change.columns)
        changes = [name for name in change.columns.columns if name.startswith(("delta_", "p_"))]
        first = [*labels, "period", "start", "retention_rate", *changes]
        rest = [name for name in (*ON_SCREEN, *change.columns.columns) if name not in first]
        screen = table.select(*first, *rest)
        means |= change.meanings
        remarks += change.notes
    return Result(
        name="retention",
        title=f"Customer balance by {period}",
        table=table,
        notes=tuple(remarks),
        as_of=log.as_of,
        currency=currency,
        definitions=means,
        extra={"summary": [dict(zip(labels, name, strict=True)) | row for name, row in told]},
        screen=screen,
        plot=of_balance(table, names),
    )


def _truncated(run: BalanceRun, window: Window) -> list[str]:
    """Say how many of the new customers may be older than the log."""
    days, begins = window.whole_days(run.cal.unit), day_number(run.log.first_day)
    old = int((run.found.first < begins + days).sum())
    if not old:
        return []
    seen = f"customers first seen in the first {days} days of the log: {old:,}"
    return [f"{seen}; they count as new, but may be older (--log-from-start says that the log begins with the shop)"]
