"""Where a Result goes, and in which form: the one door out of the program."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, TextIO

from clvtool.errors import OutputError, UsageError
from clvtool.report.cells import visible
from clvtool.report.files import check_target, encoded, format_of, write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from clvtool.result import Result

TERMINAL_ROWS = 50
NOTELESS = ("csv", "ndjson")  # these formats have no place for notes


def choose(format: str | None, output: Path | None) -> str:  # noqa: A002 (the word of the command line)
    """Return the format to write, or raise before any work is done for a target that cannot be."""
    if output is not None:
        check_target(output)
        return format or format_of(output)
    at_terminal = sys.stdout.isatty()
    if format == "parquet" and at_terminal:
        raise UsageError(
            "parquet is binary, and standard output is a terminal", "write it with -o FILE.parquet, or into a pipe"
        )
    return format or ("table" if at_terminal else "csv")


def check_plot(format: str | None, output: Path | None) -> None:  # noqa: A002 (as above)
    """Raise UsageError where curves cannot be drawn: they are for a reader, and take the library plotext."""
    if output is not None or format not in {None, "table"}:
        way = "-o FILE" if output is not None else f"--format {format}"
        raise UsageError(f"--plot draws on the terminal, and {way} asks for something else", "leave one of them out")
    if find_spec("plotext") is None:
        raise UsageError("--plot needs the library plotext, which is not installed", "install it: pip install plotext")


def emit(
    result: Result,
    *,
    format: str | None = None,  # noqa: A002 (as above)
    output: Path | None = None,
    limit: int | None = None,
    quiet: bool = False,
    verbose: bool = False,
    spreadsheet_safe: bool = False,
    asides: Sequence[str] = (),
    plot: bool = False,
) -> None:
    """Write the result to the file `output`, or else to stdout, and what it could not say to a terminal's stderr.

    Without a `format`, a file gets the one of its extension, a terminal a table, and a pipe CSV. A `limit` cuts every
    format; without one, only a table at a terminal is cut. `verbose` tells the notes on stderr in every case.
    `asides` are notes on the run that are no part of the result: they are told on stderr, whatever the format.
    With `plot`, the curves of the result are drawn on stdout in place of a table.
    """
    if plot:
        check_plot(format, output)
    from clvtool.report.plot import print_plot
    from clvtool.report.table import print_table

    chosen = "table" if plot else choose(format, output)
    if chosen == "table" and result.screen is not None:
        result = replace(result, table=result.screen)
    cut = result if limit is None else replace(result, table=result.table.head(limit))
    if output is not None:
        write_result(cut, output, chosen, spreadsheet_safe=spreadsheet_safe)
    elif chosen == "table":
        rows = TERMINAL_ROWS if limit is None and sys.stdout.isatty() else limit
        _draw(print_plot if plot else partial(print_table, limit=rows), result)
    else:
        _pour(encoded(cut, chosen, spreadsheet_safe=spreadsheet_safe))
    told = verbose or (not quiet and sys.stderr.isatty())
    notes = result.notes if told and (verbose or chosen in NOTELESS) else ()
    sys.stderr.writelines(f"note: {visible(note)}\n" for note in (*notes, *(asides if told else ())))


def _draw(printer: Callable[[Result, TextIO], None], result: Result) -> None:
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal that cannot draw a line shows a question mark
        printer(result, sys.stdout)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _stdout_error(error) from error


def _pour(pieces: Iterator[bytes]) -> None:
    """Write bytes to stdout, and see at once if it is closed or full."""
    try:
        sys.stdout.flush()
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _stdout_error(error) from error


def _stdout_error(error: OSError) -> OutputError:
    return OutputError(f"standard output cannot be written: {error.strerror or error}", "write to a file with -o FILE")
