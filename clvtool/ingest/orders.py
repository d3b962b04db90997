"""From rows to ORDERS: order lines are put together, refunds told apart, and what is no order is set aside."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.columns import LINE_ROLES, STATUS_REASONS, normal
from clvtool.ingest.rows import CODES, Rows, collect
from clvtool.schema import KINDS, LINES, MONEY_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.ingest.reading import ReadOptions, Reading

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
        orders = _without_repeats(orders, reading)
    reading.rows_used = int(orders["rows"].sum())
    reading.currency = _one_currency(orders)
    return orders


def good_rows(part: Rows, options: ReadOptions, reading: Reading) -> tuple[pl.DataFrame, bool]:
    """Return the rows of one source that belong to orders, and whether several of them may make one order.

    Every other row is counted in `reading.set_aside`.
    """
    import polars as pl

    repeated = "order_id" in part.table.columns and _repeats(part.table["order_id"])
    table = with_reasons(part, options, repeated=repeated)
    names = dict(zip(CODES.values(), CODES, strict=True))
    for code, rows, orders, money in _aside(table):
        reading.put_aside(names[code], rows, orders, money)
    bad = table["reason"] > 0
    if bad.any():
        table = table.filter(~bad)
    return table.drop("reason"), repeated


def with_reasons(part: Rows, options: ReadOptions, *, repeated: bool) -> pl.DataFrame:
    """Return all rows of one source, each with its final reason."""
    import polars as pl

    table = _with_status(part, options)
    if options.currency and "currency" in table.columns:
        other = (pl.col("currency").str.to_uppercase() != options.currency.upper()) & (pl.col("reason") == 0)
        table = table.with_columns(reason=_set(other, "other_currency"))
    if repeated:
        table = _inherited(table)
        if not any(part.plan.mapping.get(role) for role in LINE_ROLES):
            table = _without_duplicates(part, table)
    return table


def _one_source(part: Rows, options: ReadOptions, reading: Reading, lines: list[pl.DataFrame] | None) -> pl.DataFrame:
    good, repeated = good_rows(part, options, reading)
    if lines is not None:
        lines.append(good.select(name for name in LINES if name in good.columns))
    grouped = _grouped(part, good) if repeated else _each_alone(good)
    return _settled(part, grouped, reading)


def _each_alone(rows: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    traced = [pl.concat_list("row")] if "row" in rows.columns else []
    return rows.with_columns(pl.lit(1, pl.UInt32).alias("rows"), *traced)


def _set(where: pl.Expr, reason: str) -> pl.Expr:
    import polars as pl

    return pl.when(where.fill_null(value=False)).then(pl.lit(CODES[reason], pl.UInt8)).otherwise(pl.col("reason"))


def _aside(table: pl.DataFrame) -> list[tuple[int, int, int, Decimal]]:
    """Return reason, rows, orders and money of the rows that are set aside."""
    import polars as pl

    aside = table.filter(pl.col("reason") > 0)
    if aside.is_empty():
        return []
    names = aside.columns
    money = next((pl.col(name) for name in ("order_total", "amount") if name in names), pl.lit(0))
    one = money.max() if "order_total" in names else money.sum()
    key = ["reason", "order_id"] if "order_id" in names else ["reason"]
    orders = aside.group_by(key).agg(rows=pl.len(), money=one)
    many = pl.col("order_id").count() if "order_id" in names else pl.col("rows").sum()
    counts = orders.group_by("reason").agg(pl.col("rows").sum(), orders=many, money=pl.col("money").sum())
    return [
        (int(code), int(rows), int(count), Decimal(str(total or 0)))
        for code, rows, count, total in counts.select("reason", "rows", "orders", "money").sort("reason").iter_rows()
    ]


def _with_status(part: Rows, options: ReadOptions) -> pl.DataFrame:
    """Set rows aside for what their own status, cancellation date or order id says; mark refunds in full."""
    import polars as pl

    table = part.table
    kept = {normal(word) for word in options.keep_status}
    if "status" in table.columns:
        words = [word for word in table["status"].unique() if word is not None]
        reasons = {word: STATUS_REASONS.get(normal(word)) for word in words if normal(word) not in kept}
        codes = {word: CODES[reason] for word, reason in reasons.items() if reason in CODES}
        refunded = [word for word, reason in reasons.items() if reason == "refunded"]
        own = pl.col("status").replace_strict(codes, default=0, return_dtype=pl.UInt8) if codes else pl.lit(0, pl.UInt8)
        table = table.with_columns(
            reason=pl.when(pl.col("reason") == 0).then(own.fill_null(0)).otherwise("reason"),
            in_full=pl.col("status").is_in(refunded).fill_null(value=False),
            blank=pl.col("status").is_null(),
        ).drop("status")
    if "cancelled_at" in table.columns:
        if "cancelled" not in kept:
            cancelled = pl.col("cancelled_at").is_not_null() & (pl.col("reason") == 0)
            table = table.with_columns(reason=_set(cancelled, "cancelled"))
        table = table.drop("cancelled_at")
    profile = part.plan.mapping.profile
    if profile and profile.adjustment_prefix and "order_id" in table.columns:
        adjustment = pl.col("order_id").str.starts_with(profile.adjustment_prefix) & (pl.col("reason") == 0)
        table = table.with_columns(reason=_set(adjustment, "adjustment"))
    return table


def _repeats(order_ids: pl.Series) -> bool:
    """Return whether an order id stands on more than one row: different hashes prove different ids."""
    known = order_ids.drop_nulls() if order_ids.null_count() else order_ids
    return known.hash().n_unique() < len(known) and known.n_unique() < len(known)


def _inherited(table: pl.DataFrame) -> pl.DataFrame:
    """Give rows without a status of their own what the rows of the same order say.

    Shopify writes the order's cells on its first row only. Only rows whose own status is blank are touched.
    """
    import polars as pl

    if "blank" not in table.columns:
        return table
    from_status = [CODES[reason] for reason in set(STATUS_REASONS.values()) if reason in CODES]
    of_order = (
        table.lazy()
        .filter(~pl.col("blank") & pl.col("order_id").is_not_null())
        .group_by("order_id")
        .agg(
            inherited=pl.col("reason").filter(pl.col("reason").is_in([0, *from_status])).min(),
            in_full_order=pl.col("in_full").all(),
        )
        .filter((pl.col("inherited") > 0) | pl.col("in_full_order"))
        .collect()
    )
    if of_order.is_empty():
        return table.drop("blank")
    joined = table.join(of_order, on="order_id", how="left", maintain_order="left")
    touched = pl.col("blank") & (pl.col("reason") == 0)
    return joined.with_columns(
        reason=pl.when(touched & (pl.col("inherited") > 0)).then("inherited").otherwise("reason"),
        in_full=pl.col("in_full") | (touched & pl.col("in_full_order").fill_null(value=False)),
    ).drop("blank", "inherited", "in_full_order")


def _without_duplicates(part: Rows, table: pl.DataFrame) -> pl.DataFrame:
    """Set aside rows that are the same in every column of the source as another row of their order."""
    import polars as pl

    scan = part.source.scan()
    cells = [pl.col(name).cast(pl.String).fill_null("") for name in scan.collect_schema().names()]
    fingerprint = collect(part.source, scan.select(fingerprint=pl.concat_str(cells, separator="\x1f").hash()))
    again = (
        table.select("order_id", "reason")
        .with_columns(fingerprint)
        .select(again=~pl.struct("order_id", "fingerprint").is_first_distinct() & pl.col("order_id").is_not_null())
    )
    return (
        table.with_columns(again)
        .with_columns(reason=_set(pl.col("again") & (pl.col("reason") == 0), "duplicate_row"))
        .drop("again")
    )


def _is_refund(part: Rows, columns: Sequence[str], *, by_line: bool) -> pl.Expr:
    """Return where a row takes money back: negative money, negative quantity, or an order id that says so."""
    import polars as pl

    signs = [pl.col("order_total") < 0] if "order_total" in columns else []
    if "order_total" not in columns or by_line:
        signs += [pl.col("amount") < 0] if "amount" in columns else []
        signs += [pl.col("negative")] if "negative" in columns else []
    profile = part.plan.mapping.profile
    if profile and profile.refund_prefix and "order_id" in columns:
        signs.append(pl.col("order_id").str.starts_with(profile.refund_prefix))
    return pl.any_horizontal([sign.fill_null(value=False) for sign in signs] or [pl.lit(value=False)])


def _grouped(part: Rows, rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row per order, and one per order and day for refunds among its lines; rows without an id stay."""
    import polars as pl

    total = "order_total" in rows.columns
    rows = rows.with_columns(refund=_is_refund(part, rows.columns, by_line=not total))
    if total:  # the order's one total already holds what its lines gave back
        rows = rows.with_columns(refund=pl.col("refund") & pl.lit(value=False))
    alone = _each_alone(rows.filter(pl.col("order_id").is_null()))
    lines = rows.filter(pl.col("order_id").is_not_null()) if alone.height else rows
    lines = lines.with_columns(refund_day=pl.when("refund").then("order_date"))
    key = ["order_id", "refund", "refund_day"]
    names = set(rows.columns)
    money = [name for name in ("amount", "cost") if name in names]
    once = [name for name in ("order_total", "refunded_amount") if name in names]
    extras = [name for name in rows.columns if name.startswith("extra_")]
    smallest = [name for name in ("customer_id", "currency", *extras) if name in names]
    grouped = (
        lines.lazy()
        .group_by(key)
        .agg(
            pl.len().alias("rows"),
            *([pl.col("row")] if "row" in names else []),
            pl.col("order_date").min(),
            *(pl.col(name).min() for name in smallest),
            *(pl.col(name).max().alias(f"max_{name}") for name in extras),
            *(pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name) for name in money),
            *(pl.col(name).max() for name in once),
            *(pl.col(name).min().alias(f"min_{name}") for name in once),
            *([pl.col("in_full").all()] if "in_full" in names else []),
            *([pl.col("negative").all()] if "negative" in names else []),
        )
        .collect(engine="streaming")
        .with_columns(pl.col(name).cast(pl.Decimal(18, MONEY_SCALE)) for name in (*money, *once))
    )
    if total:
        _require_one_total(part, grouped)
    grouped = _largest_line(lines, grouped, extras, key)
    grouped = _owners(grouped)
    kept = [name for name in grouped.columns if not name.startswith(("min_", "max_")) and name != "refund_day"]
    return pl.concat([grouped.select(kept), alone], how="diagonal") if alone.height else grouped.select(kept)


