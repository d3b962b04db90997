"""A config file that says how an export was read, with everything else that can be set beside it as comments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clvtool.cli.config import command_tables, shared_tables
from clvtool.cli.run import SECRET
from clvtool.errors import DataError, OutputError, UsageError
from clvtool.report.cells import visible

if TYPE_CHECKING:
    from pathlib import Path

    import typer
    from typer.core import TyperOption

    from clvtool.ingest.reading import Reading

HEAD = """\
# How clvtool reads the export of this shop: every command in this directory goes by it.
# A flag outweighs a CLVTOOL_* variable, and that outweighs this file. Lines behind a # show what else can be set.
"""
NOT_SAVED = SECRET | {"rejects"}
"""Options of a single run."""


def save_config(file: Path, context: typer.Context, reading: Reading, table: str = "reading") -> None:
    """Write what was understood and what was typed into a config file that is not there yet, or says just that.

    `table` is the one that says how the input is read. Raises DataError while something is not understood, UsageError
    for a converted file, OutputError where another file is in the way.
    """
    from clvtool.report.files import check_target, write_text

    check_target(file)
    problem = next((fact for fact in reading.facts if fact.section == "problem"), None)
    if problem is not None:
        raise DataError(f"--save-config: {problem.value}", problem.detail or "")
    if not reading.understood:
        raise UsageError("--save-config: a converted file says by itself how it is read", "name the raw export")
    text = config_text(context, reading, table)
    if file.is_file() and file.read_text(encoding="utf-8", errors="replace").strip() not in {"", text.strip()}:
        raise OutputError(f"{file} is there already and says something else", "choose another name, or remove it first")
    write_text(text, file)


def config_text(context: typer.Context, reading: Reading, own_table: str = "reading") -> str:
    """Return the text of a config file: one table after the other, one option a line; first how to read the input."""
    from clvtool.ingest.understood import in_common

    shared = shared_tables(context)
    found, differing = in_common(reading.understood)
    said = {name: context.params.get(name) for name in shared[own_table] if name not in NOT_SAVED}
    values = found | {name: value for name, value in said.items() if value and name != "map"}
    columns = values.pop("map")
    lines = [HEAD, f"[{own_table}]"]
    for name, option in shared[own_table].items():
        if name == "map":
            continue
        if name == "keep_status":
            lines += _statuses(reading)
        lines += _differing(name, differing)
        lines.append(_line(option, values.get(name)))
    lines += ["", f"[{own_table}.map]  # {shared[own_table]['map'].help}"]
    lines += [f"{role} = {_quoted(column)}" for role, column in columns.items()]
    for name in differing:
        if name.startswith("map."):
            lines += _differing(name, differing)
    shown = {name for options in shared.values() for name in options}
    for table, options in (shared | command_tables(context)).items():
        own = [option for name, option in options.items() if table in shared or name not in shown]
        if own and table != own_table:
            lines += ["", f"[{table}]", *(_line(option, None) for option in own)]
    return "\n".join(lines) + "\n"


def _line(option: TyperOption, value: Any) -> str:
    """Return `name = value  # what it means`, behind a # where there is no value to set."""
    told = " ".join((option.help or "").replace("\\[", "[").split())
    if value is not None:
        return f"{option.name} = {_written(value)}  # {told}"
    example = option.default if option.default not in {None, False} else _example(option)
    return f"# {option.name} = {_written(example)}  # {told}"


def _example(option: TyperOption) -> Any:
    """Return a value that shows the type of an option without a default."""
    kind, choices = option.type_descriptor.annotation, option.type_descriptor.choices
    if option.multiple:
        return [option.metavar or ""]
    if choices:
        return choices[0]
    return True if kind is bool else 1 if kind in {int, float} else option.metavar or ""


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_quoted(str(one)) for one in value)}]"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _statuses(reading: Reading) -> list[str]:
    """Return what becomes of the orders of each status that was found."""
    facts = [fact for fact in reading.facts if fact.section.startswith("statuses")]
    return [visible(f"# found: {fact.item}: {fact.value} ({fact.rows} rows)") for fact in facts]


def _differing(name: str, differing: dict[str, list[Any]]) -> list[str]:
    """Return in which inputs an option has which value, where they do not agree."""
    if name not in differing:
        return []
    places: dict[Any, list[str]] = {}
    for place, value in enumerate(differing[name], start=1):
        places.setdefault(value, []).append(str(place))
    told = [
        f"{'not shown' if value is None else _written(value)} in input {', '.join(found)}"
        for value, found in places.items()
    ]
    return [visible(f"# {name.removeprefix('map.')} differs and is found out for each input: {'; '.join(told)}")]
