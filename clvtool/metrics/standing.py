"""Where each customer stands on one day: how long ago, how often and for how much it has bought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.metrics.customers import UNIT, customers
from clvtool.periods import day_number
from clvtool.schema import MONEY_SCALE

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog


@dataclass(frozen=True, slots=True)
class Standing:
    """Per customer: days since the last purchase, purchase days, orders, net revenue (ten-thousandths).

    `log` has no events any more. Without a column of money, revenue is 0 all over. `coming` is the value that each is
    expected to bring in (ten-thousandths), where it was asked for.
    """

    log: OrderLog
    found: Customers
    recency: NDArray[np.int64]
    occasions: NDArray[np.int64]
    orders: NDArray[np.int64]
    revenue: NDArray[np.int64]
    coming: NDArray[np.int64] | None = None

    def worth(self, by: str) -> NDArray[np.int64]:
        """Return the value of each customer: `revenue` so far, or `clv`, what is to come."""
        if by == "revenue" or self.coming is None:
            return self.revenue
        return self.coming


def standing(log: OrderLog) -> Standing:
    """Return where the customers of a log stand on its last day."""
    import numpy as np

    found = customers(log)
    return Standing(
        log=log.without_events(),
        found=found,
        recency=day_number(log.as_of) - found.last.astype(np.int64),
        occasions=found.occasions.astype(np.int64),
        orders=found.total(found.is_order.astype(np.int64)),
        revenue=found.total(found.amount),
    )


def money(values: NDArray[np.int64]) -> pl.Series:
    """Return ten-thousandths as exact money."""
    import polars as pl

    return pl.Series(values, dtype=pl.Int64).cast(pl.Decimal(38, MONEY_SCALE)) / UNIT
