"""The options that put a score beside that of an earlier survey, or a benchmark."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from clvtool.cli.comparing import PANEL, number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl

    from clvtool.cli.surveying import SurveyReading
    from clvtool.result import Result
    from clvtool.schema import Scale


@dataclass(frozen=True)
class Earlier:
    """What a score is compared with."""

    TABLE: ClassVar = "survey"

    previous: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="An earlier survey, or a result of it that this command wrote: adds the change and its p-value.",
            rich_help_panel=PANEL,
        ),
    ] = None
    benchmark: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|N",
            help="The score to compare with, or a table with that column for each group.",
            rich_help_panel=PANEL,
        ),
    ] = None

    @property
    def given(self) -> str | None:
        """Return one of these options where it is given."""
        return next((name for name in ("previous", "benchmark") if getattr(self, name) is not None), None)

    @property
    def said(self) -> "Mapping[str, object]":
        """Return what the figures are set against, by its option."""
        return {"--previous": self.previous, "--benchmark": self.benchmark}

    def beside(
        self,
        result: "Result",
        question: str,
        scale: "Scale",
        *,
        level: float,
        reading: "SurveyReading",
        again: "Callable[[pl.DataFrame], Result]",
        by: list[str],
    ) -> "Result":
        """Return the result with what it is compared with; `again` asks the same of an earlier survey."""
        from clvtool.ingest.earlier import read_result
        from clvtool.ingest.earlier_survey import is_result
        from clvtool.metrics.since import MARKS, Since, since

        if self.given is None:
            return result
        previous, benchmark = None, None
        if self.previous is not None and is_result(self.previous, MARKS[question]):
            previous = read_result(self.previous)
        elif self.previous is not None:
            answers = replace(reading, rejects=None).read([self.previous], question, scale, by)
            previous = again(answers.table).table
            used = f"earlier survey: {answers.reading.rows_read:,} rows read, {answers.reading.rows_used:,} used"
            result = replace(result, notes=(*result.notes, used))
        if self.benchmark is not None:
            number = number_of(self.benchmark)
            benchmark = read_result(self.benchmark) if number is None else number
        return since(result, question, Since(previous, benchmark), scale, level)
