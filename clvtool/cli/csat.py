"""`clvtool csat`: customer satisfaction."""

from typing import Annotated

import typer

from clvtool.cli.earlier import Earlier
from clvtool.cli.joining import Joining
from clvtool.cli.options import Level
from clvtool.cli.output import Deliver
from clvtool.cli.rated import rated
from clvtool.cli.surveying import ByAnswer, Comments, Drivers, Positive, SurveyReading, Surveys, Wave, scale_of


def csat(
    *,
    inputs: Surveys,
    reading: SurveyReading,
    joining: Joining,
    earlier: Earlier,
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
    clvtool csat sample_data/survey.csv --orders sample_data/orders.csv
    clvtool csat sample_data/survey.csv --period quarter --positive 5
    """
    from clvtool.metrics.csat import rating_of

    rating = rating_of(scale_of(scale), positive)
    result = rated(
        *(inputs, rating, reading, joining, earlier, deliver),
        by=by,
        period=period,
        level=level,
        comments=comments,
        drivers=drivers,
    )
    deliver(result)
