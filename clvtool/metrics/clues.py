"""What the log itself says of each customer on one day: figures that may go together with leaving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.metrics.customers import UNIT
from clvtool.metrics.partition import NO_GROUP
from clvtool.metrics.rhythm import OWN_RHYTHM, gaps, own_rhythms, population_rhythm, rhythms
from clvtool.periods import day_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog

FIGURES = {
    "recency": "ln(1 + days since the last purchase)",
    "frequency": "ln(purchase days)",
    "tenure": "ln(1 + days since the first purchase)",
    "lateness": "ln((1 + days since the last purchase) ÷ (1 + usual gap))",
    "gap_trend": f"ln((1 + last gap) ÷ (1 + own median gap)); 0 below {OWN_RHYTHM} purchase days",
    "order_value": "ln(1 + net money per order)",
    "money_trend": "net money per order: second half of the customer's time less first half, ÷ all; from -2 to 2",
    "refunds": "ln(1 + refunds)",
}
FEWEST = 30
"""Customers who have a value, for it to be looked at."""
STEEPEST = 2
"""The largest change of money per order, in either direction."""
MOST = 20
"""Values of a column that are looked at beside the commonest, those of most customers."""


@dataclass(frozen=True, slots=True)
class Clues:
    """The clues of customers 0..n-1: `figures` (n × k, by `names`), and of each column who has which values.

    `shares` are tables `owner value share`: the share of the customer's orders that have the value.
    """

    names: tuple[str, ...]
    figures: NDArray[np.float64]
    columns: tuple[str, ...]
    shares: tuple[pl.DataFrame, ...]

    def values(self) -> list[tuple[int, str]]:
        """Return the values that enough customers have: the place of their column, and the value.

        The commonest value of each column is not among them: the others are held against it.
        """
        found = []
        for place in range(len(self.shares)):
            common = self._common(place)
            found += [(place, value) for value in sorted(common[1 : MOST + 1])]
        return found

    def usual(self, place: int) -> str:
        """Return the commonest value of a column."""
        return self._common(place)[0]

    def _common(self, place: int) -> list[str]:
        """Return the values of a column that enough customers have, the commonest first, or else the commonest."""
        import polars as pl

        counts = self.shares[place].group_by("value").agg(customers=pl.len())
        counts = counts.sort("customers", "value", descending=[True, False])
        return [value for value, n in counts.iter_rows() if n >= FEWEST] or counts["value"].head(1).to_list()

    def matrix(self, values: Sequence[tuple[int, str]]) -> NDArray[np.float64]:
        """Return all clues of each customer: the figures, then the shares of these values."""
        import numpy as np
        import polars as pl

        shares = np.zeros((len(self.figures), len(values)))
        for place, table in enumerate(self.shares):
            wanted = {value: column for column, (own, value) in enumerate(values) if own == place}
            known = table.filter(pl.col("value").is_in(list(wanted)))
            if known.height:
                column = known["value"].replace_strict(wanted, return_dtype=pl.Int64).to_numpy()
                shares[known["owner"].to_numpy(), column] = known["share"].to_numpy()
        return np.concatenate([self.figures, shares], axis=1)


def clues(found: Customers, log: OrderLog) -> Clues:
    """Return the clues of the customers of a log that still has its events."""
    import numpy as np

    recency, tenure = day_number(log.as_of) - found.last, day_number(log.as_of) - found.first
    population = population_rhythm(found)
    usual = recency if population is None else rhythms(found, population) / 2
    columns = {
        "recency": np.log1p(recency),
        "frequency": np.log(found.occasions),
        "tenure": np.log1p(tenure),
        "lateness": np.log1p(recency) - np.log1p(usual),
        "gap_trend": _gap_trend(found),
    }
    if log.has_amount:
        columns |= _money(found)
    columns["refunds"] = np.log1p(_refunds(found, log))
    return Clues(
        names=tuple(columns),
        figures=np.stack(list(columns.values()), axis=1),
        columns=log.groups,
        shares=tuple(_shares(found, log, key) for key in log.keys),
    )


def _gap_trend(found: Customers) -> NDArray[np.float64]:
    """Return how much longer the last gap was than the median one."""
    import numpy as np

    last = np.zeros(found.n, np.int64)
    days, owner = gaps(found)
    last[owner] = days  # they are in their order: the last one stays
    trend = np.log1p(last) - np.log1p(own_rhythms(found) / 2)
    return np.asarray(np.where(found.occasions >= OWN_RHYTHM, trend, 0.0))


def _money(found: Customers) -> dict[str, NDArray[np.float64]]:
    """Return the level of net money per order, and how it changed between the halves of each customer's time."""
    import numpy as np

    ones = found.is_order.astype(np.int64)
    rows = np.diff(np.append(found.begins, len(found.code)))
    late = 2 * found.day > np.repeat(found.first + found.last, rows)
    net, orders = found.total(found.amount), found.total(ones)
    net_late, orders_late = found.total(found.amount, late), found.total(ones, late)
    before = (net - net_late) / np.maximum(orders - orders_late, 1)
    after = net_late / np.maximum(orders_late, 1)
    several = (found.occasions > 1) & (net > 0)
    change = (after - before) * orders / np.where(several, net, 1)
    return {
        "order_value": np.log1p(np.maximum(net / UNIT, 0) / orders),
        "money_trend": np.where(several, np.clip(change, -STEEPEST, STEEPEST), 0.0),
    }


def _owners(found: Customers) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    return pl.DataFrame({"customer_id": found.ids, "owner": np.arange(found.n)})


def _refunds(found: Customers, log: OrderLog) -> NDArray[np.int64]:
    """Return the number of refunds of each customer, those among them that took their order with them."""
    import numpy as np
    import polars as pl

    count = np.zeros(found.n, np.int64)
    if log.refunds.height:
        known = (
            log.refunds.group_by("customer_id").agg(n=pl.len().cast(pl.Int64)).join(_owners(found), on="customer_id")
        )
        count[known["owner"].to_numpy()] = known["n"].to_numpy()
    return count


def _shares(found: Customers, log: OrderLog, key: str) -> pl.DataFrame:
    """Return `owner value share` of a group column."""
    import numpy as np
    import polars as pl

    orders = log.events.filter(pl.col("kind") == "order").select("customer_id", value=pl.col(key).fill_null(NO_GROUP))
    table = orders.join(_owners(found), on="customer_id").group_by("owner", "value").agg(n=pl.len())
    owner, n = table["owner"].to_numpy(), table["n"].to_numpy()
    whole = np.bincount(owner, n, minlength=found.n)
    return table.select("owner", "value", share=pl.Series(n / whole[owner]))
