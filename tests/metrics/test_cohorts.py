"""Cohorts: worked by hand, by loops over CDNOW, and what must not change."""

import json
import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import plainly
import polars as pl
import pytest
from books import book, cdnow, cdnow_rows, figures, frame, random_book, said
from polars.testing import assert_frame_equal

from clvtool.cli.main import main
from clvtool.errors import DataError, UsageError
from clvtool.metrics.ages import rolling_age
from clvtool.metrics.cohorts import COLUMNS, VALUES, cohorts
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute
from clvtool.periods import UNITS, day_number

# A dozen customers over three months; January: a to e, February: f to i, March: j to l. The log is whole.
DOZEN = """
who  day         amount  cost  channel
a    2024-01-01  10      4     web
a    2024-01-15  10      4     web
a    2024-02-20  10      4     web
a    2024-03-20  10      4     shop
b    2024-01-20  20.10   8     web
b    2024-03-01  20.10   8     web
c    2024-01-31  30      9     shop
c    2024-02-29  30      9     shop
d    2024-01-05  40      9     shop
e    2024-01-05  50      9     web
e    2024-02-01  -50     0     web
f    2024-02-02  10      1     web
f    2024-03-01  10      1     web
g    2024-02-29  10      1     web
h    2024-02-10  10      1     shop
h    2024-03-09  5       1     shop
h    2024-03-10  6       1     shop
i    2024-02-11  10      1     shop
j    2024-03-01  10      1     web
k    2024-03-15  10      1     web
l    2024-03-31  10      1     shop
"""


def rows_of(result, *names):
    return [tuple(row) for row in result.table.select(names).iter_rows()]


def test_a_dozen_customers_by_the_calendar():
    # January (5): in February a and c bought, and e's 50 came back; in March a and b.
    # February (4): in March f and h, h twice. March (3). The last month is whole, as its last day is there.
    result = cohorts(book(DOZEN))
    assert result.table.columns == list(COLUMNS)
    assert rows_of(result, "cohort", "size", "age", "active", "retention_rate", "orders") == [
        ("2024-01", 5, 0, 5, 1.0, 6),
        ("2024-01", 5, 1, 2, 0.4, 2),
        ("2024-01", 5, 2, 2, 0.4, 2),
        ("2024-02", 4, 0, 4, 1.0, 4),
        ("2024-02", 4, 1, 2, 0.5, 3),
        ("2024-02", 4, 2, None, None, None),
        ("2024-03", 3, 0, 3, 1.0, 3),
        ("2024-03", 3, 1, None, None, None),
        ("2024-03", 3, 2, None, None, None),
    ]
    # January: 10 + 10 + 20.10 + 30 + 40 + 50 = 160.10; 10 + 30 - 50; 10 + 20.10. Costs 4 + 4 + 8 + 9 + 9 + 9 = 43 ...
    assert rows_of(result, "revenue", "cumulative_revenue", "cumulative_per_customer", "margin")[:6] == [
        (Decimal("160.1"), Decimal("160.1"), 160.1 / 5, Decimal("117.1")),
        (Decimal(-10), Decimal("150.1"), 150.1 / 5, Decimal(-23)),
        (Decimal("30.1"), Decimal("180.2"), 180.2 / 5, Decimal("18.1")),
        (Decimal(40), Decimal(40), 10.0, Decimal(36)),
        (Decimal(21), Decimal(61), 61 / 4, Decimal(18)),
        (None, None, None, None),
    ]
    assert result.table["complete"].to_list() == [True, True, True, True, True, False, True, False, False]


def test_the_average_is_weighted_by_size_over_complete_cells():
    # age 0: 12 of 12; age 1: (2 + 2) of (5 + 4), not the mean of 0.4 and 0.5; age 2: 2 of 5
    # money: age 1: (150.1 + 61) ÷ 9
    average = cohorts(book(DOZEN)).extra["average"]
    assert [row["customers"] for row in average] == [12, 9, 5]
    assert [row["retention_rate"] for row in average] == [1.0, pytest.approx(4 / 9), pytest.approx(0.4)]
    assert average[1]["cumulative_per_customer"] == pytest.approx(211.1 / 9)


