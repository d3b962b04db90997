"""`clvtool predict`: what each customer is expected to do and to be worth."""

from dataclasses import replace
from typing import Annotated

import typer

from clvtool.cli.options import Counting, Discount, Horizon, Inputs, Margin, Reading, margin_of, names
from clvtool.cli.output import Deliver
from clvtool.models.registry import MODELS
from clvtool.report.progress import working


def predict(
    *,
    inputs: Inputs,
    reading: Reading,
    counting: Counting,
    deliver: Deliver,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Model of buying: {', '.join(name for name in MODELS if name != 'gamma-gamma')}. Without it: bg-nbd, "
            "or the one in the file of --load.",
        ),
    ] = None,
    load: Annotated[
        str | None, typer.Option(metavar="FILE", help="Predict from the models that fit --save wrote, fit none.")
    ] = None,
    covariate: Annotated[
        str | None,
        typer.Option(metavar="COL[,COL]", help="Customers differ by these columns, as of the first order."),
    ] = None,
    horizon: Horizon = "12m",
    discount: Discount = 0.10,
    margin: Margin = None,
) -> None:
    """Say of each customer whether they are still there, what they will buy, and what that is worth today.

    clvtool predict sample_data/orders.csv --limit 10
    clvtool predict sample_data/cdnow.csv --as-of 1997-09-30 --horizon 39w --model mbg-nbd
    """
    from clvtool.ingest.account import notes_of
    from clvtool.ingest.saved import read_text
    from clvtool.metrics.predict import covariates_of
    from clvtool.metrics.predict import predict as answer
    from clvtool.metrics.valuation import Valuation
    from clvtool.periods import duration

    rate, column = margin_of(margin)
    if column is not None:
        reading = replace(reading, map=[*(reading.map or []), f"margin={column}"])
    valuation = Valuation(horizon=duration(horizon), discount=discount, margin=rate)
    saved = None if load is None else read_text(load)
    columns = names(covariate)
    needed = [*columns, *covariates_of(saved, model)]
    with working("predicting", quiet=deliver.quiet):
        orders = reading.orders(inputs, [*needed, *counting.columns()])
        result = answer(
            orders.take(),
            valuation,
            counting.policies(),
            model=model,
            saved=saved,
            covariates=columns,
            currency=orders.currency,
            notes=notes_of(orders.reading),
        )
    deliver(result)
