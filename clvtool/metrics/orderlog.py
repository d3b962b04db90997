"""The orders as an analysis sees them: up to its day, with its policies, and nothing refunded in full among them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError, did_you_mean
from clvtool.schema import ORDERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import polars as pl

NO_GROUPS = frozenset(ORDERS) - {"currency"}
MOST_VALUES = 50
FEWEST_DAYS = 30
"""Days with orders from which on a silence is worth a word: fewer make no rhythm."""
"""A column with more values than that may tell customers apart: they are not shown in an error."""


@dataclass(frozen=True, slots=True)
class Policies:
    """What counts: the day of the analysis, the rows kept, and how refunds and orders at amount 0 are taken."""

    as_of: date | None = None
    where: tuple[tuple[str, str], ...] = ()
    refunds: str = "net"
    zero_orders: str = "keep"

    def __post_init__(self) -> None:
        """Refuse words that mean nothing."""
        if self.refunds not in {"net", "ignore"}:
            raise UsageError(f"--refunds {self.refunds}: no such policy", "there is: net, ignore")
        if self.zero_orders not in {"keep", "drop"}:
            raise UsageError(f"--zero-orders {self.zero_orders}: no such policy", "there is: keep, drop")


@dataclass(frozen=True, slots=True)
class OrderLog:
    """Orders and refund events up to `as_of`.

    `events`: `customer_id order_date kind amount cost` as far as the source has them, and one column of text per group
    column, one row an order or refund event that counts. `refunds`: the same of all refund events, also those that
    took their order with them. `groups` are the names of the group columns, `keys` their columns in the two frames.
    `first_day` is the day of the first order, `silence` the largest number of days in a row without an order: both
    before any row was left out for what is in it. `orders` is the number of orders, `costless` of those without a cost.
    """

    events: pl.DataFrame
    first_day: date
    as_of: date
    silence: int
    refunds: pl.DataFrame
    groups: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    orders: int = 0
    costless: int = 0

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the group columns of the frames; their own names might be taken."""
        return group_keys(len(self.groups))

    def without_events(self) -> OrderLog:
        """Return the log with no events in it, once the customers stand: they are most of the memory."""
        return replace(self, events=self.events.clear())

    @property
    def days(self) -> int:
        """Return how many days the log spans."""
        return (self.as_of - self.first_day).days + 1

    @property
    def has_amount(self) -> bool:
        """Return whether there is money in the log."""
        return "amount" in self.events.columns

    @property
    def has_cost(self) -> bool:
        """Return whether there is a cost column."""
        return "cost" in self.events.columns


def group_keys(count: int) -> tuple[str, ...]:
    """Return the names that group columns have inside."""
    return tuple(f"group_{place}" for place in range(count))


def order_log(orders: pl.DataFrame, policies: Policies, groups: Sequence[str] = ()) -> OrderLog:
    """Return the log of an ORDERS table.

    A refund that names its order is that order's, whatever its own row says: it has its customer, its groups, and is
    kept by `where` if the order is.
    Raises DataError for a column of `groups` or `where` that is not there, UsageError for a day outside the log or a
    column that makes no groups, DataError when nothing is left.
    """
    import polars as pl

    groups = tuple(dict.fromkeys(_column(orders, name) for name in groups))
    for name in groups:
        if name in NO_GROUPS:
            raise UsageError(f"--by {name} makes no groups of customers", "name a column such as channel or country")
    where = [(_column(orders, name), value) for name, value in policies.where]
    orders, first_day, as_of, silence, notes = _up_to(orders, policies.as_of)
    if policies.zero_orders == "drop" and "amount" in orders.columns:
        zero = (pl.col("amount") == 0) & (pl.col("kind") == "order")
        dropped = orders.filter(zero).height
        orders = orders.filter(~zero) if dropped else orders
        notes.append(f"{_counted(dropped, 'order')} at amount 0 {'is' if dropped == 1 else 'are'} dropped")
    rest, linked = _linked(orders, [*groups, *(name for name, _ in where)])
    for name, value in where:
        told = pl.col(name).cast(pl.String) == value
        rest, linked = rest.filter(told), linked.filter(told)
        if rest.is_empty() and linked.is_empty():
            values = orders[name].cast(pl.String).drop_nulls().unique().sort().to_list()
            hint = did_you_mean(value, values) if len(values) <= MOST_VALUES and name not in NO_GROUPS else ""
            raise DataError(f"no order has {name} = {value!r}", hint)
    kept = [name for name in ("customer_id", "order_date", "kind", "amount", "cost") if name in orders.columns]
    by = [pl.col(name).cast(pl.String).alias(key) for name, key in zip(groups, group_keys(len(groups)), strict=True)]
    is_refund = pl.col("kind") == "refund"
    refunds = pl.concat([part.filter(is_refund).select(*kept, *by) for part in (rest, linked)])
    if policies.refunds == "ignore":
        rest, linked = rest.filter(~is_refund), linked.filter(~is_refund)
        notes.append("refunds are ignored: all money is gross")
    else:
        linked, gone = _without_refunded(linked)
        if gone:
            notes.append(f"{_counted(gone, 'order')} refunded in full do{'es' * (gone == 1)} not count")
    events = (
        pl.concat([rest.select(*kept, *by), linked.select(*kept, *by)]) if linked.height else rest.select(*kept, *by)
    )
    count = events.filter(~is_refund).height
    if not count:
        raise DataError("no orders are left", "loosen --where, --as-of, --zero-orders or --refunds")
    costless = events.filter(~is_refund & pl.col("cost").is_null()).height if "cost" in kept else 0
    return OrderLog(events, first_day, as_of, silence, refunds, groups, tuple(notes), count, costless)


