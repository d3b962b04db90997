"""Customers by the group they belong to and the cohort they came with: sums per row of such a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clvtool.metrics.cells import sums
from clvtool.metrics.groups import TOTAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.activity import Calendar
    from clvtool.metrics.customers import Customers

ALL = "(all)"


@dataclass(frozen=True, slots=True)
class CohortRows:
    """The rows: groups (the total first, where there are groups) × cohorts (all of them first).

    `place` is the cell of each customer among groups × cohorts without these sums.
    """

    names: tuple[tuple[str, ...], ...]
    cohorts: tuple[str, ...]
    place: NDArray[np.int64]

    @property
    def count(self) -> int:
        """Return the number of rows."""
        return len(self.names) * len(self.cohorts)

    def added(self, values: NDArray[np.int64], who: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the exact sum per row of what the customers `who` have."""
        import numpy as np

        each = len(self.cohorts) - 1
        groups = max(len(self.names) - 1, 1)
        parts = sums(self.place[who], values[who], groups * each).reshape(groups, each)
        parts = np.concatenate([parts.sum(axis=1, keepdims=True), parts], axis=1)
        return np.asarray(
            np.concatenate([parts.sum(axis=0, keepdims=True), parts]).ravel() if len(self.names) > 1 else parts.ravel()
        )

    def counted(self, who: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return how many of these customers each row has."""
        return self.added(who.astype("int64"), who)

    def columns(self, labels: Sequence[str], each: int) -> dict[str, Any]:
        """Return the group columns and `cohort`, every row `each` times."""
        import polars as pl

        size = len(self.cohorts) * each
        columns: dict[str, Any] = {
            label: pl.Series([name[place] for name in self.names for _ in range(size)], dtype=pl.String)
            for place, label in enumerate(labels)
        }
        columns["cohort"] = [cohort for _ in self.names for cohort in self.cohorts for _ in range(each)]
        return columns


def by_period(found: Customers, cal: Calendar, groups: Sequence[str]) -> CohortRows:
    """Return the rows where a cohort is the period of the first order."""
    names = ((TOTAL,) * len(groups), *(found.groups.names if groups else ()))
    place = found.groups.customer * len(cal.periods) + cal.places(found.first)
    return CohortRows(names, (ALL, *(one.label for one in cal.periods)), place)


def by_group(found: Customers) -> CohortRows:
    """Return the rows where a cohort is a group of customers."""
    return CohortRows(((),), (ALL, *(name for (name,) in found.groups.names)), found.groups.customer)
