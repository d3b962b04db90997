"""Ways to put every customer into exactly one segment.

A scheme takes its bounds from the customers of one day, and can be asked about those of another: a customer is then
judged by how many of the first stand strictly worse. So customers who are equal are always in the same segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from clvtool.errors import DataError, UsageError
from clvtool.metrics.customers import UNIT
from clvtool.metrics.rfm_names import BEST, PLAIN, Names, names_of
from clvtool.metrics.rhythm import OWN_RHYTHM, population_rhythm, rhythms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.standing import Standing
    from clvtool.metrics.valuation import Valuation

USUAL_TIERS = "4"
BASES = {"revenue": "revenue", "clv": "expected value to come"}
"""What tiers go by, in words."""
SCHEMES = ("rfm", "tiers", "abc", "lifecycle")
TIERS = {
    3: ("gold", "silver", "bronze"),
    4: ("platinum", "gold", "silver", "bronze"),
    5: ("diamond", "platinum", "gold", "silver", "bronze"),
}
ABC = (("a", 80), ("b", 95), ("c", 100))
"""Each class, and up to which percentage of all revenue it goes."""
LIFECYCLE = ("active", "new", "at_risk", "lost")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which scheme, and what there is to be said about it.

    `tiers` is the number of tiers, or their lowest values with commas between; `bounds` the entries of a table of
    names for RFM, and `source` where it is from. `tiers_by` says whether tiers go by revenue or by what customers are
    expected to bring in (`clv`), as the valuation says.
    """

    scheme: str = "rfm"
    tiers: str = USUAL_TIERS
    bounds: Sequence[Mapping[str, Any]] = PLAIN
    source: str = "the table of names"
    tiers_by: str = "revenue"
    valuation: Valuation | None = None

    def __post_init__(self) -> None:
        """Refuse a scheme that does not exist."""
        if self.scheme not in SCHEMES:
            raise UsageError(f"--scheme {self.scheme}: no such scheme", f"there is: {', '.join(SCHEMES)}")
        if self.tiers_by not in BASES:
            raise UsageError(f"--tiers-by {self.tiers_by}: no such value", f"there is: {', '.join(BASES)}")
        if self.tiers_by == "clv" and self.scheme != "tiers":
            raise UsageError(f"--tiers-by is about tiers, and not about {self.scheme}", "add --scheme tiers")
        if self.tiers != USUAL_TIERS and self.scheme != "tiers":
            raise UsageError(f"--tiers is about tiers, and not about {self.scheme}", "add --scheme tiers")


class Scheme(Protocol):
    """Bounds that were taken from some customers; `names` are the segments, the best first."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the segments."""
        ...

    @property
    def meaning(self) -> str:
        """Return what the segments mean, in one sentence."""
        ...

    def places(self, now: Standing) -> NDArray[np.int64]:
        """Return for each customer the place of its segment among the names."""
        ...


def scheme(choice: Choice, then: Standing) -> Scheme:
    """Return a scheme with the bounds that the customers of `then` give it.

    Raises DataError where they have not what it goes by, UsageError for tiers that are none.
    """
    if choice.scheme == "rfm":
        names = names_of(choice.bounds, choice.source)
        if names.by_money:
            _require_money(then, f"{choice.source} goes by m")
        return Rfm(names, Scores(then))
    if choice.scheme == "lifecycle":
        return Lifecycle(_population_rhythm(then))
    _require_money(then, f"--scheme {choice.scheme} goes by revenue")
    return _tiers(choice.tiers, then, choice.tiers_by) if choice.scheme == "tiers" else _abc(then)


