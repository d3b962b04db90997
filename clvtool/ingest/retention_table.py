"""Retention tables: how many customers of a contract are still there after each period, as counts or as shares.

They are small and made by hand, so nothing in them is set aside: what is not right is an error that says where.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError, did_you_mean
from clvtool.ingest.columns import find_column
from clvtool.ingest.numbers import number_style
from clvtool.ingest.opening import open_sources
from clvtool.ingest.plan import as_text
from clvtool.ingest.source import collect
from clvtool.ingest.words import compact, listed, normal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.ingest.reading import ReadOptions
    from clvtool.ingest.source import Source

UNITS = {
    "year": "year|years|rok|lata|jahr|jahre|annee|annees|ano|anos",
    "quarter": "quarter|quarters|kwartal|quartal|trimestre",
    "month": "month|months|miesiac|miesiace|monat|monate|mois|mes|meses",
    "week": "week|weeks|tydzien|tygodnie|woche|wochen|semaine|semana",
    "day": "day|days|dzien|dni|tag|tage|jour|jours|dia|dias",
}
"""Header words that say how long a period is."""
WORDS = {
    "period": "|".join(("period|age|tenure|renewal|renewals|t|okres|wiek|periode|alter|periodo", *UNITS.values())),
    "alive": "alive|customers|active|active customers|customers alive|number alive|count|remaining|survivors|"
    "subscribers|members|users|n|klienci|liczba klientow|aktywni|kunden|anzahl|clients|clientes|abonnes|suscriptores",
    "share": "share|share alive|alive share|survival|survival rate|survival share|retention|retained|proportion|udzial|"
    "anteil|part|proportion alive|cuota",
    "percent": "percent|percent alive|pct|pct alive|percentage|procent|prozent|pourcentage|porcentaje",
}
"""What a column may mean, and the header words that say so."""
HOLDERS = ("alive", "share", "percent")
USED = frozenset({"map", "sheet", "encoding", "delimiter", "decimal"})
"""Options of reading that mean anything for a table without dates and money."""
MOST_ROWS = 100_000
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Curve:
    """What is left of one cohort after 0, 1, 2, … periods: customers, or shares where `shares`."""

    group: str | None
    cohort: str | None
    alive: tuple[float, ...]
    shares: bool


def read_retention(
    inputs: Sequence[str],
    options: ReadOptions,
    *,
    by: str | None = None,
    cohort: str | None = None,
) -> tuple[list[Curve], str | None, list[str]]:
    """Read inputs as one retention table; return its curves by group and cohort, the unit of its periods, and notes.

    A curve begins with period 0; where a table of shares begins with period 1, the whole stands before it. Raises
    DataError where the columns are not clear, a number cannot be read, or a curve has gaps or rises.
    """
    wrong = [name for name in options.said() if name not in USED]
    if wrong:
        raise UsageError(f"--{wrong[0]} says how to read orders; this is a retention table", "leave it out")
    notes: list[str] = []
    rows: list[tuple[str | None, str | None, float | None, float | None]] = []
    holders: set[str] = set()
    units: set[str | None] = set()
    for source in open_sources(inputs, options):
        columns = _columns(source, options)
        holder = _holder(columns, notes)
        word = compact(columns["period"])
        units.add(next((unit for unit, words in UNITS.items() if word in listed(words)), None))
        holders.add("alive" if holder == "alive" else "share")
        keys = [None if name is None else find_column(source.header, name) for name in (by, cohort)]
        rows += _rows(source, columns, holder, keys, options.decimal)
        notes += source.notes
    if len(holders) > 1:
        raise DataError("one input has counts and another shares", "put them into one table, or fit them one by one")
    curves = [_curve(key, found, shares=holders == {"share"}, notes=notes) for key, found in _apart(rows).items()]
    if not curves:
        raise DataError("the retention table has no rows", "a row has a period and a count or share")
    return curves, units.pop() if len(units) == 1 else None, list(dict.fromkeys(notes))


def _columns(source: Source, options: ReadOptions) -> dict[str, str]:
    """Return which column has which meaning. Raises DataError where it is not clear."""
    columns = {}
    for role, name in options.mapping.items():
        if role in WORDS:
            columns[role] = find_column(source.header, name)
        elif "map" not in options.untyped:
            raise UsageError(
                f"--map {role}={name}: a column of a retention table does not mean {role!r}", did_you_mean(role, WORDS)
            )
    given = set(columns)
    for role, words in WORDS.items():
        if role in columns or (role in HOLDERS and given & set(HOLDERS)):
            continue
        known = listed(words)
        free = [name for name in source.header if name not in columns.values()]
        names = [name for name in free if compact(name) in known]
        if role == "percent" and not names:
            names = [name for name in free if "%" in name or {"pct", "percent"} & set(normal(name).split())]
        if len(names) > 1:
            raise DataError(
                f"columns {' and '.join(repr(name) for name in names)} look like {role}",
                f"say which one it is: --map {role}={names[0]}",
            )
        if names:
            columns[role] = names[0]
    return columns


def _holder(columns: dict[str, str], notes: list[str]) -> str:
    """Return which column says how many are left, the counts before the shares."""
    if "period" not in columns:
        raise DataError(
            "there is no column for the period: this is no retention table",
            "it has a row a period: 0, 1, 2 …, and how many customers are left. Say it with --map period=COLUMN",
        )
    there = [role for role in HOLDERS if role in columns]
    if not there:
        raise DataError(
            "there is no column that says how many customers are left",
            "say it with --map alive=COLUMN (a count), share=COLUMN (0 to 1) or percent=COLUMN (0 to 100)",
        )
    if len(there) > 1:
        notes.append(f"{columns[there[0]]!r} says how many are left; {columns[there[1]]!r} is not used")
    return there[0]


def _rows(
    source: Source, columns: dict[str, str], holder: str, keys: list[str | None], decimal: str | None
) -> list[tuple[str | None, str | None, float | None, float | None]]:
    """Return group, cohort, period and what is left of each row, numbers read."""
    import polars as pl

    schema = source.schema()
    cells = {"period": columns["period"], "left": columns[holder]}
    cells |= {place: name for place, name in zip(("group", "cohort"), keys, strict=True) if name is not None}
    query = source.scan().select(**{place: as_text(name, schema).str.strip_chars() for place, name in cells.items()})
    table = collect(source, query.head(MOST_ROWS + 1))
    if table.height > MOST_ROWS:
        raise DataError(f"a retention table has a row a period; this has more than {MOST_ROWS:,} rows", "")
    table = table.filter(~pl.all_horizontal((pl.all() == "") | pl.all().is_null()))
    typed = {name for name, kind in schema.items() if kind.is_numeric() or name in source.numbers}
    period = _numbers(table["period"], columns["period"], "." if columns["period"] in typed else decimal)
    left = _numbers(
        table["left"].str.replace(r"\s*%$", ""), columns[holder], "." if columns[holder] in typed else decimal
    )
    marked = table["left"].str.ends_with("%").fill_null(value=False)
    if marked.any() and holder == "alive":
        raise DataError(
            f"column {columns[holder]!r} has percent in it: {table['left'].filter(marked)[0]!r}",
            f"say that it holds shares: --map percent={columns[holder]}",
        )
    if marked.any() and not (marked | left.is_null()).all():
        bare = table["left"].filter(~marked & left.is_not_null())[0]
        raise DataError(
            f"column {columns[holder]!r} has numbers with and without %: {bare!r}", "write all of them alike"
        )
    if holder == "percent" or marked.any():
        left = left / 100
    beyond = left.filter(left > 1 + ROUNDING)
    if holder != "alive" and not beyond.is_empty():
        way_out = (
            f"--map alive={columns[holder]} if these are counts"
            if holder == "percent" or marked.any()
            else f"--map percent={columns[holder]} if these are percent, --map alive={columns[holder]} if counts"
        )
        raise DataError(f"column {columns[holder]!r} has a share above 1: {beyond[0]:g}", way_out)
    empty: list[str | None] = [None] * table.height
    group, cohort = (table[place].to_list() if place in cells else empty for place in ("group", "cohort"))
    return list(zip(group, cohort, period.to_list(), left.to_list(), strict=True))


def _numbers(cells: pl.Series, name: str, decimal: str | None) -> pl.Series:
    """Return the numbers of a column, null where it is empty. Raises DataError for what is no number from 0 on."""
    import polars as pl

    cells = cells.set(cells == "", None)
    style = number_style(cells.drop_nulls(), name, decimal)
    if style.plain:  # with all decimals, where money would have four
        values = cells.str.replace(style.decimal, ".", literal=True).cast(pl.Float64, strict=False)
    else:
        values = pl.select(style.parse(pl.lit(cells)).cast(pl.Float64)).to_series()
    bad = cells.filter(cells.is_not_null() & (values.is_null() | ~values.is_finite() | (values < 0)))
    if not bad.is_empty():
        raise DataError(
            f"column {name!r} has a value that is no number from 0 on: {bad[0]!r}", "correct it in the file"
        )
    return values


def _apart(
    rows: list[tuple[str | None, str | None, float | None, float | None]],
) -> dict[tuple[str | None, str | None], dict[int, float | None]]:
    """Return what is left by period for each group and cohort, in their order."""
    curves: dict[tuple[str | None, str | None], dict[int, float | None]] = {}
    for group, cohort, period, left in rows:
        if period is None or period != int(period):
            raise DataError("a period is a whole number: 0, 1, 2 …" if period else "a row has no period", "correct it")
        found = curves.setdefault((group, cohort), {})
        if int(period) in found:
            raise DataError(
                f"period {int(period)}{_of(group, cohort)} is there twice",
                "if several tables stand in the file, --by COLUMN or --cohort COLUMN tells them apart",
            )
        found[int(period)] = left
    return dict(sorted(curves.items(), key=lambda item: [key or "" for key in item[0]]))


def _curve(
    key: tuple[str | None, str | None], found: dict[int, float | None], *, shares: bool, notes: list[str]
) -> Curve:
    """Return one curve, from period 0 to the last that is filled. Raises DataError for gaps and rises."""
    of = _of(*key)
    filled = sorted(period for period, left in found.items() if left is not None)
    if not filled:
        raise DataError(f"the retention table{of} is empty", "a row has a period and a count or share")
    left = [found.get(period) for period in range(filled[-1] + 1)]
    if 0 not in filled and shares and filled[0] == 1 and found[1] != 1:
        left[0] = 1.0
        notes.append(f"there is no period 0{of}: all customers stand before period 1")
    if left[0] is None:
        raise DataError(
            f"there is no period 0{of}, in which all customers are there",
            "add a row for it; periods are counted from 0",
        )
    missing = [str(period) for period, value in enumerate(left) if value is None]
    if missing:
        raise DataError(f"period {missing[0]}{of} is missing", "each period needs a row, up to the last one")
    alive = [value for value in left if value is not None]
    if shares and abs(alive[0] - 1) > ROUNDING:
        raise DataError(f"period 0{of} has a share of {alive[0]:g}, not 1", "a share is that of all at the start")
    for period, (before, after) in enumerate(pairwise(alive), start=1):
        if after > before:
            raise DataError(
                f"more customers are left after period {period}{of} than before: {before:g}, then {after:g}",
                "a retention table says what is left of all at the start, not the rate of each period",
            )
    return Curve(*key, tuple(alive), shares)


def _of(group: str | None, cohort: str | None) -> str:
    named = " ".join(name for name in (group, cohort) if name is not None)
    return f" of {named!r}" if named else ""
