"""Inputs in, canonical table and the account of its reading out: the one door of this package."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError, did_you_mean
from clvtool.ingest.account import describe_profile, describe_rows, describe_source, nothing_left
from clvtool.ingest.columns import HeaderMap, anonymous, missing, understand
from clvtool.ingest.opening import open_sources
from clvtool.ingest.orders import to_orders
from clvtool.ingest.privacy import check_hashing, hidden, is_personal
from clvtool.ingest.reading import Reading, ReadOptions
from clvtool.ingest.rows import Rows, read_rows
from clvtool.ingest.source import Source, collect
from clvtool.ingest.unchanged import unchanged
from clvtool.ingest.understood import understood
from clvtool.ingest.words import IDENTITY, normal
from clvtool.schema import ORDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

METADATA_KEY = "clvtool_reading"
"""Where a converted Parquet file keeps its reading."""
ROW_SPACE = 1 << 40
"""Row r of input i (from 1) has the number i · ROW_SPACE + r when rows are traced."""
CONSUMED = ("order_id", "customer_id", "order_date", "order_total", "amount", "cost", "currency", "kind")
"""Roles whose source column becomes a canonical column, and so is no extra column."""


@dataclass(slots=True)
class Orders:
    """ORDERS with the account of its reading.

    `table` has the canonical columns (those the source has; `order_date`, `kind` and `customer_id` always), the extra
    columns under their source names, and nothing else.
    """

    table: pl.DataFrame
    reading: Reading = field(default_factory=Reading)
    lines: pl.DataFrame | None = None

    def take(self) -> pl.DataFrame:
        """Return the table and forget it, so that whoever takes it can let its memory go."""
        table, self.table = self.table, self.table.clear()
        return table

    @property
    def currency(self) -> str | None:
        """Return the currency of all amounts, or None where the source names none."""
        return self.reading.currency


def read_orders(
    inputs: Sequence[str],
    options: ReadOptions | None = None,
    *,
    extras: Iterable[str] | None = None,
    with_cost: bool = True,
    reading: Reading | None = None,
    trace: bool = False,
    keep_lines: bool = False,
    opened: Sequence[Source] | None = None,
) -> Orders:
    """Read inputs (paths, patterns, `-`) as one ORDERS table.

    `extras` are the further source columns wanted (None: all of them), named in any letter case; where they are said,
    order ids that link no refund are left out. A `reading` that is
    handed in is filled as far as the reading gets, also when it ends in an error. `opened` are the inputs, where
    somebody has opened them before. With `trace`, `reading.traced` says
    of every row that is set aside why.
    Raises InputError, DataError and UsageError as the errors module says.
    """
    options = options or ReadOptions()
    reading = reading if reading is not None else Reading()
    if not inputs:
        raise UsageError("there is no INPUT", "name a file, or - for standard input")
    wanted = None if extras is None else list(extras)
    sources = opened or open_sources(inputs, options)
    with unchanged(sources):
        return _read(sources, options, wanted, reading, with_cost=with_cost, trace=trace, keep_lines=keep_lines)


def _read(
    sources: Sequence[Source],
    options: ReadOptions,
    wanted: list[str] | None,
    reading: Reading,
    *,
    with_cost: bool,
    trace: bool,
    keep_lines: bool,
) -> Orders:
    import polars as pl

    converted = [source for source in sources if source.metadata(METADATA_KEY) is not None]
    if converted:
        if trace and "rejects" not in options.untyped:
            raise UsageError(
                "--rejects: the rows that were set aside are not in a converted file",
                "write them when the raw export is converted",
            )
        return _converted(sources, converted, options, wanted, reading, with_cost=with_cost)
    names = extra_names(sources, wanted, ORDERS)
    if trace:
        reading.traced = {}
    check_hashing(options.hash_ids, trace=trace)
    parts: list[Rows] = []
    spelling: dict[str, str] = {}
    for place, source in enumerate(sources, start=1):
        number = place if len(sources) > 1 else None
        with naming(source, number):
            describe_source(source, number, reading)
            mapping = understand(source.header, options.mapping, options.profile, source.words)
            describe_profile(mapping, len(source.header), number, reading)
            _require(mapping, source.header)
            own = own_extras(source.header, mapping, names, CONSUMED, nameless=options.hash_ids is not None)
            part = read_rows(source, mapping, options, own, with_cost=with_cost, with_lines=keep_lines)
            if trace:
                part = replace(
                    part, table=part.table.with_columns(row=pl.int_range(pl.len(), dtype=pl.UInt64) + place * ROW_SPACE)
                )
            if options.currency and "currency" not in part.table.columns:  # neither a column nor written in the cells
                raise missing("currency", source.header, mapping)
            describe_rows(part, number, reading, options.keep_status)
            reading.understood = (*reading.understood, understood(part))
            parts.append(spelled_alike(part, spelling))
            del part
    _note_anonymous([part.plan.mapping for part in parts], reading)
    lines: list[pl.DataFrame] = []
    reading.sources = tuple(part.source for part in parts)
    table = to_orders(
        parts, options, reading, lines if keep_lines else None, whole=wanted is None, ids=wanted is None or keep_lines
    )
    if table.is_empty():
        raise nothing_left(reading, sources[0].label if len(sources) == 1 else "the input")
    table = hidden(table, options.hash_ids, reading)
    together = pl.concat(lines, how="diagonal") if lines else None
    if together is not None and "order_id" in together.columns:
        together = together.join(table, on=["order_id", "part"], how="semi").drop("part")
    return Orders(renamed(table.drop("rows", "row", "part", strict=False), ORDERS), reading, together)


@contextmanager
def naming(source: Source, number: int | None) -> Iterator[None]:
    """Say of an error which of several inputs it is about."""
    try:
        yield
    except DataError as error:
        if number is not None:
            error.message = f"{source.label}: {error.message}"
            error.args = (error.message,)
        raise


def _require(mapping: HeaderMap, header: Sequence[str]) -> None:
    if not set(mapping.columns) & set(IDENTITY) and not anonymous(mapping):
        raise missing("customer_id", header, mapping)
    if not mapping.get("order_date"):
        raise missing("order_date", header, mapping)


def _note_anonymous(mappings: Iterable[HeaderMap], reading: Reading) -> None:
    """Warn of inputs that tell no customers apart, and remember it where all of them are such."""
    advice = [anonymous(mapping) for mapping in mappings]
    for one in dict.fromkeys(filter(None, advice)):
        reading.warnings.append(f"no column tells customers apart, so all orders are those of guests; {one}")
    if all(advice):
        reading.anonymous = "; ".join(dict.fromkeys(advice))


def extra_names(sources: Sequence[Source], wanted: list[str] | None, canonical: Iterable[str]) -> set[str] | None:
    """Return the wanted extra columns in `normal` form; raise DataError for one that no source has."""
    if wanted is None:
        return None
    known = {normal(name): name for source in sources for name in source.header}
    for name in wanted:
        if normal(name) not in known and name not in canonical:
            raise DataError(f"there is no column {name!r}", did_you_mean(name, known.values()))
    return {normal(name) for name in wanted}


def own_extras(
    header: Sequence[str], mapping: HeaderMap, names: set[str] | None, consumed_roles: Iterable[str], *, nameless: bool
) -> list[str]:
    """Return the extra columns of one source: those that are named, or all that do not become canonical ones."""
    consumed = {name for role in consumed_roles if mapping.get(role) for name in mapping.sources(role)}
    own = [name for name in header if (name not in consumed if names is None else normal(name) in names)]
    personal = [name for name in own if nameless and is_personal(name, mapping)]
    if personal and names is not None:
        raise UsageError(
            f"--hash-ids leaves the column {personal[0]!r} out, as it may speak of persons",
            "if it does not, give it another name in the file",
        )
    return [name for name in own if name not in personal]


def spelled_alike(part: Rows, spelling: dict[str, str]) -> Rows:
    """Give extra columns the spelling of the first input that has them: `Channel` and `channel` are one column."""
    own = [name for name in part.table.columns if name.startswith("extra_")]
    said = {name: spelling.setdefault(normal(name.removeprefix("extra_")), name) for name in own}
    kept = {name for name, new in said.items() if name == new}
    claims = Counter(said.values())
    names = {name: new for name, new in said.items() if new not in kept and claims[new] == 1}
    return replace(part, table=part.table.rename(names))


def renamed(table: pl.DataFrame, canonical: Iterable[str]) -> pl.DataFrame:
    """Give extra columns their source names back; one named like a canonical column gets `source_`."""
    names: dict[str, str] = {}
    taken = set(canonical)
    for column in table.columns:
        if column.startswith("extra_"):
            name = column.removeprefix("extra_")
            while name in taken:
                name = f"source_{name}"
            taken.add(name)
            names[column] = name
    return table.rename(names)


def _converted(
    sources: Sequence[Source],
    converted: Sequence[Source],
    options: ReadOptions,
    wanted: list[str] | None,
    reading: Reading,
    *,
    with_cost: bool,
) -> Orders:
    """Read one file that `convert` wrote: nothing is found out again."""
    if len(sources) > 1:
        raise UsageError(
            "a converted file is read alone, not together with others",
            "convert all the raw files into one Parquet file",
        )
    if options.said():
        raise UsageError(f"--{options.said()[0]} says how to read a raw export; this file is converted already")
    source = converted[0]
    stored = Reading.from_json(str(source.metadata(METADATA_KEY)))
    for name in Reading.__dataclass_fields__:
        setattr(reading, name, getattr(stored, name))
    header = list(source.header)
    canonical = [name for name in ORDERS if name in header and (with_cost or name != "cost")]
    if wanted is None:
        chosen = [name for name in header if with_cost or name != "cost"]
    else:
        by_normal = {normal(name): name for name in header}
        for name in wanted:
            if normal(name) not in by_normal:
                raise DataError(f"there is no column {name!r}", did_you_mean(name, header))
        chosen = [*canonical, *dict.fromkeys(by_normal[normal(name)] for name in wanted)]
    return Orders(collect(source, source.scan().select(list(dict.fromkeys(chosen)))), reading)
