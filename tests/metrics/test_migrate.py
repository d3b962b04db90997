"""Who moved between two days: a book with every kind of move worked by hand, margins, and a plain loop over CDNOW."""

import random
from bisect import bisect_left
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from books import book, cdnow, cdnow_rows, frame, random_book, said
from polars.testing import assert_frame_equal

from clvtool.cli.main import main
from clvtool.errors import DataError, UsageError
from clvtool.metrics.migrate import Span, migrate
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.schemes import Choice
from clvtool.metrics.segment import segment

MOVES = """
id who day amount
- a 2024-01-10 120
- a 2024-06-01 30
- b 2024-02-01 60
- b 2024-05-20 50
- c 2024-03-01 60
- d 2024-03-10 20
- d 2024-06-15 10
- e 2024-05-15 70
- f 2024-04-10 10
- g 2024-03-05 60
- g 2024-06-10 5
- g 2024-06-11 -20
o1 h 2024-02-15 40
o1 h 2024-05-05 -40
"""
SPAN = Span(date(2024, 3, 31), date(2024, 6, 30), active_window="60")
JUNE = Policies(as_of=date(2024, 6, 30))
FIXED = Choice("tiers", "100,50")
SCHEMES = ("rfm", "tiers", "abc", "lifecycle")
MIDDLE, LAST = date(1997, 9, 30), date(1998, 6, 30)


def flows(result, column="customers"):
    """Return (from, to) -> a figure of the flow."""
    return {
        (one, other): value for one, other, value in result.table.select("from_segment", "to_segment", column).rows()
    }


def sides(result):
    """Return the customers of each segment on the two days."""
    found = Counter(), Counter()
    for way, customers in flows(result).items():
        for side, name in zip(found, way, strict=True):
            side[name] += customers
    return found


def sizes(result):
    return Counter(result.table["segment"].to_list())


def test_every_kind_of_move_by_hand():
    # gold from 100, silver from 50; active with a purchase in the 60 days up to 30 June, from 2 May on.
    # The span is 91 days, and so is the one before it: from 1 January on.
    result = migrate(book(MOVES), SPAN, FIXED, JUNE)
    assert result.table.rows() == [
        # a 120, then 150: stays. Last purchase 81 days ago, then 29; an order of 120, then one of 30
        ("gold", "gold", 1, 1.0, Decimal(120), Decimal(30), -52.0, 0.0, -90.0),
        # b 60, then 110: up. 59 days ago, then 41
        ("silver", "gold", 1, 1 / 3, Decimal(60), Decimal(50), -18.0, 0.0, -10.0),
        # g 60, then 45 after a refund: down. 26 days ago, then 20; 5 - 20 from one order
        ("silver", "bronze", 1, 1 / 3, Decimal(60), Decimal(-15), -6.0, 0.0, -75.0),
        # c bought 30 days before the first day, and not again
        ("silver", "(left)", 1, 1 / 3, Decimal(60), Decimal(0), 91.0, -1.0, None),
        # d 20, then 30. 21 days ago, then 15
        ("bronze", "bronze", 1, 0.5, Decimal(20), Decimal(10), -6.0, 0.0, -10.0),
        # h had 40 on the first day; later the order was undone, so that nothing is known of h any more
        ("bronze", "(left)", 1, 0.5, Decimal(40), Decimal(0), None, -1.0, None),
        # e is new with 70; f came on 10 April and was gone by 30 June
        ("(entered)", "silver", 1, 0.5, Decimal(0), Decimal(70), None, None, None),
        ("(entered)", "(left)", 1, 0.5, Decimal(0), Decimal(10), None, None, None),
    ]
    assert result.screen.rows() == [
        ("gold", 1, 0, 0, 0, 1),
        ("silver", 1, 0, 1, 1, 3),
        ("bronze", 0, 0, 1, 1, 2),
        ("(entered)", 0, 1, 0, 1, 2),
        ("(total)", 2, 1, 2, 3, 8),
    ]
    assert result.screen.columns == ["from_segment", "gold", "silver", "bronze", "(left)", "(total)"]
    assert said(result, "1 customers had not bought for that long on 2024-03-31 already")  # a, 81 days
    assert said(result, "1 customers are (left) because")  # h
    assert said(result, "beyond the first order")  # 10 January is later than the 1st
    up, down = result.extra["moves"]
    # of a b g d one rose and one fell; Wilson for 1 of 4 at 95 %: (0.25 + 0.4802) / 1.9604 ∓ ..., from tables
    assert (up["customers"], down["customers"], up["n"]) == (1, 1, 4)
    assert up["ci_low"] == pytest.approx(0.0456, abs=5e-5)
    assert up["ci_high"] == pytest.approx(0.6994, abs=5e-5)


