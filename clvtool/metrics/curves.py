"""The curves that `--plot` draws, taken from finished tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.cohort_rows import ALL as EVERY_COHORT
from clvtool.metrics.groups import TOTAL
from clvtool.result import Plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

ALL = "all customers"
MOST_COHORTS = 5
VALUES = ("clv_predictive", "clv_average_lifespan", "clv_revenue_based", "clv_comprehensive")
WAYS = (("up", "up_rate"), ("down", "down_rate"))


def of_balance(table: pl.DataFrame, names: Sequence[tuple[str, ...]]) -> Plot:
    """Return the retention rate and the customers at the end of each period, a line for each group."""
    size = table.height // len(names)
    parts = {_named(name, place): table.slice(place * size, size) for place, name in enumerate(names)}
    periods = table["period"].head(size).to_list()
    customers = Plot(
        "end: customers active at the end",
        periods,
        {name: part["end"].to_list() for name, part in parts.items()},
        "customers",
    )
    return Plot(
        "retention_rate",
        periods,
        {name: part["retention_rate"].to_list() for name, part in parts.items()},
        "rate",
        {ALL: (table["retention_low"].head(size).to_list(), table["retention_high"].head(size).to_list())},
        below=customers,
    )


def of_repeats(table: pl.DataFrame, names: Sequence[tuple[str, ...]]) -> Plot:
    """Return the repeat-purchase rate by days since the first order, for the customers of all cohorts together."""
    title = "repeat_rate within so many days of the first order"
    return _by_days(table, names, "repeat_rate", "rate", title, ("repeat_low", "repeat_high"))


def of_windows(table: pl.DataFrame, names: Sequence[tuple[str, ...]], column: str) -> Plot:
    """Return a figure by days since the first order, for the customers of all cohorts together."""
    unit = "money" if column.startswith("revenue") else "number"
    return _by_days(table, names, column, unit, f"{column} within so many days of the first order")


def _by_days(
    table: pl.DataFrame,
    names: Sequence[tuple[str, ...]],
    column: str,
    unit: str,
    title: str,
    bounds: tuple[str, ...] = (),
) -> Plot:
    together = table.filter(table["cohort"] == EVERY_COHORT)
    size = together.height // len(names)
    parts = {_named(name, place): together.slice(place * size, size) for place, name in enumerate(names)}
    low_and_high = [together[bound].head(size).to_list() for bound in bounds]
    return Plot(
        title,
        [str(days) for days in together["within_days"].head(size)],
        {name: part[column].to_list() for name, part in parts.items()},
        unit,
        {ALL: (low_and_high[0], low_and_high[1])} if bounds else {},
    )


def of_values(table: pl.DataFrame, labels: Sequence[str], periods: Sequence[str]) -> Plot:
    """Return the customer lifetime value by each method as it stood at the end of each period, for all customers."""
    import polars as pl

    whole = table.filter(pl.lit(value=True), *(pl.col(label) == TOTAL for label in labels))
    lines = {name: whole.filter(metric=name)["value"].to_list() for name in VALUES}
    return Plot(f"clv at the end of the period, by method, of {ALL}", periods, lines, "money")


def of_steps(steps: pl.DataFrame) -> Plot:
    """Return the shares of customers who rose and who fell, by the last day of each step."""
    days = [day.isoformat() for day in steps["to_date"]]
    lines = {name: steps[name].to_list() for name in ("up_rate", "down_rate")}
    bands = {name: (steps[f"{way}_low_rate"].to_list(), steps[f"{way}_high_rate"].to_list()) for way, name in WAYS}
    return Plot("up_rate and down_rate up to each day", days, lines, "rate", bands)


def of_cohorts(table: pl.DataFrame, average: Sequence[float | None], column: str, unit: str, title: str) -> Plot:
    """Return a figure by age: the average of all cohorts, and some of them from the first to the last.

    `table` is that of the total. Of a cohort the complete cells count.
    """
    import polars as pl

    whole = table.filter("complete", pl.col("size") > 0)
    cohorts = whole["cohort"].unique(maintain_order=True).to_list()
    last = len(cohorts) - 1
    steps = min(last, MOST_COHORTS - 1)
    some = [place * last // steps for place in range(steps + 1)] if steps > 0 else range(len(cohorts))
    lines = {"average": list(average)}
    for place in some:
        own = whole.filter(pl.col("cohort") == cohorts[place])[column].to_list()
        lines[cohorts[place]] = own + [None] * (len(average) - len(own))
    return Plot(title, [str(age) for age in range(len(average))], lines, unit)


def _named(name: tuple[str, ...], place: int) -> str:
    return ", ".join(name) if place else ALL
