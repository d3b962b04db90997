"""From the order log to customers: purchase days, money and group of each, as arrays that stand side by side.

Everything here is computed per customer, so it is right on any part of the log that holds whole customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.metrics.partition import Partition, Rows, partition
from clvtool.metrics.sorting import by_customer, events_of_guests
from clvtool.schema import MONEY_SCALE

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.orderlog import OrderLog

UNIT: int = 10**MONEY_SCALE
"""Money is whole numbers of ten-thousandths."""


@dataclass(frozen=True, slots=True)
class Customers:
    """Customers 0..n-1 with at least one order.

    Rows (all their orders and refunds, by customer and day): `code`, `day` (days since 1970-01-01), `amount`, `cost`
    (ten-thousandths), `is_order`. Purchase days (distinct days with an order, by customer and day): `buyer`,
    `bought`. Per customer: `ids`, `first` and `last` purchase day, `occasions` (purchase days). `outside` are the
    events that belong to the shop but to no customer: guests' orders and refunds, refunds of customers without an
    order, refunds dated before their customer's first order (`is_order amount cost`). `groups` says who and what
    belongs to which group.
    """

    n: int
    code: NDArray[np.int64]
    day: NDArray[np.int64]
    amount: NDArray[np.int64]
    cost: NDArray[np.int64]
    is_order: NDArray[np.bool_]
    buyer: NDArray[np.int64]
    bought: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    occasions: NDArray[np.int64]
    ids: pl.Series
    outside: pl.DataFrame
    groups: Partition
    refund_only: int
    early_refunds: int
    begins: NDArray[np.intp]  # the row at which each customer begins

    def total(self, values: NDArray[np.int64], where: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Return the exact sum per customer of a figure that is given per row."""
        import numpy as np

        if self.n == 0:
            return np.zeros(0, np.int64)
        if where is not None and not where.all():
            values = values * where
        return np.asarray(np.add.reduceat(values, self.begins, dtype=np.int64))


def customers(log: OrderLog) -> Customers:
    """Return the customers of a log; orders without a customer are left out.

    Refund events of customers without an order, and refunds dated before their customer's first order, are counted
    and left out.
    """
    import numpy as np
    import polars as pl

    rows = by_customer(log)
    code, ids = rows.code, rows.ids
    count = len(ids)
    only_orders = bool(rows.is_order.all())
    buyer, bought = (code, rows.day) if only_orders else (code[rows.is_order], rows.day[rows.is_order])
    buyer, bought = _distinct(buyer, bought)
    begins = _heads(buyer)
    ends = np.append(begins, len(buyer))[1:] - 1
    n = len(begins)
    guests = events_of_guests(log)
    outside, owner, early_refunds = guests, np.full(guests.height, -1, np.int64), 0
    if not only_orders:
        has_order = np.zeros(count, bool)
        has_order[buyer] = True
        first = np.zeros(count, np.int64)
        first[buyer[begins]] = bought[begins]
        early = has_order[code] & ~rows.is_order & (rows.day < first[code])
        early_refunds = int(early.sum())
        kept = has_order[code] & ~early
        renumbered = np.cumsum(has_order) - 1
        ids = ids.filter(pl.Series(has_order, dtype=pl.Boolean))
        if not kept.all():
            outside = pl.concat([guests, rows.only(~kept).figures().select(guests.columns)])
            owner = np.append(owner, np.where(early, renumbered[code], -1)[~kept])
            code, rows = code[kept], rows.only(kept)
        code, buyer = renumbered[code], renumbered[buyer]
    by_day = (
        Rows(rows.keys.filter(pl.Series(rows.is_order)), code[rows.is_order]) if log.groups else Rows(rows.keys, code)
    )
    return Customers(
        n=n,
        code=code,
        day=rows.day,
        amount=rows.amount,
        cost=rows.cost,
        is_order=rows.is_order,
        buyer=buyer,
        bought=bought,
        first=bought[begins],
        last=bought[ends],
        occasions=ends - begins + 1,
        ids=ids,
        outside=outside.drop(log.keys),
        groups=partition(
            by_day,
            rows.day[rows.is_order] == bought[begins][by_day.owner] if log.groups else rows.is_order,
            Rows(outside.select(log.keys), owner),
            Rows(log.refunds.select(log.keys), _owners(log.refunds, ids) if log.groups else np.zeros(0, np.int64)),
            n,
        ),
        refund_only=count - n,
        early_refunds=early_refunds,
        begins=_heads(code),
    )


def _owners(rows: pl.DataFrame, ids: pl.Series) -> NDArray[np.int64]:
    """Return the number of the customer of each row, or -1."""
    import numpy as np
    import polars as pl

    known = pl.DataFrame({"customer_id": ids, "owner": np.arange(len(ids))})
    found = rows.select("customer_id").join(known, on="customer_id", how="left", maintain_order="left")["owner"]
    return found.fill_null(-1).to_numpy().astype(np.int64)


def _heads(code: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the places at which a new number begins, in numbers that are sorted."""
    import numpy as np

    if len(code) == 0:
        return np.zeros(0, np.intp)
    return np.append(0, np.flatnonzero(code[1:] != code[:-1]) + 1)


def _distinct(code: NDArray[np.int64], day: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    import numpy as np

    if len(code) == 0:
        return code, day
    fresh = np.empty(len(code), bool)
    fresh[0] = True
    np.not_equal(code[1:], code[:-1], out=fresh[1:])
    fresh[1:] |= day[1:] != day[:-1]
    return (code, day) if fresh.all() else (code[fresh], day[fresh])
