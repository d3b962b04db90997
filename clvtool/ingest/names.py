"""Which files the words of the command line name: files, patterns, directories, and the sheet or table in them."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clvtool.errors import InputError, UsageError, did_you_mean
from clvtool.ingest.streams import readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TABLES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xlsm", ".jsonl", ".ndjson", ".db", ".sqlite", ".sqlite3")
"""How the names of files with tables end; for files named one by one the content decides."""
PACKED = (".gz", ".zst")
_WITH_PART = re.compile(r"(.+)\?(?:sheet|table)=(.+)")


@dataclass(frozen=True, slots=True)
class Named:
    """A file (or `-`), and the sheet or table asked for in its name; `note` is what the user should know of it."""

    path: str
    part: str | None = None
    note: str = ""


def named_files(inputs: Iterable[str]) -> Iterator[Named]:
    """Yield every file that the inputs name: `book.xlsx?sheet=Orders` names a sheet, a directory its tables.

    Raises InputError for a pattern or directory without any, UsageError for no name at all.
    """
    for name in inputs:
        if not name:
            raise UsageError("an INPUT has no name", "is it a variable of the shell that is empty?")
        with readable(name):
            match = None if Path(name).exists() else _WITH_PART.fullmatch(name)
        path, part = (match[1], match[2]) if match else (name, None)
        with readable(path):
            if path != "-" and Path(path).is_dir():
                yield from _in_directory(path, part)
            elif path != "-" and glob.has_magic(path) and not Path(path).exists():
                yield from (Named(found, part) for found in _matching(path))
            else:
                yield Named(path, part)


def ends_as(name: str, endings: Iterable[str]) -> bool:
    """Return whether a file name ends in one of these ways, be it compressed or not."""
    path = Path(name.casefold())
    return (path.with_suffix("") if path.suffix in PACKED else path).suffix in tuple(endings)


def near_file(name: str, endings: Iterable[str] = TABLES) -> str:
    """Return the hint for a file that does not exist."""
    folder = Path(name).parent
    if not folder.is_dir():
        return f"there is no directory {folder}"
    names = sorted(entry.name for entry in folder.iterdir() if ends_as(entry.name, endings))
    return did_you_mean(Path(name).name, names) if names else ""


def _matching(pattern: str) -> list[str]:
    found = sorted(name for name in glob.glob(pattern) if not Path(name).is_dir())  # noqa: PTH207 - may be absolute
    if not found:
        raise InputError(f"no file matches {pattern}")
    return found


def _in_directory(folder: str, part: str | None) -> Iterator[Named]:
    """Yield the tables of a directory by name; hidden files and what lies deeper are not its own."""
    files = sorted(path for path in Path(folder).iterdir() if path.is_file() and not path.name.startswith("."))
    tables = [str(path) for path in files if ends_as(path.name, TABLES)]
    if not tables:
        raise InputError(f"the directory {folder} has no tables", f"their names end in {' '.join(TABLES)}")
    others = len(files) - len(tables)
    note = f"{others} of the directory's files were not read: their names do not end as those of tables do"
    for place, path in enumerate(tables):
        yield Named(path, part, note if others and not place else "")
