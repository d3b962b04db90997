"""Extra columns that hold numbers, read as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.numbers import number_style
from clvtool.ingest.survey_words import NO_SCORE

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

SAMPLE = 1000
"""Values that show whether a column can hold numbers at all."""
MOST_SAMPLES = 3


def with_numbers(
    table: pl.DataFrame, names: Iterable[str], decimal: str | None, *, asked: bool
) -> tuple[pl.DataFrame, list[str]]:
    """Return the table with every column of text that holds nothing but numbers as binary fractions, and who could not.

    Not `asked` for: a column whose numbers can be read two ways stays text and is named in the second part; else
    it is a DataError.
    """
    import polars as pl

    unclear: list[str] = []
    for name in names:
        if table[name].dtype != pl.String:
            continue
        cells = pl.when(~pl.col(name).str.to_lowercase().is_in(NO_SCORE)).then(name)
        values = table.select(cells.alias(name)).to_series()
        known = values.drop_nulls().unique()
        if known.is_empty() or not known.head(SAMPLE).str.contains(r"^[-+−–(]?\s*\D{0,3}\d").all():
            continue
        shapes = known.to_frame("value").group_by(pl.col("value").str.replace_all("[1-9]", "9").alias("shape"))
        few = shapes.agg(pl.col("value").sort().head(MOST_SAMPLES))["value"].explode(empty_as_null=False)
        try:
            style = number_style(few, name, decimal)
        except DataError:
            if asked and known.str.contains(r"^[\d.,]+$").all():
                raise
            if known.str.contains(r"^[\d.,]+$").all():
                unclear.append(name)
            continue
        numbers = values.to_frame().select(style.parse(pl.col(name)).cast(pl.Float64)).to_series()
        if numbers.null_count() == values.null_count():
            table = table.with_columns(numbers.alias(name))
    return table, unclear
