"""The table of `compute`: one row a metric, with its unit, interval, n and definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvtool.metrics.valuation import DEFINITIONS
from clvtool.stats import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from clvtool.metrics.methods import Number

NUMBERS = ("value", "ci_low", "ci_high")
COLUMNS = ("metric", "value", "unit", "ci_low", "ci_high", "n", "definition")
SIGNED = frozenset({"net_churn_rate", "margin_rate"})
"""Rates that may be below 0."""


class Lines:
    """Collects the rows of one group. `words` stand in the definitions."""

    def __init__(self, level: float, words: Mapping[str, str]) -> None:
        """Begin without rows."""
        self.level = level
        self.words = words
        self.rows: list[dict[str, Any]] = []

    def add(
        self,
        metric: str,
        value: float | None,
        unit: str,
        n: float | None = None,
        interval: tuple[float, float] | None = None,
        definition: str | None = None,
    ) -> None:
        """Add a row."""
        low, high = interval or (None, None)
        if definition is None:
            definition = DEFINITIONS[metric].format_map(self.words)
        whole = None if n is None else round(n)
        self.rows.append(dict(zip(COLUMNS, (metric, value, unit, low, high, whole, definition), strict=True)))

    def estimate(self, metric: str, figure: Number | None, unit: str, n: float, *, log_scale: bool = False) -> None:
        """Add a row with an interval, if the figure is an estimate."""
        if not isinstance(figure, Estimate):
            self.add(metric, figure, unit, n)
        elif unit == "rate":
            self.add(metric, figure.value, unit, n, self._of_rate(metric, figure))
        else:
            self.add(metric, figure.value, unit, n, figure.interval(self.level, log_scale=log_scale))

    def _of_rate(self, metric: str, rate: Estimate) -> tuple[float, float] | None:
        bounds = rate.interval(self.level)
        if metric in SIGNED and bounds and bounds[0] < bounds[1]:
            return bounds[0], min(bounds[1], 1.0)
        return rate.rate_interval(self.level) if 0 <= rate.value <= 1 else bounds


def table(rows: Sequence[Mapping[str, Any]], groups: Sequence[str] = ()) -> pl.DataFrame:
    """Return the rows as a table, the group columns first."""
    import numpy as np
    import polars as pl

    types: dict[str, type[pl.DataType]] = dict.fromkeys([*groups, *COLUMNS], pl.String)
    types |= dict.fromkeys(NUMBERS, pl.Float64) | {"n": pl.Int64}
    found = pl.DataFrame(rows, schema=types)
    for name in NUMBERS:
        assert np.isfinite(found[name].drop_nulls().to_numpy()).all(), name  # noqa: S101 - undefined is null
    return found
