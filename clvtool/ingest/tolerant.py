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

from clvtool.ingest.source import CHUNK_BYTES, Source, open_bytes, spooled_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LINES = 50


def without_bad_quotes(source: Source) -> Source:
    """Return the source as a clean file, with the number of lines that were set aside."""
    given_up: list[tuple[int, str]] = []

    def clean() -> Iterator[bytes]:
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=source.delimiter, lineterminator="\n")
        with open_bytes(source.path) as stream:
            lines = io.TextIOWrapper(stream, "utf-8", newline="")
            for number, text, record in _records(lines, source.delimiter, len(source.header)):
                if record is None:
                    given_up.append((number, text))
                    continue
                writer.writerow(record)
                if buffer.tell() > CHUNK_BYTES:
                    yield buffer.getvalue().encode()
                    buffer.seek(0)
                    buffer.truncate()
        yield buffer.getvalue().encode()

    spool = spooled_bytes(clean())
    note = (
        f"{len(given_up)} lines with a quotation mark that is not closed were set aside; the slow parser read the file"
    )
    return replace(
        source, path=f"/dev/fd/{spool.fileno()}", spool=spool, notes=(*source.notes, note), bad_quotes=tuple(given_up)
    )


def _records(lines: Iterator[str], delimiter: str, width: int) -> Iterator[tuple[int, str, list[str] | None]]:
    """Yield the line number, text and fields of each record; no fields for a line that was given up."""
    pending: deque[str] = deque()
    more, number = True, 1
    while True:
        while more and len(pending) < MOST_LINES:
            line = next(lines, None)
            more = line is not None
            if line is None or _balanced("".join((*pending, line)), delimiter):
                pending.extend([] if line is None else [line])
                break
            pending.append(line)
        if not pending:
            return
        for count in range(1, len(pending) + 1):
            text = "".join(pending[place] for place in range(count))
            if not _balanced(text, delimiter):
                continue
            record = next(csv.reader([text], delimiter=delimiter), [])
            if count == 1 or len(record) == width:
                for _ in range(count):
                    pending.popleft()
                yield number, text, record
                number += count
                break
        else:
            yield number, pending.popleft(), None
            number += 1


def _balanced(text: str, delimiter: str) -> bool:
    """Return whether every quoted field of the text is closed and followed by a delimiter or the end."""
    place, end = 0, len(text)
    while place < end:
        if text[place] != '"':
            following = text.find(delimiter, place)
            place = end if following < 0 else following + 1
            continue
        place += 1
        while True:
            close = text.find('"', place)
            if close < 0:
                return False
            if text[close + 1 : close + 2] == '"':
                place = close + 2
                continue
            break
        after = text[close + 1 : close + 2]
        if after not in (delimiter, "\n", "\r", ""):
            return False
        place = close + 2
    return True