def _column(orders: pl.DataFrame, name: str) -> str:
    if name in orders.columns:
        return name
    folded = {column.casefold().replace("_", " "): column for column in orders.columns}
    found = folded.get(name.casefold().replace("_", " "))
    if found is None:
        known = [column for column in orders.columns if column not in ORDERS]
        raise DataError(f"there is no column {name!r}", did_you_mean(name, known or orders.columns))
    return found


def _up_to(orders: pl.DataFrame, chosen: date | None) -> tuple[pl.DataFrame, date, date, int, list[str]]:
    """Return the rows up to the day of the analysis, the first day, that day, the longest silence, and a note."""
    days = orders["order_date"].filter(orders["kind"] == "order").unique().sort()
    if days.is_empty():
        raise DataError("there are no orders in the input" + (", only refunds" if orders.height else ""))
    first_day, last_day = days[0], days[-1]
    as_of = chosen or last_day
    if as_of < first_day:
        raise UsageError(f"--as-of {as_of} is before the first order", f"the log goes from {first_day} to {last_day}")
    days = days.filter(days <= as_of).to_physical()
    gaps = days.diff().drop_nulls().to_numpy()
    silence = int(gaps.max(initial=1)) - 1
    notes = []
    if len(days) >= FEWEST_DAYS and silence > (as_of - first_day).days / 2:
        before = first_day + timedelta(days=int(gaps[: gaps.argmax()].sum()))
        notes.append(
            f"after {before} there is no order for {silence:,} days, more than half of the log: if the dates after "
            f"these are wrong, --as-of {before} leaves them out"
        )
    after = orders["order_date"] > as_of
    if after.any():
        kinds = orders.filter(after)["kind"].value_counts().sort("kind")
        words = " and ".join(_counted(count, kind) for kind, count in kinds.iter_rows())
        notes.append(f"after_as_of: {words} after {as_of} {'is' if after.sum() == 1 else 'are'} set aside")
        orders = orders.filter(~after)
    return orders, first_day, as_of, silence, notes


def _linked(orders: pl.DataFrame, names: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows apart from, and the rows of, orders that a refund names.

    Such a refund has the customer and the columns `names` of its order.
    """
    import polars as pl

    is_refund = pl.col("kind") == "refund"
    if "order_id" not in orders.columns:
        return orders, orders.clear()
    ids = orders.filter(is_refund & pl.col("order_id").is_not_null()).select("order_id").unique()
    linked = orders.join(ids, on="order_id", how="semi")
    owners = linked.filter(~is_refund)
    if owners.is_empty():
        return orders, orders.clear()
    taken = list(dict.fromkeys(["customer_id", *(name for name in names if name not in NO_GROUPS)]))
    owners = owners.select("order_id", *taken).sort("order_id", *taken, nulls_last=True)
    owners = owners.unique("order_id", keep="first", maintain_order=True)
    ids = owners.select("order_id")
    linked = linked.join(ids, on="order_id", how="semi")
    refunds = linked.filter(is_refund).drop(taken).join(owners, on="order_id", how="left").select(orders.columns)
    rest = orders.join(ids, on="order_id", how="anti")
    return rest, pl.concat([linked.filter(~is_refund), refunds])


def _without_refunded(linked: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Take out the orders whose refunds give back all of their money, with these refunds; return how many.

    Where more came back than was paid, the difference stays as a refund on the day of the last one.
    """
    import polars as pl

    if linked.is_empty() or "amount" not in linked.columns:
        return linked, 0
    money = linked.schema["amount"]
    spent = (
        linked.group_by("order_id")
        .agg(left=pl.col("amount").sum().cast(money), ended=pl.col("order_date").max())
        .filter(pl.col("left") <= 0)
    )
    over = linked.filter(pl.col("kind") == "refund").unique("order_id").join(spent, on="order_id")
    over = over.filter(pl.col("left") < 0).with_columns(amount="left", order_date="ended")
    if "cost" in over.columns:
        over = over.with_columns(cost=pl.lit(None, over.schema["cost"]))
    kept = linked.join(spent, on="order_id", how="anti")
    return pl.concat([kept, over.select(linked.columns)]), spent.height


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
