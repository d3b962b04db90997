"""Who the customers are: every customer in exactly one segment."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.metrics.coming import with_expected
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.personas import personas
from clvtool.metrics.schemes import Choice, Scores, scheme
from clvtool.metrics.standing import money, standing
from clvtool.metrics.valuation import Valuation
from clvtool.result import Result
from clvtool.schema import MONEY_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.schemes import Scheme
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


CUSTOMER_FIRST = ("customer_id", "segment", "score", "recency_days", "orders", "revenue", "clv", "vip")
SUMMARY_FIRST = (
    *("segment", "customers", "revenue_share", "budget_share", "*", "customer_share", "revenue"),
    *("median_revenue", "median_orders", "median_recency_days", "clv", "clv_share"),
)
EXPECTED = (
    "value to come within {horizon}, discounted at {discount:.0%} a year, as clvtool predict has it "
    "(× margin by costs, else revenue)"
)


def segment(
    orders: pl.DataFrame,
    choice: Choice | None = None,
    policies: Policies | None = None,
    *,
    vip_share: float = 0.05,
    clv: bool = False,
    summary: bool = False,
    by: Sequence[str] = (),
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return one row a customer: `customer_id segment r f m score recency_days orders revenue clv vip`.

    `clv`, what a customer is expected to bring in, is there when it is asked for. The customers with the most revenue
    come first. Without a column of money, `m score revenue vip` are null.
    With `summary`, one row a segment, all customers first: its size, shares and medians, and the weekday and the values
    of the columns `by` that are over-represented in it.
    Raises DataError for bounds that do not hold every customer once, or where there is nothing to go by.
    """
    if not 0 < vip_share <= 1:
        raise UsageError(f"--vip-share {vip_share:g} is not above 0 and at most 1", "the best 5 % are --vip-share 0.05")
    if by and not summary:
        raise UsageError("--by says what a summary looks at, and there is none", "add --summary")
    given = choice or Choice()
    clv = clv or given.tiers_by == "clv"
    log = order_log(orders, policies or Policies(), by)
    del orders
    now = standing(log)
    del log
    remarks: list[str] = []
    if clv:
        now, remarks = with_expected(now, given.valuation, required=given.tiers_by == "clv")
    chosen = scheme(given, now)
    if summary:
        table, means = personas(now, chosen.names, chosen.places(now))
    else:
        vip = f"the best {vip_share * 100:g} % of customers by revenue, rounded up, and those equal to the last of them"
        table, means = _customers(now, chosen, vip_share, clv=clv), DEFINITIONS | {"vip": vip}
    if clv:
        valuation = given.valuation or Valuation()
        means |= {"clv": EXPECTED.format(horizon=valuation.horizon, discount=valuation.discount)}
    return Result(
        name="segment",
        title=f"{'Segments' if summary else 'Customers by segment'} ({given.scheme})",
        table=table,
        notes=(*notes, *now.log.notes, *left_out(now), *(costless(now) if summary else []), *remarks),
        as_of=now.log.as_of,
        currency=currency,
        definitions={"segment": chosen.meaning} | means,
        screen=_in_brief(table, SUMMARY_FIRST if summary else CUSTOMER_FIRST),
    )


def _in_brief(table: pl.DataFrame, telling: Sequence[str]) -> pl.DataFrame:
    """Return the table without columns that are empty, in the order in which they may be left out at a terminal.

    First come the columns `telling`, with what is over-represented (all that has a lift) in the place of `*`.
    """
    held = [name for name in table.columns if not table.height or table[name].null_count() < table.height]
    pairs = [part for name in held if name.endswith("_lift") for part in (name.removesuffix("_lift"), name)]
    first = [name for one in telling for name in (pairs if one == "*" else [one]) if name in held]
    return table.select(*first, *(name for name in held if name not in first))


def _customers(now: Standing, chosen: Scheme, vip_share: float, *, clv: bool) -> pl.DataFrame:
    import polars as pl

    r, f, m = Scores(now).of(now)
    table = pl.DataFrame(
        {
            "customer_id": now.found.ids,
            "segment": pl.Series(chosen.names, dtype=pl.String).gather(pl.Series(chosen.places(now))),
            "r": r,
            "f": f,
            "m": m,
            "score": 100 * r + 10 * f + m,
            "recency_days": now.recency,
            "orders": now.orders,
            "revenue": money(now.revenue),
            **({"clv": _clv(now)} if clv else {}),
            "vip": best(now.revenue, vip_share),
        }
    )
    if now.log.has_amount:
        return table.sort("revenue", "customer_id", descending=[True, False])
    nothing = (pl.lit(None, table.schema[name]).alias(name) for name in ("m", "score", "revenue", "vip"))
    return table.with_columns(nothing).sort("orders", "customer_id", descending=[True, False])


def _clv(now: Standing) -> pl.Series:
    """Return the value to come as exact money, null where it is not known."""
    import polars as pl

    if now.coming is None:
        return pl.Series([None] * now.found.n, dtype=pl.Decimal(38, MONEY_SCALE))
    return money(now.coming)


def best(revenue: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Return who is among the ⌈share · n⌉ with the most revenue, or equal to the last of them."""
    import numpy as np

    if not len(revenue):
        return np.zeros(0, bool)
    exact = Fraction(str(share)) * len(revenue)  # 0.1 · 30 is 3, which floats miss
    count = -(-exact.numerator // exact.denominator)
    return np.asarray(revenue >= np.partition(revenue, -count)[-count])


def left_out(now: Standing) -> list[str]:
    """Return remarks on orders and refunds that belong to no segment, and on money that is not there."""
    remarks = [] if now.log.has_amount else ["there is no column with money: figures in money are empty"]
    found, every = now.found, now.log.orders
    without = int(found.outside["is_order"].sum())
    if without:
        remarks.append(f"{without:,} of {every:,} orders have no customer: they are in no segment")
    if found.refund_only:
        remarks.append(f"customers with refunds but no order: {found.refund_only:,}; they are in no segment")
    if found.early_refunds:
        remarks.append(f"refunds dated before their customer's first order: {found.early_refunds:,}; they do not count")
    return remarks


def costless(now: Standing) -> list[str]:
    """Return a remark on orders without a cost."""
    count = now.log.costless
    many = f"{count:,} of {now.log.orders:,} orders have no cost; it counts as 0, so margins are too high"
    return [many] if count else []
