"""The one pass over a source: every row in, with its canonical cells and the reason if it cannot be used.

The pass is made again only when its own rows contradict the plan it was made with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clvtool.ingest.cells import ORDER_MONEY, aside_cells, currency_cells, identity_cell, money_cells
from clvtool.ingest.delimited import with_legacy_encoding
from clvtool.ingest.plan import (
    BAD,
    CODES,
    FLOAT_ID,
    MONEY_ROLES,
    Plan,
    as_text,
    cell,
    first_plan,
    used_numbers,
    verified,
)
from clvtool.ingest.source import CELL_ERRORS, SURPLUS, BadQuotesError, Source, UndecodableError, collect
from clvtool.ingest.tolerant import without_bad_quotes
from clvtool.ingest.words import IDENTITY, NOBODY
from clvtool.schema import MONEY_SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import polars as pl

    from clvtool.ingest.columns import HeaderMap
    from clvtool.ingest.reading import ReadOptions

COST_ROLES = ("cost", "unit_cost", "margin")
IDENTITIES = ("order_id", "answer_id", *IDENTITY)
ID_EDGES = " \t\r\n\u00a0'\u200b\u200e\u200f\u202a\u202c\u2060\ufeff"
"""What is cut off the ends of an identity: white space, the apostrophe by which a spreadsheet marks text, and signs
without width that come along when an id is copied."""


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

    The table has `order_id customer_id order_date amount order_total cost margin currency status cancelled_at
    refunded_amount negative aside_REASON` as far as the source has them, with `with_lines` also `product_id
    product_name category quantity unit_price`, then `reason` (0 or a code of CODES) and the extra columns as
    `extra_NAME`.
    Raises DataError where numbers or dates can be read two ways.
    """
    if not with_cost:
        without = {role: name for role, name in mapping.columns.items() if role not in COST_ROLES}
        mapping = replace(mapping, columns=without)
    extras = list(extras)

    def look(source: Source, plan: Plan, used: list[str]) -> pl.DataFrame:
        return _pass(source, plan, options, extras, used, with_lines=with_lines)

    return settled(source, mapping, options, look, with_lines=with_lines)


def settled(
    source: Source,
    mapping: HeaderMap,
    options: ReadOptions,
    look: Callable[[Source, Plan, list[str]], pl.DataFrame],
    *,
    with_lines: bool = False,
) -> Rows:
    """Return all rows as `look` reads them by a plan, again for as long as they contradict it.

    Where the bytes are not in the encoding that was taken for granted, or quotation marks are not closed, the source
    is mended first.
    """
    try:
        return _verified_rows(source, mapping, options, look, with_lines=with_lines)
    except UndecodableError:
        if options.encoding:
            raise
        mended = with_legacy_encoding(source)
    except BadQuotesError:
        if source.broken is not None:
            raise
        mended = without_bad_quotes(source)
    return settled(mended, mapping, options, look, with_lines=with_lines)


def _verified_rows(
    source: Source,
    mapping: HeaderMap,
    options: ReadOptions,
    look: Callable[[Source, Plan, list[str]], pl.DataFrame],
    *,
    with_lines: bool,
) -> Rows:
    plan = first_plan(source, mapping, options)
    used = used_numbers(plan, with_lines=with_lines)
    while True:
        table = look(source, plan, used)
        better = verified(source, plan, options, table, used)
        if (better.numbers, better.dates, better.float_ids) == (plan.numbers, plan.dates, plan.float_ids):
            break
        plan = better
    rounded = _rounded(source, plan, used) if "rounded" in table.columns and table["rounded"].any() else 0
    drop = [name for name in table.columns if name.startswith("unproven_")]
    return Rows(table.drop("rounded", *drop, strict=False), better, source, rounded)


