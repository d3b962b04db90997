"""Flows between segments: from where to where, how many, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvtool.metrics.customers import UNIT
from clvtool.metrics.standing import money
from clvtool.stats import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

ENTERED = "(entered)"
LEFT = "(left)"
TOTAL = "(total)"


def flows_of(before: pl.DataFrame, after: pl.DataFrame, size: int) -> pl.DataFrame:
    """Return one row a flow, with sums over its customers; place `size` is that of those who entered or left."""
    import polars as pl

    both = before.join(after, on="customer_id", how="full")
    known = pl.col("recency_before").is_not_null() & pl.col("recency_after").is_not_null()
    money_and_orders = [f"{what}_{when}" for what in ("orders", "revenue") for when in ("before", "after")]
    return (
        both.with_columns(pl.col("place_before", "place_after").fill_null(size))
        .group_by("place_before", "place_after")
        .agg(
            pl.len().cast(pl.Int64).alias("customers"),
            known.sum().cast(pl.Int64).alias("known"),
            (pl.col("recency_after") - pl.col("recency_before")).sum().alias("recency_change"),
            *(pl.col(name).sum() for name in money_and_orders),
        )
        .sort("place_before", "place_after")
    )


def table_of(flows: pl.DataFrame, names: Sequence[str], *, has_money: bool) -> pl.DataFrame:
    """Return the rows of `migrate`: one a flow, with its share, money, and what changed for its customers."""
    import polars as pl

    came = pl.col("place_before") == len(names)
    per_order = [
        pl.when(pl.col(f"orders_{when}") > 0).then(pl.col(f"revenue_{when}") / (pl.col(f"orders_{when}") * UNIT))
        for when in ("before", "after")
    ]
    table = flows.select(
        pl.Series("from_segment", [*names, ENTERED]).gather(flows["place_before"]),
        pl.Series("to_segment", [*names, LEFT]).gather(flows["place_after"]),
        "customers",
        rate=pl.col("customers") / pl.col("customers").sum().over("place_before"),
        revenue_before=money(flows["revenue_before"].to_numpy()),
        revenue_after=money(flows["revenue_after"].to_numpy()),
        recency_change_days=pl.when(pl.col("known") > 0).then(pl.col("recency_change") / pl.col("known")),
        frequency_change=pl.when(~came).then((pl.col("orders_after") - pl.col("orders_before")) / pl.col("customers")),
        aov_change=per_order[1] - per_order[0],
    )
    if has_money:
        return table
    figures = ("revenue_before", "revenue_after", "aov_change")
    return table.with_columns(pl.lit(None, table.schema[name]).alias(name) for name in figures)


def matrix_of(flows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return customers by from_segment (rows) and to_segment (columns), with the margins."""
    import numpy as np
    import polars as pl

    size = len(names) + 1
    counts = np.zeros((size + 1, size + 1), np.int64)
    counts[flows["place_before"].to_numpy(), flows["place_after"].to_numpy()] = flows["customers"].to_numpy()
    counts[size] = counts.sum(axis=0)
    counts[:, size] = counts.sum(axis=1)
    columns = {name: counts[:, place] for place, name in enumerate([*names, LEFT, TOTAL])}
    return pl.DataFrame({"from_segment": [*names, ENTERED, TOTAL], **columns})


def moves_of(flows: pl.DataFrame, size: int, level: float) -> list[dict[str, Any]]:
    """Return how many of the customers that are in a segment on both days rose, fell and stayed, with intervals."""
    import polars as pl

    stayed = flows.filter((pl.col("place_before") < size) & (pl.col("place_after") < size))
    n = int(stayed["customers"].sum())
    step = pl.col("place_before") - pl.col("place_after")
    found = []
    for direction, which in (("moved up", step > 0), ("moved down", step < 0)):
        count = int(stayed.filter(which)["customers"].sum())
        low, high = wilson(count / n, n, level) if n else (None, None)
        found.append(
            {
                "direction": direction,
                "customers": count,
                "n": n,
                "rate": count / n if n else None,
                "ci_low": low,
                "ci_high": high,
            }
        )
    return found


def told_of(move: dict[str, Any]) -> str:
    """Return in words how many moved."""
    if not move["n"]:
        return "nobody is in a segment on both days"
    return (
        f"{move['customers']:,} of the {move['n']:,} customers in a segment on both days "
        f"({move['rate']:.1%}, {move['ci_low']:.1%} to {move['ci_high']:.1%}), in the order of the segments"
    )
