"""The one pass over a source: every row in, with its canonical cells and the reason if it cannot be used.

How numbers and dates are written is judged on the first rows and verified on all of them within the pass; only when
they contradict the judgement is the column looked at as a whole, and the pass made again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from clvtool.errors import DataError, InputError
from clvtool.ingest.columns import MISSING_IDENTITY, Mapping_
from clvtool.ingest.dates import DateStyle, date_style
from clvtool.ingest.numbers import PLAIN, NumberStyle, number_style
from clvtool.ingest.reading import REASONS, ReadOptions
from clvtool.ingest.source import SURPLUS, BadQuotesError, Source, UndecodableError, with_encoding
from clvtool.ingest.tolerant import without_bad_quotes

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

SAMPLE_ROWS = 5000
MOST_SAMPLES = 3
MONEY_ROLES = ("amount", "order_total", "unit_price", "line_discount", "cost", "unit_cost", "margin", "refunded_amount")
COST_ROLES = ("cost", "unit_cost", "margin")
NUMBER_ROLES = (*MONEY_ROLES, "quantity")
_BAD = {
    "quantity": "bad_quantity",
    "unit_price": "bad_price",
    "line_discount": "bad_price",
    "cost": "bad_cost",
    "unit_cost": "bad_cost",
    "margin": "bad_cost",
    "refunded_amount": "bad_refund",
}
IDENTIFIERS = ("order_id", "customer_id")
ID_EDGES = " \t\r\n\u00a0'"
"""What is cut off the ends of an id: white space, and the apostrophe by which spreadsheets keep numbers as text."""
NOBODY = sorted({form for word in MISSING_IDENTITY for form in (word, word.upper(), word.capitalize())} | {"NaN"})
CODES = {reason: code for code, reason in enumerate(REASONS, start=1)}
"""Reason → the number that stands for it in the `reason` column; 0 is a good row."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the columns of one source are read."""

    mapping: Mapping_
    numbers: dict[str, NumberStyle] = field(default_factory=dict)
    dates: DateStyle | None = None
    float_ids: frozenset[str] = frozenset()
    unsettled: frozenset[str] = frozenset()  # roles whose first rows did not prove a style
    samples: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of one source: canonical cells, `reason`, and `extra` columns as they were."""

    table: pl.DataFrame
    plan: Plan
    source: Source
    rounded: int


def read_rows(
    source: Source,
    mapping: Mapping_,
    options: ReadOptions,
    extras: Iterable[str],
    *,
    with_cost: bool,
    with_lines: bool = False,
) -> Rows:
    """Read all rows of a source.

    The table has `order_id customer_id order_date amount order_total cost currency status cancelled_at
    refunded_amount negative` as far as the source has them, with `with_lines` also `product_id product_name category
    quantity unit_price`, then `reason` (0 or a code of CODES) and the extra columns as `extra_NAME`.
    Raises DataError where numbers or dates can be read two ways.
    """
    if not with_cost:
        without = {role: name for role, name in mapping.columns.items() if role not in COST_ROLES}
        mapping = Mapping_(without, mapping.profile)
    extras = list(extras)
    try:
        plan = _first_plan(source, mapping, options)
        table = _pass(source, plan, options, extras, with_lines=with_lines)
    except UndecodableError:
        if options.encoding:
            raise
        return read_rows(with_encoding(source), mapping, options, extras, with_cost=with_cost, with_lines=with_lines)
    except BadQuotesError:
        return read_rows(
            without_bad_quotes(source), mapping, options, extras, with_cost=with_cost, with_lines=with_lines
        )
    better = _verified(source, plan, options, table)
    if (better.numbers, better.dates, better.float_ids) != (plan.numbers, plan.dates, plan.float_ids):
        table = _pass(source, better, options, extras, with_lines=with_lines)
    rounded = int(table["rounded"].sum())
    drop = [name for name in table.columns if name.startswith("unproven_")] + ["rounded"]
    return Rows(table.drop(drop), better, source, rounded)


def _text(name: str, schema: pl.Schema) -> pl.Expr:
    import polars as pl

    column = pl.col(name)
    return column if schema[name] == pl.String else column.cast(pl.String)


def _first_plan(source: Source, mapping: Mapping_, options: ReadOptions) -> Plan:
    scan = source.scan()
    schema = scan.collect_schema()
    names = list(mapping.columns.values())
    sample = collect(source, scan.head(SAMPLE_ROWS).select(_text(name, schema) for name in names))
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


def _pass(source: Source, plan: Plan, options: ReadOptions, extras: list[str], *, with_lines: bool) -> pl.DataFrame:
    import polars as pl

    assert plan.dates is not None  # noqa: S101 - _first_plan sets it
    scan = source.scan()
    schema = scan.collect_schema()
    # each column is stripped once; an empty cell is null or "" from here on
    stripped = {
        f"raw_{role}": _text(name, schema).str.strip_chars(ID_EDGES if role in IDENTIFIERS else None)
        for role, name in plan.mapping.columns.items()
    }
    stripped |= {f"extra_{name}": _text(name, schema).str.strip_chars() for name in extras}
    if source.kind == "csv":
        stripped["surplus"] = pl.col(SURPLUS).str.strip_chars()
    columns = {role: pl.col(f"raw_{role}") for role in plan.mapping.columns}
    for role in plan.float_ids:
        columns[role] = columns[role].str.strip_suffix(".0")
    cells: dict[str, pl.Expr] = {
        role: columns[role] for role in ("order_id", "currency", "status", "cancelled_at") if role in columns
    }
    cells["customer_id"] = _identity(columns)
    cells["order_date"] = plan.dates.parse(columns["order_date"], options.tz)
    numbers = {role: plan.numbers[role].parse(columns[role]) for role in _used_numbers(plan, with_lines=with_lines)}
    if options.minor_units:
        numbers = {role: number / 100 if role in MONEY_ROLES else number for role, number in numbers.items()}
    if with_lines:
        cells |= {role: columns[role] for role in ("product_id", "product_name", "category") if role in columns}
        cells |= {role: numbers[role] for role in ("quantity", "unit_price") if role in numbers}
    line = _line_amount(numbers)
    if line is not None:
        cells["amount"] = line
    if "unit_cost" in numbers:
        cells["cost"] = (numbers.get("quantity", pl.lit(1)) * numbers["unit_cost"]).cast(pl.Decimal(18, 4))
    if "margin" in numbers and line is not None:
        cells["cost"] = line - numbers["margin"]
    for role in ("order_total", "cost", "refunded_amount"):
        if role in numbers:
            cells[role] = numbers[role]
    if "quantity" in columns:
        cells["negative"] = columns["quantity"].str.contains(r"^[-(−–]|-$").fill_null(value=False)
    exact = [plan.numbers[role].is_rounded(columns[role]) for role in numbers if role in MONEY_ROLES]
    cells["rounded"] = pl.any_horizontal(exact or [pl.lit(value=False)])
    for role in plan.float_ids:
        cells[f"unproven_{role}"] = _filled(pl.col(f"raw_{role}")) & ~pl.col(f"raw_{role}").str.ends_with(".0")
    for role in plan.unsettled & set(numbers):
        cells[f"unproven_{role}"] = columns[role].str.contains("[.,]").fill_null(value=False)
    rules = _rules(source, plan, columns, numbers, cells)
    rows = scan.select(**stripped).select(**cells, **rules, **{f"extra_{n}": pl.col(f"extra_{n}") for n in extras})
    return _without_empties(_with_reason(collect(source, rows), list(rules)))


def _with_reason(rows: pl.DataFrame, rules: list[str]) -> pl.DataFrame:
    """Put the rules (a Boolean column each, in their order) together as one column: the first that fits."""
    import polars as pl

    reason = pl.lit(0, pl.UInt8)
    for rule in reversed([rule for rule in rules if rows[rule].any()]):
        reason = pl.when(pl.col(rule)).then(pl.lit(CODES[rule.removeprefix("rule_")], pl.UInt8)).otherwise(reason)
    return rows.with_columns(reason=reason).drop(rules)


def _without_empties(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn empty text into null, and what stands for nobody into no customer; seldom needed, so looked for first."""
    import polars as pl

    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    empty = [name for name in texts if (rows[name] == "").any()]
    rows = rows.with_columns(pl.when(pl.col(name) != "").then(name).alias(name) for name in empty)
    if rows["customer_id"].is_in(NOBODY).any():
        rows = rows.with_columns(customer_id=pl.when(~pl.col("customer_id").is_in(NOBODY)).then("customer_id"))
    return rows


