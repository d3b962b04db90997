"""Who is leaving: the chance that a customer buys nothing for a while, and the money that stands on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.metrics.bands import Bands
from clvtool.metrics.customers import customers
from clvtool.metrics.expected import REASONS, margin_rate, margin_words
from clvtool.metrics.lateness import lateness, rhythm_words
from clvtool.metrics.opinion import second_opinion
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.prediction_models import models_for
from clvtool.metrics.predictive import histories
from clvtool.metrics.remarks import beyond_the_log, left_out, of_groups
from clvtool.metrics.rhythm import population_rhythm
from clvtool.metrics.risk_groups import risk_groups, sums_on_screen
from clvtool.metrics.valuation import Valuation
from clvtool.periods import Duration, day_number
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.metrics.prediction_models import Models
    from clvtool.metrics.predictive import Histories

WITHIN = Duration(90, "day")
SECOND = "p_churn_features"
COLUMNS = {
    "customer_id": "",
    "p_alive": "probability that the customer has not left for good",
    "p_churn": "probability of no purchase in the {within} after the day of the analysis, given all purchases so far",
    "risk": "by p_churn: {bands}",
    "last_order_date": "",
    "expected_next_date": "last purchase day + usual_gap_days, rounded up to a whole day",
    "days_late": "days by which expected_next_date is over; 0 while it is still to come",
    "usual_gap_days": "{rhythm}",
    "value_at_risk": (
        "p_churn × the value still to come within {horizon} (clv of predict): expected purchase days, discounted at "
        "{discount} a year, × expected money of each × margin ({margin}); who has surely left has no more to lose"
    ),
    "reason": "days since the last purchase against the usual gap; where a figure is empty, why",
}
ON_SCREEN = (
    *("customer_id", "risk", "p_churn", "value_at_risk", "reason", "days_late", "expected_next_date"),
    *("last_order_date", "usual_gap_days", "p_alive"),
)
"""The columns in the order of use: those that do not fit on a terminal are left out."""


def churn(
    orders: pl.DataFrame,
    valuation: Valuation | None = None,
    policies: Policies | None = None,
    *,
    within: Duration = WITHIN,
    bands: Bands | None = None,
    model: str | None = None,
    saved: str | None = None,
    risks: Sequence[str] = (),
    total: bool = False,
    features: bool = False,
    by: Sequence[str] = (),
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return one row a customer (see `COLUMNS`), those with most money at risk first.

    With `risks`, only customers of these bands.
    With `total`, one row a band of risk instead (see `risk_groups`), for all customers and for each group of `by`.
    With `features`, there is a second opinion on p_churn (see `opinion`), the columns `by` among its clues.
    The models are fitted to the orders, `model` saying which one of buying, or come from `saved`, the text of a model
    file. Of the valuation, horizon, discount and margin count. Raises FitError when the model cannot be fitted,
    DataError for a model file that is not right for these orders.
    """
    if by and not (total or features):
        raise UsageError("--by makes groups of a summary, and there is none", "add --total")
    if total and features:
        raise UsageError("--features is an opinion on each customer, and --total has none", "leave one of them out")
    import polars as pl

    given, chosen = valuation or Valuation(), bands or Bands()
    _check(risks, chosen, total=total)
    policies = policies or Policies()
    second = second_opinion(orders, policies, within, by) if features else None
    log = order_log(orders, policies, by if total else ())
    del orders
    found = customers(log)
    log = log.without_events()
    seen = histories(found, day_number(log.as_of))
    models = models_for(seen, model, saved, currency, has_amount=log.has_amount)
    margin = margin_rate(found, log, given)
    missing = _missing(log, models, margin)
    rhythm = population_rhythm(found)
    worth = None if missing else margin
    table = lateness(_risks(found, seen, models, within, given, worth), found, day_number(log.as_of), rhythm, missing)
    risk = chosen.places(table["p_churn"].to_numpy())
    words = {
        "within": str(within),
        "bands": chosen.meaning,
        "horizon": str(given.horizon),
        "discount": f"{given.discount * 100:g} %",
        "margin": margin_words(log, given, margin),
        "rhythm": rhythm_words(rhythm),
    }
    said = [*notes, *log.notes, *left_out(log, found), *models.notes]
    said += beyond_the_log(log, given.horizon.days, f"the horizon of {given.horizon}")
    said.append(_together(table, within))
    if missing:
        said.append(f"{missing}: {REASONS[missing]}")
    elif margin is not None and margin < 0:
        said.append("the margin is below zero: whoever leaves takes nothing away, and value_at_risk is 0")
    means = {name: meaning.format_map(words) for name, meaning in COLUMNS.items() if meaning}
    extra = {}
    if second is not None:
        learnt, then, _ = second
        chances = pl.DataFrame({"customer_id": then.ids, SECOND: learnt.chance(then)})
        table = table.join(chances, on="customer_id", how="left")
        extra["drivers"] = learnt.drivers().to_dicts()
        said.append(learnt.in_words())
        means[SECOND] = f"p_churn by the clues of the log, learnt from the {within} up to the day of the analysis"
    if total:
        said += of_groups(log, found)
        table, means = risk_groups(table, risk, chosen.names, found.groups, log.groups, means["risk"])
    else:
        table = _sorted(table.with_columns(_names(chosen.names, risk)))
        if risks:
            kept = table.filter(table["risk"].is_in(list(risks)))
            said.append(f"only customers of risk {', '.join(risks)}: {kept.height:,} of {table.height:,}")
            table = kept
    return Result(
        name="churn",
        title=f"{'Risk' if total else 'Customers at risk'} of no purchase within {within}",
        table=table,
        notes=tuple(said),
        as_of=log.as_of,
        currency=currency,
        definitions=means,
        extra=extra,
        screen=table.select(sums_on_screen(table) if total else _with_second(table, ON_SCREEN)),
    )


