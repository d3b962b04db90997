"""Kinds of respondents by their score, and what each is like: means and rates, with intervals and tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clvtool.errors import UsageError
from clvtool.metrics.moments import group_moments
from clvtool.stats import holm, normal_quantile, student_quantile, two_sided, wilson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

ANSWERED = "(answered)"
NO_ANSWER = "(no answer)"
MOST_FREEDOM = 200
"""Degrees of freedom from which on Student's interval is the normal one."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """Kinds of respondents: the scores of each, the best first. `score` is the question, as the commands are named."""

    question: str
    scores: Mapping[str, frozenset[int]]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the kinds."""
        return tuple(self.scores)

    def places(self, scores: pl.Series) -> NDArray[np.int64]:
        """Return the place of the kind of each score, and the number of kinds where there is none."""
        import polars as pl

        place = pl.lit(len(self.scores), pl.Int64)
        for number, own in enumerate(self.scores.values()):
            place = pl.when(pl.col("score").is_in(sorted(own))).then(number).otherwise(place)
        return scores.alias("score").to_frame().select(place.alias("place"))["place"].to_numpy()


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of every unit (a customer, or an answer): money in ten-thousandths, a count, or 0 and 1.

    It is a rate where its name ends so. `unit` divides its mean. Only units that are `known` count.
    """

    name: str
    values: NDArray[np.int64]
    meaning: str
    unit: int = 1
    known: NDArray[np.bool_] | None = None

    @property
    def is_rate(self) -> bool:
        """Return whether it is a share of the units."""
        return self.name.endswith("_rate")

    @property
    def stem(self) -> str:
        """Return how the names of its bounds begin."""
        return self.name.removesuffix("_rate")

    @property
    def gap(self) -> str:
        """Return the name of its difference."""
        return f"{self.stem}_difference_rate" if self.is_rate else f"{self.stem}_difference"


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of n units and its variance (None where one unit tells nothing of it)."""

    n: int
    value: float
    variance: float | None

    def less(self, other: Mean, level: float) -> tuple[float, float, float, float] | None:
        """Return the difference from another mean with its interval and p-value (z-test); None where unknown."""
        if not self.variance or not other.variance:
            return None
        gap, error = self.value - other.value, math.sqrt(self.variance + other.variance)
        half = normal_quantile(level) * error
        return gap, gap - half, gap + half, two_sided(gap / error)


def mean_of(figure: Figure, where: NDArray[np.bool_]) -> Mean | None:
    """Return the mean of a figure over some units; None without any."""
    import numpy as np

    values = figure.values[where if figure.known is None else where & figure.known]
    n = len(values)
    if not n:
        return None
    if figure.is_rate:
        count = int(values.sum())
        near = (count + 2) / (n + 4)  # two units of each kind added: how much units differ, where all are alike
        return Mean(n, count / n, near * (1 - near) / n)
    moments = group_moments({"x": values}, np.zeros(n, np.int64), 1)[0]
    scale = n * figure.unit
    variance = float(moments.covariance[0, 0]) / scale**2 if n > 1 else None
    return Mean(n, moments.sums["x"] / scale, variance)


def bounds(figure: Figure, mean: Mean, level: float) -> tuple[float, float] | None:
    """Return the interval of a mean (Student's), or of a rate (Wilson's); None where one unit tells nothing of it."""
    if figure.is_rate:
        return wilson(mean.value, mean.n, level)
    if mean.variance is None:
        return None
    few = mean.n <= MOST_FREEDOM
    half = (student_quantile(level, mean.n - 1) if few else normal_quantile(level)) * math.sqrt(mean.variance)
    return mean.value - half, mean.value + half


def table_of_kinds(
    kinds: Kinds, place: NDArray[np.int64], figures: Sequence[Figure], level: float
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return a row for all who answered, one for each kind, and one for the others, with the types of the columns.

    `place` is the kind of each unit. Every figure has its mean, its interval, and for each kind how far it is from
    all others who answered (for those without an answer: from all who did), with its p-value, corrected for as many
    tests (Holm).
    """
    import polars as pl

    if not 0 < level < 1:
        raise UsageError(f"--level {level:g} is not between 0 and 1", "95 % is --level 0.95")
    count = len(kinds.names)
    answered = place < count
    groups = [answered, *(place == number for number in range(count)), ~answered]
    rows: list[dict[str, Any]] = [{"group": name} for name in (ANSWERED, *kinds.names, NO_ANSWER)]
    schema: dict[str, Any] = {"group": pl.String}
    for figure in figures:
        means = [mean_of(figure, where) for where in groups]
        against = [None, *(mean_of(figure, answered & ~where) for where in groups[1:-1]), means[0]]
        gaps = [
            None if one is None or other is None else one.less(other, level)
            for one, other in zip(means, against, strict=True)
        ]
        corrected = holm([None if gap is None else gap[3] for gap in gaps])
        low, high, p = f"{figure.stem}_low", f"{figure.stem}_high", f"p_{figure.stem}"
        schema |= dict.fromkeys((figure.name, low, high, figure.gap, p), pl.Float64)
        for row, mean, gap, p_value in zip(rows, means, gaps, corrected, strict=True):
            ends = None if mean is None else bounds(figure, mean, level)
            row |= {figure.name: mean and mean.value, low: ends and ends[0], high: ends and ends[1]}
            row |= {figure.gap: gap and gap[0], p: p_value}
    return rows, schema


def meanings(figures: Sequence[Figure], level: float) -> dict[str, str]:
    """Return what the columns of these figures mean."""
    told: dict[str, str] = {}
    for figure in figures:
        how = "Wilson's" if figure.is_rate else "Student's"
        told[figure.name] = figure.meaning
        told[f"{figure.stem}_low"] = f"with {figure.stem}_high its interval at {level * 100:g} %, {how}"
    if figures:
        first = figures[0]
        told[first.gap] = (
            f"{first.name} less that of all others who answered; of those without an answer: of all who did"
        )
        told[f"p_{first.stem}"] = "how probable so large a difference is if there is none; corrected (Holm)"
    return told


def ends_told(kinds: Kinds, place: NDArray[np.int64], figure: Figure, level: float) -> str | None:
    """Return in words how far the first kind is from the last."""
    best, worst = (mean_of(figure, place == number) for number in (0, len(kinds.names) - 1))
    gap = None if best is None or worst is None else best.less(worst, level)
    if best is None or worst is None or gap is None:
        return None
    style, scale, unit = (".1%", 100, " points") if figure.is_rate else (",.2f", 1, "")
    value, beside = (format(one, style) for one in (best.value, worst.value))
    by, low, high = (format(scale * one, "+,.2f" if scale == 1 else "+.1f") for one in gap[:3])
    sure = gap[1] > 0 or gap[2] < 0
    how = f"{by}{unit} ({low} to {high})" if sure else f"no sure difference ({low} to {high})"
    return f"{figure.name} of {kinds.names[0]} {value}, of {kinds.names[-1]} {beside}: {how}, p = {gap[3]:.2g}"