def _pass(
    source: Source, plan: Plan, options: ReadOptions, extras: list[str], used: list[str], *, with_lines: bool
) -> pl.DataFrame:
    import polars as pl

    money = pl.Decimal(18, MONEY_SCALE)
    stripped, columns = stripped_cells(source, plan, extras)
    numbers = {role: plan.numbers[role].parse(columns[role]) for role in used}
    if options.minor_units:
        numbers |= {role: (numbers[role] / 100).cast(money) for role in used if role in MONEY_ROLES}
    texts = ["order_id", "currency", "status", "cancelled_at", "kind"]
    texts += ["product_id", "product_name", "category"] if with_lines else []
    cells = {role: columns[role] for role in texts if role in columns}
    cells["customer_id"] = identity_cell(columns)
    cells["order_date"] = plan.dates.parse(columns["order_date"], options.tz)
    cells |= money_cells(numbers)
    if with_lines:
        cells |= {role: numbers[role] for role in ("quantity", "unit_price") if role in numbers}
    if "currency" not in columns:
        cells |= currency_cells(plan, columns, used)
    if "quantity" in columns:
        pieces = columns["quantity"].str
        before = [pieces.starts_with(sign) for sign in "-(−–"]  # four looks at the first byte cost less than a pattern
        cells["negative"] = pl.any_horizontal(*before, pieces.ends_with("-")).fill_null(value=False)
    rules = row_rules(source, plan, columns, {role: numbers[role] for role in used_numbers(plan)}, cells)
    checks = row_checks(plan, columns, numbers)
    kept = {f"extra_{name}": pl.col(f"extra_{name}") for name in extras}
    aside = aside_cells(plan.mapping, options, source.schema())
    stripped |= aside
    cells |= {name: pl.col(name) for name in aside}
    rows = source.scan().select(**stripped).select(**cells, **rules, **checks, **kept)
    return _with_blanks(without_empties(with_reason(collect(source, rows), list(rules))))


def stripped_cells(source: Source, plan: Plan, extras: list[str]) -> tuple[dict[str, pl.Expr], dict[str, pl.Expr]]:
    """Return what to take out of a source, each column stripped once, and what then stands for each role.

    An empty cell is null or "" from here on.
    """
    import polars as pl

    schema = source.schema()
    stripped = {
        f"raw_{role}": cell(plan.mapping, role, schema).str.strip_chars(ID_EDGES if role in IDENTITIES else None)
        for role in plan.mapping.columns
    }
    if source.kind == "workbook":  # a lookup that found nobody names nobody
        shown = sorted(CELL_ERRORS.values())
        for role in set(IDENTITIES) & set(plan.mapping.columns):
            stripped[f"raw_{role}"] = pl.when(~stripped[f"raw_{role}"].is_in(shown)).then(stripped[f"raw_{role}"])
    stripped |= {f"extra_{name}": as_text(name, schema).str.strip_chars() for name in extras}
    if source.kind == "csv":
        stripped |= {name: pl.col(name).str.strip_chars() for name in SURPLUS}
    columns = {role: pl.col(f"raw_{role}") for role in plan.mapping.columns}
    for role in plan.float_ids:
        columns[role] = columns[role].str.strip_suffix(".0")
    return stripped, columns


