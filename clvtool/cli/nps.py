"""`clvtool nps`: net promoter score."""

from typing import Annotated, Literal

import typer

from clvtool.cli.earlier import Earlier
from clvtool.cli.joining import Joining
from clvtool.cli.options import Level, names
from clvtool.cli.output import Deliver
from clvtool.cli.surveying import ByAnswer, Comments, Drivers, SurveyReading, Surveys, Wave, alone, scale_of
from clvtool.report.progress import working


def nps(
    *,
    inputs: Surveys,
    reading: SurveyReading,
    joining: Joining,
    earlier: Earlier,
    deliver: Deliver,
    scale: Annotated[
        Literal["0-10", "1-10"] | None,
        typer.Option(
            metavar="0-10|1-10", help="The scale that was asked on. Without it: 0-10, where the answers agree."
        ),
    ] = None,
    by: ByAnswer = None,
    period: Wave = None,
    level: Level = 0.95,
    list: Annotated[  # noqa: A002 (the name of the option, also in the environment and the config file)
        Literal["detractors", "passives", "promoters"] | None,
        typer.Option(
            "--list",
            metavar="detractors|passives|promoters",
            help="Instead: one row a respondent of these, the newest first, with the comment and the columns of --by.",
        ),
    ] = None,
    comments: Comments = False,
    drivers: Drivers = None,
) -> None:
    """Say how many would recommend the shop: promoters (9-10), passives (7-8), detractors, and the net promoter score.

    clvtool nps sample_data/survey.csv
    clvtool nps sample_data/survey.csv --by channel,country
    clvtool nps sample_data/survey.csv --period quarter --by channel
    clvtool nps sample_data/survey.csv --list detractors --limit 20
    clvtool nps sample_data/survey.csv --comments
    clvtool nps sample_data/survey.csv --drivers all
    clvtool nps sample_data/survey.csv --by channel --benchmark 30
    clvtool nps sample_data/survey.csv --orders sample_data/orders.csv
    clvtool nps sample_data/survey.csv --orders sample_data/orders.csv --tiers 3
    clvtool nps sample_data/survey.csv --orders sample_data/orders.csv --list detractors --limit 20
    clvtool nps sample_data/survey.csv --base sample_data/orders.csv --by channel
    """
    from functools import partial

    from clvtool.ingest.account import notes_of
    from clvtool.metrics.nps import KINDS, SIDES, measure
    from clvtool.metrics.nps import nps as answer
    from clvtool.metrics.respondents import beside, respondents
    from clvtool.metrics.terms import terms

    alone({"--list": list, "--comments": comments, "--drivers": drivers}, {"--period": period})
    alone({"--comments": comments, "--drivers": drivers}, {"--by": by})
    asked = scale_of(scale or "0-10", typed=scale is not None)
    alone({"--comments": comments, "--drivers": drivers}, {**joining.said, **earlier.said})
    joining.check(by=by, period=period, weight=reading.weight, earlier=earlier, listed=list)
    if drivers is not None:
        with working("counting", quiet=deliver.quiet):
            found = reading.drivers(inputs, drivers, measure(), ("nps", asked), level)
        deliver(found)
        return
    with working("counting", quiet=deliver.quiet):
        shop = joining.shop(names(by), reading.hash_ids)
        answers = reading.read(inputs, "nps", asked, joining.columns(names(by)), joining)
        columns, notes = names(by), notes_of(answers.reading)
        figure = partial(answer, scale=asked, level=level)
        if list is not None:
            result = respondents(answers.table, list, by=columns, notes=notes)
            if shop is not None:
                result = beside(result, shop.people, currency=shop.currency, notes=shop.notes)
        elif comments:
            result = terms(answers.table, SIDES, level=level, notes=notes)
        elif joining.wanted:
            result = joining.result(answers, KINDS, figure, shop, level=level, notes=notes)
        else:
            again = partial(figure, by=columns, period=period)
            result = again(answers.table, notes=notes)
            result = earlier.beside(result, "nps", asked, level=level, reading=reading, again=again, by=columns)
    deliver(result)
