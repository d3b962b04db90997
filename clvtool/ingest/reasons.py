"""Which rows belong to orders: status, cancellation, currency and duplicates decide; the rest is counted by reason."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from clvtool.ingest.plan import ASIDE, CODES, as_text
from clvtool.ingest.source import collect
from clvtool.ingest.statuses import STATUS_REASONS, status_reason
from clvtool.ingest.words import LINE_ROLES, normal

if TYPE_CHECKING:
    import polars as pl

    from clvtool.ingest.reading import Reading, ReadOptions
    from clvtool.ingest.rows import Rows


def good_rows(part: Rows, options: ReadOptions, reading: Reading) -> tuple[pl.DataFrame, bool]:
    """Return the rows of one source that belong to orders, and whether several of them may make one order.

    Every other row is counted in `reading.set_aside`.
    """
    import polars as pl

    repeated = "order_id" in part.table.columns and repeats(part.table["order_id"])
    table = with_reasons(part, options, repeated=repeated)
    names = dict(zip(CODES.values(), CODES, strict=True))
    for code, rows, orders, money in _aside(table):
        numbers = table.filter(pl.col("reason") == code)["row"] if "row" in table.columns else ()
        reading.put_aside(names[code], rows, orders, money, numbers)
    bad = table["reason"] > 0
    if bad.any():
        table = table.filter(~bad)
    return table.drop("reason"), repeated


def with_reasons(part: Rows, options: ReadOptions, *, repeated: bool) -> pl.DataFrame:
    """Return all rows of one source, each with its final reason."""
    import polars as pl

    table = _with_status(part, options)
    if repeated:
        table = _inherited(table)
    if "blank" in table.columns:
        table = table.drop("blank")
    if options.currency and not options.rates and "currency" in table.columns:
        currency = _order_currency(table) if repeated else table["currency"]
        other = (currency != options.currency.upper()) & (table["reason"] == 0)
        table = table.with_columns(reason=set_reason(pl.lit(other), "other_currency"))
        if other.any():  # then it is not sure that the nameless ones are of this currency
            nameless = currency.is_null() & (table["reason"] == 0)
            table = table.with_columns(reason=set_reason(pl.lit(nameless), "missing_currency"))
    if repeated and not any(part.plan.mapping.get(role) for role in LINE_ROLES):
        table = _without_duplicates(part, table)
    return table


def _aside(table: pl.DataFrame) -> list[tuple[int, int, int, Decimal]]:
    """Return reason, rows, orders and money of the rows that are set aside."""
    import polars as pl

    aside = table.filter(pl.col("reason") > 0)
    if aside.is_empty():
        return []
    names = aside.columns
    money = next((pl.col(name) for name in ("order_total", "amount") if name in names), pl.lit(0))
    key, one, many = ["reason"], money.sum(), pl.col("rows").sum()
    if "order_id" in names:
        key.append("order_id")
        alone = pl.col("order_id").is_null()
        many = pl.when(alone).then("rows").otherwise(1).sum()
        if "order_total" in names:
            one = pl.when(alone.first()).then(money.sum()).otherwise(money.max())
    orders = aside.group_by(key).agg(rows=pl.len(), money=one)
    counts = orders.group_by("reason").agg(pl.col("rows").sum(), orders=many, money=pl.col("money").sum())
    return [
        (int(code), int(rows), int(count), Decimal(str(total or 0)))
        for code, rows, count, total in counts.select("reason", "rows", "orders", "money").sort("reason").iter_rows()
    ]


def _with_status(part: Rows, options: ReadOptions) -> pl.DataFrame:
    """Set rows aside for what their own status, cancellation date or order id says; mark refunds in full."""
    import polars as pl

    table = part.table
    if "currency" in table.columns and any(word != word.upper() for word in table["currency"].unique().drop_nulls()):
        table = table.with_columns(pl.col("currency").str.to_uppercase())
    kept = {normal(word) for word in options.keep_status}
    blank = [pl.col(name).is_null() for name in ("status", "cancelled_at") if name in table.columns]
    if blank:
        table = table.with_columns(in_full=pl.lit(value=False), blank=pl.all_horizontal(blank))
    profile = part.plan.mapping.profile
    if "status" in table.columns:
        words = [word for word in table["status"].unique() if word is not None]
        reasons = {word: status_reason(word, profile) for word in words if normal(word) not in kept}
        codes = {word: CODES[reason] for word, reason in reasons.items() if reason in CODES}
        refunded = [word for word, reason in reasons.items() if reason == "refunded"]
        own = pl.col("status").replace_strict(codes, default=0, return_dtype=pl.UInt8) if codes else pl.lit(0, pl.UInt8)
        table = table.with_columns(
            reason=pl.when(pl.col("reason") == 0).then(own.fill_null(0)).otherwise("reason"),
            in_full=pl.col("status").is_in(refunded).fill_null(value=False),
        ).drop("status")
    for name in [name for name in table.columns if name.startswith(ASIDE)]:
        said = pl.col(name) & (pl.col("reason") == 0)
        table = table.with_columns(reason=set_reason(said, name.removeprefix(ASIDE))).drop(name)
    if "cancelled_at" in table.columns:
        if "cancelled" not in kept:
            cancelled = pl.col("cancelled_at").is_not_null() & (pl.col("reason") == 0)
            table = table.with_columns(reason=set_reason(cancelled, "cancelled"))
        table = table.drop("cancelled_at")
    if profile and profile.adjustment_prefix and "order_id" in table.columns:
        adjustment = pl.col("order_id").str.starts_with(profile.adjustment_prefix) & (pl.col("reason") == 0)
        table = table.with_columns(reason=set_reason(adjustment, "adjustment"))
    return table


def repeats(order_ids: pl.Series) -> bool:
    """Return whether an order id stands on more than one row: different hashes prove different ids."""
    known = order_ids.drop_nulls() if order_ids.null_count() else order_ids
    hashes = known.hash().sort()
    shared = hashes.filter(hashes == hashes.shift())
    if shared.is_empty():
        return False
    alike = known.filter(known.hash() == shared[0])
    return alike.n_unique() < len(alike) or known.n_unique() < len(known)


def _inherited(table: pl.DataFrame) -> pl.DataFrame:
    """Give rows without a status of their own what the rows of the same order say.

    Shopify writes the order's cells on its first row only. Only rows whose own status is blank are touched.
    """
    import polars as pl

    if "blank" not in table.columns or not table["blank"].any():
        return table
    from_status = [CODES[reason] for reason in set(STATUS_REASONS.values()) if reason in CODES]
    told = table.filter(~pl.col("blank") & pl.col("order_id").is_not_null())
    concerned = told.filter(pl.col("reason").is_in(from_status) | pl.col("in_full"))
    of_order = (
        told.lazy()
        .join(concerned.lazy(), on="order_id", how="semi")
        .group_by("order_id")
        .agg(
            inherited=pl.col("reason").filter(pl.col("reason").is_in([0, *from_status])).min(),
            in_full_order=pl.col("in_full").all(),
        )
        .filter((pl.col("inherited") > 0) | pl.col("in_full_order"))
        .collect()
    )
    if of_order.is_empty():
        return table
    joined = table.join(of_order, on="order_id", how="left", maintain_order="left")
    touched = pl.col("blank") & (pl.col("reason") == 0)
    return joined.with_columns(
        reason=pl.when(touched & (pl.col("inherited") > 0)).then("inherited").otherwise("reason"),
        in_full=pl.col("in_full") | (touched & pl.col("in_full_order").fill_null(value=False)),
    ).drop("inherited", "in_full_order")


def _order_currency(table: pl.DataFrame) -> pl.Series:
    """Return the currency of every row, where it has none of its own that of its order."""
    import polars as pl

    known = pl.col("currency").is_not_null() & pl.col("order_id").is_not_null()
    if not table["currency"].null_count():
        return table["currency"]
    of_order = table.filter(known).group_by("order_id").agg(of_order=pl.col("currency").min())
    joined = table.select("order_id", "currency").join(of_order, on="order_id", how="left", maintain_order="left")
    return joined.select(pl.coalesce("currency", "of_order")).to_series()


def _without_duplicates(part: Rows, table: pl.DataFrame) -> pl.DataFrame:
    """Set aside rows that are the same in every column of the source as another row of their order."""
    import polars as pl

    schema = part.source.schema()
    cells = [as_text(name, schema).fill_null("") for name in schema]
    fingerprint = collect(
        part.source, part.source.scan().select(fingerprint=pl.concat_str(cells, separator="\x1f").hash())
    )
    again = (
        table.select("order_id", "reason")
        .with_columns(fingerprint)
        .select(again=~pl.struct("order_id", "fingerprint").is_first_distinct() & pl.col("order_id").is_not_null())
    )
    return (
        table.with_columns(again)
        .with_columns(reason=set_reason(pl.col("again") & (pl.col("reason") == 0), "duplicate_row"))
        .drop("again")
    )


def set_reason(where: pl.Expr, reason: str) -> pl.Expr:
    """Return the column `reason` with this reason where the condition holds."""
    import polars as pl

    return pl.when(where.fill_null(value=False)).then(pl.lit(CODES[reason], pl.UInt8)).otherwise(pl.col("reason"))
