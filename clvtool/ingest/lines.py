"""LINES: one row per order line, for what is bought together and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.read import Orders, read_orders
from clvtool.schema import LINES, dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.ingest.reading import ReadOptions


def read_lines(inputs: Sequence[str], options: ReadOptions, *, trace: bool = False) -> tuple[pl.DataFrame, Orders]:
    """Return the LINES of the orders that count, and these orders.

    A line belongs to an order of ORDERS; lines that were set aside, and those of orders that were, are not in it.
    Raises DataError when the source has no order id or no product column.
    """
    import polars as pl

    orders = read_orders(inputs, options, trace=trace, keep_lines=True)
    found = orders.lines
    if found is None or "order_id" not in found.columns:
        raise DataError("there are no order lines: no column for the order id", "say it with --map order_id=COLUMN")
    if not {"product_id", "product_name"} & set(found.columns):
        raise DataError("there are no order lines: no column for the product", "say it with --map product_name=COLUMN")
    full = found.with_columns(
        pl.lit(None, dtype(column)).alias(name) for name, column in LINES.items() if name not in found.columns
    )
    content = [name for name in LINES if name not in {"order_id", "line"}]
    ordered = full.sort("order_id", *content, nulls_last=True)
    numbered = ordered.with_columns(line=pl.int_range(1, pl.len() + 1).over("order_id"))
    return numbered.select(pl.col(name).cast(dtype(column)) for name, column in LINES.items()), orders