class Scale:
    """Scores from 1 to `parts`: 1 + ⌊parts · (customers strictly worse) ÷ n⌋."""

    def __init__(self, values: NDArray[np.int64] | NDArray[np.float64], parts: int = BEST) -> None:
        """Take the figures of the customers it is made of, the larger the better."""
        import numpy as np

        self.values = np.sort(values)
        self.parts = parts

    def scores(self, values: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the score of each figure; one that is better than all of them has the best."""
        import numpy as np

        worse = np.searchsorted(self.values, values, side="left")
        return 1 + np.minimum(self.parts * worse // max(len(self.values), 1), self.parts - 1)


class Scores:
    """The scores for recency, frequency and money."""

    def __init__(self, then: Standing) -> None:
        """Take the customers they are made of."""
        self.recency = Scale(-then.recency)
        self.frequency = Scale(then.occasions)
        self.money = Scale(then.revenue)

    def of(self, now: Standing) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return r, f and m of each customer."""
        return (
            self.recency.scores(-now.recency),
            self.frequency.scores(now.occasions),
            self.money.scores(now.revenue),
        )


@dataclass(frozen=True, slots=True)
class Rfm:
    """Names by the three scores."""

    named: Names
    scores: Scores

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names in the order of their table."""
        return self.named.names

    @property
    def meaning(self) -> str:
        """Return what the segments mean."""
        return "by r, f and m; the table of names can be replaced with --segments"

    def places(self, now: Standing) -> NDArray[np.int64]:
        """Return the place of each customer's name."""
        import numpy as np

        r, f, m = self.scores.of(now)
        return np.asarray(self.named.places[r - 1, f - 1, m - 1])


@dataclass(frozen=True, slots=True)
class Steps:
    """Segments by value: the first name from the first of `lowest` on (ten-thousandths), the last below them all."""

    names: tuple[str, ...]
    meaning: str
    lowest: tuple[int, ...]
    by: str = "revenue"

    def places(self, now: Standing) -> NDArray[np.int64]:
        """Return how many of the bounds are above each customer's value."""
        import numpy as np

        above = np.array(sorted(self.lowest), np.int64)
        return len(above) - np.searchsorted(above, now.worth(self.by), side="right")


@dataclass(frozen=True, slots=True)
class Tiers:
    """As many customers in each tier as ties allow."""

    names: tuple[str, ...]
    scale: Scale
    by: str = "revenue"

    @property
    def meaning(self) -> str:
        """Return what the segments mean."""
        less = f"customers with less {BASES[self.by]}"
        return f"1 + ⌊{len(self.names)} · ({less}) ÷ customers⌋; {self.names[0]} is the best"

    def places(self, now: Standing) -> NDArray[np.int64]:
        """Return the place of each customer's tier."""
        return len(self.names) - self.scale.scores(now.worth(self.by))


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How late a customer is for its rhythm; `rhythm` is twice the median gap of the population, in days."""

    rhythm: int

    @property
    def names(self) -> tuple[str, ...]:
        """Return the states."""
        return LIFECYCLE

    @property
    def meaning(self) -> str:
        """Return what the segments mean."""
        return (
            "days since the last purchase against the rhythm: active and new (bought on one day only) up to twice it, "
            "at_risk up to four times, lost beyond. The rhythm is the customer's median gap between purchase days "
            f"from {OWN_RHYTHM} of them on, else that of all gaps ({self.rhythm / 2:g} days)"
        )

    def places(self, now: Standing) -> NDArray[np.int64]:
        """Return the place of each customer's state."""
        import numpy as np

        rhythm = rhythms(now.found, self.rhythm)
        fresh = np.where(now.occasions == 1, LIFECYCLE.index("new"), LIFECYCLE.index("active"))
        late = np.where(now.recency <= 2 * rhythm, LIFECYCLE.index("at_risk"), LIFECYCLE.index("lost"))
        return np.where(now.recency <= rhythm, fresh, late)


def _tiers(text: str, then: Standing, by: str) -> Scheme:
    parts = [part.strip() for part in text.split(",")]
    hint = "write a number from 3 to 5, or their lowest values: --tiers 500,200,50"
    if len(parts) == 1:
        if parts[0] not in {str(count) for count in TIERS}:
            raise UsageError(f"--tiers {text}: 3 to 5 tiers there may be", hint)
        count = int(parts[0])
        return Tiers(TIERS[count], Scale(then.worth(by), count), by)
    try:
        lowest = sorted((int(Decimal(part) * UNIT) for part in parts), reverse=True)
    except (ArithmeticError, ValueError):
        raise UsageError(f"--tiers {text}: not numbers", hint) from None
    names = TIERS.get(len(lowest) + 1)
    if names is None or len(set(lowest)) < len(lowest) or abs(lowest[0]) >= 1 << 62 or abs(lowest[-1]) >= 1 << 62:
        raise UsageError(f"--tiers {text}: 3 to 5 tiers have 2 to 4 different lowest values", hint)
    told = ", ".join(f"{name} from {bound / UNIT:,.2f}" for name, bound in zip(names, lowest, strict=False))
    return Steps(names, f"by {BASES[by]}: {told}, {names[-1]} below", tuple(lowest), by)


def _abc(then: Standing) -> Steps:
    """Return the classes by the share of revenue that customers with more revenue have together."""
    import numpy as np

    total = int(then.revenue.sum())
    if total <= 0:
        raise DataError("customers' net revenue is not above 0, so nobody has a share of it", "take another --scheme")
    values = np.sort(then.revenue)[::-1]
    before = np.cumsum(values) - values
    # customers with the same revenue have the same customers before them
    first = np.searchsorted(-values, -values, side="left")
    before = before[first]
    lowest = []
    for _, percent in ABC[:-1]:
        # whole numbers: before < percent · total ÷ 100 where before < ⌈percent · total ÷ 100⌉
        inside = np.flatnonzero(before < -(-percent * total // 100))
        lowest.append(int(values[inside[-1]]))
    told = "share of all revenue that customers with more revenue have: a below 80 %, b below 95 %, c from there on"
    return Steps(tuple(name for name, _ in ABC), told, tuple(lowest))


def _require_money(then: Standing, what: str) -> None:
    if not then.log.has_amount:
        raise DataError(f"{what}, and there is no column with money", "say it with --map amount=COLUMN")


def _population_rhythm(then: Standing) -> int:
    rhythm = population_rhythm(then.found)
    if rhythm is None:
        raise DataError(
            f"nobody bought on two days up to {then.log.as_of}, so there is no rhythm to go by", "take another --scheme"
        )
    return rhythm
