"""What the models expect of each customer, as arrays side by side: `predict` shows them by row, `totals` adds up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.metrics.prediction_models import Models
    from clvtool.metrics.predictive import Histories
    from clvtool.metrics.valuation import Valuation
    from clvtool.models.by_cell import ByCell
    from clvtool.models.gamma_gamma import GammaGamma
    from clvtool.models.purchases import Outlook, PurchaseModel

REASONS = {
    "no_amount": "there is no column with money",
    "no_money_model": "there is no model of money: see the notes",
    "no_margin": "orders with a cost have no revenue to take a share of",
    "refunded": "more came back than was paid, over all or after the first purchase day; the latter counts as 0",
    "negative_margin": "the margin is below zero, and so is clv",
    "observed_mean": "the money model has no mean for this customer: the mean over repeat customers stands in",
}
CODES = (None, *REASONS)
RESIDUAL = "residual_lifetime_value"


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What is expected of every customer, one entry each.

    `weeks` and `delta` are horizon and discount as the models take them. `value` is the money of a purchase, None
    without a model of it; `worth` is `value` × margin, and `clv` what is still to come, discounted; both are None where
    they are not known, `why_no_clv` being the reason. `residual` is the same without a horizon, where that is asked for
    (`without_horizon`). `reason` are places in `CODES`.
    """

    buying: PurchaseModel | ByCell
    spending: GammaGamma | None
    weeks: float
    delta: float
    margin: float | None
    outlook: Outlook
    value: NDArray[np.float64] | None
    worth: NDArray[np.float64] | None
    clv: NDArray[np.float64] | None
    residual: NDArray[np.float64] | None
    without_horizon: bool
    why_no_clv: str | None
    reason: NDArray[np.uint8]


def expected(
    found: Customers,
    seen: Histories,
    log: OrderLog,
    models: Models,
    buying: PurchaseModel | ByCell,
    given: Valuation,
    *,
    residual: bool,
) -> Expected:
    """Return what is expected of all customers; `buying` predicts from the model of buying.

    Raises UsageError when a value without horizon is asked for without a discount, FitError when the model has none.
    """
    import numpy as np

    from clvtool.models.by_cell import ByCell
    from clvtool.models.purchases import weekly_delta
    from clvtool.models.registry import fitted

    if residual and given.discount <= 0:
        raise UsageError(
            f"--residual-lifetime needs a --discount above 0, not {given.discount:g}: without one there is no end to it"
        )
    spending = None if models.spending is None else fitted(models.spending)
    weeks, delta, margin = given.horizon.days / 7, weekly_delta(given.discount), margin_rate(found, log, given)
    history = seen.x, seen.t_x / 7, seen.T / 7
    outlook = buying.outlook(weeks, delta, *history)
    value = None if spending is None else spending.expected_value(seen.x, seen.m)
    worth = None if value is None or margin is None else value * margin
    forever = None
    if residual and not isinstance(buying, ByCell):
        purchases = buying.discounted_residual_purchases(delta, *history)
        forever = None if worth is None else purchases * worth + 0.0
    why_no_clv = None
    if not log.has_amount:
        why_no_clv = "no_amount"
    elif spending is None:
        why_no_clv = "no_money_model"
    elif margin is None:
        why_no_clv = "no_margin"
    reason = np.zeros(found.n, np.uint8)
    if spending is not None:
        reason[~spending.has_expectation(seen.x)] = CODES.index("observed_mean")
    if why_no_clv is not None:
        reason[:] = CODES.index(why_no_clv)
    elif margin is not None and margin < 0:
        reason[:] = CODES.index("negative_margin")
    if spending is not None:
        reason[((seen.x > 0) & (seen.m <= 0)) | (seen.first + seen.later < 0)] = CODES.index("refunded")
    return Expected(
        buying=buying,
        spending=spending,
        weeks=weeks,
        delta=delta,
        margin=margin,
        outlook=outlook,
        value=value,
        worth=worth,
        clv=None if worth is None else outlook.discounted * worth + 0.0,  # never -0
        residual=forever,
        without_horizon=residual,
        why_no_clv=why_no_clv,
        reason=reason,
    )


def column(values: NDArray[np.float64] | None) -> pl.Series | pl.Expr:
    """Return figures as a column, empty where they are not known."""
    import polars as pl

    return pl.lit(None, pl.Float64) if values is None else pl.Series(values)


def on_screen(table: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return the table for people: what names a group, then these columns as far as there are any, the empty ones last.

    Those that do not fit on a terminal are left out from the end.
    """
    there = [name for name in names if name in table.columns]
    empty = [name for name in there if table[name].null_count() == table.height]
    labels = [name for name in table.columns if name not in names]
    return table.select(*labels, *(name for name in there if name not in empty), *empty)


def margin_rate(found: Customers, log: OrderLog, given: Valuation) -> float | None:
    """Return the margin as given, or 1 − cost ÷ revenue of these customers; None where there is no revenue."""
    if given.margin is not None:
        return given.margin
    if not (log.has_cost and log.has_amount):
        return 1.0
    revenue = int(found.amount.sum())
    return 1 - int(found.cost.sum()) / revenue if revenue > 0 else None


def margin_words(log: OrderLog, given: Valuation, margin: float | None) -> str:
    """Return the margin and where it is from; unlike that of `compute`, one from costs is over the whole log."""
    if given.margin is not None:
        return f"{margin:g}, as given with --margin"
    if log.has_cost and log.has_amount:
        return "unknown" if margin is None else f"{margin:.4f}, (revenue - cost) ÷ revenue of all customers, whole log"
    return "1, as neither costs nor --margin are known: all money is revenue"
