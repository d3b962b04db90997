"""`clvtool cohorts`: what the customers of each period become."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from clvtool.cli.options import By, Counting, Discount, Horizon, Inputs, Margin, Period, Reading, margin_of, names
from clvtool.cli.output import Deliver, Plot
from clvtool.errors import UsageError
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
    cohort_by: Annotated[
        str | None,
        typer.Option(
            metavar="COL", help="A cohort is a value of this column on the first order, such as channel, over all time."
        ),
    ] = None,
    spend: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What winning customers cost: a table of date, spend and, with --by channel, channel. Adds CAC, "
            "payback and CLV:CAC.",
        ),
    ] = None,
    horizon: Horizon = "12m",
    discount: Discount = 0.10,
    windows: Annotated[
        str | None,
        typer.Option(
            metavar="DAYS,...",
            help="Instead: orders, repeat purchases and money within so many days of each customer's own first order, "
            "such as 30,60,90,180,365.",
        ),
    ] = None,
    max_age: Annotated[int | None, typer.Option(metavar="N", min=0, help="Only ages up to N periods.")] = None,
    margin: Margin = None,
    plot: Plot = False,
) -> None:
    """Say what the customers won in each period do later: who still buys, and what they have brought in.

    clvtool cohorts sample_data/orders.csv
    clvtool cohorts sample_data/orders.csv --value cumulative --period quarter --by channel
    clvtool cohorts sample_data/orders.csv --spend sample_data/spend.csv --by channel
    clvtool cohorts sample_data/orders.csv --windows 30,60,90,180,365 --cohort-by channel
    clvtool cohorts sample_data/cdnow.csv --rolling --max-age 12 --format csv
    """
    from clvtool.ingest.account import notes_of
    from clvtool.ingest.spend import read_spend
    from clvtool.metrics.acquisition import Spend
    from clvtool.metrics.cohort_windows import windows as within
    from clvtool.metrics.cohorts import cohorts as by_age
    from clvtool.periods import duration

    rate, column = margin_of(margin)
    columns = names(by)
    grouping = columns if cohort_by is None else [*columns, cohort_by]
    spans = None if windows is None else _days(windows)
    by_ages = {"--spend": spend, "--max-age": max_age, "--rolling": rolling or None}
    for flag, given in by_ages.items():
        if spans and given is not None:
            raise UsageError(f"{flag} is about ages, and --windows counts by days", "leave one of them out")
    if spans and value != "retention":
        raise UsageError(
            "--value is about the table of ages, and --windows has all its figures", "leave one of them out"
        )
    spent = None
    if spend is not None:
        spent = Spend(read_spend(str(spend), grouping), duration(horizon), discount)
    if column is not None:
        reading = replace(reading, map=[*(reading.map or []), f"margin={column}"])
    with working("counting", quiet=deliver.quiet):
        orders = reading.orders(inputs, [*grouping, *counting.columns()])
        answer = (
            partial(within, spans=spans)
            if spans
            else partial(by_age, value=value, rolling=rolling, max_age=max_age, spend=spent)
        )
        result = answer(
            orders.take(),
            policies=counting.policies(),
            period=period,
            by=columns,
            cohort_by=cohort_by,
            margin=rate,
            currency=orders.currency,
            notes=notes_of(orders.reading),
        )
    deliver(result, plot=plot)


def _days(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--windows {text}: not days", "write --windows 30,60,90") from None
