"""Cohorts by first channel, within fixed windows, and against what their customers cost: worked by hand."""

import random
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from books import book, cdnow, frame, random_book, said
from polars.testing import assert_frame_equal
from test_cohorts import DOZEN, rows_of

from clvtool.errors import DataError, UsageError
from clvtool.metrics.acquisition import Spend
from clvtool.metrics.cohort_windows import windows
from clvtool.metrics.cohorts import cohorts
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.predict import predict
from clvtool.periods import day_number

# First channels: web a b e, f g, j k; shop c d, h i, l.


def test_cohorts_by_channel_are_over_those_seen_that_long():
    # web: of a b e f g, a bought in February and f in March; of a b e, both a and b did in March.
    # shop: of c d h i, c and h did; of c and d, nobody.
    result = cohorts(book(DOZEN), cohort_by="channel")
    assert rows_of(result, "cohort", "size", "age", "observed", "active", "retention_rate") == [
        ("shop", 5, 0, 5, 5, 1.0),
        ("shop", 5, 1, 4, 2, 0.5),
        ("shop", 5, 2, 2, 0, 0.0),
        ("web", 7, 0, 7, 7, 1.0),
        ("web", 7, 1, 5, 2, 0.4),
        ("web", 7, 2, 3, 2, pytest.approx(2 / 3)),
    ]
    # web at age 1: a 30, b 20.10, e 50 less 50, f 20, g 10: 80.10 over 5
    web = result.table.filter(cohort="web", age=1)
    assert web["cumulative_revenue"].item() == Decimal("80.1")
    assert web["cumulative_per_customer"].item() == pytest.approx(16.02)
    assert result.screen["cohort"].to_list() == ["(average)", "shop", "web"]


def test_cohorts_by_channel_are_the_averages_of_the_groups():
    # the same figure by another way: the curve of a group over its cohorts
    rows = frame(random_book(random.Random(7), customers=60, refunds=0.2))
    curves = cohorts(rows, by=["channel"]).extra["average"]
    table = cohorts(rows, cohort_by="channel").table
    for row in curves:
        if row["channel"] != "(total)":
            own = table.filter(cohort=row["channel"], age=row["age"])
            assert own["observed"].item() == row["customers"]
            assert own["retention_rate"].item() == row["retention_rate"]
            assert own["cumulative_per_customer"].item() == pytest.approx(row["cumulative_per_customer"])


def test_windows_from_each_customers_own_first_day():
    # At 31 March. Within 15 days: all but l (31 March) are seen that long; only a bought again (15 January); e's refund
    # comes on day 27. Within 31 days: those from before March; c and f on day 29 and 28, h on days 28 and 29.
    result = windows(book(DOZEN), [15, 31])
    everybody = result.table.filter(cohort="(all)")
    columns = ("within_days", "size", "observed", "orders", "repeated", "revenue")
    assert list(everybody.select(columns).iter_rows()) == [
        (15, 12, 11, 12, 1, Decimal("220.1")),
        (31, 12, 9, 14, 4, Decimal("201.1")),
    ]
    assert everybody["revenue_per_customer"].to_list() == pytest.approx([220.1 / 11, 201.1 / 9])
    assert everybody["repeat_rate"].to_list() == pytest.approx([1 / 11, 4 / 9])
    # January, within 31 days: a 20 - 8, b 20.10 - 8, c 60 - 18, d 40 - 9, e 0 - 9
    january = result.table.filter(cohort="2024-01", within_days=31)
    assert january["margin"].item() == Decimal("88.1")
    # nobody of March is seen for 31 days: nothing is known, which is not 0
    march = result.table.filter(cohort="2024-03", within_days=31)
    assert march.select("observed", "orders", "revenue", "repeat_rate").row(0) == (0, None, None, None)


def test_windows_of_groups_and_of_channels_as_cohorts_agree():
    rows = frame(random_book(random.Random(11), customers=50, refunds=0.2))
    groups = windows(rows, [10, 40], by=["channel"]).table
    figures = pl.exclude("channel", "cohort")
    parts = groups.filter(pl.col("channel") != "(total)", cohort="(all)").select(figures)
    own = windows(rows, [10, 40], cohort_by="channel").table.filter(pl.col("cohort") != "(all)").select(figures)
    assert_frame_equal(parts, own, check_exact=True)


def test_windows_of_halves_add_up_and_the_order_of_rows_does_not_matter():
    rows = random_book(random.Random(5), customers=40, refunds=0.2)
    for row in rows:
        row["half"] = "-" if row["who"] == "-" else str(int(row["who"][1:]) % 2)
    orders = frame(rows)
    sums = pl.col("size", "observed", "orders", "repeated", "revenue", "margin").fill_null(0)
    parts = [
        windows(orders, [30, 90], Policies(where=where)).table.select(sums)
        for where in ((), (("half", "0"),), (("half", "1"),))
    ]
    assert_frame_equal(parts[1] + parts[2], parts[0], check_exact=True, check_dtypes=False)
    shuffled = orders.sample(fraction=1, shuffle=True, seed=3)
    assert_frame_equal(windows(shuffled, [30, 90]).table, windows(orders, [30, 90]).table, check_exact=True)


