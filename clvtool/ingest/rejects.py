"""The rows that were set aside, as they stand in the file, each with its line and reason."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Protocol

from clvtool.ingest.plan import as_text
from clvtool.ingest.read import ROW_SPACE
from clvtool.ingest.source import SURPLUS, Source, collect
from clvtool.ingest.streams import open_bytes, readable
from clvtool.ingest.unchanged import unchanged
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.ingest.reading import Reading

OWN = ("input", "line", "reason")


class Read(Protocol):
    """What was read of any kind of input: it has an account."""

    reading: Reading


def rejects(orders: Read) -> Result:
    """Return `input line reason` and the source columns of every row that was set aside.

    `orders`, or answers, must have been read with `trace`. `input` is the number of the input. `line` is the physical
    line at which the row ends, the row of a sheet, or the number of the row in a database; it is empty for Parquet. A
    source column of one of these names gets `source_` before it. This is a second pass over the sources.
    """
    with unchanged(orders.reading.sources):
        return _rejects(orders)


def _rejects(orders: Read) -> Result:
    import polars as pl

    traced = orders.reading.traced or {}
    tables = [pl.DataFrame(schema={"input": pl.Int64, "line": pl.Int64, "reason": pl.String})]
    for place, source in enumerate(orders.reading.sources, start=1):
        low = place * ROW_SPACE
        own = {number - low: reason for number, reason in traced.items() if low <= number < low + ROW_SPACE}
        names = _names(source)
        if own:
            tables.append(_rows(source, place, own, names))
        if source.given_up:
            tables.append(_lines(source, place, names))
    table = pl.concat(tables, how="diagonal")
    table = table.drop(name for name in SURPLUS if name in table.columns and not table[name].count())
    content = [name for name in table.columns if name not in OWN]
    return Result("rejects", "Rows set aside", table.sort("input", "line", "reason", *content, nulls_last=True))


def _names(source: Source) -> dict[str, str]:
    """Return the name in the result of each column of the source."""
    names: dict[str, str] = {}
    taken = set(OWN)
    for column in (*source.header, *(SURPLUS if source.kind == "csv" else ())):
        name = column
        while name in taken:
            name = f"source_{name}"
        taken.add(name)
        names[column] = name
    return names


def _rows(source: Source, place: int, reasons: dict[int, str], names: dict[str, str]) -> pl.DataFrame:
    """Return the rows of the source with these numbers."""
    import polars as pl

    lines = _line_numbers(source, set(reasons))
    schema = source.schema()
    wanted = pl.LazyFrame(
        [(row, place, lines.get(row), reason) for row, reason in reasons.items()],
        schema={"__row": pl.UInt32, "input": pl.Int64, "line": pl.Int64, "reason": pl.String},
        orient="row",
    )
    rows = source.scan().select(as_text(column, schema).alias(f"source_{column}") for column in names)
    found = collect(source, rows.with_row_index("__row").join(wanted, on="__row", how="inner"))
    return found.select(*OWN, **{name: f"source_{column}" for column, name in names.items()})


def _lines(source: Source, place: int, names: dict[str, str]) -> pl.DataFrame:
    """Return the lines that were given up: their text stands in the first column."""
    import polars as pl

    return pl.DataFrame(
        [(place, line, source.why_given_up, text) for line, text in source.given_up],
        schema={"input": pl.Int64, "line": pl.Int64, "reason": pl.String, names[source.header[0]]: pl.String},
        orient="row",
    )


def _line_numbers(source: Source, rows: set[int]) -> dict[int, int]:
    """Return where each row stands: the line at which it ends, the row of the sheet, the number of the row."""
    gone = [line for line, _ in source.given_up]  # they are no longer in what is read here
    if source.kind == "parquet":
        return {}
    if source.kind != "csv":
        first = source.heads + (source.skip_lines + 2 if source.kind == "workbook" else 1)
        return {row: _among(row + first, gone) for row in rows}
    return _line_ends(source, rows, gone)


def _among(number: int, gone: Sequence[int]) -> int:
    """Return the line of the nth row that is left, when the lines that are gone stood between them."""
    for line in gone:
        if line > number:
            break
        number += 1
    return number


def _line_ends(source: Source, rows: set[int], gone: Sequence[int]) -> dict[int, int]:
    """Return the physical line at which each row ends: where a line ends outside quotes, a row does."""
    ends: dict[int, int] = {}
    row, quoted, before = -1 - source.skip_lines - source.heads, False, 0
    with (
        readable(source.label),
        open_bytes(source.path) as stream,
        io.TextIOWrapper(stream, "latin-1", newline="\n") as text,
    ):
        for number, line in enumerate(text, start=1):
            while before < len(gone) and gone[before] <= number + before:
                before += 1
            quoted ^= line.count('"') % 2 == 1
            if not quoted:
                if row in rows:
                    ends[row] = number + before
                row += 1
    return ends
