"""How the columns of a source are to be read: judged on its first rows, verified on all of them.

Only when the rows contradict the judgement is a column looked at as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from clvtool.errors import DataError, InputError
from clvtool.ingest.dates import DateStyle, date_style
from clvtool.ingest.numbers import PLAIN, NumberStyle, number_style
from clvtool.ingest.reading import REASONS, ReadOptions
from clvtool.ingest.source import BadQuotesError, Source, UndecodableError

if TYPE_CHECKING:
    import polars as pl

    from clvtool.ingest.columns import HeaderMap

SAMPLE_ROWS = 5000
MOST_SAMPLES = 3
MONEY_ROLES = ("amount", "order_total", "unit_price", "line_discount", "cost", "unit_cost", "margin", "refunded_amount")
NUMBER_ROLES = (*MONEY_ROLES, "quantity")
BAD = {
    "quantity": "bad_quantity",
    "unit_price": "bad_price",
    "line_discount": "bad_price",
    "cost": "bad_cost",
    "unit_cost": "bad_cost",
    "margin": "bad_cost",
    "refunded_amount": "bad_refund",
}
"""Role → the reason of a row whose number cannot be read; `bad_amount` for the others."""
CODES = {reason: code for code, reason in enumerate(REASONS, start=1)}
"""Reason → the number that stands for it in the `reason` column; 0 is a good row."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the columns of one source are read."""

    mapping: HeaderMap
    numbers: dict[str, NumberStyle] = field(default_factory=dict)
    dates: DateStyle | None = None
    float_ids: frozenset[str] = frozenset()
    unsettled: frozenset[str] = frozenset()  # roles whose first rows did not prove a style
    samples: dict[str, list[str]] = field(default_factory=dict)


def as_text(name: str, schema: pl.Schema) -> pl.Expr:
    """Return a source column as text, whatever a Parquet file made of it."""
    import polars as pl

    column = pl.col(name)
    return column if schema[name] == pl.String else column.cast(pl.String)


def first_plan(source: Source, mapping: HeaderMap, options: ReadOptions) -> Plan:
    """Return the plan that the first rows suggest; what they leave open is in `unsettled`."""
    scan = source.scan()
    schema = scan.collect_schema()
    names = list(mapping.columns.values())
    sample = collect(source, scan.head(SAMPLE_ROWS).select(as_text(name, schema) for name in names))
    values = {role: sample[name].drop_nulls() for role, name in mapping.columns.items()}
    unsettled: set[str] = set()
    numbers: dict[str, NumberStyle] = {}
    for role in NUMBER_ROLES:
        if role not in values:
            continue
        try:
            numbers[role] = number_style(values[role].unique(), mapping.columns[role], options.decimal)
        except DataError:
            numbers[role] = PLAIN
            unsettled.add(role)
        if options.decimal is None and not values[role].str.contains("[.,]").any():
            unsettled.add(role)
    try:
        dates = date_style(values["order_date"].unique(), mapping.columns["order_date"], options.date_format)
    except DataError:
        dates = None
    float_ids = frozenset(
        role
        for role in ("customer_id", "order_id")
        if role in values and len(values[role]) and values[role].str.strip_chars().str.contains(r"^-?\d+\.0$").all()
    )
    if dates is None:
        unsettled.add("order_date")
        dates = date_style(["2000-01-31"], "")
    samples = {role: sorted(set(found.head(50)))[:MOST_SAMPLES] for role, found in values.items()}
    return Plan(mapping, numbers, dates, float_ids, frozenset(unsettled), samples)


def verified(source: Source, plan: Plan, options: ReadOptions, table: pl.DataFrame) -> Plan:
    """Return the plan, or a better one where the rows contradict what the first of them suggested."""
    numbers = dict(plan.numbers)
    for role in used_numbers(plan):
        suspicious = table["reason"].eq(CODES[BAD.get(role, "bad_amount")]).any()
        if role in plan.unsettled:
            suspicious = suspicious or bool(table[f"unproven_{role}"].any())
        if suspicious and options.decimal is None:
            numbers[role] = number_style(_all_values(source, plan, role), plan.mapping.columns[role])
    dates = plan.dates
    if "order_date" in plan.unsettled or table["reason"].eq(CODES["bad_date"]).any():
        dates = date_style(
            _all_values(source, plan, "order_date"), plan.mapping.columns["order_date"], options.date_format
        )
        dates = dates or plan.dates
    float_ids = frozenset(role for role in plan.float_ids if not table[f"unproven_{role}"].any())
    return replace(plan, numbers=numbers, dates=dates, float_ids=float_ids, unsettled=frozenset())


def _all_values(source: Source, plan: Plan, role: str) -> list[str]:
    scan = source.scan()
    column = as_text(plan.mapping.columns[role], scan.collect_schema())
    values: list[str] = collect(source, scan.select(column.drop_nulls().unique())).to_series().to_list()
    return values


def used_numbers(plan: Plan, *, with_lines: bool = False) -> list[str]:
    """Return the roles whose numbers are needed: a price says nothing new where the row has an amount."""
    roles = set(plan.numbers)
    if with_lines:
        return [role for role in NUMBER_ROLES if role in roles]
    if "amount" in roles:
        roles -= {"unit_price", "line_discount"}
    if "margin" in roles:  # asked for, or the only one there: it says the cost
        roles -= {"cost", "unit_cost"}
    elif "cost" in roles:
        roles -= {"unit_cost"}
    if not roles & {"unit_price", "unit_cost"}:
        roles -= {"quantity"}
    return [role for role in NUMBER_ROLES if role in roles]


def collect(source: Source, query: pl.LazyFrame) -> pl.DataFrame:
    """Run a query over a source with the streaming engine; what goes wrong is said of the source."""
    import polars as pl

    try:
        return query.collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        text = str(error)
        if "utf-8" in text.lower():
            raise UndecodableError(f"{source.label} is not {source.encoding}") from None
        if "not properly escaped" in text:
            raise BadQuotesError(f"{source.label} has a quotation mark that is not closed") from None
        raise InputError(f"{source.label} cannot be read: {text.splitlines()[0]}") from None
    except OSError as error:
        raise InputError(f"{source.label} cannot be read: {error.strerror or error}") from None
