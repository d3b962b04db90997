"""Migration between two tables of segments that were written on two days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.metrics.flows import ENTERED, LEFT, flows_of, matrix_of, moves_of, table_of, told_of
from clvtool.metrics.rfm_names import PLAIN
from clvtool.metrics.schemes import ABC, LIFECYCLE, TIERS
from clvtool.result import Result
from clvtool.schema import MONEY_SCALE

if TYPE_CHECKING:
    import polars as pl

NEEDED = ("customer_id", "segment", "recency_days", "orders", "revenue")
ORDERS_OF_NAMES = (*TIERS.values(), tuple(name for name, _ in ABC), LIFECYCLE, tuple(str(row["name"]) for row in PLAIN))
DEFINITIONS = {
    "to_segment": f"segment in the second table; {LEFT} for those who are not in it",
    "customers": f"customers who took this way; from {ENTERED} those who are in the second table alone",
    "rate": "share of the customers of from_segment",
    "revenue_before": "their net revenue in the first table",
    "revenue_after": "their net revenue in the second table, that of the first one included",
    "recency_change_days": "change of the mean of days since the last purchase",
    "frequency_change": "change of orders per customer",
    "aov_change": "change of net revenue per order, over all orders up to each day",
}


def migrate_files(before: pl.DataFrame, after: pl.DataFrame, *, level: float = 0.95) -> Result:
    """Return the flows between two tables of `segment`, as `migrate` does between two days.

    The order of the segments is that of the schemes where their names are known, else by name, and then nobody is said
    to have risen or fallen. Raises DataError for a table that lacks a column or has a customer twice.
    """
    sides = [_checked(before, "first"), _checked(after, "second")]
    found = sorted({name for side in sides for name in side["segment"].to_list()})
    known = next((names for names in ORDERS_OF_NAMES if set(found) <= set(names)), None)
    names = [name for name in known if name in found] if known is not None else found
    flows = flows_of(_side(sides[0], names, "before"), _side(sides[1], names, "after"), len(names))
    moved = moves_of(flows, len(names), level) if known is not None else []
    has_money = all(side["revenue"].null_count() < side.height for side in sides)
    remarks = [f"{move['direction']}: {told_of(move)}" for move in moved]
    if known is None:
        remarks.append("the names of the segments have no known order, so nobody is said to have risen or fallen")
    return Result(
        name="migrate",
        title="Migration between segments (two tables)",
        table=table_of(flows, names, has_money=has_money),
        notes=tuple(remarks),
        definitions=DEFINITIONS,
        extra={"moves": moved},
        screen=matrix_of(flows, names),
    )


def _checked(table: pl.DataFrame, which: str) -> pl.DataFrame:
    import polars as pl

    lacking = [name for name in NEEDED if name not in table.columns]
    if lacking:
        raise DataError(f"the {which} table has no column {lacking[0]!r}", "write it with clvtool segment -o")
    rows = table.select(
        pl.col("customer_id", "segment").cast(pl.String),
        pl.col("recency_days", "orders").cast(pl.Int64, strict=False),
        pl.col("revenue").cast(pl.String).cast(pl.Decimal(38, MONEY_SCALE), strict=False),
    )
    nameless = rows.select(pl.any_horizontal(pl.col("customer_id", "segment").is_null()).any()).item()
    if nameless or rows["customer_id"].is_duplicated().any():
        raise DataError(f"the {which} table has a customer twice, or one without a segment", "one row a customer")
    return rows


def _side(rows: pl.DataFrame, names: list[str], when: str) -> pl.DataFrame:
    import polars as pl

    places = {name: place for place, name in enumerate(names)}
    return rows.select(
        "customer_id",
        pl.col("segment").replace_strict(places, return_dtype=pl.Int64).alias(f"place_{when}"),
        pl.col("recency_days").alias(f"recency_{when}"),
        pl.col("orders").alias(f"orders_{when}"),
        pl.col("revenue").to_physical().cast(pl.Int64).fill_null(0).alias(f"revenue_{when}"),
    )
