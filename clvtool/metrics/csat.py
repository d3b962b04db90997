"""Customer satisfaction: the share of positive answers, and the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.ratings import Rating, good_scores, rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.result import Result
    from clvtool.schema import Scale


def csat(
    answers: pl.DataFrame,
    scale: Scale,
    *,
    positive: str | None = None,
    by: Sequence[str] = (),
    period: str | None = None,
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> Result:
    """Return the satisfaction of an ANSWERS table; `positive` are the positive scores, the two best without it."""
    return rate(answers, rating(scale, positive), by=by, period=period, level=level, notes=notes)


def rating(scale: Scale, positive: str | None) -> Rating:
    """Return how satisfaction is rated; raise UsageError for positive scores that are not on the scale."""
    good = good_scores(scale, positive, 2)
    return Rating("csat", "Customer satisfaction", scale, good, "positive", "csat_share", "satisfied")
