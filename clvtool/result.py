"""What every answer returns: a table with its meaning, ready for any of the writers in `report`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import polars as pl


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves over the same places on the horizontal axis, as `--plot` draws them.

    `x` names the places, `lines` has a value for each of them, None where there is none; the most telling line comes
    first. `unit` says what the values are, as in the `unit` column of a table. `bands` are the lower and upper bounds
    of the line of that name. `below` is a second picture under this one, for what has another unit.
    """

    title: str
    x: Sequence[str]
    lines: Mapping[str, Sequence[float | None]]
    unit: str = "number"
    bands: Mapping[str, tuple[Sequence[float | None], Sequence[float | None]]] = field(default_factory=dict)
    below: Plot | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A finished answer.

    `table` has snake_case columns in their printing order, rows in a total order by content, null for undefined
    (never NaN). The suffix of a column says its unit: `_rate` and `_share` are 0..1, `_days`, `_date`, `p_*`
    probabilities; where there is a `unit` column, that decides for `value`, `ci_low` and `ci_high` of its row
    (`money`, `rate`, `days`, `customers`, `orders`, `per month`, `months` ...).
    `notes` are sentences for the reader, `definitions` say per column or metric what the figure means, `extra` holds
    further keys of the JSON object, `metadata` further texts that a Parquet file keeps beside the table.
    `screen` is what a table for people shows in place of `table`, where that one is too long or too wide to be read;
    its last columns may be left out where they do not fit. `plot` is what `--plot` draws in place of a table.
    """

    name: str
    title: str
    table: pl.DataFrame
    notes: tuple[str, ...] = ()
    as_of: date | None = None
    currency: str | None = None
    definitions: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    screen: pl.DataFrame | None = None
    plot: Plot | None = None
