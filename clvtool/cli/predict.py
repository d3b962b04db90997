"""`clvtool predict`: what each customer is expected to do and to be worth."""

from dataclasses import replace
from typing import Annotated, Literal

import typer

from clvtool.cli.buying import Load, Model
from clvtool.cli.options import Counting, Discount, Horizon, Inputs, Level, Margin, Reading, margin_of, names
from clvtool.cli.output import Deliver
from clvtool.report.progress import working


def predict(
    *,
    inputs: Inputs,
    reading: Reading,
    counting: Counting,
    deliver: Deliver,
    model: Model = None,
    load: Load = None,
    covariate: Annotated[
        str | None,
        typer.Option(metavar="COL[,COL]", help="Customers differ by these columns, as of the first order."),
    ] = None,
    horizon: Horizon = "12m",
    discount: Discount = 0.10,
    margin: Margin = None,
    level: Level = 0.95,
    residual_lifetime: Annotated[
        bool,
        typer.Option(
            "--residual-lifetime",
            help="Also the value without a horizon: all that is still to come, discounted (residual_lifetime_value).",
        ),
    ] = False,
    total: Annotated[
        bool, typer.Option("--total", help="Instead: the sum over all customers, with its interval.")
    ] = False,
    by: Annotated[
        str | None, typer.Option(metavar="COL[,COL]", help="With --total: also for each group of customers.")
    ] = None,
    cohort: Annotated[
        Literal["day", "week", "month", "quarter", "year"] | None,
        typer.Option(
            metavar="day|week|month|quarter|year", help="With --total: also by the period of the first order."
        ),
    ] = None,
) -> None:
    """Say of each customer whether they are still there, what they will buy, and what that is worth today.

    clvtool predict sample_data/orders.csv --limit 10
    clvtool predict sample_data/cdnow.csv --as-of 1997-09-30 --horizon 39w --model mbg-nbd
    clvtool predict sample_data/orders.csv --total --by channel
    """
    from clvtool.errors import UsageError
    from clvtool.ingest.account import notes_of
    from clvtool.ingest.saved import read_text
    from clvtool.metrics.predict import predict as answer
    from clvtool.metrics.prediction_models import covariates_of
    from clvtool.metrics.totals import Grouping
    from clvtool.metrics.valuation import Valuation
    from clvtool.periods import duration

    rate, column = margin_of(margin)
    if column is not None:
        reading = replace(reading, map=[*(reading.map or []), f"margin={column}"])
    valuation = Valuation(horizon=duration(horizon), discount=discount, margin=rate, level=level)
    if not total and (by or cohort):
        raise UsageError(f"{'--by' if by else '--cohort'} makes sums over groups: add --total")
    grouping = Grouping(tuple(names(by)), cohort) if total else None
    saved = None if load is None else read_text(load)
    columns = names(covariate)
    needed = [*columns, *covariates_of(saved, model)]
    with working("predicting", quiet=deliver.quiet):
        orders = reading.orders(inputs, [*names(by), *needed, *counting.columns()])
        result = answer(
            orders.take(),
            valuation,
            counting.policies(),
            model=model,
            saved=saved,
            grouping=grouping,
            residual=residual_lifetime,
            covariates=columns,
            currency=orders.currency,
            notes=notes_of(orders.reading),
        )
    deliver(result)
