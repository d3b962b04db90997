"""How several reasons in one cell are separated, found from what the cells say."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNS = {"\n": "newline", "|": "|", ";": ";", ",": ","}
"""Sign → how it is named."""
NONE = "none"
LIKELY, UNLIKELY = 0.7, 0.2
"""Where at least so many of the parts, or at most so many, stand in other cells too, a sign separates or does not."""
ENOUGH = 20
"""Answers among which the parts of a cell would be found again if they were reasons of their own."""


def separator(cells: Mapping[str, int], given: str | None, column: str) -> str | None:
    """Return the sign between several reasons in a cell; None where each cell is one reason.

    `cells` says how often each text occurs. A sign separates where the parts between it are found in other cells too,
    and belongs to the text where they are not. Line breaks, bars and semicolons, which options seldom have in their
    text, separate while nothing speaks against it. Raises DataError where it cannot be told, UsageError where what is
    `given` is no sign.
    """
    if given is not None:
        return _given(given)
    judged = {sign: _separates(cells, sign) for sign in SIGNS}
    found = [sign for sign, verdict in judged.items() if verdict and sign != ","]
    if len(found) == 1 and _separates(_parts(cells, found[0]), ","):
        found.append(",")
    if len(found) > 1:
        named = [repr(SIGNS[sign]) for sign in found]
        raise DataError(
            f"which of {' and '.join(named)} separates reasons in the column {column!r} cannot be told",
            f"say it: --separator {named[0]}",
        )
    if not found and judged[","] is None:
        raise DataError(
            f"whether the comma separates reasons in the column {column!r} or belongs to them cannot be told",
            "say it: --separator , or --separator none",
        )
    return found[0] if found else "," if judged[","] else None


def parts_of(cell: str, sign: str | None) -> list[str]:
    """Return the parts of a cell, each once, without blanks around them."""
    parts = cell.split(sign) if sign else [cell]
    return list(dict.fromkeys(filter(None, (" ".join(part.split()) for part in parts))))


def folded(text: str) -> str:
    """Return what is the same for all spellings of one reason: letter case, blanks and a full stop do not matter."""
    return " ".join(text.casefold().split()).rstrip(".") or text


def _given(text: str) -> str | None:
    if text == NONE:
        return None
    by_name = {name: sign for sign, name in SIGNS.items()} | {"\\n": "\n", "tab": "\t"}
    sign = by_name.get(text, text)
    if not sign or any(letter.isalnum() for letter in sign):
        raise UsageError(f"--separator {text!r}: not a sign", "write one such as ';', or newline, or none")
    return sign


def _parts(cells: Mapping[str, int], sign: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for cell, times in cells.items():
        found.update(dict.fromkeys(parts_of(cell, sign), times))
    return found


def _separates(cells: Mapping[str, int], sign: str) -> bool | None:
    """Return whether a sign stands between reasons; None where that cannot be told."""
    combinations: Counter[frozenset[str]] = Counter()
    for cell, times in cells.items():
        combinations[frozenset(folded(part) for part in parts_of(cell, sign))] += times
    several = {parts: times for parts, times in combinations.items() if len(parts) > 1}
    if not several:
        return False
    within = Counter(part for parts in combinations for part in parts)
    met = [within[part] > 1 for parts in several for part in parts]
    share = sum(met) / len(met)
    if share >= LIKELY:
        return True
    whole = share <= UNLIKELY and (sum(several.values()) > len(several) or combinations.total() >= ENOUGH)
    return False if whole else None if sign == "," else True
