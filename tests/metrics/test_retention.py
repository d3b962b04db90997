"""The customer balance per period: worked by hand, by loops over CDNOW, and what must not change."""

import math
import random
from calendar import monthrange
from datetime import date
from fractions import Fraction

import plainly
import polars as pl
import pytest
from books import book, cdnow, cdnow_rows, figures, frame, random_book, said
from polars.testing import assert_frame_equal

from clvtool.errors import DataError, UsageError
from clvtool.metrics.activity import COUNTS
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.retention import COLUMNS, retention
from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute

# Months, window of 20 days: active at the end of January means a purchase on 12..31, of February on 10..29, of March
# on 12..31. Every customer is here for one kind of movement; z, on New Year's Day, makes January complete.
DOZEN = """
who  day         amount  channel
a    2024-01-20  10      web
a    2024-02-02  30      web
b    2024-01-05  10      web
c    2024-01-20  10      web
c    2024-02-15  20      shop
c    2024-03-20  15      web
d    2024-01-20  10      web
d    2024-03-15  10      web
e    2024-01-20  10      shop
e    2024-03-05  10      shop
f    2024-02-20  8       shop
g    2024-02-03  10      shop
g    2024-03-25  10      shop
h    2024-01-05  10      shop
h    2024-02-12  12      shop
i    2024-01-05  10      shop
i    2024-02-05  10      shop
j    2024-03-20  10      web
k    2024-03-02  10      web
l    2024-01-14  10      web
l    2024-01-30  10      web
l    2024-02-29  10      web
l    2024-03-31  40      web
z    2024-01-01  10      web
"""


def column(result, name, **group):
    return result.table.filter(**group)[name].to_list()


def test_a_book_with_every_kind_of_movement():
    # January   b h i z: first order, not active at the end (new_lost 4); a c d e l new (5)
    # February  start a c d e l; a d e lost; h was new_lost: returned; i bought on the 5th only: returned_lost;
    #           f new, g new_lost; end c l h f
    # March     f h lost; d g returned; e returned_lost; j new; k new_lost; end c l d g j
    result = retention(book(DOZEN), window="20")
    assert result.table.columns == list(COLUMNS)
    assert column(result, "period") == ["2024-01", "2024-02", "2024-03"]
    assert {name: column(result, name) for name in COUNTS} == {
        "start": [0, 5, 4],
        "new": [5, 1, 1],
        "new_lost": [4, 1, 1],
        "lost": [0, 3, 2],
        "returned": [0, 1, 2],
        "returned_lost": [0, 1, 1],
        "end": [5, 4, 5],
    }
    # 20 days from 1 January are over on the 20th, before February begins: only January is warm-up
    assert column(result, "warm_up") == [True, False, False]
    assert column(result, "complete") == [True, True, True]
    assert column(result, "retention_rate") == [None, 2 / 5, 2 / 4]
    assert column(result, "churn_rate") == [None, 3 / 5, 2 / 4]
    assert column(result, "net_churn_rate") == [None, 2 / 5, 0.0]
    assert column(result, "lifespan") == [None, 2.5, None]  # as many came back as left: not infinite, and not 0
    # February: start a c d e l, who spent 10 each in January and l 20: 60; in February a 30, c 20, l 10: 60
    # March: start c f h l, in February 20 + 8 + 12 + 10 = 50; in March c 15 and l 40: 55
    assert column(result, "revenue_retention_rate") == [None, 1.0, 1.1]
    # Wilson at 2 of 5: centre (0.4 + 1.9207/5) ÷ (1 + 3.8415/5), half-width 1.96 √(0.24/5 + 3.8415/100) ÷ 1.7683
    low, high = column(result, "retention_low")[1], column(result, "retention_high")[1]
    assert (low, high) == (pytest.approx(0.11762, abs=2e-5), pytest.approx(0.76928, abs=2e-5))


