"""What each customer is expected to do, and to be worth, over a horizon, and how far the truth may be from that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.metrics.covariates import predicting, refuse_columns, refuse_other_columns
from clvtool.metrics.customers import customers
from clvtool.metrics.expected import CODES, REASONS, RESIDUAL, column, expected, margin_words, on_screen
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.prediction_models import covariates_of, models_for
from clvtool.metrics.predictive import histories
from clvtool.metrics.remarks import beyond_the_log, left_out
from clvtool.metrics.standing import money
from clvtool.metrics.totals import COLUMNS as TOTALS
from clvtool.metrics.totals import ON_SCREEN as TOTALS_ON_SCREEN
from clvtool.metrics.totals import REASONS as TOTALS_REASONS
from clvtool.metrics.totals import totals
from clvtool.metrics.valuation import Valuation
from clvtool.periods import day_number
from clvtool.result import Result
from clvtool.schema import MONEY_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.metrics.expected import Expected
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.metrics.predictive import Histories
    from clvtool.metrics.totals import Grouping
    from clvtool.models.by_cell import ByCell
    from clvtool.models.purchases import PurchaseModel

COLUMNS = {
    "customer_id": "",
    "first_order_date": "",
    "last_order_date": "",
    "orders": "orders that count up to the day of the analysis",
    "historic_value": "net money of all orders so far, before any margin",
    "p_alive": "probability that the customer has not left for good",
    "p_no_purchase": "probability of no purchase within {horizon}",
    "expected_orders": "expected purchase days within {horizon}",
    "expected_orders_low": "the purchase days of this one customer lie between low and high with {level} or more",
    "expected_orders_high": "0 where the customer most probably buys nothing: the mean of many such customers is more",
    "expected_order_value": "expected money of a purchase day (Gamma-Gamma, from those after the first)",
    "clv": (
        "value still to come within {horizon}: expected purchase days, discounted at {discount} a year, × "
        "expected_order_value × margin ({margin}); historic_value is not in it"
    ),
    "clv_low": "as expected_orders_low, for the money of these days × margin, discounted as clv is on average",
    "clv_high": "as clv_low",
    "reason": "why a figure of the row is empty, negative or stands in for another; empty where all is well",
}
ON_SCREEN = (
    *("customer_id", "clv", "clv_low", "clv_high", RESIDUAL, "p_alive", "reason", "expected_orders", "orders"),
    *("last_order_date", "p_no_purchase", "expected_orders_low", "expected_orders_high", "expected_order_value"),
    *("historic_value", "first_order_date"),
)
"""The columns in the order of use (`expected.on_screen`)."""
RESIDUAL_MEANING = (
    "as clv, without a horizon: all purchase days to come, discounted at {discount} a year (DERT), × "
    "expected_order_value × margin"
)


def predict(
    orders: pl.DataFrame,
    valuation: Valuation | None = None,
    policies: Policies | None = None,
    *,
    model: str | None = None,
    saved: str | None = None,
    grouping: Grouping | None = None,
    residual: bool = False,
    covariates: Sequence[str] = (),
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return one row a customer (see `COLUMNS`), the most valuable first; with `grouping` the sums of groups instead.

    The models are fitted to the orders, `model` saying which one of buying, or come from `saved`, the text of a model
    file. Of the valuation, horizon, discount, margin and level count. The intervals are predictive: they hold the
    chance of each purchase, of what it is worth, and the uncertainty of the parameters. `residual` adds the value
    without horizon. `covariates` are the columns that make customers differ; those of a model file are added
    (`covariates_of`). Raises FitError when the model cannot be fitted, DataError for a model file that is not right
    for these orders, UsageError for what a model does not answer.
    """
    given = valuation or Valuation()
    refuse_columns(covariates)
    needed = covariates_of(saved, model) or covariates
    if needed and (grouping or residual):
        asked = "--total" if grouping else "--residual-lifetime"
        raise UsageError(f"{asked} is not answered by models with covariates", "leave one of them out")
    log = order_log(orders, policies or Policies(), grouping.by if grouping else needed)
    del orders
    found = customers(log)
    log = log.without_events()
    seen = histories(found, day_number(log.as_of))
    models = models_for(
        *(seen, model, saved, currency),
        has_amount=log.has_amount,
        covariates=log.groups if needed else (),
        groups=found.groups,
    )
    refuse_other_columns(models.buying, covariates)
    buying, said = predicting(models.buying, found.groups)
    without_intervals = _without_intervals(buying)
    if grouping and without_intervals:
        raise UsageError(f"--total is not answered by {models.buying.model}", "such as --model bg-nbd")
    ahead = expected(found, seen, log, models, buying, given, residual=residual)
    words = {
        "horizon": str(given.horizon),
        "discount": f"{given.discount * 100:g} %",
        "level": f"{given.level * 100:g} %",
        "margin": margin_words(log, given, ahead.margin),
    }
    if grouping is None:
        table, meanings = _table(found, seen, log, ahead, given.level), COLUMNS
    else:
        table, meanings = totals(found, seen, log, ahead, given.level, grouping), TOTALS
    if residual:
        meanings = meanings | {RESIDUAL: RESIDUAL_MEANING}
    occurring = table["reason"].drop_nulls().unique().to_list()
    reasons = REASONS if grouping is None else REASONS | TOTALS_REASONS
    return Result(
        name="predict",
        title="Customers and what they are expected to be worth",
        table=table,
        notes=(
            *notes,
            *log.notes,
            *left_out(log, found),
            *models.notes,
            *said,
            *without_intervals,
            *beyond_the_log(log, given.horizon.days, f"the horizon of {given.horizon}"),
            _together(ahead, str(given.horizon)),
            *(f"{reason}: {meaning}" for reason, meaning in reasons.items() if reason in occurring),
        ),
        as_of=log.as_of,
        currency=currency,
        definitions={name: meaning.format_map(words) for name, meaning in meanings.items() if meaning},
        screen=on_screen(table, ON_SCREEN if grouping is None else TOTALS_ON_SCREEN),
    )


