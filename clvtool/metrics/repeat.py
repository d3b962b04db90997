"""Repeat-purchase rates: how many customers buy again within so many days of their first order, and how many later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.metrics.activity import calendar, check
from clvtool.metrics.change import Reference, compared
from clvtool.metrics.cohort_rows import ALL, by_period
from clvtool.metrics.curves import of_repeats
from clvtool.metrics.customers import customers
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.remarks import of_groups, of_nobody
from clvtool.periods import day_number
from clvtool.result import Result
from clvtool.stats import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.cohort_rows import CohortRows

SPANS = (30, 60, 90, 180, 365)
COLUMNS = (
    *("cohort", "within_days", "size", "observed", "repeated", "repeat_rate", "repeat_low", "repeat_high"),
    *("later", "later_rate", "later_low", "later_high"),
)
DEFINITIONS = {
    "cohort": "customers whose first order lies in the {period}; (all): all customers",
    "within_days": "days after the first order; at a terminal a column each, with repeat_rate of all customers, and of "
    "cohorts that are observed whole",
    "size": "customers of the cohort",
    "observed": "those whose first order lies that many days or more before the day of the analysis",
    "repeated": "of the observed, bought again on another day within these days",
    "repeat_rate": "repeated ÷ observed (bounded); low and high: Wilson's interval at {level:g} %",
    "later": "of the observed, bought on the last of these days or on any later day",
    "later_rate": "later ÷ observed (unbounded); low and high as above",
}


def repeat(
    orders: pl.DataFrame,
    policies: Policies | None = None,
    *,
    period: str = "month",
    spans: Sequence[int] = SPANS,
    by: Sequence[str] = (),
    level: float = 0.95,
    reference: Reference | None = None,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return repeat-purchase rates of an ORDERS table per period of the first order and span of days.

    One row a cohort and span, all customers first; the group columns of `by` before them, the total first. Columns as
    in COLUMNS. A rate is over the customers observed that long, and null where there are none.
    """
    import numpy as np

    check(period, "period")
    if not 0 < level < 1:
        raise UsageError(f"--level {level:g} is not between 0 and 1", "95 % is --level 0.95")
    log = order_log(orders, policies or Policies(), by)
    del orders
    found = customers(log)
    log = log.without_events()
    cal = calendar(log, period)
    as_of = day_number(log.as_of)
    after = np.zeros(found.n, np.int64)  # days from the first purchase day to the second; 0 without
    more = found.occasions > 1
    after[more] = found.bought[(np.cumsum(found.occasions) - found.occasions)[more] + 1] - found.first[more]
    until = found.last - found.first
    rows = by_period(found, cal, log.groups)
    everybody = np.ones(found.n, bool)
    columns: dict[str, list[NDArray[np.int64]]] = {"size": [], "observed": [], "repeated": [], "later": []}
    for days in spans:
        seen = as_of - found.first >= days
        columns["size"].append(rows.counted(everybody))
        columns["observed"].append(rows.counted(seen))
        columns["repeated"].append(rows.counted(seen & more & (after <= days)))
        columns["later"].append(rows.counted(seen & more & (until >= days)))
    labels = [f"{name}_group" if name in COLUMNS else name for name in log.groups]
    words = {"period": period, "level": level * 100}
    table = _table(rows, labels, spans, columns, level)
    means = {name: text.format_map(words) for name, text in DEFINITIONS.items()}
    screen, remarks = _by_span(table, labels, spans), tuple[str, ...]()
    if reference is not None:
        keys = [*labels, "cohort", "within_days"]
        periods = [one.label for one in cal.periods]
        change = compared(
            table, reference, keys, time="cohort", labels=periods, unit=period, rate="repeat_rate", trials="observed"
        )
        table, means, remarks = table.hstack(change.columns), means | dict(change.meanings), change.notes
        screen = _changes_first(table, labels, change.columns.columns)
    return Result(
        name="retention",
        title=f"Repeat purchases by {period} of the first order",
        table=table,
        notes=(*notes, *log.notes, *of_nobody(log, found), *of_groups(log, found), *remarks),
        as_of=log.as_of,
        currency=currency,
        definitions=means,
        screen=screen,
        shaded=[str(days) for days in spans],
        plot=of_repeats(table, rows.names),
    )


def _by_span(table: pl.DataFrame, labels: Sequence[str], spans: Sequence[int]) -> pl.DataFrame:
    """Return the repeat rates with a row a cohort and a column a span.

    Of a cohort that is not observed whole there is none: few customers, and none of its last ones, would stand for it.
    """
    import polars as pl

    each = len(spans)
    wide = table.gather_every(each).select(*labels, "cohort", "size", unit=pl.lit("rate"))
    whole = (pl.col("observed") == pl.col("size")) | (pl.col("cohort") == ALL)
    rates = table.select(pl.when(whole).then("repeat_rate")).to_series()
    return wide.hstack([rates.gather_every(each, place).alias(str(days)) for place, days in enumerate(spans)])


def _changes_first(table: pl.DataFrame, labels: Sequence[str], changes: Sequence[str]) -> pl.DataFrame:
    """Return the table with the columns before those that may be left out at a terminal which say what has changed."""
    told = [name for name in changes if name.startswith(("delta_", "p_"))]
    first = [*labels, "cohort", "within_days", "observed", "repeat_rate", *told]
    return table.select(*first, *(name for name in table.columns if name not in first))


def _table(
    rows: CohortRows,
    labels: Sequence[str],
    spans: Sequence[int],
    counts: dict[str, list[NDArray[np.int64]]],
    level: float,
) -> pl.DataFrame:
    """Return the rows: group, cohort, span."""
    import numpy as np
    import polars as pl

    flat = {name: np.stack(parts, axis=1).ravel() for name, parts in counts.items()}
    columns = rows.columns(labels, len(spans))
    columns["within_days"] = list(spans) * rows.count
    columns |= {"size": flat["size"], "observed": flat["observed"]}
    for name, rate in (("repeated", "repeat"), ("later", "later")):
        columns[name] = flat[name]
        of = list(zip(flat[name].tolist(), flat["observed"].tolist(), strict=True))
        bounds = [wilson(top / bottom, bottom, level) if bottom else (None, None) for top, bottom in of]
        columns[f"{rate}_rate"] = pl.Series([top / bottom if bottom else None for top, bottom in of], dtype=pl.Float64)
        columns[f"{rate}_low"] = pl.Series([low for low, _ in bounds], dtype=pl.Float64)
        columns[f"{rate}_high"] = pl.Series([high for _, high in bounds], dtype=pl.Float64)
    return pl.DataFrame(columns)
