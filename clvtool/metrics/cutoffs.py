"""Where a log is cut in two: models see what is before, and are judged by what comes after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from clvtool.periods import Duration

USUAL = 3
"""Cut-offs where none is given."""
SHORTEST = 7
"""Days that a hold-out lasts at least where nobody says how long."""


@dataclass(frozen=True, slots=True)
class Window:
    """A hold-out: the days after `cutoff` up to and with `until`."""

    cutoff: date
    until: date

    @property
    def days(self) -> int:
        """Return how many days it lasts."""
        return (self.until - self.cutoff).days


def windows(
    first_day: date, as_of: date, cutoffs: Sequence[date] = (), holdout: Duration | None = None
) -> tuple[Window, ...]:
    """Return the hold-outs of a log, the earliest first.

    Each cut-off has the days to the next one, the last those to `as_of`; or as long as `holdout` says. Without
    cut-offs there are three, one hold-out after the other up to `as_of`: in the second half of the log, or as many of
    the length asked for as leave one such length before the first. Raises UsageError for a cut-off or length outside
    the log, DataError for a log that is too short to be cut where nobody said how.
    """
    span = (as_of - first_day).days
    length = None if holdout is None else max(round(holdout.days), 1)
    if cutoffs:
        return _at(sorted(set(cutoffs)), first_day, as_of, length)
    if length is None:
        length = span // (2 * USUAL)
        if length < SHORTEST:
            raise DataError(
                f"the log spans {span + 1} days, and {USUAL} hold-outs of {SHORTEST} days in its second half need "
                f"{2 * USUAL * SHORTEST + 1}",
                "name the cut-offs with --cutoff DATE, or a model with --model",
            )
        count = USUAL
    else:
        count = min(USUAL, span // length - 1)
        if count < 1:
            raise UsageError(
                f"--holdout {holdout} is too long for a log of {span + 1} days",
                f"half of the log at most: {span // 2} days",
            )
    ends = [as_of - timedelta(days=length * place) for place in range(count, -1, -1)]
    return tuple(Window(cutoff, until) for cutoff, until in pairwise(ends))


def _at(cutoffs: Sequence[date], first_day: date, as_of: date, length: int | None) -> tuple[Window, ...]:
    earliest, latest = first_day + timedelta(days=1), as_of - timedelta(days=length or 1)
    for cutoff in cutoffs:
        if not earliest <= cutoff <= latest:
            valid = f"from {earliest} to {latest}" if earliest <= latest else "none: the log is too short"
            raise UsageError(
                f"--cutoff {cutoff} leaves no orders before it, or too few days after it",
                f"the log goes from {first_day} to {as_of}; possible cut-offs: {valid}",
            )
    if length is None:
        return tuple(Window(here, after) for here, after in zip(cutoffs, [*cutoffs[1:], as_of], strict=True))
    return tuple(Window(cutoff, cutoff + timedelta(days=length)) for cutoff in cutoffs)
