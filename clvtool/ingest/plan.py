"""How the columns of a source are to be read: judged on its first rows, verified on all of them.

Only when the rows contradict the judgement is a column looked at as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.dates import ISO, TIME_OF_DAY, DateStyle, date_style
from clvtool.ingest.numbers import PLAIN, NumberStyle, number_style
from clvtool.ingest.reading import REASONS, ReadOptions
from clvtool.ingest.source import Source, collect
from clvtool.ingest.words import NOBODY

if TYPE_CHECKING:
    import polars as pl

    from clvtool.ingest.columns import HeaderMap

SAMPLE_ROWS = 5000
MOST_SAMPLES = 3
MONEY_ROLES = (
    *("amount", "order_total", "unit_price", "line_discount", "cost", "unit_cost", "margin", "refunded_amount"),
    "value",
)
NUMBER_ROLES = (*MONEY_ROLES, "quantity", "weight")
IDENTIFIERS = ("order_id", "answer_id", "customer_id")
BAD = {
    "quantity": "bad_quantity",
    "unit_price": "bad_price",
    "line_discount": "bad_price",
    "cost": "bad_cost",
    "unit_cost": "bad_cost",
    "margin": "bad_cost",
    "refunded_amount": "bad_refund",
    "weight": "bad_weight",
}
"""Role → the reason of a row whose number cannot be read; `bad_amount` for the others."""
CODES = {reason: code for code, reason in enumerate(REASONS, start=1)}
"""Reason → the number that stands for it in the `reason` column; 0 is a good row."""
ASIDE = "aside_"
"""What stands before a reason in the name of the column that tells where a profile sets a row aside for it."""
FLOAT_ID = r"^-?\d+\.0$"


@dataclass(frozen=True, slots=True)
class Plan:
    """How the columns of one source are read.

    A role is `unsettled` while the first rows do not prove its style, and `final` when the style came of all rows, or
    of the type of a Parquet column: then nothing can change it. The numbers of a role in `whole` show no decimal sign.
    """

    mapping: HeaderMap
    numbers: dict[str, NumberStyle] = field(default_factory=dict)
    dates: DateStyle = ISO
    float_ids: frozenset[str] = frozenset()
    unsettled: frozenset[str] = frozenset()
    final: frozenset[str] = frozenset()
    samples: dict[str, list[str]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()

    @property
    def day(self) -> str:
        """Return the role of the day."""
        return self.mapping.vocabulary.day

    def decimal_signs(self) -> set[str]:
        """Return the decimal signs that the numbers show."""
        return {style.decimal for role, style in self.numbers.items() if role not in self.whole}


def as_text(name: str, schema: pl.Schema) -> pl.Expr:
    """Return a source column as text, whatever a Parquet file made of it."""
    import polars as pl

    column, kind = pl.col(name), schema[name]
    if kind == pl.String:
        return column
    if kind.is_nested() or kind == pl.Binary:
        return pl.lit(None, pl.String).alias(name)
    if kind == pl.Duration:
        return column.dt.to_string("iso")
    return column.cast(pl.String)


def cell(mapping: HeaderMap, role: str, schema: pl.Schema) -> pl.Expr:
    """Return what each row says for a role, as text: its column, or the better one where the row has those."""
    import polars as pl

    own = as_text(mapping.columns[role], schema)
    if role not in mapping.instead:
        return own
    filled = as_text(next(iter(mapping.instead.values())), schema).str.strip_chars() != ""
    better = as_text(mapping.instead[role], schema)
    if role in MONEY_ROLES:  # money that only the other column has must not be lost: so it is no number
        lost = (better.fill_null("").str.strip_chars() == "") & own.str.contains("[1-9]")
        better = pl.when(lost).then(own + " in another column").otherwise(better)
    return pl.when(filled.fill_null(value=False)).then(better).otherwise(own)


def first_plan(source: Source, mapping: HeaderMap, options: ReadOptions) -> Plan:
    """Return the plan that the first rows suggest."""
    schema = source.schema()
    cells = {role: cell(mapping, role, schema) for role in mapping.columns}
    sample = collect(source, source.scan().head(SAMPLE_ROWS).select(**cells))
    values = {role: sample[role].drop_nulls().str.strip_chars() for role in cells}
    values = {role: found.filter(found != "") for role, found in values.items()}
    kinds = {role: [schema[name] for name in mapping.sources(role)] for role in cells}
    told = {name for name, kind in schema.items() if kind.is_numeric() or name in source.numbers}
    typed = {role for role in NUMBER_ROLES if role in cells and told.issuperset(mapping.sources(role))}
    unsettled = {role for role in IDENTIFIERS if role in values and values[role].is_empty()}
    numbers: dict[str, NumberStyle] = {}
    for role in NUMBER_ROLES:
        if role not in values:
            continue
        numbers[role] = PLAIN
        if role in typed:
            continue
        try:
            numbers[role] = number_style(values[role], mapping.columns[role], options.decimal)
        except DataError:
            unsettled.add(role)
        if not values[role].str.contains("[.,]").any():
            unsettled.add(role)
    dates: DateStyle | None = None
    day = mapping.vocabulary.day
    if day not in values or kinds[day][0].is_temporal():
        dates = ISO
        typed.add(day)
    else:
        try:
            dates = date_style(values[day], mapping.columns[day], options.date_format)
        except DataError:
            dates = None
    if dates is None:
        unsettled.add(day)
    return Plan(
        mapping,
        numbers,
        dates or ISO,
        frozenset(role for role in IDENTIFIERS if role in values and _are_floats(values[role])),
        frozenset(unsettled),
        frozenset(typed),
        {role: sorted(set(found.head(50)))[:MOST_SAMPLES] for role, found in values.items()},
        frozenset(typed),
    )


def verified(source: Source, plan: Plan, options: ReadOptions, table: pl.DataFrame, used: list[str]) -> Plan:
    """Return the plan, or a better one where the rows contradict what the first of them suggested.

    `used` are the roles whose numbers were read. Raises DataError where all rows together can be read two ways.
    """
    numbers, dates, final = dict(plan.numbers), plan.dates, set(plan.final)
    for role in used:
        doubtful = bool(table["reason"].eq(CODES[BAD.get(role, "bad_amount")]).any())
        doubtful = doubtful or (f"unproven_{role}" in table.columns and bool(table[f"unproven_{role}"].any()))
        if doubtful and role not in final:
            numbers[role] = number_style(_shapes(source, plan, role), plan.mapping.columns[role], options.decimal)
            final.add(role)
    doubtful = plan.day in plan.unsettled or bool(table["reason"].eq(CODES["bad_date"]).any())
    if doubtful and plan.day not in final:
        days = _values(source, plan, plan.day).str.replace(TIME_OF_DAY, "").unique()
        dates = date_style(days, plan.mapping.columns[plan.day], options.date_format) or plan.dates
        final.add(plan.day)
    float_ids = {role for role in plan.float_ids if not table[f"unproven_{role}"].any()}
    for role in plan.unsettled & set(IDENTIFIERS):
        if table[role].str.ends_with(".0").any() and _are_floats(_values(source, plan, role)):
            float_ids.add(role)
    return replace(
        plan,
        numbers=numbers,
        dates=dates,
        float_ids=frozenset(float_ids),
        unsettled=frozenset(),
        final=frozenset(final),
        whole=plan.whole | (plan.unsettled - final),
    )


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


def _values(source: Source, plan: Plan, role: str) -> pl.Series:
    """Return all different values of a column."""
    column = cell(plan.mapping, role, source.schema())
    return collect(source, source.scan().select(column.str.strip_chars().drop_nulls().unique())).to_series()


def _shapes(source: Source, plan: Plan, role: str) -> list[str]:
    """Return a few numbers of each shape in a column: style depends on where digits stand, not on which."""
    import polars as pl

    values = _values(source, plan, role).alias("value").to_frame()
    by_shape = values.group_by(pl.col("value").str.replace_all("[1-9]", "9").alias("shape"))
    few = by_shape.agg(pl.col("value").sort().head(MOST_SAMPLES))["value"]
    return [value for group in few.to_list() for value in group]


def _are_floats(ids: pl.Series) -> bool:
    """Return whether all ids are whole numbers written as 17850.0, as they are after a detour through floats."""
    known = ids.filter((ids != "") & ~ids.is_in(NOBODY))
    return not known.is_empty() and bool(known.str.contains(FLOAT_ID).all())
