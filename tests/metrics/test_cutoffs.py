from datetime import date
from itertools import pairwise

import pytest

from clvtool.errors import DataError, UsageError
from clvtool.metrics.cutoffs import Window, windows
from clvtool.periods import duration

FIRST, LAST = date(2024, 1, 1), date(2024, 6, 29)  # 180 days between them


def test_three_hold_outs_fill_the_second_half_of_the_log():
    # a sixth of 180 days is 30: from day 90 on
    assert windows(FIRST, LAST) == (
        Window(date(2024, 3, 31), date(2024, 4, 30)),
        Window(date(2024, 4, 30), date(2024, 5, 30)),
        Window(date(2024, 5, 30), LAST),
    )


@pytest.mark.parametrize(("length", "count"), [("10d", 3), ("45d", 3), ("46d", 2), ("60d", 2), ("61d", 1), ("90d", 1)])
def test_as_many_of_a_length_as_leave_one_before_the_first(length, count):
    found = windows(FIRST, LAST, holdout=duration(length))
    assert len(found) == count
    assert found[-1].until == LAST
    assert {window.days for window in found} == {int(length[:-1])}
    assert all(here.until == after.cutoff for here, after in pairwise(found))
    assert (found[0].cutoff - FIRST).days >= int(length[:-1])


def test_a_length_beyond_half_of_the_log_is_refused_with_the_valid_range():
    with pytest.raises(UsageError, match="--holdout 91 days is too long") as caught:
        windows(FIRST, LAST, holdout=duration("91d"))
    assert "90 days" in caught.value.hint


def test_given_cut_offs_have_the_days_to_the_next_one():
    # in any order, each once
    days = [date(2024, 5, 1), date(2024, 3, 1), date(2024, 5, 1)]
    assert windows(FIRST, LAST, days) == (Window(days[1], days[0]), Window(days[0], LAST))
    assert windows(FIRST, LAST, days[1:2], duration("30d")) == (Window(days[1], date(2024, 3, 31)),)


@pytest.mark.parametrize(
    ("cutoff", "holdout", "hint"),
    [
        (FIRST, None, "from 2024-01-02 to 2024-06-28"),
        (LAST, None, "from 2024-01-02 to 2024-06-28"),
        (date(2030, 1, 1), None, "from 2024-01-02 to 2024-06-28"),
        (date(2024, 6, 1), "30d", "from 2024-01-02 to 2024-05-30"),
        (date(2024, 1, 15), "1y", "none"),
    ],
)
def test_a_cut_off_outside_the_log_is_refused_with_the_valid_range(cutoff, holdout, hint):
    with pytest.raises(UsageError, match=f"--cutoff {cutoff}") as caught:
        windows(FIRST, LAST, [date(2024, 1, 15), cutoff], None if holdout is None else duration(holdout))
    assert hint in caught.value.hint


def test_a_log_of_six_weeks_is_the_shortest():
    # three hold-outs of a week in its second half: 42 days between first and last
    assert [window.days for window in windows(FIRST, date(2024, 2, 12))] == [7, 7, 7]
    with pytest.raises(DataError, match="spans 42 days") as caught:
        windows(FIRST, date(2024, 2, 11))
    assert "--cutoff" in caught.value.hint
