"""How old a customer is: periods since the first order, by the calendar or from the customer's own day on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.periods import day_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.activity import Calendar
    from clvtool.metrics.orderlog import OrderLog

_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def rolling_age(first: NDArray[np.int64], day: NDArray[np.int64], unit: str) -> NDArray[np.int64]:
    """Return how many whole periods lie between two days (days since 1970-01-01, the second not earlier).

    A month after the 31st of January is the last day of February: where a month has no such day, its last one counts.
    """
    import numpy as np

    if unit not in _MONTHS:
        return np.asarray((day - first) // (7 if unit == "week" else 1))
    if not len(day):
        return np.zeros(0, np.int64)
    low = int(first.min())
    days = np.arange(low, int(day.max()) + 1).astype("datetime64[D]")
    month = days.astype("datetime64[M]")
    begins = month.astype("datetime64[D]")
    of_month = (days - begins).astype(np.int64)
    last = ((month + 1).astype("datetime64[D]") - begins).astype(np.int64) - 1
    number = month.astype(np.int64)
    first, day = first - low, day - low
    months = number[day] - number[first]
    months -= of_month[day] < np.minimum(of_month[first], last[day])
    return np.asarray(months // _MONTHS[unit])


def reach(log: OrderLog, cal: Calendar, *, rolling: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, per period as a cohort, how many ages have begun for somebody, and how many are over for everybody.

    Of a cohort whose own period the log does not cover whole, no age is over.
    """
    import numpy as np

    count = len(cal.periods)
    places = np.arange(count)
    whole = np.isin(places, cal.whole)
    if not rolling:
        return count - places, np.where(whole, max(cal.whole.stop, 0) - places, 0)
    as_of = day_number(log.as_of)
    begins = np.array([max(day_number(period.first), day_number(log.first_day)) for period in cal.periods])
    ends = np.array([min(day_number(period.last), as_of) for period in cal.periods])
    begun = rolling_age(begins, np.full(count, as_of), cal.unit) + 1
    return begun, np.where(whole, rolling_age(ends, np.full(count, as_of + 1), cal.unit), 0)
