"""Rates against an earlier result, an earlier time, a benchmark: by hand, and what is refused."""

import random
from datetime import date
from itertools import pairwise

import polars as pl
import pytest
from books import frame, random_book, said
from polars.testing import assert_frame_equal

from clvtool.cli.comparing import Comparing
from clvtool.errors import DataError, UsageError
from clvtool.metrics.change import Reference, compared
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.repeat import repeat
from clvtool.metrics.retention import retention
from clvtool.periods import Duration

MONTHS = ["2025-01", "2025-02", "2025-03"]
NOW = pl.DataFrame({"period": MONTHS, "start": [100, 400, 0], "retention_rate": [0.9, 0.8, None]})
PLACES = {"time": "period", "labels": MONTHS, "unit": "month", "rate": "retention_rate", "trials": "start"}


def test_a_difference_of_two_shares_by_hand():
    # 90 of 100 now, 80 of 100 then: together 0.85; √(0.85 · 0.15 · 2 ÷ 100) = 0.050498, z = 1.98030, p = 0.047670
    then = pl.DataFrame({"period": ["2025-01"], "start": [100], "retention_rate": [0.8]})
    columns = compared(NOW, Reference(then), ["period"], **PLACES).columns
    assert columns.columns == ["previous_retention_rate", "delta_retention_rate", "p_value"]
    assert columns.row(0) == (0.8, pytest.approx(0.1), pytest.approx(0.047670, abs=1e-6))
    assert columns.rows()[1:] == [(None, None, None)] * 2


def test_an_earlier_time_of_the_same_table():
    # February against January: (80 % of 400, 90 % of 100): together 410 of 500 = 0.82; √(0.82 · 0.18 · (1/400 + 1/100))
    # = 0.042953, z = -2.32810, p = 0.019907
    columns = compared(NOW, Reference(span=Duration(1, "month")), ["period"], **PLACES).columns
    assert columns.row(0) == (None, None, None)
    assert columns.row(1) == (0.9, pytest.approx(-0.1), pytest.approx(0.019907, abs=1e-6))
    assert columns.row(2) == (0.8, None, None)


def test_a_benchmark_is_one_rate_or_a_table():
    # 0.9 of 100 against 0.8: √(0.8 · 0.2 ÷ 100) = 0.04, z = 2.5, p = 0.012419; 0.8 against itself: no difference
    columns = compared(NOW, Reference(benchmark=0.8), ["period"], **PLACES).columns
    assert columns.rows() == [
        (0.8, pytest.approx(0.1), pytest.approx(0.012419, abs=1e-6)),
        (0.8, 0.0, 1.0),
        (0.8, None, None),
    ]
    table = pl.DataFrame({"period": ["2025-02"], "retention_rate": [0.75]})
    told = compared(NOW, Reference(benchmark=table), ["period"], **PLACES)
    assert told.columns["benchmark_retention_rate"].to_list() == [None, 0.75, None]
    whole = compared(NOW, Reference(benchmark=table.select("retention_rate")), ["period"], **PLACES)
    assert whole.columns["benchmark_retention_rate"].to_list() == [0.75] * 3


def test_retention_against_itself_has_not_changed():
    orders = frame(random_book(random.Random(3), customers=80))
    earlier = retention(orders, by=["channel"])
    again = retention(orders, by=["channel"], reference=Reference(earlier.table))
    assert_frame_equal(again.table.select(earlier.table.columns), earlier.table)
    known = again.table.drop_nulls("retention_rate")
    assert (known["delta_retention_rate"] == 0).all()
    assert (known["p_value"] == 1).all()
    assert said(again, "in the earlier result")


def test_repeat_rates_against_a_month_before():
    result = repeat(frame(random_book(random.Random(3), customers=80)), reference=Reference(span=Duration(1, "month")))
    rows = {
        (cohort, days): row
        for cohort, days, *row in result.table.select(
            "cohort", "within_days", "repeat_rate", "previous_repeat_rate"
        ).rows()
    }
    cohorts = [cohort for cohort in dict.fromkeys(cohort for cohort, _ in rows) if cohort != "(all)"]
    for before, cohort in pairwise(cohorts):
        assert rows[cohort, 30][1] == rows[before, 30][0]
    assert rows["(all)", 30][1] is None


def test_the_log_from_start_has_no_older_customers():
    orders = frame(random_book(random.Random(3), customers=20))
    assert said(retention(orders), "may be older")
    assert not said(retention(orders, log_from_start=True), "may be older")


@pytest.mark.parametrize(
    ("reference", "error", "words"),
    [
        ({"span": Duration(1, "week")}, UsageError, "no whole number of months"),
        ({"span": Duration(1, "year")}, UsageError, "longer than the log"),
        ({"table": pl.DataFrame({"metric": ["aov"]})}, DataError, "no column 'period'"),
        ({"table": NOW.with_columns(period=pl.lit("2019-01")).head(1)}, DataError, "no row of the earlier result"),
        ({"table": pl.concat([NOW, NOW])}, DataError, "several rows"),
        ({"benchmark": pl.DataFrame({"rate": [0.9]})}, DataError, "no column 'retention_rate'"),
        ({"benchmark": pl.DataFrame({"retention_rate": [0.9, 0.8]})}, DataError, "which row is for what"),
        ({"benchmark": 90.0}, UsageError, "between 0 and 1"),
    ],
)
def test_what_cannot_be_compared(reference, error, words):
    with pytest.raises(error, match=words):
        compared(NOW, Reference(**reference), ["period"], **PLACES)


def test_an_earlier_day_of_the_same_log():
    orders = frame(random_book(random.Random(9), customers=60))
    last = orders["order_date"].max()
    earlier = retention(orders, Policies(as_of=date(last.year, last.month, 1)))
    assert retention(orders, reference=Reference(earlier.table)).table.height >= earlier.table.height


@pytest.mark.parametrize(("text", "rate"), [("0.85", 0.85), ("85%", 0.85), ("100%", 1.0), ("0", 0.0)])
def test_a_benchmark_may_be_written_in_percent(text, rate):
    assert Comparing(benchmark=text).reference().benchmark == rate
