"""How many customers stay: the customer balance per period, with its rates, their trend and their spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clvtool.errors import UsageError
from clvtool.metrics.activity import COUNTS, active_window, balance_of, calendar, check, stays
from clvtool.metrics.cells import cells, sums
from clvtool.metrics.curves import of_balance
from clvtool.metrics.customers import customers
from clvtool.metrics.groups import TOTAL
from clvtool.metrics.moments import group_moments
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.remarks import of_groups, of_nobody, of_time
from clvtool.periods import day_number
from clvtool.result import Result
from clvtool.stats import trend, wilson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.activity import Balance, Calendar, Stays, Window
    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.stats import Estimate, Moments

RATES = (
    "retention_rate",
    "retention_low",
    "retention_high",
    "churn_rate",
    "net_churn_rate",
    "lifespan",
    "revenue_retention_rate",
)
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
MOST_NAMED = 6
ON_SCREEN = (
    *("period", "start", "new", "lost", "returned", "end", "retention_rate", "net_churn_rate", "retention_low"),
    *("retention_high", "churn_rate", "revenue_retention_rate", "lifespan", "new_lost", "returned_lost"),
    *("warm_up", "complete"),
)
"""The columns in the order of use: those that do not fit on a terminal are left out."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What is the same for every group of a run."""

    log: OrderLog
    found: Customers
    cal: Calendar
    flows: Balance
    level: float
    complete: NDArray[np.bool_]
    warm_up: NDArray[np.bool_]