def test_bounds_are_those_of_the_first_day_or_new_ones():
    # three customers with 10, 20, 30 are bronze, silver, gold; then each spends 100 more. By the bounds of the first day
    # all are gold; by new ones each is where it was
    rows = [
        {"who": who, "day": day, "amount": amount}
        for who, first in zip("abc", ("10", "20", "30"), strict=True)
        for day, amount in (("2024-01-01", first), ("2024-02-01", "100"))
    ]
    days = {"begin": date(2024, 1, 15), "end": date(2024, 2, 1)}
    frozen = migrate(frame(rows), Span(**days), Choice("tiers", "3"))
    assert flows(frozen) == {("gold", "gold"): 1, ("silver", "gold"): 1, ("bronze", "gold"): 1}
    again = migrate(frame(rows), Span(**days, rescore=True), Choice("tiers", "3"))
    assert flows(again) == {("gold", "gold"): 1, ("silver", "silver"): 1, ("bronze", "bronze"): 1}
    assert said(again, "lets another one fall")


def test_the_period_as_active_window():
    # active is whoever bought since the first day: all but c and the vanished h
    period = Span(SPAN.begin, SPAN.end, active_window="period")
    _, after = sides(migrate(book(MOVES), period, FIXED, JUNE))
    assert after["(left)"] == 2


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_margins_are_the_two_segmentations(scheme):
    # a window longer than the log lets nobody leave: new bounds on the second day are then what `segment` says there
    span = Span(MIDDLE - timedelta(200), LAST, rescore=True, active_window="9999")
    result = migrate(cdnow(), span, Choice(scheme))
    before, after = sides(result)
    entered = before.pop("(entered)")
    assert before == sizes(segment(cdnow(), Choice(scheme), Policies(as_of=span.begin)))
    assert after == sizes(segment(cdnow(), Choice(scheme), Policies(as_of=LAST)))
    assert entered == 2357 - before.total()
    assert entered > 0
    # the matrix has the same margins
    drawn = {row[0]: row[1:] for row in result.screen.rows()}
    assert {name: row[-1] for name, row in drawn.items() if row[-1]} == {
        **before,
        "(entered)": entered,
        "(total)": 2357,
    }
    assert {name: count for name, count in zip(result.screen.columns[1:], drawn["(total)"], strict=True) if count} == {
        **after,
        "(total)": 2357,
    }


def test_who_has_left_is_who_is_not_active():
    # the same migration with people leaving: each column loses those who last bought 100 days ago or more
    result = migrate(cdnow(), Span(MIDDLE, LAST, rescore=True, active_window="100"))
    table = segment(cdnow()).table
    _, after = sides(result)
    active = table.filter(pl.col("recency_days") < 100)
    assert after == Counter(active["segment"].to_list()) + Counter({"(left)": table.height - active.height})


