"""The options of output, the same for every command, and the way a command hands over its Result."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import typer

from clvtool.cli.run import run_of
from clvtool.cli.settings import load
from clvtool.report.emit import check_plot, choose, emit
from clvtool.report.files import FORMATS
from clvtool.result import Result

PANEL = "Output"


def _check_target(context: typer.Context, value: Path | None) -> Path | None:
    """Refuse what cannot be written before any work is done. The format is eager, so it is known by now."""
    if context.resilient_parsing:
        return value
    source = context.get_parameter_source("format")
    if value and value.suffix.casefold() in FORMATS and source and source.name != "COMMANDLINE":
        context.params["format"] = None  # an extension that was typed outweighs a format that was not
    choose(context.params.get("format"), value)
    if value and context.params.get("plot"):
        check_plot(None, value)
    return value


def _check_plot(context: typer.Context, value: bool) -> bool:  # noqa: FBT001 (called by Typer)
    """Refuse curves that cannot be drawn before any work is done; whether a file is meant may be known later."""
    if value and not context.resilient_parsing:
        check_plot(context.params.get("format"), context.params.get("output"))
    return value


Format = Annotated[
    Literal["table", "csv", "json", "ndjson", "markdown", "parquet"] | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="table, csv, json, ndjson, markdown or parquet. Without it: what the extension of FILE says, "
        "a table at a terminal, CSV in a pipe.",
        is_eager=True,
        rich_help_panel=PANEL,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help=f"Write the result to FILE, {', '.join(FORMATS)}. It is replaced only when all went well.",
        callback=_check_target,
        rich_help_panel=PANEL,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        min=0,
        help="Only the first N rows. Without it: 50 in a table at a terminal, otherwise all.",
        rich_help_panel=PANEL,
    ),
]
SpreadsheetSafe = Annotated[
    bool,
    typer.Option(
        "--spreadsheet-safe",
        help="In CSV, put an apostrophe before text that a spreadsheet would run as a formula.",
        rich_help_panel=PANEL,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="No spinner and no notes on stderr.",
        rich_help_panel=PANEL,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Notes on stderr in every case, also where the format carries them or stderr is a file.",
        rich_help_panel=PANEL,
    ),
]
Plot = Annotated[
    bool,
    typer.Option(
        "--plot",
        help="Draw curves at the terminal in place of the table.",
        callback=_check_plot,
        rich_help_panel=PANEL,
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an internal error.", rich_help_panel=PANEL)]


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Read what is not typed from FILE; /dev/null: from none. Without it: clvtool.toml, if it is there.",
        callback=load,
        is_eager=True,  # and first of all, since the others look there for their defaults
    ),
]


@dataclass(frozen=True)
class Deliver:
    """All options of output as one parameter of a command: `deliver: Deliver`, and at its end `deliver(result)`."""

    TABLE: ClassVar = "output"

    config: Config = None
    format: Format = None
    output: Output = None
    limit: Limit = None
    spreadsheet_safe: SpreadsheetSafe = False
    quiet: Quiet = False
    verbose: Verbose = False
    debug: Debug = False
    context: typer.Context = field(default=None, compare=False)  # type: ignore[assignment] # None: no command line

    def settings(self) -> list[tuple[str, str, str]]:
        """Return name, value and source of the options that nobody typed, but for those of output."""
        own = {one.name for one in fields(self)}
        settings = run_of(self.context).in_force()
        return [(one.place, one.shown, one.source) for one in settings if one.option not in own]

    def __call__(self, result: Result, *, plot: bool = False) -> None:
        """Write the result where the options say, or draw its curves; the last thing a command does."""
        emit(
            result,
            format=self.format,
            output=self.output,
            limit=self.limit,
            spreadsheet_safe=self.spreadsheet_safe,
            quiet=self.quiet,
            verbose=self.verbose,
            asides=run_of(self.context).notes(),
            plot=plot,
        )
