"""Customer satisfaction: the share of positive answers, and the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.ratings import Rating, good_scores, rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.result import Result
    from clvtool.schema import Scale


def rating_of(scale: Scale, positive: str | None = None) -> Rating:
    """Return the question with its good scores; `positive` are those, the two best without it."""
    good, kinds = good_scores(scale, positive, 2), ("satisfied", "others")
    return Rating("csat", "Customer satisfaction", scale, good, "positive", "csat_share", "satisfied", kinds)


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
    return rate(answers, rating_of(scale, positive), by=by, period=period, level=level, notes=notes)
