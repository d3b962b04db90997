"""How long customers usually wait between two purchase days."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers

OWN_RHYTHM = 3
"""Purchase days from which on a customer has a rhythm of its own."""


def population_rhythm(found: Customers) -> int | None:
    """Return twice the median of all gaps, in days; None where nobody bought on two days."""
    import numpy as np

    days, _ = gaps(found)
    if not len(days):
        return None
    ordered = np.sort(days)
    return int(ordered[(len(days) - 1) // 2] + ordered[len(days) // 2])


def rhythms(found: Customers, population: int) -> NDArray[np.int64]:
    """Return twice the usual gap of each customer: the own median from OWN_RHYTHM purchase days on, else `population`.

    Twice, so that it is a whole number.
    """
    import numpy as np

    return np.where(found.occasions >= OWN_RHYTHM, own_rhythms(found), population)


def own_rhythms(found: Customers) -> NDArray[np.int64]:
    """Return twice the median gap of each customer, in days; 0 where there is none."""
    import numpy as np

    days, owner = gaps(found)
    if not len(days):
        return np.zeros(found.n, np.int64)
    span = int(days.max()) + 1
    ordered = np.sort(owner * span + days) % span  # by customer, then by length
    count = np.bincount(owner, minlength=found.n)
    begin = np.cumsum(count) - count
    low = np.minimum(begin + np.maximum(count - 1, 0) // 2, len(days) - 1)
    high = np.minimum(begin + count // 2, len(days) - 1)
    return np.where(count > 0, ordered[low] + ordered[high], 0)


def gaps(found: Customers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the days between consecutive purchase days of a customer, and whose they are, in their order."""
    same = found.buyer[1:] == found.buyer[:-1]
    return (found.bought[1:] - found.bought[:-1])[same], found.buyer[1:][same]