def _table(found: Customers, seen: Histories, log: OrderLog, ahead: Expected, level: float) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    from clvtool.models.by_cell import ranges_of

    outlook = ahead.outlook
    within = ranges_of(
        ahead.buying, ahead.spending, ahead.weeks, level, seen.x.astype(float), seen.T / 7, seen.m, outlook.p_alive
    )
    low: NDArray[np.float64] | None = None
    high = low
    if (
        within is not None
        and ahead.margin is not None
        and within.money_low is not None
        and within.money_high is not None
    ):
        some = outlook.purchases > 0
        factor = ahead.margin * np.divide(outlook.discounted, outlook.purchases, out=np.ones(found.n), where=some)
        low, high = within.money_low * factor + 0.0, within.money_high * factor + 0.0
        if ahead.margin < 0:
            low, high = high, low
    columns: dict[str, pl.Series | pl.Expr] = {
        "first_order_date": _dates(found.first),
        "last_order_date": _dates(found.last),
        "orders": pl.Series(found.total(found.is_order.astype(np.int64))),
        "historic_value": money(seen.first + seen.later)
        if log.has_amount
        else pl.lit(None, pl.Decimal(38, MONEY_SCALE)),
        "p_alive": pl.Series(outlook.p_alive),
        "p_no_purchase": pl.Series(outlook.p_none),
        "expected_orders": pl.Series(outlook.purchases),
        "expected_orders_low": pl.lit(None, pl.Int64) if within is None else pl.Series(within.orders_low),
        "expected_orders_high": pl.lit(None, pl.Int64) if within is None else pl.Series(within.orders_high),
        "expected_order_value": column(ahead.value),
        "clv": column(ahead.clv),
        "clv_low": column(low),
        "clv_high": column(high),
    }
    if ahead.without_horizon:
        columns[RESIDUAL] = column(ahead.residual)
    columns["reason"] = pl.Series(CODES, dtype=pl.String)[ahead.reason]
    return (
        pl.DataFrame({"customer_id": found.ids})
        .with_columns(**columns)
        .sort("clv", "expected_orders", "customer_id", descending=[True, True, False], nulls_last=True)
    )


def _without_intervals(buying: PurchaseModel | ByCell) -> list[str]:
    """Say so where there are no intervals."""
    from clvtool.models.by_cell import ByCell

    if isinstance(buying, ByCell) or buying.FORGETFUL:
        return []
    return [f"{buying.fit.model} has no intervals: they would hang on the day of the last purchase, too"]


def _dates(days: NDArray[np.int64]) -> pl.Series:
    import polars as pl

    return pl.Series(days).cast(pl.Int32).cast(pl.Date)


def _together(ahead: Expected, horizon: str) -> str:
    """Say what is expected of all customers together."""
    days = ahead.outlook.purchases
    total = f"within {horizon} these {days.size:,} customers are expected to buy on {days.sum():,.1f} days"
    return total if ahead.clv is None else f"{total}; their clv adds up to {ahead.clv.sum():,.2f}"