def _used_numbers(plan: Plan, *, with_lines: bool = False) -> list[str]:
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


def _filled(column: pl.Expr) -> pl.Expr:
    return column.is_not_null() & (column != "")


def _identity(columns: dict[str, pl.Expr]) -> pl.Expr:
    """Return customer id, else e-mail, else phone."""
    import polars as pl

    found = {role: columns[role] for role in ("customer_id", "email", "phone") if role in columns}
    if "email" in found:
        found["email"] = found["email"].str.to_lowercase()
    if "phone" in found:
        found["phone"] = found["phone"].str.replace_all(r"[^\d+]", "")
    if len(found) == 1:
        return next(iter(found.values()))
    return pl.coalesce(pl.when(~text.is_in(NOBODY)).then(text) for text in found.values())


def _line_amount(numbers: dict[str, pl.Expr]) -> pl.Expr | None:
    """Return what one row is worth: its own amount, or quantity × price less discount; None without either."""
    import polars as pl

    if "amount" in numbers:
        return numbers["amount"]
    if "unit_price" not in numbers:
        return None
    amount = numbers["unit_price"] * numbers["quantity"] if "quantity" in numbers else numbers["unit_price"]
    if "line_discount" in numbers:
        amount = amount - numbers["line_discount"].fill_null(0)
    return amount.cast(pl.Decimal(18, 4), strict=False)


