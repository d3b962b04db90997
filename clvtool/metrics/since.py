"""The figure of a survey against an earlier one, or a benchmark: the change, and whether chance gives as much."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError, UsageError
from clvtool.metrics.nps import variance_of
from clvtool.metrics.ratings import share_variance
from clvtool.stats import normal_quantile, two_sided

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from clvtool.result import Result
    from clvtool.schema import Scale

    Row = Mapping[str, Any]

FIGURES = {"nps": "nps", "csat": "csat_share", "ces": "mean"}
MARKS = {"nps": "nps_low", "csat": "csat_share", "ces": "low_effort_share"}
"""Question → a column by which a result of it is known."""
SURE = 0.05


@dataclass(frozen=True, slots=True)
class Since:
    """What to compare with: the table of an earlier survey, and a benchmark: a number or a table."""

    previous: pl.DataFrame | None = None
    benchmark: pl.DataFrame | float | None = None


def since(result: Result, question: str, reference: Since, scale: Scale, level: float) -> Result:
    """Return the result with `previous_F delta_F p_previous` and `benchmark_F delta_benchmark_F p_benchmark`.

    F is the figure of the question; rows of the same group and period are compared. One that is not found
    there has null.
    Raises DataError where no row is, or where it is not clear which; UsageError for a benchmark off the scale.
    """
    import polars as pl

    figure = FIGURES[question]
    names = result.table.columns[: result.table.columns.index("n")]  # groups and period
    added: dict[str, list[float | None]] = {}
    said: list[str] = []
    meant: dict[str, str] = {}

    def compare(
        word: str, delta: str, what: str, meanings: tuple[str, str], other: Callable[[Row], Row | None]
    ) -> None:
        columns = (f"{word}_{figure}", f"{delta}_{figure}", f"p_{word}")
        tested = [_tested(row, other(row), question, level) for row in result.table.to_dicts()]
        values = [list(column) for column in zip(*tested, strict=True)]
        added.update(zip(columns, values, strict=True))
        said.append(_told(values[0], values[1], values[2], what))
        told = (meanings[0], f"{figure} less {columns[0]}", meanings[1])
        meant.update(zip(columns, told, strict=True))

    if reference.previous is not None:
        _same_scale(result.table, reference.previous)
        before = _by_key(reference.previous, names, figure, "the earlier result")
        meanings = (
            f"{figure} of the same row of the earlier survey",
            "how probable so large a change is if nothing changed, of other answers; for each row by itself",
        )
        compare("previous", "delta", "the earlier survey", meanings, lambda row: before.get(_key(row, names)))
    if reference.benchmark is not None:
        _check(reference.benchmark, question, scale)
        meanings = (
            f"the {figure} to compare with",
            "how probable so large a difference is were the benchmark true; for each row by itself",
        )
        aims = _aims(reference.benchmark, names, figure)
        compare("benchmark", "delta_benchmark", "the benchmark", meanings, aims)
    more = pl.DataFrame(added, schema=dict.fromkeys(added, pl.Float64))
    screen = result.table if result.screen is None else result.screen
    place = screen.columns.index(figure) + 1
    first = screen.columns[: place + 2]  # the figure and its interval
    changes = sorted(added, key=lambda name: name.startswith(("previous_", "benchmark_")))  # those are known
    wide = pl.concat([screen, more], how="horizontal").select(
        *first, *changes, *(name for name in screen.columns if name not in first)
    )
    return replace(
        result,
        table=pl.concat([result.table, more], how="horizontal"),
        screen=wide,
        notes=(*result.notes, *said),
        definitions=dict(result.definitions) | meant,
    )


def _variance(row: Row, question: str, level: float) -> float | None:
    """Return the variance of the figure of a row, from what a result tells; None where it does not."""
    n = row.get("n_effective") or row.get("n")
    if not n:
        return None
    if question == "nps":
        up, down = row.get("promoter_share"), row.get("detractor_share")
        return None if up is None or down is None else variance_of(float(up), float(down), float(n))
    if question == "csat":
        return share_variance(float(row["csat_share"]), float(n))
    low, high = row.get("mean_low"), row.get("mean_high")
    return None if low is None or high is None else ((float(high) - float(low)) / 2 / normal_quantile(level)) ** 2


def _tested(
    row: Row, before: Row | None, question: str, level: float
) -> tuple[float | None, float | None, float | None]:
    """Return what was, the change, and its p-value."""
    figure = FIGURES[question]
    old = None if before is None or before.get(figure) is None else float(before[figure])
    if before is None or old is None or row[figure] is None:
        return old, None, None
    delta = row[figure] - old
    own, other = _variance(row, question, level), _variance(before, question, level) if "n" in before else 0.0
    if own is None or other is None or not own + other:
        return old, delta, None
    return old, delta, two_sided(delta / math.sqrt(own + other))


def _key(row: Row, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in names)


def _by_key(table: pl.DataFrame, names: Sequence[str], figure: str, what: str) -> dict[tuple[str, ...], Row]:
    for name in (*names, figure, "n"):
        if name not in table.columns:
            raise DataError(f"{what} has no column {name!r}", "ask for it with the same command, --by and --period")
    found: dict[tuple[str, ...], Row] = {}
    for row in table.to_dicts():
        if found.setdefault(_key(row, names), row) is not row:
            raise DataError(f"{what} has several rows for the same thing", "ask with the same --by and --period")
    return found


def _aims(benchmark: pl.DataFrame | float, names: Sequence[str], figure: str) -> Callable[[Row], Row | None]:
    """Return a function from a row to its benchmark, which is certain: it has no n."""
    if isinstance(benchmark, float):
        return lambda _: {figure: benchmark}
    if figure not in benchmark.columns:
        raise DataError(f"the benchmark has no column {figure!r}", f"found: {', '.join(benchmark.columns)}")
    own = [name for name in names if name in benchmark.columns]
    given = {_key(row, own): {figure: row[figure]} for row in benchmark.to_dicts()}
    if len(given) < benchmark.height or (benchmark.height > 1 and not own):
        raise DataError("the benchmark does not say which row is for what", f"it needs {', '.join(names) or 'one row'}")
    return lambda row: given.get(_key(row, own))


def _same_scale(table: pl.DataFrame, previous: pl.DataFrame) -> None:
    own, other = (set(one["scale"]) if "scale" in one.columns else None for one in (table, previous))
    if own and other and own != other:
        raise DataError(f"the earlier result is on the scale {', '.join(map(str, other))}", "--scale says which")


def _check(benchmark: pl.DataFrame | float, question: str, scale: Scale) -> None:
    low, high = {"nps": (-100, 100), "csat": (0, 1)}.get(question, (scale.low, scale.high))
    if isinstance(benchmark, float) and not low <= benchmark <= high:
        raise UsageError(
            f"--benchmark {benchmark:g} is not between {low} and {high}", "or name a table with that column"
        )


def _told(old: Sequence[float | None], delta: Sequence[float | None], p: Sequence[float | None], what: str) -> str:
    if all(one is None for one in old):
        raise DataError(f"no row is found again in {what}", "ask with the same --by, and without --period")
    known = [(by, sure) for by, sure in zip(delta, p, strict=True) if by is not None and sure is not None]
    up = sum(by > 0 and sure < SURE for by, sure in known)
    down = sum(by < 0 and sure < SURE for by, sure in known)
    more = f"{up} {'is' if up == 1 else 'are'} higher and {down} lower"
    return f"against {what}: of {len(known)} rows, {more} by more than chance gives (p < {SURE})"
