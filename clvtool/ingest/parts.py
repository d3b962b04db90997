"""Which part of an input is read, where it has several: a sheet of a workbook, a table of a database."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from clvtool.errors import DataError, InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def chosen_part(
    label: str, word: str, names: Sequence[str], wanted: str | None, has_rows: Callable[[str], bool]
) -> str:
    """Return the part asked for, in any letter case, or the only one that has rows.

    `word` is what a part is called: sheet or table. Raises DataError where there is no such part, and where several
    have rows; InputError where none has.
    """
    if wanted is not None:
        same = [name for name in names if name.casefold() == wanted.casefold()]
        if wanted in names or len(same) == 1:
            return wanted if wanted in names else same[0]
        raise DataError(f"{label} has no {word} {wanted!r}", did_you_mean(wanted, names))
    filled = [name for name in names if has_rows(name)] if len(names) > 1 else list(names)
    if not filled:
        raise InputError(f"{label} has no {word} with rows")
    if len(filled) > 1:
        shown = ", ".join(repr(name) for name in filled[:20])
        raise DataError(
            f"{label} has {len(filled)} {word}s with rows: {shown}{' …' if len(filled) > 20 else ''}",
            f"say which it is: --sheet {quote(filled[0])}",
        )
    return filled[0]
