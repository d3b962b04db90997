"""Values that nobody typed: they come from CLVTOOL_* variables and from the config file.

A flag outweighs the environment, the environment the config file, the config file what is built in. Both are generic:
they know the options that the commands declare, and nothing else.
"""

from __future__ import annotations

import csv
import os
import re
import tomllib
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer  # noqa: TC002 (Typer reads the signature of the callback)

from clvtool.errors import InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from typer.core import TyperOption

    from clvtool.errors import ClvtoolError

USUAL = Path("clvtool.toml")
"""Read where no other file is named."""
PREFIX = "CLVTOOL_"
NOT_IN_FILE = ("config", "save_config")
NEAR = 0.8
"""How like a variable that is read another one must be to be taken for a slip of the pen."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that an option has without being typed."""

    option: str
    value: Any
    place: str  # as reading.decimal, or CLVTOOL_DECIMAL
    file: str = ""  # which says so; none: the environment

    @property
    def origin(self) -> str:
        """Return where it can be changed."""
        table, _, key = self.place.partition(".")
        return f"{key} in [{table}] of {self.file}" if self.file else self.place

    @property
    def source(self) -> str:
        """Return what kind of place it is."""
        return "config file" if self.file else "environment"

    @property
    def shown(self) -> str:
        """Return its value as text."""
        return " | ".join(self.value) if isinstance(self.value, list) else str(self.value)

    def is_meant_by(self, message: str) -> bool:
        """Return whether an error speaks of the option, or shows its value."""
        flag = self.option.replace("_", "-")
        values = self.value if isinstance(self.value, list) else [self.value]
        shown = [str(value).partition("=")[2] or str(value) for value in values]
        return re.search(rf"--{flag}(?![\w-])", message) is not None or any(repr(text) in message for text in shown)


@dataclass(slots=True)
class Run:
    """What is known of a run beyond its arguments: the command's context, and the settings for its options."""

    context: typer.Context | None = None
    settings: list[Setting] = field(default_factory=list)
    slips: list[str] = field(default_factory=list)

    def in_force(self) -> list[Setting]:
        """Return the settings that no flag outweighs."""
        context = self.context
        if context is None:
            return []
        return [
            one
            for one in self.settings
            if not _is_typed(context, one.option) and context.params.get(one.option, one) is not None
        ]

    def notes(self) -> list[str]:
        """Return in words what was not typed."""
        used = self.in_force()
        files = dict.fromkeys(one.file for one in used if one.file)
        told = [f"from {file}: {', '.join(one.place for one in used if one.file == file)}" for file in files]
        variables = ", ".join(one.place for one in used if not one.file)
        return [*told, *([f"from the environment: {variables}"] if variables else []), *self.slips]

    def blamed(self, error: ClvtoolError) -> ClvtoolError:
        """Say of an error which settings it speaks of."""
        guilty = [one.origin for one in self.in_force() if one.is_meant_by(error.message)]
        if guilty:
            error.hint = "; ".join(filter(None, [error.hint, f"it was set by {' and '.join(guilty)}"]))
        return error

    def option(self, name: str) -> Any:
        """Return the value of an option as far as it is known."""
        return None if self.context is None else self.context.params.get(name)


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
        settings = {one.option: one for one in (_from_file(file, context) if file else ())}
    except InputError as error:
        raise InputError(error.message, f"{PREFIX}CONFIG names it" if named else error.hint) from None
    settings |= {one.option: one for one in _from_environment(context)}
    run.settings = list(settings.values())
    run.slips = _slips(context)
    context.default_map = {one.option: one.value for one in run.settings}
    return file


def run_of(context: typer.Context | None) -> Run:
    """Return the run that a context belongs to, or an empty one."""
    return Run() if context is None else context.ensure_object(Run)


def shared_tables(context: typer.Context) -> dict[str, dict[str, TyperOption]]:
    """Return the tables of a config file that hold for every command that has their options: one for each bundle."""
    found: dict[str, dict[str, TyperOption]] = {}
    for command in _commands(context).values():
        for option in _options(command):
            table = _own_table(command, option.name)
            if table:
                found.setdefault(table, {})[option.name] = option
    return found


def command_tables(context: typer.Context) -> dict[str, dict[str, TyperOption]]:
    """Return the tables that are for one command alone, each with all options of the command."""
    return {
        _key(name): {option.name: option for option in _options(command)}
        for name, command in _commands(context).items()
    }


def _commands(context: typer.Context) -> dict[str, Any]:
    found: dict[str, Any] = context.find_root().command.commands  # type: ignore[attr-defined] # it is a group
    return found


def _options(command: Any) -> list[TyperOption]:
    return [one for one in command.params if one.param_type_name == "option" and one.name not in NOT_IN_FILE]


def _own_table(command: Any, option: str) -> str | None:
    """Return the table of the bundle that the option belongs to; None for one of the command's own."""
    tables: dict[str, str] = getattr(command.callback, "tables", {})
    return tables.get(option)


