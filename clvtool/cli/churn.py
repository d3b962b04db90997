"""`clvtool churn`: who is leaving, and the money at risk."""

from dataclasses import replace
from typing import Annotated

import typer

from clvtool.cli.buying import Load, Model
from clvtool.cli.options import Counting, Discount, Horizon, Inputs, Margin, Reading, margin_of, names
from clvtool.cli.output import Deliver
from clvtool.errors import UsageError
from clvtool.report.progress import working


def churn(
    *,
    inputs: Inputs,
    reading: Reading,
    counting: Counting,
    deliver: Deliver,
    within: Annotated[
        str, typer.Option(metavar="DURATION", help="For how long without a purchase a customer counts as gone.")
    ] = "90d",
    bands: Annotated[
        str, typer.Option(metavar="P[,P]", help="Probabilities from which on the next band of risk begins, 1 to 4.")
    ] = "0.3,0.6,0.9",
    risk: Annotated[
        str | None, typer.Option(metavar="BAND[,BAND]", help="Only customers of these bands, such as medium,high.")
    ] = None,
    total: Annotated[
        bool, typer.Option("--total", help="One row a band of risk: customers, how many are late, money at risk.")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COL[,COL]",
            help="With --total: also for each group of customers. With --features: columns to learn from, too.",
        ),
    ] = None,
    features: Annotated[
        bool,
        typer.Option(
            "--features", help="Add a second opinion, learnt from the log itself: rhythm, money, refunds, --by columns."
        ),
    ] = False,
    drivers: Annotated[
        bool, typer.Option("--drivers", help="With --features, instead: what goes together with leaving, and how far.")
    ] = False,
    backtest: Annotated[
        bool,
        typer.Option(
            "--backtest", help="Instead: how good such chances were at earlier days, beside simple forecasts."
        ),
    ] = False,
    calibration: Annotated[
        bool, typer.Option("--calibration", help="With --backtest: predicted and observed by tenth of the chances.")
    ] = False,
    cutoff: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATE", help="With --backtest: stand at this day. Repeatable. Without it: three, --within apart."
        ),
    ] = None,
    model: Model = None,
    load: Load = None,
    horizon: Horizon = "12m",
    discount: Discount = 0.10,
    margin: Margin = None,
) -> None:
    """Say who is leaving, how late they are for their own rhythm, and how much money stands on it.

    clvtool churn sample_data/orders.csv --limit 20
    clvtool churn sample_data/orders.csv --risk medium,high --horizon 6m
    clvtool churn sample_data/orders.csv --within 60d --total --by channel
    clvtool churn sample_data/orders.csv --features --drivers --by channel,category
    clvtool churn sample_data/orders.csv --backtest --features --by channel
    clvtool churn sample_data/cdnow.csv --within 13w --backtest --calibration --model mbg-nbd
    """
    from clvtool.ingest.account import notes_of
    from clvtool.ingest.saved import read_text
    from clvtool.metrics.backtest import backtest as tried
    from clvtool.metrics.bands import Bands
    from clvtool.metrics.churn import churn as answer
    from clvtool.metrics.opinion import drivers as driven
    from clvtool.metrics.valuation import Valuation
    from clvtool.periods import day, duration

    _check(backtest, {"--calibration": calibration, "--cutoff": cutoff}, "--backtest")
    _check(features, {"--drivers": drivers}, "--features")
    for flag, given in {"--backtest": backtest, "--drivers": drivers}.items():
        taken = {"--load": load, "--risk": risk, "--total": total, "--drivers": drivers and backtest}
        clash = [option for option, value in taken.items() if value and given and option != flag]
        if clash:
            raise UsageError(f"{clash[0]} does not go with {flag}", "leave one of them out")
    if by and backtest and not features:
        raise UsageError("--by of a back-test is what the second opinion learns from", "add --features")
    rate, column = margin_of(margin)
    if column is not None:
        reading = replace(reading, map=[*(reading.map or []), f"margin={column}"])
    valuation = Valuation(horizon=duration(horizon), discount=discount, margin=rate)
    columns, span, chosen = names(by), duration(within), Bands.of(bands)
    days = [day(text, "--cutoff") for text in cutoff or []]
    saved = None if load is None else read_text(load)
    with working("predicting", quiet=deliver.quiet):
        orders = reading.orders(inputs, [*columns, *counting.columns()])
        policies, currency, notes = counting.policies(), orders.currency, notes_of(orders.reading)
        if backtest:
            result = tried(
                orders.take(),
                policies,
                within=span,
                cutoffs=days,
                model=model,
                features=features,
                by=columns,
                calibration=calibration,
                currency=currency,
                notes=notes,
            )
        elif drivers:
            result = driven(orders.take(), policies, within=span, by=columns, currency=currency, notes=notes)
        else:
            result = answer(
                orders.take(),
                valuation,
                policies,
                within=span,
                bands=chosen,
                model=model,
                saved=saved,
                risks=names(risk),
                total=total,
                features=features,
                by=columns,
                currency=currency,
                notes=notes,
            )
    deliver(result)


def _check(wanted: bool, options: dict[str, object], by: str) -> None:  # noqa: FBT001 (an option)
    """Refuse options that say something of what was not asked for."""
    for option, value in options.items():
        if value and not wanted:
            raise UsageError(f"{option} says nothing without {by}", f"add {by}")
