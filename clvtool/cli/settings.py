"""Values that nobody typed: they come from CLVTOOL_* variables and from the config file.

A flag outweighs the environment, the environment the config file, the config file what is built in. Both are generic:
they know the options that the commands declare, and nothing else.
"""

from __future__ import annotations

import csv
import os
from difflib import get_close_matches
from pathlib import Path

import typer  # noqa: TC002 (Typer reads the signature of the callback)

from clvtool.cli.config import commands_of, options_of, settings_of_file
from clvtool.cli.run import Setting, run_of
from clvtool.errors import InputError

USUAL = Path("clvtool.toml")
"""Read where no other file is named."""
PREFIX = "CLVTOOL_"
NEAR = 0.8
"""How like a variable that is read another one must be to be taken for a slip of the pen."""


def load(context: typer.Context, value: Path | None) -> Path | None:
    """Make the settings the defaults of the command: the callback of --config, before any other option is looked at.

    Raises InputError for a file that cannot be read, UsageError for what it must not say.
    """
    if context.resilient_parsing:
        return value
    run = run_of(context)
    run.context = context
    named = None if value else os.environ.get(f"{PREFIX}CONFIG")
    file = value or (Path(named) if named else USUAL if USUAL.is_file() else None)
    try:
        settings = {one.option: one for one in (settings_of_file(file, context) if file else ())}
    except InputError as error:
        raise InputError(error.message, f"{PREFIX}CONFIG names it" if named else error.hint) from None
    settings |= {one.option: one for one in _from_environment(context)}
    run.settings = list(settings.values())
    run.slips = _slips(context)
    context.default_map = {one.option: one.value for one in run.settings}
    return file


def _from_environment(context: typer.Context) -> list[Setting]:
    found = []
    for option in options_of(context.command):
        name = f"{PREFIX}{option.name.upper()}"
        text = os.environ.get(name)
        if text:
            value = next(csv.reader([text], skipinitialspace=True)) if option.multiple else text
            found.append(Setting(option.name, value, name))
    return found


def _slips(context: typer.Context) -> list[str]:
    """Return a note for each variable that is nearly one that is read."""
    options = {option.name for command in commands_of(context).values() for option in command.params}
    known = [f"{PREFIX}{name.upper()}" for name in sorted(options)]
    found = []
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1, cutoff=NEAR)
            found += [f"{name} is not read; did you mean {near[0]}?"] if near else []
    return found
