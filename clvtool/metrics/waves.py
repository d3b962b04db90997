"""A figure of a survey by group and period: its table, its changes from wave to wave, its differences, its trend."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError, UsageError
from clvtool.stats import holm, trend, two_sided

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from clvtool.metrics.tallies import Tallies, Tally

Tested = tuple[float | None, float | None]
MOST_TRENDS = 12
"""Groups whose trend is told in words."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure: all columns of a row of it, and its value with its variance (of a tally with weight)."""

    row: Callable[[Tally], dict[str, Any]]
    point: Callable[[Tally], tuple[float, float]]
    unit: str  # of its changes, in words
    words: Callable[[str], str]  # of a direction: whether it is good
    schema: dict[str, type[pl.DataType]]
    scale: float = 1.0  # of its changes in words
    is_share: bool = False
    name: str = ""


def table_of(found: Tallies, measure: Measure, level: float) -> tuple[pl.DataFrame, list[str]]:
    """Return the table, one row a group and period, and what is to be said beside it.

    By period there are `delta` and `p_value`: against the last wave before with answers. By group there are
    `difference` and `p_value`: against all others, by Holm's rule for so many groups. Of shares these are `delta_share`
    and `difference_share`.
    Raises UsageError for a level that makes no sense, DataError without any answer.
    """
    import polars as pl

    if not 0 < level < 1:
        raise UsageError(f"--level {level:g} is not between 0 and 1", "95 % is --level 0.95")
    whole = {group: found.whole(group) for group in found.groups}
    total = whole[found.total]
    if not total.n:
        raise DataError(f"none of {total.blank:,} answers has a score", "if it is another column: --score COLUMN")
    tested: list[Tested] = []
    rows: list[dict[str, Any]] = []
    names = [f"{label}_group" if label in {"period", *measure.schema} else label for label in found.labels]
    for group in found.groups:
        cells = [found.cell(group, place) for place in range(len(found.periods))] or [whole[group]]
        key: dict[str, Any] = dict(zip(names, group, strict=True))
        for place, cell in enumerate(cells):
            label = {"period": found.periods[place].label} if found.periods else {}
            rows.append(key | label | measure.row(cell))
        if found.periods:
            tested += steps(cells, measure)
    if not found.periods:
        others = [None, *(against(whole[group], total - whole[group], measure) for group in found.groups[1:])]
        corrected = holm([None if one is None else one[1] for one in others])
        gaps = [None if one is None else one[0] for one in others]
        tested = list(zip(gaps, corrected, strict=True)) if found.labels else []
    gap = gap_of(found, is_share=measure.is_share)
    if tested:
        rows = [row | {gap: one, "p_value": p} for row, (one, p) in zip(rows, tested, strict=True)]
    schema: dict[str, Any] = dict.fromkeys(names, pl.String) | ({"period": pl.String} if found.periods else {})
    schema |= measure.schema | ({gap: pl.Float64, "p_value": pl.Float64} if tested else {})
    if not found.weighted:
        schema.pop("n_effective", None)
        rows = [{name: value for name, value in row.items() if name != "n_effective"} for row in rows]
    if not total.blank:
        rows = [row | {"response_rate": None} for row in rows]
    return pl.DataFrame(rows, schema=schema), trends(found, measure, level)


def gap_of(found: Tallies, *, is_share: bool) -> str:
    """Return the name of the column that has the differences that are tested."""
    return ("delta" if found.periods else "difference") + ("_share" if is_share else "")


def definitions_of(found: Tallies, period: str | None, figure: str, *, is_share: bool = False) -> dict[str, str]:
    """Return what the columns mean that every figure has."""
    told = {"n": "answers with a score", "response_rate": "answers ÷ rows, where some rows have no score"}
    if found.weighted:
        told["n_effective"] = "how many answers of equal weight tell as much: (Σ weight)² ÷ Σ weight²"
    if period is not None:
        told[gap_of(found, is_share=is_share)] = f"change of {figure} against the last {period} before with answers"
        told["p_value"] = "how probable so large a change is if nothing changed; for each change by itself"
    elif found.labels:
        told[gap_of(found, is_share=is_share)] = f"{figure} less that of all other answers"
        told["p_value"] = "how probable so large a difference is if there is none; corrected for many groups (Holm)"
    return told


def in_order_of_use(table: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return the table for people: groups and period, then these columns in their order, as far as there are any."""
    return table.select(
        *(name for name in table.columns if name not in names), *(name for name in names if name in table.columns)
    )


def steps(cells: Sequence[Tally], measure: Measure) -> list[Tested]:
    """Return of each wave the change against the last one before with answers, and its p-value."""
    tested: list[Tested] = []
    before: Tally | None = None
    for cell in cells:
        found = None if before is None else against(cell, before, measure)
        tested.append(found or (None, None))
        before = cell if cell.weight else before
    return tested


def against(one: Tally, other: Tally, measure: Measure) -> tuple[float, float] | None:
    """Return the difference of two independent figures and its p-value; None where one of them is of no answers."""
    found = apart(one, other, measure)
    if found is None:
        return None
    gap, error = found
    return gap, two_sided(gap / error) if error else float(not gap)


def apart(one: Tally, other: Tally, measure: Measure) -> tuple[float, float] | None:
    """Return the difference of two independent figures and its standard error, as `against` does."""
    if not one.weight or not other.weight:
        return None
    (value, variance), (beside, uncertain) = measure.point(one), measure.point(other)
    return value - beside, math.sqrt(variance + uncertain)


def trends(found: Tallies, measure: Measure, level: float) -> list[str]:
    """Return the trends in words."""
    said: list[str] = []
    if not found.periods:
        return said
    unit = _unit_of(found)
    for group in found.groups[:MOST_TRENDS]:
        prefix = f"{', '.join(group)}: " if group != found.total else ""
        cells = [(place, found.cell(group, place)) for place in range(len(found.periods))]
        known = [(place, measure.point(cell)[0]) for place, cell in cells if cell.weight]
        line = trend([place for place, _ in known], [value for _, value in known], level)
        if line is None:
            said.append(f"{prefix}a trend needs three {unit}s with answers, there are {len(known)}")
            continue
        slope, low, high = (part * measure.scale for part in (line.slope, line.low, line.high))
        said.append(
            f"{prefix}trend: {measure.words(line.direction)}, {slope:+.2f}{measure.unit} a {unit} "
            f"({low:+.2f} to {high:+.2f}) over {line.n} {unit}s"
        )
    if len(found.groups) > MOST_TRENDS:
        said.append(f"the trends of {len(found.groups) - MOST_TRENDS} more groups are not told")
    if found.undated:
        said.append(f"{found.undated:,} rows have no date: they are in no {unit}")
    return said


def _unit_of(found: Tallies) -> str:
    one = found.periods[0]
    days = (one.last - one.first).days + 1
    return {1: "day", 7: "week"}.get(days, "month" if days < 32 else "quarter" if days < 93 else "year")
