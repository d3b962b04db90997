"""Predictions where customers differ by covariates: each cell by its own model, each customer at its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.covariates import for_cell
from clvtool.models.purchases import Outlook
from clvtool.models.ranges import Ranges, ranges
from clvtool.models.registry import fitted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from clvtool.models.fitting import Fit
    from clvtool.models.gamma_gamma import GammaGamma
    from clvtool.models.histories import Floats
    from clvtool.models.purchases import PurchaseModel


@dataclass(frozen=True, slots=True, eq=False)
class ByCell:
    """A purchase model per cell, and the cell of each customer (n).

    All arguments have an entry per customer, in the order of `cell`; see `PurchaseModel` for their meaning and units.
    """

    models: tuple[PurchaseModel, ...]
    cell: NDArray[np.int64]

    @classmethod
    def of(cls, fit: Fit, cells: Sequence[Sequence[str]], cell: NDArray[np.int64]) -> Self:
        """Return the models of a fit with covariates, for cells that are each given by a level a column."""
        return cls(tuple(fitted(for_cell(fit, levels)) for levels in cells), cell)

    def outlook(self, horizon: float, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Outlook:
        """Return all that is expected of these customers in (T, T + horizon], one entry each."""
        return Outlook(*self._each(lambda model, *some: model.outlook(horizon, delta, *some), x, t_x, T, rows=4))

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability that each customer has not left by T."""
        return self._each(lambda model, *some: [model.p_alive(*some)], x, t_x, T, rows=1).reshape(-1)

    def _each(
        self, answer: Callable[..., Sequence[Floats]], x: ArrayLike, t_x: ArrayLike, T: ArrayLike, *, rows: int
    ) -> Floats:
        """Return the answers of each cell's model at the places of its customers (rows × n)."""
        columns = [np.broadcast_to(np.asarray(column, float), self.cell.shape) for column in (x, t_x, T)]
        result = np.empty((rows, self.cell.size))
        for place, model in enumerate(self.models):
            some = np.flatnonzero(self.cell == place)
            if some.size:
                result[:, some] = answer(model, *(column[some] for column in columns))
        return result


def ranges_of(
    buying: PurchaseModel | ByCell,
    spending: GammaGamma | None,
    horizon: float,
    level: float,
    x: Floats,
    T: Floats,
    m: Floats,
    p_alive: Floats,
) -> Ranges | None:
    """Return the predictive intervals of customers (see `ranges`), cell by cell where they differ.

    None where what comes next hangs on more than x and T.
    """
    if not isinstance(buying, ByCell):
        return ranges(buying, spending, horizon, level, x, T, m, p_alive) if buying.FORGETFUL else None
    cells = [np.flatnonzero(buying.cell == place) for place in range(len(buying.models))]
    parts = [
        ranges(model, spending, horizon, level, x[some], T[some], m[some], p_alive[some])
        for model, some in zip(buying.models, cells, strict=True)
    ]
    order = np.argsort(np.concatenate(cells))
    money = [(part.money_low, part.money_high) for part in parts]
    low, high = (
        None if spending is None else np.concatenate([bounds[side] for bounds in money])[order] for side in (0, 1)
    )
    return Ranges(
        np.concatenate([part.orders_low for part in parts])[order],
        np.concatenate([part.orders_high for part in parts])[order],
        low,
        high,
    )
