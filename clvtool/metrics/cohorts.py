"""Cohorts: what the customers of one period of first orders do at every age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError, UsageError, did_you_mean
from clvtool.metrics.activity import calendar, check
from clvtool.metrics.ages import reach, rolling_age
from clvtool.metrics.cells import cells, sums
from clvtool.metrics.curves import of_cohorts
from clvtool.metrics.customers import UNIT, customers
from clvtool.metrics.groups import TOTAL
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.remarks import of_groups, of_nobody
from clvtool.metrics.valuation import check_margin
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.activity import Calendar
    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog

COLUMNS = (
    "cohort",
    "size",
    "age",
    "active",
    "retention_rate",
    "orders",
    "revenue",
    "cumulative_revenue",
    "cumulative_per_customer",
    "margin",
    "complete",
)
AVERAGE = "(average)"
DEFINITIONS = {
    "cohort": "customers whose first order lies in the {period}",
    "size": "customers of the cohort",
    "age": "{age}",
    "active": "customers of the cohort with an order at that age",
    "retention_rate": "active ÷ size",
    "revenue": "net revenue of the cohort at that age",
    "cumulative_revenue": "net revenue of the cohort up to that age",
    "cumulative_per_customer": "cumulative revenue ÷ size",
    "margin": "{margin}",
    "complete": "the log covers the cohort's {period} whole, and that age of all its customers",
    AVERAGE: "all cohorts together, over complete cells; rates and money per customer are weighted by size",
}
MOST_ROWS = 5_000_000
VALUES = {
    "retention": "rate",
    "customers": "customers",
    "orders": "orders",
    "revenue": "money",
    "cumulative": "money per customer",
    "margin": "money",
    "aov": "money",
}
"""What a triangle can show, and its unit."""


@dataclass(frozen=True, slots=True)
class _Cube:
    """Exact figures by group × cohort × age; the total of all groups comes first. Money in ten-thousandths.

    `size` is group × cohort. `seen` and `complete` are cohort × age: the age has begun, and is over for everybody.
    """

    size: NDArray[np.int64]
    active: NDArray[np.int64]
    orders: NDArray[np.int64]
    amount: NDArray[np.int64]
    margin: NDArray[np.int64] | None
    seen: NDArray[np.bool_]
    complete: NDArray[np.bool_]


def cohorts(
    orders: pl.DataFrame,
    policies: Policies | None = None,
    *,
    period: str = "month",
    value: str = "retention",
    rolling: bool = False,
    max_age: int | None = None,
    by: Sequence[str] = (),
    margin: float | None = None,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return the cohorts of an ORDERS table: one row a cohort and age, the total first, then each group of `by`.

    Columns as in COLUMNS, the group columns before them. Ages are counted by the calendar (the period of the first
    order is age 0), or, `rolling`, from each customer's own first day on. Where the future lies, all is null. `margin`
    is a rate; None takes the cost column. `value` is what the triangle for the terminal shows.
    Raises UsageError for what makes no sense, or would be more rows than anybody can read.
    """
    import numpy as np

    check(period, "period")
    check_margin(margin)
    if value not in VALUES:
        raise UsageError(f"--value {value}: no such figure", did_you_mean(value, VALUES))
    if max_age is not None and max_age < 0:
        raise UsageError(f"--max-age {max_age} is below 0")
    log = order_log(orders, policies or Policies(), by)
    del orders
    found = customers(log)
    log = log.without_events()
    cal = calendar(log, period)
    begun, over = reach(log, cal, rolling=rolling)
    ages = np.arange(int(begun.max()) if max_age is None else min(int(begun.max()), max_age + 1))
    names = [(TOTAL,) * len(log.groups), *(found.groups.names if log.groups else [])]
    rows = len(names) * len(begun) * len(ages)
    if rows > MOST_ROWS:
        raise UsageError(f"that would be {rows:,} rows", "take a longer --period, or cut with --max-age")
    cube = _cube(log, found, cal, (ages < begun[:, None], ages < over[:, None]), rolling=rolling, margin=margin)
    labels = [f"{name}_group" if name in (*COLUMNS, "unit") else name for name in log.groups]
    costs = "revenue - cost at that age" if margin is None else "revenue at that age × --margin"
    by_calendar = f"{period}s after that of the first order (age 0)"
    words = {
        "period": period,
        "age": f"whole {period}s since the customer's own first order" if rolling else by_calendar,
        "margin": costs if cube.margin is not None else "empty, as neither costs nor --margin are known",
    }
    table, average = _table(cube, log, labels, names, cal), _average(cube, log, labels, names)
    figure = "cumulative_per_customer" if log.has_amount else "retention_rate"
    return Result(
        name="cohorts",
        title=f"Cohorts by {period} of the first order",
        table=table,
        notes=(*notes, *log.notes, *of_nobody(log, found), *_partial(cal), *of_groups(log, found)),
        as_of=log.as_of,
        currency=currency,
        definitions={name: text.format_map(words) for name, text in DEFINITIONS.items()},
        extra={"average": average},
        screen=_triangle(cube, log, labels, names, cal, value),
        plot=of_cohorts(
            table.head(len(begun) * len(ages)),
            [row[figure] for row in average[: len(ages)]],
            figure,
            "money" if log.has_amount else "rate",
            f"{figure} by age in {period}s, of all customers",
        ),
    )


