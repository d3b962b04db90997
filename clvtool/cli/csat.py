"""`clvtool csat`: customer satisfaction."""

from typing import Annotated

import typer

from clvtool.cli.earlier import Earlier
from clvtool.cli.joining import Joining
from clvtool.cli.options import Level, names
from clvtool.cli.output import Deliver
from clvtool.cli.surveying import ByAnswer, Comments, Drivers, Positive, SurveyReading, Surveys, Wave, alone, scale_of
from clvtool.report.progress import working


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
    from functools import partial

    from clvtool.ingest.account import notes_of
    from clvtool.metrics.csat import csat as answer
    from clvtool.metrics.csat import rating_of
    from clvtool.metrics.ratings import measure_of
    from clvtool.metrics.terms import terms

    asked = scale_of(scale)
    alone({"--comments": comments, "--drivers": drivers}, {"--by": by, "--period": period})
    alone({"--comments": comments, "--drivers": drivers}, {**joining.said, **earlier.said})
    joining.check(by=by, period=period, weight=reading.weight, earlier=earlier)
    rating = rating_of(asked, positive)
    if drivers is not None:
        with working("counting", quiet=deliver.quiet):
            found = reading.drivers(inputs, drivers, measure_of(rating), ("csat", asked), level)
        deliver(found)
        return
    with working("counting", quiet=deliver.quiet):
        shop = joining.shop(names(by), reading.hash_ids)
        answers = reading.read(inputs, "csat", asked, joining.columns(names(by)), joining)
        columns, notes = names(by), notes_of(answers.reading)
        figure = partial(answer, scale=asked, positive=positive, level=level)
        if comments:
            result = terms(answers.table, rating.sides(), level=level, notes=notes)
        elif joining.wanted:
            result = joining.result(answers, rating.kinds, figure, shop, level=level, notes=notes)
        else:
            again = partial(figure, by=columns, period=period)
            result = again(answers.table, notes=notes)
            result = earlier.beside(result, "csat", asked, level=level, reading=reading, again=again, by=columns)
    deliver(result)