def test_rates_over_all_periods_are_sums_over_sums():
    # starts 0 + 5 + 4, lost 3 + 2, returned 1 + 2: retention 4 of 9, net churn 2 of 9, lifespan 4.5 months
    result = retention(book(DOZEN), window="20")
    (pooled,) = result.extra["summary"]
    assert pooled["retention_rate"] == pytest.approx(4 / 9)
    assert pooled["net_churn_rate"] == pytest.approx(2 / 9)
    assert pooled["lifespan"] == pytest.approx(4.5)
    assert said(result, "over all complete months: retention 44.4%")
    assert said(result, "a trend needs three months with a rate, there are 2")
    assert said(result, "as many came back as left, or more, in 2024-03")
    assert said(result, "active window: 20 days (chosen); 60.0% of the lost came back")


@pytest.mark.parametrize("by", [(), ("channel",)])
def test_rates_over_all_periods_are_those_of_compute(by):
    # one implementation, so the same digits, intervals too
    result = retention(cdnow_with_channel(), by=by)
    value = compute(cdnow_with_channel(), Valuation(), by=by).table
    for row in result.extra["summary"]:
        own = value.filter(pl.col("channel") == row["channel"]) if by else value
        rates = {
            metric: (point, low, high)
            for metric, point, low, high in own.select("metric", "value", "ci_low", "ci_high").iter_rows()
        }
        assert rates["retention_rate"] == (row["retention_rate"], row["retention_low"], row["retention_high"])
        assert rates["net_churn_rate"][0] == row["net_churn_rate"]
        assert rates["lifespan"][0] == row["lifespan"]


def cdnow_with_channel():
    return cdnow().with_columns(channel=pl.format("ch{}", pl.col("customer_id").str.tail(1).str.to_integer() % 3))


@pytest.mark.parametrize(("unit", "window"), [("month", 196), ("quarter", None)])
def test_cdnow_by_loops(unit, window):
    rows = [{"who": who, "day": day, "amount": amount, "kind": "order"} for who, day, amount in cdnow_rows()]
    result = retention(cdnow(), period=unit, window=str(window or "period"))
    first_day, as_of, silence = plainly.log_of(rows)
    everything = plainly.periods(first_day, as_of, unit)
    days_of = plainly.purchases(rows)
    money = {who: {} for who in days_of}
    for row in rows:
        name = plainly.name_of(row["day"], unit)
        money[row["who"]][name] = money[row["who"]].get(name, 0) + row["amount"]
    assert column(result, "period") == [name for name, _, _ in everything]
    for place, (period, row) in enumerate(zip(everything, result.table.iter_rows(named=True), strict=True)):
        before = everything[place - 1] if place else None
        moves = {who: plainly.movement(days, window, period, before) for who, days in days_of.items()}
        counts = {name: sum(own[name] for own in moves.values()) for name in COUNTS}
        assert {name: row[name] for name in COUNTS} == counts
        whole = plainly.is_complete(period, first_day, as_of, silence)
        young = place == 0 if window is None else (period[1] - first_day).days - 1 < window - 1
        assert (row["complete"], row["warm_up"]) == (whole, young)
        known = whole and not young and counts["start"] > 0
        gone = Fraction(counts["lost"], counts["start"]) if known else None
        assert row["churn_rate"] == (float(gone) if known else None)
        assert row["retention_rate"] == (float(1 - gone) if known else None)
        net = Fraction(counts["lost"] - counts["returned"], counts["start"]) if known else None
        assert row["net_churn_rate"] == (float(net) if known else None)
        assert row["lifespan"] == (pytest.approx(float(1 / net)) if known and net > 0 else None)
        stayed = [who for who, own in moves.items() if own["start"]]
        both = whole and place and plainly.is_complete(before, first_day, as_of, silence)
        earlier = sum(money[who].get(before[0], 0) for who in stayed) if place else 0
        later = sum(money[who].get(period[0], 0) for who in stayed)
        assert row["revenue_retention_rate"] == (pytest.approx(float(later / earlier)) if both and earlier else None)


