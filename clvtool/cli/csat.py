"""`clvtool csat`: customer satisfaction."""

from typing import Annotated

import typer

from clvtool.cli.earlier import Earlier
from clvtool.cli.joining import Joining
from clvtool.cli.options import Level, names
from clvtool.cli.output import Deliver
from clvtool.cli.surveying import ByAnswer, Positive, SurveyReading, Surveys, Wave, scale_of
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
) -> None:
    """Say how many are satisfied: the share of positive answers (4 and 5 of 5) with its interval, and the mean.

    clvtool csat sample_data/survey.csv
    clvtool csat sample_data/survey.csv --by channel
    clvtool csat sample_data/survey.csv --orders sample_data/orders.csv
    clvtool csat sample_data/survey.csv --period quarter --positive 5
    """
    from functools import partial

    from clvtool.ingest.account import notes_of
    from clvtool.metrics.csat import csat as answer
    from clvtool.metrics.csat import rating_of

    asked = scale_of(scale)
    joining.check(by=by, period=period, weight=reading.weight, earlier=earlier)
    with working("counting", quiet=deliver.quiet):
        shop = joining.shop(names(by), reading.hash_ids)
        answers = reading.read(inputs, "csat", asked, joining.columns(names(by)), joining)
        columns, notes, kinds = names(by), notes_of(answers.reading), rating_of(asked, positive).kinds
        figure = partial(answer, scale=asked, positive=positive, level=level)
        if joining.wanted:
            result = joining.result(answers, kinds, figure, shop, level=level, notes=notes)
        else:
            again = partial(figure, by=columns, period=period)
            result = again(answers.table, notes=notes)
            result = earlier.beside(result, "csat", asked, level=level, reading=reading, again=again, by=columns)
    deliver(result)
