"""What is known of a run beyond its arguments: the settings in force, values that options have without being typed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer

    from clvtool.errors import ClvtoolError

SECRET = frozenset({"hash_ids"})
"""Options whose values are neither shown nor saved."""


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
        if self.option in SECRET:
            return "(secret)"
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


def run_of(context: typer.Context | None) -> Run:
    """Return the run that a context belongs to, or an empty one."""
    return Run() if context is None else context.ensure_object(Run)


def _is_typed(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"
