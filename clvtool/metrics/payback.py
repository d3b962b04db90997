"""After how long an acquired customer has earned back what it cost to win."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.cells import sums
from clvtool.metrics.customers import UNIT
from clvtool.periods import DAYS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers


def payback(
    found: Customers, members: NDArray[np.int64], as_of: int, unit: str, cac: float, margin: float | None
) -> tuple[int | None, int, float]:
    """Return the first age, in periods since the first order, at which mean cumulative margin reaches `cac`.

    At age a, all money up to a periods after the first order counts, over the customers observed that long. With it:
    how many customers that were, and the highest mean reached. `margin` is a rate; None takes the cost column.
    The age is None when it is not reached within the log.
    """
    import numpy as np

    length = DAYS[unit]
    observed = np.floor((as_of - found.first) / length).astype(np.int64)
    among = np.zeros(found.n, bool)
    among[members] = True
    age = np.ceil((found.day - found.first[found.code]) / length).astype(np.int64)
    # a row counts from its age on, for as long as its customer is observed
    until = observed[found.code]
    rows = among[found.code] & (age <= until)
    earned = (found.amount - found.cost if margin is None else found.amount)[rows]
    size = int(observed[members].max()) + 1
    money = np.cumsum(sums(age[rows], earned, size) - sums(until[rows] + 1, earned, size))
    customers = np.cumsum(np.bincount(observed[members], minlength=size)[::-1])[::-1]
    means = money / UNIT / customers * (1.0 if margin is None else margin)
    reached = np.flatnonzero(means >= cac)
    best = float(means.max())
    return (int(reached[0]), int(customers[reached[0]]), best) if len(reached) else (None, len(members), best)
