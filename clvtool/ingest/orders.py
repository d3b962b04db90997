"""From rows to ORDERS: order lines are put together, refunds told apart, and what is no order is set aside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.grouping import each_alone, grouped_lines, is_refund
from clvtool.ingest.matching import match_refunds
from clvtool.ingest.rates import in_one_currency
from clvtool.ingest.reasons import good_rows, repeats
from clvtool.ingest.refunds import given_back, with_refund_events
from clvtool.schema import KINDS, LINES, MONEY_SCALE, ORDERS

if TYPE_CHECKING:
    import polars as pl

    from clvtool.ingest.reading import Reading, ReadOptions
    from clvtool.ingest.rows import Rows

LATEST = 0.999
"""Dates more than a year after this quantile of all dates are not believed."""


def to_orders(
    parts: list[Rows],
    options: ReadOptions,
    reading: Reading,
    lines: list[pl.DataFrame] | None = None,
    *,
    whole: bool = False,
    ids: bool = True,
) -> pl.DataFrame:
    """Return ORDERS with the extra columns as `extra_NAME`, `rows` (how many rows made the order) and `part` (of whom).

    Where a list for `lines` is given, the rows that belong to orders are put into it, one table a part. `whole` says
    that the parts hold every column of their sources, so that rows can be compared. Without `ids` the order ids are
    left out where no refund needs them. The list of parts is emptied, so that the rows of each are let go when its
    orders are there. Every row of the parts is either in `rows` of one order or counted in `reading.set_aside`.
    Raises DataError for an order total that differs between the rows of one order, and for mixed currencies.
    """
    import polars as pl

    tables: list[pl.DataFrame] = []
    several = len(parts) > 1
    while parts:
        place, part = len(tables), parts.pop(0)
        reading.rows_read += part.table.height + len(part.source.given_up)
        reading.put_aside(part.source.why_given_up, len(part.source.given_up))
        good, repeated = good_rows(part, options, reading)
        part = replace(part, table=part.table.clear())
        if whole:
            _note_equal_lines(good, reading)
        if lines is not None:
            own = good.select(name for name in LINES if name in good.columns)
            lines.append(own.with_columns(part=pl.lit(place)))
        only = [good]
        del good
        grouped = grouped_lines(part, only.pop(), reading) if repeated else each_alone(only.pop())
        tables.append(_settled(part, grouped, reading).with_columns(part=pl.lit(place)))
    orders = pl.concat(tables, how="diagonal") if len(tables) > 1 else tables[0]
    del tables
    if several:
        if "amount" in orders.columns:  # but not in all parts
            orders = _without(orders, {"missing_amount": pl.col("amount").is_null()}, reading)
        orders = _without_copies(orders, reading)
    orders = _without_implausible(orders, reading)
    if options.match_refunds:
        orders = match_refunds(orders, reading)
    orders = with_refund_events(orders)
    if options.rates:
        orders = in_one_currency(orders, options.rates, options.currency, reading)
    if not ids and not (orders["kind"] == "refund").any():
        orders = orders.drop("order_id", strict=False)
    reading.rows_used = int(orders["rows"].sum())
    reading.currency = _one_currency(orders, reading)
    return orders


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
    bad = {"missing_date": pl.col("order_date").is_null()}
    if "too_large" in names:
        bad = {"bad_amount": pl.col("too_large"), **bad}
    if "amount" in orders.columns:
        bad["missing_amount"] = pl.col("amount").is_null()
    orders = _without(orders, bad, reading)
    kinds = pl.Enum(KINDS)
    kind = pl.when("refund").then(pl.lit("refund", kinds)).otherwise(pl.lit("order", kinds))
    orders = orders.with_columns(kind=kind)
    if "amount" in orders.columns:
        orders = _with_money(orders)
    wanted = [*ORDERS, "given", "rows", "row"]
    return orders.select(
        [name for name in wanted if name in orders.columns] + [n for n in orders.columns if n.startswith("extra_")]
    )


def _with_money(orders: pl.DataFrame) -> pl.DataFrame:
    """Return the orders with their cost, refunds with a minus, and `given` where they say that money went back."""
    import polars as pl

    money = pl.Decimal(18, MONEY_SCALE)
    if "margin" in orders.columns:
        orders = orders.with_columns(cost=(pl.col("amount") - pl.col("margin")).cast(money, strict=False))
    given = given_back(orders)
    if given is not None:
        orders = orders.with_columns(given=given)
    unsigned = pl.col("refund") & (pl.col("amount") > 0)
    return orders.with_columns(
        pl.when(unsigned).then(-pl.col(name)).otherwise(name).cast(money).alias(name)
        for name in ("amount", "cost")
        if name in orders.columns
    )


def _without(orders: pl.DataFrame, bad: dict[str, pl.Expr], reading: Reading) -> pl.DataFrame:
    """Set whole orders aside: for each reason where it holds; the first that fits counts."""
    for reason, where in bad.items():
        found = orders.select(where.alias("found"))["found"]
        if found.any():
            aside = orders.filter(found)
            numbers = aside["row"].explode().drop_nulls() if "row" in aside.columns else ()
            reading.put_aside(reason, int(aside["rows"].sum()), aside.height, None, numbers)
            orders = orders.filter(~found)
    return orders


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


def _note_equal_lines(rows: pl.DataFrame, reading: Reading) -> None:
    """Report rows that are the same in every column as an earlier one: they can be real, and are kept."""
    again = rows.height - rows.drop("row", strict=False).hash_rows().n_unique()
    if again:
        reading.add("orders", "equal_rows", rows=again, detail="the same in every column as another row; kept")


def _without_implausible(orders: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Set aside dates at or before 1970-01-01, and dates more than 366 days after the 99.9th percentile."""
    import polars as pl

    return _without(orders, {"implausible_date": pl.lit(implausible(orders["order_date"]))}, reading)


