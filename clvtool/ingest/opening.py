"""From the words of the command line to sources: files, patterns, standard input; each opened for what it is."""

from __future__ import annotations

import glob
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from clvtool.errors import InputError, UsageError, did_you_mean
from clvtool.ingest import dialect
from clvtool.ingest.delimited import with_encoding, with_header
from clvtool.ingest.source import Source
from clvtool.ingest.streams import Spool, chunks_of, head_of, readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def open_sources(inputs: Sequence[str], encoding: str | None = None, delimiter: str | None = None) -> list[Source]:
    """Open every input: files, patterns, or `-` for standard input.

    Raises InputError for what is missing, empty or not text, UsageError for an unknown encoding or delimiter.
    """
    if encoding is not None:
        dialect.check_encoding(encoding)
    if list(inputs).count("-") > 1:
        raise UsageError("standard input (-) can be read only once")
    return [_open(path, encoding, delimiter) for path in _expand(inputs)]


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
    head = head_of(label, source.path)
    if not head.strip():
        raise InputError(f"{label} is empty")
    if head.startswith(b"PAR1"):
        source = replace(source, kind="parquet")
        names = tuple(source.schema().names())
        return replace(source, header=names, words=names)
    return with_header(with_encoding(source, encoding), delimiter)


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
