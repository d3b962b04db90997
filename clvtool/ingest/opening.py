"""From the words of the command line to sources: each input is opened for what its first bytes say it is."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from clvtool.errors import InputError, UsageError
from clvtool.ingest import database, dialect, workbook
from clvtool.ingest.delimited import with_encoding, with_header
from clvtool.ingest.expansion import check_expansion, check_rows
from clvtool.ingest.json_lines import is_json_lines, with_objects
from clvtool.ingest.names import Named, named_files, near_file
from clvtool.ingest.nesting import check_nesting
from clvtool.ingest.source import Source, collect
from clvtool.ingest.streams import Spool, chunks_of, head_of, open_bytes, readable
from clvtool.ingest.unchanged import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvtool.ingest.reading import ReadOptions


def open_sources(inputs: Sequence[str], options: ReadOptions) -> list[Source]:
    """Open every input: files, patterns, directories, or `-` for standard input.

    Raises InputError for what is missing, empty or no table, UsageError for an unknown encoding or delimiter and for a
    sheet where no input has any, DataError where it is not clear which sheet is meant.
    """
    if options.encoding is not None:
        dialect.check_encoding(options.encoding)
    if list(inputs).count("-") > 1:
        raise UsageError("standard input (-) can be read only once")
    sources = [_open(named, options) for named in named_files(inputs)]
    if options.sheet is not None and not any(source.part for source in sources):
        raise UsageError(f"--sheet {options.sheet}: no input is a workbook or a database")
    return sources


def _open(named: Named, options: ReadOptions) -> Source:
    label = "standard input" if named.path == "-" else named.path
    with readable(label):
        spool = _stream(named.path)
    notes = (named.note,) if named.note else ()
    path = named.path if spool is None else spool.path
    source = Source(label, path, spool=spool, notes=notes, stamp=stamp(path))
    head = head_of(label, source.path)
    if not head:
        raise InputError(f"{label} is empty")
    _check_size(source)
    if head.startswith(database.MAGIC):
        return database.with_database_table(source, named.part or options.sheet)
    if head.startswith((workbook.ZIP, workbook.OLD)):
        return workbook.with_sheet(source, named.part or options.sheet)
    if named.part is not None:
        raise UsageError(f"{label} is neither a workbook nor a database: it has no {named.part!r} in it")
    if head.startswith(b"PAR1"):
        source = replace(source, kind="parquet")
        _check_parquet(source)
        names = tuple(source.schema().names())
        return replace(source, header=names, words=names)
    source = with_encoding(source, options.encoding)
    return with_objects(source) if is_json_lines(source) else with_header(source, options.delimiter)


def _check_size(source: Source) -> None:
    """Refuse a compressed file that unpacks to too much, before anything keeps what comes out of it."""
    with readable(source.label), open_bytes(source.path) as stream:
        if not isinstance(stream, io.BufferedReader):
            check_expansion(source.label, Path(source.path).stat().st_size, chunks_of(stream))


def _check_parquet(source: Source) -> None:
    """Refuse what would make the process fall or fill the memory."""
    import polars as pl

    with readable(source.label), Path(source.path).open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(size - 8, 0))
        length = int.from_bytes(stream.read(4), "little")
        stream.seek(max(size - 8 - length, 0))
        check_nesting(source.label, stream.read(length))
    rows = collect(source, source.scan().select(pl.len())).item()
    check_rows(source.label, size, rows)


def _stream(name: str) -> Spool | None:
    """Return what can be read only once, kept in a temporary file; None for a plain file."""
    if name == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError(
                "standard input (-) is a terminal or closed", "name a file, or pipe one: cat orders.csv | clvtool …"
            )
        return Spool(chunks_of(sys.stdin.buffer))
    if Path(name).is_symlink() and not Path(name).exists():
        raise InputError(f"{name} is a symbolic link to nowhere")
    if not Path(name).exists():
        raise InputError(f"{name} does not exist", near_file(name))
    if Path(name).is_file() and name.encode("utf-8", "ignore").decode() == name:
        return None
    with Path(name).open("rb") as stream:  # a pipe; or a name with bytes that are no text, which Polars does not take
        return Spool(chunks_of(stream))
