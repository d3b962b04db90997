"""A sheet of an Excel workbook, cell by cell as Excel means it: dates are dates, and 0.1 + 0.2 is 0.3."""

from __future__ import annotations

import io
import logging
import re
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from clvtool.errors import InputError
from clvtool.ingest import dialect
from clvtool.ingest.parts import chosen_part
from clvtool.ingest.source import CELL_ERRORS, FLOAT_DIGITS, Source, with_table
from clvtool.ingest.streams import chunks_of, open_bytes, readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

ZIP = b"PK\x03\x04"
OLD = b"\xd0\xcf\x11\xe0"
"""How the container begins in which .xls files are, and encrypted files of any kind."""
MOST_BYTES = 1 << 30
"""The largest workbook, unpacked: a sheet is taken into memory as a whole."""
MOST_CELLS = 50_000_000
"""The largest sheet, counted from its first cell to its last: the library keeps room for every one between them."""
TOP_ROWS = 50
"""Rows among which the header is looked for."""
WHOLE = 1 << 53
LONGEST_TAG = 32
_ROW = re.compile(rb'<row r="(\d{1,9})"')
_COLUMN = re.compile(rb'<c r="([A-Z]{1,3})\d')
_AS_CSV = "open it in a spreadsheet and save the sheet as CSV"


def with_sheet(source: Source, wanted: str | None) -> Source:
    """Return the source with one sheet of its workbook.

    The header is the first row that fills more than half as many cells as the fullest of the rows at the top.
    Raises InputError for what is no workbook of today, or too large, or when the library is not installed; DataError
    where the sheet is not clear.
    """
    content = _content(source)
    try:
        import fastexcel
    except ImportError:
        raise InputError(
            f"{source.label} is an Excel workbook, and the library that reads them is not installed",
            "install it: pip install fastexcel; or save the sheet as CSV",
        ) from None
    logging.getLogger("fastexcel").setLevel(logging.ERROR)  # it tells of columns without a value
    with _said_of(source.label):
        book = fastexcel.read_excel(content)
        part = chosen_part(source.label, "sheet", book.sheet_names, wanted, lambda name: _shows_rows(book, name))
        top = _top(book, part)
        if not top:
            raise InputError(f"{source.label} is empty")
        above = _header_row(top)
        frame, numbers = _cells(book, part, above + 1, len(top[above]))
    words = [(word or "").strip() for word in top[above]]
    kept = [place for place, word in enumerate(words) if word or frame.to_series(place).count()]
    words = [words[place] for place in kept]
    header = dialect.distinct(words)
    table = frame.select(frame.to_series(place).alias(name) for place, name in zip(kept, header, strict=True))
    notes = source.notes
    if any(any(row) for row in top[:above]):
        notes += (f"the header is row {above + 1} of the sheet; the rows above it are not read",)
    source = replace(
        source,
        kind="workbook",
        part=part,
        header=header,
        words=tuple(words),
        skip_lines=above,
        notes=notes,
        numbers=frozenset(name for place, name in zip(kept, header, strict=True) if place in numbers),
    )
    return with_table(source, [table])


def _content(source: Source) -> bytes:
    """Return the bytes of a workbook; raise InputError for what only looks like one."""
    label = source.label
    with readable(label), open_bytes(source.path) as stream:
        content = stream.read(MOST_BYTES + 1)
    if content.startswith(OLD):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise InputError(
                f"{label} is encrypted with a password", "open it, take the password off, and save it again"
            )
        raise InputError(
            f"{label} is a workbook of the old kind (.xls), which is not read", "save it as .xlsx, or the sheet as CSV"
        )
    if len(content) > MOST_BYTES:
        raise _too_large(label)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            _require_size(label, parts)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError):
        raise _damaged(label) from None
    return content


def _require_size(label: str, parts: zipfile.ZipFile) -> None:
    """Raise InputError for an archive that is no workbook, or one that would not fit into memory."""
    sizes = {entry.filename: entry.file_size for entry in parts.infolist()}
    if "xl/workbook.xml" not in sizes:
        raise InputError(f"{label} is an archive, but no .xlsx workbook", "save it as .xlsx, or unpack the files in it")
    if sum(sizes.values()) > MOST_BYTES:
        raise _too_large(label)
    for name in sizes:
        if name.startswith("xl/worksheets/") and _extent(parts, name) > MOST_CELLS:
            raise InputError(
                f"{label} has a sheet of more than {MOST_CELLS:,} cells from the first to the last",
                f"delete what stands far out (Ctrl+End goes there), or {_AS_CSV}",
            )


