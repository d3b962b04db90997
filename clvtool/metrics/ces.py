"""Customer effort score: the mean, and the share of those for whom it took little effort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.ratings import Rating, good_scores, rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.result import Result
    from clvtool.schema import Scale

SEVEN = 7
"""The scale of agreement that it was easy: from 5 on, people agree."""


def rating_of(scale: Scale, positive: str | None = None) -> Rating:
    """Return the question with its good scores.

    Without `positive` they are the two at the good end, on a scale from 1 to 7 where high is good the three (5 to 7).
    """
    agreed = (scale.low, scale.high) == (1, SEVEN) and scale.high_is_good
    good, kinds = good_scores(scale, positive, 3 if agreed else 2), ("low_effort", "others")
    names = ("low_effort", "low_effort_share", "little effort")
    return Rating("ces", "Customer effort", scale, good, *names, kinds, by_mean=True)


def ces(
    answers: pl.DataFrame,
    scale: Scale,
    *,
    positive: str | None = None,
    by: Sequence[str] = (),
    period: str | None = None,
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> Result:
    """Return the effort of an ANSWERS table; `positive` are the scores of little effort, as `rating_of` takes them."""
    return rate(answers, rating_of(scale, positive), by=by, period=period, level=level, notes=notes)
