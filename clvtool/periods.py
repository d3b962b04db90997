"""All calendar logic: periods, their bounds and names, durations, and whether a period is complete."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

from clvtool.errors import UsageError

UNITS = ("day", "week", "month", "quarter", "year")
DAYS = {"day": 1.0, "week": 7.0, "month": 30.4375, "quarter": 91.3125, "year": 365.25}
"""Mean length of a period in days: a year is 365.25 days, a month a twelfth of it."""
LONGEST_YEARS = 100
_LETTERS = {"d": "day", "w": "week", "m": "month", "q": "quarter", "y": "year"}
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Duration:
    """A span such as `90d`, `12w`, `12m` or `1y`."""

    count: int
    unit: str

    @property
    def days(self) -> float:
        """Return its mean length in days."""
        return self.count * DAYS[self.unit]

    def in_units(self, unit: str) -> float:
        """Return how many periods of another unit it spans: `1y` is 12 months."""
        return self.count * (DAYS[self.unit] / DAYS[unit])

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar period: both days belong to it."""

    label: str
    first: date
    last: date


def duration(text: str) -> Duration:
    """Return the duration that `90d`, `12w`, `12m`, `4q` or `1y` says; a bare number is days."""
    match = re.fullmatch(r"\s*([0-9]+)\s*([dwmqy]?)\s*", text.lower())
    if not match or int(match[1]) == 0:
        raise UsageError(f"{text!r} is no duration", "write it as 90d, 12w, 12m or 1y")
    span = Duration(int(match[1]), _LETTERS[match[2] or "d"])
    if span.days > LONGEST_YEARS * DAYS["year"]:
        raise UsageError(f"{text!r} is longer than {LONGEST_YEARS} years", "write it as 90d, 12w, 12m or 1y")
    return span


def day(text: str, option: str) -> date:
    """Return the date of an option, written as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text}: not a date", "write it as YYYY-MM-DD") from None


def day_number(when: date) -> int:
    """Return a day as days since 1970-01-01."""
    return when.toordinal() - _EPOCH


def period_of(when: date, unit: str) -> Period:
    """Return the calendar period a day belongs to; weeks begin on Monday and are named as in ISO 8601."""
    if unit == "day":
        return Period(when.isoformat(), when, when)
    if unit == "week":
        first = when - timedelta(days=when.weekday())
        year, week, _ = when.isocalendar()
        return Period(f"{year}-W{week:02d}", first, first + timedelta(days=6))
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    start_month = (when.month - 1) // months * months + 1
    first = date(when.year, start_month, 1)
    end_month = start_month + months - 1
    last = date(when.year, end_month, calendar.monthrange(when.year, end_month)[1])
    label = {
        "month": f"{when.year}-{when.month:02d}",
        "quarter": f"{when.year}-Q{(start_month + 2) // 3}",
        "year": str(when.year),
    }[unit]
    return Period(label, first, last)


def periods_between(first: date, last: date, unit: str) -> list[Period]:
    """Return all periods from the one of `first` to the one of `last`, without a gap."""
    found = [period_of(first, unit)]
    while found[-1].last < last:
        found.append(period_of(found[-1].last + timedelta(days=1), unit))
    return found


def periods_after(day: date, unit: str, count: int) -> list[Period]:
    """Return the next `count` whole periods; before them what is left of the period of the day, if anything is."""
    running = period_of(day, unit)
    found = [Period(running.label, day + timedelta(days=1), running.last)] if running.last > day else []
    last = running.last
    for _ in range(count):
        found.append(period_of(last + timedelta(days=1), unit))
        last = found[-1].last
    return found


def complete(period: Period, log_begins: date, as_of: date, silence: int) -> bool:
    """Return whether a log covers a period whole.

    The end must be reached: `as_of` is its last day or later. At the beginning a log may start late by no more days
    than its longest `silence` (days in a row without an order) and than a tenth of the period: a shop shut on New Year
    has its January, and a month of which the log knows one day is not complete.
    """
    length = (period.last - period.first).days + 1
    return period.last <= as_of and (log_begins - period.first).days <= min(silence, length // 10)
