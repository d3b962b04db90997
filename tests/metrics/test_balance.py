import random

import numpy as np
import plainly
import pytest
from books import book, frame, random_book

from clvtool.metrics.activity import COUNTS, active_window, balance, calendar
from clvtool.metrics.customers import customers
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.periods import UNITS

# Months, window of 20 days: active at the end of January means a purchase on 12..31, of February on 10..29, of March
# on 12..31. Every customer is here for one kind of movement.
DOZEN = """
who  day         amount
a    2024-01-20  10
a    2024-02-02  10
b    2024-01-05  10
c    2024-01-20  10
c    2024-02-15  10
c    2024-03-20  10
d    2024-01-20  10
d    2024-03-15  10
e    2024-01-20  10
e    2024-03-05  10
f    2024-02-20  10
g    2024-02-03  10
g    2024-03-25  10
h    2024-01-05  10
h    2024-02-12  10
i    2024-01-05  10
i    2024-02-05  10
j    2024-03-20  10
k    2024-03-02  10
l    2024-01-14  10
l    2024-01-30  10
l    2024-02-29  10
l    2024-03-31  10
"""


def balance_of(orders, window, unit="month", groups=()):
    log = order_log(orders, Policies(), groups)
    found = customers(log)
    cal = calendar(log, unit)
    return found, cal, balance(found, cal, active_window(found, log, window))


def test_every_kind_of_movement():
    # January   b h i: first order, not active at the end (new_lost 3); a c d e l new (5)
    # February  a bought on the 2nd, but is not active on the 29th: lost, as d and e; h was new_lost: returned;
    #           i bought on the 5th, was not active at the start and is not at the end: returned_lost; f new, g new_lost
    # March     f h lost; d g returned; e returned_lost; j new; k new_lost; c l stay
    _, cal, flows = balance_of(book(DOZEN), "20")
    found = {name: flows.table[place, 0].tolist() for place, name in enumerate(COUNTS)}
    assert [period.label for period in cal.periods] == ["2024-01", "2024-02", "2024-03"]
    assert found == {
        "start": [0, 5, 4],
        "new": [5, 1, 1],
        "new_lost": [3, 1, 1],
        "lost": [0, 3, 2],
        "returned": [0, 1, 2],
        "returned_lost": [0, 1, 1],
        "end": [5, 4, 5],
    }


def test_the_period_itself_as_window():
    # active in a month = bought in it. a: January and February; b: January; c: January and March
    _, _, flows = balance_of(
        book("""
        who day        amount
        a   2024-01-31 1
        a   2024-02-01 1
        b   2024-01-01 1
        c   2024-01-15 1
        c   2024-03-31 1
        """),
        "period",
    )
    found = {name: flows.table[place, 0].tolist() for place, name in enumerate(COUNTS)}
    assert found["start"] == [0, 3, 1]
    assert found["lost"] == [0, 2, 1]
    assert found["returned"] == [0, 0, 1]
    assert found["end"] == [3, 1, 1]
    assert found["new_lost"] == found["returned_lost"] == [0, 0, 0]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("window", ["period", "1", "2", "7", "30", "45", "100", "3000"])
def test_random_books_against_the_definitions(unit, window):
    # few customers over 200 days around new year; windows shorter, longer and much longer than a period
    days = None if window == "period" else int(window)
    seeds = range(2 if unit == "day" else 6)
    for seed in seeds:
        rows = random_book(random.Random(f"{unit}{window}{seed}"), customers=5 if unit == "day" else 8)
        found, cal, flows = balance_of(frame(rows), window, unit)
        first_day, as_of, silence = plainly.log_of(rows)
        expected = plainly.periods(first_day, as_of, unit)
        assert [(period.label, period.first, period.last) for period in cal.periods] == expected
        whole = [i for i, period in enumerate(expected) if plainly.is_complete(period, first_day, as_of, silence)]
        assert list(cal.whole) == whole
        moves = [
            [
                plainly.movement(own, days, period, expected[i - 1] if i else None)
                for own in plainly.purchases(rows).values()
            ]
            for i, period in enumerate(expected)
        ]
        for place, name in enumerate(COUNTS):
            assert flows.table[place, 0].tolist() == [sum(own[name] for own in some) for some in moves], name
        each, _ = plainly.contributions(rows, unit, days)
        for name in ("start", "end", "lost", "returned"):
            by_customer = dict(zip(found.ids.to_list(), getattr(flows, name).tolist(), strict=True))
            assert by_customer == {who: own[name] for who, own in each.items()}, name


@pytest.mark.parametrize("seed", range(10))
def test_groups_add_up_and_balance(seed):
    rows = random_book(random.Random(seed), customers=30)
    for window in ("period", "10", "60"):
        _, _, total = balance_of(frame(rows), window)
        _, _, flows = balance_of(frame(rows), window, groups=["channel"])
        assert (flows.table.sum(axis=1) == total.table[:, 0]).all()
        start, new, _, lost, returned, _, end = flows.table
        assert (start + new + returned - lost == end).all()
        assert (flows.table >= 0).all()
        assert (end[:, :-1] == start[:, 1:]).all()


def test_returned_counts_where_the_own_group_had_customers_at_the_start():
    # By month, window 20 days. North: n is active at the end of each month. South: s bought on 5 January (active at no
    # end before its return on 20 March), so nobody of the South was active at the start of March: the return is no
    # return to a rate of the South, but it is to the rate of both.
    _, _, flows = balance_of(
        book("""
        who day        amount region
        n   2024-01-20 1      north
        n   2024-02-20 1      north
        n   2024-03-20 1      north
        s   2024-01-05 1      south
        s   2024-03-20 1      south
        n   2024-03-31 1      north
        """),
        "20",
        groups=["region"],
    )
    assert flows.returned.sum() == 1
    assert flows.returned_in_group.sum() == 0


def test_auto_window_is_the_smallest_that_holds_ninety_percent_of_the_gaps():
    # 30 gaps: 27 of 5 days, 3 of 50 days. 27 of 30 are 90 %: the window is 5 days. With one more gap of 50 days,
    # 27 of 31 are too few: it is 50 days.
    def orders(longer):
        start = np.datetime64("2024-01-01")
        rows = [{"who": "a", "day": str(start + 5 * k), "amount": "1"} for k in range(28)]
        rows += [{"who": "b", "day": str(start + 50 * k), "amount": "1"} for k in range(longer + 1)]
        return frame(rows)

    for longer, window in ((3, 5), (4, 50)):
        log = order_log(orders(longer), Policies())
        assert active_window(customers(log), log, "auto").days == window


def test_auto_window_is_no_longer_than_half_of_the_log():
    # 30 customers buy on the first day and 80 days later; the log of 100 days ends with an order on its last day
    rows = [{"who": f"c{k}", "day": day, "amount": "1"} for k in range(30) for day in ("2024-01-01", "2024-03-21")]
    rows.append({"who": "last", "day": "2024-04-09", "amount": "1"})
    log = order_log(frame(rows), Policies())
    assert log.days == 100
    assert active_window(customers(log), log, "auto").days == 50


def test_auto_window_of_few_gaps_is_the_period():
    log = order_log(book(DOZEN), Policies())
    window = active_window(customers(log), log, "auto")
    assert window.days is None
    assert window.source == "11 repeat purchases are too few to find one"
