"""JSON lines: an object a line. An object in an object becomes columns a.b, a list stays as its JSON text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from clvtool.errors import InputError
from clvtool.ingest import dialect
from clvtool.ingest.names import ends_as
from clvtool.ingest.source import FLOAT_DIGITS, Source, with_table
from clvtool.ingest.streams import chunks_of, head_of, open_bytes, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

ENDINGS = (".jsonl", ".ndjson")
BATCH_ROWS = 20_000
MOST_NAMES = 10_000
MOST_BYTES = 1 << 26
"""The longest line."""
NOISE = 4
"""A number that is shorter by so many signs when it has the digits of a float was meant to be the shorter one."""


class Number(str):
    """A number as it is written, told from a text of the same signs."""

    __slots__ = ()


_PLAIN = frozenset((str, Number, type(None)))
"""What a cell can be; an object of nothing else is a row as it is."""


class LateNameError(Exception):
    """A name that the first lines do not have."""


def is_json_lines(source: Source) -> bool:
    """Return whether a source of text is JSON lines: by its beginning, else by its name.

    Raises InputError for JSON that is one value over the whole file.
    """
    head = head_of(source.label, source.path)
    if re.match(rb"\s*\[\s*[{\]]", head):
        raise InputError(
            f"{source.label} is one JSON list, not JSON lines", "write an object a line: jq -c '.[]' orders.json"
        )
    return re.match(rb'\s*\{\s*["}]', head) is not None or ends_as(source.label, ENDINGS)


def with_objects(source: Source) -> Source:
    """Return the source with its objects as a table of text, and the lines that are none.

    A blank line is a row with nothing in it, so that rows and lines are counted alike.
    Raises InputError where no line is an object.
    """
    names = _names(source, BATCH_ROWS)
    try:
        return _table(source, names)
    except LateNameError:
        return _table(source, _names(source, None))


def _names(source: Source, lines: int | None) -> tuple[str, ...]:
    """Return all names of the first lines, in the order in which they come."""
    names: dict[str, None] = {}
    for _, row, _ in islice(_lines(source), lines):
        names |= dict.fromkeys(row or ())
        if len(names) > MOST_NAMES:
            raise InputError(
                f"the objects of {source.label} have more than {MOST_NAMES:,} different names",
                "give every object the same names, and put what differs into values",
            )
    if not names and lines is not None:
        return _names(source, None)
    if not names:
        raise InputError(f"no line of {source.label} is a JSON object", "write an object a line: jq -c . orders.json")
    return tuple(names)


def _table(source: Source, names: tuple[str, ...]) -> Source:
    """Return the source as a table with these names; raise LateNameError for one that is not among them."""
    header = dialect.distinct(name.strip() for name in names)
    broken: list[tuple[int, str]] = []
    texts: set[str] = set()

    def batches() -> Iterator[pl.DataFrame]:
        lines, known = _lines(source), frozenset(names)
        while True:
            taken = list(islice(lines, BATCH_ROWS))
            rows: list[dict[str, str | None]] = []
            for number, row, text in taken:
                if row is None:
                    broken.append((number, text))
                elif row.keys() <= known:
                    rows.append(row)
                else:
                    raise LateNameError
            cells = {new: [row.get(name) for row in rows] for new, name in zip(header, names, strict=True)}
            texts.update(name for name, own in cells.items() if name not in texts and any(map(_is_text, own)))
            yield _frame(cells)
            if len(taken) < BATCH_ROWS:
                return

    table = with_table(replace(source, kind="json lines", header=header, words=names), batches())
    return replace(table, broken=tuple(broken), numbers=frozenset(header) - texts)


def _frame(cells: dict[str, list[str | None]]) -> pl.DataFrame:
    import polars as pl

    schema = dict.fromkeys(cells, pl.String)
    try:
        return pl.DataFrame(cells, schema=schema)
    except UnicodeEncodeError:  # half of a pair of surrogates, which JSON can write and UTF-8 cannot
        mended = {
            name: [None if cell is None else cell.encode("utf-8", "replace").decode() for cell in own]
            for name, own in cells.items()
        }
        return pl.DataFrame(mended, schema=schema)


def _is_text(cell: str | None) -> bool:
    return cell is not None and type(cell) is not Number


def _lines(source: Source) -> Iterator[tuple[int, dict[str, str | None] | None, str]]:
    """Yield number, cells and text of every line; no cells and the text for a line that is no object."""
    decoder = json.JSONDecoder(parse_int=Number, parse_float=_number, parse_constant=_refused)
    for number, line in enumerate(_split(source), start=1):
        try:
            text = line.decode().strip().removeprefix("\ufeff")
            value, end = decoder.raw_decode(text) if text else ({}, 0)
            row = _row(value, whole=end == len(text))
        except (ValueError, TypeError, RecursionError):
            yield number, None, line.decode(errors="replace").rstrip("\r")
        else:
            yield number, row, ""


def _split(source: Source) -> Iterator[bytes]:
    held = b""
    with readable(source.label), open_bytes(source.path) as stream:
        for chunk in chunks_of(stream):
            *lines, held = (held + chunk).split(b"\n")
            yield from lines
            if len(held) > MOST_BYTES:
                raise InputError(
                    f"{source.label} has a line of more than {MOST_BYTES >> 20} MB", "write an object a line"
                )
    if held:
        yield held


def _row(value: Any, *, whole: bool) -> dict[str, str | None]:
    """Return the cells of an object; raise TypeError for what is none, or not the `whole` line."""
    if not (whole and isinstance(value, dict)):
        raise TypeError
    if _PLAIN.issuperset(map(type, value.values())):
        return value
    row: dict[str, str | None] = {}
    _flatten(value, "", row)
    return row


def _flatten(value: dict[str, Any], prefix: str, row: dict[str, str | None]) -> None:
    """Put the values of an object into a row; raise ValueError for a name that is there twice."""
    for key, cell in value.items():
        name = prefix + key
        if isinstance(cell, dict):
            _flatten(cell, f"{name}.", row)
            continue
        if name in row:
            raise ValueError
        row[name] = cell if cell is None or isinstance(cell, str) else _text(cell)


def _text(value: Any) -> str:
    """Return a value as JSON, numbers as they are written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(_text(cell) for cell in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_text(key)}: {_text(cell)}' for key, cell in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


def _number(text: str) -> Number:
    """Return a fraction as it is written, without the noise of a binary one."""
    if len(text) > FLOAT_DIGITS:
        short = f"{float(text):.{FLOAT_DIGITS}g}"
        if len(short) + NOISE <= len(text):
            return Number(short)
    return Number(text)


def _refused(text: str) -> None:
    """NaN and Infinity are no JSON."""
    raise ValueError(text)
