"""How many answers of each score there are, per group and period: the exact counts that every figure of a survey is of.

Counts of the parts add up to those of the whole, whatever the parts are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError, did_you_mean
from clvtool.metrics.groups import TOTAL
from clvtool.metrics.partition import NO_GROUP
from clvtool.periods import UNITS, Period, periods_between
from clvtool.schema import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

WEIGHT_UNIT = 1 << 40
"""Weights are counted in parts of the largest one, so that their sums are whole numbers."""
MOST_VALUES = 200
"""Values of a column among which near ones are proposed."""
NO_GROUPS = ("answer_id", "answer_date", "score", "weight", "value", "comment")
_STEPS = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}


@dataclass(frozen=True, slots=True)
class Tally:
    """The answers of some respondents: by score, how many and what weight; Σ weight²; and rows without a score."""

    counts: Counter[int] = field(default_factory=Counter)
    weights: Counter[int] = field(default_factory=Counter)
    squares: int = 0
    blank: int = 0

    @property
    def n(self) -> int:
        """Return how many answers have a score."""
        return self.counts.total()

    @property
    def weight(self) -> int:
        """Return their weight, in parts of the largest one."""
        return self.weights.total()

    @property
    def effective(self) -> float:
        """Return how many answers of equal weight tell as much (Kish): (Σ weight)² ÷ Σ weight²."""
        return self.weight**2 / self.squares if self.squares else 0.0

    def count(self, low: int, high: int) -> int:
        """Return how many answers are from `low` to `high`."""
        return sum(n for score, n in self.counts.items() if low <= score <= high)

    def weight_from(self, low: int, high: int) -> int:
        """Return the weight of the answers from `low` to `high`."""
        return sum(weight for score, weight in self.weights.items() if low <= score <= high)

    def response_rate(self) -> float | None:
        """Return answers ÷ rows; None without rows."""
        rows = self.n + self.blank
        return self.n / rows if rows else None

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.counts + other.counts,
            self.weights + other.weights,
            self.squares + other.squares,
            self.blank + other.blank,
        )

    def __sub__(self, other: Tally) -> Tally:
        return Tally(
            self.counts - other.counts,
            self.weights - other.weights,
            self.squares - other.squares,
            self.blank - other.blank,
        )


@dataclass(frozen=True, slots=True)
class Tallies:
    """The tallies of all groups and periods.

    `labels` are the group columns, `groups` their values, the total first. Without a period there is one cell a group.
    `undated` rows belong to no period.
    """

    labels: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    periods: tuple[Period, ...]
    cells: dict[tuple[tuple[str, ...], int], Tally]
    last_day: date | None
    weighted: bool
    undated: int = 0

    def cell(self, group: tuple[str, ...], place: int) -> Tally:
        """Return the tally of a group in the period at a place."""
        return self.cells.get((group, place), Tally())

    def whole(self, group: tuple[str, ...]) -> Tally:
        """Return the tally of a group over all periods."""
        return reduce(add, (self.cell(group, place) for place in range(max(len(self.periods), 1))), Tally())

    @property
    def total(self) -> tuple[str, ...]:
        """Return the name of the group of all."""
        return (TOTAL,) * len(self.labels)


def tallies(answers: pl.DataFrame, by: Sequence[str] = (), period: str | None = None) -> Tallies:
    """Return the tallies of an ANSWERS table with scores.

    Raises DataError for a group column that is not there, UsageError for one that makes no groups, DataError where a
    period is asked for and there are no dates, or where all weights are 0.
    """
    import polars as pl

    labels = tuple(dict.fromkeys(column_of(answers, name) for name in by))
    units, last = days_of(answers, period)
    table = _counted(answers, labels, period)
    weighted, undated = "weight" in answers.columns, 0
    if period is not None:
        undated = int(table.filter(pl.col("first").is_null())["n"].sum())
        table = table.filter(pl.col("first").is_not_null())
    places = {unit.first: place for place, unit in enumerate(units)}
    total = (TOTAL,) * len(labels)
    cells: dict[tuple[tuple[str, ...], int], Tally] = {}
    for row in table.iter_rows(named=True):
        group = tuple(row[f"g{place}"] for place in range(len(labels)))
        place = places[row["first"]] if period is not None else 0
        one = _tally(row, weighted=weighted)
        for name in dict.fromkeys((total, group)):
            cells[name, place] = cells.get((name, place), Tally()) + one
    names = sorted({group for group, _ in cells} - {total})
    return Tallies(labels, (total, *names), tuple(units), cells, last, weighted, undated)


def days_of(answers: pl.DataFrame, period: str | None) -> tuple[list[Period], date | None]:
    """Return the periods that the answers are in (none without a `period`), and their last day; raise as `tallies`."""
    if period is not None and period not in UNITS:
        raise UsageError(f"--period {period}: no such unit", f"there is: {', '.join(UNITS)}")
    days = answers["answer_date"] if "answer_date" in answers.columns else None
    first, last = (None, None) if days is None else (_day(days.min()), _day(days.max()))
    if period is None:
        return [], last
    if first is None or last is None:
        raise DataError("no column for the day of the answer", "name it: --map answer_date=COLUMN")
    return periods_between(first, last, period), last


def keys_of(labels: Sequence[str], period: str | None) -> dict[str, pl.Expr]:
    """Return what tells the groups and periods of answers apart: `g0 g1 … first`."""
    import polars as pl

    keys = {f"g{place}": pl.col(name).cast(pl.String).fill_null(NO_GROUP) for place, name in enumerate(labels)}
    return keys if period is None else keys | {"first": pl.col("answer_date").dt.truncate(_STEPS[period])}


def weight_of(answers: pl.DataFrame, counted: pl.Expr) -> dict[str, pl.Expr]:
    """Return the `weight` of an answer as a whole number, and nothing where answers have none.

    It is in parts of the largest weight of the answers that are counted. Raises DataError where all weights are 0.
    """
    import polars as pl

    if "weight" not in answers.columns:
        return {}
    largest = answers.filter(counted).select(pl.col("weight").max()).item()
    if largest == 0:
        raise DataError("all weights are 0", "name another column: --weight COLUMN")
    return {"weight": (pl.col("weight") / (largest or 1) * WEIGHT_UNIT).round().cast(pl.Int128)}


def _counted(answers: pl.DataFrame, labels: Sequence[str], period: str | None) -> pl.DataFrame:
    """Return `g0 g1 … first score n weight squares`: how many answers of each score a group and period has."""
    import polars as pl

    columns = keys_of(labels, period)
    keys, sums = [*columns, "score"], {"n": pl.len()}
    columns["score"] = pl.col("score")
    weight = weight_of(answers, pl.col("score").is_not_null())
    if weight:
        columns |= weight
        sums |= {"weight": pl.col("weight").sum(), "squares": (pl.col("weight") ** 2).sum()}
    return answers.lazy().select(**columns).group_by(keys).agg(**sums).collect(engine="streaming")


def only(answers: pl.DataFrame, where: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """Return the answers whose columns have these values; raise DataError where there are none."""
    import polars as pl

    for name, value in where:
        told = pl.col(column_of(answers, name, "--where")).cast(pl.String)
        kept = answers.filter(told == value)
        if kept.is_empty():
            values = answers.select(told.drop_nulls().unique().sort()).to_series().to_list()
            hint = did_you_mean(value, values) if len(values) <= MOST_VALUES else ""
            raise DataError(f"no answer has {name} = {value!r}", hint)
        answers = kept
    return answers


def column_of(answers: pl.DataFrame, name: str, option: str = "--by") -> str:
    """Return the column that a user names, in any letter case; raise as `tallies` does."""
    folded = {column.casefold().replace("_", " "): column for column in answers.columns}
    found = name if name in answers.columns else folded.get(name.casefold().replace("_", " "))
    if found is None:
        known = [column for column in answers.columns if column not in ANSWERS]
        raise DataError(f"there is no column {name!r}", did_you_mean(name, known or answers.columns))
    if found in NO_GROUPS:
        raise UsageError(f"{option} {name} makes no groups of answers", "name a column such as channel or country")
    return found


def _tally(row: dict[str, int | None], *, weighted: bool) -> Tally:
    score, n = row["score"], row["n"] or 0
    if score is None:
        return Tally(blank=n)
    weight, squares = ((row["weight"] or 0), (row["squares"] or 0)) if weighted else (n, n)
    return Tally(Counter({score: n}), Counter({score: weight}), squares)


def _day(value: object) -> date | None:
    return value if isinstance(value, date) else None
