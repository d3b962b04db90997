"""What one row says of its order: the canonical cells, as expressions over the columns of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.ingest.numbers import currency_of
from clvtool.ingest.plan import ASIDE, Plan, as_text
from clvtool.ingest.words import IDENTITY, NOBODY, currency_named, normal
from clvtool.schema import MONEY_SCALE

if TYPE_CHECKING:
    import polars as pl

    from clvtool.ingest.columns import HeaderMap
    from clvtool.ingest.reading import ReadOptions

ORDER_MONEY = ("order_total", "cost", "margin", "refunded_amount")
"""Roles whose numbers are cells of their own beside the amount."""


def identity_cell(columns: dict[str, pl.Expr]) -> pl.Expr:
    """Return customer id, else e-mail, else phone."""
    import polars as pl

    found = {role: columns[role] for role in IDENTITY if role in columns}
    if "email" in found:
        found["email"] = found["email"].str.to_lowercase()
    if "phone" in found:
        found["phone"] = found["phone"].str.replace_all(r"[^\d+]", "")
    if not found:
        return pl.lit(None, pl.String)
    if len(found) == 1:
        return next(iter(found.values()))
    return pl.coalesce(pl.when(~text.is_in(NOBODY)).then(text) for text in found.values())


def currency_cells(plan: Plan, columns: dict[str, pl.Expr], used: list[str]) -> dict[str, pl.Expr]:
    """Return the currency that stands in the cells of the money, or in its header; nothing where neither can be."""
    import polars as pl

    written = next((role for role in ("order_total", "amount", "unit_price") if role in used), None)
    if written is None:
        return {}
    named = currency_named(plan.mapping.columns[written])
    said = [] if plan.numbers[written].plain else [currency_of(columns[written])]
    said += [pl.lit(named)] if named else []
    return {"currency": pl.coalesce(said)} if said else {}


def money_cells(numbers: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
    """Return the amount of the row, its cost, and what the order as a whole says."""
    import polars as pl

    cells: dict[str, pl.Expr] = {}
    line = _line_amount(numbers)
    if line is not None:
        cells["amount"] = line
    if "unit_cost" in numbers:
        cost = numbers.get("quantity", pl.lit(1)) * numbers["unit_cost"]
        cells["cost"] = cost.cast(pl.Decimal(18, MONEY_SCALE), strict=False)
    return cells | {role: numbers[role] for role in ORDER_MONEY if role in numbers}


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
    return amount.cast(pl.Decimal(18, MONEY_SCALE), strict=False)


def aside_cells(mapping: HeaderMap, options: ReadOptions, schema: pl.Schema) -> dict[str, pl.Expr]:
    """Return, by reason, where a column of the profile has the word that sets a row aside."""
    kept = {normal(word) for word in options.keep_status}
    told = {name: as_text(name, schema).str.strip_chars().str.to_lowercase() for name, *_ in mapping.aside}
    by_reason: dict[str, pl.Expr] = {}
    for name, words, reason in mapping.aside:
        column, words_left = f"{ASIDE}{reason}", [word for word in words.split("|") if word not in kept]
        if words_left:
            where = told[name].is_in(words_left).fill_null(value=False)
            by_reason[column] = by_reason[column] | where if column in by_reason else where
    return by_reason
