"""Cells coloured by their value: the higher among the coloured ones, the darker."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING

from rich.style import Style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

STEPS = 7
LIGHT, DARK = (228, 240, 252), (14, 66, 132)
"""Background of the lowest and of the highest values, as red, green and blue."""
WHITE_FROM = 0.5
"""The step from which on dark text could no longer be read."""
Span = tuple[int, int, float]
"""Where in a line a cell begins and ends, and its level from 0 to 1."""


def levels(table: pl.DataFrame, names: Sequence[str]) -> Mapping[str, list[float | None]]:
    """Return for each named column the level of its cells: the share of all these cells that are lower, 0 to 1."""
    columns = {name: table[name].cast(float).to_list() for name in names if name in table.columns}
    known = sorted(value for column in columns.values() for value in column if value is not None)
    most = max(bisect_left(known, known[-1]), 1) if known else 1

    def level(value: float | None) -> float | None:
        return None if value is None else bisect_left(known, value) / most

    return {name: [level(value) for value in column] for name, column in columns.items()}


def shade(level: float) -> Style:
    """Return the style of a level."""
    step = min(math.floor(level * STEPS), STEPS - 1) / (STEPS - 1)
    red, green, blue = (round(low + (high - low) * step) for low, high in zip(LIGHT, DARK, strict=True))
    return Style.parse(f"{'white' if step >= WHITE_FROM else 'black'} on rgb({red},{green},{blue})")
