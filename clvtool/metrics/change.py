"""Rates against those of an earlier time, or against a benchmark: the change, and whether chance would give as much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from clvtool.periods import Duration

MEANINGS = {
    "previous_{rate}": "{rate} of the same row, {what}",
    "delta_{rate}": "{rate} less previous_{rate}",
    "p_value": "how often chance alone gives a difference as large: z-test of two shares, each of its own {trials}",
    "benchmark_{rate}": "the {rate} to compare with",
    "delta_benchmark_{rate}": "{rate} less benchmark_{rate}",
    "p_benchmark": "how often chance alone gives a difference as large, were the benchmark true: z-test of a share",
}
SURE = 0.05


@dataclass(frozen=True, slots=True)
class Reference:
    """What to compare with: an earlier result or the same one a `span` ago, and a benchmark: a rate or a table."""

    table: pl.DataFrame | None = None
    span: Duration | None = None
    benchmark: pl.DataFrame | float | None = None

    def __post_init__(self) -> None:
        """Refuse a benchmark that is no rate."""
        if isinstance(self.benchmark, float) and not 0 <= self.benchmark <= 1:
            raise UsageError(f"--benchmark {self.benchmark:g} is not a rate between 0 and 1", "90 % is --benchmark 0.9")


@dataclass(frozen=True, slots=True)
class Compared:
    """The columns to add, row by row, what they mean, and remarks."""

    columns: pl.DataFrame
    meanings: Mapping[str, str]
    notes: tuple[str, ...]


def compared(
    table: pl.DataFrame,
    reference: Reference,
    keys: Sequence[str],
    *,
    time: str,
    labels: Sequence[str],
    unit: str,
    rate: str,
    trials: str,
) -> Compared:
    """Return the comparison of a column `rate` (a share of `trials`), rows with the same `keys` with each other.

    `time` is the key that names periods, `labels` are all of them in order, each a `unit`. A row without another one
    to be compared with, or without a rate, has null.
    Raises DataError where no row is found again, UsageError for a span that is no whole number of periods.
    """
    import polars as pl

    columns, notes = pl.DataFrame(), []
    meanings: dict[str, str] = {}
    before = reference.table
    if reference.span is not None:
        before = _shifted(table, reference.span, time, labels, unit)
    if before is not None:
        ago = f"{reference.span} earlier" if reference.span is not None else "in the earlier result"
        columns = _change(table, before, keys, rate, trials)
        meanings |= _meant(rate, trials, ago, tuple(MEANINGS)[:3])
        notes.append(_told(columns, rate, ago, "p_value"))
    if reference.benchmark is not None:
        more = _against(table, reference.benchmark, keys, rate, trials)
        meanings |= _meant(rate, trials, "", tuple(MEANINGS)[3:])
        notes.append(_told(more, f"benchmark_{rate}", "against the benchmark", "p_benchmark"))
        columns = pl.concat([columns, more], how="horizontal")
    return Compared(columns, meanings, tuple(notes))


def _shifted(table: pl.DataFrame, span: Duration, time: str, labels: Sequence[str], unit: str) -> pl.DataFrame:
    """Return the table with every row named for the period that comes a span later."""
    import polars as pl

    steps = span.in_units(unit)
    if not math.isclose(steps, round(steps)) or round(steps) < 1:
        raise UsageError(f"--previous: {span} is no whole number of {unit}s", f"--period {unit} needs another span")
    if round(steps) >= len(labels):
        raise UsageError(f"--previous: {span} is longer than the log", f"{unit}s that it has: {len(labels)}")
    later = dict(zip(labels, labels[round(steps) :], strict=False))
    return table.with_columns(pl.col(time).replace_strict(later, default=None)).drop_nulls(time)


def _change(table: pl.DataFrame, before: pl.DataFrame, keys: Sequence[str], rate: str, trials: str) -> pl.DataFrame:
    import polars as pl

    for name in (*keys, rate, trials):
        if name not in before.columns:
            raise DataError(
                f"the earlier result has no column {name!r}", "it is a file that the same command wrote with -o"
            )
    names = [pl.col(name).cast(table.schema[name], strict=False) for name in keys]
    old = before.select(
        *names, pl.col(rate).cast(pl.Float64, strict=False).alias("old"), pl.col(trials).cast(pl.Float64).alias("of")
    )
    if old.select(keys).is_duplicated().any():
        raise DataError("the earlier result has several rows for the same thing", f"one row for each {', '.join(keys)}")
    both = table.select(*keys, rate, trials).join(old, on=list(keys), how="left", maintain_order="left")
    if table.select(keys).join(old, on=list(keys), how="semi").is_empty():
        raise DataError(
            "no row of the earlier result is found again in this one",
            "the periods are others; to compare with an earlier time of the same log: --previous 12m",
        )
    kept = (pl.col(rate) * pl.col(trials) + pl.col("old") * pl.col("of")) / (pl.col(trials) + pl.col("of"))
    spread = (kept * (1 - kept) * (1 / pl.col(trials) + 1 / pl.col("of"))).sqrt()
    return _tested(both, pl.col("old"), spread, rate, f"previous_{rate}", f"delta_{rate}", "p_value")


def _against(
    table: pl.DataFrame, benchmark: pl.DataFrame | float, keys: Sequence[str], rate: str, trials: str
) -> pl.DataFrame:
    import polars as pl

    rows = table.select(*keys, rate, trials)
    if isinstance(benchmark, float):
        rows = rows.with_columns(old=pl.lit(benchmark))
    else:
        if rate not in benchmark.columns:
            raise DataError(f"the benchmark has no column {rate!r}", f"found: {', '.join(benchmark.columns)}")
        own = [name for name in keys if name in benchmark.columns]
        given = benchmark.select(
            *(pl.col(name).cast(table.schema[name], strict=False) for name in own),
            pl.col(rate).cast(pl.Float64, strict=False).alias("old"),
        )
        if given.height > 1 and (not own or given.select(own).is_duplicated().any()):
            raise DataError("the benchmark does not say which row is for what", f"it needs {', '.join(keys)}")
        rows = rows.join(given, on=own, how="left", maintain_order="left") if own else rows.join(given, how="cross")
    spread = (pl.col("old") * (1 - pl.col("old")) / pl.col(trials)).sqrt()
    names = (f"benchmark_{rate}", f"delta_benchmark_{rate}", "p_benchmark")
    return _tested(rows, pl.col("old"), spread, rate, *names)


def _tested(
    rows: pl.DataFrame, old: pl.Expr, spread: pl.Expr, rate: str, previous: str, delta: str, p_value: str
) -> pl.DataFrame:
    """Return what was, the change, and its two-sided p-value; 1 where both are the same and certain."""
    import polars as pl

    told = rows.select(
        old.alias(previous), (pl.col(rate) - old).alias(delta), ((pl.col(rate) - old) / spread).alias("z")
    )
    p = [
        None if change is None else 1.0 if not change else math.erfc(abs(z) / math.sqrt(2))
        for change, z in told.select(delta, "z").iter_rows()
    ]
    return told.select(previous, delta, pl.Series(p_value, p, dtype=pl.Float64))


def _meant(rate: str, trials: str, what: str, names: Sequence[str]) -> dict[str, str]:
    return {name.format(rate=rate): MEANINGS[name].format(rate=rate, trials=trials, what=what) for name in names}


def _told(columns: pl.DataFrame, rate: str, what: str, p_value: str) -> str:
    known = columns.drop_nulls()
    sure = known.filter(known[p_value] < SURE)
    up = sure.filter(sure[f"delta_{rate}"] > 0).height
    chance = round(known.height * SURE)
    rest = f"; of so many, about {chance} would differ without any cause" if chance else ""
    return (
        f"{what}: of {known.height} rates, {up} are higher and {sure.height - up} lower by more than chance gives "
        f"(p < {SURE:g} each){rest}"
    )
