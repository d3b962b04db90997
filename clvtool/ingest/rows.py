"""The one pass over a source: every row in, with its canonical cells and the reason if it cannot be used.

The pass is made again only when its own rows contradict the plan it was made with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.ingest.columns import MISSING_IDENTITY, HeaderMap
from clvtool.ingest.plan import (
    BAD,
    CODES,
    MONEY_ROLES,
    Plan,
    as_text,
    collect,
    first_plan,
    used_numbers,
    verified,
)
from clvtool.ingest.source import SURPLUS, BadQuotesError, Source, UndecodableError, with_encoding
from clvtool.ingest.tolerant import without_bad_quotes

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from clvtool.ingest.reading import ReadOptions

COST_ROLES = ("cost", "unit_cost", "margin")
IDENTIFIERS = ("order_id", "customer_id")
ID_EDGES = " \t\r\n\u00a0'"
"""What is cut off the ends of an id: white space, and the apostrophe by which spreadsheets keep numbers as text."""
NOBODY = sorted({form for word in MISSING_IDENTITY for form in (word, word.upper(), word.capitalize())} | {"NaN"})


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of one source: canonical cells, `reason`, and `extra` columns as they were."""

    table: pl.DataFrame
    plan: Plan
    source: Source
    rounded: int


def read_rows(
    source: Source,
    mapping: HeaderMap,
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
        mapping = HeaderMap(without, mapping.profile)
    extras = list(extras)
    try:
        plan = first_plan(source, mapping, options)
        table = _pass(source, plan, options, extras, with_lines=with_lines)
    except UndecodableError:
        if options.encoding:
            raise
        return read_rows(with_encoding(source), mapping, options, extras, with_cost=with_cost, with_lines=with_lines)
    except BadQuotesError:
        return read_rows(
            without_bad_quotes(source), mapping, options, extras, with_cost=with_cost, with_lines=with_lines
        )
    better = verified(source, plan, options, table)
    if (better.numbers, better.dates, better.float_ids) != (plan.numbers, plan.dates, plan.float_ids):
        table = _pass(source, better, options, extras, with_lines=with_lines)
    rounded = int(table["rounded"].sum())
    drop = [name for name in table.columns if name.startswith("unproven_")] + ["rounded"]
    return Rows(table.drop(drop), better, source, rounded)


def _pass(source: Source, plan: Plan, options: ReadOptions, extras: list[str], *, with_lines: bool) -> pl.DataFrame:
    import polars as pl

    assert plan.dates is not None  # noqa: S101 - first_plan sets it
    scan = source.scan()
    schema = scan.collect_schema()
    # each column is stripped once; an empty cell is null or "" from here on
    stripped = {
        f"raw_{role}": as_text(name, schema).str.strip_chars(ID_EDGES if role in IDENTIFIERS else None)
        for role, name in plan.mapping.columns.items()
    }
    stripped |= {f"extra_{name}": as_text(name, schema).str.strip_chars() for name in extras}
    if source.kind == "csv":
        stripped["surplus"] = pl.col(SURPLUS).str.strip_chars()
    columns = {role: pl.col(f"raw_{role}") for role in plan.mapping.columns}
    for role in plan.float_ids:
        columns[role] = columns[role].str.strip_suffix(".0")
    numbers = {role: plan.numbers[role].parse(columns[role]) for role in used_numbers(plan, with_lines=with_lines)}
    if options.minor_units:
        numbers = {role: number / 100 if role in MONEY_ROLES else number for role, number in numbers.items()}
    texts = ["order_id", "currency", "status", "cancelled_at"]
    texts += ["product_id", "product_name", "category"] if with_lines else []
    cells = {role: columns[role] for role in texts if role in columns}
    cells["customer_id"] = _identity(columns)
    cells["order_date"] = plan.dates.parse(columns["order_date"], options.tz)
    cells |= _money(numbers)
    if with_lines:
        cells |= {role: numbers[role] for role in ("quantity", "unit_price") if role in numbers}
    if "quantity" in columns:
        cells["negative"] = columns["quantity"].str.contains(r"^[-(−–]|-$").fill_null(value=False)
    rules = _rules(source, plan, columns, numbers, cells)
    checks = _checks(plan, columns, numbers)
    kept = {f"extra_{name}": pl.col(f"extra_{name}") for name in extras}
    rows = scan.select(**stripped).select(**cells, **rules, **checks, **kept)
    return _without_empties(_with_reason(collect(source, rows), list(rules)))


def _money(numbers: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
    """Return the amount of the row, its cost, and what the order as a whole says."""
    import polars as pl

    cells: dict[str, pl.Expr] = {}
    line = _line_amount(numbers)
    if line is not None:
        cells["amount"] = line
    if "unit_cost" in numbers:
        cells["cost"] = (numbers.get("quantity", pl.lit(1)) * numbers["unit_cost"]).cast(pl.Decimal(18, 4))
    if "margin" in numbers and line is not None:
        cells["cost"] = line - numbers["margin"]
    return cells | {role: numbers[role] for role in ("order_total", "cost", "refunded_amount") if role in numbers}


def _checks(plan: Plan, columns: dict[str, pl.Expr], numbers: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
    """Return where money has more decimals than are kept, and where one contradicts what the first rows suggest."""
    import polars as pl

    exact = [plan.numbers[role].is_rounded(columns[role]) for role in numbers if role in MONEY_ROLES]
    checks = {"rounded": pl.any_horizontal(exact or [pl.lit(value=False)])}
    for role in plan.float_ids:
        checks[f"unproven_{role}"] = _filled(pl.col(f"raw_{role}")) & ~pl.col(f"raw_{role}").str.ends_with(".0")
    for role in plan.unsettled & set(numbers):
        checks[f"unproven_{role}"] = columns[role].str.contains("[.,]").fill_null(value=False)
    return checks


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
        name = BAD.get(role, "bad_amount")
        bad = number.is_null() & _filled(columns[role])
        rules[name] = rules[name] | bad if name in rules else bad
    if "amount" in cells and "amount" not in numbers:
        parts = [numbers[role].is_not_null() for role in ("unit_price", "quantity") if role in numbers]
        rules["bad_amount"] = cells["amount"].is_null() & pl.all_horizontal(parts)
    return {f"rule_{name}": rules[name].fill_null(value=False) for name in sorted(rules, key=lambda name: CODES[name])}
