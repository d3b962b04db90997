"""Open an input, whatever it is, and find out how it is written: kind, encoding, delimiter and header.

Nothing here knows what the columns mean.
"""

from __future__ import annotations

import codecs
import csv
import glob
import os
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from clvtool.errors import InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

SAMPLE_BYTES = 1 << 20
CHUNK_BYTES = 1 << 22
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
SURPLUS = "__surplus"
"""The column that catches a field too many, so that such a row can be counted."""

_POLISH = frozenset(b"\xb3\xb9\x9c\x9f\xbf\xa3\xa5\x8c\xaf")
"""Letters of Windows-1250 (ł ą ś ź ż ...) whose bytes are signs or rare letters in Windows-1252."""
_NOT_WESTERN = frozenset(b"\x81\x8d\x8f\x90\x9d")
"""Bytes that Windows-1252 leaves undefined."""


class UndecodableError(InputError):
    """The bytes are not text of the encoding that was taken for granted."""


class BadQuotesError(InputError):
    """A quotation mark that is not closed swallows the rest of the file."""


@dataclass(frozen=True, slots=True)
class Source:
    """An input that can be scanned: `path` is the file itself, or its text in UTF-8 in an unlinked temporary file."""

    label: str
    path: str
    kind: str  # csv or parquet
    encoding: str = ""
    delimiter: str = ","
    header: tuple[str, ...] = ()
    skip_lines: int = 0
    sample: str = ""
    spool: IO[bytes] | None = field(default=None, compare=False)
    notes: tuple[str, ...] = ()
    bad_quotes: tuple[tuple[int, str], ...] = ()  # lines that the tolerant parser has set aside: number and text

    def scan(self) -> pl.LazyFrame:
        """Return every column as text, with one more column that is filled where a row has a field too many."""
        import polars as pl

        if self.kind == "parquet":
            return pl.scan_parquet(self.path, glob=False)
        names = [*self.header, SURPLUS]
        return pl.scan_csv(
            self.path,
            has_header=False,
            skip_lines=self.skip_lines,
            skip_rows=1,
            separator=self.delimiter,
            schema=dict.fromkeys(names, pl.String),
            truncate_ragged_lines=True,
            missing_columns="insert",
            glob=False,
        )

    def sample_records(self, most: int = 5000) -> list[list[str]]:
        """Return the first records below the header, as the csv module reads them."""
        records = csv.reader(self.sample.splitlines(keepends=True)[self.skip_lines :], delimiter=self.delimiter)
        next(records, None)
        return [record for record, _ in zip(records, range(most), strict=False) if record]


def open_sources(inputs: Sequence[str], encoding: str | None = None, delimiter: str | None = None) -> list[Source]:
    """Open every input: files, patterns, or `-` for standard input.

    Raises InputError for what is missing, empty or not text, UsageError for an unknown encoding or delimiter.
    """
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise UsageError(
                f"there is no encoding {encoding!r}", did_you_mean(encoding, ["utf-8", "windows-1250", "windows-1252"])
            ) from None
    if list(inputs).count("-") > 1:
        raise UsageError("standard input (-) can be read only once")
    return [_open(path, encoding, delimiter) for path in _expand(inputs)]


def with_encoding(source: Source, encoding: str | None = None) -> Source:
    """Read a source again as text of another encoding; without one, the whole file is searched for the right one."""
    with open_bytes(source.path) as stream:
        if encoding is None:
            encoding = _legacy_encoding(set().union(*(set(chunk) for chunk in _chunks(stream))))
    return _spooled(replace(source, notes=(*source.notes, _guessed(encoding))), encoding)


def _expand(inputs: Iterable[str]) -> Iterator[str]:
    for name in inputs:
        if name == "-" or Path(name).exists() or not glob.has_magic(name):
            yield name
            continue
        found = sorted(glob.glob(name))  # noqa: PTH207 - Path.glob cannot take an absolute pattern
        if not found:
            raise InputError(f"no file matches {name}")
        yield from found


def _open(name: str, encoding: str | None, delimiter: str | None) -> Source:
    label = "standard input" if name == "-" else name
    spool = _stream(name)
    path = name if spool is None else f"/dev/fd/{spool.fileno()}"
    head = _head(label, path)
    if not head.strip():
        raise InputError(f"{label} is empty")
    if head.startswith(b"PAR1"):
        return Source(label, path, "parquet", spool=spool)
    source = Source(label, path, "csv", spool=spool)
    found, note = (encoding, "") if encoding else _encoding(label, head)
    source = replace(source, encoding=codecs.lookup(found).name, notes=(note,) if note else ())
    newline_is_cr = b"\r" in head and b"\n" not in head
    if source.encoding != "utf-8" or newline_is_cr or head.startswith(codecs.BOM_UTF8):
        source = _spooled(source, found)
        head = _head(label, source.path)
    return _with_header(replace(source, sample=head.decode("utf-8", "ignore")), delimiter)


def _stream(name: str) -> IO[bytes] | None:
    """Return what can be read only once, kept in a temporary file; None for a plain file."""
    if name == "-":
        if sys.stdin.isatty():
            raise UsageError("standard input (-) is a terminal", "name a file, or pipe one: cat orders.csv | clvtool …")
        return spooled_bytes(_chunks(sys.stdin.buffer))
    if not Path(name).exists():
        raise InputError(f"{name} does not exist", _near_file(name))
    if Path(name).is_dir():
        raise InputError(f"{name} is a directory", f"name the files in it: '{name.rstrip('/')}/*.csv'")
    if Path(name).is_file():
        return None
    try:
        with Path(name).open("rb") as pipe:
            return spooled_bytes(_chunks(pipe))
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from None