def _rules(
    source: Source, plan: Plan, columns: dict[str, pl.Expr], numbers: dict[str, pl.Expr], cells: dict[str, pl.Expr]
) -> dict[str, pl.Expr]:
    """Return why a row cannot be used, as Boolean expressions in the order of CODES."""
    import polars as pl

    core = [role for role in ("order_id", "customer_id", "email", "order_date", *numbers) if role in columns]
    rules = {"blank_row": pl.all_horizontal(columns[role].is_null() for role in core)}
    if source.kind == "csv":
        rules["too_many_fields"] = _filled(pl.col("surplus"))
        rules["repeated_header"] = columns["order_date"] == plan.mapping.columns["order_date"]
    rules["bad_date"] = cells["order_date"].is_null() & _filled(columns["order_date"])
    for role, number in numbers.items():
        name = _BAD.get(role, "bad_amount")
        bad = number.is_null() & _filled(columns[role])
        rules[name] = rules[name] | bad if name in rules else bad
    if "amount" in cells and "amount" not in numbers:
        parts = [numbers[role].is_not_null() for role in ("unit_price", "quantity") if role in numbers]
        rules["bad_amount"] = cells["amount"].is_null() & pl.all_horizontal(parts)
    return {f"rule_{name}": rules[name].fill_null(value=False) for name in sorted(rules, key=lambda name: CODES[name])}


def _verified(source: Source, plan: Plan, options: ReadOptions, table: pl.DataFrame) -> Plan:
    """Return the plan, or a better one where the rows contradict what the first of them suggested."""
    numbers = dict(plan.numbers)
    for role in _used_numbers(plan):
        suspicious = table["reason"].eq(CODES[_BAD.get(role, "bad_amount")]).any()
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
    column = _text(plan.mapping.columns[role], scan.collect_schema())
    values: list[str] = collect(source, scan.select(column.drop_nulls().unique())).to_series().to_list()
    return values


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
