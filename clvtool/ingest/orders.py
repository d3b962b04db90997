"""From rows to ORDERS: order lines are put together, refunds told apart, and what is no order is set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.grouping import each_alone, grouped_lines, is_refund
from clvtool.ingest.plan import CODES
from clvtool.ingest.reasons import good_rows, repeats, set_reason
from clvtool.schema import KINDS, LINES, MONEY_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.ingest.reading import Reading, ReadOptions
    from clvtool.ingest.rows import Rows

LATEST = 0.999
"""Dates more than a year after this quantile of all dates are not believed."""


def to_orders(
    parts: Sequence[Rows], options: ReadOptions, reading: Reading, lines: list[pl.DataFrame] | None = None
) -> pl.DataFrame:
    """Return ORDERS (with the extra columns as `extra_NAME`, and how many source rows each order came from: `rows`).

    Where a list for `lines` is given, the rows that belong to orders are put into it, one table a part.
    Every row of the parts is either in `rows` of one order or counted in `reading.set_aside`.
    Raises DataError for an order total that differs between the rows of one order, and for mixed currencies.
    """
    import polars as pl

    tables = []
    for part in parts:
        reading.rows_read += part.table.height + len(part.source.bad_quotes)
        reading.put_aside("bad_quotes", len(part.source.bad_quotes))
        tables.append(_one_source(part, options, reading, lines))
    orders = pl.concat(tables, how="diagonal") if len(tables) > 1 else tables[0]
    del tables
    orders = _without_implausible(orders, reading)
    if len(parts) > 1:
        orders = _withoutrepeats(orders, reading)
    reading.rows_used = int(orders["rows"].sum())
    reading.currency = _one_currency(orders)
    return orders


def _one_source(part: Rows, options: ReadOptions, reading: Reading, lines: list[pl.DataFrame] | None) -> pl.DataFrame:
    good, repeated = good_rows(part, options, reading)
    if lines is not None:
        lines.append(good.select(name for name in LINES if name in good.columns))
    grouped = grouped_lines(part, good) if repeated else each_alone(good)
    return _settled(part, grouped, reading)


def _settled(part: Rows, orders: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Return ORDERS columns from one row per order: amount, kind, refund events, and no row without date or amount."""
    import polars as pl

    names = set(orders.columns)
    if "refund" not in names:
        orders = orders.with_columns(refund=is_refund(part, orders.columns, by_line="order_total" not in names))
    else:
        orders = orders.with_columns(refund=pl.col("refund") | is_refund(part, orders.columns, by_line=False))
    if "order_total" in names:
        _note_difference(orders, reading)
        orders = orders.with_columns(amount=pl.col("order_total"))
    has_amount = "amount" in orders.columns
    orders = orders.with_columns(reason=pl.lit(0, pl.UInt8))
    if has_amount:
        orders = orders.with_columns(reason=set_reason(pl.col("amount").is_null(), "missing_amount"))
    orders = orders.with_columns(reason=set_reason(pl.col("order_date").is_null(), "missing_date"))
    if (orders["reason"] > 0).any():
        for reason in ("missing_date", "missing_amount"):
            _put_aside(reading, reason, orders.filter(pl.col("reason") == CODES[reason]))
        orders = orders.filter(pl.col("reason") == 0)
    events = _refund_events(orders) if has_amount else None
    kinds = pl.Enum(KINDS)
    sign = pl.when("refund").then(-pl.col("amount").abs()).otherwise("amount") if has_amount else None
    orders = orders.with_columns(
        kind=pl.when("refund").then(pl.lit("refund", kinds)).otherwise(pl.lit("order", kinds)),
        **({"amount": sign.cast(pl.Decimal(18, MONEY_SCALE))} if sign is not None else {}),
    )
    if events is not None and events.height:
        orders = pl.concat([orders, events], how="diagonal")
    if "currency" in names:
        orders = orders.with_columns(pl.col("currency").str.to_uppercase())
    wanted = ["order_id", "customer_id", "order_date", "kind", "amount", "cost", "currency", "rows", "row"]
    return orders.select(
        [name for name in wanted if name in orders.columns] + [n for n in orders.columns if n.startswith("extra_")]
    )