def _require_one_total(part: Rows, grouped: pl.DataFrame) -> None:
    import polars as pl

    differing = grouped.filter(pl.col("order_total") != pl.col("min_order_total"))
    if differing.is_empty():
        return
    column = part.plan.mapping.get("order_total")
    first = differing.sort("order_id").row(0, named=True)
    raise DataError(
        f"column {column!r} should be the total of an order, but differs between the rows of {differing.height} orders: "
        f"{first['min_order_total']} and {first['order_total']} in order {first['order_id']}",
        f"if it is the amount of a line, say so: --map amount='{column}'",
    )


def _largest_line(lines: pl.DataFrame, grouped: pl.DataFrame, extras: list[str], key: list[str]) -> pl.DataFrame:
    """Where an extra column varies within an order, take its value on the line with the largest amount."""
    import polars as pl

    for name in extras:
        varying = grouped.filter(pl.col(name) != pl.col(f"max_{name}")).select(key)
        if varying.is_empty():
            continue
        weight = [pl.col("amount").abs()] if "amount" in lines.columns else []
        best = (
            lines.join(varying, on=key, how="semi", nulls_equal=True)
            .filter(pl.col(name).is_not_null())
            .sort([*weight, pl.col(name)], descending=[True] * len(weight) + [False], nulls_last=True)
            .group_by(key, maintain_order=True)
            .agg(best=pl.col(name).first())
        )
        grouped = (
            grouped.join(best, on=key, how="left", nulls_equal=True)
            .with_columns(pl.coalesce("best", name).alias(name))
            .drop("best")
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


def _settled(part: Rows, orders: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Return ORDERS columns from one row per order: amount, kind, refund events, and no row without date or amount."""
    import polars as pl

    names = set(orders.columns)
    if "refund" not in names:
        orders = orders.with_columns(refund=_is_refund(part, orders.columns, by_line="order_total" not in names))
    else:
        orders = orders.with_columns(refund=pl.col("refund") | _is_refund(part, orders.columns, by_line=False))
    if "order_total" in names:
        _note_difference(orders, reading)
        orders = orders.with_columns(amount=pl.col("order_total"))
    has_amount = "amount" in orders.columns
    orders = orders.with_columns(reason=pl.lit(0, pl.UInt8))
    if has_amount:
        orders = orders.with_columns(reason=_set(pl.col("amount").is_null(), "missing_amount"))
    orders = orders.with_columns(reason=_set(pl.col("order_date").is_null(), "missing_date"))
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


def _without_repeats(orders: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Drop orders that stand in more than one input exactly alike; warn of those that differ."""
    import polars as pl

    if "order_id" not in orders.columns or not _repeats(orders["order_id"]):
        return orders
    same = [name for name in orders.columns if name not in {"rows", "row"}]
    again = orders.select(again=~pl.struct(same).is_first_distinct() & pl.col("order_id").is_not_null())["again"]
    _put_aside(reading, "duplicate_row", orders.filter(again))
    orders = orders.filter(~again)
    left = orders.filter(pl.col("kind") == "order")["order_id"].drop_nulls()
    if left.len() > left.n_unique():
        reading.warnings.append(
            f"{left.len() - left.n_unique()} order ids stand in more than one input with different contents; all are kept"
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
