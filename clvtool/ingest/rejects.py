"""The rows that were set aside, as they stand in the file, each with its line and reason."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from clvtool.ingest.plan import collect
from clvtool.ingest.read import ROW_SPACE, Orders
from clvtool.ingest.source import SURPLUS, Source, open_bytes
from clvtool.result import Result

if TYPE_CHECKING:
    import polars as pl


def rejects(orders: Orders) -> Result:
    """Return `input line reason` and the source columns of every row that was set aside.

    `orders` must have been read with `trace`. `input` is the number of the input, `line` the physical line at which the
    row ends. This is a second pass over the sources.
    """
    import polars as pl

    traced = orders.reading.traced or {}
    tables = []
    for place, source in enumerate(orders.sources, start=1):
        low = place * ROW_SPACE
        own = {number - low: reason for number, reason in traced.items() if low <= number < low + ROW_SPACE}
        tables += [_rows(source, place, own), _lines(source, place)]
    table = pl.concat(tables, how="diagonal") if tables else pl.DataFrame(schema={"reason": pl.String})
    if table.height:
        table = table.sort("input", "line", "reason", nulls_last=True)
    return Result("rejects", "Rows set aside", table)


def _rows(source: Source, place: int, reasons: dict[int, str]) -> pl.DataFrame:
    import polars as pl

    wanted = pl.DataFrame(
        {"row": list(reasons), "reason": list(reasons.values())}, schema={"row": pl.UInt32, "reason": pl.String}
    )
    found = collect(source, source.scan().with_row_index("row").join(wanted.lazy(), on="row", how="inner"))
    found = found.with_columns(pl.col(pl.String))
    lines = _line_numbers(source, set(reasons)) if reasons else {}
    numbers = pl.Series("line", [lines.get(row) for row in found["row"]], pl.Int64)
    names = [name for name in found.columns if name not in {"row", "reason"}]
    return found.select(
        pl.lit(place, pl.Int64).alias("input"), numbers, "reason", *(pl.col(name).cast(pl.String) for name in names)
    ).rename({SURPLUS: "surplus"}, strict=False)


def _lines(source: Source, place: int) -> pl.DataFrame:
    """Return the lines with a quotation mark that is not closed: their text stands in the first column."""
    import polars as pl

    first = source.header[0] if source.header else "text"
    return pl.DataFrame(
        [(place, line, "bad_quotes", text.rstrip("\r\n")) for line, text in source.bad_quotes],
        schema={"input": pl.Int64, "line": pl.Int64, "reason": pl.String, first: pl.String},
        orient="row",
    )


def _line_numbers(source: Source, rows: set[int]) -> dict[int, int]:
    """Return the physical line at which each row ends; nothing for Parquet and for files the slow parser rewrote."""
    if source.kind != "csv" or source.bad_quotes:
        return {}
    with open_bytes(source.path) as stream:
        text = io.TextIOWrapper(stream, "utf-8", newline="")
        for _ in range(source.skip_lines):
            next(text)
        reader = csv.reader(text, delimiter=source.delimiter)
        next(reader, None)
        return {row: reader.line_num + source.skip_lines for row, _ in enumerate(reader) if row in rows}
