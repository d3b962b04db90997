"""The options that say what a result is compared with, for every command that compares."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from clvtool.metrics.change import Reference

PANEL = "Compared with"
_SPAN = re.compile(r"[0-9]+[dwmqy]")


@dataclass(frozen=True)
class Comparing:
    """What to compare with: an earlier result or time, a benchmark."""

    previous: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|DURATION",
            help="An earlier result of the same command (.csv, .json, .parquet), or how long before, such as 12m: adds "
            "the change and its p-value.",
            rich_help_panel=PANEL,
        ),
    ] = None
    benchmark: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|N",
            help="A rate such as 0.85 or 85%, or a table with that column for each period or group.",
            rich_help_panel=PANEL,
        ),
    ] = None

    def reference(self) -> "Reference | None":
        """Return what was asked for as the metrics take it; None where nothing was."""
        from clvtool.ingest.earlier import read_result
        from clvtool.metrics.change import Reference
        from clvtool.periods import duration

        if self.previous is None and self.benchmark is None:
            return None
        is_span = self.previous is not None and _SPAN.fullmatch(self.previous) is not None
        benchmark = None
        if self.benchmark is not None:
            number = number_of(self.benchmark)
            benchmark = read_result(self.benchmark) if number is None else number
        return Reference(
            table=read_result(self.previous) if self.previous is not None and not is_span else None,
            span=duration(self.previous) if self.previous is not None and is_span else None,
            benchmark=benchmark,
        )


def number_of(text: str) -> float | None:
    """Return the number that an option says, also in percent; None where it says something else."""
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None
