"""`clvtool segment`: every customer in one segment."""

from typing import Annotated

import typer

from clvtool.cli.options import Counting, Inputs, Reading, names
from clvtool.cli.output import Deliver
from clvtool.cli.segmenting import Segmenting
from clvtool.report.progress import working


def segment(
    *,
    inputs: Inputs,
    reading: Reading,
    counting: Counting,
    segmenting: Segmenting,
    deliver: Deliver,
    vip_share: Annotated[
        float, typer.Option(metavar="SHARE", help="How many of the customers are VIP, those with the most revenue.")
    ] = 0.05,
    clv: Annotated[
        bool,
        typer.Option("--clv", help="Add what each customer is expected to bring in within --horizon; fits two models."),
    ] = False,
    summary: Annotated[
        bool, typer.Option("--summary", help="One row a segment: size, shares, medians, what is over-represented.")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(metavar="COL[,COL]", help="With --summary: look also for over-represented values of these."),
    ] = None,
) -> None:
    """Put every customer into one segment.

    clvtool segment sample_data/orders.csv
    clvtool segment sample_data/orders.csv --scheme tiers --tiers 500,200,50
    clvtool segment sample_data/orders.csv --summary --by channel,country,product
    clvtool segment sample_data/orders.csv --scheme tiers --tiers-by clv --summary
    clvtool segment sample_data/cdnow.csv --scheme lifecycle --as-of 1997-12-31
    """
    from clvtool.ingest.account import notes_of
    from clvtool.metrics.segment import segment as answer

    chosen = segmenting.choice()
    with working("segmenting", quiet=deliver.quiet):
        orders = reading.orders(inputs, [*names(by), *counting.columns()])
        result = answer(
            orders.take(),
            chosen,
            counting.policies(),
            vip_share=vip_share,
            clv=clv,
            summary=summary,
            by=names(by),
            currency=orders.currency,
            notes=notes_of(orders.reading),
        )
    deliver(result)
