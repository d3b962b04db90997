"""Per-customer contributions to every sum that a figure needs, added up exactly per group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.customers import UNIT
from clvtool.stats import Moments, exact_moments

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

_MOST = 1 << 126
MONEY = frozenset({"revenue", "cost", "amount", "period_revenue", "period_cost", "first_value"})


def group_moments(
    columns: Mapping[str, NDArray[np.int64]], group: NDArray[np.int64], groups: int
) -> tuple[Moments, list[Moments]]:
    """Return the moments of all units together and of each group.

    `columns` are whole numbers per unit, money (the names in MONEY) in ten-thousandths. Sums of products are whole
    numbers too: 128 bits where they fit, and Python's own where they might not.
    """
    import polars as pl

    names = list(columns)
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names))]
    count = len(group)
    largest = [max(abs(int(values.max(initial=0))), abs(int(values.min(initial=0)))) for values in columns.values()]
    fits = max(largest, default=0) ** 2 * max(count, 1) < _MOST
    totals: dict[int, tuple[int, list[int], list[int]]] = {
        place: (0, [0] * len(names), [0] * len(pairs)) for place in range(groups)
    }
    if fits:
        frame = pl.DataFrame({"group": group, **{str(i): columns[name] for i, name in enumerate(names)}}).lazy()
        wide = frame.with_columns(pl.col(str(i)).cast(pl.Int128) for i in range(len(names)))
        sums = wide.group_by("group").agg(
            pl.len(),
            *(pl.col(str(i)).sum().alias(f"s{i}") for i in range(len(names))),
            *((pl.col(str(i)) * pl.col(str(j))).sum().alias(f"p{i}_{j}") for i, j in pairs),
        )
        for place, units, *values in sums.collect().iter_rows():
            totals[place] = (int(units), [int(v) for v in values[: len(names)]], [int(v) for v in values[len(names) :]])
    else:
        whole = [[int(value) for value in values] for values in columns.values()]
        for place in range(groups):
            chosen = [k for k in range(count) if group[k] == place]
            totals[place] = (
                len(chosen),
                [sum(values[k] for k in chosen) for values in whole],
                [sum(whole[i][k] * whole[j][k] for k in chosen) for i, j in pairs],
            )
    everyone = (
        sum(units for units, _, _ in totals.values()),
        [sum(sums) for sums in zip(*(total[1] for total in totals.values()), strict=True)],
        [sum(products) for products in zip(*(total[2] for total in totals.values()), strict=True)],
    )
    scale = [UNIT if name in MONEY else 1 for name in names]

    def moments(total: tuple[int, list[int], list[int]]) -> Moments:
        units, sums, products = total
        square = [[0] * len(names) for _ in names]
        for (i, j), product in zip(pairs, products, strict=True):
            square[i][j] = square[j][i] = product
        return exact_moments(units, names, sums, square, scale)

    return moments(everyone), [moments(totals[place]) for place in range(groups)]


def added(left: Moments, right: Moments) -> Moments:
    """Return the moments of two sets of units with the same columns, taken as independent strata."""
    sums = {name: left.sums[name] + right.sums[name] for name in left.names}
    return Moments(left.n + right.n, left.names, sums, left.covariance + right.covariance)
