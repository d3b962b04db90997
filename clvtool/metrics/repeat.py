"""Repeat-purchase rates: how many customers buy again within so many days of their first order, and how many later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvtool.errors import UsageError
from clvtool.metrics.activity import calendar, check
from clvtool.metrics.curves import of_repeats
from clvtool.metrics.customers import customers
from clvtool.metrics.groups import TOTAL
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

SPANS = (30, 60, 90, 180, 365)
ALL = "(all)"
COLUMNS = (
    *("cohort", "within_days", "size", "observed", "repeated", "repeat_rate", "repeat_low", "repeat_high"),
    *("later", "later_rate", "later_low", "later_high"),
)
DEFINITIONS = {
    "cohort": "customers whose first order lies in the {period}; (all): all customers",
    "within_days": "days after the first order",
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
    place = found.groups.customer * len(cal.periods) + cal.places(found.first)
    size = len(found.groups) * len(cal.periods)
    names = [(TOTAL,) * len(log.groups), *(found.groups.names if log.groups else [])]

    def counted(who: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return how many these are by group, cohort (all first), in one row."""
        parts = np.bincount(place[who], minlength=size).reshape(-1, len(cal.periods))
        parts = np.concatenate([parts.sum(axis=1, keepdims=True), parts], axis=1)
        return np.concatenate([parts.sum(axis=0, keepdims=True), parts]).ravel() if log.groups else parts.ravel()

    everybody = np.ones(found.n, bool)
    columns: dict[str, list[NDArray[np.int64]]] = {"size": [], "observed": [], "repeated": [], "later": []}
    for days in spans:
        seen = as_of - found.first >= days
        columns["size"].append(counted(everybody))
        columns["observed"].append(counted(seen))
        columns["repeated"].append(counted(seen & more & (after <= days)))
        columns["later"].append(counted(seen & more & (until >= days)))
    labels = [f"{name}_group" if name in COLUMNS else name for name in log.groups]
    cohorts = [ALL, *(one.label for one in cal.periods)]
    words = {"period": period, "level": level * 100}
    told = {label: [name[place] for name in names] for place, label in enumerate(labels)}
    table = _table(told, cohorts, spans, columns, level)
    return Result(
        name="retention",
        title=f"Repeat purchases by {period} of the first order",
        table=table,
        notes=(*notes, *log.notes, *of_nobody(log, found), *of_groups(log, found)),
        as_of=log.as_of,
        currency=currency,
        definitions={name: text.format_map(words) for name, text in DEFINITIONS.items()},
        plot=of_repeats(table, names, ALL),
    )


def _table(
    groups: dict[str, list[str]],
    cohorts: Sequence[str],
    spans: Sequence[int],
    counts: dict[str, list[NDArray[np.int64]]],
    level: float,
) -> pl.DataFrame:
    """Return the rows: group, cohort, span."""
    import numpy as np
    import polars as pl

    flat = {name: np.stack(parts, axis=1).ravel() for name, parts in counts.items()}
    each = len(cohorts) * len(spans)
    rows = len(flat["size"]) // each
    columns: dict[str, Any] = {
        label: pl.Series([name for name in values for _ in range(each)], dtype=pl.String)
        for label, values in groups.items()
    }
    columns["cohort"] = [cohort for _ in range(rows) for cohort in cohorts for _ in spans]
    columns["within_days"] = list(spans) * len(cohorts) * rows
    columns |= {"size": flat["size"], "observed": flat["observed"]}
    for name, rate in (("repeated", "repeat"), ("later", "later")):
        columns[name] = flat[name]
        of = list(zip(flat[name].tolist(), flat["observed"].tolist(), strict=True))
        bounds = [wilson(top / bottom, bottom, level) if bottom else (None, None) for top, bottom in of]
        columns[f"{rate}_rate"] = pl.Series([top / bottom if bottom else None for top, bottom in of], dtype=pl.Float64)
        columns[f"{rate}_low"] = pl.Series([low for low, _ in bounds], dtype=pl.Float64)
        columns[f"{rate}_high"] = pl.Series([high for _, high in bounds], dtype=pl.Float64)
    return pl.DataFrame(columns)
