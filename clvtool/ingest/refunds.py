"""Refund events of orders that say themselves that money went back: by a refunded amount, or by their status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.schema import KINDS, MONEY_SCALE

if TYPE_CHECKING:
    import polars as pl


def given_back(orders: pl.DataFrame) -> pl.Expr | None:
    """Return what each order gave back, null where nothing; None where no column could say so.

    A status that says so gives the whole amount back, unless a refunded amount says more exactly how much.
    """
    import polars as pl

    money = pl.Decimal(18, MONEY_SCALE)
    given = pl.col("refunded_amount").abs() if "refunded_amount" in orders.columns else pl.lit(None)
    given = given.cast(money)
    if "in_full" in orders.columns:
        given = pl.when(pl.col("in_full") & (given.fill_null(0) == 0)).then("amount").otherwise(given)
    elif "refunded_amount" not in orders.columns:
        return None
    return pl.when(~pl.col("refund") & (given > 0)).then(given).cast(money)


def with_refund_events(orders: pl.DataFrame) -> pl.DataFrame:
    """Return the orders without the column `given`, and a refund of that much on the day of each order that has it.

    An order and its refund belong together by the order id. Where the source has none for the order, both get
    `(refunded 1)` and so on, counted over the orders by their content.
    """
    import polars as pl

    if "given" not in orders.columns:
        return orders
    where = pl.col("given").is_not_null()
    back, rest = orders.filter(where), orders.filter(~where)
    if back.height:
        back = _with_ids(back)
        rest = rest if "order_id" in rest.columns else rest.with_columns(order_id=pl.lit(None, pl.String))
        events = back.with_columns(
            amount=-pl.col("given"),
            kind=pl.lit("refund", pl.Enum(KINDS)),
            rows=pl.lit(0, pl.UInt32),
            **({"row": pl.lit([], pl.List(pl.UInt64))} if "row" in back.columns else {}),
            **({"cost": pl.lit(None, pl.Decimal(18, MONEY_SCALE))} if "cost" in back.columns else {}),
        )
        rest = pl.concat([rest, back, events], how="diagonal")
    return rest.drop("given")


def _with_ids(orders: pl.DataFrame) -> pl.DataFrame:
    """Give orders without an id one of their own, whatever the order of the rows and of the columns."""
    import polars as pl

    if "order_id" not in orders.columns:
        orders = orders.with_columns(order_id=pl.lit(None, pl.String))
    nameless = orders.filter(pl.col("order_id").is_null())
    if nameless.is_empty():
        return orders
    content = sorted(name for name in nameless.columns if name not in {"row", "part"})
    numbers = pl.format("(refunded {})", pl.int_range(1, pl.len() + 1))
    nameless = nameless.sort(content, nulls_last=True).with_columns(order_id=numbers)
    return pl.concat([orders.filter(pl.col("order_id").is_not_null()), nameless])
