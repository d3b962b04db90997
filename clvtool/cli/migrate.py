"""`clvtool migrate`: who moved from which segment into which, between two days."""

from functools import partial
from typing import Annotated, Literal

import typer

from clvtool.cli.options import Counting, Inputs, Reading
from clvtool.cli.output import Deliver, Plot
from clvtool.cli.segmenting import Segmenting
from clvtool.errors import UsageError
from clvtool.report.progress import working


def migrate(
    *,
    inputs: Inputs,
    reading: Reading,
    counting: Counting,
    segmenting: Segmenting,
    deliver: Deliver,
    from_day: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="The first day. Without it: the middle of the log.")
    ] = None,
    to_day: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="The second day. Without it: that of the analysis.")
    ] = None,
    steps: Annotated[
        Literal["week", "month", "quarter", "year"] | None,
        typer.Option(
            metavar="week|month|quarter|year", help="Instead of one comparison: from the end of each such period on."
        ),
    ] = None,
    rescore: Annotated[
        bool, typer.Option("--rescore", help="Take the bounds anew at the second day, and not those of the first.")
    ] = False,
    active_window: Annotated[
        str,
        typer.Option(
            metavar="DAYS|period|auto",
            help="How long a customer is active after a purchase, and has not left; period: since --from.",
        ),
    ] = "auto",
    level: Annotated[float, typer.Option(metavar="SHARE", help="Level of all intervals.")] = 0.95,
    plot: Plot = False,
) -> None:
    """Count who moved from which segment into which between two days, who came and who left.

    Two files that segment -o wrote, before and after, are compared as they are, in place of orders and days.

    clvtool migrate sample_data/orders.csv --from 2025-06-30 --to 2025-12-31
    clvtool migrate sample_data/orders.csv --scheme abc --from 2025-12-31 --steps month
    clvtool migrate sample_data/cdnow.csv --from 1997-09-30 --scheme tiers --tiers 3
    """
    from clvtool.ingest.account import notes_of
    from clvtool.ingest.earlier import segments_of
    from clvtool.metrics.migrate import Span
    from clvtool.metrics.migrate import migrate as between
    from clvtool.metrics.migrate_files import migrate_files
    from clvtool.metrics.migrate_steps import migrate_steps
    from clvtool.periods import day

    span = Span(
        begin=day(from_day, "--from") if from_day else None,
        end=day(to_day, "--to") if to_day else None,
        rescore=rescore,
        active_window=active_window,
        level=level,
    )
    if plot and not steps:
        raise UsageError("--plot draws a series of steps, and there is none", "add --steps month")
    chosen = segmenting.choice()
    tables = segments_of(inputs)
    if tables is not None:
        if from_day or to_day or steps or rescore:
            raise UsageError("two files of segments say themselves what is before and after", "give no days with them")
        deliver(migrate_files(*tables, level=level))
        return
    with working("comparing", quiet=deliver.quiet):
        orders = reading.orders(inputs, counting.columns())
        answer = partial(migrate_steps, unit=steps) if steps else between
        result = answer(
            orders.take(),
            span,
            chosen,
            counting.policies(),
            currency=orders.currency,
            notes=notes_of(orders.reading),
        )
    deliver(result, plot=plot)