def _put_aside(reading: Reading, reason: str, orders: pl.DataFrame) -> None:
    """Count whole orders that are set aside."""
    numbers = orders["row"].explode().drop_nulls() if "row" in orders.columns else ()
    reading.put_aside(reason, int(orders["rows"].sum()), orders.height, None, numbers)


def _refund_events(orders: pl.DataFrame) -> pl.DataFrame | None:
    """Return one refund event, on the order's day, for each order with a refunded amount or a status that says so."""
    import polars as pl

    given = pl.col("refunded_amount").abs() if "refunded_amount" in orders.columns else pl.lit(None)
    given = given.cast(pl.Decimal(18, MONEY_SCALE))
    if "in_full" in orders.columns:
        given = pl.when(pl.col("in_full") & (given.fill_null(0) == 0)).then("amount").otherwise(given)
    elif "refunded_amount" not in orders.columns:
        return None
    kinds = pl.Enum(KINDS)
    return (
        orders.filter(~pl.col("refund"))
        .with_columns(given=given)
        .filter(pl.col("given") > 0)
        .with_columns(
            amount=(-pl.col("given")).cast(pl.Decimal(18, MONEY_SCALE)),
            kind=pl.lit("refund", kinds),
            rows=pl.lit(0, pl.UInt32),
            **({"row": pl.lit([], pl.List(pl.UInt64))} if "row" in orders.columns else {}),
            **({"cost": pl.lit(None, pl.Decimal(18, MONEY_SCALE))} if "cost" in orders.columns else {}),
        )
        .drop("given")
    )


def _note_difference(orders: pl.DataFrame, reading: Reading) -> None:
    import polars as pl

    if "amount" not in orders.columns:
        return
    differing = orders.filter((pl.col("order_total") - pl.col("amount")).abs() > 0)
    if differing.height:
        difference = differing.select((pl.col("order_total") - pl.col("amount")).sum()).item()
        reading.add(
            "orders",
            "total_less_lines",
            orders=differing.height,
            money=difference,
            detail="order totals less the sum of their lines: shipping, tax, order discounts; the totals are used",
        )


def _without_implausible(orders: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Set aside dates at or before 1970-01-01, and dates more than 366 days after the 99.9th percentile."""
    if orders.is_empty():
        return orders
    days = orders["order_date"].to_physical()
    latest = days.quantile(LATEST, interpolation="lower")
    bad = (days <= 0) | (days > (latest or 0) + 366)
    if not bad.any():
        return orders
    _put_aside(reading, "implausible_date", orders.filter(bad))
    return orders.filter(~bad)


def _withoutrepeats(orders: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Drop orders that stand in more than one input exactly alike; warn of those that differ."""
    import polars as pl

    if "order_id" not in orders.columns or not repeats(orders["order_id"]):
        return orders
    same = [name for name in orders.columns if name not in {"rows", "row"}]
    again = orders.select(again=~pl.struct(same).is_first_distinct() & pl.col("order_id").is_not_null())["again"]
    _put_aside(reading, "duplicate_row", orders.filter(again))
    orders = orders.filter(~again)
    left = orders.filter(pl.col("kind") == "order")["order_id"].drop_nulls()
    if left.len() > left.n_unique():
        reading.warnings.append(
            f"{left.len() - left.n_unique()} order ids stand in several inputs with different contents; all are kept"
        )
    return orders


def _one_currency(orders: pl.DataFrame) -> str | None:
    if "currency" not in orders.columns:
        return None
    counts = orders.group_by("currency").len().drop_nulls().sort("len", "currency", descending=[True, False])
    if counts.height > 1:
        shown = ", ".join(f"{name} ({count})" for name, count in counts.head(8).iter_rows())
        raise DataError(
            f"the orders are in {counts.height} currencies: {shown}",
            f"amounts of different currencies are never added; keep one: --currency {counts['currency'][0]}",
        )
    return None if counts.is_empty() else str(counts["currency"][0])
