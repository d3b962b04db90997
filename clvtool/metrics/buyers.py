"""Who bought what, for those who answer surveys: a few figures of each customer, and their purchase days."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clvtool.metrics.activity import active_window
from clvtool.metrics.orderlog import order_log
from clvtool.metrics.standing import standing
from clvtool.periods import day_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.orderlog import Policies
    from clvtool.metrics.schemes import Choice

YEAR_DAYS = 365
_DAY_SPAN = 1 << 20


@dataclass(frozen=True, slots=True)
class Buyers:
    """Customers 0..n-1 up to the day `as_of`.

    Per customer: `ids`, `orders`, `revenue` (net, ten-thousandths), `year` (of that the last 365 days), `first` and
    `last` purchase day, whether they are `gone` (no purchase within the last `window` days), `tier` (place among
    `tiers`, where those were asked for) and `segment` (place among `segments`). `visits` are all purchase days, as
    customer · 2²⁰ + day, ascending.
    """

    as_of: date
    window: int
    has_money: bool
    ids: pl.Series
    orders: NDArray[np.int64]
    revenue: NDArray[np.int64]
    year: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    gone: NDArray[np.int64]
    visits: NDArray[np.int64]
    segment: NDArray[np.int64]
    segments: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...] = ()
    tier: NDArray[np.int64] | None = None
    tiers: tuple[str, ...] = ()
    tier_meaning: str = ""
    notes: tuple[str, ...] = field(default=())

    def places(self, ids: pl.Series) -> NDArray[np.int64]:
        """Return the number of the customer that each id (as `alike` makes them) names, or -1."""
        import polars as pl

        known = pl.DataFrame({"id": alike(self.ids)}).with_row_index("place")
        if known["id"].str.contains("@", literal=True).any():
            known = known.unique("id", keep="none")
        found = pl.DataFrame({"id": ids}).join(known, on="id", how="left", maintain_order="left")["place"]
        return found.cast(pl.Int64).fill_null(-1).to_numpy()

    def came_back(self, customer: NDArray[np.int64], day: NDArray[np.int64], within: int) -> NDArray[np.bool_]:
        """Return whether each customer bought on one of so many days after a day, that day itself left out."""
        import numpy as np

        if not len(self.visits):
            return np.zeros(len(customer), bool)
        asked = customer * _DAY_SPAN + day
        following = np.searchsorted(self.visits, asked, side="right")
        known = following < len(self.visits)
        following = self.visits[np.where(known, following, 0)]
        return np.asarray(known & (following <= asked + within) & (following // _DAY_SPAN == customer))


def alike(ids: pl.Series) -> pl.Series:
    """Return ids of customers so that they can be compared: e-mails in small letters."""
    mails = ids.str.contains("@", literal=True)
    return ids.zip_with(~mails.fill_null(value=False), ids.str.to_lowercase()) if mails.any() else ids


def buyers(orders: pl.DataFrame, policies: Policies, *, by: Sequence[str] = (), tiers: Choice | None = None) -> Buyers:
    """Return the customers of an ORDERS table. Raises as `order_log` does."""
    import numpy as np

    from clvtool.metrics.schemes import scheme

    log = order_log(orders, policies, by)
    del orders
    now = standing(log)
    window = active_window(now.found, log, "auto").whole_days("month")
    log = now.log
    found, as_of = now.found, day_number(log.as_of)
    chosen = None if tiers is None else scheme(tiers, now)
    return Buyers(
        as_of=log.as_of,
        window=window,
        has_money=log.has_amount,
        ids=found.ids,
        orders=now.orders,
        revenue=now.revenue,
        year=found.total(found.amount, found.day > as_of - YEAR_DAYS),
        first=found.first.astype(np.int64),
        last=found.last.astype(np.int64),
        gone=(now.recency >= window).astype(np.int64),
        visits=found.buyer.astype(np.int64) * _DAY_SPAN + found.bought,
        segment=found.groups.customer,
        segments=found.groups.names,
        labels=log.groups,
        tier=None if chosen is None else chosen.places(now),
        tiers=() if chosen is None else chosen.names,
        tier_meaning="" if chosen is None else chosen.meaning,
        notes=log.notes,
    )
