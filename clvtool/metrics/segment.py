"""Who the customers are: every customer in exactly one segment."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.schemes import Choice, Scores, scheme
from clvtool.metrics.standing import money, standing
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.standing import Standing

DEFINITIONS = {
    "r": "score for recency: 1 + ⌊5 · (customers who bought longer ago) ÷ customers⌋, so equals share a score",
    "f": "score for frequency: likewise by days with a purchase",
    "m": "score for money: likewise by net revenue",
    "score": "r, f and m as the digits of one number",
    "recency_days": "days from the last purchase to the day of the analysis",
    "orders": "orders that count",
    "revenue": "net revenue of the customer",
}


def segment(
    orders: pl.DataFrame,
    choice: Choice | None = None,
    policies: Policies | None = None,
    *,
    vip_share: float = 0.05,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return one row a customer: `customer_id segment r f m score recency_days orders revenue vip`.

    The customers with the most revenue come first. Without a column of money, `m score revenue vip` are null.
    Raises DataError for bounds that do not hold every customer once, or where there is nothing to go by.
    """
    import polars as pl

    if not 0 < vip_share <= 1:
        raise UsageError(f"--vip-share {vip_share:g} is not above 0 and at most 1", "the best 5 % are --vip-share 0.05")
    given = choice or Choice()
    log = order_log(orders, policies or Policies())
    del orders
    now = standing(log)
    del log
    chosen = scheme(given, now)
    r, f, m = Scores(now).of(now)
    place = pl.Series(chosen.places(now))
    table = pl.DataFrame(
        {
            "customer_id": now.found.ids,
            "segment": pl.Series(chosen.names, dtype=pl.String).gather(place),
            "r": r,
            "f": f,
            "m": m,
            "score": 100 * r + 10 * f + m,
            "recency_days": now.recency,
            "orders": now.orders,
            "revenue": money(now.revenue),
            "vip": best(now.revenue, vip_share),
        }
    )
    said = []
    if now.log.has_amount:
        table = table.sort("revenue", "customer_id", descending=[True, False])
    else:
        table = table.with_columns(
            pl.lit(None, table.schema[name]).alias(name) for name in ("m", "score", "revenue", "vip")
        )
        table = table.sort("orders", "customer_id", descending=[True, False])
        said = ["there is no column with money: m, score, revenue and vip are empty"]
    vip = f"the best {vip_share * 100:g} % of customers by revenue, rounded up, and those equal to the last of them"
    return Result(
        name="segment",
        title=f"Customers by segment ({given.scheme})",
        table=table,
        notes=(*notes, *now.log.notes, *left_out(now), *said),
        as_of=now.log.as_of,
        currency=currency,
        definitions={"segment": chosen.meaning} | DEFINITIONS | {"vip": vip},
    )


def best(revenue: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Return who is among the ⌈share · n⌉ with the most revenue, or equal to the last of them."""
    import numpy as np

    if not len(revenue):
        return np.zeros(0, bool)
    exact = Fraction(str(share)) * len(revenue)  # 0.1 · 30 is 3, which floats miss
    count = -(-exact.numerator // exact.denominator)
    return np.asarray(revenue >= np.partition(revenue, -count)[-count])


def left_out(now: Standing) -> list[str]:
    """Return remarks on orders and refunds that belong to no segment."""
    remarks = []
    found, every = now.found, now.log.orders
    without = int(found.outside["is_order"].sum())
    if without:
        remarks.append(f"{without:,} of {every:,} orders have no customer: they are in no segment")
    if found.refund_only:
        remarks.append(f"customers with refunds but no order: {found.refund_only:,}; they are in no segment")
    if found.early_refunds:
        remarks.append(f"refunds dated before their customer's first order: {found.early_refunds:,}; they do not count")
    return remarks
