"""After how long an acquired customer has earned back what it cost to win."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from clvtool.metrics.customers import UNIT
from clvtool.periods import DAYS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers


def payback(
    found: Customers, among: NDArray[np.bool_], as_of: int, unit: str, cac: float, margin: float | None
) -> tuple[int | None, int, float]:
    """Return the first age, in periods since the first order, at which mean cumulative margin reaches `cac`.

    At age a, all money up to a periods after the first order counts, over the customers observed that long. With it:
    how many customers that were, and the highest mean reached. `margin` is a rate; None takes the cost column.
    The age is None when it is not reached within the log.
    """
    import numpy as np

    length = DAYS[unit]
    observed = np.floor((as_of - found.first) / length).astype(np.int64)
    oldest = int(observed[among].max(initial=0))
    age = np.ceil((found.day - found.first[found.code]) / length).astype(np.int64)
    rows = among[found.code] & (age <= oldest)
    size = oldest + 1
    earned = found.amount - found.cost if margin is None else found.amount
    flat = age[rows] * size + np.minimum(observed[found.code[rows]], oldest)
    order = np.argsort(flat, kind="stable")
    sums = np.zeros(size * size, np.int64)
    if len(order):
        starts = np.flatnonzero(np.diff(flat[order], prepend=-1))
        sums[flat[order][starts]] = np.add.reduceat(earned[rows][order], starts)
    by_age = np.cumsum(sums.reshape(size, size), axis=0)
    seen = np.bincount(observed[among], minlength=size)
    best = -math.inf
    for place in range(size):
        customers = int(seen[place:].sum())
        mean = int(by_age[place, place:].sum()) / UNIT / customers * (1.0 if margin is None else margin)
        best = max(best, mean)
        if mean >= cac:
            return place, customers, best
    return None, int(among.sum()), best
