"""Every way the program can end badly, as one tree.

    ClvtoolError
    ├── UsageError    2  the command line asks for something that does not exist
    ├── InputError    3  a file cannot be read
    ├── OutputError   3  a file cannot be written
    ├── DataError     4  the file was read, but its data break the rules
    └── FitError      5  a model that was asked for by name cannot be fitted

An error is one sentence that names the thing (`message`), and the way out (`hint`).
Nothing personal goes into either: names of columns, counts, and values of dates or amounts, but no names or addresses.
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExitCode(IntEnum):
    """What the program says to the shell."""

    OK = 0
    BUG = 1
    USAGE = 2
    FILE = 3
    DATA = 4
    FIT = 5
    INTERRUPTED = 130


class ClvtoolError(Exception):
    """An error the user can do something about."""

    exit_code = ExitCode.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        """Take the sentence that names the thing, and the hint that names the way out."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ClvtoolError):
    """The command line asks for something that does not exist."""

    exit_code = ExitCode.USAGE


class InputError(ClvtoolError):
    """A file cannot be read: missing, empty, binary or undecodable."""

    exit_code = ExitCode.FILE


class OutputError(ClvtoolError):
    """A file cannot be written."""

    exit_code = ExitCode.FILE


class DataError(ClvtoolError):
    """The file was read, but its data break the rules."""

    exit_code = ExitCode.DATA


class FitError(ClvtoolError):
    """A model that was asked for by name cannot be fitted to these data."""

    exit_code = ExitCode.FIT


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint with the known words nearest to `word`, or all of them when none is near."""
    names = list(known)
    by_folded = {name.casefold(): name for name in names}
    near = [by_folded[match] for match in get_close_matches(word.casefold(), list(by_folded), n=3, cutoff=0.5)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there is: {', '.join(names[:30])}{' …' if len(names) > 30 else ''}"
