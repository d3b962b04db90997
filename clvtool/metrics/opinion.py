"""A second opinion on who leaves, from the log itself: logistic regression on clues, learnt from an earlier span.

It knows nothing of a model of buying. What it learns is how the clues on one day went together with what happened
until a later one; that is then applied to the clues of the later day, so it is always tried forward in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.metrics.clues import FIGURES
from clvtool.metrics.known import Known, left
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.result import Result
from clvtool.stats import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.clues import Clues
    from clvtool.metrics.known import Day
    from clvtool.models.logistic import Logistic
    from clvtool.periods import Duration

NAME = "features"
LEVEL = 0.95
MORE = {
    "recency": "longer since the last purchase",
    "frequency": "more purchase days",
    "tenure": "longer since the first purchase",
    "lateness": "later for the usual gap",
    "gap_trend": "gaps growing longer",
    "order_value": "dearer orders",
    "money_trend": "orders growing dearer",
    "refunds": "more refunds",
}
FEATURE = "COLUMN = VALUE is the share of the customer's orders with that value; the commonest value has no row"
DRIVERS = {
    "coefficient": "change of the log odds of leaving per standard deviation of the feature, the others being equal",
    "ci_low": "interval at {level:g} %",
    "ci_high": "interval at {level:g} %",
    "odds_ratio": "e^coefficient: above 1 the odds of leaving rise with the feature",
    "direction": "what the sign says, where the interval leaves 0 out",
}


@dataclass(frozen=True, slots=True)
class Opinion:
    """A regression on the clues of one day.

    `values` are the values of columns among them, `columns` the names of these, each with its commonest value.
    """

    fit: Logistic
    names: tuple[str, ...]
    values: tuple[tuple[int, str], ...]
    columns: tuple[tuple[str, str], ...]

    def chance(self, day: Day) -> NDArray[np.float64]:
        """Return the chance of no purchase of the customers known on a day."""
        return self.fit.probability(_clues(day).matrix(self.values))

    def drivers(self) -> pl.DataFrame:
        """Return `feature coefficient ci_low ci_high odds_ratio direction definition`, the strongest first.

        A feature that does not vary has no row.
        """
        from math import exp

        import polars as pl

        z = normal_quantile(LEVEL)
        features: list[tuple[str, str, str | None]] = [(name, MORE[name], FIGURES[name]) for name in self.names]
        for place, value in self.values:
            column, usual = self.columns[place]
            features.append((f"{column} = {value}", f"more orders with {column} {value} than {usual}", None))
        rows = []
        for (name, more, meaning), b, error in zip(
            features, self.fit.coefficients.tolist(), self.fit.std_errors.tolist(), strict=True
        ):
            if not error:
                continue
            low, high = b - z * error, b + z * error
            effect = "no clear direction" if low <= 0 <= high else f"{'more' if b > 0 else 'less'} likely to leave"
            rows.append((name, b, low, high, exp(b), f"{more}: {effect}", meaning))
        rows.sort(key=lambda row: (-abs(row[1]), row[0]))
        columns = ("feature", *DRIVERS, "definition")
        words = {"feature", "direction", "definition"}
        schema = {name: pl.String if name in words else pl.Float64 for name in columns}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def in_words(self) -> str:
        """Return the three strongest drivers whose direction is clear."""
        clear = [words for words in self.drivers()["direction"] if words.endswith("likely to leave")][:3]
        told = "; ".join(clear) if clear else "no feature has a clear direction"
        return f"{NAME}: {told} (features go together with leaving, they need not be its cause)"


def opinion(before: Day, then: Day) -> Opinion:
    """Return what the clues of one day say of who buys nothing until a later one."""
    from clvtool.models import logistic

    known = _clues(before)
    values = tuple(known.values())
    columns = tuple((name, known.usual(place)) for place, name in enumerate(known.columns))
    return Opinion(logistic.fit(known.matrix(values), left(before, then)), known.names, values, columns)


def second_opinion(
    orders: pl.DataFrame, policies: Policies, within: Duration, by: Sequence[str] = ()
) -> tuple[Opinion, Day, tuple[str, ...]]:
    """Return the opinion learnt from the last `within` of the log, the day of the analysis, and notes on the log.

    Raises UsageError when the log is shorter than that.
    """
    log = order_log(orders, policies)
    first, as_of, notes = log.first_day, log.as_of, log.notes
    del log
    length = (as_of - first).days
    if length < round(within.days):
        raise UsageError(
            f"--features learns from the {within} up to {as_of}, and the log begins on {first}",
            f"take at most --within {length}d" if length else "take a longer log",
        )
    known = Known(orders, policies, by=by, look=True)
    before, then = known.on(as_of - timedelta(days=round(within.days))), known.on(as_of)
    return opinion(before, then), then, notes


def drivers(
    orders: pl.DataFrame,
    policies: Policies | None = None,
    *,
    within: Duration,
    by: Sequence[str] = (),
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return one row a feature of the customers: how it goes together with buying nothing, the strongest first."""
    learnt, then, told = second_opinion(orders, policies or Policies(), within, by)
    words = {"level": LEVEL * 100, "within": str(within)}
    return Result(
        name="churn",
        title=f"What goes together with no purchase within {within}",
        table=learnt.drivers(),
        notes=(*notes, *told, *then.notes, f"learnt from the {within} up to {then.when}", learnt.in_words()),
        as_of=then.when,
        currency=currency,
        definitions=({"feature": FEATURE} if by else {})
        | {name: meaning.format_map(words) for name, meaning in DRIVERS.items()},
    )


def _clues(day: Day) -> Clues:
    if day.clues is None:
        raise TypeError("the clues of the day were not asked for")
    return day.clues
