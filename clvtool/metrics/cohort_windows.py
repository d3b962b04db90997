"""What customers do within so many days of their own first order, cohort by cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvtool.errors import UsageError
from clvtool.metrics.activity import calendar, check
from clvtool.metrics.cells import cells
from clvtool.metrics.cohort_rows import CohortRows, by_group, by_period
from clvtool.metrics.cohort_tables import money_of, over
from clvtool.metrics.cohorts import check_cohort_by
from clvtool.metrics.curves import of_windows
from clvtool.metrics.customers import UNIT, customers
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.remarks import of_groups, of_nobody
from clvtool.metrics.valuation import check_margin
from clvtool.periods import day_number
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog

COLUMNS = (
    *("cohort", "within_days", "size", "observed", "orders", "orders_per_customer", "repeated", "repeat_rate"),
    *("revenue", "revenue_per_customer", "margin", "margin_per_customer"),
)
ON_SCREEN = (
    *("cohort", "within_days", "observed", "revenue_per_customer", "repeat_rate", "orders_per_customer"),
    *("margin_per_customer", "size", "orders", "repeated", "revenue", "margin"),
)
"""The columns in the order of use: those that do not fit on a terminal are left out."""
DEFINITIONS = {
    "cohort": "{cohort}; (all): all customers",
    "within_days": "days after the customer's own first order; the last of them counts",
    "size": "customers of the cohort",
    "observed": "those whose first order lies that many days or more before the day of the analysis",
    "orders": "their orders within these days, the first one among them",
    "repeated": "of the observed, bought again on another day within these days",
    "repeat_rate": "repeated ÷ observed",
    "revenue": "net revenue of the observed within these days",
    "margin": "{margin}",
    "revenue_per_customer": "revenue ÷ observed; orders and margin per customer likewise",
}
LONGEST = 36_525


def windows(
    orders: pl.DataFrame,
    spans: Sequence[int],
    policies: Policies | None = None,
    *,
    period: str = "month",
    by: Sequence[str] = (),
    cohort_by: str | None = None,
    margin: float | None = None,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return orders, repeat purchases and money within fixed spans of days: one row a cohort and span.

    Columns as in COLUMNS, all customers first; the group columns of `by` before them, the total first. Everything is
    over the customers observed that long. With `cohort_by`, a cohort is a value of that column on the first order.
    Raises UsageError for spans that are not days in ascending order.
    """
    check(period, "period")
    check_margin(margin)
    check_cohort_by(by, cohort_by)
    if not spans or list(spans) != sorted(set(spans)) or not 0 < spans[0] <= spans[-1] <= LONGEST:
        raise UsageError(f"--windows {','.join(map(str, spans))}: not days in ascending order", "write 30,60,90")
    log = order_log(orders, policies or Policies(), by if cohort_by is None else [cohort_by])
    del orders
    found = customers(log)
    log = log.without_events()
    rows = by_period(found, calendar(log, period), log.groups) if cohort_by is None else by_group(found)
    labels = [] if cohort_by else [f"{name}_group" if name in COLUMNS else name for name in log.groups]
    table = _table(rows, labels, spans, _figures(log, found, rows, spans, margin))
    costs = "revenue - cost within these days" if margin is None else "revenue within these days × --margin"
    which = f"lies in the {period}" if cohort_by is None else f"has that {cohort_by}"
    words = {
        "cohort": f"customers whose first order {which}",
        "margin": costs if log.has_cost or margin is not None else "empty, as neither costs nor --margin are known",
    }
    return Result(
        name="cohorts",
        title=f"Cohorts within days of the first order, by {period if cohort_by is None else cohort_by}",
        table=table,
        notes=(*notes, *log.notes, *of_nobody(log, found), *of_groups(log, found)),
        as_of=log.as_of,
        currency=currency,
        definitions={name: text.format_map(words) for name, text in DEFINITIONS.items()},
        screen=table.select(*labels, *ON_SCREEN),
        plot=of_windows(table, rows.names, "revenue_per_customer" if log.has_amount else "orders_per_customer"),
    )


def _figures(
    log: OrderLog, found: Customers, rows: CohortRows, spans: Sequence[int], margin: float | None
) -> dict[str, NDArray[np.int64] | None]:
    """Return counts and exact money by row and span (None where there is none)."""
    import numpy as np

    gap = found.day - found.first[found.code]
    done = cells(found, np.searchsorted(np.asarray(spans), gap))  # the first span that the day is in
    after = np.zeros(found.n, np.int64)  # days from the first purchase day to the second; 0 without
    more = found.occasions > 1
    after[more] = found.bought[(np.cumsum(found.occasions) - found.occasions)[more] + 1] - found.first[more]
    age = day_number(log.as_of) - found.first
    everybody = np.ones(found.n, bool)
    has_margin = log.has_amount and (margin is not None or log.has_cost)
    running = {name: np.zeros(found.n, np.int64) for name in ("orders", "amount", "cost")}
    parts: dict[str, list[NDArray[np.int64]]] = {}
    for place, days in enumerate(spans):
        some = done.place == place
        for name, total in running.items():
            total[done.customer[some]] += getattr(done, name)[some]
        seen = age >= days
        earned = np.rint(running["amount"] * margin).astype(np.int64) if margin is not None else None
        for name, figure in {
            "size": rows.counted(everybody),
            "observed": rows.counted(seen),
            "repeated": rows.counted(seen & more & (after <= days)),
            "orders": rows.added(running["orders"], seen),
            "revenue": rows.added(running["amount"], seen),
            "margin": rows.added(running["amount"] - running["cost"] if earned is None else earned, seen),
        }.items():
            parts.setdefault(name, []).append(figure)
    flat: dict[str, NDArray[np.int64] | None] = {name: np.stack(some, axis=1).ravel() for name, some in parts.items()}
    return flat | ({} if log.has_amount else {"revenue": None}) | ({} if has_margin else {"margin": None})


def _table(
    rows: CohortRows, labels: Sequence[str], spans: Sequence[int], found: dict[str, NDArray[np.int64] | None]
) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    observed = found["observed"]
    assert observed is not None  # noqa: S101 - counts are always there
    columns: dict[str, Any] = rows.columns(labels, len(spans))
    columns["within_days"] = list(spans) * rows.count
    for name in ("size", "observed", "orders", "repeated"):
        columns[name] = found[name]
    columns["orders_per_customer"] = over(columns["orders"], observed)
    columns["repeat_rate"] = over(columns["repeated"], observed)
    for name in ("revenue", "margin"):
        money = found[name]
        columns[name] = money_of(money, len(observed))
        known = np.zeros_like(observed) if money is None else observed
        columns[f"{name}_per_customer"] = over((observed if money is None else money) / UNIT, known)
    table = pl.DataFrame(columns).select(*labels, *COLUMNS)
    figures = ("orders", "repeated", "revenue", "margin")
    return table.with_columns(pl.when(pl.col("observed") > 0).then(pl.col(name)).alias(name) for name in figures)
