"""The periods ahead as a table: what is expected in each, and in all together, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from clvtool.errors import UsageError
from clvtool.metrics.arrivals import arrivals
from clvtool.periods import period_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import polars as pl

    from clvtool.metrics.prediction_models import Models
    from clvtool.metrics.predictive import Histories
    from clvtool.models.expected import Expected
    from clvtool.models.newcomers import Arrivals
    from clvtool.periods import Period

TOTAL = "(total)"
MEASURES = ("orders", "active", "revenue")
"""The figures in the order that `models.expected` has them in."""
COLUMNS = {"orders": "orders", "revenue": "revenue", "active": "active_customers", "new": "new_customers"}
"""What the expectation of each figure is called in tables; `NAME_low` and `NAME_high` are its interval."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is expected in `periods` and, last, in all of them together."""

    periods: Sequence[Period]
    unit: str
    expected: Expected
    arrivals: Arrivals

    def figures(self, level: float) -> dict[str, tuple[list[float], list[float], list[float]]]:
        """Return the expectation of each measure by period, and its interval."""
        found = {}
        sums = self.expected.existing + self.expected.new
        for place, name in enumerate(MEASURES):
            found[name] = bounds(sums[place].tolist(), self.expected.variance[place].tolist(), level)
        counts, variances = self.expected.arrivals.tolist(), self.expected.arrivals_variance.tolist()
        return found | {"new": bounds(counts, variances, level)}

    def table(self, level: float) -> pl.DataFrame:
        """Return one row a period, and one of all together; revenue is null where there is no model of money."""
        import polars as pl

        whole = [one == period_of(one.first, self.unit) for one in self.periods]
        labels = {
            "period": [*(one.label for one in self.periods), TOTAL],
            "start_date": [*(one.first for one in self.periods), self.periods[0].first],
            "end_date": [*(one.last for one in self.periods), self.periods[-1].last],
            "whole": [*whole, all(whole)],
        }
        figures = self.figures(level)
        columns: dict[str, Any] = {}
        for name, column in COLUMNS.items():
            value, low, high = figures[name]
            columns |= {column: value, f"{name}_low": low, f"{name}_high": high}
        for who, parts in (("existing", self.expected.existing), ("new", self.expected.new)):
            columns |= {f"{who}_{name}": parts[MEASURES.index(name)] for name in ("orders", "revenue", "active")}
        money = pl.DataFrame({name: pl.Series(values, dtype=pl.Float64) for name, values in columns.items()})
        return pl.DataFrame(labels).hstack(money.fill_nan(None).get_columns())


def look_ahead(
    seen: Histories,
    models: Models,
    first_day: date,
    as_of: date,
    periods: Sequence[Period],
    unit: str,
    new_customers: float | None,
) -> Ahead:
    """Return what these customers, and new ones, are expected to do in periods that follow the day `as_of`.

    Raises UsageError for a model of buying that says nothing about single periods.
    """
    import numpy as np

    from clvtool.models.expected import People, expected
    from clvtool.models.registry import fitted
    from clvtool.models.stretches import StretchModel

    if not isinstance(fitted(models.buying), StretchModel):
        raise UsageError(f"{models.buying.model} says nothing about single periods", "such as --model bg-nbd")
    coming = arrivals(seen, first_day, as_of, periods, unit, new_customers)
    days = [(one.last - as_of).days for one in periods]
    result = expected(
        models.buying,
        models.spending,
        People.of(seen.x, seen.t_x, seen.T, seen.m),
        coming,
        np.array([0, *days[:-1], 0]),
        np.array([*days, days[-1]]),
    )
    return Ahead(periods, unit, result, coming)


def bounds(
    means: Sequence[float], variances: Sequence[float], level: float
) -> tuple[list[float], list[float], list[float]]:
    """Return the means with the interval of a gamma distribution of this mean and variance around each.

    A sum of what few customers do is skewed and not below 0. Wilson and Hilferty (1931): the cube root of a gamma
    variable is nearly normal.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    low, high = [], []
    for mean, variance in zip(means, variances, strict=True):
        if mean > 0:
            spread = variance / mean**2 / 9
            ends = [mean * max(1 - spread + side * z * spread**0.5, 0.0) ** 3 for side in (-1, 1)]
        else:
            ends = [mean + side * z * variance**0.5 for side in (-1, 1)]
        low.append(ends[0])
        high.append(ends[1])
    return list(means), low, high
