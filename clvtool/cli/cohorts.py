"""`clvtool cohorts`: what the customers of each period become."""

from dataclasses import replace
from typing import Annotated, Literal

import typer

from clvtool.cli.options import By, Counting, Inputs, Margin, Period, Reading, margin_of, names
from clvtool.cli.output import Deliver, Plot
from clvtool.report.progress import working


def cohorts(
    *,
    inputs: Inputs,
    reading: Reading,
    counting: Counting,
    deliver: Deliver,
    by: By = None,
    period: Period = "month",
    value: Annotated[
        Literal["retention", "customers", "orders", "revenue", "cumulative", "margin", "aov"],
        typer.Option(
            metavar="FIGURE",
            help="What the table at a terminal shows: retention, customers, orders, revenue, cumulative, margin or "
            "aov. All other formats have one row a cohort and age, with every figure.",
        ),
    ] = "retention",
    rolling: Annotated[
        bool, typer.Option("--rolling", help="Count ages from each customer's own first day, not by the calendar.")
    ] = False,
    max_age: Annotated[int | None, typer.Option(metavar="N", min=0, help="Only ages up to N periods.")] = None,
    margin: Margin = None,
    plot: Plot = False,
) -> None:
    """Say what the customers won in each period do later: who still buys, and what they have brought in.

    clvtool cohorts sample_data/orders.csv
    clvtool cohorts sample_data/orders.csv --value cumulative --period quarter --by channel
    clvtool cohorts sample_data/cdnow.csv --rolling --max-age 12 --format csv
    """
    from clvtool.ingest.account import notes_of
    from clvtool.metrics.cohorts import cohorts as answer

    rate, column = margin_of(margin)
    columns = names(by)
    if column is not None:
        reading = replace(reading, map=[*(reading.map or []), f"margin={column}"])
    with working("counting", quiet=deliver.quiet):
        orders = reading.orders(inputs, [*columns, *counting.columns()])
        result = answer(
            orders.take(),
            counting.policies(),
            period=period,
            value=value,
            rolling=rolling,
            max_age=max_age,
            by=columns,
            margin=rate,
            currency=orders.currency,
            notes=notes_of(orders.reading),
        )
    deliver(result, plot=plot)
