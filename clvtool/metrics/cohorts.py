"""Cohorts: what the customers of one period of first orders, or of one channel, do at every age."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvtool.errors import UsageError, did_you_mean
from clvtool.metrics.acquisition import COLUMNS as ACQUISITION
from clvtool.metrics.acquisition import MEANINGS, Spend, acquisition, worth
from clvtool.metrics.activity import calendar, check
from clvtool.metrics.ages import reach
from clvtool.metrics.cohort_cube import cube_of, over_periods
from clvtool.metrics.cohort_tables import AVERAGE, VALUES, Shape, averages, require_figure, table_of, triangle
from clvtool.metrics.curves import of_cohorts
from clvtool.metrics.customers import customers
from clvtool.metrics.groups import TOTAL
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.remarks import of_groups, of_nobody
from clvtool.metrics.valuation import check_margin
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.metrics.activity import Calendar
    from clvtool.metrics.cohort_cube import Cube
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
BY_VALUE = {
    "cohort": "customers whose first order has that {column}",
    "observed": "those of them won in a {period} that the log covers whole, and for whom that age is over",
    "active": "observed customers with an order at that age",
    "retention_rate": "active ÷ observed",
    "revenue": "net revenue of the observed customers at that age",
    "cumulative_revenue": "net revenue of the observed customers up to that age",
    "cumulative_per_customer": "cumulative revenue ÷ observed",
    "complete": "somebody is observed",
}
"""What is meant in place of DEFINITIONS where a cohort is no period."""
MOST_ROWS = 5_000_000


def cohorts(
    orders: pl.DataFrame,
    policies: Policies | None = None,
    *,
    period: str = "month",
    value: str = "retention",
    rolling: bool = False,
    max_age: int | None = None,
    by: Sequence[str] = (),
    cohort_by: str | None = None,
    margin: float | None = None,
    spend: Spend | None = None,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return the cohorts of an ORDERS table: one row a cohort and age, the total first, then each group of `by`.

    Columns as in COLUMNS, the group columns before them. Ages are counted by the calendar (the period of the first
    order is age 0), or, `rolling`, from each customer's own first day on. Where the future lies, all is null. `margin`
    is a rate; None takes the cost column. `value` is what the triangle for the terminal shows. With `cohort_by`, a
    cohort is a value of that column on the first order, over all periods, and `observed` says how many customers a
    cell is about. With `spend`, the columns of `acquisition.COLUMNS` say what the customers cost to win.
    Raises UsageError for what makes no sense, or would be more rows than anybody can read.
    """
    import numpy as np

    _check(period, value, max_age, by, cohort_by, margin)
    log = order_log(orders, policies or Policies(), by if cohort_by is None else [cohort_by])
    del orders
    found = customers(log)
    value_of_each = None if spend is None else worth(log, found, spend, margin)
    log = log.without_events()
    cal = calendar(log, period)
    begun, over = reach(log, cal, rolling=rolling)
    ages = np.arange(int(begun.max()) if max_age is None else min(int(begun.max()), max_age + 1))
    names = [(TOTAL,) * len(log.groups), *(found.groups.names if log.groups else [])]
    rows = len(names) * len(begun) * len(ages)
    if rows > MOST_ROWS:
        raise UsageError(f"that would be {rows:,} rows", "take a longer --period, or cut with --max-age")
    by_period = cube_of(log, found, cal, (ages < begun[:, None], ages < over[:, None]), rolling=rolling, margin=margin)
    if cohort_by is None:
        labels = [f"{name}_group" if name in (*COLUMNS, *ACQUISITION, "unit") else name for name in log.groups]
        cube, shape = by_period, Shape(labels, names, [one.label for one in cal.periods])
    else:
        cube, shape = over_periods(by_period), Shape([], [()], [name for (name,) in found.groups.names])
    require_figure(cube, value, has_amount=log.has_amount)
    table = table_of(cube, shape, has_amount=log.has_amount, with_observed=cohort_by is not None)
    screen = triangle(cube, shape, value)
    curve = averages(cube, shape, has_amount=log.has_amount)
    means, remarks, extra = _meanings(cube, log, period, cohort_by, margin, rolling=rolling), [], {"average": curve}
    if spend is not None and value_of_each is not None:
        costs, said = acquisition(by_period, cube, shape, cal, found, spend, value_of_each, by, cohort_by)
        table = table.join(costs, on=[*shape.labels, "cohort"], how="left", maintain_order="left")
        means |= {name: text.format(period=period, horizon=spend.horizon) for name, text in MEANINGS.items()}
        screen, remarks, extra = costs, said, extra | {"acquisition": costs.to_dicts()}
    figure = "cumulative_per_customer" if log.has_amount else "retention_rate"
    return Result(
        name="cohorts",
        title=f"Cohorts by {f'{period} of the first order' if cohort_by is None else cohort_by}",
        table=table,
        notes=(
            *notes,
            *log.notes,
            *of_nobody(log, found),
            *_partial(cal),
            *_under_way(cube),
            *of_groups(log, found),
            *remarks,
        ),
        as_of=log.as_of,
        currency=currency,
        definitions=means,
        extra=extra,
        screen=screen,
        shaded=[str(age) for age in ages],
        plot=of_cohorts(
            table.head(len(shape.cohorts) * len(ages)),
            [row[figure] for row in curve[: len(ages)]],
            figure,
            "money" if log.has_amount else "rate",
            f"{figure} by age in {period}s, of all customers",
        ),
    )


