"""What customers are called by their scores for recency, frequency and money: a table of bounds, checked as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

BEST = 5
"""Scores go from 1 to this."""
FIELDS = ("name", "r", "f", "m")
PLAIN: tuple[Mapping[str, Any], ...] = (
    {"name": "champions", "r": [5, 5], "f": [4, 5]},
    {"name": "loyal", "r": [3, 4], "f": [4, 5]},
    {"name": "potential_loyalists", "r": [4, 5], "f": [2, 3]},
    {"name": "new_customers", "r": [5, 5], "f": [1, 1]},
    {"name": "promising", "r": [4, 4], "f": [1, 1]},
    {"name": "need_attention", "r": [3, 3], "f": [3, 3]},
    {"name": "about_to_sleep", "r": [3, 3], "f": [1, 2]},
    {"name": "cannot_lose", "r": [1, 2], "f": [5, 5]},
    {"name": "at_risk", "r": [1, 2], "f": [3, 4]},
    {"name": "hibernating", "r": [1, 2], "f": [1, 2]},
)
"""The names where no others are given: from the first to the last score of each; one that is not named may be any."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names in the order of their table, and the place of the name of every combination, at [r-1, f-1, m-1]."""

    names: tuple[str, ...]
    places: NDArray[np.int64]

    @property
    def by_money(self) -> bool:
        """Return whether the score for money makes a difference."""
        return bool((self.places != self.places[:, :, :1]).any())


def names_of(entries: Sequence[Mapping[str, Any]], source: str) -> Names:
    """Return the names of a table of bounds; several entries may have one name.

    Raises DataError that names `source` where an entry is no bounds, and the first combination of scores that has no
    name, or more than one.
    """
    import numpy as np

    boxes = [_box(entry, source) for entry in entries]
    names = tuple(dict.fromkeys(name for name, _ in boxes))
    places = np.full((BEST, BEST, BEST), -1, np.int64)
    for name, spans in boxes:
        inside = np.ix_(*(np.arange(first - 1, last) for first, last in spans))
        taken = places[inside] >= 0
        if taken.any():
            r, f, m = (int(first + step) for (first, _), step in zip(spans, np.argwhere(taken)[0], strict=True))
            other = names[places[r - 1, f - 1, m - 1]]
            raise DataError(
                f"{source}: r={r} f={f} m={m} belongs to {other} and to {name}", "each combination has one name"
            )
        places[inside] = names.index(name)
    for r, f, m in product(range(BEST), repeat=3):
        if places[r, f, m] < 0:
            raise DataError(
                f"{source}: r={r + 1} f={f + 1} m={m + 1} belongs to no segment", "each combination has one name"
            )
    return Names(names, places)


def _box(entry: Mapping[str, Any], source: str) -> tuple[str, list[tuple[int, int]]]:
    unknown = [key for key in entry if key not in FIELDS]
    if unknown:
        raise DataError(f"{source}: a segment has no {unknown[0]!r}", did_you_mean(unknown[0], FIELDS))
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"{source}: a segment has no name", 'write it as name = "champions"')
    spans = []
    for key in FIELDS[1:]:
        span = entry.get(key, [1, BEST])
        span = [span, span] if isinstance(span, int) else span
        whole = isinstance(span, list) and len(span) == 2 and all(type(bound) is int for bound in span)
        if not whole or not 1 <= span[0] <= span[1] <= BEST:
            raise DataError(f"{source}: {key} of {name} is no range of scores", f"write it as {key} = [4, {BEST}]")
        spans.append((span[0], span[1]))
    return name.strip(), spans
