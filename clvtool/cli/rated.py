"""What commands of a question with good and other scores (`csat`, `ces`) do alike."""

from functools import partial
from typing import TYPE_CHECKING

from clvtool.cli.options import names
from clvtool.cli.surveying import alone
from clvtool.report.progress import working

if TYPE_CHECKING:
    from clvtool.cli.earlier import Earlier
    from clvtool.cli.joining import Joining
    from clvtool.cli.output import Deliver
    from clvtool.cli.surveying import SurveyReading
    from clvtool.metrics.ratings import Rating
    from clvtool.result import Result


def rated(
    inputs: list[str],
    rating: "Rating",
    reading: "SurveyReading",
    joining: "Joining",
    earlier: "Earlier",
    deliver: "Deliver",
    *,
    by: str | None,
    period: str | None,
    level: float,
    comments: bool,
    drivers: str | None,
) -> "Result":
    """Return the answer to such a question, or what the options ask for in its place."""
    from clvtool.ingest.account import notes_of
    from clvtool.metrics.ratings import measure_of, rate
    from clvtool.metrics.terms import terms

    instead = {"--comments": comments, "--drivers": drivers}
    alone(instead, {"--by": by, "--period": period})
    alone(instead, {**joining.said, **earlier.said})
    joining.check(by=by, period=period, weight=reading.weight, earlier=earlier)
    name, scale, columns = rating.name, rating.scale, names(by)
    with working("counting", quiet=deliver.quiet):
        if drivers is not None:
            return reading.drivers(inputs, drivers, measure_of(rating), (name, scale), level)
        shop = joining.shop(columns, reading.hash_ids)
        answers = reading.read(inputs, name, scale, joining.columns(columns), joining)
        notes = notes_of(answers.reading)
        if comments:
            return terms(answers.table, rating.sides(), level=level, notes=notes)
        figure = partial(rate, rating=rating, level=level)
        if joining.wanted:
            return joining.result(answers, rating.kinds, figure, shop, level=level, notes=notes)
        again = partial(figure, by=columns, period=period)
        result = again(answers.table, notes=notes)
        return earlier.beside(result, name, scale, level=level, reading=reading, again=again, by=columns)