def _check(
    period: str, value: str, max_age: int | None, by: Sequence[str], cohort_by: str | None, margin: float | None
) -> None:
    check(period, "period")
    check_margin(margin)
    if value not in VALUES:
        raise UsageError(f"--value {value}: no such figure", did_you_mean(value, VALUES))
    if max_age is not None and max_age < 0:
        raise UsageError(f"--max-age {max_age} is below 0")
    check_cohort_by(by, cohort_by)


def check_cohort_by(by: Sequence[str], cohort_by: str | None) -> None:
    """Refuse groups of cohorts that are groups themselves."""
    if by and cohort_by is not None:
        raise UsageError("--cohort-by makes cohorts of groups, and --by groups of cohorts", "leave one of them out")


def _meanings(
    cube: Cube, log: OrderLog, period: str, cohort_by: str | None, margin: float | None, *, rolling: bool
) -> dict[str, str]:
    costs = "revenue - cost at that age" if margin is None else "revenue at that age × --margin"
    by_calendar = f"{period}s after that of the first order (age 0)"
    words: dict[str, Any] = {
        "period": period,
        "age": f"whole {period}s since the customer's own first order" if rolling else by_calendar,
        "margin": costs if cube.margin is not None else "empty, as neither costs nor --margin are known",
        "column": ", ".join(log.groups),
    }
    texts = DEFINITIONS if cohort_by is None else {name: BY_VALUE.get(name, text) for name, text in DEFINITIONS.items()}
    if cohort_by is not None:
        texts = texts | {"observed": BY_VALUE["observed"]}
    return {name: text.format_map(words) for name, text in texts.items()}


def _under_way(cube: Cube) -> list[str]:
    """Say that the last figures of cohorts may still grow, where the age is not over for all of their customers."""
    growing = int((cube.seen & ~cube.complete & cube.complete[:, :1]).sum())
    told = (
        f"ages that are not over for all customers of their cohort: {growing}; they still grow, and are in no average"
    )
    return [told] if growing else []


def _partial(cal: Calendar) -> list[str]:
    """Say which cohorts the log does not cover whole."""
    partial = [period.label for place, period in enumerate(cal.periods) if place not in cal.whole]
    return [f"not complete, so in no average: {', '.join(partial)}"] if partial else []