def test_a_dozen_customers_from_their_own_first_day():
    # Age 1 begins a month after the first order. a: 1 January, 15 January 0, 20 February 1, 20 March 2. b: 20 January,
    # 1 March is 1. c: 31 January, 29 February is a month later, as February has no 31st: 1. d: 0. e: the refund of
    # 1 February is before 5 February: 0. f: 2 February, 1 March is still 0. h: 10 February, 9 March 0, 10 March 1.
    result = cohorts(book(DOZEN), rolling=True)
    assert rows_of(result, "cohort", "age", "active", "orders", "revenue")[:6] == [
        ("2024-01", 0, 5, 6, Decimal("110.1")),
        ("2024-01", 1, 3, 3, Decimal("60.1")),
        ("2024-01", 2, 1, 1, Decimal(10)),
        ("2024-02", 0, 4, 6, Decimal(55)),
        ("2024-02", 1, 1, 1, Decimal(6)),
        ("2024-02", 2, None, None, None),
    ]
    # At the end of 31 March: January, its last first day the 31st: ages 0 and 1 (to 30 March) are over, age 2 has
    # begun. February, the last first day the 29th: age 0 is over on 28 March. March: nobody's first month is over.
    assert result.table["complete"].to_list() == [True, True, False, True, False, False, False, False, False]


def plain_age(first, day, unit):
    """Count how often a period fits: by trying every anniversary in turn."""
    if unit in {"day", "week"}:
        return (day - first).days // {"day": 1, "week": 7}[unit]
    step, count = {"month": 1, "quarter": 3, "year": 12}[unit], 0
    while True:
        month = first.month - 1 + step * (count + 1)
        year, month, number = first.year + month // 12, month % 12 + 1, first.day
        while True:  # the 31st of a month of 30 days is its 30th
            try:
                anniversary = date(year, month, number)
                break
            except ValueError:
                number -= 1
        if day < anniversary:
            return count
        count += 1


@pytest.mark.parametrize("unit", UNITS)
def test_ages_against_anniversaries(unit):
    # among them every month's end, and 29 February of 2020 and 2024
    random.seed(unit)
    firsts = [date(2020, 2, 29), date(2019, 12, 31), date(2020, 1, 29), date(2020, 1, 30), date(2020, 1, 31)]
    firsts += [date(2019, 11, 1) + timedelta(days=random.randrange(400)) for _ in range(100)]
    pairs = [(first, first + timedelta(days=gap)) for first in firsts for gap in [*range(70), 365, 366, 1460, 1461]]
    given = [np.array([day_number(pair[side]) for pair in pairs]) for side in (0, 1)]
    assert rolling_age(*given, unit).tolist() == [plain_age(*pair, unit) for pair in pairs]


@pytest.mark.parametrize("rolling", [False, True])
@pytest.mark.parametrize("unit", ["month", "quarter"])
def test_cdnow_by_loops(unit, rolling):
    rows = cdnow_rows()
    last_day = max(day for _, day, _ in rows)
    first, buyers, orders, revenue = {}, defaultdict(set), defaultdict(int), defaultdict(Decimal)
    for who, day, _ in rows:
        first[who] = min(first.get(who, day), day)
    everything = plainly.periods(min(first.values()), last_day, unit)
    place = {name: number for number, (name, _, _) in enumerate(everything)}
    own = {who: plainly.name_of(day, unit) for who, day in first.items()}
    for who, day, amount in rows:
        age = plain_age(first[who], day, unit) if rolling else place[plainly.name_of(day, unit)] - place[own[who]]
        cell = own[who], age
        buyers[cell].add(who)
        orders[cell] += 1
        revenue[cell] += amount
    result = cohorts(cdnow(), period=unit, rolling=rolling)
    running = Decimal(0)
    for row in result.table.iter_rows(named=True):
        cell = row["cohort"], row["age"]
        size = sum(name == row["cohort"] for name in own.values())
        assert row["size"] == size
        _, begin, end = everything[place[row["cohort"]]]
        if rolling:  # the log begins on the first day of a period, and ends on the last one of another
            begun = plain_age(begin, last_day, unit) >= row["age"]
            over = plain_age(end, last_day + timedelta(days=1), unit) > row["age"]
        else:
            begun = over = place[row["cohort"]] + row["age"] < len(everything)
        assert row["complete"] == over
        if not begun:
            assert row["active"] is row["orders"] is row["revenue"] is row["retention_rate"] is None
            continue
        running = revenue[cell] + (running if row["age"] else 0)
        assert (row["active"], row["orders"], row["revenue"]) == (len(buyers[cell]), orders[cell], revenue[cell])
        assert row["cumulative_revenue"] == running
        assert row["retention_rate"] == (len(buyers[cell]) / size if size else None)
        assert row["cumulative_per_customer"] == (pytest.approx(float(running / size)) if size else None)


