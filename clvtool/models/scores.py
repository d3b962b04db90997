"""How probable a model found what then happened: the log score of purchases that the model has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clvtool.models.histories import Floats, Ints
    from clvtool.models.purchases import PurchaseModel

LEAST = 1e-12
"""What is less probable than that counts as this: one customer alone must not decide between models."""
_CELLS = 1 << 22  # probabilities computed at a time


def log_probability(model: PurchaseModel, t: float, x: Floats, t_x: Floats, T: Floats, k: Ints) -> Floats:
    """Return ln P(exactly k purchases in (T, T + t] | history), one entry per customer; times in weeks.

    Who has left buys nothing: (1 - p_alive) [k = 0] + p_alive P(k | not left).
    """
    alive = model.p_alive(x, t_x, T)
    given = np.empty(k.size)
    for low, high in _bands(int(k.max(initial=0))):
        chosen = np.flatnonzero((k >= low) & (k <= high))
        step = max(_CELLS // (high + 1), 1)
        for at in range(0, chosen.size, step):
            part = chosen[at : at + step]
            given[part] = _of_count(model, t, x[part], T[part], k[part], high)
    probability = np.where(k == 0, 1 - alive, 0.0) + alive * given
    return np.asarray(np.log(np.maximum(probability, LEAST)))


def _of_count(model: PurchaseModel, t: float, x: Floats, T: Floats, k: Ints, most: int) -> Floats:
    """Return P(k | not left), computed once for each distinct (x, T)."""
    pairs = np.stack([x, T], axis=1)
    order = np.lexsort((T, x))
    fresh = np.any(np.diff(pairs[order], axis=0) != 0, axis=1)
    place = np.empty(k.size, np.intp)
    place[order] = np.concatenate(([0], np.cumsum(fresh)))
    firsts: NDArray[np.intp] = order[np.concatenate(([True], fresh))]
    table = model.counts_if_alive(t, x[firsts], T[firsts], most)
    return np.asarray(table[place, k])


def _bands(most: int) -> list[tuple[int, int]]:
    """Return bands of counts, 0, 1, 2 to 3, 4 to 7 …: few customers buy often, and only they need long tables."""
    bands, low, high = [(0, 0)], 1, 1
    while low <= most:
        bands.append((low, min(high, most)))
        low, high = high + 1, 2 * high + 1
    return bands