def _cube(
    log: OrderLog,
    found: Customers,
    cal: Calendar,
    known: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    *,
    rolling: bool,
    margin: float | None,
) -> _Cube:
    import numpy as np

    seen, complete = known
    count, ages = seen.shape
    groups = len(found.groups)
    own = cal.places(found.first).astype(np.int64)
    first = found.first[found.code]
    age = rolling_age(first, found.day, cal.unit) if rolling else cal.places(found.day) - own[found.code]
    done = cells(found, age)
    cohort = found.groups.customer * count + own
    inside = done.place < ages
    place = np.where(inside, cohort[done.customer] * ages + done.place, groups * count * ages)

    def added(values: NDArray[np.int64]) -> NDArray[np.int64]:
        parts = sums(place, values, groups * count * ages).reshape(groups, count, ages)
        return np.concatenate([parts.sum(axis=0, keepdims=True), parts]) if log.groups else parts

    size = np.bincount(cohort, minlength=groups * count).reshape(groups, count)
    amount, earned = added(done.amount), None
    if log.has_amount and margin is not None:
        earned = np.rint(amount * margin).astype(np.int64)
    elif log.has_amount and log.has_cost:
        earned = amount - added(done.cost)
    return _Cube(
        size=np.concatenate([size.sum(axis=0, keepdims=True), size]) if log.groups else size,
        active=added((done.orders > 0).astype(np.int64)),
        orders=added(done.orders),
        amount=amount,
        margin=earned,
        seen=seen,
        complete=complete,
    )


def _table(
    cube: _Cube, log: OrderLog, labels: Sequence[str], names: Sequence[tuple[str, ...]], cal: Calendar
) -> pl.DataFrame:
    """Return the long table."""
    import numpy as np
    import polars as pl

    count, ages = cube.seen.shape
    groups = len(names)
    seen = np.tile(cube.seen.ravel(), groups)
    size = np.repeat(cube.size.ravel(), ages)
    in_order = np.repeat(np.arange(groups), count * ages)
    columns: dict[str, Any] = {
        label: pl.Series([name[place] for name in names], dtype=pl.String)[in_order]
        for place, label in enumerate(labels)
    }
    labels_of_periods = pl.Series([period.label for period in cal.periods])
    columns["cohort"] = labels_of_periods[np.tile(np.repeat(np.arange(count), ages), groups)]
    cumulative = np.cumsum(cube.amount, axis=-1).ravel()
    figures = {
        "active": pl.Series(cube.active.ravel()),
        "retention_rate": _over(cube.active.ravel(), size),
        "orders": pl.Series(cube.orders.ravel()),
        "revenue": _money(cube.amount.ravel() if log.has_amount else None, len(seen)),
        "cumulative_revenue": _money(cumulative if log.has_amount else None, len(seen)),
        "cumulative_per_customer": _over(cumulative / UNIT, size if log.has_amount else size * 0),
        "margin": _money(None if cube.margin is None else cube.margin.ravel(), len(seen)),
    }
    columns |= {"size": size, "age": np.tile(np.arange(ages), groups * count), **figures}
    table = pl.DataFrame(columns | {"complete": np.tile(cube.complete.ravel(), groups)})
    begun = pl.lit(pl.Series(seen))
    return table.with_columns(pl.when(begun).then(pl.col(name)).alias(name) for name in figures)


