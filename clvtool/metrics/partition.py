"""Which group a customer belongs to, and which group money that belongs to no customer.

Groups partition customers: a customer's is the value on the first order; where there are several on that day, the
smallest text (of several columns, the smallest combination that one order has); "(none)" where no order of that day
has one. Guests' orders, and refunds without a customer, have their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

NO_GROUP = "(none)"


@dataclass(frozen=True, slots=True)
class Partition:
    """Groups 0..g-1 in the order of their `names` (one text per group column); without groups, one without a name.

    Per customer, per row of `Customers.outside` and per row of `OrderLog.refunds`: the group. `varying` customers have
    orders with different values.
    """

    names: tuple[tuple[str, ...], ...]
    customer: NDArray[np.int64]
    outside: NDArray[np.int64]
    refunds: NDArray[np.int64]
    varying: int

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.names)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are to be told apart: their group columns, and the customer (or -1) each belongs to."""

    keys: pl.DataFrame
    owner: NDArray[np.int64]


def partition(orders: Rows, on_first_day: NDArray[np.bool_], outside: Rows, refunds: Rows, customers: int) -> Partition:
    """Return the groups of all customers, and of the rows outside of them; `orders` all have a customer."""
    import numpy as np
    import polars as pl

    keys = orders.keys.columns
    if not keys:
        none = [np.zeros(len(rows.owner), np.int64) for rows in (outside, refunds)]
        return Partition(((),), np.zeros(customers, np.int64), none[0], none[1], 0)
    values = orders.keys.with_columns(owner=pl.Series(orders.owner))
    first = values.filter(pl.Series(on_first_day))
    if len(keys) == 1:  # faster than by whole rows
        first = first.group_by("owner").agg(pl.col(*keys).min()).sort("owner")
    else:
        first = first.unique().sort("owner", *keys, nulls_last=True).unique("owner", keep="first", maintain_order=True)
    own = first.select(pl.col(*keys).fill_null(NO_GROUP))
    differs = pl.any_horizontal(pl.col(*keys).n_unique() > 1)
    varying = int(values.group_by("owner").agg(differs=differs)["differs"].sum())
    apart = [
        rows.keys.filter(pl.Series(rows.owner < 0)).with_columns(pl.all().fill_null(NO_GROUP))
        for rows in (outside, refunds)
    ]
    names = pl.concat([own, *apart]).unique().sort(keys).with_row_index("place")

    def places(table: pl.DataFrame) -> NDArray[np.int64]:
        return table.join(names, on=keys, how="left", maintain_order="left")["place"].to_numpy().astype(np.int64)

    customer = places(own)

    def of_rows(rows: Rows, table: pl.DataFrame) -> NDArray[np.int64]:
        found = np.empty(len(rows.owner), np.int64)
        alone = rows.owner < 0
        found[alone] = places(table)
        found[~alone] = customer[rows.owner[~alone]]
        return found

    return Partition(
        tuple(names.drop("place").iter_rows()),
        customer,
        of_rows(outside, apart[0]),
        of_rows(refunds, apart[1]),
        varying,
    )
