"""The options that the commands of surveys share."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from clvtool.cli.options import READING, FileReading, names, pair
from clvtool.errors import UsageError
from clvtool.ingest.surveys import SURVEY_PROFILES

if TYPE_CHECKING:
    from clvtool.cli.joining import Joining
    from clvtool.ingest.answers import Answers
    from clvtool.schema import Scale

SURVEY_INPUT = typer.Argument(
    metavar="INPUT",
    help="Files with answers to a survey: CSV, TSV, JSON lines, plain or .gz or .zst; Excel workbooks, SQLite "
    "databases, Parquet; patterns, directories; - for standard input. Several are read as one table.",
    show_default=False,
)
Surveys = Annotated[list[str], SURVEY_INPUT]
ByAnswer = Annotated[str | None, typer.Option(metavar="COL[,COL]", help="Also for each group of answers.")]
Wave = Annotated[
    Literal["day", "week", "month", "quarter", "year"] | None,
    typer.Option(metavar="day|week|month|quarter|year", help="One row a period, with its change, and the trend."),
]
Positive = Annotated[
    str | None,
    typer.Option(metavar="SCORE[,SCORE]", help="The scores that are good. Without it: the two at the good end."),
]
HIGHEST = 100


@dataclass(frozen=True)
class SurveyReading(FileReading):
    """How to read the answers, and whose count."""

    TABLE: ClassVar = "survey"

    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"The platform it is of: survey (none of these), {', '.join(one.name for one in SURVEY_PROFILES)}.",
            rich_help_panel=READING,
        ),
    ] = None
    score: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column with the score.", rich_help_panel=READING)
    ] = None
    missing: Annotated[
        str | None,
        typer.Option(metavar="CODE[,CODE]", help="What stands for no answer, such as 11,99.", rich_help_panel=READING),
    ] = None
    weight: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="The column that says how much each answer counts.", rich_help_panel=READING
        ),
    ] = None
    answers: Annotated[
        Literal["all", "latest", "first"],
        typer.Option(
            metavar="all|latest|first",
            help="Which answers of a respondent count who answered more than once.",
            rich_help_panel=READING,
        ),
    ] = "all"

    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COL=VALUE", help="Keep only rows with this value. Repeatable.", rich_help_panel=READING),
    ] = None

    def read(
        self, inputs: list[str], question: str, scale: "Scale", extras: list[str], joining: "Joining | None" = None
    ) -> "Answers":
        """Return the inputs as ANSWERS; write the rejects, refuse set-aside rows where asked for."""
        from clvtool.ingest.answers import Asked, read_answers

        asked = Asked(question, scale, self.score, self.weight, None, tuple(names(self.missing)), self.answers)
        if joining is not None and joining.wanted and self.answers == "all":
            asked = replace(asked, value=joining.value, answers="all" if joining.value is not None else "any")
        where = [pair(text, "--where") for text in self.where or []]
        extras = [*extras, *(name for name, _ in where)]
        answers = read_answers(inputs, self.options(), asked, extras=extras, trace=self.rejects is not None)
        self.finish(answers)
        if where:
            from clvtool.metrics.tallies import only

            answers.table = only(answers.table, where)
        return answers


def scale_of(text: str, *, high_is_good: bool = True, typed: bool = True) -> "Scale":
    """Return the scale that an option such as `--scale 1-5` says; not `typed`: one that is taken for granted."""
    from clvtool.schema import Scale

    low, _, high = text.strip().partition("-")
    if not (low.isdecimal() and high.isdecimal() and int(low) < int(high) <= HIGHEST):
        raise UsageError(f"--scale {text}: no scale", "write its lowest and its highest score: --scale 1-5")
    return Scale(int(low), int(high), high_is_good=high_is_good, typed=typed)
