"""From the order log to customers: purchase days, money and group of each, as arrays that stand side by side.

Everything here is computed per customer, so it is right on any part of the log that holds whole customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.schema import MONEY_SCALE

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.orderlog import OrderLog

UNIT = 10**MONEY_SCALE
"""Money is whole numbers of ten-thousandths."""
_DAY_SPAN = 1 << 16
_MOST_MONEY = 1 << 62
NO_GROUP = "(none)"


@dataclass(frozen=True, slots=True)
class Customers:
    """Customers 0..n-1 with at least one order.

    Rows (all their orders and refunds, by customer and day): `code`, `day` (days since 1970-01-01), `amount`, `cost`
    (ten-thousandths), `is_order`. Purchase days (distinct days with an order, by customer and day): `buyer`,
    `bought`. Per customer: `ids`, `first` and `last` purchase day, `occasions` (purchase days), `group` (index into
    `groups`). `outside` are the events that belong to the shop but to no customer: guests' orders and refunds, refunds
    of customers without an order, unlinked refunds before the first order (`is_order amount cost`, group columns).
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
    group: NDArray[np.int64]
    groups: tuple[tuple[str, ...], ...]
    ids: pl.Series
    outside: pl.DataFrame
    refund_only: int
    early_refunds: int
    varying: int

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

    Refund events of customers without an order, and unlinked refunds dated before a customer's first order, are
    counted and left out.
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
    ends = np.append(begins[1:], len(buyer)) - 1
    left_out = events.filter(pl.Series(~kept))
    ids = text.filter(pl.Series(fresh)).filter(pl.Series(has_order))
    if not kept.all():
        code, day, amount, cost, is_order = code[kept], day[kept], amount[kept], cost[kept], is_order[kept]
        events = events.filter(pl.Series(kept))
    code, buyer = renumbered[code], renumbered[buyer]
    n = len(begins)
    outside = pl.concat([_guests(log), _plain(log, left_out)]) if left_out.height else _guests(log)
    group, groups, varying = _groups(log, events, code, is_order & (day == first[has_order][code]), n, outside)
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
        group=group,
        groups=groups,
        ids=ids,
        outside=outside,
        refund_only=count - n,
        early_refunds=int(early.sum()),
        varying=varying,
    )


def _guests(log: OrderLog) -> pl.DataFrame:
    import polars as pl

    events = log.events.filter(pl.col("customer_id").is_null())
    return _plain(log, events.select(*_figures(log), *log.groups))


def _plain(log: OrderLog, events: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    groups = (pl.col(name).cast(pl.String).fill_null(NO_GROUP) for name in log.groups)
    return events.select("is_order", "amount", "cost", *groups)


def _figures(log: OrderLog) -> list[pl.Expr]:
    import polars as pl

    def whole(name: str, *, there: bool) -> pl.Expr:
        number = pl.col(name).fill_null(0).to_physical().cast(pl.Int64) if there else pl.lit(0, pl.Int64)
        return number.alias(name)

    return [
        (pl.col("kind") == "order").alias("is_order"),
        whole("amount", there=log.has_amount),
        whole("cost", there=log.has_cost),
    ]


def _by_customer(log: OrderLog) -> pl.DataFrame:
    """Return the events with a customer, sorted so that each customer's stand together, by day.

    Customers are sorted by a hash, together with the day in one number, which is several times faster than by text;
    that no two customers share a hash is checked.
    """
    import polars as pl

    known = log.events.lazy().filter(pl.col("customer_id").is_not_null())
    events = known.select(
        "customer_id", pl.col("order_date").to_physical().alias("day"), *_figures(log), *log.groups
    ).collect()
    if log.has_amount and events.height:
        total = events.select(
            pl.col("amount").abs().cast(pl.Float64).sum() + pl.col("cost").abs().cast(pl.Float64).sum()
        )
        if total.item() > _MOST_MONEY:
            raise DataError("the amounts add up to more than 460 trillion", "are they in the wrong unit? --minor-units")
    days = events["day"]
    if events.height and int(days.max()) >= _DAY_SPAN:  # type: ignore[arg-type]
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


def _groups(
    log: OrderLog,
    events: pl.DataFrame,
    code: NDArray[np.int64],
    on_first_day: NDArray[np.bool_],
    n: int,
    outside: pl.DataFrame,
) -> tuple[NDArray[np.int64], tuple[tuple[str, ...], ...], int]:
    """Return each customer's group: the value on the first order, ties by smallest text; how many vary."""
    import numpy as np
    import polars as pl

    if not log.groups:
        return np.zeros(n, np.int64), ((),), 0
    values = events.select(
        pl.Series("code", code), *(pl.col(name).cast(pl.String).fill_null(NO_GROUP) for name in log.groups)
    )
    own = values.filter(pl.Series(on_first_day)).group_by("code").agg(pl.col(name).min() for name in log.groups)
    own = own.sort("code").drop("code")
    orders = values.filter(events["is_order"])
    differs = pl.any_horizontal(pl.col(name).n_unique() > 1 for name in log.groups)
    varying = int(orders.group_by("code").agg(differs=differs)["differs"].sum())
    found = sorted({*own.unique().iter_rows(), *outside.select(log.groups).unique().iter_rows()})
    names = pl.DataFrame(found, schema=dict.fromkeys(log.groups, pl.String), orient="row").with_row_index("group")
    index = own.join(names, on=list(log.groups), how="left", maintain_order="left")["group"]
    return index.to_numpy().astype(np.int64), tuple(found), varying