def _too_large(label: str) -> InputError:
    return InputError(f"{label} is a workbook of more than {MOST_BYTES >> 20:,} MB when unpacked", _AS_CSV)


def _extent(parts: zipfile.ZipFile, name: str) -> int:
    """Return how many cells there are up to the last row and column of a sheet, empty ones too."""
    last_row, columns, held = 0, set[bytes](), b""
    with parts.open(name) as stream:
        for chunk in chunks_of(stream):
            text = held + chunk
            last_row = max([last_row, *map(int, _ROW.findall(text))])
            columns.update(_COLUMN.findall(text))
            held = text[-LONGEST_TAG:]
    width = max((reduce(lambda sum_, sign: sum_ * 26 + sign - 64, column, 0) for column in columns), default=0)
    return last_row * width


def _shows_rows(book: Any, name: str) -> bool:
    """Return whether a sheet has any cells; a hidden one is taken only when it is asked for."""
    sheet = book.load_sheet(name, header_row=None, n_rows=1, dtypes="string", whitespace_as_null=True)
    return bool(sheet.visible == "visible" and sheet.width)


def _top(book: Any, name: str) -> list[tuple[str | None, ...]]:
    """Return the first rows of a sheet as text, without empty ones at the end."""
    sheet = book.load_sheet(
        name, header_row=None, skip_rows=0, n_rows=TOP_ROWS, dtypes="string", whitespace_as_null=True
    )
    rows: list[tuple[str | None, ...]] = sheet.to_polars().rows() if sheet.width else []
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def _header_row(top: Sequence[Sequence[str | None]]) -> int:
    filled = [sum(cell is not None for cell in row) for row in top]
    return next(place for place, cells in enumerate(filled) if cells * 2 > max(filled))


def _cells(book: Any, name: str, skip: int, width: int) -> tuple[pl.DataFrame, set[int]]:
    """Return the cells below the header by their types, and which columns are numbers among which there are errors."""
    import polars as pl

    sheet = book.load_sheet(
        name,
        header_row=None,
        skip_rows=skip,
        schema_sample_rows=None,
        skip_whitespace_tail_rows=True,
    )
    if not sheet.height:
        return pl.DataFrame(schema={f"{place}": pl.String for place in range(width)}), set()
    batch, errors = sheet.to_arrow_with_errors()
    frame: pl.DataFrame = pl.DataFrame(pl.from_arrow(batch))
    columns = [_exact(column) for column in frame]
    numbers: set[int] = set()
    if errors is not None:
        by_column: dict[int, list[tuple[int, str]]] = {}
        for error in errors.errors:
            row, place = error.offset_position
            found = re.search(r"Error\((\w+)\)", error.detail)
            by_column.setdefault(place, []).append((row, CELL_ERRORS.get(found[1] if found else "", "#VALUE!")))
        for place, own in by_column.items():
            if columns[place].dtype.is_numeric():
                numbers.add(place)
            rows, texts = zip(*own, strict=True)
            columns[place] = columns[place].cast(pl.String).scatter(list(rows), list(texts))
    return pl.DataFrame([column.alias(f"{place}") for place, column in enumerate(columns)]), numbers


def _exact(column: pl.Series) -> pl.Series:
    """Return numbers without the noise of binary fractions, whole ones as whole, and days without a time as days."""
    import polars as pl

    if column.dtype.is_float():
        whole = bool(((column == column.round()) & (column.abs() < WHOLE)).all())
        return column.cast(pl.Int64) if whole else column.round_sig_figs(FLOAT_DIGITS)
    if column.dtype == pl.Datetime and (column.dt.date().cast(column.dtype) == column).all():
        return column.dt.date()
    return column.dt.to_string() if column.dtype == pl.Duration else column


@contextmanager
def _said_of(label: str) -> Iterator[None]:
    """Turn the errors of the library into errors about the input."""
    import fastexcel

    try:
        yield
    except fastexcel.FastExcelError:
        raise _damaged(label) from None


def _damaged(label: str) -> InputError:
    return InputError(f"{label} cannot be read as a workbook: it is damaged", _AS_CSV)
