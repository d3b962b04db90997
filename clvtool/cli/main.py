"""The program: its commands, and what it tells the shell when it ends.

A command is a plain function in the module of its name. Its docstring and help texts are plain text: a bracket in them
is a bracket.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import traceback
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, TextIO

from clvtool import __version__
from clvtool.cli.completion import InstallCompletion, ShowCompletion  # noqa: TC001 (Typer reads the signature)
from clvtool.cli.run import Run
from clvtool.errors import ClvtoolError, ExitCode, OutputError, UsageError
from clvtool.report.cells import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer.core import TyperGroup
    from typer.exceptions import TyperException

COMMANDS = (
    ("Data", "inspect"),
    ("Data", "convert"),
    ("Value", "compute"),
    ("Value", "fit"),
    ("Value", "predict"),
    ("Value", "forecast"),
    ("Retention", "retention"),
    ("Retention", "cohorts"),
    ("Retention", "churn"),
    ("Customers", "segment"),
    ("Customers", "migrate"),
    ("Feedback", "nps"),
    ("Feedback", "csat"),
    ("Feedback", "ces"),
    ("Feedback", "reasons"),
    ("About", "selftest"),
)
SURROUNDINGS = {
    "OPENBLAS_NUM_THREADS": "1",  # its threads and those of Polars stand in each other's way
    "_RJEM_MALLOC_CONF": "thp:always",  # Polars' memory in huge pages: a third less time over large tables
}
"""What the libraries read from the environment when they are loaded; what is set already stays."""
ABOUT = "Customer lifetime value, retention and decisions from a shop's raw exports."


def main(argv: Sequence[str] | None = None, commands: Sequence[tuple[str, str]] = COMMANDS) -> int:
    """Run the program on the arguments and return its exit code: the only place where a run may end."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for name, value in SURROUNDINGS.items():
        os.environ.setdefault(name, value)
    run = Run()
    try:
        _open_closed_streams()
        code = build(commands).main(arguments or ["--help"], prog_name="clvtool", standalone_mode=False, obj=run)
        sys.stdout.flush()
    except BaseException as ending:  # noqa: BLE001 (Ctrl-C, and a panic in Polars, are no Exception)
        code = _end(ending, arguments, run)
    if code == ExitCode.INTERRUPTED and sys.stderr.isatty():
        sys.stderr.write("\n")  # after the ^C of the terminal
    return int(code or ExitCode.OK)


def build(commands: Sequence[tuple[str, str]]) -> TyperGroup:
    """Return the application with its commands, given as (panel of the help, name of the module)."""
    import typer
    from typer.completion import completion_init  # type: ignore[attr-defined] # it only passes it on
    from typer.core import TyperArgument, TyperGroup, TyperOption

    from clvtool.cli.spread import spread
    from clvtool.cli.targets import apart

    completion_init()
    app = typer.Typer(
        help=ABOUT,
        add_completion=False,  # its options guess the shell; ours are told
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )

    def show_version(wanted: bool) -> None:  # noqa: FBT001 (called by Typer)
        if wanted:
            typer.echo(f"clvtool {__version__}")
            raise typer.Exit

    version = typer.Option(False, "--version", callback=show_version, is_eager=True, help="Show the version.")  # noqa: FBT003 (Typer's way)

    @app.callback()
    def root(
        *,
        version: bool = version,
        show_completion: ShowCompletion = None,
        install_completion: InstallCompletion = None,
    ) -> None: ...

    for panel, name in commands:
        function = getattr(import_module(f"clvtool.cli.{name}"), name)
        app.command(name.strip("_").replace("_", "-"), rich_help_panel=panel)(apart(spread(function)))
    group = typer.main.get_command(app)
    if not isinstance(group, TyperGroup):
        raise TypeError("a root with options of its own is a group")
    for command in (group, *group.commands.values()):
        command.help = _plain(command.help)
        for param in command.params:
            if not isinstance(param, (TyperOption, TyperArgument)):
                continue
            param.help = _plain(param.help)
            if isinstance(param, TyperOption) and param.is_flag:
                param.metavar = ""  # and not <bool>
    return group


