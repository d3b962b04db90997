"""What was known of the customers on one day, and what became of them by another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.metrics.clues import clues
from clvtool.metrics.customers import customers
from clvtool.metrics.orderlog import order_log
from clvtool.metrics.predictive import histories
from clvtool.metrics.remarks import left_out
from clvtool.periods import day_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.clues import Clues
    from clvtool.metrics.orderlog import Policies
    from clvtool.metrics.predictive import Histories


@dataclass(frozen=True, slots=True)
class Day:
    """What was known of the customers on one day; `clues` only where they were asked for."""

    when: date
    ids: pl.Series
    last: NDArray[np.int64]
    seen: Histories
    notes: tuple[str, ...]
    clues: Clues | None

    @property
    def recency(self) -> NDArray[np.int64]:
        """Return the days since the last purchase."""
        return self.seen.T - self.seen.t_x


class Known:
    """What was known on each day, looked up once: the spans of neighbouring cut-offs share their ends."""

    def __init__(self, orders: pl.DataFrame, policies: Policies, *, by: Sequence[str] = (), look: bool = False) -> None:
        """Take the orders; with `look`, each day has its clues, the columns `by` among them."""
        self.orders = orders
        self.policies = policies
        self.by = by if look else ()
        self.look = look
        self.days: dict[date, Day] = {}

    def on(self, when: date) -> Day:
        """Return what was known on a day. Raises DataError where nothing was."""
        if when not in self.days:
            log = order_log(self.orders, replace(self.policies, as_of=when), self.by)
            found = customers(log)
            if not found.n:
                raise DataError(f"no customer is known on {when}", "take a shorter --within, or a later day")
            seen = histories(found, day_number(when))
            told = clues(found, log) if self.look else None
            self.days[when] = Day(when, found.ids, found.last, seen, tuple(left_out(log, found)), told)
        return self.days[when]

    def forget(self, before: date) -> None:
        """Let the days before that one go: they take much memory."""
        self.days = {when: day for when, day in self.days.items() if when >= before}


def left(then: Day, after: Day) -> NDArray[np.bool_]:
    """Return which customers of a day bought nothing between it and the later one, as far as was known there.

    An order that was refunded in full by then is none.
    """
    import numpy as np
    import polars as pl

    known = pl.DataFrame({"id": after.ids, "last": after.last})
    asked = pl.DataFrame({"id": then.ids})
    last = asked.join(known, on="id", how="left", maintain_order="left")["last"].fill_null(-(1 << 62))
    return np.asarray(last.to_numpy() <= day_number(then.when))