@pytest.mark.parametrize("rolling", [False, True])
@pytest.mark.parametrize("unit", UNITS)
def test_everybody_and_all_their_money_is_in_one_cohort(unit, rolling):
    for seed in range(3):
        orders = frame(random_book(random.Random(f"{unit}{seed}"), customers=25, refunds=0.2))
        result = cohorts(orders, period=unit, rolling=rolling, by=["channel"])
        table = result.table
        whole = cohorts(orders, period=unit, rolling=rolling).table
        total = table.filter(channel="(total)").drop("channel")
        assert_frame_equal(total, whole, check_exact=True)
        parts = table.filter(pl.col("channel") != "(total)").group_by("cohort", "age", maintain_order=True)
        added = parts.agg(pl.col("size", "active", "orders", "revenue", "margin").sum())
        assert_frame_equal(
            added,
            total.select(added.columns).with_columns(pl.exclude("cohort", "age").fill_null(0)),
            check_dtypes=False,
        )
        values = figures(compute(orders, Valuation(period=unit, active_window="period"), Policies()))
        assert total.filter(age=0)["size"].sum() == values["customers"]
        last = total.drop_nulls("cumulative_revenue").group_by("cohort").agg(pl.col("cumulative_revenue").last())
        assert float(last["cumulative_revenue"].sum()) == pytest.approx(
            values["historic_value_mean"] * values["customers"]
        )
        # by the calendar, everybody buys at age 0; from the own day on, too
        assert (total.filter(age=0)["active"] == total.filter(age=0)["size"]).all()


@pytest.mark.parametrize("rolling", [False, True])
def test_the_order_of_the_rows_and_the_halves_do_not_matter(rolling):
    rows = random_book(random.Random(4), customers=40)
    for row in rows:
        row["half"] = "-" if row["who"] == "-" else str(int(row["who"][1:]) % 2)
    orders = frame(rows)
    result = cohorts(orders, rolling=rolling, by=["channel"])
    again = cohorts(orders.sample(fraction=1, shuffle=True, seed=1), rolling=rolling, by=["channel"])
    assert_frame_equal(again.table, result.table, check_exact=True)
    assert (again.notes, again.extra) == (result.notes, result.extra)
    sums = ["size", "active", "orders", "revenue", "cumulative_revenue"]
    parts = [
        cohorts(orders, Policies(where=where), rolling=rolling).table.select(sums)
        for where in ((), (("half", "0"),), (("half", "1"),))
    ]
    assert_frame_equal(parts[1] + parts[2], parts[0], check_exact=True, check_dtypes=False)


# --- calendar ---------------------------------------------------------------------------------------------------------


def test_empty_cohorts_are_shown():
    result = cohorts(book("who day amount\na 2024-01-01 5\nb 2024-03-31 7"), max_age=1)
    assert rows_of(result, "cohort", "size", "age", "active", "retention_rate", "cumulative_per_customer") == [
        ("2024-01", 1, 0, 1, 1.0, 5.0),
        ("2024-01", 1, 1, 0, 0.0, 5.0),
        ("2024-02", 0, 0, 0, None, None),
        ("2024-02", 0, 1, 0, None, None),
        ("2024-03", 1, 0, 1, 1.0, 7.0),
        ("2024-03", 1, 1, None, None, None),
    ]


