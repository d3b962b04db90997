"""`clvtool fit`: models of buying, leaving and spending."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from clvtool.cli.contracts import AtStart, ByCohort, ByGroup, Contracts, CurveInstead, Length, Periods, PerYear
from clvtool.cli.options import Counting, Inputs, Level, Reading, names
from clvtool.cli.output import Deliver
from clvtool.models.registry import AUTO, MODELS, WITH_COVARIATES
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
            help=f"{AUTO}, {', '.join(MODELS)}; repeatable. Without it: {AUTO}, the model of buying that does best on "
            "orders it has not seen, and gamma-gamma.",
        ),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Only compare the models of buying, those named or all.")
    ] = False,
    cutoff: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATE",
            help="Compare on the orders after this day. Repeatable. Without it: three days in the second half of the "
            "log.",
        ),
    ] = None,
    holdout: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="How long after each cut-off: 90d 12w 12m. Without it: up to the next one."
        ),
    ] = None,
    opportunity: Annotated[
        Literal["week", "month", "year"] | None,
        typer.Option(metavar="week|month|year", help="For bg-bb: in which calendar periods a customer may buy or not."),
    ] = None,
    covariate: Annotated[
        str | None,
        typer.Option(
            metavar="COL[,COL]",
            help="What these columns, as of the first order, do to buying and leaving, with --model "
            f"{', '.join(WITH_COVARIATES)} (without it: bg-nbd).",
        ),
    ] = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the fitted models to FILE, as JSON.")] = None,
    level: Level = 0.95,
    by: ByGroup = None,
    cohort: ByCohort = None,
    customers: AtStart = None,
    curve: CurveInstead = False,
    periods: Periods = None,
    discount: PerYear = None,
    period: Length = None,
) -> None:
    """Fit models of buying, leaving and spending, with standard errors; take the best of them.

    clvtool fit sample_data/cdnow.csv --as-of 1997-09-30
    clvtool fit sample_data/orders.csv --model bg-nbd --save model.json
    clvtool fit sample_data/orders.csv --covariate channel
    clvtool fit sample_data/cdnow.csv --compare --cutoff 1997-09-30
    clvtool fit sample_data/cdnow.csv --model bg-bb --opportunity month
    clvtool fit sample_data/retention.csv --model sbg --by segment --customers 1000 --curve --periods 12
    """
    from clvtool.errors import UsageError
    from clvtool.ingest.account import notes_of
    from clvtool.metrics.choice import Cuts
    from clvtool.metrics.effects import effects
    from clvtool.metrics.fit import compare_models
    from clvtool.metrics.fit import fit as answer
    from clvtool.periods import day, duration
    from clvtool.report.files import check_target, write_text

    if not 0 < level < 1:
        raise UsageError(f"--level {level:g} is not between 0 and 1")
    if save is not None:
        if compare:
            raise UsageError("--compare fits no model to save", "leave out --compare: the comparison is in the notes")
        check_target(save)
    contracts = Contracts(by, cohort, customers, curve, periods, discount, period)
    of_contracts = contracts.among(model or [], comparing=bool(compare or cutoff or holdout), saving=save is not None)
    if opportunity is not None and "bg-bb" not in (model or []):
        raise UsageError("--opportunity is for bg-bb", "add --model bg-bb, or leave it out")
    cuts = Cuts(
        cutoffs=tuple(day(text, "--cutoff") for text in cutoff or []),
        holdout=None if holdout is None else duration(holdout),
    )
    columns = names(covariate)
    if columns and (compare or cuts != Cuts()):
        raise UsageError(
            "--covariate goes with a model, not with a comparison", "leave out --compare, --cutoff, --holdout"
        )
    with working("comparing" if compare else "fitting", quiet=deliver.quiet):
        if of_contracts:
            result = contracts.fit(inputs, of_contracts, reading, counting, level)
        else:
            orders = reading.orders(inputs, [*columns, *counting.columns()])
            told = notes_of(orders.reading)
            if compare:
                result = compare_models(orders.take(), model or [], counting.policies(), cuts, notes=told)
            elif columns:
                result = effects(
                    orders.take(),
                    columns,
                    model or [],
                    counting.policies(),
                    level=level,
                    currency=orders.currency,
                    notes=told,
                )
            else:
                result = answer(
                    orders.take(),
                    model or [],
                    counting.policies(),
                    cuts,
                    opportunity=opportunity,
                    level=level,
                    currency=orders.currency,
                    notes=told,
                )
    if save is not None:
        write_text(result.metadata["model"], save)
    deliver(result)