def _check(risks: Sequence[str], bands: Bands, *, total: bool) -> None:
    """Refuse bands that there are not, or that make no sense."""
    if risks and total:
        raise UsageError("--risk chooses customers, and --total has all of them", "leave one of them out")
    for name in risks:
        if name not in bands.names:
            raise UsageError(f"--risk {name}: there is no such band", f"there is: {', '.join(bands.names)}")


def _names(names: Sequence[str], places: NDArray[np.int64]) -> pl.Series:
    """Return the names of the bands at these places, as the column `risk`."""
    import polars as pl

    return pl.Series("risk", names, dtype=pl.String).gather(pl.Series(places))


def _missing(log: OrderLog, models: Models, margin: float | None) -> str | None:
    """Return the code of the reason why there is no money to be at risk."""
    if not log.has_amount:
        return "no_amount"
    if models.spending is None:
        return "no_money_model"
    return "no_margin" if margin is None else None


def _risks(
    found: Customers, seen: Histories, models: Models, within: Duration, given: Valuation, margin: float | None
) -> pl.DataFrame:
    """Return `customer_id p_alive p_churn value_at_risk` and `orders_at_risk`, the same without money.

    Without a `margin`, value_at_risk is null.
    """
    import numpy as np
    import polars as pl

    from clvtool.models.purchases import weekly_delta
    from clvtool.models.registry import fitted

    buying, delta = fitted(models.buying), weekly_delta(given.discount)
    soon = buying.outlook(within.days / 7, delta, seen.x, seen.t_x / 7, seen.T / 7)
    weeks = given.horizon.days / 7
    at_risk = soon.p_none * buying.discounted_conditional_purchases(weeks, delta, seen.x, seen.t_x / 7, seen.T / 7)
    value: pl.Series | pl.Expr = pl.lit(None, pl.Float64)
    if margin is not None and models.spending is not None:
        each = fitted(models.spending).expected_value(seen.x, seen.m)
        value = pl.Series(np.maximum(at_risk * each * margin, 0.0) + 0.0)  # never -0
    return pl.DataFrame({"customer_id": found.ids}).with_columns(
        p_alive=pl.Series(soon.p_alive),
        p_churn=pl.Series(soon.p_none),
        value_at_risk=value,
        orders_at_risk=pl.Series(at_risk),
    )


def _sorted(table: pl.DataFrame) -> pl.DataFrame:
    """Return the columns in their order, those with most at risk first."""
    keys = ["value_at_risk", "orders_at_risk", "p_churn", "customer_id"]
    return table.sort(keys, descending=[True, True, True, False], nulls_last=True).select(_with_second(table, COLUMNS))


def _with_second(table: pl.DataFrame, columns: Iterable[str]) -> list[str]:
    """Return the columns, the second opinion, where there is one, behind the first."""
    first = "p_churn"
    return [name for one in columns for name in ([one, SECOND] if one == first and SECOND in table.columns else [one])]


def _together(table: pl.DataFrame, within: Duration) -> str:
    """Say what is expected of all customers together."""
    from math import fsum

    none = fsum(table["p_churn"])
    total = f"within {within} {none:,.0f} of {table.height:,} customers are expected to buy nothing"
    if table["value_at_risk"].null_count():
        return total
    return f"{total}; the value_at_risk of all adds up to {fsum(table['value_at_risk']):,.2f}"
