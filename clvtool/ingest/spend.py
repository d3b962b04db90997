"""--spend: what was spent on winning customers, by day and by channel or whatever else groups them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.dates import date_style
from clvtool.ingest.numbers import number_style
from clvtool.ingest.small import small_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

NEEDED = {"date": ("date", "day", "datum", "data", "fecha"), "spend": ("spend", "cost", "costs", "amount", "budget")}


def read_spend(path: str, groups: Sequence[str]) -> pl.DataFrame:
    """Return `day spend` of a file (days since 1970-01-01, ten-thousandths of money), and of `groups` those it has.

    Raises DataError for a row that has no date or no money of 0 or more, InputError for a file that cannot be read.
    """
    import polars as pl

    further = {name: (name,) for name in groups if name not in {"day", "spend", "date"}}
    table, found = small_table(path, NEEDED, further)
    table = table.filter(~pl.all_horizontal(pl.col("date", "spend").fill_null("") == ""))
    dates = date_style(table["date"].drop_nulls(), found["date"])
    money = number_style(table["spend"].drop_nulls(), found["spend"])
    read = table.with_columns(
        pl.lit(None, pl.Date).alias("day") if dates is None else dates.parse(pl.col("date")).alias("day"),
        money.parse(pl.col("spend")).alias("money"),
    )
    bad = read.filter(pl.col("day").is_null() | pl.col("money").is_null() | (pl.col("money") < 0))
    if bad.height:
        shown = ", ".join(str(cell) for cell in bad.select("date", "spend").row(0))
        raise DataError(f"{path} has a row that is no spend: {shown}", "write it as 2024-01-31, 1200.50")
    if read.is_empty():
        raise DataError(f"{path} has no row", "it has columns date and spend, and channel where groups are asked for")
    own = [name for name in further if name in found]
    return read.select(
        pl.col("day").to_physical().cast(pl.Int64),
        pl.col("money").to_physical().cast(pl.Int64).alias("spend"),
        *own,
    )
