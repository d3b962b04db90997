"""Scores on a scale with a direction: the share of good answers with Wilson's interval, and the mean with its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clvtool.errors import UsageError
from clvtool.metrics.kinds import Kinds
from clvtool.metrics.tallies import tallies
from clvtool.metrics.terms import Sides
from clvtool.metrics.waves import Measure, definitions_of, in_order_of_use, table_of
from clvtool.result import Result
from clvtool.stats import normal_quantile, wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from clvtool.metrics.tallies import Tally
    from clvtool.schema import Scale

ADDED_END, ADDED_WITHIN = 0.75, 1.5
"""Answers that are added for the interval of a mean: at each end of the scale, and evenly between. As with the NPS, the
plain formula fails for few answers, and where nearly all are alike."""
MEAN = ("mean", "mean_low", "mean_high")
TESTS = ("delta", "delta_share", "difference", "difference_share", "p_value")
LAST = ("response_rate", "n_effective", "scale", "direction")
DEFINITIONS = {
    "mean": "mean of the scores",
    "mean_low": "with mean_high the interval of the mean at {level:g} %, with ¾ answer at each end of the scale and 1½ "
    "between them added",
    "scale": "the lowest and the highest score",
    "direction": "which end of the scale is the good one",
}


@dataclass(frozen=True, slots=True)
class Rating:
    """A question whose answers are rated: what it is called, its scale, and which scores are the good ones."""

    name: str  # of the command
    title: str
    scale: Scale
    good: tuple[int, ...]
    count: str  # the column with the number of good answers
    share: str  # the column with their share
    meaning: str  # of a good answer
    kinds_named: tuple[str, str]  # respondents with a good answer, and the others
    by_mean: bool = False  # changes and trend are those of the mean, not of the share

    @property
    def kinds(self) -> Kinds:
        """Return the kinds of respondents."""
        rest = frozenset(range(self.scale.low, self.scale.high + 1)) - set(self.good)
        return Kinds(self.name, dict(zip(self.kinds_named, (frozenset(self.good), rest), strict=True)))

    @property
    def direction(self) -> str:
        """Return the direction in words."""
        return f"{'higher' if self.scale.high_is_good else 'lower'} is better"

    def judged(self, direction: str) -> str:
        """Return the direction of a trend with what it means."""
        better = "rising" if self.scale.high_is_good or not self.by_mean else "falling"
        return (
            f"{direction} ({'better' if direction == better else 'worse'})" if direction.endswith("ing") else direction
        )

    def sides(self) -> Sides:
        """Return those whose answer is good and all others, as two groups."""
        others = tuple(score for score in range(self.scale.low, self.scale.high + 1) if score not in self.good)
        return Sides(others, self.good, "others", self.meaning)


def good_scores(scale: Scale, text: str | None, default: int) -> tuple[int, ...]:
    """Return the scores that `--positive 4,5` says, or the `default` best ones.

    Raises UsageError for what is no score of the scale.
    """
    if text is None:
        ends = range(scale.high - default + 1, scale.high + 1)
        return tuple(ends if scale.high_is_good else range(scale.low, scale.low + default))
    words = [word.strip() for word in text.split(",")]
    scores = tuple(sorted({int(word) for word in words if word.isdecimal()}))
    if not all(word.isdecimal() for word in words) or not all(scale.low <= one <= scale.high for one in scores):
        raise UsageError(
            f"--positive {text}: not scores from {scale}", f"write them as --positive {scale.high - 1},{scale.high}"
        )
    return scores


def rate(
    answers: pl.DataFrame,
    rating: Rating,
    *,
    by: Sequence[str] = (),
    period: str | None = None,
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> Result:
    """Return the figures of a rated question: one row a group, the total first, and a period where one is asked for.

    Columns: the groups, `period`, `n`, the count and the share of good answers with its interval, `mean mean_low
    mean_high response_rate scale direction`, `n_effective` where answers have weights, and the tests of
    `waves.table_of`.
    Raises UsageError and DataError as `tallies` and `table_of` do.
    """
    import polars as pl

    found = tallies(answers, by, period)
    low, high = (f"{rating.share.removesuffix('_share')}_{end}" for end in ("low", "high"))
    schema: dict[str, Any] = {"n": pl.Int64, rating.count: pl.Int64}
    schema |= dict.fromkeys((rating.share, low, high, "mean", "mean_low", "mean_high", "response_rate"), pl.Float64)
    schema |= {"scale": pl.String, "direction": pl.String, "n_effective": pl.Float64}
    measure = measure_of(rating, schema, lambda tally: _row(tally, rating, (low, high), level))
    table, said = table_of(found, measure, level)
    whole = _row(found.whole(found.total), rating, (low, high), level)
    if period is not None:
        said.insert(
            0,
            f"over all {whole['n']:,} answers: mean {whole['mean']:.2f} ({whole['mean_low']:.2f} to "
            f"{whole['mean_high']:.2f}), "
            f"{rating.share} {whole[rating.share]:.1%} ({whole[low]:.1%} to {whole[high]:.1%})",
        )
    of = ", ".join(map(str, rating.good))
    words = {"level": level * 100}
    definitions = {rating.count: f"answers of {of}: {rating.meaning}", rating.share: f"{rating.count} ÷ n"}
    definitions |= {low: f"with {high} Wilson's interval at {level * 100:g} %"}
    definitions |= {name: text.format_map(words) for name, text in DEFINITIONS.items()}
    figure = "mean" if rating.by_mean else rating.share
    definitions |= definitions_of(found, period, figure, is_share=not rating.by_mean)
    share = (rating.share, low, high)
    figures = (*MEAN, *share) if rating.by_mean else (*share, *MEAN)
    order = ("n", *figures[:3], *TESTS, *figures[3:], *LAST, rating.count)
    ends, by_period = f"{rating.scale.low} to {rating.scale.high}", f", by {period}" if period else ""
    return Result(
        name=rating.name,
        title=f"{rating.title} on a scale from {ends}, {rating.direction}{by_period}",
        table=table,
        notes=(*notes, *said),
        as_of=found.last_day,
        definitions=definitions,
        screen=in_order_of_use(table, order),
        extra={"scale": str(rating.scale), "direction": rating.direction, "positive": list(rating.good)},
    )


def measure_of(
    rating: Rating, schema: Mapping[str, Any] | None = None, row: Callable[[Tally], dict[str, Any]] = lambda _: {}
) -> Measure:
    """Return what is rated as a figure of a tally: the mean, or the share of good answers."""
    return Measure(
        row,
        lambda tally: _mean_point(tally, rating.scale) if rating.by_mean else share_point(tally, rating.good),
        "" if rating.by_mean else " points",
        rating.judged,
        dict(schema or {}),
        1 if rating.by_mean else 100,
        is_share=not rating.by_mean,
        name=f"{rating.name}_mean" if rating.by_mean else rating.share,
    )


def _row(tally: Tally, rating: Rating, bounds: tuple[str, str], level: float) -> dict[str, Any]:
    row: dict[str, Any] = {"n": tally.n, rating.count: sum(tally.counts[score] for score in rating.good)}
    if tally.weight:
        share = sum(tally.weights[score] for score in rating.good) / tally.weight
        low, high = wilson(share, tally.effective, level)
        mean, (mean_low, mean_high) = _mean(tally), mean_interval(tally, rating.scale, level)
        row |= {rating.share: share, bounds[0]: low, bounds[1]: high}
        row |= {"mean": mean, "mean_low": mean_low, "mean_high": mean_high}
    row |= {"response_rate": tally.response_rate(), "n_effective": tally.effective or None}
    return row | {"scale": str(rating.scale), "direction": rating.direction}


def mean_interval(tally: Tally, scale: Scale, level: float) -> tuple[float, float]:
    """Return the interval of the mean score; it always holds the mean itself."""
    centre, variance, size = _adjusted(tally, scale)
    half, mean = normal_quantile(level) * math.sqrt(variance / size), _mean(tally)
    return min(max(centre - half, float(scale.low)), mean), max(min(centre + half, float(scale.high)), mean)


def _mean(tally: Tally) -> float:
    return sum(score * weight for score, weight in tally.weights.items()) / tally.weight


def _adjusted(tally: Tally, scale: Scale) -> tuple[float, float, float]:
    """Return mean and variance of the scores with some answers added, and how many that are."""
    n, inner = tally.effective, range(scale.low + 1, scale.high) or (scale.low + scale.high) / 2
    within = list(inner) if isinstance(inner, range) else [inner]
    added: dict[float, float] = dict.fromkeys(within, ADDED_WITHIN / len(within))
    added |= dict.fromkeys((scale.low, scale.high), ADDED_END)
    worth = {score: weight / tally.weight * n for score, weight in sorted(tally.weights.items())}
    every = [*worth.items(), *added.items()]
    size = math.fsum(amount for _, amount in every)
    centre = math.fsum(score * amount for score, amount in every) / size
    return centre, math.fsum(amount * (score - centre) ** 2 for score, amount in every) / size, size


def _mean_point(tally: Tally, scale: Scale) -> tuple[float, float]:
    return _mean(tally), _adjusted(tally, scale)[1] / tally.effective


def share_point(tally: Tally, good: Sequence[int]) -> tuple[float, float]:
    """Return the share of good answers and its variance."""
    share = sum(tally.weights[score] for score in good) / tally.weight
    return share, share_variance(share, tally.effective)


def share_variance(share: float, n: float) -> float:
    """Return the variance of a share of n answers; two answers of each kind added tell how much they differ."""
    smoothed = (share * n + 2) / (n + 4)
    return smoothed * (1 - smoothed) / n
