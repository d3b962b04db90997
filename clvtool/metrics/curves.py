"""The curves that `--plot` draws, taken from finished tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.result import Plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

ALL = "all customers"
MOST_COHORTS = 5


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


def of_repeats(table: pl.DataFrame, names: Sequence[tuple[str, ...]], cohort: str) -> Plot:
    """Return the repeat-purchase rate by days since the first order, for the customers of all cohorts together."""
    together = table.filter(table["cohort"] == cohort)
    size = together.height // len(names)
    parts = {_named(name, place): together.slice(place * size, size) for place, name in enumerate(names)}
    return Plot(
        "repeat_rate within so many days of the first order",
        [str(days) for days in together["within_days"].head(size)],
        {name: part["repeat_rate"].to_list() for name, part in parts.items()},
        "rate",
        {ALL: (together["repeat_low"].head(size).to_list(), together["repeat_high"].head(size).to_list())},
    )


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