def implausible(dates: pl.Series) -> pl.Series:
    """Return which dates are at or before 1970-01-01, or more than 366 days after the 99.9th percentile."""
    days = dates.to_physical()
    latest = days.filter(days > 0).quantile(LATEST, interpolation="lower") or 0
    return ((days <= 0) | (days > latest + 366)).fill_null(value=False)


def _without_copies(orders: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Count an order that stands in several inputs once; warn of those that differ there."""
    import polars as pl

    if "order_id" not in orders.columns or not repeats(orders["order_id"]):
        return orders
    # not by currency: one input may write it beside the amount, and another not at all
    canonical = pl.struct(name for name in ORDERS if name in orders.columns and name != "currency")
    doubled = orders.select(found=canonical.is_duplicated() & pl.col("order_id").is_not_null())["found"]
    extras = [name for name in orders.columns if name == "currency" or name.startswith("extra_")]
    copies = orders.filter(doubled)
    if "given" in orders.columns:  # the later export knows of the refund
        copies = copies.sort("given", *extras, descending=[True] + [False] * len(extras), nulls_last=True)
    elif extras:  # which copy stays must not hang on the order of the inputs
        copies = copies.sort(extras, nulls_last=True)
    one_each = _without(copies, {"duplicate_row": ~canonical.is_first_distinct()}, reading)
    orders = pl.concat([orders.filter(~doubled), one_each])
    left = orders.filter(pl.col("kind") == "order")["order_id"].drop_nulls()
    if left.len() > left.n_unique():
        reading.warnings.append(
            f"{left.len() - left.n_unique()} order ids stand in several inputs with different contents; all are kept"
        )
    return orders


def _one_currency(orders: pl.DataFrame, reading: Reading) -> str | None:
    if "currency" not in orders.columns:
        return None
    counts = orders.group_by("currency").len().drop_nulls().sort("len", "currency", descending=[True, False])
    if counts.height > 1:
        shown = ", ".join(f"{name} ({count})" for name, count in counts.head(8).iter_rows())
        raise DataError(
            f"the orders are in {counts.height} currencies: {shown}",
            f"amounts of different currencies are never added; keep one: --currency {counts['currency'][0]}, "
            "or say what they are worth: --rates FILE",
        )
    if counts.is_empty():
        return None
    currency, nameless = str(counts["currency"][0]), orders["currency"].null_count()
    if nameless:
        reading.warnings.append(f"{nameless} orders name no currency; they are taken for {currency}, as all others are")
    return currency
