"""The events of the order log by customer and day: the one sort that everything per customer rests on.

It is done in pieces of whole customers, so that a long log never stands in memory twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clvtool.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.orderlog import OrderLog

PIECE = 4_000_000
"""About how many events are sorted at a time."""
_DAY_SPAN = 1 << 16
_MOST_MONEY = 1 << 62


@dataclass(frozen=True, slots=True)
class Sorted:
    """The events with a customer, so sorted that each customer's stand together, by day.

    Per event: `code` (the number of the customer, from 0 on), `day`, `is_order`, `amount`, `cost`, and `keys`, the
    group columns. `ids` are the customers, in the order of their numbers.
    """

    ids: pl.Series
    code: NDArray[np.int64]
    day: NDArray[np.int64]
    is_order: NDArray[np.bool_]
    amount: NDArray[np.int64]
    cost: NDArray[np.int64]
    keys: pl.DataFrame

    def only(self, where: NDArray[np.bool_]) -> Sorted:
        """Return some of the events; `ids` and the numbers of the customers stay what they are."""
        import polars as pl

        return replace(
            self,
            code=self.code[where],
            day=self.day[where],
            is_order=self.is_order[where],
            amount=self.amount[where],
            cost=self.cost[where],
            keys=self.keys.filter(pl.Series(where)) if self.keys.width else self.keys,
        )

    def figures(self) -> pl.DataFrame:
        """Return the events as a table `is_order amount cost` with the group columns."""
        import polars as pl

        table = pl.DataFrame({"is_order": self.is_order, "amount": self.amount, "cost": self.cost})
        return pl.concat([table, self.keys], how="horizontal") if self.keys.width else table


def by_customer(log: OrderLog) -> Sorted:
    """Return the events with a customer, by customer and day.

    They are sorted by a hash of the customer and the day, in one number. That is several times faster than by text,
    and every further column costs as much again: so the day stands in that number too, and whether it is an order in
    the last bit of the amount. That no two customers share a hash is checked.
    """
    import numpy as np
    import polars as pl

    events = log.events
    if events["customer_id"].null_count():
        events = events.filter(pl.col("customer_id").is_not_null())
    packed = (whole_money("amount") if log.has_amount else pl.lit(0, pl.Int64)) * 2 + (pl.col("kind") == "order")
    cost = [whole_money("cost")] if log.has_cost else []
    day_number = pl.col("order_date").to_physical().alias("day")
    table = events.select("customer_id", day_number, packed.alias("packed"), *cost, *log.keys)
    del events
    _refuse_too_much(table)
    n = table.height
    code, day, amount = (np.empty(n, np.int64) for _ in range(3))
    is_order, costs = np.empty(n, np.bool_), np.zeros(n, np.int64)
    ids: list[pl.Series] = []
    keys: list[pl.DataFrame] = []
    begin = customers = 0
    for piece in _pieces(table):
        part = slice(begin, begin + piece.height)
        fresh = piece["fresh"].to_numpy()
        np.cumsum(fresh, out=code[part])
        code[part] += customers - 1
        day[part] = piece["day"].to_numpy()
        amounts = piece["packed"].to_numpy()
        np.right_shift(amounts, 1, out=amount[part])
        is_order[part] = amounts & 1
        if log.has_cost:
            costs[part] = piece["cost"].to_numpy()
        ids.append(piece.filter("fresh")["customer_id"])
        keys.append(piece.select(log.keys))
        begin, customers = part.stop, customers + len(ids[-1])
    return Sorted(pl.concat(ids), code, day, is_order, amount, costs, pl.concat(keys))


def events_of_guests(log: OrderLog) -> pl.DataFrame:
    """Return the events without a customer: `is_order amount cost` and the group columns."""
    import polars as pl

    return log.events.filter(pl.col("customer_id").is_null()).select(
        (pl.col("kind") == "order").alias("is_order"),
        whole_money("amount") if log.has_amount else pl.lit(0, pl.Int64).alias("amount"),
        whole_money("cost") if log.has_cost else pl.lit(0, pl.Int64).alias("cost"),
        *log.keys,
    )


def whole_money(name: str) -> pl.Expr:
    """Return a column of money in ten-thousandths; 0 where it is missing."""
    import polars as pl

    return pl.col(name).fill_null(0).to_physical().cast(pl.Int64)


def _refuse_too_much(table: pl.DataFrame) -> None:
    import polars as pl

    money = [pl.col(name).abs().cast(pl.Float64).sum() for name in ("packed", "cost") if name in table.columns]
    if table.select(pl.sum_horizontal(money)).item() > 2 * _MOST_MONEY:
        raise DataError("the amounts add up to more than 460 trillion", "are they in the wrong unit? --minor-units")


def _pieces(table: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the table by customer and day in pieces of whole customers, with `fresh` where a customer begins."""
    import polars as pl

    earliest, latest = table.select(low=pl.col("day").min(), high=pl.col("day").max()).row(0)
    if table.is_empty() or earliest < 0 or latest >= _DAY_SPAN:
        yield _by_text(table)
        return
    count = -(-table.height // PIECE)
    if count == 1:
        yield _by_hash(table)
        return
    place = pl.col("customer_id").hash() // -(-(1 << 64) // count)
    for number in range(count):
        yield _by_hash(table.filter(place == number))


def _by_text(table: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    identity = pl.col("customer_id")
    return table.sort("customer_id", "day").with_columns(fresh=identity.ne_missing(identity.shift()))


def _by_hash(table: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    key = (pl.col("customer_id").hash() // _DAY_SPAN) * _DAY_SPAN + pl.col("day").cast(pl.UInt64)
    by_hash = table.with_columns(key=key).drop("day").sort("key")
    person = pl.col("key") // _DAY_SPAN
    by_hash = by_hash.with_columns(
        fresh=person.ne_missing(person.shift()), day=(pl.col("key") % _DAY_SPAN).cast(pl.Int32)
    ).drop("key")
    identity = pl.col("customer_id")
    if by_hash.select((identity.ne_missing(identity.shift()) != pl.col("fresh")).any()).item():
        return _by_text(table)
    return by_hash
