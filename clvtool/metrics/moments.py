"""Per-customer contributions to every sum that a figure needs, added up exactly per group."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from clvtool.metrics.customers import UNIT
from clvtool.stats import Moments, exact_moments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

MONEY = frozenset({"revenue", "cost", "period_revenue", "period_cost", "first_money", "later_money"})
_BITS = 18
_CHUNK = 1 << 16
"""The sum of 2^16 products of two 18-bit numbers is below 2^53: float64 holds it, and every sum on the way, exactly."""


def group_moments(columns: Mapping[str, NDArray[np.int64]], group: NDArray[np.int64], groups: int) -> list[Moments]:
    """Return the moments of each group.

    `columns` are whole numbers per unit, money (the names in MONEY) in ten-thousandths; `group` is 0..groups-1. Sums
    and sums of products are exact whole numbers, whatever the order of the units.
    """
    import numpy as np

    names, arrays = list(columns), list(columns.values())
    if groups > 1:
        order = np.argsort(group, kind="stable")
        arrays = [values[order] for values in arrays]
    bounds = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=groups))]).tolist()
    pieces = [piece for place, values in enumerate(arrays) for piece in _pieces(place, values)]
    scale = [UNIT if name in MONEY else 1 for name in names]
    found = []
    for low, high in pairwise(bounds):
        sums, products = _exact(arrays, pieces, low, high)
        found.append(exact_moments(high - low, names, sums, products, scale))
    return found


def _pieces(place: int, values: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Return (column, shift, mask) of each piece of up to 18 bits of a column's numbers; the top one has the sign."""
    largest = max(int(values.max(initial=0)), -int(values.min(initial=0)))
    count = max(-(-largest.bit_length() // _BITS), 1)
    mask = (1 << _BITS) - 1
    return [(place, _BITS * piece, -1 if piece == count - 1 else mask) for piece in range(count)]


def _exact(
    arrays: Sequence[NDArray[np.int64]], pieces: Sequence[tuple[int, int, int]], low: int, high: int
) -> tuple[list[int], list[list[int]]]:
    """Return Σ sᵢ and Σ sᵢ sⱼ of units low..high-1, from the products of pieces of the numbers."""
    import numpy as np

    width = len(pieces) + 1
    total = np.zeros((width, width), np.int64)
    for begin in range(low, high, _CHUNK):
        part = slice(begin, min(begin + _CHUNK, high))
        wide = np.ones((width, part.stop - part.start))  # the last row stays 1: its products are the sums
        for row, (place, shift, mask) in zip(wide, pieces, strict=False):
            row[:] = (arrays[place][part] >> shift) & mask
        total += (wide @ wide.T).astype(np.int64)
    exact = total.tolist()
    sums = [0] * len(arrays)
    products = [[0] * len(arrays) for _ in arrays]
    for a, (i, shift, _) in enumerate(pieces):
        sums[i] += exact[a][-1] << shift
        for b, (j, other, _) in enumerate(pieces):
            products[i][j] += exact[a][b] << (shift + other)
    return sums, products
