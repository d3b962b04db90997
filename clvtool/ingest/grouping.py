"""From order lines to orders: one row an order, and one an order and day for what came back of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.schema import MONEY_SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from clvtool.ingest.reading import Reading
    from clvtool.ingest.rows import Rows


PIECE = 2_500_000
"""About how many lines are put together at a time, so that a long file never stands in memory twice."""
SUMMED = ("amount", "cost", "margin")
"""Money of the lines, which an order adds up."""
ONCE = ("order_total", "refunded_amount")
"""Money of the order, which each of its rows may repeat."""


def grouped_lines(part: Rows, rows: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Return one row per order, and one per order and day for refunds among its lines; rows without an id stay.

    Raises DataError for an order with two totals or two currencies; warns of orders with two customers.
    """
    import polars as pl

    total = "order_total" in rows.columns
    rows = rows.with_columns(refund=is_refund(part, rows.columns, by_line=not total))
    if total:  # the order's one total already holds what its lines gave back
        rows = rows.with_columns(refund=pl.col("refund") & pl.lit(value=False))
    alone = each_alone(rows.filter(pl.col("order_id").is_null()))
    lines = rows.filter(pl.col("order_id").is_not_null()) if alone.height else rows
    del rows
    pieces = [_added_up(piece) for piece in _by_order(lines)]
    grouped = pl.concat(pieces, how="diagonal") if len(pieces) > 1 else pieces[0]
    del lines, pieces
    names = grouped.columns
    if "in_full" in names and grouped["refund"].any():  # rows that took money back say more than the status
        back = grouped.filter("refund")["order_id"].unique()
        grouped = grouped.with_columns(in_full=pl.col("in_full") & ~pl.col("order_id").is_in(back.implode()))
    if "amount" in names:
        fits = pl.col("amount").cast(pl.Decimal(18, MONEY_SCALE), strict=False).is_not_null()
        grouped = grouped.with_columns(too_large=pl.col("amount").is_not_null() & ~fits)
    grouped = grouped.with_columns(
        pl.col(name).cast(pl.Decimal(18, MONEY_SCALE), strict=False) for name in (*SUMMED, *ONCE) if name in names
    )
    if "min_order_total" in names:
        _require_one_total(part, grouped)
    if "max_currency" in names:
        _require_one_currency(grouped)
    if "max_customer_id" in names:
        shared = int((grouped["customer_id"] != grouped["max_customer_id"]).sum())
        if shared:
            reading.warnings.append(
                f"{shared} order ids stand on rows of several customers; each is taken for one order"
            )
    grouped = _owners(grouped)
    kept = [name for name in grouped.columns if not name.startswith(("min_", "max_"))]
    return pl.concat([grouped.select(kept), alone], how="diagonal") if alone.height else grouped.select(kept)


