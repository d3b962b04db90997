"""The slow parser for files with quotation marks that are not closed: sets the lines aside that nobody can read.

The fast reader gives up on the whole file in that case. Here every record is taken apart on its own: a record may go
over several lines, but not over more than MOST_LINES; if its quotes do not close by then, its first line is set aside
and reading goes on with the next.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from clvtool.ingest.streams import CHUNK_BYTES, Spool, open_bytes, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clvtool.ingest.source import Source

MOST_LINES = 50


def without_bad_quotes(source: Source) -> Source:
    """Return the source as a clean file, with the lines that were set aside.

    Bytes that are no UTF-8 go through as they are: whether they may is not decided here.
    """
    given_up: list[tuple[int, str]] = []

    def clean() -> Iterator[bytes]:
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=source.delimiter, lineterminator="\n")
        with (
            readable(source.label),
            open_bytes(source.path) as stream,
            io.TextIOWrapper(stream, "utf-8", errors="surrogateescape", newline="\n") as lines,
        ):
            for number, text, record in _records(lines, source.delimiter, len(source.header)):
                if record is None:
                    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                    given_up.append((number, shown.rstrip("\r\n")))
                    continue
                writer.writerow(record)
                if buffer.tell() > CHUNK_BYTES:
                    yield buffer.getvalue().encode("utf-8", "surrogateescape")
                    buffer.seek(0)
                    buffer.truncate()
        yield buffer.getvalue().encode("utf-8", "surrogateescape")

    spool = Spool(clean())
    note = "a quotation mark that is not closed made the slow parser read the file"
    return replace(source, path=spool.path, spool=spool, notes=(*source.notes, note), broken=tuple(given_up))


def _records(lines: Iterator[str], delimiter: str, width: int) -> Iterator[tuple[int, str, list[str] | None]]:
    """Yield the line number, text and fields of each record; no fields for a line that was given up."""
    ahead: deque[str] = deque()
    number = 1
    while True:
        text, count, record = "", 0, None
        while record is None and count < MOST_LINES:
            if count == len(ahead):
                line = next(lines, None)
                if line is None:
                    break
                ahead.append(line)
            text += ahead[count]
            count += 1
            found = _fields(text, delimiter)
            if found is not None and (count == 1 or len(found) == width):
                record = found
        if not ahead:
            return
        taken = 1 if record is None else count
        yield number, "".join(ahead.popleft() for _ in range(taken)), record
        number += taken


def _fields(text: str, delimiter: str) -> list[str] | None:
    """Return the fields of a record; None where a quoted field is not closed, or not followed by a delimiter."""
    text = text.removesuffix("\n").removesuffix("\r")
    fields: list[str] = []
    place = 0
    while text:
        if text.startswith('"', place):
            close = text.find('"', place + 1)
            while close >= 0 and text.startswith('""', close):
                close = text.find('"', close + 2)
            if close < 0:
                return None
            fields.append(text[place + 1 : close].replace('""', '"'))
            place = close + 1
        else:
            end = text.find(delimiter, place)
            end = len(text) if end < 0 else end
            if "\n" in text[place:end]:
                return None
            fields.append(text[place:end])
            place = end
        if place == len(text):
            break
        if text[place] != delimiter:
            return None
        place += 1
    return fields
