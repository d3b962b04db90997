from datetime import date, timedelta
from itertools import pairwise

import pytest

from clvtool.errors import UsageError
from clvtool.periods import (
    DAYS,
    UNITS,
    Duration,
    Period,
    complete,
    day,
    day_number,
    duration,
    period_of,
    periods_after,
    periods_between,
)


@pytest.mark.parametrize(
    ("text", "count", "unit", "days"),
    [
        ("90d", 90, "day", 90),
        ("90", 90, "day", 90),
        (" 12W ", 12, "week", 84),
        ("12m", 12, "month", 365.25),
        ("4q", 4, "quarter", 365.25),
        ("1y", 1, "year", 365.25),
        ("100y", 100, "year", 36525),
    ],
)
def test_durations(text, count, unit, days):
    found = duration(text)
    assert found == Duration(count, unit)
    assert found.days == days


@pytest.mark.parametrize("text", ["", "m", "0d", "-3d", "1.5y", "12 months", "12x", "1d2", "101y", "9" * 30, "١٢m"])
def test_no_durations(text):
    with pytest.raises(UsageError, match=r"duration|longer than 100 years"):
        duration(text)


def test_durations_in_other_units_and_words():
    assert duration("1y").in_units("month") == 12
    assert duration("12m").in_units("year") == 1
    assert duration("2q").in_units("month") == 6
    assert duration("7d").in_units("week") == 1
    assert duration("1y").in_units("week") == 365.25 / 7
    assert (str(duration("12m")), str(duration("1y"))) == ("12 months", "1 year")


@pytest.mark.parametrize(
    ("when", "unit", "label", "first", "last"),
    [
        # ISO 8601: the week with the year's first Thursday is week 1. 2021-01-01 was a Friday, of the week 53 of 2020;
        # 2024-12-30 was a Monday, of the week 1 of 2025
        ("2021-01-01", "week", "2020-W53", "2020-12-28", "2021-01-03"),
        ("2024-12-30", "week", "2025-W01", "2024-12-30", "2025-01-05"),
        ("2025-01-05", "week", "2025-W01", "2024-12-30", "2025-01-05"),
        ("2025-01-06", "week", "2025-W02", "2025-01-06", "2025-01-12"),
        ("2024-02-29", "month", "2024-02", "2024-02-01", "2024-02-29"),
        ("2023-02-28", "month", "2023-02", "2023-02-01", "2023-02-28"),
        ("2100-02-10", "month", "2100-02", "2100-02-01", "2100-02-28"),  # no leap year
        ("2024-12-31", "month", "2024-12", "2024-12-01", "2024-12-31"),
        ("2024-02-29", "quarter", "2024-Q1", "2024-01-01", "2024-03-31"),
        ("2024-04-01", "quarter", "2024-Q2", "2024-04-01", "2024-06-30"),
        ("2024-09-30", "quarter", "2024-Q3", "2024-07-01", "2024-09-30"),
        ("2024-10-01", "quarter", "2024-Q4", "2024-10-01", "2024-12-31"),
        ("2024-02-29", "year", "2024", "2024-01-01", "2024-12-31"),
        ("2024-02-29", "day", "2024-02-29", "2024-02-29", "2024-02-29"),
    ],
)
def test_calendar_periods(when, unit, label, first, last):
    found = period_of(date.fromisoformat(when), unit)
    assert found == Period(label, date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("unit", UNITS)
def test_periods_follow_each_other_without_a_gap(unit):
    first, last = date(2019, 11, 5), date(2024, 3, 1)
    found = periods_between(first, last, unit)
    assert found[0].first <= first <= found[0].last
    assert found[-1].first <= last <= found[-1].last
    for one, other in pairwise(found):
        assert other.first == one.last + timedelta(days=1)
    assert len({period.label for period in found}) == len(found)
    assert [period.label for period in found] == sorted(period.label for period in found)
    # over four years a period is as long as DAYS says
    assert (found[-1].last - found[0].first).days + 1 == pytest.approx(DAYS[unit] * len(found), rel=0.02)


def test_complete():
    january = period_of(date(2024, 1, 15), "month")
    end = date(2024, 1, 31)
    assert complete(january, date(2024, 1, 1), end, 0)
    assert not complete(january, date(2024, 1, 1), date(2024, 1, 30), 5)  # the end is strict
    assert complete(january, date(2024, 1, 2), end, 1)  # shut on New Year's Day
    assert not complete(january, date(2024, 1, 3), end, 1)
    assert complete(january, date(2023, 5, 1), end, 0)


def test_days():
    assert day("2024-02-29", "--as-of") == date(2024, 2, 29)
    assert day_number(date(1970, 1, 1)) == 0
    assert day_number(date(2024, 2, 29)) == 19782
    assert day_number(date(1969, 12, 31)) == -1
    with pytest.raises(UsageError, match="--as-of 2023-02-29: not a date"):
        day("2023-02-29", "--as-of")


def test_the_periods_after_a_day_begin_with_what_is_left_of_its_own():
    # a leap February, of which 28 days are left after the 1st; nothing is left after the last
    rest, march = periods_after(date(2024, 2, 1), "month", 1)
    assert rest == Period("2024-02", date(2024, 2, 2), date(2024, 2, 29))
    assert march == period_of(date(2024, 3, 15), "month")
    assert periods_after(date(2024, 2, 29), "month", 1) == [march]
    assert periods_after(date(2024, 12, 31), "day", 2)[-1] == period_of(date(2025, 1, 2), "day")


@pytest.mark.parametrize("unit", UNITS)
def test_the_periods_after_a_day_follow_each_other(unit):
    for day_of_year in range(0, 366, 7):
        when = date(2023, 11, 20) + timedelta(days=day_of_year)
        found = periods_after(when, unit, 3)
        assert found[0].first == when + timedelta(days=1)
        assert all(after.first == before.last + timedelta(days=1) for before, after in pairwise(found))
        assert [one == period_of(one.first, unit) for one in found[-3:]] == [True] * 3
        assert len(found) == 3 + (found[0] != period_of(found[0].first, unit))
