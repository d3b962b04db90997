"""Would an earlier forecast have been right: the same models at an earlier day, beside what happened after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from clvtool.errors import FitError, UsageError
from clvtool.metrics.ahead import COLUMNS, TOTAL, look_ahead
from clvtool.metrics.customers import UNIT, customers
from clvtool.metrics.orderlog import order_log
from clvtool.metrics.prediction_models import models_for
from clvtool.metrics.predictive import histories
from clvtool.periods import Period, day_number, periods_between

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import polars as pl

    from clvtool.metrics.ahead import Ahead
    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog, Policies

UNITS = {"orders": "orders", "revenue": "money", "active_customers": "customers", "new_customers": "customers"}
DEFINITIONS = {
    "forecast": "what models fitted up to {cutoff} expect; the rate of new customers is that before {cutoff}, too",
    "ci_low": "interval of the forecast at {level:g} %, as for the periods ahead",
    "ci_high": "interval of the forecast at {level:g} %, as for the periods ahead",
    "actual": "what happened",
    "error_rate": "forecast ÷ actual - 1",
    "within": "the actual figure lies within the interval",
}


@dataclass(frozen=True, slots=True)
class Check:
    """A forecast from an earlier day, beside what happened: `period figure unit forecast … within`, and in words.

    `notes` are on its models and its rate of new customers.
    """

    cutoff: date
    table: pl.DataFrame
    words: str
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        rows = [
            row | {"start_date": str(row["start_date"]), "end_date": str(row["end_date"])}
            for row in self.table.iter_rows(named=True)
        ]
        return {"cutoff": self.cutoff.isoformat(), "rows": rows}


def held_out(log: OrderLog, unit: str, count: int) -> list[Period]:
    """Return the last complete periods up to the end of the log: `count`, or as many as fit into a third of it."""
    whole = [one for one in periods_between(log.first_day, log.as_of, unit) if one.last <= log.as_of]
    third = timedelta(days=log.days // 3)
    return [one for one in whole[-count:] if log.as_of - one.first < third]


def after_cutoff(log: OrderLog, unit: str, cutoff: date) -> list[Period]:
    """Return the periods from the day after the cut-off to the end of the log, without one that is not over."""
    if not log.first_day <= cutoff < log.as_of:
        last = log.as_of - timedelta(days=1)
        raise UsageError(f"--cutoff {cutoff} is outside the log", f"it can be from {log.first_day} to {last}")
    begin = cutoff + timedelta(days=1)
    clipped = [
        Period(one.label, max(one.first, begin), min(one.last, log.as_of))
        for one in periods_between(begin, log.as_of, unit)
    ]
    over = [one for one in clipped if period_end(one, unit) <= log.as_of]
    return over or clipped


def period_end(one: Period, unit: str) -> date:
    """Return the last day of the whole period of which this may be a part."""
    return periods_between(one.first, one.first, unit)[0].last


def check(
    orders: pl.DataFrame,
    policies: Policies,
    found: Customers,
    log: OrderLog,
    periods: Sequence[Period],
    unit: str,
    model: str,
    level: float,
) -> Check:
    """Return what models fitted up to the day before the periods expect in them, beside what happened.

    `found` are the customers of the whole log. Raises FitError when there was too little to fit by then.
    """
    cutoff = periods[0].first - timedelta(days=1)
    earlier = order_log(orders, replace(policies, as_of=cutoff))
    seen = histories(customers(earlier), day_number(cutoff))
    models = models_for(seen, model, None, None, has_amount=log.has_amount)
    ahead = look_ahead(seen, models, log.first_day, cutoff, periods, unit, None)
    happened = actual(found, periods, has_amount=log.has_amount)
    table = _table(ahead, happened, level)
    return Check(cutoff, table, _words(table, cutoff, unit, len(periods), level), (*models.notes, ahead.arrivals.words))


def actual(found: Customers, periods: Sequence[Period], *, has_amount: bool) -> dict[str, list[float | None]]:
    """Return orders, buyers, new customers and revenue of each period, and of all of them together."""
    import numpy as np

    edges = [day_number(one.first) for one in periods] + [day_number(periods[-1].last) + 1]
    size = len(periods)
    place = np.searchsorted(edges, found.bought, side="right") - 1
    inside = (place >= 0) & (place < size)
    buyer, place = found.buyer[inside], place[inside]
    orders = np.bincount(place, minlength=size)
    active = np.bincount(np.unique(buyer * size + place) % size, minlength=size)
    first = np.searchsorted(edges, found.first, side="right") - 1
    new = np.bincount(first[(first >= 0) & (first < size)], minlength=size)
    when = np.searchsorted(edges, found.day, side="right") - 1
    within = (when >= 0) & (when < size)
    money = np.zeros(size, np.int64)
    np.add.at(money, when[within], found.amount[within])
    return {
        "orders": [*orders.tolist(), len(buyer)],
        "revenue": [*(money / UNIT).tolist(), int(money.sum()) / UNIT] if has_amount else [None] * (size + 1),
        "active_customers": [*active.tolist(), len(np.unique(buyer))],
        "new_customers": [*new.tolist(), int(new.sum())],
    }


def _table(ahead: Ahead, happened: dict[str, list[float | None]], level: float) -> pl.DataFrame:
    import polars as pl

    figures = ahead.table(level)
    parts = []
    for place, (short, name) in enumerate(COLUMNS.items()):
        value, low, high, real = pl.col(name), pl.col(f"{short}_low"), pl.col(f"{short}_high"), pl.col("actual")
        parts.append(
            figures.with_columns(actual=pl.Series(happened[name], dtype=pl.Float64)).select(
                "period",
                "start_date",
                "end_date",
                figure=pl.lit(name),
                unit=pl.lit(UNITS[name]),
                forecast=value,
                ci_low=low,
                ci_high=high,
                actual=real,
                error_rate=pl.when(real > 0).then(value / real - 1),
                within=real.is_between(low, high),
                place=pl.lit(place),
                row=pl.int_range(pl.len()),
            )
        )
    return pl.concat(parts).sort("row", "place").drop("row", "place")


def _words(table: pl.DataFrame, cutoff: date, unit: str, count: int, level: float) -> str:
    """Say how the forecast fared, figure by figure."""
    import polars as pl

    spans = f"{count} {unit}{'' if count == 1 else 's'}"
    said = []
    for name in UNITS:
        rows = table.filter((pl.col("figure") == name) & pl.col("forecast").is_not_null())
        if rows.is_empty():
            continue
        row = rows.filter(pl.col("period") == TOTAL).to_dicts()[0]
        off = "" if row["error_rate"] is None else f"{row['error_rate']:+.1%}, "
        within = int(rows.filter(pl.col("period") != TOTAL)["within"].sum())
        said.append(
            f"{name.replace('_', ' ')} {row['forecast']:,.0f} forecast, {row['actual']:,.0f} actual "
            f"({off}{within} of {spans} within the {level:.0%} interval)"
        )
    return f"hold-out: forecast up to {cutoff} for the {spans} after it: {'; '.join(said)}"


def too_little(error: FitError, cutoff: date) -> str:
    """Say why there is no check."""
    return f"there is no hold-out check: up to {cutoff}, {error.message}"
