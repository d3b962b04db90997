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
    """Return the effort of an ANSWERS table; `positive` are the scores of little effort.

    Without it they are the two at the good end, on a scale from 1 to 7 where high is good the three (5 to 7).
    """
    return rate(answers, rating(scale, positive), by=by, period=period, level=level, notes=notes)


def rating(scale: Scale, positive: str | None) -> Rating:
    """Return how effort is rated; raise UsageError for scores of little effort that are not on the scale."""
    agreed = (scale.low, scale.high) == (1, SEVEN) and scale.high_is_good
    good = good_scores(scale, positive, 3 if agreed else 2)
    return Rating(
        "ces", "Customer effort", scale, good, "low_effort", "low_effort_share", "little effort", by_mean=True
    )