def test_a_month_that_is_not_over_is_marked_and_in_no_average():
    # at 20 March: the cells of March stand as they are, and are not complete; nor are those of a log that begins late
    result = cohorts(book(DOZEN), Policies(as_of=date(2024, 3, 20)))
    known = {(cohort, age): done for cohort, age, done in rows_of(result, "cohort", "age", "complete")}
    assert [cell for cell, done in known.items() if done] == [("2024-01", 0), ("2024-01", 1), ("2024-02", 0)]
    assert [row["customers"] for row in result.extra["average"]] == [9, 5, 0]
    assert result.extra["average"][2]["retention_rate"] is None
    assert said(result, "not complete, so in no average: 2024-03")
    # what stands in the triangle for March is age 2 of January and age 1 of February
    assert said(result, "ages that are not over for all customers of their cohort: 2;")
    assert not said(cohorts(book(DOZEN), Policies(as_of=date(2024, 3, 31))), "not over")


def test_weeks_over_new_year():
    result = cohorts(book("who day amount\na 2024-12-23 1\na 2024-12-30 1\na 2025-01-05 1"), period="week")
    assert rows_of(result, "cohort", "age", "active") == [
        ("2024-W52", 0, 1),
        ("2024-W52", 1, 1),
        ("2025-W01", 0, 0),
        ("2025-W01", 1, None),
    ]


def test_one_day_of_data():
    for rolling in (False, True):
        result = cohorts(book("who day amount\na 2024-01-15 10\nb 2024-01-15 30"), rolling=rolling)
        assert rows_of(result, "cohort", "size", "age", "active", "complete") == [("2024-01", 2, 0, 2, False)]


