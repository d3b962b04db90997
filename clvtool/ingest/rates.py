"""--rates: amounts of several currencies in one, by a table of exchange rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.dates import date_style
from clvtool.ingest.small import small_table
from clvtool.schema import MONEY_SCALE

if TYPE_CHECKING:
    import polars as pl

    from clvtool.ingest.reading import Reading

RATE_SCALE = 10
"""Decimals that a rate may have."""
SHOWN = 5
"""Currencies without a rate that an error names."""


def in_one_currency(orders: pl.DataFrame, path: str, wanted: str | None, reading: Reading) -> pl.DataFrame:
    """Return ORDERS with all money in one currency: `wanted`, or the one whose rate is 1.

    The file has `currency,rate`, and `date` where rates change: what one unit is worth from that day on. An order has
    the rate of its day, and so have its refunds, so that money given back in full leaves nothing. Amounts are rounded
    to 4 decimals, halves away from zero. Raises DataError where a rate or the currency of an order is missing.
    """
    import polars as pl

    if "currency" not in orders.columns:
        raise DataError("--rates: no order names its currency", "name the column that does: --map currency=COLUMN")
    rates = _rates(path)
    target = _target(rates, path, wanted)
    nameless = orders["currency"].null_count()
    if nameless:
        raise DataError(f"--rates: {nameless} orders name no currency", "complete the column, or leave them out")
    known = _with_rate(orders, rates.filter(pl.col("currency") != target), target)
    missing = known.filter(pl.col("rate").is_null())
    if missing.height:
        raise DataError(
            f"{path} has no rate for {_shown(missing)}", "a row says it: currency,rate or currency,rate,date"
        )
    _note(known, target, reading)
    money = [name for name in ("amount", "cost") if name in orders.columns]
    return known.with_columns(*(_times_rate(name) for name in money), currency=pl.lit(target)).select(orders.columns)


def _rates(path: str) -> pl.DataFrame:
    """Return `currency day rate` of a file; `day` is 1970-01-01 where it has no dates."""
    import polars as pl

    table, found = small_table(path, {name: (name,) for name in ("currency", "rate")}, {"date": ("date",)})
    table = table.filter(pl.col("currency").fill_null("") != "")
    number = pl.col("rate").str.replace(",", ".", literal=True).cast(pl.Decimal(28, RATE_SCALE), strict=False)
    day = pl.lit("1970-01-01").str.to_date()
    if "date" in table.columns:
        style = date_style(table["date"].drop_nulls(), found["date"])
        day = day if style is None else style.parse(pl.col("date"))
    read = table.with_columns(pl.col("currency").str.to_uppercase(), number=number, day=day)
    bad = read.filter(pl.col("number").is_null() | (pl.col("number") <= 0) | pl.col("day").is_null())
    if bad.height:
        shown = ",".join(str(cell) for cell in bad.select(table.columns).row(0))
        raise DataError(f"{path} has a row that is no rate: {shown}", "write it as EUR,4.3025 or EUR,4.3025,2024-01-31")
    twice = read.filter(pl.struct("currency", "day").is_duplicated())
    if twice.height:
        raise DataError(f"{path} has two rates for {twice['currency'][0]} on one day")
    return read.select("currency", "day", rate=pl.col("number").to_physical().cast(pl.Int128)).sort("currency", "day")


def _target(rates: pl.DataFrame, path: str, wanted: str | None) -> str:
    """Return the currency that all the others are told in."""
    import polars as pl

    ones = rates.group_by("currency").agg(one=(pl.col("rate") == 10**RATE_SCALE).all()).filter("one")["currency"]
    bases: list[str] = sorted(ones)
    if wanted is not None and (wanted.upper() in bases or wanted.upper() not in rates["currency"]):
        return wanted.upper()
    if wanted is not None:
        raise DataError(
            f"{path} has a rate other than 1 for {wanted.upper()}", "its rates tell the others in another one"
        )
    if len(bases) != 1:
        raise DataError(
            f"{path} does not say which currency its rates are in",
            "give that one the rate 1, or name it: --currency PLN",
        )
    return bases[0]


def _with_rate(orders: pl.DataFrame, rates: pl.DataFrame, target: str) -> pl.DataFrame:
    """Return the orders with the `rate` of the day of each, or of the order that a refund belongs to."""
    import polars as pl

    table = orders.with_columns(day=pl.col("order_date"))
    if "order_id" in orders.columns:
        bought = orders.filter((pl.col("kind") == "order") & pl.col("order_id").is_not_null())
        days = bought.group_by("order_id").agg(bought=pl.col("order_date").min())
        refund_day = pl.when(pl.col("kind") == "refund").then("bought")
        table = table.join(days, on="order_id", how="left").with_columns(day=pl.coalesce(refund_day, "day"))
    table = table.sort("day").join_asof(rates.sort("day"), on="day", by="currency", check_sortedness=False)
    own = pl.col("currency") == target
    return table.with_columns(rate=pl.when(own).then(pl.lit(10**RATE_SCALE, pl.Int128)).otherwise("rate"))


def _times_rate(name: str) -> pl.Expr:
    """Return money × rate in whole numbers, so that nothing is lost on the way."""
    import polars as pl

    whole, half = 10**RATE_SCALE, 10**RATE_SCALE // 2
    amount = pl.col(name).to_physical().cast(pl.Int128)
    size = (amount.abs() * pl.col("rate") + half) // whole
    signed = size * pl.when(amount < 0).then(-1).otherwise(1).cast(pl.Int128)
    money: pl.Expr = signed.cast(pl.Decimal(38, MONEY_SCALE)) / 10**MONEY_SCALE
    return money.cast(pl.Decimal(18, MONEY_SCALE)).alias(name)


def _shown(missing: pl.DataFrame) -> str:
    import polars as pl

    counts = missing.group_by("currency").agg(pl.len(), pl.col("day").min()).sort("currency")
    shown = [f"{name} on {day} ({count} orders)" for name, count, day in counts.head(SHOWN).iter_rows()]
    return ", ".join(shown)


def _note(known: pl.DataFrame, target: str, reading: Reading) -> None:
    import polars as pl

    money = pl.col("amount").sum() if "amount" in known.columns else pl.lit(None)
    found = known.group_by("currency").agg(
        pl.len(), money.alias("money"), low=pl.col("rate").min(), high=pl.col("rate").max()
    )
    for currency, count, total, low, high in found.sort("currency").iter_rows():
        if currency == target:
            continue
        rates = [
            f"{rate / 10**RATE_SCALE:.{RATE_SCALE}f}".rstrip("0").rstrip(".") for rate in dict.fromkeys((low, high))
        ]
        reading.add(
            "currency", currency, f"in {target} now", orders=count, money=total, detail=f"rate {' to '.join(rates)}"
        )
