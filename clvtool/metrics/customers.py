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
    begins: NDArray[np.intp]  # the row at which each customer begins

    def total(self, values: NDArray[np.int64], where: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Return the exact sum per customer of a figure that is given per row."""
        import numpy as np

        if self.n == 0:
            return np.zeros(0, np.int64)
        if where is not None and not where.all():
            values = values * where
        return np.asarray(np.add.reduceat(values, self.begins, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The events with a customer, so sorted that each customer's stand together, by day; `fresh` is a customer's first.

    `ids` and `keys` are the columns of text.
    """

    ids: pl.Series
    fresh: NDArray[np.bool_]
    day: NDArray[np.int64]
    is_order: NDArray[np.bool_]
    amount: NDArray[np.int64]
    cost: NDArray[np.int64]
    keys: pl.DataFrame


def customers(log: OrderLog) -> Customers:
    """Return the customers of a log; orders without a customer are left out.

    Refund events of customers without an order, and refunds dated before their customer's first order, are counted
    and left out.
    """
    import numpy as np
    import polars as pl

    rows = _by_customer(log)
    code = np.cumsum(rows.fresh) - 1
    count = int(code[-1]) + 1 if len(code) else 0
    only_orders = bool(rows.is_order.all())
    buyer, bought = (code, rows.day) if only_orders else (code[rows.is_order], rows.day[rows.is_order])
    buyer, bought = _distinct(buyer, bought)
    begins = _heads(buyer)
    ends = np.append(begins, len(buyer))[1:] - 1
    n = len(begins)
    ids = rows.ids.filter(pl.Series(rows.fresh, dtype=pl.Boolean))
    guests = log.events.filter(pl.col("customer_id").is_null()).select(*_figures(log), *log.keys)
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
            outside = pl.concat([guests, _unsorted(rows, ~kept).select(guests.columns)])
            owner = np.append(owner, np.where(early, renumbered[code], -1)[~kept])
            code, rows = code[kept], _chosen(rows, kept)
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


def _by_customer(log: OrderLog) -> _Sorted:
    """Sort the events with a customer by a hash of the customer and the day, in one number.

    That is several times faster than by text, and every further column costs as much again: so the day stands in that
    number too, and whether it is an order in the last bit of the amount. That no two customers share a hash is checked.
    """
    import numpy as np
    import polars as pl

    known = log.events.lazy().filter(pl.col("customer_id").is_not_null())
    day = pl.col("order_date").to_physical()
    events = known.with_columns(_figures(log)).select(
        "customer_id",
        day.alias("day"),
        (pl.col("amount") * 2 + pl.col("is_order")).alias("packed"),
        *(["cost"] if log.has_cost else []),
        *log.keys,
    )
    table = events.collect()
    _refuse_too_much(table)
    table = _sorted(table)
    packed = table["packed"].to_numpy()
    cost = table["cost"].to_numpy() if log.has_cost else np.zeros(len(packed), np.int64)
    day_numbers = table["day"].to_numpy().astype(np.int64)
    fresh = table["fresh"].to_numpy()
    return _Sorted(
        table["customer_id"], fresh, day_numbers, (packed & 1).astype(bool), packed >> 1, cost, table.select(log.keys)
    )


def _refuse_too_much(table: pl.DataFrame) -> None:
    import polars as pl

    money = [pl.col(name).abs().cast(pl.Float64).sum() for name in ("packed", "cost") if name in table.columns]
    if table.select(pl.sum_horizontal(money)).item() > 2 * _MOST_MONEY:
        raise DataError("the amounts add up to more than 460 trillion", "are they in the wrong unit? --minor-units")


def _sorted(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table by customer and day, with `fresh` where a customer begins."""
    import polars as pl

    identity = pl.col("customer_id")
    changes = (identity != identity.shift()).fill_null(value=True)
    earliest, latest = table.select(low=pl.col("day").min(), high=pl.col("day").max()).row(0)
    if table.is_empty() or earliest < 0 or latest >= _DAY_SPAN:
        return table.sort("customer_id", "day").with_columns(fresh=changes)
    key = (identity.hash() // _DAY_SPAN) * _DAY_SPAN + pl.col("day").cast(pl.UInt64)
    by_hash = table.with_columns(key=key).drop("day").sort("key")
    person = pl.col("key") // _DAY_SPAN
    by_hash = by_hash.with_columns(
        fresh=(person != person.shift()).fill_null(value=True), day=(pl.col("key") % _DAY_SPAN).cast(pl.Int32)
    ).drop("key")
    if by_hash.select((changes != pl.col("fresh")).any()).item():
        return table.sort("customer_id", "day").with_columns(fresh=changes)
    return by_hash


def _chosen(rows: _Sorted, where: NDArray[np.bool_]) -> _Sorted:
    import polars as pl

    mask = pl.Series(where)
    return _Sorted(
        rows.ids.filter(mask),
        rows.fresh[where],
        rows.day[where],
        rows.is_order[where],
        rows.amount[where],
        rows.cost[where],
        rows.keys.filter(mask) if rows.keys.width else rows.keys,
    )


def _unsorted(rows: _Sorted, where: NDArray[np.bool_]) -> pl.DataFrame:
    """Return some rows as a table `is_order amount cost` with the group columns."""
    import polars as pl

    part = _chosen(rows, where)
    figures = pl.DataFrame({"is_order": part.is_order, "amount": part.amount, "cost": part.cost})
    return pl.concat([figures, part.keys], how="horizontal") if part.keys.width else figures


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
