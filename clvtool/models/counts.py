"""The likelihood of how often customers buy while nobody leaves: negative binomial over the time they are observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.special import Sum, log_rising, more_than

if TYPE_CHECKING:
    from typing import Self

    from clvtool.models.histories import Floats, Histories, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What the likelihood needs of the histories: sums by number of purchases and by day."""

    beyond: Floats  # customers with more than i repeat purchases
    week: Floats  # of day 0, 1, …
    customers: Floats  # by day T
    repeats: Floats  # repeat purchases by day T

    @classmethod
    def of(cls, histories: Histories) -> Self:
        """Prepare the sums over these histories."""
        x, T, count = histories.x, histories.T, histories.count.astype(float)
        return cls(
            beyond=more_than(sums(x, count)),
            week=np.arange(int(T.max()) + 1) / 7,
            customers=sums(T, count),
            repeats=sums(T, count * x),
        )

    def log_likelihood(self, r: float, alpha: float) -> Sum:
        """Return Σ ln[(r)_x / α^x] − (r+x) ln(1 + T/α) over customers, with derivatives by (r, α).

        Ordered so that nothing cancels at large r and α.
        """
        week, n, k = self.week, self.customers, self.repeats
        rising = log_rising(r, alpha, self.beyond)
        growth, both = np.log1p(week / alpha), alpha + week
        excess = r * n * week - alpha * k
        cross = float((n * week / both).sum()) / alpha
        bend = -float(((k * alpha * both + excess * (alpha + both)) / (both * both)).sum()) / alpha**2
        return Sum(
            rising.value - float(((r * n + k) * growth).sum()),
            np.array([rising.gradient[0] - float((n * growth).sum()), float((excess / both).sum()) / alpha]),
            np.array([[rising.hessian[0, 0], cross], [cross, bend]]),
        )


def sums(places: Ints, weights: Floats) -> Floats:
    """Return the sum of the weights at each place from 0."""
    return np.asarray(np.bincount(places, weights=weights), float)
