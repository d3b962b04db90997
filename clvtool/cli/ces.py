"""`clvtool ces`: customer effort score."""

from typing import Annotated

import typer

from clvtool.cli.options import Level, names
from clvtool.cli.output import Deliver
from clvtool.cli.surveying import ByAnswer, Comments, Drivers, Positive, SurveyReading, Surveys, Wave, alone, scale_of
from clvtool.report.progress import working


def ces(
    *,
    inputs: Surveys,
    reading: SurveyReading,
    deliver: Deliver,
    scale: Annotated[
        str, typer.Option(metavar="LOW-HIGH", help="The lowest and the highest score that could be given.")
    ] = "1-5",
    high_is_good: Annotated[
        bool,
        typer.Option("--high-is-good", help="A high score is little effort, as where people agree that it was easy."),
    ] = False,
    positive: Positive = None,
    by: ByAnswer = None,
    period: Wave = None,
    level: Level = 0.95,
    comments: Comments = False,
    drivers: Drivers = None,
) -> None:
    """Say how much effort customers had: the mean with its interval, and the share for whom it was little.

    On the scale from 1 to 5 a low score is little effort, so a rising score is worse.

    clvtool ces sample_data/survey.csv
    clvtool ces sample_data/survey.csv --comments
    clvtool ces sample_data/survey.csv --drivers all
    clvtool ces sample_data/survey.csv --period quarter
    clvtool ces sample_data/survey.csv --by country --positive 1
    """
    from clvtool.ingest.account import notes_of
    from clvtool.metrics.ces import ces as answer
    from clvtool.metrics.ces import rating
    from clvtool.metrics.ratings import measure_of
    from clvtool.metrics.terms import terms

    asked = scale_of(scale, high_is_good=high_is_good)
    alone({"--comments": comments, "--drivers": drivers}, {"--by": by, "--period": period})
    if drivers is not None:
        with working("counting", quiet=deliver.quiet):
            found = reading.drivers(inputs, drivers, measure_of(rating(asked, positive)), ("ces", asked), level)
        deliver(found)
        return
    with working("counting", quiet=deliver.quiet):
        answers = reading.read(inputs, "ces", asked, names(by))
        notes = notes_of(answers.reading)
        if comments:
            result = terms(answers.table, rating(asked, positive).sides(), level=level, notes=notes)
        else:
            result = answer(
                answers.table, asked, positive=positive, by=names(by), period=period, level=level, notes=notes
            )
    deliver(result)
