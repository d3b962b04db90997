"""--match-refunds: refunds that name no order, paired with the order they mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.ingest.reading import Reading


def match_refunds(orders: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Return ORDERS in which a refund has the id of the order that it mirrors: same customer, same money, not later.

    Of several such orders it is the last before the refund that no earlier refund took. Refunds whose order is known,
    and orders of which something came back, take no part. An order without an id gets `(matched 1)` and so on.
    """
    import polars as pl

    if "amount" not in orders.columns:
        return orders
    if "order_id" not in orders.columns:
        orders = orders.with_columns(order_id=pl.lit(None, pl.String))
    numbered = orders.with_row_index("place")
    alike = [name for name in ("customer_id", "currency", "money") if name in {*orders.columns, "money"}]
    pairs = _pairs(_candidates(numbered, alike), alike)
    if pairs.is_empty():
        reading.add("orders", "matched_refunds", orders=0)
        return orders
    found = numbered.select("order_id", order="place").join(pairs, on="order", maintain_order="right")
    nameless = pl.col("order_id").is_null()
    found = found.with_columns(
        order_id=pl.when(nameless).then(pl.format("(matched {})", nameless.cum_sum())).otherwise("order_id")
    )
    names = pl.concat([found.select("order_id", place=role) for role in ("order", "refund")])
    result = numbered.join(names.rename({"order_id": "of_pair"}), on="place", how="left", maintain_order="left")
    result = result.with_columns(order_id=pl.coalesce("of_pair", "order_id")).drop("place", "of_pair")
    detail = "refunds that took the id of the order they mirror: same customer, same money"
    reading.add("orders", "matched_refunds", orders=pairs.height, detail=detail)
    return result


def _candidates(orders: pl.DataFrame, alike: Sequence[str]) -> pl.DataFrame:
    """Return the orders nothing came back of and the refunds of no known order, each customer's and sum's by day."""
    import polars as pl

    is_refund = pl.col("kind") == "refund"
    bought = orders.filter(~is_refund & (pl.col("amount") > 0) & pl.col("customer_id").is_not_null())
    refunds = orders.filter(is_refund)
    if "given" in orders.columns:
        bought = bought.filter(pl.col("given").is_null())
    bought = bought.join(refunds, on="order_id", how="anti")
    known = orders.filter(~is_refund)
    back = refunds.filter((pl.col("amount") < 0) & pl.col("customer_id").is_not_null())
    back = back.join(known, on="order_id", how="anti")
    extras = sorted(name for name in orders.columns if name.startswith("extra_"))
    both = pl.concat([bought, back]).with_columns(money=pl.col("amount").abs(), back=is_refund)
    return both.sort(*alike, "order_date", "back", "order_id", *extras, nulls_last=True)


def _pairs(events: pl.DataFrame, alike: Sequence[str]) -> pl.DataFrame:
    """Return `order refund`, the places of each pair, from events as `_candidates` sorts them.

    An order opens a bracket and a refund closes the last one that is open; `level` is how deep a bracket is nested.
    """
    import polars as pl

    depth = pl.when("back").then(-1).otherwise(1).cum_sum().over(alike)
    events = events.with_columns(depth=depth)
    lowest = pl.min_horizontal(pl.col("depth").cum_min(), 0)
    events = events.with_columns(lowest=lowest.over(alike))
    before = pl.col("lowest").shift(fill_value=0).over(alike)
    events = events.filter(~pl.col("back") | (pl.col("depth") >= before))  # the others close nothing
    level = pl.col("depth") - pl.col("lowest") + pl.col("back").cast(pl.Int32)
    events = events.with_columns(level=level)
    opened = pl.col("place").shift().over([*alike, "level"])
    return events.with_columns(order=opened).filter("back").select("order", refund="place")
