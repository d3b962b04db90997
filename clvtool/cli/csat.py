"""`clvtool csat`: customer satisfaction."""

from typing import Annotated

import typer

from clvtool.cli.options import Level, names
from clvtool.cli.output import Deliver
from clvtool.cli.surveying import ByAnswer, Comments, Drivers, Positive, SurveyReading, Surveys, Wave, alone, scale_of
from clvtool.report.progress import working


def csat(
    *,
    inputs: Surveys,
    reading: SurveyReading,
    deliver: Deliver,
    scale: Annotated[
        str, typer.Option(metavar="LOW-HIGH", help="The lowest and the highest score that could be given.")
    ] = "1-5",
    positive: Positive = None,
    by: ByAnswer = None,
    period: Wave = None,
    level: Level = 0.95,
    comments: Comments = False,
    drivers: Drivers = None,
) -> None:
    """Say how many are satisfied: the share of positive answers (4 and 5 of 5) with its interval, and the mean.

    clvtool csat sample_data/survey.csv
    clvtool csat sample_data/survey.csv --by channel
    clvtool csat sample_data/survey.csv --comments
    clvtool csat sample_data/survey.csv --drivers all
    clvtool csat sample_data/survey.csv --period quarter --positive 5
    """
    from clvtool.ingest.account import notes_of
    from clvtool.metrics.csat import csat as answer
    from clvtool.metrics.csat import rating
    from clvtool.metrics.ratings import measure_of
    from clvtool.metrics.terms import terms

    asked = scale_of(scale)
    alone({"--comments": comments, "--drivers": drivers}, {"--by": by, "--period": period})
    if drivers is not None:
        with working("counting", quiet=deliver.quiet):
            found = reading.drivers(inputs, drivers, measure_of(rating(asked, positive)), ("csat", asked), level)
        deliver(found)
        return
    with working("counting", quiet=deliver.quiet):
        answers = reading.read(inputs, "csat", asked, names(by))
        notes = notes_of(answers.reading)
        if comments:
            result = terms(answers.table, rating(asked, positive).sides(), level=level, notes=notes)
        else:
            result = answer(
                answers.table, asked, positive=positive, by=names(by), period=period, level=level, notes=notes
            )
    deliver(result)
