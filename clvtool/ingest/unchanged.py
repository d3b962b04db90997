"""An input has to stay as it is while it is read: the passes over it would not fit together, and nobody would know."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from clvtool.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clvtool.ingest.source import Source

Stamp = tuple[int, int, int]


def stamp(path: str) -> Stamp | None:
    """Return what tells that a file is another one, longer, shorter or newer; None where there is none."""
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns


@contextmanager
def unchanged(sources: Sequence[Source]) -> Iterator[None]:
    """Raise InputError if one of the files is not what it was when it was opened, also in place of another error.

    What was copied into a temporary file is not looked at again.
    """
    try:
        yield
    except Exception:
        _check(sources)
        raise
    _check(sources)


def _check(sources: Sequence[Source]) -> None:
    for source in sources:
        if source.spool is None and source.stamp != stamp(source.path):
            raise InputError(
                f"{source.label} changed while it was read", "wait until it is complete, or read a copy of it"
            ) from None
