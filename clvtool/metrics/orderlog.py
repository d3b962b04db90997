"""The orders as an analysis sees them: up to its day, with its policies, and nothing refunded in full among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import polars as pl


@dataclass(frozen=True, slots=True)
class Policies:
    """What counts: the day of the analysis, the rows kept, and how refunds and orders at amount 0 are taken."""

    as_of: date | None = None
    where: tuple[tuple[str, str], ...] = ()
    refunds: str = "net"
    zero_orders: str = "keep"


@dataclass(frozen=True, slots=True)
class OrderLog:
    """Orders and refund events up to `as_of`.

    `events`: `customer_id order_date kind amount cost` and the group columns, one row an order or refund event that
    counts, as far as the source has them. `refunds`: the same of all refund events, also those that took their order
    with them. `groups` are the column names of `--by`.
    """

    events: pl.DataFrame
    first_day: date
    as_of: date
    refunds: pl.DataFrame
    groups: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def has_amount(self) -> bool:
        """Return whether there is money in the log."""
        return "amount" in self.events.columns

    @property
    def has_cost(self) -> bool:
        """Return whether there is a cost column."""
        return "cost" in self.events.columns


def order_log(orders: pl.DataFrame, policies: Policies, groups: Sequence[str] = ()) -> OrderLog:
    """Return the log of an ORDERS table.

    Raises DataError for a column of `groups` or `where` that is not there, UsageError for a day outside the log,
    DataError when nothing is left.
    """
    import polars as pl

    groups = tuple(_column(orders, name) for name in groups)
    notes: list[str] = []
    is_order = orders["kind"] == "order"
    days = orders["order_date"].filter(is_order)
    if days.is_empty():
        raise DataError("there are refunds but no orders in the input")
    first_day, last_day = _day(days.min()), _day(days.max())
    as_of = policies.as_of or last_day
    if as_of < first_day:
        raise UsageError(f"--as-of {as_of} is before the first order", f"the log goes from {first_day} to {last_day}")
    if _day(orders["order_date"].max()) > as_of:
        after = orders["order_date"] > as_of
        counts = orders.filter(after)["kind"].value_counts()
        words = " and ".join(f"{count} {kind}s" for kind, count in counts.sort("kind").iter_rows())
        notes.append(f"after_as_of: {words} after {as_of} are set aside")
        orders = orders.filter(~after)
    for name, value in policies.where:
        column = _column(orders, name)
        orders = orders.filter(pl.col(column).cast(pl.String) == value)
        if orders.is_empty():
            raise DataError(f"no order has {column} = {value!r}", "compare with: clvtool inspect FILE")
    if policies.zero_orders == "drop" and "amount" in orders.columns:
        zero = (pl.col("amount") == 0) & (pl.col("kind") == "order")
        notes.append(f"{orders.filter(zero).height} orders at amount 0 are dropped")
        orders = orders.filter(~zero)
    kept = ["customer_id", "order_date", "kind", "amount", "cost", *groups]
    kept = list(dict.fromkeys(name for name in kept if name in orders.columns))
    refunds = orders.filter(pl.col("kind") == "refund").select(kept)
    if policies.refunds == "ignore":
        orders = orders.filter(pl.col("kind") == "order")
        notes.append("refunds are ignored: all money is gross")
    else:
        orders, count = _without_refunded(orders)
        if count:
            notes.append(f"{count} orders refunded in full do not count as orders")
    events = orders.select(kept)
    if not (events["kind"] == "order").any():
        raise DataError("no orders are left", "loosen --where, --as-of or --zero-orders")
    return OrderLog(events, first_day, as_of, refunds, groups, tuple(notes))


def _column(orders: pl.DataFrame, name: str) -> str:
    from clvtool.schema import ORDERS

    if name in orders.columns:
        return name
    folded = {column.casefold().replace("_", " "): column for column in orders.columns}
    found = folded.get(name.casefold().replace("_", " "))
    if found is None:
        known = [column for column in orders.columns if column not in ORDERS]
        raise DataError(f"there is no column {name!r}", did_you_mean(name, known or orders.columns))
    return found


def _day(value: object) -> date:
    from datetime import date

    if not isinstance(value, date):
        raise DataError("no order has a date")
    return value


def _without_refunded(orders: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Take out the orders whose linked refunds (same order id) give back all of their money, with those refunds.

    Where more came back than was paid, the difference stays as a refund on the day of the last one.
    """
    import polars as pl

    if "order_id" not in orders.columns or "amount" not in orders.columns:
        return orders, 0
    ids = orders.filter((pl.col("kind") == "refund") & pl.col("order_id").is_not_null()).select("order_id").unique()
    if ids.is_empty():
        return orders, 0
    linked = orders.join(ids, on="order_id", how="semi")
    spent = (
        linked.group_by("order_id")
        .agg(
            is_order=(pl.col("kind") == "order").any(),
            left=pl.col("amount").sum(),
            order_date=pl.col("order_date").max(),
        )
        .filter(pl.col("is_order") & (pl.col("left") <= 0))
    )
    if spent.is_empty():
        return orders, 0
    gone = orders.join(spent, on="order_id", how="anti", maintain_order="left")
    over = spent.filter(pl.col("left") < 0)
    if over.height:
        # one of the order's refund rows lends its customer and groups to the difference
        shape = (
            linked.filter(pl.col("kind") == "refund")
            .sort(linked.columns)
            .unique("order_id", keep="first", maintain_order=True)
            .drop("amount", "order_date")
        )
        rest = over.join(shape, on="order_id").with_columns(amount=pl.col("left").cast(orders.schema["amount"]))
        if "cost" in orders.columns:
            rest = rest.with_columns(cost=pl.lit(None, orders.schema["cost"]))
        gone = pl.concat([gone, rest.select(orders.columns)])
    return gone, spent.height
