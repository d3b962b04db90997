"""`clvtool forecast`: what will be bought in the next periods."""

from typing import Annotated

import typer

from clvtool.cli.buying import Load, ModelByPeriod
from clvtool.cli.options import By, Counting, Inputs, Level, Period, Reading, names
from clvtool.cli.output import Deliver, Plot
from clvtool.report.progress import working


def forecast(
    *,
    inputs: Inputs,
    reading: Reading,
    counting: Counting,
    deliver: Deliver,
    periods: Annotated[int, typer.Option(metavar="N", help="How many whole periods to look ahead.")] = 12,
    period: Period = "month",
    by: By = None,
    new_customers: Annotated[
        float | None,
        typer.Option(metavar="N", help="New customers per period. Without it: as many as in the last half year."),
    ] = None,
    model: ModelByPeriod = None,
    load: Load = None,
    backtest: Annotated[
        bool,
        typer.Option("--backtest", help="Instead: a forecast from an earlier day, beside what happened after it."),
    ] = False,
    cutoff: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="The earlier day. Without it: N periods back, but no more than a third of the log.",
        ),
    ] = None,
    level: Level = 0.95,
    plot: Plot = False,
) -> None:
    """Say what will be bought in the next months, by those who are customers now and by new ones, and how sure that is.

    clvtool forecast sample_data/orders.csv
    clvtool forecast sample_data/orders.csv --periods 3 --by channel
    clvtool forecast sample_data/orders.csv --periods 8 --period quarter --new-customers 60
    clvtool forecast sample_data/cdnow.csv --as-of 1997-12-31 --backtest
    """
    from clvtool.ingest.account import notes_of
    from clvtool.ingest.saved import read_text
    from clvtool.metrics.forecast import forecast as answer
    from clvtool.periods import day

    columns = names(by)
    saved = None if load is None else read_text(load)
    with working("forecasting", quiet=deliver.quiet):
        orders = reading.orders(inputs, [*columns, *counting.columns()])
        result = answer(
            orders.take(),
            periods,
            counting.policies(),
            period=period,
            by=columns,
            model=model,
            saved=saved,
            new_customers=new_customers,
            level=level,
            cutoff=None if cutoff is None else day(cutoff, "--cutoff"),
            backtest=backtest,
            currency=orders.currency,
            notes=notes_of(orders.reading),
        )
    deliver(result, plot=plot)