def each_alone(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows as orders of one row each."""
    import polars as pl

    traced = [pl.concat_list("row")] if "row" in rows.columns else []
    return rows.with_columns(pl.lit(1, pl.UInt32).alias("rows"), *traced)


def _by_order(lines: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the lines in pieces of whole orders, so sorted that the lines of one order stand together.

    What came back of an order stands apart, by its day. `place` numbers these groups, `fresh` is where one begins. The
    sort is by a hash: several times faster than by text, and than grouping. That no two groups share a hash is checked.
    """
    import polars as pl

    key = ["order_id"]
    by_hash = pl.col("order_id").hash()
    if lines["refund"].any():
        day = pl.col("order_date").to_physical().fill_null(-1)
        lines = lines.with_columns(refund_day=pl.when("refund").then(day))
        key.append("refund_day")
        by_hash ^= pl.col("refund_day").hash()
    else:
        lines = lines.drop("negative", strict=False)
    count = max(-(-lines.height // PIECE), 1)
    for number in range(count):
        piece = lines if count == 1 else lines.filter(by_hash // -(-(1 << 64) // count) == number)
        changes = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in key)
        first = pl.int_range(pl.len()) == 0
        piece = piece.with_columns(hash=by_hash).sort("hash")
        piece = piece.with_columns(fresh=first | (pl.col("hash") != pl.col("hash").shift())).drop("hash")
        if piece.select((pl.col("fresh") != (first | changes)).any()).item():
            piece = piece.sort(key).with_columns(fresh=first | changes)
        yield piece.with_columns(place=(pl.col("fresh").cum_sum() - 1).set_sorted())


def _added_up(lines: pl.DataFrame) -> pl.DataFrame:
    """Return one row per group of lines.

    Where a text varies within a group it is the smallest, with `max_NAME` beside it; where money of the order does, it
    is the largest, with `min_NAME` beside it.
    """
    import polars as pl

    names = lines.columns
    extras = [name for name in names if name.startswith("extra_")]
    heads = lines.filter("fresh").select("place", "order_id", "refund")
    varying: list[str] = []
    for name in ("customer_id", "currency", *extras, *ONCE):
        if name in names:
            one = _one_value(lines, name, heads.height)
            heads = heads if one is None else heads.with_columns(one)
            varying += [name] if one is None else []
    sums = (
        lines.lazy()
        .group_by("place", maintain_order=True)
        .agg(
            pl.len().alias("rows"),
            *([pl.col("row")] if "row" in names else []),
            pl.col("order_date").min(),
            *(pl.col(name).min() for name in varying if name not in ONCE),
            *(pl.col(name).max().alias(f"max_{name}") for name in varying if name not in ONCE),
            *(pl.col(name).max() for name in varying if name in ONCE),
            *(pl.col(name).min().alias(f"min_{name}") for name in varying if name in ONCE),
            *(
                pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)
                for name in SUMMED
                if name in names
            ),
            *([pl.col("in_full").all()] if "in_full" in names else []),
            *([pl.col("negative").all()] if "negative" in names else []),
        )
        .collect()
    )
    grouped = pl.concat([heads.drop("place"), sums], how="horizontal")
    return _largest_line(lines, grouped, [name for name in extras if name in varying]).drop("place")


def _one_value(lines: pl.DataFrame, name: str, groups: int) -> pl.Series | None:
    """Return the value of each group of lines, be it on one of them only; None where a group has several."""
    import polars as pl

    known = lines.select("place", name)
    known = known.filter(pl.col(name).is_not_null()) if known[name].null_count() else known
    same = pl.col("place") == pl.col("place").shift()
    if known.select((same & (pl.col(name) != pl.col(name).shift())).any()).item():
        return None
    known = known.filter(~same.fill_null(value=False))
    if known.height == groups:
        return known[name]
    places = pl.select(place=pl.int_range(groups).cast(known.schema["place"]))
    return places.join(known, on="place", how="left", maintain_order="left")[name]


def is_refund(part: Rows, columns: Sequence[str], *, by_line: bool) -> pl.Expr:
    """Return where a row takes money back: negative money, negative quantity, or an order id that says so."""
    import polars as pl

    signs = [pl.col("order_total") < 0] if "order_total" in columns else []
    if "order_total" not in columns or by_line:
        signs += [pl.col("amount") < 0] if "amount" in columns else []
        signs += [pl.col("negative")] if "negative" in columns else []
    if "kind" in columns:
        signs.append(pl.col("kind") == "refund")
    profile = part.plan.mapping.profile
    if profile and profile.refund_prefix and "order_id" in columns:
        signs.append(pl.col("order_id").str.starts_with(profile.refund_prefix))
    return pl.any_horizontal([sign.fill_null(value=False) for sign in signs] or [pl.lit(value=False)])


def _require_one_total(part: Rows, grouped: pl.DataFrame) -> None:
    import polars as pl

    differing = grouped.filter(pl.col("order_total") != pl.col("min_order_total"))
    if differing.is_empty():
        return
    column = part.plan.mapping.get("order_total")
    first = differing.sort("order_id").row(0, named=True)
    raise DataError(
        f"column {column!r} should be the total of an order, but differs within {differing.height} orders: "
        f"{first['min_order_total']} and {first['order_total']} in order {first['order_id']}",
        f"if it is the amount of a line, say so: --map amount='{column}'",
    )


def _require_one_currency(grouped: pl.DataFrame) -> None:
    import polars as pl

    mixed = grouped.filter(pl.col("currency") != pl.col("max_currency")).sort("order_id")
    if mixed.is_empty():
        return
    one, other = mixed["currency"][0], mixed["max_currency"][0]
    raise DataError(
        f"{mixed.height} orders are in several currencies, such as order {mixed['order_id'][0]} in {one} and {other}",
        f"amounts of different currencies are never added; keep one: --currency {one}",
    )


def _largest_line(lines: pl.DataFrame, grouped: pl.DataFrame, extras: list[str]) -> pl.DataFrame:
    """Where an extra column varies within an order, take its value on the line with the largest amount."""
    import polars as pl

    for name in extras:
        varying = grouped.filter(pl.col(name) != pl.col(f"max_{name}")).select("place")
        if varying.is_empty():
            continue
        weight = [pl.col("amount").abs()] if "amount" in lines.columns else []
        best = (
            lines.join(varying, on="place", how="semi")
            .filter(pl.col(name).is_not_null())
            .sort([*weight, pl.col(name)], descending=[True] * len(weight) + [False], nulls_last=True)
            .group_by("place", maintain_order=True)
            .agg(best=pl.col(name).first())
        )
        grouped = (
            grouped.join(best, on="place", how="left").with_columns(pl.coalesce("best", name).alias(name)).drop("best")
        )
    return grouped


def _owners(grouped: pl.DataFrame) -> pl.DataFrame:
    """Give refunds without a customer of their own the customer of their order."""
    import polars as pl

    orphans = grouped.filter(pl.col("refund") & pl.col("customer_id").is_null())
    if orphans.is_empty():
        return grouped
    owners = grouped.filter(~pl.col("refund")).select("order_id", owner="customer_id")
    joined = grouped.join(owners, on="order_id", how="left", maintain_order="left")
    return joined.with_columns(customer_id=pl.coalesce("customer_id", "owner")).drop("owner")
