"""The customer balance as a table: a row a period, for all customers and for every group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clvtool.metrics.activity import COUNTS
from clvtool.metrics.cells import cells, sums
from clvtool.periods import day_number
from clvtool.stats import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.activity import Balance, Calendar, Stays, Window
    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog

RATES = (
    "retention_rate",
    "retention_low",
    "retention_high",
    "churn_rate",
    "net_churn_rate",
    "lifespan",
    "revenue_retention_rate",
)


@dataclass(frozen=True, slots=True)
class BalanceRun:
    """What is the same for every group of a run."""

    log: OrderLog
    found: Customers
    cal: Calendar
    flows: Balance
    level: float
    complete: NDArray[np.bool_]
    warm_up: NDArray[np.bool_]


def warm_up_of(log: OrderLog, cal: Calendar, window: Window) -> NDArray[np.bool_]:
    """Return which periods begin before anybody can be lost: the window before them reaches beyond the log.

    Where the window is the period, it is the period before, and that must be complete.
    """
    import numpy as np

    if window.days is None:
        return np.array([place - 1 not in cal.whole for place in range(len(cal.periods))])
    begins = day_number(log.first_day)
    starts = np.array([day_number(period.first) - 1 for period in cal.periods])
    return np.asarray(starts < begins + window.days - 1)


def money_kept(run: BalanceRun, seen: Stays) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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


def balance_table(
    run: BalanceRun,
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
