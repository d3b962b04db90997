"""A Source is an input as something that Polars can scan; what the columns mean is not known here."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from clvtool.errors import InputError
from clvtool.ingest.streams import Spool, readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

    from clvtool.ingest.unchanged import Stamp

SURPLUS = ("__surplus_1", "__surplus_2")
"""The columns that catch fields too many, so that such a row can be counted."""
FLOAT_DIGITS = 15
"""The decimal digits that a binary fraction holds for sure: what stands behind them is noise."""
CELL_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
}
"""What a cell of a workbook shows instead of a value."""


class UndecodableError(InputError):
    """The bytes are not text of the encoding that was taken for granted."""


class BadQuotesError(InputError):
    """A quotation mark that is not closed swallows the rest of the file."""


@dataclass(frozen=True, slots=True)
class Source:
    """An input that can be scanned: `path` is the file itself, or its text in UTF-8 or its table in a `spool`.

    `header` has a name of its own for every column; `words` is the header as written. `part` is the sheet or table
    that was taken. The first `heads` rows below the header belong to it. `numbers` are columns of text whose values are
    numbers as a machine writes them.
    """

    label: str
    path: str
    kind: str = "csv"  # or parquet, workbook, database, json lines
    part: str = ""
    encoding: str = ""
    delimiter: str = ","
    header: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    skip_lines: int = 0
    heads: int = 0
    questions: tuple[str, ...] = ()  # what those rows say of each column
    spool: Spool | None = field(default=None, compare=False)
    stamp: Stamp | None = field(default=None, compare=False)
    notes: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()
    broken: tuple[tuple[int, str], ...] | None = None  # None: nobody looked for lines that cannot be read

    @property
    def given_up(self) -> tuple[tuple[int, str], ...]:
        """Return number and text of the lines that nobody can read."""
        return self.broken or ()

    @property
    def why_given_up(self) -> str:
        """Return the reason for which lines of such an input are given up."""
        return "bad_json" if self.kind == "json lines" else "bad_quotes"

    def scan(self) -> pl.LazyFrame:
        """Return every column, of a CSV file as text and with further columns for fields too many."""
        import polars as pl

        if self.kind != "csv":
            rows = pl.scan_parquet(self.path, glob=False)
            if not self.heads:
                return rows
            return rows.slice(self.heads).rename(dict(zip(rows.collect_schema().names(), self.header, strict=True)))
        return pl.scan_csv(
            self.path,
            has_header=False,
            skip_rows=self.skip_lines + 1 + self.heads,
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


def collect(source: Source, query: pl.LazyFrame) -> pl.DataFrame:
    """Run a query over a source with the streaming engine; what goes wrong is said of the source."""
    with _said_of(source):
        return query.collect(engine="streaming")


def with_table(source: Source, batches: Iterable[pl.DataFrame]) -> Source:
    """Return the source with its rows in a temporary file that can be scanned; the batches have the same columns."""
    import polars as pl
    import pyarrow.parquet as pq

    spool, writer = Spool(), None
    try:
        for batch in batches:
            table = batch.to_arrow(compat_level=pl.CompatLevel.oldest())
            writer = writer or pq.ParquetWriter(spool.file, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    spool.file.flush()
    return replace(source, path=spool.path, spool=spool)


def not_text(source: Source) -> UndecodableError:
    """Return the error for a source that is not in its encoding."""
    return UndecodableError(f"{source.label} is not {source.encoding}", "leave --encoding out, or name the right one")


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
            raise not_text(source) from None
        if source.kind == "csv" and ("not properly escaped" in text or "CSV malformed" in text):
            raise BadQuotesError(f"{source.label} has a quotation mark that is not closed") from None
        raise InputError(f"{source.label} cannot be read: {text.splitlines()[0].partition('`')[0]}") from None
    except pl.exceptions.PanicException:
        raise InputError(f"{source.label} cannot be read: it is damaged") from None
