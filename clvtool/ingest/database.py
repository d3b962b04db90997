"""A table of an SQLite database, with the types of its values and without the noise of binary fractions."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from clvtool.errors import InputError
from clvtool.ingest import dialect
from clvtool.ingest.parts import chosen_part
from clvtool.ingest.source import FLOAT_DIGITS, Source, with_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

MAGIC = b"SQLite format 3\0"
BATCH_ROWS = 50_000
_PAGE_BYTES = 512
"""A database is a whole number of pages, and a page one of these or more."""

_WHOLE, _REAL, _TEXT = range(3)
_KIND = """max(CASE typeof({0}) WHEN 'text' THEN 2 WHEN 'blob' THEN 2 WHEN 'real' THEN {0} <> CAST({0} AS INTEGER)
    ELSE 0 END)"""
"""A column of SQLite has no type, its values have: the widest of them, where 3.0 is as whole as 3."""
_VALUE = {
    _WHOLE: "CAST({0} AS INTEGER)",
    _REAL: "CAST({0} AS REAL)",
    _TEXT: """CASE typeof({0}) WHEN 'blob' THEN NULL WHEN 'real' THEN
        CASE WHEN {0} = CAST({0} AS INTEGER) THEN CAST(CAST({0} AS INTEGER) AS TEXT) ELSE CAST({0} AS TEXT) END
        ELSE CAST({0} AS TEXT) END""",
}


def with_database_table(source: Source, wanted: str | None) -> Source:
    """Return the source with one table of its database, or a view that is asked for; it is only read.

    Raises InputError for a database that is not a file by itself, or damaged; DataError where the table is not clear.
    """
    if source.spool is not None or not _begins(source.path):
        raise InputError(
            f"{source.label} is a database, which is read from a file, not compressed and not from a pipe",
            "name the database file itself",
        )
    if Path(source.path).stat().st_size % _PAGE_BYTES:
        raise InputError(f"{source.label} cannot be read as a database: its end is missing")
    address = f"{Path(source.path).resolve().as_uri()}?mode=ro"
    with _said_of(source.label), closing(sqlite3.connect(address, uri=True)) as database:
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("BEGIN")  # one state of it for all queries, whoever writes meanwhile
        found = database.execute("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY rowid")
        kinds = {name: kind for name, kind in found if not name.startswith("sqlite_")}
        names = [name for name, kind in kinds.items() if kind == "table" or wanted is not None]

        def has_rows(name: str) -> bool:
            query = f"SELECT EXISTS (SELECT 1 FROM {_quoted(name)})"  # noqa: S608 - names are quoted
            return bool(database.execute(query).fetchone()[0])

        part = chosen_part(source.label, "table", names, wanted, has_rows)
        shown = database.execute(f"SELECT * FROM {_quoted(part)} LIMIT 0")  # noqa: S608 - names are quoted
        words = tuple(column[0] for column in shown.description)
        source = replace(source, kind="database", part=part, header=dialect.distinct(words), words=words)
        return with_table(source, _batches(database, source))


def _batches(database: sqlite3.Connection, source: Source) -> Iterator[pl.DataFrame]:
    """Yield the rows as frames of the same columns."""
    import polars as pl

    table, columns = _quoted(source.part), [_quoted(word) for word in source.words]
    widest = ", ".join(_KIND.format(name) for name in columns)
    kinds = database.execute(f"SELECT {widest} FROM {table}").fetchone()  # noqa: S608 - names are quoted
    types: Sequence[type[pl.DataType]] = [(pl.Int64, pl.Float64, pl.String)[kind or _WHOLE] for kind in kinds]
    values = ", ".join(_VALUE[kind or _WHOLE].format(name) for name, kind in zip(columns, kinds, strict=True))
    rows = database.execute(f"SELECT {values} FROM {table}")  # noqa: S608 - names are quoted
    schema = dict(zip(source.header, types, strict=True))
    while True:
        batch = rows.fetchmany(BATCH_ROWS)
        yield pl.DataFrame(batch, schema=schema, orient="row").with_columns(
            pl.col(pl.Float64).round_sig_figs(FLOAT_DIGITS)
        )
        if not batch:
            return


def _begins(path: str) -> bool:
    """Return whether the file itself, not what is packed in it, begins as a database."""
    with Path(path).open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _said_of(label: str) -> Iterator[None]:
    """Turn the errors of SQLite into errors about the input; its own words name no values."""
    try:
        yield
    except sqlite3.Error as error:
        reason = "it has text that is not UTF-8" if "UTF-8" in str(error) else str(error)
        raise InputError(f"{label} cannot be read as a database: {reason}") from None