def row_checks(plan: Plan, columns: dict[str, pl.Expr], numbers: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
    """Return where money has more decimals than are kept, and where one contradicts what the first rows suggest."""
    import polars as pl

    many = [plan.numbers[role].is_rounded(columns[role], exactly=False) for role in numbers if role in MONEY_ROLES]
    checks = {"rounded": pl.any_horizontal(many or [pl.lit(value=False)])}
    for role in plan.float_ids:
        known = ~pl.col(f"raw_{role}").is_in(NOBODY)
        checks[f"unproven_{role}"] = known & ~pl.col(f"raw_{role}").str.contains(FLOAT_ID)
    needed = used_numbers(plan)
    for role, number in numbers.items():
        if role in plan.unsettled:
            checks[f"unproven_{role}"] = columns[role].str.contains("[.,]").fill_null(value=False)
        elif role not in needed:  # only lines show it: it sets no row aside, so nothing else tells that it is wrong
            checks[f"unproven_{role}"] = number.is_null() & filled(columns[role])
    return checks


def _rounded(source: Source, plan: Plan, used: list[str]) -> int:
    """Return how many rows lose decimals of their money: those that are zeros are no loss."""
    import polars as pl

    schema = source.schema()
    text = {role: cell(plan.mapping, role, schema).str.strip_chars() for role in used if role in MONEY_ROLES}
    lost = pl.any_horizontal(plan.numbers[role].is_rounded(text[role]) for role in text)
    return int(collect(source, source.scan().select(lost.sum())).item())


def with_reason(rows: pl.DataFrame, rules: list[str]) -> pl.DataFrame:
    """Put the rules (a Boolean column each, in their order) together as one column: the first that fits."""
    import polars as pl

    reason = pl.lit(0, pl.UInt8)
    for rule in reversed([rule for rule in rules if rows[rule].any()]):
        reason = pl.when(pl.col(rule)).then(pl.lit(CODES[rule.removeprefix("rule_")], pl.UInt8)).otherwise(reason)
    return rows.with_columns(reason=reason).drop(rules)


def without_empties(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn empty text into null, and what stands for nobody into no customer; seldom needed, so looked for first."""
    import polars as pl

    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    empty = [name for name in texts if (rows[name] == "").any()]
    rows = rows.with_columns(pl.when(pl.col(name) != "").then(name).alias(name) for name in empty)
    if rows["customer_id"].is_in(NOBODY).any():
        rows = rows.with_columns(customer_id=pl.when(~pl.col("customer_id").is_in(NOBODY)).then("customer_id"))
    return rows


def _with_blanks(rows: pl.DataFrame) -> pl.DataFrame:
    """Tell rows with nothing in them from rows that lack something; without a missing date there are none."""
    import polars as pl

    if not rows["order_date"].null_count():
        return rows
    core = [name for name in ("order_id", "customer_id", "order_date", "amount", *ORDER_MONEY) if name in rows.columns]
    blank = pl.all_horizontal(pl.col(core).is_null()) & pl.col("reason").is_in([0, CODES["too_many_fields"]])
    reason = pl.when(blank).then(pl.lit(CODES["blank_row"], pl.UInt8)).otherwise("reason")
    return rows.with_columns(reason=reason)


def filled(column: pl.Expr) -> pl.Expr:
    """Return where a stripped column says anything."""
    return column.is_not_null() & (column != "")


def row_rules(
    source: Source, plan: Plan, columns: dict[str, pl.Expr], numbers: dict[str, pl.Expr], cells: dict[str, pl.Expr]
) -> dict[str, pl.Expr]:
    """Return why a row cannot be used, as Boolean expressions in the order of CODES."""
    import polars as pl

    rules: dict[str, pl.Expr] = {}
    if source.kind == "csv":
        rules["too_many_fields"] = pl.any_horizontal(filled(pl.col(name)) for name in SURPLUS)
    if plan.day in columns:
        if source.kind in {"csv", "workbook"}:
            name = plan.mapping.columns[plan.day]
            rules["repeated_header"] = columns[plan.day].is_in([name, f"\ufeff{name}"])  # that of a file put behind
        rules["bad_date"] = cells[plan.day].is_null() & filled(columns[plan.day])
    for role, number in numbers.items():
        name = BAD.get(role, "bad_amount")
        bad = number.is_null() & filled(columns[role])
        rules[name] = rules[name] | bad if name in rules else bad
    if "amount" in cells and "amount" not in numbers:
        parts = [numbers[role].is_not_null() for role in ("unit_price", "quantity") if role in numbers]
        rules["bad_amount"] = cells["amount"].is_null() & pl.all_horizontal(parts)
    return {f"rule_{name}": rules[name].fill_null(value=False) for name in sorted(rules, key=lambda name: CODES[name])}
