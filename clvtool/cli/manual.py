"""The manual page, made from the help texts: docs/clvtool.1 is what `roff` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvtool import __version__
from clvtool.cli.config import command_tables, commands_of, options_of, shared_tables
from clvtool.cli.main import ABOUT, COMMANDS, build
from clvtool.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    import typer
    from typer.core import TyperOption

STATUS = {
    ExitCode.OK: "Done; also when the reader of a pipe closed it.",
    ExitCode.BUG: "A bug of the program.",
    ExitCode.USAGE: "Wrong usage, or a bad value in the environment or the config file.",
    ExitCode.FILE: "A file cannot be read or written.",
    ExitCode.DATA: "The data break the rules.",
    ExitCode.FIT: "A model that was asked for by name cannot be fitted.",
    ExitCode.INTERRUPTED: "Interrupted by Ctrl-C.",
}
SETTINGS = """\
An option has the value that was typed, or else that of the variable CLVTOOL_ and its name in capital letters, such as
CLVTOOL_AS_OF or CLVTOOL_HORIZON; or else that of the config file; or else its default. A flag is on with 1 and off with
0. The values of a repeatable option stand behind one another with commas between them. A typed option replaces the
other values, it adds nothing to them. With \\-v it is told which values were not typed.
"""
FILES = """\
The config file, in the working directory, unless \\-\\-config or CLVTOOL_CONFIG names another one; /dev/null is none.
It is TOML: the options above stand in tables of the names given there, those of one command alone in the table of the
command, which may hold its other options too and outweighs the shared tables. It is written by
clvtool inspect FILE \\-\\-save\\-config clvtool.toml.
"""
_SIGNS = {"\\": "\\e", "-": "\\-", "'": "\\[aq]", '"': "\\[dq]", "`": "\\[ga]", "^": "\\[ha]", "~": "\\[ti]"}


def roff() -> str:
    """Return the manual page as roff, in ASCII."""
    import typer

    context = typer.Context(build(COMMANDS), info_name="clvtool")
    shared = shared_tables(context)
    names = {name for options in shared.values() for name in options}
    about = ABOUT[:1].lower() + ABOUT[1:].rstrip(".")
    lines = [
        f'.TH CLVTOOL 1 "" "clvtool {_text(__version__)}" "User Commands"',
        *(".SH NAME", f"clvtool \\- {_text(about)}"),
        *(".SH SYNOPSIS", ".B clvtool", "\\fICOMMAND\\fR \\fIINPUT\\fR... [\\fIOPTION\\fR]..."),
        *(".br", ".B clvtool", "[\\fB\\-\\-help\\fR] [\\fB\\-\\-version\\fR]"),
        *_section("OPTIONS", _options([*context.command.params, _config(context)])),
        ".SH COMMANDS",
    ]
    for name, command in commands_of(context).items():
        lines += [f".SS clvtool {_text(name)}", *_help(command.help)]
        own = [one for one in command.params if one.param_type_name == "option" and one.name not in {*names, "config"}]
        lines += _options(own)
    for table, options in shared.items():
        users = [name for name, command in commands_of(context).items() if {*options} & _names(command)]
        told = f"In the table [{table}] of a config file. For {', '.join(users)}."
        lines += _section(f"OPTIONS: {table.upper()}", [".PP", _text(told), *_options(options.values())])
    lines += _section("ENVIRONMENT", SETTINGS.splitlines())
    lines += _section("FILES", [".TP", ".B clvtool.toml", *FILES.splitlines()])
    known = ", ".join(f"[{table}]" for table in shared | command_tables(context))
    lines += [".IP", _text(f"Tables: {known}.")]
    lines += _section("EXIT STATUS", [line for code in ExitCode for line in _item(str(int(code)), STATUS[code])])
    return "\n".join(lines) + "\n"


def _config(context: typer.Context) -> TyperOption:
    """Return the option --config, which every command has."""
    command = next(iter(commands_of(context).values()))
    found: TyperOption = next(option for option in command.params if option.name == "config")
    return found


def _names(command: Any) -> set[str]:
    return {option.name for option in options_of(command)}


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return [f'.SH "{title}"', *lines]


def _help(text: str | None) -> list[str]:
    """Return the help of a command: its sentences, then the examples as they are typed."""
    told = [line.strip() for line in (text or "").splitlines() if line.strip()]
    examples = [line for line in told if line.startswith("clvtool ")]
    sentences = [_text(line) for line in told if line not in examples]
    return [*sentences, ".PP", ".nf", *(f"    {_text(line)}" for line in examples), ".fi"]


def _options(options: Iterable[Any]) -> list[str]:
    return [line for option in options if not option.hidden for line in _option(option)]


def _option(option: TyperOption) -> list[str]:
    words = ", ".join(f"\\fB{_text(word)}\\fR" for word in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" \\fI{_text(option.metavar or option.name.upper())}\\fR"
    default = "" if option.default in {None, False} else f" Default: {option.default}."
    return [".TP", f"{words}{value}", _text(f"{(option.help or '').replace(chr(92) + '[', '[')}{default}")]


def _item(name: str, told: str) -> list[str]:
    return [".TP", f".B {_text(name)}", _text(told)]


def _text(text: str) -> str:
    """Return a text in which nothing is a command of roff."""
    signs = (_SIGNS.get(sign, sign if sign.isascii() else f"\\[u{ord(sign):04X}]") for sign in " ".join(text.split()))
    line = "".join(signs)
    return f"\\&{line}" if line.startswith(".") else line