def _end(ending: BaseException, arguments: list[str], run: Run) -> int:
    """Say how the run ended, and return the exit code."""
    from typer.exceptions import Abort, TyperException

    if isinstance(ending, SystemExit):
        if not isinstance(ending.__context__, OSError):
            return int(ending.code or 0)
        ending = ending.__context__  # Typer and Rich each make an exit of a closed pipe
    if isinstance(ending, (KeyboardInterrupt, Abort)):
        return ExitCode.INTERRUPTED
    if isinstance(ending, OSError) and ending.errno == errno.EPIPE:
        _abandon(sys.stdout)
        return ExitCode.OK  # the reader has seen enough
    if isinstance(ending, TyperException):
        ending = _usage_error(ending)
    elif isinstance(ending, OSError) and ending.errno in {errno.ENOSPC, errno.EBADF}:
        ending = OutputError(f"output cannot be written: {ending.strerror}")  # help, or a temporary file
    elif not isinstance(ending, ClvtoolError):
        ending = _internal_error(ending, debug="--debug" in arguments or bool(run.option("debug")))
    with suppress(OSError):  # nobody listens
        _say(run.blamed(ending), as_json=_wants_json(arguments, run))
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _abandon(stream)
    return ending.exit_code


def _usage_error(error: TyperException) -> UsageError:
    """Return the error of Typer in our shape: one sentence, and the way out."""
    told = " ".join(error.format_message().replace("Value error, ", "").split())
    sentence, _, guess = told.partition(" Did you mean ")
    context = getattr(error, "ctx", None)
    hint = f"`{context.command_path if context else 'clvtool'} --help` says what there is"
    if guess:
        hint = f"did you mean {guess}"
    possibilities = getattr(error, "possibilities", None)
    if possibilities is not None:
        sentence = error.message
        near = get_close_matches(
            getattr(error, "option_name", "").lstrip("-"), [word.lstrip("-") for word in possibilities]
        )
        if near:
            hint = f"did you mean {' or '.join(f'--{word}' for word in near)}?"
    return UsageError(sentence[:1].lower() + sentence[1:].rstrip("."), hint)


def _internal_error(error: BaseException, *, debug: bool) -> ClvtoolError:
    if debug:
        traceback.print_exception(error)
    told = str(error).strip().split("\n")[0]
    hint = "this is a bug; please report it with the traceback" if debug else "this is a bug; --debug shows where it is"
    return ClvtoolError(f"internal error: {type(error).__name__}: {told}", hint)


def _wants_json(arguments: list[str], run: Run) -> bool:
    """Return whether JSON was asked for, as far as the arguments were understood."""
    if run.context is not None and "format" in run.context.params:
        return bool(run.option("format") == "json")
    asked = os.environ.get("CLVTOOL_FORMAT") == "json" or "--format=json" in arguments
    return asked or ("--format", "json") in pairwise(arguments)


def _say(error: ClvtoolError, *, as_json: bool) -> None:
    """Write the error to stderr: two lines for people, or one line of JSON."""
    if as_json:
        told = {"error": error.message, "hint": error.hint, "exit_code": int(error.exit_code)}
        sys.stderr.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    word = "\x1b[1;31merror:\x1b[0m" if coloured else "error:"
    sys.stderr.write(f"{word} {visible(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"hint: {visible(error.hint)}\n")


def _plain(text: str | None) -> str | None:
    """Return a help text whose brackets Rich does not take for its own."""
    return text and re.sub(r"(\[[a-z#/@][^\[]*?\])", r"\\\1", text)


def _open_closed_streams() -> None:
    """Give a stream that the caller closed a place, before an opened file takes its number.

    What is said on stderr is lost, as wanted; an answer for stdout must not be, so that place cannot be written to.
    """
    for name, mode in (("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, mode), "w", encoding="utf-8"))


def _abandon(stream: TextIO) -> None:
    """Let what cannot be written go nowhere, so that the interpreter does not complain when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