@pytest.mark.parametrize("window", ["period", "10", "60", "auto"])
@pytest.mark.parametrize("unit", ["week", "month"])
def test_every_row_balances_and_groups_add_up(window, unit):
    for seed in range(4):
        rows = random_book(random.Random(f"{window}{unit}{seed}"), customers=30, guests=0.1, refunds=0.2)
        whole = retention(frame(rows), period=unit, window=window)
        result = retention(frame(rows), period=unit, window=window, by=["channel"])
        table = result.table
        assert (table["start"] + table["new"] + table["returned"] - table["lost"] == table["end"]).all()
        total = table.filter(channel="(total)").drop("channel")
        assert_frame_equal(total, whole.table, check_exact=True)
        for name in COUNTS:
            parts = (
                table.filter(pl.col("channel") != "(total)").group_by("period").agg(pl.col(name).sum()).sort("period")
            )
            assert parts[name].to_list() == total.sort("period")[name].to_list()
        # a period begins with whom the one before ended
        assert total["start"][1:].to_list() == total["end"][:-1].to_list()
        # every customer has one first order
        customers = figures(compute(frame(rows), Valuation(period=unit, active_window=window)))["customers"]
        assert total["new"].sum() + total["new_lost"].sum() == customers


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_the_rows_and_the_names_do_not_matter(seed):
    orders = frame(random_book(random.Random(seed), customers=40))
    result = retention(orders, by=["channel"])
    shuffled = orders.sample(fraction=1, shuffle=True, seed=seed)
    renamed = orders.with_columns(customer_id=pl.format("someone else {}", "customer_id"))
    for other in (shuffled, renamed):
        again = retention(other, by=["channel"])
        assert_frame_equal(again.table, result.table, check_exact=True)
        assert again.notes == result.notes
        assert again.extra == result.extra


@pytest.mark.parametrize("seed", range(4))
def test_customers_can_be_counted_apart(seed):
    # two halves of the customers in the same log: what is counted adds up, whatever the window
    rows = random_book(random.Random(seed), customers=30)
    for row in rows:
        row["half"] = "-" if row["who"] == "-" else str(int(row["who"][1:]) % 2)
    for window in ("period", "20"):
        parts = [
            retention(frame(rows), Policies(where=where), window=window).table.select(COUNTS)
            for where in ((), (("half", "0"),), (("half", "1"),))
        ]
        assert_frame_equal(parts[1] + parts[2], parts[0])


# --- calendar ---------------------------------------------------------------------------------------------------------


def test_empty_periods_are_shown():
    # a buys on 1 January and 30 April: nothing happens in February and March, and both are there; nobody is active at
    # the start of March and of April, so that there is no rate, which is not a rate of 0
    result = retention(book("who day amount\na 2024-01-01 6\na 2024-04-30 6"), window="period")
    assert column(result, "period") == ["2024-01", "2024-02", "2024-03", "2024-04"]
    assert column(result, "start") == [0, 1, 0, 0]
    assert column(result, "returned") == [0, 0, 0, 1]
    assert column(result, "retention_rate") == [None, 0.0, None, None]
    assert column(result, "revenue_retention_rate") == [None, 0.0, None, None]
    assert said(result, "nobody was active at the start of 2024-03, 2024-04: no rates")


def test_a_leap_day():
    # window of 30 days: who bought on 30 January is active up to 28 February, and lost on the 29th; who bought on the
    # 31st stays for one day of February's end, and is lost in March
    result = retention(
        book("""
        who day        amount
        z   2024-01-01 1
        a   2024-01-30 1
        b   2024-01-31 1
        y   2024-03-31 1
        """),
        window="30",
    )
    assert column(result, "start") == [0, 2, 1]
    assert column(result, "lost") == [0, 1, 1]
    assert column(result, "complete") == [True, True, True]


