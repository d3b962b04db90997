"""No file is written twice in one run, nor written while it is an input."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvtool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

READ = ("inputs", "rates", "load")
"""Parameters of commands that name files to be read."""
WRITTEN = ("output", "rejects", "save", "save_config")
"""Parameters that name files to be written."""


def apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the command, which raises UsageError before any work where two of its files are one."""

    @wraps(function)
    def command(**values: Any) -> Any:
        read = {place for name in READ for place in _files(values.get(name))}
        written: set[Path] = set()
        for name in WRITTEN:
            for file in _files(values.get(name)):
                if file in read or file in written:
                    other = "also an input" if file in read else "written twice"
                    flag = f"--{name.replace('_', '-')}"
                    raise UsageError(f"{flag} {values[name]}: the file is {other}", "give each file a name of its own")
                written.add(file)
        return function(**values)

    return command


def _files(value: Any) -> list[Path]:
    """Return the plain files, there or to come, that a parameter names."""
    names = value if isinstance(value, list) else [] if value is None else [value]
    paths = [Path(name) for name in names if str(name) != "-"]
    try:
        return [path.resolve() for path in paths if path.is_file() or not path.exists()]
    except (OSError, RuntimeError, ValueError):  # a circle of links, a name that cannot be: said when it is opened
        return []
