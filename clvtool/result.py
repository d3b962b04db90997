"""What every answer returns: a table with its meaning, ready for any of the writers in `report`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import polars as pl


@dataclass(frozen=True, slots=True)
class Result:
    """A finished answer.

    `table` has snake_case columns in their printing order, rows in a total order by content, null for undefined
    (never NaN). The suffix of a column says its unit: `_rate` and `_share` are 0..1, `_days`, `_date`, `p_*`
    probabilities; where there is a `unit` column, that decides for `value`, `ci_low` and `ci_high` of its row
    (`money`, `rate`, `days`, `customers`, `orders`, `per month`, `months` ...).
    `notes` are sentences for the reader, `definitions` say per column or metric what the figure means, `extra` holds
    further keys of the JSON object, `metadata` further texts that a Parquet file keeps beside the table. `drawn` is the
    table in the shape that a terminal shows, such as a matrix, where that is another one.
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
    drawn: pl.DataFrame | None = None
