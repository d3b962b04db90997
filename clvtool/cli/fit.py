"""`clvtool fit`: models of buying, leaving and spending."""

from pathlib import Path
from typing import Annotated

import typer

from clvtool.cli.options import Counting, Inputs, Level, Reading
from clvtool.cli.output import Deliver
from clvtool.models.registry import MODELS
from clvtool.report.progress import working


def fit(
    *,
    inputs: Inputs,
    reading: Reading,
    counting: Counting,
    deliver: Deliver,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help=f"{', '.join(MODELS)}; repeatable. Without it: bg-nbd and gamma-gamma.",
        ),
    ] = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the fitted models to FILE, as JSON.")] = None,
    level: Level = 0.95,
) -> None:
    """Fit models of buying, leaving and spending, with standard errors.

    clvtool fit sample_data/cdnow.csv --as-of 1997-09-30
    clvtool fit sample_data/orders.csv --model bg-nbd --save model.json
    """
    from clvtool.errors import UsageError
    from clvtool.ingest.account import notes_of
    from clvtool.metrics.fit import fit as answer
    from clvtool.report.files import check_target, write_text

    if not 0 < level < 1:
        raise UsageError(f"--level {level:g} is not between 0 and 1")
    if save is not None:
        check_target(save)
    with working("fitting", quiet=deliver.quiet):
        orders = reading.orders(inputs, counting.columns())
        result = answer(
            orders.take(),
            model or [],
            counting.policies(),
            level=level,
            currency=orders.currency,
            notes=notes_of(orders.reading),
        )
    if save is not None:
        write_text(result.metadata["model"], save)
    deliver(result)
