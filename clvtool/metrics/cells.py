"""Customers × periods: what each customer did in each period, and exact sums of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers


@dataclass(frozen=True, slots=True)
class Cells:
    """One cell per customer and place in time (a period, or an age) with an order or a refund.

    By customer and place. `amount` and `cost` are ten-thousandths.
    """

    customer: NDArray[np.int64]
    place: NDArray[np.int64]
    orders: NDArray[np.int64]
    amount: NDArray[np.int64]
    cost: NDArray[np.int64]


def cells(found: Customers, place: NDArray[np.integer]) -> Cells:
    """Return the cells of all rows; `place` is that of each row, from 0 on, ascending within a customer."""
    import numpy as np

    if not len(place):
        nothing = np.zeros(0, np.int64)
        return Cells(nothing, nothing, nothing, nothing, nothing)
    fresh = np.ones(len(place), bool)
    np.not_equal(place[1:], place[:-1], out=fresh[1:])
    fresh[1:] |= found.code[1:] != found.code[:-1]
    heads = np.flatnonzero(fresh)
    return Cells(
        found.code[heads],
        place[heads].astype(np.int64),
        np.add.reduceat(found.is_order, heads, dtype=np.int64),
        np.add.reduceat(found.amount, heads),
        np.add.reduceat(found.cost, heads),
    )


def sums(place: NDArray[np.int64], values: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the exact sum of the values of each place 0 to size-1; places beyond are left out."""
    import numpy as np

    inside = place < size
    if not inside.all():
        place, values = place[inside], values[inside]
    found = np.zeros(size, np.int64)
    np.add.at(found, place, values)
    return found