def test_cdnow_by_a_plain_loop():
    # r, f and m of both days by the customers of the first one, and money of the two spans of 273 days
    result = migrate(cdnow(), Span(MIDDLE, LAST, active_window="150"), Choice("rfm"))

    def figures(until):
        found = {}
        for who, day, amount in cdnow_rows():
            if day <= until:
                last, days, total = found.get(who, (day, set(), Decimal(0)))
                found[who] = (max(last, day), days | {day}, total + amount)
        return {who: ((last - until).days, len(days), total) for who, (last, days, total) in found.items()}

    first, second = figures(MIDDLE), figures(LAST)
    ordered = [sorted(values) for values in zip(*first.values(), strict=True)]
    grid = {
        5: "new_customers potential_loyalists potential_loyalists champions champions",
        4: "promising potential_loyalists potential_loyalists loyal loyal",
        3: "about_to_sleep about_to_sleep need_attention loyal loyal",
        2: "hibernating hibernating at_risk at_risk cannot_lose",
        1: "hibernating hibernating at_risk at_risk cannot_lose",
    }

    def name(own):
        r, f = (1 + min(4, 5 * bisect_left(ordered[place], own[place]) // len(first)) for place in (0, 1))
        return grid[r].split()[f - 1]

    expected, money = Counter(), Counter()
    way = {}
    for who, own in second.items():
        way[who] = name(first[who]) if who in first else "(entered)", name(own) if own[0] > -150 else "(left)"
        expected[way[who]] += 1
    for who, day, amount in cdnow_rows():
        when = "before" if MIDDLE - timedelta(273) < day <= MIDDLE else "after" if MIDDLE < day <= LAST else None
        money[way[who], when] += amount
    assert flows(result) == expected
    for when in ("before", "after"):
        assert flows(result, f"revenue_{when}") == {taken: money[taken, when] for taken in expected}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_order_of_the_rows_and_the_names_of_the_customers_do_not_matter(scheme):
    rows = random_book(random.Random(5), 60)
    rows[0] |= {"kind": "order", "amount": Decimal(10**6)}
    orders = frame(rows)
    span = Span(date(2024, 2, 20), rescore=scheme == "abc")
    first = migrate(orders, span, Choice(scheme))
    shuffled = orders.sample(fraction=1, shuffle=True, seed=3)
    renamed = orders.with_columns(customer_id=pl.format("someone {} else", "customer_id"))
    for changed in (shuffled, renamed):
        again = migrate(changed, span, Choice(scheme))
        assert_frame_equal(again.table, first.table, check_exact=True)
        assert_frame_equal(again.screen, first.screen, check_exact=True)
        assert again.notes == first.notes


def test_customers_can_be_computed_apart():
    # fixed tiers and a fixed window are about each customer alone: the matrices of two halves add up
    rows = [row for row in random_book(random.Random(9), 60) if row["who"] != "-"]
    span = Span(date(2024, 2, 20), date(2024, 5, 1), active_window="40")
    policies = Policies(as_of=date(2024, 5, 1))
    parts = []
    for half in ({0, 1}, {0}, {1}):
        orders = frame([row for row in rows if int(row["who"][1:]) % 2 in half])
        parts.append(
            migrate(orders, span, Choice("tiers", "150,60,20"), policies).screen.drop("from_segment").to_numpy()
        )
    assert (parts[1] + parts[2] == parts[0]).all()


def test_days_that_are_not_said():
    # the middle of 1 January to 30 June, by whole days: 181 days lie between, and half of them is 90
    orders = frame([{"who": who, "day": day, "amount": "5"} for who, day in (("a", "2024-01-01"), ("b", "2024-06-30"))])
    result = migrate(orders)
    assert (result.extra["from"], result.extra["to"]) == (date(2024, 3, 31), date(2024, 6, 30))
    assert said(result, "from 2024-03-31 to 2024-06-30")


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [
        ("2024-01-09", None, "--from 2024-01-09 is outside"),
        ("2024-06-16", None, "--from 2024-06-16 is outside"),
        (None, "2024-06-16", "--to 2024-06-16 is outside"),
        ("2024-03-31", "2024-01-09", "--to 2024-01-09 is outside"),
        ("2024-03-31", "2024-03-31", "is not before"),
        ("2024-03-31", "2024-02-28", "is not before"),
    ],
)
def test_days_outside_of_the_log(begin, end, words):
    # the log of orders goes from 10 January to 15 June
    span = Span(begin and date.fromisoformat(begin), end and date.fromisoformat(end))
    with pytest.raises(UsageError, match=words) as caught:
        migrate(book(MOVES), span)
    assert caught.value.hint == "the log goes from 2024-01-10 to 2024-06-15"


def test_a_single_day():
    orders = frame([{"who": "a", "day": "2024-01-01", "amount": "5"}])
    with pytest.raises(DataError, match="single day"):
        migrate(orders)
    with pytest.raises(UsageError, match="is not before"):
        migrate(orders, Span(begin=date(2024, 1, 1)))


def test_a_log_without_money():
    text = "\n".join(
        " ".join(line.split()[1:3]) for line in MOVES.strip().splitlines() if not line.split()[3].startswith("-")
    )
    result = migrate(book(text), SPAN, Choice("rfm"), JUNE)
    assert result.table.select("revenue_before", "revenue_after", "aov_change").null_count().row(0) == (
        (result.table.height,) * 3
    )
    assert sum(flows(result).values()) == 8


def test_bounds_of_revenue_that_can_only_be_risen_over_are_told():
    told = "hardly anybody falls"
    assert said(migrate(book(MOVES), SPAN, Choice("abc"), JUNE), told)
    assert not said(migrate(book(MOVES), replace(SPAN, rescore=True), Choice("abc"), JUNE), told)
    assert not said(migrate(book(MOVES), SPAN, Choice("rfm"), JUNE), told)


@pytest.mark.parametrize("window", ["0", "long", "-5", "٣"])
def test_windows_that_are_none(window):
    with pytest.raises(UsageError, match="--active-window"):
        Span(active_window=window)


def test_the_command(tmp_path, capsys):
    path = tmp_path / "orders.csv"
    path.write_text("customer_id,order_date,amount\nann,2024-01-01,5\nann,2024-03-01,5\nbob,2024-02-01,7\n")
    words = ["migrate", str(path), "--scheme", "tiers", "--tiers", "10,6", "--active-window", "60"]
    assert main([*words, "--from", "2024-01-15", "--format", "csv"]) == 0
    assert [line.split(",")[:4] for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["bronze", "gold", "1", "1.0"],
        ["(entered)", "silver", "1", "1.0"],
    ]
    assert main([*words, "--from", "2024-01-15", "--format", "table"]) == 0
    assert "(total)          1       1       0       0        2" in capsys.readouterr().out
    assert main([*words, "--from", "2023-12-31"]) == 2
    assert "2024-01-01 to 2024-03-01" in capsys.readouterr().err
    assert main([*words, "--from", "1 January"]) == 2
    assert "YYYY-MM-DD" in capsys.readouterr().err
