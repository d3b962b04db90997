"""`clvtool ces`: customer effort score."""

from typing import Annotated

import typer

from clvtool.cli.earlier import Earlier
from clvtool.cli.joining import Joining
from clvtool.cli.options import Level, names
from clvtool.cli.output import Deliver
from clvtool.cli.surveying import ByAnswer, Comments, Drivers, Positive, SurveyReading, Surveys, Wave, alone, scale_of
from clvtool.report.progress import working


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
    from functools import partial

    from clvtool.ingest.account import notes_of
    from clvtool.metrics.ces import ces as answer
    from clvtool.metrics.ces import rating_of
    from clvtool.metrics.ratings import measure_of
    from clvtool.metrics.terms import terms

    asked = scale_of(scale, high_is_good=high_is_good)
    alone({"--comments": comments, "--drivers": drivers}, {"--by": by, "--period": period})
    alone({"--comments": comments, "--drivers": drivers}, {**joining.said, **earlier.said})
    joining.check(by=by, period=period, weight=reading.weight, earlier=earlier)
    rating = rating_of(asked, positive)
    if drivers is not None:
        with working("counting", quiet=deliver.quiet):
            found = reading.drivers(inputs, drivers, measure_of(rating), ("ces", asked), level)
        deliver(found)
        return
    with working("counting", quiet=deliver.quiet):
        shop = joining.shop(names(by), reading.hash_ids)
        answers = reading.read(inputs, "ces", asked, joining.columns(names(by)), joining)
        columns, notes = names(by), notes_of(answers.reading)
        figure = partial(answer, scale=asked, positive=positive, level=level)
        if comments:
            result = terms(answers.table, rating.sides(), level=level, notes=notes)
        elif joining.wanted:
            result = joining.result(answers, rating.kinds, figure, shop, level=level, notes=notes)
        else:
            again = partial(figure, by=columns, period=period)
            result = again(answers.table, notes=notes)
            result = earlier.beside(result, "ces", asked, level=level, reading=reading, again=again, by=columns)
    deliver(result)
