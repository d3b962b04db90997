"""Open an input, whatever it is, as something that Polars can scan: file or pipe, compressed or not, CSV or Parquet.

Nothing here knows what the columns mean.
"""

from __future__ import annotations

import codecs
import errno
import glob
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from clvtool.errors import InputError, UsageError, did_you_mean
from clvtool.ingest import dialect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

SAMPLE_BYTES = 1 << 20
CHUNK_BYTES = 1 << 22
SURPLUS = ("__surplus_1", "__surplus_2")
"""The columns that catch fields too many, so that such a row can be counted."""


class UndecodableError(InputError):
    """The bytes are not text of the encoding that was taken for granted."""


class BadQuotesError(InputError):
    """A quotation mark that is not closed swallows the rest of the file."""


class Spool:
    """A temporary file without a name: gone with the last Source that holds it, and when the process ends, however."""

    _file: IO[bytes] | None = None

    def __init__(self, chunks: Iterable[bytes]) -> None:
        """Write the chunks into a new file."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this object
        for chunk in chunks:
            self._file.write(chunk)
        self._file.flush()
        self._descriptor = self._file.fileno()

    @property
    def path(self) -> str:
        """Return a path under which this process can open the file."""
        return f"/dev/fd/{self._descriptor}"

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()


@dataclass(frozen=True, slots=True)
class Source:
    """An input that can be scanned: `path` is the file itself, or its text in UTF-8 in a `spool`.

    `header` has a name of its own for every column; `words` is the header as written.
    """

    label: str
    path: str
    kind: str = "csv"  # or parquet
    encoding: str = ""
    delimiter: str = ","
    header: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    skip_lines: int = 0
    spool: Spool | None = field(default=None, compare=False)
    notes: tuple[str, ...] = ()
    bad_quotes: tuple[tuple[int, str], ...] | None = None  # None: the slow parser was not needed

    @property
    def given_up(self) -> tuple[tuple[int, str], ...]:
        """Return number and text of the lines that nobody can read."""
        return self.bad_quotes or ()

    def scan(self) -> pl.LazyFrame:
        """Return every column, of a CSV file as text and with further columns for fields too many."""
        import polars as pl

        if self.kind == "parquet":
            return pl.scan_parquet(self.path, glob=False)
        return pl.scan_csv(
            self.path,
            has_header=False,
            skip_rows=self.skip_lines + 1,
            separator=self.delimiter,
            schema=dict.fromkeys([*self.header, *SURPLUS], pl.String),
            truncate_ragged_lines=True,
            missing_columns="insert",
            extra_columns="ignore",
            glob=False,
        )

    def schema(self) -> pl.Schema:
        """Return name and type of every column of `scan`."""
        with _said_of(self):
            return self.scan().collect_schema()

    def metadata(self, key: str) -> str | None:
        """Return a text that a Parquet file keeps beside its table."""
        import polars as pl

        if self.kind != "parquet":
            return None
        with _said_of(self):
            return pl.read_parquet_metadata(self.path).get(key)


def open_sources(inputs: Sequence[str], encoding: str | None = None, delimiter: str | None = None) -> list[Source]:
    """Open every input: files, patterns, or `-` for standard input.

    Raises InputError for what is missing, empty or not text, UsageError for an unknown encoding or delimiter.
    """
    if encoding is not None:
        dialect.check_encoding(encoding)
    if list(inputs).count("-") > 1:
        raise UsageError("standard input (-) can be read only once")
    return [_open(path, encoding, delimiter) for path in _expand(inputs)]


def with_legacy_encoding(source: Source) -> Source:
    """Read a source that is not UTF-8 as text of the one-byte encoding for which all its bytes speak."""
    with readable(source.label), open_bytes(source.path) as stream:
        encoding = dialect.legacy_encoding(chunks_of(stream))
    note = f"the text is not UTF-8; its bytes look like {encoding} (--encoding settles it)"
    return _spooled(replace(source, notes=(*source.notes, note)), encoding)


def collect(source: Source, query: pl.LazyFrame) -> pl.DataFrame:
    """Run a query over a source with the streaming engine; what goes wrong is said of the source."""
    with _said_of(source):
        return query.collect(engine="streaming")


@contextmanager
def readable(label: str) -> Iterator[None]:
    """Say of an input that it cannot be read, and why."""
    try:
        yield
    except (OSError, EOFError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise  # no fault of the input: there is no room for a temporary file
        reason = getattr(error, "strerror", None) or "it is damaged or not what its first bytes say"
        raise InputError(f"{label} cannot be read: {reason}") from None


def open_bytes(path: str) -> IO[bytes]:
    """Open a plain, gzip or zstd file as its uncompressed bytes."""
    raw = Path(path).open("rb")  # noqa: SIM115 - the caller closes it
    raw.seek(0)  # /dev/fd may share its position with the descriptor it was made from
    magic = raw.read(4)
    raw.seek(0)
    compression = "gzip" if magic[:2] == b"\x1f\x8b" else "zstd" if magic == b"\x28\xb5\x2f\xfd" else None
    if compression is None:
        return raw
    import pyarrow as pa

    stream: IO[bytes] = pa.CompressedInputStream(raw, compression)
    return stream


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a stream piece by piece."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


@contextmanager
def _said_of(source: Source) -> Iterator[None]:
    """Turn the errors of Polars into errors about the source; none of its rows stands in them."""
    import polars as pl

    try:
        with readable(source.label):
            yield
    except pl.exceptions.PolarsError as error:
        text = str(error)
        if source.kind == "csv" and "utf-8" in text.casefold():
            raise _not_text(source) from None
        if source.kind == "csv" and ("not properly escaped" in text or "CSV malformed" in text):
            raise BadQuotesError(f"{source.label} has a quotation mark that is not closed") from None
        raise InputError(f"{source.label} cannot be read: {text.splitlines()[0].partition('`')[0]}") from None
    except pl.exceptions.PanicException:
        raise InputError(f"{source.label} cannot be read: it is damaged") from None


def _not_text(source: Source) -> UndecodableError:
    return UndecodableError(f"{source.label} is not {source.encoding}", "leave --encoding out, or name the right one")


def _expand(inputs: Iterable[str]) -> Iterator[str]:
    for name in inputs:
        with readable(name):
            literal = name == "-" or not glob.has_magic(name) or Path(name).exists()
        if literal:
            yield name
            continue
        found = sorted(glob.glob(name))  # noqa: PTH207 - Path.glob cannot take an absolute pattern
        if not found:
            raise InputError(f"no file matches {name}")
        yield from found


def _open(name: str, encoding: str | None, delimiter: str | None) -> Source:
    label = "standard input" if name == "-" else name
    with readable(label):
        spool = _stream(name)
    source = Source(label, name if spool is None else spool.path, spool=spool)
    head = _head(source)
    if not head.strip():
        raise InputError(f"{label} is empty")
    if head.startswith(b"PAR1"):
        source = replace(source, kind="parquet")
        names = tuple(source.schema().names())
        return replace(source, header=names, words=names)
    found = encoding or dialect.modern_encoding(label, head)
    if found is None:
        source = with_legacy_encoding(source)
    elif (
        codecs.lookup(found).name == "utf-8" and not head.startswith(codecs.BOM_UTF8) and not dialect.has_lone_cr(head)
    ):
        source = replace(source, encoding="utf-8")
    else:
        source = _spooled(source, found)
    head = _head(source)
    if not dialect.is_utf_8(head):
        raise _not_text(source)
    sample = head.decode("utf-8", "ignore")
    delimiter, words, skip = dialect.header_of(label, sample, delimiter)
    header = dialect.distinct(words)
    return replace(source, delimiter=delimiter, header=header, words=tuple(words), skip_lines=skip)


def _stream(name: str) -> Spool | None:
    """Return what can be read only once, kept in a temporary file; None for a plain file."""
    if name == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError(
                "standard input (-) is a terminal or closed", "name a file, or pipe one: cat orders.csv | clvtool …"
            )
        return Spool(chunks_of(sys.stdin.buffer))
    if not Path(name).exists():
        raise InputError(f"{name} does not exist", _near_file(name))
    if Path(name).is_dir():
        raise InputError(f"{name} is a directory", f"name the files in it: '{name.rstrip('/')}/*.csv'")
    if Path(name).is_file():
        return None
    with Path(name).open("rb") as pipe:
        return Spool(chunks_of(pipe))


def _near_file(name: str) -> str:
    folder = Path(name).parent
    if not folder.is_dir():
        return f"there is no directory {folder}"
    suffixes = {".csv", ".tsv", ".txt", ".parquet", ".gz", ".zst"}
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix in suffixes)
    return did_you_mean(Path(name).name, names) if names else ""


def _head(source: Source) -> bytes:
    with readable(source.label), open_bytes(source.path) as stream:
        return stream.read(SAMPLE_BYTES)


def _spooled(source: Source, encoding: str) -> Source:
    """Write the source anew as UTF-8 with Unix line ends."""
    decoder = codecs.getincrementaldecoder(encoding)()

    def text(stream: IO[bytes]) -> Iterator[bytes]:
        first, held = True, ""
        for chunk in chunks_of(stream):
            part = held + decoder.decode(chunk)
            held = "\r" if part.endswith("\r") else ""
            part = part.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
            yield (part.removeprefix("\ufeff") if first else part).encode()
            first = False
        yield (held.replace("\r", "\n") + decoder.decode(b"", final=True)).encode()

    try:
        with readable(source.label), open_bytes(source.path) as stream:
            spool = Spool(text(stream))
    except UnicodeError as error:
        raise InputError(
            f"{source.label} is not {encoding}: {getattr(error, 'reason', error)}",
            "name its encoding: --encoding windows-1250 (Central European) or windows-1252 (Western)",
        ) from None
    return replace(source, path=spool.path, encoding=codecs.lookup(encoding).name, spool=spool)