def test_weeks_over_new_year():
    # 30 December 2024 and 5 January 2025 are the ends of one week, the first of 2025
    result = retention(
        book("who day amount\na 2024-12-23 1\na 2024-12-30 1\na 2025-01-05 1"), period="week", window="period"
    )
    assert column(result, "period") == ["2024-W52", "2025-W01"]
    assert column(result, "retention_rate") == [None, 1.0]


def test_one_day_of_data():
    by_month = retention(book("who day amount\na 2024-01-15 10\nb 2024-01-15 30"))
    assert by_month.table.height == 1
    assert column(by_month, "complete") == [False]
    assert column(by_month, "start") == [0]
    assert column(by_month, "new") == [2]
    assert said(by_month, "nobody was active at the start of a complete month")
    by_day = retention(book("who day amount\na 2024-01-15 10\nb 2024-01-15 30"), period="day")
    assert column(by_day, "complete") == [True]
    assert column(by_day, "retention_rate") == [None]


def test_the_window_may_be_a_duration():
    # 12 weeks are 84 days; a month is 30.4 days on average
    for told, days in (("12w", "84"), ("84d", "84"), ("1m", "30")):
        assert retention(book(DOZEN), window=told).table.equals(retention(book(DOZEN), window=days).table)


def test_what_holds_of_all_is_not_said_again_of_each_group():
    notes = retention(book(DOZEN), window="45", by=["channel"]).notes
    assert sum("warm-up" in note for note in notes) == 1


def test_a_window_longer_than_the_log():
    # nobody can be lost: every month is warm-up, and churn is empty instead of 0
    result = retention(book(DOZEN), window="3000")
    assert column(result, "lost") == [0, 0, 0]
    assert column(result, "end") == [9, 11, 13]
    assert column(result, "warm_up") == [True] * 3
    assert column(result, "churn_rate") == [None] * 3
    assert said(result, "warm-up: the log is too young for rates of customers in 2024-01, 2024-02, 2024-03")


def test_a_period_that_is_not_over_has_counts_but_no_rates():
    # at 20 March, f (20 February) may still buy before the month is over: to call it lost would be to guess
    result = retention(book(DOZEN), Policies(as_of=date(2024, 3, 20)), window="20")
    assert column(result, "complete") == [True, True, False]
    assert column(result, "retention_rate")[2] is column(result, "revenue_retention_rate")[2] is None
    assert said(result, "not complete, so in no rate: 2024-03")


# --- trend, money, refunds --------------------------------------------------------------------------------------------


def steady(rates):
    """Return a book in which, month after month, a part of the customers who bought the month before buys again."""
    rows, customers, serial = [], [], 0
    for month, rate in enumerate(rates, start=1):
        stay = customers[: round(rate * len(customers))]
        customers = [*stay, *(f"c{serial + k}" for k in range(100 - len(stay)))]
        serial += 100
        rows += [{"who": who, "day": date(2023, month, day), "amount": "1"} for who in customers for day in (1, 28)]
    last = date(2023, len(rates), monthrange(2023, len(rates))[1])
    return frame([*rows, {"who": "last", "day": last, "amount": "1"}])


