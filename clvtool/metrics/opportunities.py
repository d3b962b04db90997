"""Orders as opportunities used or not: the calendar periods after that of a customer's first order, for BG/BB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.models.registry import OPPORTUNITIES, module, of_kind
from clvtool.periods import DAYS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.models.fitting import Fit

UNITS = ("week", "month", "year")


@dataclass(frozen=True, slots=True)
class Opportunities:
    """Opportunities used, place of the last used one, and all of them, of each customer who had any.

    An opportunity is a calendar period after that of the first order, up to the last one that was over on the as-of
    day. `without` customers came too late to have one.
    """

    unit: str
    x: NDArray[np.int64]
    t_x: NDArray[np.int64]
    n: NDArray[np.int64]
    without: int

    def in_words(self) -> list[str]:
        """Return what was counted."""
        most = int(self.n.max(initial=0))
        meaning = f"a calendar {self.unit} after that of the first order and over by the as-of day"
        said = [f"bg-bb: an opportunity is {meaning}; customers had up to {most}"]
        if self.without:
            said.append(f"bg-bb: {self.without:,} customers had no opportunity yet and are left out")
        return said


def opportunities(found: Customers, as_of: int, unit: str | None) -> Opportunities:
    """Return the opportunities of all customers up to the day `as_of`. Raises UsageError without a unit."""
    import numpy as np

    if unit is None:
        raise UsageError(f"{of_kind(OPPORTUNITIES)[0]} needs to know what an opportunity is", "--opportunity month")
    last = int(_period(np.array([as_of + 1]), unit)[0]) - 1
    begins = _period(found.first, unit)
    had = last - begins
    place = _period(found.bought, unit) - begins[found.buyer]
    later = (place > 0) & (place <= had[found.buyer])
    buyer, place = found.buyer[later], place[later]
    fresh = np.ones(buyer.size, bool)  # by customer and day: the same period again stands right behind
    fresh[1:] = (buyer[1:] != buyer[:-1]) | (place[1:] != place[:-1])
    x = np.bincount(buyer[fresh], minlength=found.n)
    t_x = np.zeros(found.n, np.int64)
    t_x[buyer] = place  # the last one stays
    some = had > 0
    return Opportunities(unit, x[some], t_x[some], had[some], int((~some).sum()))


def fit_opportunities(name: str, seen: Opportunities) -> Fit:
    """Return a model of opportunities fitted to all customers. Raises FitError when it cannot be."""
    from clvtool.models.histories import Histories

    fit: Fit = module(name).fit(Histories.from_arrays(seen.x, seen.t_x, seen.n), DAYS[seen.unit]).fit
    return fit


def _period(day: NDArray[np.int64], unit: str) -> NDArray[np.int64]:
    """Return the number of the calendar period of each day (days since 1970-01-01); weeks begin on Monday."""
    import numpy as np

    if unit == "week":
        return (day + 3) // 7  # 1970-01-01 was a Thursday
    letter = {"month": "M", "year": "Y"}[unit]
    return np.asarray(day.astype("datetime64[D]").astype(f"datetime64[{letter}]").astype(np.int64))
