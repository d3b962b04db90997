"""What each customer is expected to do, and to be worth, over a horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import DataError, FitError, UsageError
from clvtool.metrics.choice import MONEY, fit_model
from clvtool.metrics.covariates import fit_with, predicting, refuse_columns, refuse_other_columns
from clvtool.metrics.customers import customers
from clvtool.metrics.fit import fingerprint, in_words
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.predictive import histories
from clvtool.metrics.standing import money
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
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.metrics.partition import Partition
    from clvtool.metrics.predictive import Histories
    from clvtool.models.by_cell import ByCell
    from clvtool.models.file import ModelFile
    from clvtool.models.fitting import Fit
    from clvtool.models.purchases import PurchaseModel

DEFAULT = "bg-nbd"
COLUMNS = {
    "customer_id": "",
    "first_order_date": "",
    "last_order_date": "",
    "orders": "orders that count up to the day of the analysis",
    "historic_value": "net money of all orders so far, before any margin",
    "p_alive": "probability that the customer has not left for good",
    "p_no_purchase": "probability of no purchase within {horizon}",
    "expected_orders": "expected purchase days within {horizon}",
    "expected_order_value": "expected money of a purchase day (Gamma-Gamma, from those after the first)",
    "clv": (
        "value still to come within {horizon}: expected purchase days, discounted at {discount} a year, × "
        "expected_order_value × margin ({margin}); historic_value is not in it"
    ),
    "reason": "why a figure of the row is empty, negative or stands in for another; empty where all is well",
}
REASONS = {
    "no_amount": "there is no column with money",
    "no_money_model": "there is no model of money: see the notes",
    "no_margin": "orders with a cost have no revenue to take a share of",
    "refunded": "more came back than was paid, over all or after the first purchase day; the latter counts as 0",
    "negative_margin": "the margin is below zero, and so is clv",
    "observed_mean": "the money model has no mean for this customer: the mean over repeat customers stands in",
}
_CODES = (None, *REASONS)


@dataclass(frozen=True, slots=True)
class Models:
    """The fits to predict from; `spending` is None where there is none, `notes` say why and what else to know."""

    buying: Fit
    spending: Fit | None
    notes: tuple[str, ...] = ()


def predict(
    orders: pl.DataFrame,
    valuation: Valuation | None = None,
    policies: Policies | None = None,
    *,
    model: str | None = None,
    saved: str | None = None,
    covariates: Sequence[str] = (),
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return one row a customer (see `COLUMNS`), the most valuable first.

    The models are fitted to the orders, `model` saying which one of buying, or come from `saved`, the text of a model
    file. `covariates` are the columns that make customers differ; those of a model file are added (`covariates_of`).
    Of the valuation, horizon, discount and margin count. Raises FitError when the model cannot be fitted,
    DataError for a model file that is not right for these orders.
    """
    given = valuation or Valuation()
    refuse_columns(covariates)
    log = order_log(orders, policies or Policies(), covariates_of(saved, model) or covariates)
    del orders
    found = customers(log)
    log = log.without_events()
    seen = histories(found, day_number(log.as_of))
    if saved is None:
        models = fit_models(seen, model, has_amount=log.has_amount, covariates=log.groups, groups=found.groups)
    else:
        models = load_models(saved, model, seen, currency, has_amount=log.has_amount)
        refuse_other_columns(models.buying, covariates)
    margin = margin_rate(found, log, given)
    buying, said = predicting(models.buying, found.groups)
    table = _table(found, seen, buying, models.spending, given, margin, has_amount=log.has_amount)
    words = {
        "horizon": str(given.horizon),
        "discount": f"{given.discount * 100:g} %",
        "margin": margin_words(log, given, margin),
    }
    occurring = table["reason"].drop_nulls().unique().to_list()
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
            _together(table, str(given.horizon)),
            *(f"{reason}: {meaning}" for reason, meaning in REASONS.items() if reason in occurring),
        ),
        as_of=log.as_of,
        currency=currency,
        definitions={name: meaning.format_map(words) for name, meaning in COLUMNS.items() if meaning},
    )


def _table(
    found: Customers,
    seen: Histories,
    buying: PurchaseModel | ByCell,
    money_fit: Fit | None,
    given: Valuation,
    margin: float | None,
    *,
    has_amount: bool,
) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    from clvtool.models.purchases import weekly_delta
    from clvtool.models.registry import fitted

    outlook = buying.outlook(given.horizon.days / 7, weekly_delta(given.discount), seen.x, seen.t_x / 7, seen.T / 7)
    reason = np.zeros(found.n, np.uint8)
    empty = pl.lit(None, pl.Float64)
    historic: pl.Series | pl.Expr = pl.lit(None, pl.Decimal(38, MONEY_SCALE))
    each: pl.Series | pl.Expr = empty
    clv: pl.Series | pl.Expr = empty
    if not has_amount:
        reason[:] = _CODES.index("no_amount")
    else:
        net = seen.first + seen.later
        historic = money(net)
        if money_fit is None:
            reason[:] = _CODES.index("no_money_model")
        else:
            spending = fitted(money_fit)
            value = spending.expected_value(seen.x, seen.m)
            each = pl.Series(value)
            reason[~spending.has_expectation(seen.x)] = _CODES.index("observed_mean")
            if margin is None:
                reason[:] = _CODES.index("no_margin")
            else:
                clv = pl.Series(outlook.discounted * value * margin + 0.0)  # never -0
                if margin < 0:
                    reason[:] = _CODES.index("negative_margin")
            reason[((seen.x > 0) & (seen.m <= 0)) | (net < 0)] = _CODES.index("refunded")
    return (
        pl.DataFrame({"customer_id": found.ids})
        .with_columns(
            first_order_date=_dates(found.first),
            last_order_date=_dates(found.last),
            orders=pl.Series(found.total(found.is_order.astype(np.int64))),
            historic_value=historic,
            p_alive=pl.Series(outlook.p_alive),
            p_no_purchase=pl.Series(outlook.p_none),
            expected_orders=pl.Series(outlook.purchases),
            expected_order_value=each,
            clv=clv,
            reason=pl.Series(_CODES, dtype=pl.String)[reason],
        )
        .sort("clv", "expected_orders", "customer_id", descending=[True, True, False], nulls_last=True)
    )


