"""`clvtool ces`: customer effort score."""

from typing import Annotated

import typer

from clvtool.cli.earlier import Earlier
from clvtool.cli.joining import Joining
from clvtool.cli.options import Level
from clvtool.cli.output import Deliver
from clvtool.cli.rated import rated
from clvtool.cli.surveying import ByAnswer, Comments, Drivers, Positive, SurveyReading, Surveys, Wave, scale_of


def ces(
    *,
    inputs: Surveys,
    reading: SurveyReading,
    joining: Joining,
    earlier: Earlier,
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
    clvtool ces sample_data/survey.csv --orders sample_data/orders.csv
    clvtool ces sample_data/survey.csv --period quarter
    clvtool ces sample_data/survey.csv --by country --positive 1
    """
    from clvtool.metrics.ces import rating_of

    rating = rating_of(scale_of(scale, high_is_good=high_is_good), positive)
    result = rated(
        *(inputs, rating, reading, joining, earlier, deliver),
        by=by,
        period=period,
        level=level,
        comments=comments,
        drivers=drivers,
    )
    deliver(result)