def test_a_leap_day_is_a_day_of_a_window():
    # 366 days from 29 February 2024 to 1 March 2025: the order on the day itself counts, in 365 it does not
    rows = windows(book("who day amount\na 2024-02-29 1\na 2025-03-01 1"), [365, 366]).table.filter(cohort="(all)")
    assert rows["repeated"].to_list() == [0, 1]


@pytest.mark.parametrize("spans", [[], [0, 30], [60, 30], [30, 30], [-5], [40_000]])
def test_windows_are_days_in_ascending_order(spans):
    with pytest.raises(UsageError, match="--windows"):
        windows(book(DOZEN), spans)


def spend(*rows, channel=True):
    days = [day_number(date.fromisoformat(f"{month}-15")) for month, _, _ in rows]
    table = pl.DataFrame({"day": days, "spend": [money * 10_000 for _, _, money in rows]})
    names = pl.Series("channel", [name for _, name, _ in rows])
    return Spend(table.with_columns(names) if channel else table)


def test_cac_and_payback_of_the_total():
    # January: 100 for 5 customers is 20 each; their margin of 117.10 ÷ 5 = 23.42 at age 0 pays it back.
    # February: 45 for 4 is 11.25; 36 ÷ 4 = 9 at age 0, 54 ÷ 4 = 13.50 at age 1. March: nothing is told.
    result = cohorts(book(DOZEN), spend=spend(("2024-01", "web", 60), ("2024-01", "shop", 40), ("2024-02", "web", 45)))
    told = result.screen.select("cohort", "size", "spend", "cac", "payback_age").rows()
    assert told == [
        ("2024-01", 5, Decimal(100), 20.0, 0),
        ("2024-02", 4, Decimal(45), 11.25, 1),
        ("2024-03", 3, None, None, None),
    ]
    # every row of a cohort says the same
    assert result.table.filter(cohort="2024-02")["cac"].to_list() == [11.25] * 3


def test_cac_of_groups_is_over_their_own_customers():
    # January: web a b e, shop c d. Margins of web at age 0: (10+10-8) + (20.10-8) + (50-9) = 65.10, 21.70 each
    given = spend(("2024-01", "web", 90), ("2024-01", "radio", 10), ("2023-12", "web", 7))
    result = cohorts(book(DOZEN), by=["channel"], spend=given)
    january = result.screen.filter(cohort="2024-01")
    assert january.select("channel", "spend", "cac", "payback_age").rows() == [
        ("(total)", Decimal(100), 20.0, 0),
        ("shop", None, None, None),
        ("web", Decimal(90), 30.0, None),
    ]
    assert said(result, "no customer was first seen with radio")
    assert said(result, "spend of 7.00 is dated outside")


def test_cac_of_channels_as_cohorts_and_without_the_column():
    # shop: 120 over all three months for c d h i l
    given = spend(("2024-01", "shop", 100), ("2024-03", "shop", 20))
    shop = cohorts(book(DOZEN), cohort_by="channel", spend=given).screen.filter(cohort="shop")
    assert shop.select("size", "spend", "cac").row(0) == (5, Decimal(120), 24.0)
    nameless = spend(("2024-01", "shop", 100), channel=False)
    with pytest.raises(DataError, match="no column 'channel'"):
        cohorts(book(DOZEN), cohort_by="channel", spend=nameless)
    groups = cohorts(book(DOZEN), by=["channel"], spend=nameless)
    assert said(groups, "groups have no cac")
    assert groups.screen["cac"].null_count() == 8  # all but the total of January


def test_the_value_of_cohorts_is_that_of_their_customers():
    # so far and to come, of all customers together: an independent sum over the rows of predict
    orders = cdnow()
    rows = predict(orders).table
    whole = float(rows["historic_value"].sum()) + rows["clv"].sum()
    screen = cohorts(orders, spend=spend(("1997-01", "web", 1000))).screen
    assert (screen["size"] * screen["clv"].fill_null(0)).sum() == pytest.approx(whole)
    first = screen.row(0, named=True)
    assert first["clv_cac_ratio"] == pytest.approx(first["clv"] * first["size"] / 1000)


def test_without_a_model_clv_is_empty_and_says_why():
    # one order is too little to fit; what it cost is known all the same
    result = cohorts(book("who day amount channel\na 2024-01-01 5 web"), spend=spend(("2024-01", "web", 4)))
    assert result.screen.select("cac", "payback_age", "clv", "clv_cac_ratio").row(0) == (4.0, 0, None, None)
    assert said(result, "clv is empty")


def test_what_does_not_go_together():
    with pytest.raises(UsageError, match="--cohort-by"):
        cohorts(book(DOZEN), by=["channel"], cohort_by="channel")
    with pytest.raises(DataError, match="no column with money"):
        cohorts(book(DOZEN).drop("amount", "cost"), spend=spend(("2024-01", "web", 1)))
