"""The options that the commands of surveys share."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from clvtool.cli.options import READING, FileReading, names, pair
from clvtool.errors import UsageError
from clvtool.ingest.surveys import SURVEY_PROFILES
from clvtool.schema import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clvtool.cli.joining import Joining
    from clvtool.ingest.answers import Answers
    from clvtool.metrics.waves import Measure
    from clvtool.result import Result
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
Comments = Annotated[
    bool,
    typer.Option(
        "--comments",
        help="Instead: the terms of one and two words that separate the comments of the unhappy from the happy.",
    ),
]
Drivers = Annotated[
    str | None,
    typer.Option(
        "--drivers",
        metavar="COL[,COL]|all",
        help="Instead: how closely these columns go with the score, or all that are fit for it.",
    ),
]
HIGHEST = 100


@dataclass(frozen=True)
class SurveyFile(FileReading):
    """How to read answers, and whose count."""

    TABLE: ClassVar = "survey"

    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"The platform it is of: survey (none of these), {', '.join(one.name for one in SURVEY_PROFILES)}.",
            rich_help_panel=READING,
        ),
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

    def kept(self, answers: "Answers") -> None:
        """Write the rejects, refuse set-aside rows where asked for, and keep only the answers that --where names."""
        self.finish(answers)
        where = [pair(text, "--where") for text in self.where or []]
        if where:
            from clvtool.metrics.tallies import only

            answers.table = only(answers.table, where)

    def columns(self) -> list[str]:
        """Return the columns that --where names."""
        return [pair(text, "--where")[0] for text in self.where or []]


@dataclass(frozen=True)
class SurveyReading(SurveyFile):
    """How to read the scores of a survey."""

    score: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column with the score.", rich_help_panel=READING)
    ] = None
    missing: Annotated[
        str | None,
        typer.Option(metavar="CODE[,CODE]", help="What stands for no answer, such as 11,99.", rich_help_panel=READING),
    ] = None

    def read(
        self,
        inputs: list[str],
        question: str,
        scale: "Scale",
        extras: list[str] | None,
        joining: "Joining | None" = None,
    ) -> "Answers":
        """Return the inputs as ANSWERS, with these columns or all; write rejects, refuse rows set aside, if asked."""
        from clvtool.ingest.answers import Asked, read_answers

        asked = Asked(
            question,
            scale=scale,
            score=self.score,
            weight=self.weight,
            missing=tuple(names(self.missing)),
            answers=self.answers,
        )
        if joining is not None and joining.wanted and self.answers == "all":
            asked = replace(asked, value=joining.value, answers="all" if joining.value is not None else "any")
        extras = None if extras is None else [*extras, *self.columns()]
        answers = read_answers(inputs, self.options(), asked, extras=extras, trace=self.rejects is not None)
        self.kept(answers)
        return answers

    def drivers(
        self, inputs: list[str], columns: str, measure: "Measure", asked: "tuple[str, Scale]", level: float
    ) -> "Result":
        """Return how closely columns of the inputs go with the score that is asked for."""
        from clvtool.ingest.account import notes_of
        from clvtool.ingest.amounts import with_numbers
        from clvtool.metrics.survey_drivers import ALL, survey_drivers

        wanted = names(columns)
        every = wanted == [ALL]
        answers = self.read(inputs, *asked, None if every else wanted)
        found = [name for name in answers.table.columns if name not in ANSWERS]
        table, unclear = with_numbers(answers.table, found, self.decimal, asked=not every)
        return survey_drivers(table, wanted, measure, level=level, unclear=unclear, notes=notes_of(answers.reading))


def scale_of(text: str, *, high_is_good: bool = True, typed: bool = True) -> "Scale":
    """Return the scale that an option such as `--scale 1-5` says; not `typed`: one that is taken for granted."""
    from clvtool.schema import Scale

    low, _, high = text.strip().partition("-")
    if not (low.isdecimal() and high.isdecimal() and int(low) < int(high) <= HIGHEST):
        raise UsageError(f"--scale {text}: no scale", "write its lowest and its highest score: --scale 1-5")
    return Scale(int(low), int(high), high_is_good=high_is_good, typed=typed)


def alone(instead: "Mapping[str, object]", beside: "Mapping[str, object]") -> None:
    """Refuse two options that each ask for another answer, and one of them together with what it does not heed."""
    typed = [name for name, value in instead.items() if value]
    clash = typed if len(typed) > 1 else [*typed, *(name for name, value in beside.items() if value)] if typed else []
    if len(clash) > 1:
        raise UsageError(f"{clash[0]} does not go with {clash[1]}", "leave one of them out")