@pytest.mark.parametrize(
    ("rates", "direction", "slope", "half"),
    [
        ((0.9, 0.85, 0.8, 0.75, 0.7), "falling", -0.05, 0),
        ((0.5, 0.6, 0.7, 0.8, 0.9), "rising", 0.1, 0),
        ((0.5, 0.9, 0.5, 0.9, 0.5, 0.9), "no clear direction", 0.6 / 17.5, 0.155448),
    ],
)
def test_the_trend_in_words(rates, direction, slope, half):
    # Two straight lines, and one by hand: at x = 0..5 the mean is 2.5 and 0.7, Σ(x - 2.5)² = 17.5 and
    # Σ(x - 2.5)(y - 0.7) = 0.2 (2.5 - 1.5 + 0.5 + 0.5 - 1.5 + 2.5) = 0.6. The squares off the line are
    # 6 · 0.04 - 0.6²/17.5 = 0.2194286, over 4 degrees of freedom 0.0548571; t of 4 at 95 % is 2.776445 (any table):
    # half = 2.776445 √(0.0548571 ÷ 17.5) = 0.155448
    result = retention(steady((0, *rates)), window="period")
    assert column(result, "retention_rate") == [None, *(pytest.approx(rate) for rate in rates)]
    (summary,) = result.extra["summary"]
    assert summary["direction"] == direction
    assert summary["trend_slope"] == pytest.approx(slope, abs=1e-9)
    assert summary["trend_high"] - slope == pytest.approx(half, abs=1e-6)
    assert slope - summary["trend_low"] == pytest.approx(half, abs=1e-6)
    assert said(result, f"trend: {direction}, {slope * 100:+.2f} points a month")
    assert said(result, f"spread: {min(rates):.1%} (2023-0{rates.index(min(rates)) + 2}) to {max(rates):.1%}")


def test_without_money_the_revenue_column_is_empty():
    result = retention(book(DOZEN).drop("amount"), window="20")
    assert column(result, "retention_rate") == [None, 0.4, 0.5]
    assert column(result, "revenue_retention_rate") == [None] * 3


def test_refunds_are_taken_off_and_what_belongs_to_nobody_is_left_out():
    # b keeps 60 of 100 in January's month after: 40 came back in February
    result = retention(
        book("""
        who day        amount
        b   2024-01-01 100
        b   2024-02-29 60
        b   2024-02-10 -20
        -   2024-02-11 500
        q   2024-02-12 -5
        """),
        window="period",
    )
    assert column(result, "revenue_retention_rate") == [None, 0.4]
    assert said(result, "1 of 3 orders (33.3%) have no customer: left out")
    assert said(result, "customers with refunds but no order: 1;")


def test_no_customer_at_all():
    result = retention(book("who day amount\n- 2024-01-01 5\n- 2024-01-31 5"))
    assert column(result, "end") == [0]
    assert column(result, "retention_rate") == [None]


def test_notes_and_definitions_name_the_unit():
    result = retention(book(DOZEN), period="week", window="20")
    texts = " ".join([*result.notes, *result.definitions.values()])
    assert "{" not in texts
    assert "month" not in texts
    assert set(result.definitions) <= set(COLUMNS)


def test_columns_named_like_those_of_the_table():
    result = retention(book(DOZEN).rename({"channel": "start"}), window="20", by=["start"])
    assert result.table.columns[:2] == ["start_group", "period"]
    assert result.table["start_group"].unique().sort().to_list() == ["(total)", "shop", "web"]


def test_undefined_is_null():
    for seed in range(5):
        table = retention(frame(random_book(random.Random(seed))), by=["channel"]).table
        floats = table.select(pl.col(pl.Float64))
        assert all(math.isfinite(value) for row in floats.iter_rows() for value in row if value is not None)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"period": "fortnight"}, UsageError, "--period fortnight"),
        ({"window": "0"}, UsageError, "--active-window 0"),
        ({"window": "soon"}, UsageError, "--active-window soon"),
        ({"level": 95.0}, UsageError, "--level 95"),
        ({"by": ["chanel"]}, DataError, "there is no column 'chanel'"),
        ({"by": ["amount"]}, UsageError, "makes no groups"),
        ({"policies": Policies(as_of=date(2020, 1, 1))}, UsageError, "before the first order"),
        ({"policies": Policies(where=(("channel", "app"),))}, DataError, "no order has channel"),
    ],
)
def test_bad_input(given, error, words):
    with pytest.raises(error, match=words):
        retention(book(DOZEN), **given)