def _near_file(name: str) -> str:
    folder = Path(name).parent
    if not folder.is_dir():
        return f"there is no directory {folder}"
    names = [entry.name for entry in folder.iterdir() if entry.suffix in {".csv", ".tsv", ".txt", ".parquet", ".gz"}]
    return did_you_mean(Path(name).name, sorted(names)) if names else ""


def _head(label: str, path: str) -> bytes:
    try:
        with open_bytes(path) as stream:
            return stream.read(SAMPLE_BYTES)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged or not what its first bytes say"
        raise InputError(f"{label} cannot be read: {reason}") from None


def open_bytes(path: str) -> IO[bytes]:
    """Open a plain, gzip or zstd file as its uncompressed bytes."""
    descriptor = os.open(path, os.O_RDONLY)
    raw = os.fdopen(descriptor, "rb")
    raw.seek(0)  # /dev/fd may share its position with the descriptor it was made from
    magic = raw.read(4)
    raw.seek(0)
    compression = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd"}.get(magic[:2])
    if compression is None:
        return raw
    import pyarrow as pa

    stream: IO[bytes] = pa.CompressedInputStream(raw, compression)
    return stream


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def spooled_bytes(chunks: Iterable[bytes]) -> IO[bytes]:
    """Write chunks to a temporary file that has no name, and so is gone when the process ends, however it ends."""
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the Source that holds it
    for chunk in chunks:
        spool.write(chunk)
    spool.flush()
    return spool


def _spooled(source: Source, encoding: str) -> Source:
    """Write the source anew as UTF-8 with Unix line ends."""
    decoder = codecs.getincrementaldecoder(encoding)()

    def text(stream: IO[bytes]) -> Iterator[bytes]:
        first, held = True, ""
        for chunk in _chunks(stream):
            part = held + decoder.decode(chunk)
            held = "\r" if part.endswith("\r") else ""
            part = part.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
            yield (part.removeprefix("\ufeff") if first else part).encode()
            first = False
        yield (held.replace("\r", "\n") + decoder.decode(b"", final=True)).encode()

    try:
        with open_bytes(source.path) as stream:
            spool = spooled_bytes(text(stream))
    except UnicodeError as error:
        raise InputError(
            f"{source.label} is not {encoding}: {getattr(error, 'reason', error)}",
            "name its encoding: --encoding windows-1250 (Central European) or windows-1252 (Western)",
        ) from None
    return replace(source, path=f"/dev/fd/{spool.fileno()}", encoding=codecs.lookup(encoding).name, spool=spool)


def _encoding(label: str, head: bytes) -> tuple[str, str]:
    """Return the encoding and, where it had to be judged from single bytes, a note that says so."""
    for bom, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if head.startswith(bom):
            return name, ""
    if b"\0" in head or head.startswith((b"%PDF", b"\x89PNG")):
        hint = "open it in a spreadsheet and save the sheet as CSV" if head.startswith((b"PK", b"\xd0\xcf")) else ""
        raise InputError(f"{label} is binary, not a table in text or Parquet", hint)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        name = _legacy_encoding(set(head))
        return name, _guessed(name)
    return "utf-8", ""


def _legacy_encoding(seen: set[int]) -> str:
    if seen & _POLISH:
        return "windows-1250"
    return "latin-1" if seen & _NOT_WESTERN else "windows-1252"


def _guessed(encoding: str) -> str:
    return f"the text is not UTF-8; its bytes look like {encoding} (--encoding settles it)"


def _with_header(source: Source, delimiter: str | None) -> Source:
    lines = source.sample.splitlines(keepends=True)
    skip = 0
    while skip < len(lines) and not lines[skip].strip():
        skip += 1
    named = lines[skip].strip().lower() if skip < len(lines) else ""
    if named.startswith("sep=") and len(named) <= len("sep=") + 1:
        delimiter = delimiter or lines[skip].strip("\r\n")[len("sep=") :] or "\t"
        skip += 1
    body = lines[skip:]
    if not body:
        raise InputError(f"{source.label} is empty")
    if delimiter is None:
        delimiter = _vote(body)
    elif delimiter in DELIMITERS.values():
        delimiter = next(sign for sign, name in DELIMITERS.items() if name == delimiter)
    elif delimiter == "\\t":
        delimiter = "\t"
    if len(delimiter.encode()) != 1:
        raise UsageError(
            f"a delimiter is one character, not {delimiter!r}", f"there is: {', '.join(DELIMITERS.values())}"
        )
    header = next(csv.reader(body, delimiter=delimiter))
    return replace(source, delimiter=delimiter, header=_distinct(header), skip_lines=skip)


def _vote(lines: list[str]) -> str:
    """Return the delimiter under which the most records have as many fields as the header (quotes respected)."""

    def score(delimiter: str) -> tuple[float, int]:
        records = [
            record for record, _ in zip(csv.reader(lines, delimiter=delimiter), range(200), strict=False) if record
        ]
        width = len(records[0]) if records else 0
        if width < 2:
            return 0.0, 0
        return sum(len(record) == width for record in records) / len(records), width

    try:
        return max(DELIMITERS, key=score)
    except csv.Error:
        return ","


def _distinct(header: list[str]) -> tuple[str, ...]:
    """Return column names that are not empty and not repeated."""
    names: list[str] = []
    for place, raw in enumerate(header, start=1):
        name = raw.strip().strip("\ufeff") or f"column_{place}"
        count = 2
        base = name
        while name in names:
            name = f"{base}_{count}"
            count += 1
        names.append(name)
    return tuple(names)