def _over(top: NDArray[Any], bottom: NDArray[np.int64]) -> pl.Series:
    """Return a ratio, null where there is nothing to divide by."""
    import numpy as np
    import polars as pl

    some = bottom > 0
    return pl.Series(np.divide(top, bottom, out=np.full(top.shape, np.nan), where=some)).fill_nan(None)


def _money(whole: NDArray[np.int64] | None, rows: int) -> pl.Series:
    """Return ten-thousandths as exact money; null where there is no money."""
    import polars as pl

    money = pl.Decimal(38, 4)
    return pl.Series([None] * rows, dtype=money) if whole is None else pl.Series(whole).cast(money) / UNIT


def _figure(cube: _Cube, log: OrderLog, value: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return what a triangle shows as numerators and denominators, group × cohort × age."""
    import numpy as np

    if VALUES[value].startswith("money") and not log.has_amount:
        raise DataError("there is no column with money", "--value retention, customers and orders need none")
    if value == "margin" and cube.margin is None:
        raise DataError("there is no margin", "a cost column gives it, or --margin 0.25")
    each = np.ones_like(cube.active)
    size = np.broadcast_to(cube.size[:, :, None], each.shape)
    if value == "retention":
        return cube.active, size
    if value == "cumulative":
        return np.cumsum(cube.amount, axis=-1) / UNIT, size
    if value == "aov":
        return cube.amount / UNIT, cube.orders
    whole = {"customers": cube.active, "orders": cube.orders, "revenue": cube.amount, "margin": cube.margin}[value]
    assert whole is not None  # noqa: S101 - asked above
    return whole / UNIT if VALUES[value] == "money" else whole, each


def _average(
    cube: _Cube, log: OrderLog, labels: Sequence[str], names: Sequence[tuple[str, ...]]
) -> list[dict[str, Any]]:
    """Return per group and age the curve over all cohorts, weighted by their size, over complete cells."""
    found = []
    kept, size = _pooled(*_figure(cube, log, "retention"), cube.complete)
    earned = _pooled(*_figure(cube, log, "cumulative"), cube.complete)[0] if log.has_amount else None
    for place, name in enumerate(names):
        for age, customers_then in enumerate(size[place].tolist()):
            row = dict(zip(labels, name, strict=True)) | {"age": age, "customers": customers_then}
            known = customers_then > 0
            row["retention_rate"] = float(kept[place, age]) if known else None
            row["cumulative_per_customer"] = float(earned[place, age]) if known and earned is not None else None
            found.append(row)
    return found


def _pooled(
    top: NDArray[Any], bottom: NDArray[np.int64], complete: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return Σ numerators ÷ Σ denominators over the complete cells of each age, NaN without any, and the latter."""
    import numpy as np

    below = (bottom * complete).sum(axis=1)
    return np.divide((top * complete).sum(axis=1), below, out=np.full(below.shape, np.nan), where=below > 0), below


def _triangle(
    cube: _Cube, log: OrderLog, labels: Sequence[str], names: Sequence[tuple[str, ...]], cal: Calendar, value: str
) -> pl.DataFrame:
    """Return one figure as a table of cohorts and ages, the average over complete cells above the cohorts.

    That average is a sum over a sum: rates and money per customer are so weighted by the size of the cohorts.
    """
    import numpy as np
    import polars as pl

    top, bottom = _figure(cube, log, value)
    cells_shown = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=(bottom > 0) & cube.seen)
    rows = np.concatenate([_pooled(top, bottom, cube.complete)[0][:, None, :], cells_shown], axis=1)
    size = np.concatenate([cube.size.sum(axis=1, keepdims=True), cube.size], axis=1)
    cohort = [AVERAGE, *(period.label for period in cal.periods)]
    columns: dict[str, Any] = {
        label: pl.Series([name[place] for name in names for _ in cohort], dtype=pl.String)
        for place, label in enumerate(labels)
    }
    columns |= {"cohort": cohort * len(names), "size": size.ravel(), "unit": [VALUES[value]] * len(cohort) * len(names)}
    ages = rows.reshape(-1, rows.shape[-1])
    return pl.DataFrame(columns | {str(age): pl.Series(ages[:, age]).fill_nan(None) for age in range(ages.shape[1])})


def _partial(cal: Calendar) -> list[str]:
    """Say which cohorts the log does not cover whole."""
    partial = [period.label for place, period in enumerate(cal.periods) if place not in cal.whole]
    return [f"not complete, so in no average: {', '.join(partial)}"] if partial else []
