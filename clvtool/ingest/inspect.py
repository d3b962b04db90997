"""What was understood of the inputs and what happened to every row, as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError
from clvtool.ingest.account import sorted_aside
from clvtool.ingest.answers import Answers, read_answers
from clvtool.ingest.inspect_survey import describe_answers
from clvtool.ingest.kinds import kind_of
from clvtool.ingest.opening import open_sources
from clvtool.ingest.read import Orders, read_orders
from clvtool.ingest.reading import REASONS, Fact, Reading
from clvtool.ingest.surveys import SURVEY
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.ingest.reading import ReadOptions

ENOUGH = 3
MANY_NAMES = 10
"""Names beside one e-mail address that no household has."""
DEFINITIONS = {
    "rows": "rows of the input; rows read = rows used + rows set aside, each set aside for one reason",
    "orders": "orders (or refunds) they make up",
    "money": "sum of their amounts",
}


def inspect(
    inputs: Sequence[str], options: ReadOptions, *, trace: bool = False, settings: Sequence[tuple[str, str, str]] = ()
) -> tuple[Result, Orders | Answers]:
    """Return `section item value rows orders money detail`, and the orders, or the answers to a survey, that were read.

    `settings` (name, value, where from) are the options that nobody typed; they become facts.
    What cannot be settled is a row of the section `problem` and nothing is read; nothing is raised for it.
    Raises InputError and UsageError as `read_orders` does.
    """
    import polars as pl

    reading = Reading()
    problem: DataError | None = None
    if not inputs:
        raise UsageError("there is no INPUT", "name a file, or - for standard input")
    sources = open_sources(inputs, options)
    vocabulary, why = kind_of(sources, options.profile)
    read: Orders | Answers
    try:
        if vocabulary is SURVEY:
            read = read_answers(inputs, options, reading=reading, trace=trace, opened=sources)
        else:
            read = read_orders(inputs, options, reading=reading, trace=trace, opened=sources)
    except DataError as error:
        problem = error
        read = Orders(pl.DataFrame(), reading)
    reading.facts.insert(0, Fact("source", "table", vocabulary.name, detail=why))
    _account(reading)
    if isinstance(read, Answers):
        describe_answers(read)
    elif read.table.height:
        describe(read)
    if problem is not None:
        reading.add("problem", "data", problem.message, detail=problem.hint or None)
    for warning in reading.warnings:
        reading.add("warning", "reading", warning)
    for name, value, origin in settings:
        reading.add("setting", name, value, detail=origin)
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "section": pl.String,
        "item": pl.String,
        "value": pl.String,
        "rows": pl.Int64,
        "orders": pl.Int64,
        "money": pl.Decimal(38, 4),
        "detail": pl.String,
    }
    rows = [
        (fact.section, fact.item, fact.value, fact.rows, fact.orders, fact.money, fact.detail) for fact in reading.facts
    ]
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return Result("inspect", "What was read", table, currency=reading.currency, definitions=DEFINITIONS), read


def describe(orders: Orders) -> None:
    """Add to the reading's facts what the orders themselves show."""
    import polars as pl

    table, reading = orders.table, orders.reading
    is_order = pl.col("kind") == "order"
    bought = table.filter(is_order)
    back = table.filter(~is_order)
    money = "amount" in table.columns
    reading.add("orders", "orders", orders=bought.height, money=_total(bought))
    reading.add("orders", "refunds", orders=back.height, money=_total(back))
    if back.height:
        _links(bought, back, reading)
    if money:
        free = bought.filter(pl.col("amount") == 0)
        reading.add("orders", "at_amount_0", orders=free.height, detail="kept; --zero-orders drop leaves them out")
        reading.add("orders", "net", money=_total(table))
    guests = table.filter(pl.col("customer_id").is_null())
    share = f"{guests.filter(is_order).height / max(bought.height, 1):.1%} of orders"
    detail = "with any order or refund; compute counts those with an order that was not refunded in full"
    reading.add("identity", "customers", table["customer_id"].drop_nulls().n_unique(), detail=detail)
    reading.add(
        "identity", "without_customer", orders=guests.filter(is_order).height, money=_total(guests), detail=share
    )
    _placeholders(bought, reading)
    days = bought["order_date"] if bought.height else table["order_date"]
    reading.add("dates", "first", days.min())
    reading.add("dates", "last", days.max())
    reading.add("currency", "currency", reading.currency or "not named")
    _sufficiency(bought, reading)


def _links(bought: pl.DataFrame, back: pl.DataFrame, reading: Reading) -> None:
    """Note how many refunds belong to an order that is known."""
    linked = back.join(bought, on="order_id", how="semi").height if "order_id" in back.columns else 0
    reading.add("orders", "refunds_linked", orders=linked, detail="to their order, by its id")
    hint = "they take money only; --match-refunds pairs those that mirror an order" if linked < back.height else None
    reading.add("orders", "refunds_not_linked", orders=back.height - linked, detail=hint)


def _account(reading: Reading) -> None:
    aside = sum(one.rows for one in reading.set_aside.values())
    reading.add("rows", "read", rows=reading.rows_read)
    reading.add("rows", "used", rows=reading.rows_used)
    reading.add("rows", "set_aside", rows=aside)
    for reason, one in sorted_aside(reading):
        reading.add(
            "set aside",
            reason,
            rows=one.rows,
            orders=one.orders or None,
            money=one.money or None,
            detail=REASONS[reason],
        )


def _placeholders(bought: pl.DataFrame, reading: Reading) -> None:
    """Warn of e-mail addresses that stand beside very many names: a marketplace writes its own for every buyer."""
    import polars as pl

    for column in sorted({fact.value for fact in reading.facts if fact.item == "customer_name" and fact.value}):
        if column not in bought.columns:  # it is one in another spelling
            continue
        shared = (
            bought.filter(pl.col("customer_id").str.contains("@", literal=True))
            .group_by("customer_id")
            .agg(orders=pl.len(), names=pl.col(column).str.to_lowercase().drop_nulls().n_unique())
            .filter(pl.col("names") > MANY_NAMES)
        )
        if shared.height:
            orders = int(shared["orders"].sum())
            reading.add("identity", "placeholder_emails", shared.height, orders=orders, detail=f"told by {column!r}")
            reading.warnings.append(
                f"{shared.height} e-mail addresses stand beside more than {MANY_NAMES} different names each, as the "
                f"placeholder of a marketplace does: each counts as one customer, with {orders} orders in all "
                "(--map customer_id=COLUMN names a better column)"
            )


def _sufficiency(bought: pl.DataFrame, reading: Reading) -> None:
    import polars as pl

    known = bought.filter(pl.col("customer_id").is_not_null())
    counts = known.group_by("customer_id").agg(days=pl.col("order_date").n_unique())["days"]
    span = bought.select((pl.col("order_date").max() - pl.col("order_date").min()).dt.total_days()).item()
    history = 0 if span is None else span + 1
    reading.add("sufficiency", "days_of_history", history)
    reading.add("sufficiency", "customers", counts.len())
    reading.add("sufficiency", "customers_2_orders", int((counts >= 2).sum()))
    reading.add("sufficiency", "customers_3_orders", int((counts >= ENOUGH).sum()))


def _total(table: pl.DataFrame) -> object:
    return table["amount"].sum() if "amount" in table.columns else None