def _dates(days: NDArray[np.int64]) -> pl.Series:
    import polars as pl

    return pl.Series(days).cast(pl.Int32).cast(pl.Date)


def buying_name(name: str) -> str:
    """Return the name of a model of buying, refusing that of money."""
    if name == MONEY:
        raise UsageError(f"--model {MONEY} says what is spent, not whether somebody buys", f"such as --model {DEFAULT}")
    return name


def fit_models(
    seen: Histories,
    model: str | None,
    *,
    has_amount: bool,
    covariates: Sequence[str] = (),
    groups: Partition | None = None,
) -> Models:
    """Return the models fitted to the histories; `groups` has the values of the columns `covariates`.

    Raises FitError when the model of buying cannot be fitted, UsageError for one that is none.
    """
    name = buying_name(model or DEFAULT)
    if covariates and groups is not None:
        buying, notes = fit_with(covariates, name, groups, seen)
    else:
        buying, notes = fit_model(name, seen, has_amount=has_amount), ()
    said = (*notes, *in_words(buying))
    if not has_amount:
        return Models(buying, None, said)
    try:
        spending = fit_model(MONEY, seen, has_amount=has_amount)
    except FitError as error:
        return Models(buying, None, (*said, f"figures of expected money are empty: {error.message}"))
    return Models(buying, spending, (*said, *in_words(spending)))


def load_models(saved: str, model: str | None, seen: Histories, currency: str | None, *, has_amount: bool) -> Models:
    """Return the models of a file.

    Raises DataError for a file that is not right for these orders, UsageError for a model that it does not have.
    """
    from clvtool.models import file

    content = file.loads(saved)
    buying = _buying_of(content, model)
    spending = content.fits.get(MONEY) if has_amount else None
    said = in_words(buying)
    if spending is not None:
        if currency is not None and content.currency is not None and currency != content.currency:
            raise DataError(
                f"the orders are in {currency}, the model file in {content.currency}",
                "fit a model to these orders, or put them into one currency with --rates",
            )
        if currency != content.currency:
            said.append("only one of orders and model file names its currency: they are taken to be in the same one")
        said += in_words(spending)
    elif has_amount:
        said.append(f"figures of expected money are empty: the model file has no {MONEY}")
    if content.fingerprint != fingerprint(seen):
        said.append(f"the models were fitted to other data, up to {content.as_of}")
    return Models(buying, spending, tuple(said))


def _buying_of(content: ModelFile, model: str | None) -> Fit:
    """Return the model of buying of a model file, by its name or the only one."""
    there = [name for name in content.fits if name != MONEY]
    if model is not None and buying_name(model) not in there:
        raise UsageError(f"the model file has no {model}", f"it has: {', '.join(content.fits)}")
    if not there:
        raise DataError("the model file has no model of buying", f"fit one and save it, such as --model {DEFAULT}")
    if model is None and len(there) > 1:
        raise UsageError(f"the model file has several models of buying: {', '.join(there)}", "choose one with --model")
    return content.fits[model or there[0]]


def covariates_of(saved: str | None, model: str | None) -> list[str]:
    """Return the columns that the model of buying in a model file needs; none without a file."""
    from clvtool.models import file

    return [] if saved is None else [column.name for column in _buying_of(file.loads(saved), model).covariates]


def margin_rate(found: Customers, log: OrderLog, given: Valuation) -> float | None:
    """Return the margin as given, or 1 − cost ÷ revenue of these customers; None where there is no revenue."""
    if given.margin is not None:
        return given.margin
    if not (log.has_cost and log.has_amount):
        return 1.0
    revenue = int(found.amount.sum())
    return 1 - int(found.cost.sum()) / revenue if revenue > 0 else None


def margin_words(log: OrderLog, given: Valuation, margin: float | None) -> str:
    """Return where the margin is from."""
    if given.margin is not None:
        return f"{margin:g}, as given with --margin"
    if log.has_cost and log.has_amount:
        return "unknown" if margin is None else f"{margin:.4f}, (revenue - cost) ÷ revenue of all customers"
    return "1, as neither costs nor --margin are known: all money is revenue"


def left_out(log: OrderLog, found: Customers) -> list[str]:
    """Say which events belong to no customer."""
    without = int(found.outside["is_order"].sum())
    said = [f"{without:,} of {log.orders:,} orders have no customer and are left out"] if without else []
    if log.costless and log.has_cost:
        said.append(f"{log.costless:,} of {log.orders:,} orders have no cost: it counts as 0")
    return said


def _together(table: pl.DataFrame, horizon: str) -> str:
    """Say what is expected of all customers together."""
    days = table["expected_orders"].sum()
    total = f"within {horizon} these {table.height:,} customers are expected to buy on {days:,.1f} days"
    return total if table["clv"].null_count() else f"{total}; their clv adds up to {table['clv'].sum():,.2f}"
