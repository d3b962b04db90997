"""`clvtool retention`: how many customers stay."""

from functools import partial
from typing import Annotated

import typer

from clvtool.cli.options import ActiveWindow, By, Counting, Inputs, Level, Period, Reading, names
from clvtool.cli.output import Deliver, Plot
from clvtool.report.progress import working


def retention(
    *,
    inputs: Inputs,
    reading: Reading,
    counting: Counting,
    deliver: Deliver,
    by: By = None,
    period: Period = "month",
    active_window: ActiveWindow = "auto",
    level: Level = 0.95,
    repeat: Annotated[
        bool,
        typer.Option(
            "--repeat",
            help="Instead: who bought again within 30, 60, 90, 180 and 365 days, per period of the first order.",
        ),
    ] = False,
    plot: Plot = False,
) -> None:
    """Say how many customers stay, leave and come back in every period, and whether that is getting better.

    clvtool retention sample_data/orders.csv
    clvtool retention sample_data/orders.csv --by channel --period quarter
    clvtool retention sample_data/cdnow.csv --active-window 90 --format json
    clvtool retention sample_data/orders.csv --repeat --period quarter
    """
    from clvtool.ingest.account import notes_of
    from clvtool.metrics.repeat import repeat as repeated
    from clvtool.metrics.retention import retention as balance

    columns = names(by)
    with working("counting", quiet=deliver.quiet):
        orders = reading.orders(inputs, [*columns, *counting.columns()])
        answer = repeated if repeat else partial(balance, window=active_window)
        result = answer(
            orders.take(),
            counting.policies(),
            period=period,
            by=columns,
            level=level,
            currency=orders.currency,
            notes=notes_of(orders.reading),
        )
    deliver(result, plot=plot)
