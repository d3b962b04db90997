"""From the order log to customers: purchase days, money and group of each, as arrays that stand side by side.

Everything here is computed per customer, so it is right on any part of the log that holds whole customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.metrics.partition import Partition, Rows, partition
from clvtool.schema import MONEY_SCALE

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.orderlog import OrderLog

UNIT: int = 10**MONEY_SCALE
"""Money is whole numbers of ten-thousandths."""
_DAY_SPAN = 1 << 16
_MOST_MONEY = 1 << 62


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

    def total(self, values: NDArray[np.int64], where: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Return the exact sum per customer of a figure that is given per row."""
        import numpy as np

        if self.n == 0:
            return np.zeros(0, np.int64)
        values = values if where is None else np.where(where, values, 0)
        starts = np.flatnonzero(np.diff(self.code, prepend=-1))
        return np.asarray(np.add.reduceat(values, starts, dtype=np.int64))


def customers(log: OrderLog) -> Customers:
    """Return the customers of a log; orders without a customer are left out.

    Refund events of customers without an order, and refunds dated before their customer's first order, are counted
    and left out.
    """
    import numpy as np
    import polars as pl

    events = _by_customer(log)
    text = events["customer_id"]
    fresh = _changes(text)
    code = np.cumsum(fresh) - 1
    day = events["day"].to_numpy().astype(np.int64)
    is_order = events["is_order"].to_numpy()
    amount = events["amount"].to_numpy()
    cost = events["cost"].to_numpy()
    count = int(code[-1]) + 1 if len(code) else 0
    buyer, bought = _distinct(code[is_order], day[is_order])
    has_order = np.zeros(count, bool)
    has_order[buyer] = True
    first = np.zeros(count, np.int64)
    begins = np.flatnonzero(np.diff(buyer, prepend=-1))
    first[buyer[begins]] = bought[begins]
    early = has_order[code] & ~is_order & (day < first[code])
    kept = has_order[code] & ~early
    renumbered = np.cumsum(has_order) - 1
    ends = np.append(begins, len(buyer))[1:] - 1
    n = len(begins)
    ids = text.filter(pl.Series(fresh, dtype=pl.Boolean)).filter(pl.Series(has_order, dtype=pl.Boolean))
    guests = log.events.filter(pl.col("customer_id").is_null()).select(*_figures(log), *log.keys)
    outside, owner = guests, np.full(guests.height, -1, np.int64)
    if not kept.all():
        left_out = events.filter(pl.Series(~kept))
        outside = pl.concat([guests, left_out.select(guests.columns)])
        owner = np.append(owner, np.where(early, renumbered[code], -1)[~kept])
        code, day, amount, cost, is_order = code[kept], day[kept], amount[kept], cost[kept], is_order[kept]
        events = events.filter(pl.Series(kept))
    code, buyer = renumbered[code], renumbered[buyer]
    keys = events.select(log.keys)
    orders = Rows(keys.filter(pl.Series(is_order)) if log.groups else keys, code[is_order])
    return Customers(
        n=n,
        code=code,
        day=day,
        amount=amount,
        cost=cost,
        is_order=is_order,
        buyer=buyer,
        bought=bought,
        first=bought[begins],
        last=bought[ends],
        occasions=ends - begins + 1,
        ids=ids,
        outside=outside.drop(log.keys),
        groups=partition(
            orders,
            day[is_order] == bought[begins][orders.owner],
            Rows(outside.select(log.keys), owner),
            Rows(log.refunds.select(log.keys), _owners(log.refunds, ids) if log.groups else np.zeros(0, np.int64)),
            n,
        ),
        refund_only=count - n,
        early_refunds=int(early.sum()),
    )


def _owners(rows: pl.DataFrame, ids: pl.Series) -> NDArray[np.int64]:
    """Return the number of the customer of each row, or -1."""
    import numpy as np
    import polars as pl

    known = pl.DataFrame({"customer_id": ids, "owner": np.arange(len(ids))})
    found = rows.select("customer_id").join(known, on="customer_id", how="left", maintain_order="left")["owner"]
    return found.fill_null(-1).to_numpy().astype(np.int64)


def _figures(log: OrderLog) -> list[pl.Expr]:
    import polars as pl

    return [
        (pl.col("kind") == "order").alias("is_order"),
        whole_money("amount") if log.has_amount else pl.lit(0, pl.Int64).alias("amount"),
        whole_money("cost") if log.has_cost else pl.lit(0, pl.Int64).alias("cost"),
    ]


def whole_money(name: str) -> pl.Expr:
    """Return a column of money in ten-thousandths; 0 where it is missing."""
    import polars as pl

    return pl.col(name).fill_null(0).to_physical().cast(pl.Int64)


def _by_customer(log: OrderLog) -> pl.DataFrame:
    """Return the events with a customer, sorted so that each customer's stand together, by day.

    Customers are sorted by a hash, together with the day in one number, which is several times faster than by text;
    that no two customers share a hash is checked.
    """
    import polars as pl

    known = log.events.lazy().filter(pl.col("customer_id").is_not_null())
    events = known.select(
        "customer_id", pl.col("order_date").to_physical().alias("day"), *_figures(log), *log.keys
    ).collect()
    if events.is_empty():
        return events
    money = events.select((pl.col("amount").abs().cast(pl.Float64) + pl.col("cost").abs().cast(pl.Float64)).sum())
    if money.item() > _MOST_MONEY:
        raise DataError("the amounts add up to more than 460 trillion", "are they in the wrong unit? --minor-units")
    earliest, latest = events.select(low=pl.col("day").min(), high=pl.col("day").max()).row(0)
    if earliest < 0 or latest >= _DAY_SPAN:
        return events.sort("customer_id", "day")
    key = (pl.col("customer_id").hash() // _DAY_SPAN) * _DAY_SPAN + pl.col("day").cast(pl.UInt64)
    events = events.with_columns(key=key).sort("key")
    person = pl.col("key") // _DAY_SPAN
    same = person == person.shift()
    other = pl.col("customer_id") != pl.col("customer_id").shift()
    if events.select((same & other).any()).item():
        return events.drop("key").sort("customer_id", "day")
    return events.drop("key")


def _changes(text: pl.Series) -> NDArray[np.bool_]:
    import numpy as np

    fresh = (text != text.shift()).fill_null(value=True).to_numpy()
    return np.asarray(fresh, bool)


def _distinct(code: NDArray[np.int64], day: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    import numpy as np

    if len(code) == 0:
        return code, day
    fresh = np.empty(len(code), bool)
    fresh[0] = True
    np.not_equal(code[1:], code[:-1], out=fresh[1:])
    fresh[1:] |= day[1:] != day[:-1]
    return (code, day) if fresh.all() else (code[fresh], day[fresh])
