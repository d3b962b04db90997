"""Who is a customer when: the active window, and the balance of customers per period.

Definitions: a customer is active at the end of day t if it bought on a day in [t - w + 1, t]. For a period (s, e]:
`start` = active at s, `end` = active at e, `new` = first order in the period and active at e, `new_lost` = first
order in the period, not active at e, `lost` = in start, not in end, `returned` = in end, not in start, first order
earlier, `returned_lost` = bought in the period and none of these. Always start + new + returned - lost = end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import UsageError, did_you_mean
from clvtool.periods import DAYS, UNITS, Period, complete, day_number, duration, periods_between

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog

SHARE = 0.9
MOST_OF_LOG = 0.5
FEWEST_GAPS = 30
COUNTS = ("start", "new", "new_lost", "lost", "returned", "returned_lost", "end")


@dataclass(frozen=True, slots=True)
class Window:
    """How long a customer counts as active after a purchase; `days` is None for the period itself."""

    days: int | None
    source: str

    def whole_days(self, unit: str) -> int:
        """Return its length in whole days; that of the period itself is a period's mean length."""
        return round(DAYS[unit]) if self.days is None else self.days


@dataclass(frozen=True, slots=True)
class Calendar:
    """The periods of a log; `whole` is the range of indices of the complete ones, which stand together."""

    unit: str
    periods: tuple[Period, ...]
    whole: range

    def places(self, days: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return in which period each day lies (0 is the first); days are counted from 1970-01-01."""
        import numpy as np

        first = day_number(self.periods[0].first)
        lengths = [(period.last - period.first).days + 1 for period in self.periods]
        return np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)[days - first]


@dataclass(frozen=True, slots=True)
class Stays:
    """From when to when customers are active without a break, in boundaries: boundary k is the end of period k.

    Periods are numbered 1 to n here, and boundary 0 lies before the first order. A stay is `who`, active at the
    boundaries `begin` to `end`, by customer and time. Per purchase day: its period `bought`, and the last boundary at
    which it makes its customer active, `until` (before `bought` where it is over within the period).
    """

    who: NDArray[np.int64]
    begin: NDArray[np.int32]
    end: NDArray[np.int32]
    bought: NDArray[np.int32]
    until: NDArray[np.int32]

    def active(self, customer: NDArray[np.int64], boundary: NDArray[np.integer], periods: int) -> NDArray[np.bool_]:
        """Return whether each customer is active at a boundary (0 to the number of periods)."""
        import numpy as np

        if not len(self.who):
            return np.zeros(len(customer), bool)
        size = periods + 1
        place = np.searchsorted(self.who * size + self.begin, customer * size + boundary, side="right") - 1
        return np.asarray((place >= 0) & (self.who[place] == customer) & (self.end[place] >= boundary))


@dataclass(frozen=True, slots=True)
class Balance:
    """The customer balance.

    `table`: COUNTS × group × period. Per customer, over the complete periods, how often: `start end lost returned`,
    the last only in periods that somebody was active at the start of; `returned_in_group` asks this of the customer's
    own group.
    """

    table: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    lost: NDArray[np.int64]
    returned: NDArray[np.int64]
    returned_in_group: NDArray[np.int64]


def check(unit: str, window: str) -> None:
    """Refuse a period or an active window that does not exist."""
    if unit not in UNITS:
        raise UsageError(f"--period {unit}: no such period", did_you_mean(unit, UNITS))
    check_window(window)


def check_window(window: str) -> None:
    """Refuse an active window that is none."""
    if window not in {"auto", "period"}:
        _days(window)


def _days(window: str) -> int:
    """Return the whole days of an active window that is a number or a duration; a month has its mean length."""
    try:
        return max(round(duration(window).days), 1)
    except UsageError:
        hint = "write days such as 90 or 12w, period or auto"
        raise UsageError(f"--active-window {window}: not a number of days", hint) from None


def calendar(log: OrderLog, unit: str) -> Calendar:
    """Return the periods from the first order to `as_of` and which of them the log covers whole."""
    periods = periods_between(log.first_day, log.as_of, unit)
    flags = [complete(period, log.first_day, log.as_of, log.silence) for period in periods]
    whole = [place for place, flag in enumerate(flags) if flag]
    return Calendar(unit, tuple(periods), range(whole[0], whole[-1] + 1) if whole else range(0))


def active_window(found: Customers, log: OrderLog, choice: str) -> Window:
    """Return the window that `--active-window` means: `auto`, `period`, a number of days, or a duration.

    `auto` is the smallest whole number of days within which at least 90 % of the gaps between a customer's
    consecutive purchase days lie, at most half of the log; with fewer than 30 gaps it is the period.
    """
    import numpy as np

    if choice == "period":
        return Window(None, "chosen")
    if choice != "auto":
        return Window(_days(choice), "chosen")
    same = found.buyer[1:] == found.buyer[:-1]
    gaps = (found.bought[1:] - found.bought[:-1])[same]
    if len(gaps) < FEWEST_GAPS:
        return Window(None, f"{len(gaps)} repeat purchases are too few to find one")
    within = np.cumsum(np.bincount(gaps))
    # integer arithmetic: 10 · count ≥ 9 · all, free of rounding
    days = int(np.argmax(within * 10 >= int(SHARE * 10) * len(gaps)))
    most = max(int(log.days * MOST_OF_LOG), 1)
    if days > most:
        return Window(most, "half of the log")
    return Window(max(days, 1), "90 % of the gaps between purchases")


def stays(found: Customers, cal: Calendar, window: Window) -> Stays:
    """Return when customers are active without a break."""
    import numpy as np

    ends = np.array([day_number(period.last) for period in cal.periods], np.int64)
    bought = cal.places(found.bought) + np.int32(1)
    if window.days is None:
        until = bought
    else:
        first_day = day_number(cal.periods[0].first)
        days = np.arange(first_day, ends[-1] + 1)
        last_boundary = np.searchsorted(ends, days + window.days - 1, side="right").astype(np.int32)
        until = last_boundary[found.bought - first_day]
    seen = until >= bought  # active at a boundary at all
    who, begin, end = found.buyer, bought, until
    if not seen.all():
        who, begin, end = who[seen], bought[seen], until[seen]
    joined = np.zeros(len(who), bool)
    np.less_equal(begin[1:], end[:-1] + 1, out=joined[1:])
    joined[1:] &= who[1:] == who[:-1]
    heads = np.flatnonzero(~joined)
    tails = np.append(heads[1:], len(who)) - 1 if len(who) else heads
    return Stays(who[heads], begin[heads], end[tails], bought, until)


def balance(found: Customers, cal: Calendar, window: Window) -> Balance:
    """Return who was active when, per group and period and per customer."""
    return balance_of(found, cal, stays(found, cal, window))


def balance_of(found: Customers, cal: Calendar, seen: Stays) -> Balance:
    """Return the balance that the stays of customers make."""
    import numpy as np

    count = len(cal.periods)
    run_who, run_from, run_to = seen.who, seen.begin, seen.end
    first_period = cal.places(found.first) + np.int32(1)
    is_new = run_from == first_period[run_who]

    group, groups = found.groups.customer, len(found.groups)
    table = np.zeros((len(COUNTS), groups, count), np.int64)

    def tally(name: str, customer: NDArray[np.int64], period: NDArray[np.signedinteger]) -> None:
        inside = period <= count
        flat = group[customer[inside]] * count + period[inside] - 1
        table[COUNTS.index(name)] += np.bincount(flat, minlength=groups * count).reshape(groups, count)

    tally("new", run_who[is_new], run_from[is_new])
    tally("returned", run_who[~is_new], run_from[~is_new])
    tally("lost", run_who, run_to + 1)
    everyone = np.arange(found.n)
    tally("new_lost", everyone, first_period)
    table[COUNTS.index("new_lost")] -= table[COUNTS.index("new")]
    ended = np.cumsum(
        table[COUNTS.index("new")] + table[COUNTS.index("returned")] - table[COUNTS.index("lost")], axis=1
    )
    table[COUNTS.index("end")] = ended
    table[COUNTS.index("start"), :, 1:] = ended[:, :-1]
    tally("returned_lost", *_brief_returns(found, seen.bought, seen.until, first_period))

    low, high = cal.whole.start + 1, cal.whole.stop  # complete periods are low..high
    started = table[COUNTS.index("start")]
    back = ~is_new & (run_from >= low) & (run_from <= high)
    place = np.minimum(run_from, count) - 1

    def per_customer(values: NDArray[np.integer] | NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(run_who, weights=values, minlength=found.n).astype(np.int64)

    def overlap(bottom: int, top: int) -> NDArray[np.int64]:
        return np.asarray(np.maximum(np.minimum(run_to, top) - np.maximum(run_from, bottom) + 1, 0))

    return Balance(
        table,
        start=per_customer(overlap(low - 1, high - 1)),
        end=per_customer(overlap(low, high)),
        lost=per_customer((run_to + 1 >= low) & (run_to + 1 <= high)),
        returned=per_customer(back & (started.sum(axis=0)[place] > 0)),
        returned_in_group=per_customer(back & (started[group[run_who], place] > 0)),
    )


def _brief_returns(
    found: Customers,
    begins: NDArray[np.signedinteger],
    until: NDArray[np.signedinteger],
    first_period: NDArray[np.signedinteger],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (customer, period) of those who came back within a period and were gone again before its end."""
    import numpy as np

    brief = (until < begins) & (begins != first_period[found.buyer])
    if not brief.any():
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    who, period = np.unique(np.stack([found.buyer[brief], begins[brief]]), axis=1)
    seen = until >= begins
    if not seen.any():
        return who, period
    # the customer's last purchase up to this period that any boundary saw: did it reach to the start of the period?
    size = int(begins.max()) + 1
    keys = found.buyer[seen] * size + begins[seen]  # ascending, as customers and their days are
    place = np.searchsorted(keys, who * size + period, side="right") - 1
    own = (place >= 0) & (found.buyer[seen][place] == who)
    active = own & (until[seen][place] >= period - 1)
    return who[~active], period[~active]
