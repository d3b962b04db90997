"""The config file: tables of options, checked against what the commands declare, whichever command reads it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from clvtool.cli.run import Setting
from clvtool.errors import InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    import typer
    from typer.core import TyperOption

NOT_IN_FILE = ("config", "save_config")


def shared_tables(context: typer.Context) -> dict[str, dict[str, TyperOption]]:
    """Return the tables of a config file that hold for every command that has their options: one for each bundle."""
    found: dict[str, dict[str, TyperOption]] = {}
    for command in sorted(commands_of(context).values(), key=lambda one: -len(one.params)):  # most tables first
        for option in options_of(command):
            table = _own_table(command, option.name)
            if table:
                found.setdefault(table, {})[option.name] = option
    return found


def command_tables(context: typer.Context) -> dict[str, dict[str, TyperOption]]:
    """Return the tables that are for one command alone, each with all options of the command."""
    return {
        _key(name): {option.name: option for option in options_of(command)}
        for name, command in commands_of(context).items()
    }


def commands_of(context: typer.Context) -> dict[str, Any]:
    """Return the commands of the program by name."""
    found: dict[str, Any] = context.find_root().command.commands  # type: ignore[attr-defined] # it is a group
    return found


def options_of(command: Any) -> list[TyperOption]:
    """Return the options of a command that can be set without being typed."""
    return [one for one in command.params if one.param_type_name == "option" and one.name not in NOT_IN_FILE]


def _own_table(command: Any, option: str) -> str | None:
    """Return the table of the bundle that the option belongs to; None for one of the command's own."""
    tables: dict[str, str] = getattr(command.callback, "tables", {})
    return tables.get(option)


def settings_of_file(file: Path, context: typer.Context) -> list[Setting]:
    """Return the settings for the command; what the file says to others is checked all the same."""
    tables = shared_tables(context) | command_tables(context)
    own = _key(context.command.name or "")
    names = {option.name: _own_table(context.command, option.name) for option in options_of(context.command)}
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
    import tomllib  # here, so that --help does not wait for it

    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        near = [one.name for one in file.parent.glob("*.toml")] if file.parent.is_dir() else []
        hint = did_you_mean(file.name, sorted(near)) if near else ""
        raise InputError(f"the config file {file} cannot be read: {error.strerror}", hint) from None
    except (ValueError, RecursionError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
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


def _key(name: str) -> str:
    return name.replace("-", "_")