def retention(
    orders: pl.DataFrame,
    policies: Policies | None = None,
    *,
    period: str = "month",
    window: str = "auto",
    by: Sequence[str] = (),
    level: float = 0.95,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return the customer balance of an ORDERS table: one row a period, the total first, then each group of `by`.

    Columns as in COLUMNS, the group columns before them. `window` is the active window: days, `period` or `auto`.
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
    run = _Run(log, found, cal, balance_of(found, cal, seen), level, complete, _warm_up(log, cal, span))
    before, after = _money(run, seen)
    names = [(TOTAL,) * len(log.groups), *(found.groups.names if log.groups else [])]
    counts = run.flows.table
    if log.groups:
        counts, before, after = (
            np.concatenate([part.sum(axis=-2, keepdims=True), part], axis=-2) for part in (counts, before, after)
        )
    labels = [f"{name}_group" if name in COLUMNS else name for name in log.groups]
    table = _table(run, labels, names, counts, before, after)
    summary, said = _summary(run, names, table)
    lost, returned = (int(part.sum()) for part in (run.flows.lost, run.flows.returned))
    remarks = [*notes, *log.notes, *of_nobody(log, found), *of_time(span, cal, lost, returned)]
    remarks += [*_truncated(run, span), *of_groups(log, found), *said]
    words = {"period": period, "level": level * 100}
    return Result(
        name="retention",
        title=f"Customer balance by {period}",
        table=table,
        notes=tuple(remarks),
        as_of=log.as_of,
        currency=currency,
        definitions={name: text.format_map(words) for name, text in DEFINITIONS.items()},
        extra={"summary": [dict(zip(labels, name, strict=True)) | row for name, row in summary]},
        screen=table.select(*labels, *ON_SCREEN),
        plot=of_balance(table, names),
    )


def _warm_up(log: OrderLog, cal: Calendar, window: Window) -> NDArray[np.bool_]:
    """Return which periods begin before anybody can be lost: the window before them reaches beyond the log.

    Where the window is the period, it is the period before, and that must be complete.
    """
    import numpy as np

    if window.days is None:
        return np.array([place - 1 not in cal.whole for place in range(len(cal.periods))])
    begins = day_number(log.first_day)
    starts = np.array([day_number(period.first) - 1 for period in cal.periods])
    return np.asarray(starts < begins + window.days - 1)


def _money(run: _Run, seen: Stays) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, per group and period, the money of the customers in its start: in the period before, and in it."""
    import numpy as np

    found, count = run.found, len(run.cal.periods)
    groups = len(found.groups)
    spent = cells(found, run.cal.places(found.day))
    group = found.groups.customer[spent.customer] * count
    at_start = seen.active(spent.customer, spent.place, count)  # boundary k is the start of the period at place k
    at_end = seen.active(spent.customer, spent.place + 1, count) & (spent.place + 1 < count)
    before = sums((group + spent.place + 1)[at_end], spent.amount[at_end], groups * count)
    after = sums((group + spent.place)[at_start], spent.amount[at_start], groups * count)
    return np.asarray(before.reshape(groups, count)), np.asarray(after.reshape(groups, count))


def _table(
    run: _Run,
    labels: Sequence[str],
    names: Sequence[tuple[str, ...]],
    counts: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
) -> pl.DataFrame:
    """Return the rows of all groups; rates are null where they are not defined."""
    import numpy as np
    import polars as pl

    size = len(run.cal.periods)
    flat = dict(zip(COUNTS, counts.reshape(len(COUNTS), -1), strict=True))
    complete, warm_up = (np.tile(flags, len(names)) for flags in (run.complete, run.warm_up))
    start, lost, returned = flat["start"], flat["lost"], flat["returned"]
    defined = complete & ~warm_up & (start > 0)
    both = complete & np.roll(complete, 1) & (np.tile(np.arange(size), len(names)) > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        churn, net = lost / start, (lost - returned) / start
        rates = {
            "retention_rate": (start - lost) / start,
            "churn_rate": churn,
            "net_churn_rate": net,
            "lifespan": np.where(net > 0, 1 / net, np.nan),
        }
        money = np.where(both & (before.ravel() > 0), after.ravel() / before.ravel(), np.nan)
    rates = {name: np.where(defined, values, np.nan) for name, values in rates.items()}
    bounds = [
        wilson(rate, trials, run.level) if known else (np.nan, np.nan)
        for rate, trials, known in zip(rates["retention_rate"].tolist(), start.tolist(), defined.tolist(), strict=True)
    ]
    rates["retention_low"], rates["retention_high"] = np.array(bounds).reshape(-1, 2).T
    rates["revenue_retention_rate"] = money if run.log.has_amount else np.full(len(start), np.nan)
    columns: dict[str, Any] = {
        label: pl.Series([name[place] for name in names for _ in range(size)], dtype=pl.String)
        for place, label in enumerate(labels)
    }
    columns["period"] = [period.label for period in run.cal.periods] * len(names)
    columns |= flat
    columns |= {name: pl.Series(rates[name]).fill_nan(None) for name in RATES}
    return pl.DataFrame(columns | {"warm_up": warm_up, "complete": complete})


def _summary(
    run: _Run, names: Sequence[tuple[str, ...]], table: pl.DataFrame
) -> tuple[list[tuple[tuple[str, ...], dict[str, Any]]], list[str]]:
    """Return per group the pooled rates, trend and spread, and the same in words."""
    size = len(run.cal.periods)
    found, said = [], []
    for place, (name, pooled) in enumerate(zip(names, _pooled(run), strict=True)):
        rows = table.slice(place * size, size)
        told: dict[str, Any] = dict(pooled)
        prefix = f"{', '.join(name)}: " if place else ""
        known = rows.with_row_index("place").filter(rows["retention_rate"].is_not_null())
        rates, unit = known["retention_rate"].to_list(), run.cal.unit
        line = trend(known["place"].to_list(), rates, run.level)
        told["direction"] = None if line is None else line.direction
        told |= {f"trend_{part}": None if line is None else getattr(line, part) for part in ("slope", "low", "high")}
        told["deviation"] = None if line is None else line.deviation
        found.append((name, told))
        words = [_pooled_words(pooled, unit)]
        if line is not None:
            low, high = min(rates), max(rates)
            labels = dict(zip(rates[::-1], known["period"].to_list()[::-1], strict=True))
            words.append(
                f"trend: {line.direction}, {line.slope * 100:+.2f} points a {unit} "
                f"({line.low * 100:+.2f} to {line.high * 100:+.2f}); spread: {low:.1%} ({labels[low]}) to {high:.1%} "
                f"({labels[high]}), standard deviation {line.deviation * 100:.1f} points over {line.n} {unit}s"
            )
        elif known.height:
            words.append(f"a trend needs three {unit}s with a rate, there are {known.height}")
        said += [prefix + text for text in (*words, *_empty(rows, unit)) if text]
    return found, said


def _pooled(run: _Run) -> list[dict[str, float | None]]:
    """Return the rates of the total and of every group over all complete periods, those of warm-up among them."""
    import numpy as np

    flows, parts = run.flows, run.found.groups
    columns = {"start": flows.start, "lost": flows.lost}
    total = group_moments(columns | {"returned": flows.returned}, np.zeros(run.found.n, np.int64), 1)
    apart: list[Moments] = []
    if run.log.groups:
        apart = group_moments(columns | {"returned": flows.returned_in_group}, parts.customer, len(parts))
    return [_rates(moments, run.level) for moments in (*total, *apart)]


def _rates(m: Moments, level: float) -> dict[str, float | None]:
    if not m.sums["start"]:
        return dict.fromkeys(("retention_rate", "retention_low", "retention_high", "net_churn_rate", "lifespan"))
    kept: Estimate = 1.0 - m["lost"] / m["start"]
    net = (m["lost"] - m["returned"]) / m["start"]
    low, high = kept.rate_interval(level) or (None, None)
    return {
        "retention_rate": kept.value,
        "retention_low": low,
        "retention_high": high,
        "net_churn_rate": net.value,
        "lifespan": 1 / net.value if net.value > 0 else None,
    }


def _pooled_words(pooled: Mapping[str, float | None], unit: str) -> str:
    kept, net, lifespan = (pooled[name] for name in ("retention_rate", "net_churn_rate", "lifespan"))
    low, high = pooled["retention_low"], pooled["retention_high"]
    if kept is None or net is None:
        return f"nobody was active at the start of a complete {unit}: there is no rate over all {unit}s"
    bounds = "" if low is None or high is None else f" ({low:.1%} to {high:.1%})"
    lasts = f"lifespan {lifespan:.1f} {unit}s" if lifespan is not None else "lifespan is not defined"
    return f"over all complete {unit}s: retention {kept:.1%}{bounds}, net churn {net:.1%}, {lasts}"


def _empty(rows: pl.DataFrame, unit: str) -> list[str]:
    """Return why rates are empty, beyond incomplete periods."""
    import polars as pl

    counted = rows.filter("complete")
    warm = counted.filter("warm_up")["period"].to_list()
    nobody = counted.filter(~pl.col("warm_up") & (pl.col("start") == 0))["period"].to_list()
    endless = counted.filter(pl.col("net_churn_rate") <= 0)["period"].to_list()
    said = []
    if warm:
        said.append(f"warm-up: the log is too young for rates of customers in {_named(warm)}")
    if nobody:
        said.append(f"nobody was active at the start of {_named(nobody)}: no rates")
    if endless:
        said.append(f"as many came back as left, or more, in {_named(endless)}: no lifespan for {unit}s like these")
    return said


def _named(labels: Sequence[str]) -> str:
    rest = len(labels) - MOST_NAMED
    return ", ".join(labels[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _truncated(run: _Run, window: Window) -> list[str]:
    """Say how many of the new customers may be older than the log."""
    days, begins = window.whole_days(run.cal.unit), day_number(run.log.first_day)
    old = int((run.found.first < begins + days).sum())
    return [
        f"{old:,} customers were first seen in the first {days} days of the log: they count as new, but may be older"
    ]