def _from_file(file: Path, context: typer.Context) -> list[Setting]:
    """Return the settings for the command; what the file says to others is checked all the same."""
    tables = shared_tables(context) | command_tables(context)
    own = _key(context.command.name or "")
    names = {option.name: _own_table(context.command, option.name) for option in _options(context.command)}
    shared: list[Setting] = []
    special: list[Setting] = []
    for written, entries in _document(file).items():
        table = _key(written)
        if not isinstance(entries, dict):
            _refuse_outside(file, written, tables)
        if table not in tables:
            raise UsageError(f"{file}: there is no table [{written}]", did_you_mean(table, tables))
        for key, entry in entries.items():
            option = tables[table].get(_key(key))
            if option is None:
                raise _unknown(file, key, written, tables)
            value = _checked(entry, option, f"{file}: {key} in [{written}]")
            setting = Setting(option.name, value, f"{table}.{option.name}", str(file))
            if table == own:
                special.append(setting)
            elif option.name in names and names[option.name] == table:
                shared.append(setting)
    return [*shared, *special]  # the later ones win


def _document(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        near = [one.name for one in file.parent.glob("*.toml")] if file.parent.is_dir() else []
        hint = did_you_mean(file.name, sorted(near)) if near else ""
        raise InputError(f"the config file {file} cannot be read: {error.strerror}", hint) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is not UTF-8"
        raise UsageError(f"{file} is not TOML: {reason}", "text stands in quotation marks: decimal = ','") from None


def _refuse_outside(file: Path, key: str, tables: dict[str, dict[str, TyperOption]]) -> None:
    homes = _homes(key, tables)
    if _key(key) in tables:
        raise UsageError(f"{file}: {key} is a table of options", f"write [{key}], and the options below it")
    hint = f"write it below [{homes[0]}]" if homes else did_you_mean(_key(key), {k for t in tables.values() for k in t})
    raise UsageError(f"{file}: {key} stands in no table", hint)


def _unknown(file: Path, key: str, table: str, tables: dict[str, dict[str, TyperOption]]) -> UsageError:
    homes = _homes(key, tables)
    hint = f"it belongs below [{homes[0]}]" if homes else did_you_mean(_key(key), tables[_key(table)])
    return UsageError(f"{file}: there is no {key!r} in [{table}]", hint)


def _homes(key: str, tables: dict[str, dict[str, TyperOption]]) -> list[str]:
    return [table for table, options in tables.items() if _key(key) in options]


def _checked(entry: Any, option: TyperOption, what: str) -> Any:
    """Return the value of an entry as its option takes it; UsageError for another type, or none of the choices."""
    kind = option.type_descriptor.annotation
    if option.multiple:
        return _several(entry, option, what)
    if kind is bool:
        if not isinstance(entry, bool):
            raise UsageError(f"{what} is neither true nor false", f"write {option.name} = true")
        return entry
    if kind in {int, float}:
        if isinstance(entry, bool) or not isinstance(entry, int | float) or (kind is int and isinstance(entry, float)):
            raise UsageError(f"{what} is no {'whole ' if kind is int else ''}number", f"write {option.name} = 1")
        return entry
    text = _text(entry)
    if text is None:
        raise UsageError(f"{what} is no text", f"write {option.name} = '{option.metavar or ''}'")
    choices = option.type_descriptor.choices
    if choices and text not in choices:
        raise UsageError(f"{what} is {text!r}", did_you_mean(text, choices))
    return text


def _several(entry: Any, option: TyperOption, what: str) -> list[str]:
    """Return the entries of a repeatable option: a list, or for NAME=VALUE a table."""
    pairs = "=" in (option.metavar or "")
    entries = [entry] if isinstance(entry, str) else entry
    if pairs and isinstance(entry, dict):
        entries = [None if _text(value) is None else f"{key}={_text(value)}" for key, value in entry.items()]
    if not isinstance(entries, list) or not all(isinstance(one, str) for one in entries):
        hint = f"write [reading.{option.name}] and below it NAME = 'VALUE'" if pairs else ""
        raise UsageError(f"{what} is no list of texts", hint or f"write {option.name} = ['{option.metavar}']")
    return entries


def _text(entry: Any) -> str | None:
    """Return a text, or a number or day written without quotation marks, as text."""
    written = isinstance(entry, str | int | float) or type(entry) is date
    return str(entry) if written and not isinstance(entry, bool) else None


def _from_environment(context: typer.Context) -> list[Setting]:
    found = []
    for option in _options(context.command):
        name = f"{PREFIX}{option.name.upper()}"
        text = os.environ.get(name)
        if text:
            value = next(csv.reader([text], skipinitialspace=True)) if option.multiple else text
            found.append(Setting(option.name, value, name))
    return found


def _slips(context: typer.Context) -> list[str]:
    """Return a note for each variable that is nearly one that is read."""
    options = {option.name for command in _commands(context).values() for option in command.params}
    known = [f"{PREFIX}{name.upper()}" for name in sorted(options)]
    found = []
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1, cutoff=NEAR)
            found += [f"{name} is not read; did you mean {near[0]}?"] if near else []
    return found


def _is_typed(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def _key(name: str) -> str:
    return name.replace("-", "_")
