"""The tables of cohorts: the long one, the averages, and the triangle for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError
from clvtool.metrics.customers import UNIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.cohort_cube import Cube

AVERAGE = "(average)"
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
class Shape:
    """What the axes of a cube are: the group columns and the names of the groups, and the cohorts."""

    labels: Sequence[str]
    names: Sequence[tuple[str, ...]]
    cohorts: Sequence[str]

    def columns(self, each: int) -> dict[str, Any]:
        """Return the group columns, `each` rows for every group."""
        import polars as pl

        return {
            label: pl.Series([name[place] for name in self.names for _ in range(each)], dtype=pl.String)
            for place, label in enumerate(self.labels)
        }


def table_of(cube: Cube, shape: Shape, *, has_amount: bool, with_observed: bool) -> pl.DataFrame:
    """Return the long table: one row a group, cohort and age; figures are null where the future lies."""
    import numpy as np
    import polars as pl

    count, ages = cube.seen.shape
    groups = len(shape.names)
    seen = np.tile(cube.seen.ravel(), groups)
    size, observed = np.repeat(cube.size.ravel(), ages), cube.observed.ravel()
    columns = shape.columns(count * ages)
    columns["cohort"] = pl.Series(shape.cohorts, dtype=pl.String)[np.tile(np.repeat(np.arange(count), ages), groups)]
    cumulative = cube.cumulative.ravel()
    figures = {
        "active": pl.Series(cube.active.ravel()),
        "retention_rate": over(cube.active.ravel(), observed),
        "orders": pl.Series(cube.orders.ravel()),
        "revenue": money_of(cube.amount.ravel() if has_amount else None, len(seen)),
        "cumulative_revenue": money_of(cumulative if has_amount else None, len(seen)),
        "cumulative_per_customer": over(cumulative / UNIT, observed if has_amount else observed * 0),
        "margin": money_of(None if cube.margin is None else cube.margin.ravel(), len(seen)),
    }
    columns |= {"size": size, "age": np.tile(np.arange(ages), groups * count)}
    columns |= ({"observed": observed} if with_observed else {}) | figures
    table = pl.DataFrame(columns | {"complete": np.tile(cube.complete.ravel(), groups)})
    begun = pl.lit(pl.Series(seen))
    return table.with_columns(pl.when(begun).then(pl.col(name)).alias(name) for name in figures)


def over(top: NDArray[Any], bottom: NDArray[np.int64]) -> pl.Series:
    """Return a ratio, null where there is nothing to divide by."""
    import numpy as np
    import polars as pl

    some = bottom > 0
    return pl.Series(np.divide(top, bottom, out=np.full(top.shape, np.nan), where=some)).fill_nan(None)


def money_of(whole: NDArray[np.int64] | None, rows: int) -> pl.Series:
    """Return ten-thousandths as exact money; null where there is no money."""
    import polars as pl

    money = pl.Decimal(38, 4)
    return pl.Series([None] * rows, dtype=money) if whole is None else pl.Series(whole).cast(money) / UNIT


def figure_of(cube: Cube, value: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return what a triangle shows as numerators and denominators, group × cohort × age."""
    import numpy as np

    if value == "retention":
        return cube.active, cube.observed
    if value == "cumulative":
        return cube.cumulative / UNIT, cube.observed
    if value == "aov":
        return cube.amount / UNIT, cube.orders
    whole = {"customers": cube.active, "orders": cube.orders, "revenue": cube.amount, "margin": cube.margin}[value]
    assert whole is not None  # noqa: S101 - require_figure has asked
    return whole / UNIT if VALUES[value] == "money" else whole, np.ones_like(cube.active)


def require_figure(cube: Cube, value: str, *, has_amount: bool) -> None:
    """Refuse a figure that there is nothing for."""
    if VALUES[value].startswith("money") and not has_amount:
        raise DataError("there is no column with money", "--value retention, customers and orders need none")
    if value == "margin" and cube.margin is None:
        raise DataError("there is no margin", "a cost column gives it, or --margin 0.25")


def averages(cube: Cube, shape: Shape, *, has_amount: bool) -> list[dict[str, Any]]:
    """Return per group and age the curve over all cohorts, weighted by their size, over complete cells."""
    found = []
    kept, size = pooled(*figure_of(cube, "retention"), cube.complete)
    earned = pooled(*figure_of(cube, "cumulative"), cube.complete)[0] if has_amount else None
    for place, name in enumerate(shape.names):
        for age, customers_then in enumerate(size[place].tolist()):
            row = dict(zip(shape.labels, name, strict=True)) | {"age": age, "customers": customers_then}
            known = customers_then > 0
            row["retention_rate"] = float(kept[place, age]) if known else None
            row["cumulative_per_customer"] = float(earned[place, age]) if known and earned is not None else None
            found.append(row)
    return found


def pooled(
    top: NDArray[Any], bottom: NDArray[np.int64], complete: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return Σ numerators ÷ Σ denominators over the complete cells of each age, NaN without any, and the latter."""
    import numpy as np

    below = (bottom * complete).sum(axis=1)
    return np.divide((top * complete).sum(axis=1), below, out=np.full(below.shape, np.nan), where=below > 0), below


def triangle(cube: Cube, shape: Shape, value: str) -> pl.DataFrame:
    """Return one figure as a table of cohorts and ages, the average over complete cells above the cohorts.

    That average is a sum over a sum: rates and money per customer are so weighted by the size of the cohorts.
    """
    import numpy as np
    import polars as pl

    top, bottom = figure_of(cube, value)
    cells_shown = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=(bottom > 0) & cube.seen)
    rows = np.concatenate([pooled(top, bottom, cube.complete)[0][:, None, :], cells_shown], axis=1)
    size = np.concatenate([cube.size.sum(axis=1, keepdims=True), cube.size], axis=1)
    cohort = [AVERAGE, *shape.cohorts]
    count = len(cohort) * len(shape.names)
    columns = shape.columns(len(cohort))
    columns |= {"cohort": cohort * len(shape.names), "size": size.ravel(), "unit": [VALUES[value]] * count}
    ages = rows.reshape(-1, rows.shape[-1])
    return pl.DataFrame(columns | {str(age): pl.Series(ages[:, age]).fill_nan(None) for age in range(ages.shape[1])})