def test_a_hundred_and_twenty_months():
    # ten years, an order a month: 120 cohorts by 120 ages, of which the future is half
    rows = [{"who": f"c{k}", "day": date(2014 + k // 12, k % 12 + 1, 1), "amount": "1"} for k in range(120)]
    result = cohorts(frame(rows))
    assert result.table.height == 120 * 120
    assert result.table["active"].null_count() == 120 * 119 / 2
    assert cohorts(frame(rows), max_age=3).table.height == 480


# --- money and options ------------------------------------------------------------------------------------------------


def test_margin_is_a_rate_or_the_costs_or_empty():
    assert cohorts(book(DOZEN), margin=0.25).table["margin"][0] == Decimal("40.025")
    free = cohorts(book(DOZEN).drop("cost"))
    assert free.table["margin"].null_count() == 9
    assert "neither costs nor --margin" in free.definitions["margin"]
    bare = cohorts(book(DOZEN).drop("amount"))
    assert bare.table["retention_rate"].to_list()[:3] == [1.0, 0.4, 0.4]
    for name in ("revenue", "cumulative_revenue", "cumulative_per_customer", "margin"):
        assert bare.table[name].null_count() == 9


def test_guests_are_left_out_and_counted():
    result = cohorts(book("who day amount\na 2024-01-01 5\n- 2024-01-31 7"))
    assert result.table["revenue"].to_list() == [Decimal(5)]
    assert said(result, "1 of 2 orders (50.0%) have no customer: left out")
    assert cohorts(book("who day amount\n- 2024-01-01 5")).table["size"].to_list() == [0]


@pytest.mark.parametrize(
    ("value", "average", "january", "february"),
    [
        # (average) over complete cells: sums over sums; counts and money: the mean of the cohorts
        ("retention", [1, 4 / 9, 2 / 5], [1, 0.4, 0.4], [1, 0.5, None]),
        ("customers", [4, 2, 2], [5, 2, 2], [4, 2, None]),
        ("orders", [13 / 3, 2.5, 2], [6, 2, 2], [4, 3, None]),
        ("revenue", [230.1 / 3, 5.5, 30.1], [160.1, -10, 30.1], [40, 21, None]),
        ("cumulative", [230.1 / 12, 211.1 / 9, 180.2 / 5], [32.02, 30.02, 36.04], [10, 15.25, None]),
        ("margin", [180.1 / 3, -2.5, 18.1], [117.1, -23, 18.1], [36, 18, None]),
        ("aov", [230.1 / 13, 11 / 5, 30.1 / 2], [160.1 / 6, -5, 15.05], [10, 7, None]),
    ],
)
def test_the_triangle(value, average, january, february):
    shown = cohorts(book(DOZEN), value=value).screen
    assert shown.columns == ["cohort", "size", "unit", "0", "1", "2"]
    assert shown["cohort"].to_list() == ["(average)", "2024-01", "2024-02", "2024-03"]
    assert shown["size"].to_list() == [12, 5, 4, 3]
    assert set(shown["unit"]) == {VALUES[value]}
    for row, wanted in zip(shown.select("0", "1", "2").rows(), (average, january, february), strict=False):
        assert row == tuple(None if cell is None else pytest.approx(cell) for cell in wanted)


def test_the_triangle_of_groups():
    shown = cohorts(book(DOZEN), by=["channel"], max_age=1).screen
    assert shown.columns == ["channel", "cohort", "size", "unit", "0", "1"]
    assert shown["channel"].unique(maintain_order=True).to_list() == ["(total)", "shop", "web"]
    # web: a b e in January, f g in February; a bought in February, f in March: 2 of 5
    assert shown.filter(channel="web", cohort="(average)").row(0)[2:] == (7, "rate", 1.0, 0.4)


def test_notes_and_definitions_name_the_unit():
    for rolling in (False, True):
        result = cohorts(book(DOZEN), period="week", rolling=rolling)
        texts = " ".join([result.title, *result.notes, *result.definitions.values()])
        assert "{" not in texts
        assert "month" not in texts


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"period": "fortnight"}, UsageError, "--period fortnight"),
        ({"value": "profit"}, UsageError, "--value profit"),
        ({"max_age": -1}, UsageError, "--max-age -1"),
        ({"margin": 25.0}, UsageError, "--margin 25"),
        ({"by": ["chanel"]}, DataError, "there is no column 'chanel'"),
        ({"by": ["order_date"]}, UsageError, "makes no groups"),
    ],
)
def test_bad_input(given, error, words):
    with pytest.raises(error, match=words):
        cohorts(book(DOZEN), **given)


def test_what_cannot_be_shown():
    with pytest.raises(DataError, match="no column with money"):
        cohorts(book(DOZEN).drop("amount"), value="aov")
    with pytest.raises(DataError, match="no margin"):
        cohorts(book(DOZEN).drop("cost"), value="margin")
    long = [{"who": "a", "day": date(2010, 1, 1), "amount": "1"}, {"who": "b", "day": date(2019, 1, 1), "amount": "1"}]
    with pytest.raises(UsageError, match="rows") as caught:
        cohorts(frame(long), period="day")
    assert "--max-age" in caught.value.hint


def test_a_zone_moves_orders_around_midnight_into_another_month(tmp_path, capsys):
    # a buys at half past midnight of the first of February and of March in Warsaw, which is the month before in London
    path = tmp_path / "orders.csv"
    days = [("a", "2024-01-31T23:30:00+00:00"), ("a", "2024-02-29T23:30:00+00:00"), ("b", "2024-02-01T00:30:00+00:00")]
    rows = [f"{number},{who},{day},5" for number, (who, day) in enumerate(days)]
    path.write_text("\n".join(["order_id,customer_id,date,amount", *rows]))
    for zone, sizes in (([], {"2024-01": 1, "2024-02": 1}), (["--tz", "Europe/Warsaw"], {"2024-02": 2, "2024-03": 0})):
        assert main(["cohorts", str(path), "--max-age", "0", "--format", "json", *zone]) == 0
        rows = json.loads(capsys.readouterr().out)["rows"]
        assert {row["cohort"]: row["size"] for row in rows} == sizes
