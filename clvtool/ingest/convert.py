"""A canonical table with its reading, ready to be written, so that no later run has to find anything out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError
from clvtool.ingest.lines import read_lines
from clvtool.ingest.read import METADATA_KEY, read_orders
from clvtool.result import Result
from clvtool.schema import ORDERS, dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.ingest.read import Orders
    from clvtool.ingest.reading import ReadOptions


def convert(
    inputs: Sequence[str], options: ReadOptions, table: str = "orders", *, trace: bool = False
) -> tuple[Result, Orders]:
    """Return ORDERS or LINES as a result whose table is canonical and sorted, and the orders that were read.

    ORDERS carries its reading in `extra`, which a Parquet file keeps as metadata.
    """
    if table == "lines":
        lines, orders = read_lines(inputs, options, trace=trace)
        return Result("lines", "Order lines", lines, currency=orders.currency), orders
    if table != "orders":
        raise UsageError(f"--table {table}: no such table", "there is: orders, lines")
    orders = read_orders(inputs, options, trace=trace)
    canonical = _sorted(orders.table)
    if canonical.is_empty():
        raise DataError("no usable rows")
    metadata = {METADATA_KEY: orders.reading.to_json()}
    return Result("orders", "Orders", canonical, currency=orders.currency, metadata=metadata), orders


def _sorted(orders: pl.DataFrame) -> pl.DataFrame:
    """Return ORDERS with its columns and rows in canonical order; columns that the source lacks are added empty."""
    import polars as pl

    lacking = {name: column for name, column in ORDERS.items() if name not in orders.columns and name == "order_id"}
    full = orders.with_columns(pl.lit(None, dtype(column)).alias(name) for name, column in lacking.items())
    names = [*(name for name in ORDERS if name in full.columns), *(n for n in full.columns if n not in ORDERS)]
    first = ["order_date", "order_id", "customer_id", "kind"]
    return full.select(names).sort([*first, *(name for name in names if name not in first)], nulls_last=True)
