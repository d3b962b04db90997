"""`clvtool reasons`: why customers leave."""

from typing import Annotated

import typer

from clvtool.cli.options import READING, Level, names
from clvtool.cli.output import Deliver
from clvtool.cli.surveying import ByAnswer, SurveyFile, Surveys, Wave
from clvtool.report.progress import working


def reasons(
    *,
    inputs: Surveys,
    reading: SurveyFile,
    deliver: Deliver,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="The column with the reasons, or a question that has a column an option. Repeatable: a column each.",
            rich_help_panel=READING,
        ),
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(
            metavar="SIGN",
            help="What stands between several reasons in one cell: a sign, newline, or none.",
            rich_help_panel=READING,
        ),
    ] = None,
    shown: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The reasons that each respondent was shown, or whether the question was: shares are of those who saw "
            "the reason.",
        ),
    ] = None,
    value: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The revenue that goes with each respondent, added up for each reason."),
    ] = None,
    by: ByAnswer = None,
    period: Wave = None,
    level: Level = 0.95,
) -> None:
    """Say why customers leave: how many name each reason, with intervals, and the revenue that goes with them.

    clvtool reasons sample_data/exit.csv
    clvtool reasons sample_data/exit.csv --value yearly_value --shown shown
    clvtool reasons sample_data/exit.csv --by channel
    clvtool reasons sample_data/exit.csv --period quarter
    """
    from clvtool.ingest.account import notes_of
    from clvtool.ingest.answers import Asked
    from clvtool.ingest.choices import Chosen, read_choices
    from clvtool.metrics.reasons import reasons as answer

    with working("counting", quiet=deliver.quiet):
        choices = read_choices(
            inputs,
            reading.options(),
            Asked(reasons=True, weight=reading.weight, value=value, answers=reading.answers),
            Chosen(tuple(column or ()), separator, shown),
            extras=[*names(by), *reading.columns()],
            trace=reading.rejects is not None,
        )
        answers = choices.answers
        reading.kept(answers)
        result = answer(
            answers.table, choices.cells, by=names(by), period=period, level=level, notes=notes_of(answers.reading)
        )
    deliver(result)
