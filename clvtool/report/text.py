"""A Result as text for other programs: CSV, JSON, ndjson; and as Markdown for other readers.

The first three carry raw values: ISO dates, `.` decimal, null for undefined. Each is yielded in pieces of bytes in
UTF-8, whatever the terminal speaks, so that a million rows never stand in memory as one string.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clvtool.report.cells import Column, columns, definitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from clvtool.result import Result

ROWS = 50_000  # in one piece
_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\|*`["} | {"<": "&lt;"})


def csv(result: Result, *, spreadsheet_safe: bool = False) -> Iterator[bytes]:
    """Yield a header, also for 0 rows, and the rows; `spreadsheet_safe` disarms text that begins a formula."""
    table = _raw(result.table)
    if spreadsheet_safe:
        table = _disarmed(table)
    for start in range(0, max(table.height, 1), ROWS):
        yield table.slice(start, ROWS).write_csv(include_header=start == 0).encode()


def ndjson(result: Result) -> Iterator[bytes]:
    """Yield one JSON object a row."""
    for lines in _json_rows(result.table):
        yield f"{lines}\n".encode()


def json_object(result: Result) -> Iterator[bytes]:
    """Yield one JSON object: title, as_of, currency, notes, definitions if any, rows, and the keys of the command."""
    yield ("{\n" + "".join(f"{_json(key)}: {_json(value)},\n" for key, value in about(result).items())).encode()
    yield b'"rows": ['
    separator = "\n"
    for lines in _json_rows(result.table):
        yield (separator + lines.replace("\n", ",\n")).encode()
        separator = ",\n"
    yield b"]" if separator == "\n" else b"\n]"
    yield "".join(f",\n{_json(key)}: {_json(value)}" for key, value in result.extra.items()).encode()
    yield b"\n}\n"


def markdown(result: Result) -> Iterator[bytes]:
    """Yield a pipe table as GitHub draws it, with the cells that a terminal would show."""
    yield f"### {_escaped(result.title)}\n\n".encode()
    if result.as_of:
        yield f"As of {result.as_of.isoformat()}.\n\n".encode()
    shown = columns(result)
    yield _pipes([column.name for column in shown])
    yield f"|{'|'.join(_ruler(column) for column in shown)}|\n".encode()
    for row in zip(*(column.cells for column in shown), strict=True):
        yield _pipes(row)
    meanings = [f"**{_escaped(name)}** — {_escaped(meaning)}" for name, meaning in definitions(result)]
    for paragraph in (meanings, [_escaped(note) for note in result.notes]):
        if paragraph:
            yield "".join(["\n", *(f"- {line}\n" for line in paragraph)]).encode()


def about(result: Result) -> dict[str, Any]:
    """Return what a reader must know besides the rows; the key `definitions` is there only when there are any."""
    told = {
        "title": result.title,
        "as_of": result.as_of,
        "currency": result.currency,
        "notes": list(result.notes),
        "definitions": dict(result.definitions),
    }
    return {key: value for key, value in told.items() if key != "definitions" or value}


def as_json(value: Any) -> Any:
    """Return the value in the types that JSON has; what is not finite is null."""
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (float, Decimal)):  # the shortest text of a float has the exact digits up to the fifteenth
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (date, time)):
        return value.isoformat()
    if value is None or isinstance(value, (str, int)):
        return value
    for method in ("to_dicts", "tolist"):  # a table; an array, or a number of numpy
        if hasattr(value, method):
            return as_json(getattr(value, method)())
    return [as_json(item) for item in value]


def _json(value: Any) -> str:
    return json.dumps(as_json(value), ensure_ascii=False, allow_nan=False)


def _json_rows(table: pl.DataFrame) -> Iterator[str]:
    """Yield the JSON lines of some rows at a time, without the last newline."""
    import polars as pl
    import polars.selectors as cs

    rows = _raw(table).with_columns(cs.decimal().cast(pl.Float64))
    for start in range(0, rows.height, ROWS):
        yield rows.slice(start, ROWS).write_ndjson().removesuffix("\n")


def _raw(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with null for what is not finite, and times as ISO text."""
    import polars as pl
    import polars.selectors as cs

    finite = pl.when(cs.float().is_finite()).then(cs.float())
    moments = cs.datetime().dt.to_string("iso:strict").str.replace(r"\.0+([+-]|$)", "${1}")
    return table.with_columns(finite, moments, cs.duration().dt.to_string("iso"))


def _disarmed(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with an apostrophe before every text, or header, that a spreadsheet would take for a formula."""
    import polars as pl
    import polars.selectors as cs

    armed, disarmed = r"^([=+\-@\t\r])", "'${1}"
    headers = pl.Series(table.columns, dtype=pl.String).str.replace(armed, disarmed)
    texts = (cs.string() | cs.categorical() | cs.enum()).cast(pl.String)
    return table.with_columns(texts.str.replace(armed, disarmed)).rename(dict(zip(table.columns, headers, strict=True)))


def _escaped(text: str) -> str:
    return text.translate(_MARKDOWN)


def _pipes(cells: list[str] | tuple[str, ...]) -> bytes:
    return f"| {' | '.join(map(_escaped, cells))} |\n".encode()


def _ruler(column: Column) -> str:
    return " ---: " if column.right else " --- "
