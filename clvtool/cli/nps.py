"""`clvtool nps`: net promoter score."""

from typing import Annotated, Literal

import typer

from clvtool.cli.options import Level, names
from clvtool.cli.output import Deliver
from clvtool.cli.surveying import ByAnswer, SurveyReading, Surveys, Wave, scale_of
from clvtool.report.progress import working


def nps(
    *,
    inputs: Surveys,
    reading: SurveyReading,
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
) -> None:
    """Say how many would recommend the shop: promoters (9-10), passives (7-8), detractors, and the net promoter score.

    clvtool nps sample_data/survey.csv
    clvtool nps sample_data/survey.csv --by channel,country
    clvtool nps sample_data/survey.csv --period quarter
    """
    from clvtool.ingest.account import notes_of
    from clvtool.metrics.nps import nps as answer

    asked = scale_of(scale, "0-10")
    with working("counting", quiet=deliver.quiet):
        answers = reading.read(inputs, "nps", asked, names(by))
        result = answer(answers.table, asked, by=names(by), period=period, level=level, notes=notes_of(answers.reading))
    deliver(result)
