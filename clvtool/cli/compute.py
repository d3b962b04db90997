"""`clvtool compute`: customer lifetime value by four methods."""

from dataclasses import replace
from typing import Annotated

import typer

from clvtool.cli.options import (
    INPUT,
    ActiveWindow,
    By,
    Counting,
    Discount,
    Horizon,
    Level,
    LogFromStart,
    Margin,
    Period,
    Reading,
    margin_of,
    names,
)
from clvtool.cli.output import Deliver, Plot
from clvtool.errors import UsageError
from clvtool.report.progress import working

TYPED = "Typed numbers instead of a file"


def compute(
    *,
    reading: Reading,
    counting: Counting,
    deliver: Deliver,
    inputs: Annotated[list[str] | None, INPUT] = None,
    by: By = None,
    period: Period = "month",
    active_window: ActiveWindow = "auto",
    horizon: Horizon = "12m",
    discount: Discount = 0.10,
    margin: Margin = None,
    lifespan: Annotated[
        str,
        typer.Option(
            metavar="churn|observed|N", help="Lifespan for methods 1 and 3: by net churn, as observed, or N periods."
        ),
    ] = "churn",
    cac: Annotated[
        float | None, typer.Option(metavar="N", help="Cost of acquiring a customer: adds CLV:CAC and payback.")
    ] = None,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Add what a change of churn, AOV or frequency does.")
    ] = False,
    log_from_start: LogFromStart = False,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]", help="Only these metrics, such as aov,clv_predictive: groups side by side."
        ),
    ] = None,
    over_time: Annotated[
        bool,
        typer.Option(
            "--over-time", help="The same table for every period: the analysis as it stood at the end of each."
        ),
    ] = False,
    level: Level = 0.95,
    aov: Annotated[float | None, typer.Option(metavar="N", help="Average order value.", rich_help_panel=TYPED)] = None,
    frequency: Annotated[
        float | None, typer.Option(metavar="N", help="Orders per customer and period.", rich_help_panel=TYPED)
    ] = None,
    churn: Annotated[
        float | None,
        typer.Option(metavar="RATE", help="Churn per period; lifespan is 1 ÷ churn.", rich_help_panel=TYPED),
    ] = None,
    plot: Plot = False,
) -> None:
    """Say what a customer is worth, by four methods side by side, and why they differ.

    clvtool compute sample_data/orders.csv
    clvtool compute sample_data/orders.csv --by channel --metric clv_predictive
    clvtool compute sample_data/cdnow.csv --horizon 24m --discount 0.15
    clvtool compute sample_data/orders.csv --over-time --period quarter --metric aov,churn_rate,clv_comprehensive
    clvtool compute --aov 200 --frequency 4 --lifespan 5 --period year
    """
    from clvtool.metrics.valuation import Valuation, only
    from clvtool.periods import duration

    rate, column = margin_of(margin)
    valuation = Valuation(
        period=period,
        active_window=active_window,
        horizon=duration(horizon),
        discount=discount,
        margin=rate,
        lifespan=lifespan,
        level=level,
        cac=cac,
        sensitivity=sensitivity,
        log_from_start=log_from_start,
    )
    typed = {"--aov": aov, "--frequency": frequency, "--churn": churn}
    given = [flag for flag, number in typed.items() if number is not None]
    if inputs and given:
        raise UsageError(f"{given[0]} is for typed numbers, and a file was given too", "leave one of them out")
    if over_time and not inputs:
        raise UsageError("--over-time needs a log of orders", "name a file: clvtool compute orders.csv --over-time")
    if plot and not over_time:
        raise UsageError("--plot draws a series of periods, and there is none", "add --over-time")
    if not inputs:
        from clvtool.metrics.typed import compute_typed

        if not given:
            raise UsageError("there is no INPUT", "name a file, or - for standard input: clvtool compute orders.csv")
        deliver(only(compute_typed(aov, frequency, churn, valuation), names(metric)))
        return
    from clvtool.ingest.account import notes_of
    from clvtool.metrics.over_time import compute_over_time
    from clvtool.metrics.value import compute as compute_once

    by_columns = names(by)
    if column is not None:
        reading = replace(reading, map=[*(reading.map or []), f"margin={column}"])
    with working("computing", quiet=deliver.quiet):
        orders = reading.orders(inputs, [*by_columns, *counting.columns()])
        answer = compute_over_time if over_time else compute_once
        result = answer(
            orders.take(),
            valuation,
            counting.policies(),
            by=by_columns,
            currency=orders.currency,
            notes=notes_of(orders.reading),
        )
    deliver(only(result, names(metric)), plot=plot)
