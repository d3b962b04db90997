"""Repeat-purchase rates: worked by hand, by loops over CDNOW, and what must not change."""

import random
from collections import defaultdict
from datetime import timedelta

import polars as pl
import pytest
from books import book, cdnow, cdnow_rows, frame, random_book
from polars.testing import assert_frame_equal

from clvtool.errors import UsageError
from clvtool.metrics.change import Reference
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.repeat import COLUMNS, SPANS, repeat

# The analysis stands at 30 March 2024: 30 days are seen of those who came up to 29 February, 60 up to 30 January.
SEVEN = """
who  day         amount
a    2024-01-01  1
a    2024-01-01  1
a    2024-01-31  1
b    2024-01-10  1
b    2024-02-10  1
c    2024-01-30  1
c    2024-03-30  1
d    2024-01-31  1
d    2024-02-05  1
e    2024-02-29  1
e    2024-03-30  1
f    2024-03-01  1
f    2024-03-02  1
g    2024-01-05  1
"""


def test_seven_customers():
    # a: again after 30 days (two orders on one day are one occasion). b: after 31 days. c: after 60. d: after 5 days,
    # seen for 59. e: after 30 days (29 February to 30 March), seen for just 30. f: seen for 29. g: never.
    # 30 days: seen a b c d e g; again within: a d e; on day 30 or later: a b c e.
    # 60 days: seen a b c g; again within: a b c; on day 60 or later: c.
    result = repeat(book(SEVEN), spans=(30, 60))
    assert result.table.columns == list(COLUMNS)
    rows = result.table.select(
        "cohort", "within_days", "size", "observed", "repeated", "repeat_rate", "later", "later_rate"
    )
    assert rows.rows() == [
        ("(all)", 30, 7, 6, 3, 1 / 2, 4, 2 / 3),
        ("(all)", 60, 7, 4, 3, 3 / 4, 1, 1 / 4),
        ("2024-01", 30, 5, 5, 2, 2 / 5, 3, 3 / 5),
        ("2024-01", 60, 5, 4, 3, 3 / 4, 1, 1 / 4),
        ("2024-02", 30, 1, 1, 1, 1.0, 1, 1.0),
        ("2024-02", 60, 1, 0, 0, None, 0, None),
        ("2024-03", 30, 1, 0, 0, None, 0, None),
        ("2024-03", 60, 1, 0, 0, None, 0, None),
    ]
    # Wilson at 1 of 2 with n = 6: centre 1/2, half-width 1.96 √(1/24 + 3.8415/144) ÷ (1 + 3.8415/6) = 0.31238
    assert result.table.row(0)[6:8] == (pytest.approx(0.187616, abs=2e-5), pytest.approx(0.812384, abs=2e-5))


def test_cdnow_by_loops():
    days_of = defaultdict(set)
    for who, day, _ in cdnow_rows():
        days_of[who].add(day)
    last = max(map(max, days_of.values()))
    result = repeat(cdnow())
    for row in result.table.iter_rows(named=True):
        span = timedelta(days=row["within_days"])
        own = [sorted(days) for days in days_of.values() if row["cohort"] in {"(all)", f"{min(days):%Y-%m}"}]
        seen = [days for days in own if days[0] + span <= last]
        again = [days for days in seen if any(days[0] < day <= days[0] + span for day in days)]
        later = [days for days in seen if any(day >= days[0] + span for day in days)]
        counts = (len(own), len(seen), len(again), len(later))
        assert (row["size"], row["observed"], row["repeated"], row["later"]) == counts
        assert row["repeat_rate"] == (len(again) / len(seen) if seen else None)
        assert row["later_rate"] == (len(later) / len(seen) if seen else None)


@pytest.mark.parametrize("seed", range(4))
def test_groups_and_cohorts_add_up_whatever_the_order(seed):
    orders = frame(random_book(random.Random(seed), customers=30))
    counts = ["size", "observed", "repeated", "later"]
    result = repeat(orders, by=["channel"])
    total = result.table.filter(channel="(total)").drop("channel")
    assert_frame_equal(total, repeat(orders).table, check_exact=True)
    parts = (
        result.table.remove(channel="(total)")
        .group_by("cohort", "within_days", maintain_order=True)
        .agg(pl.col(counts).sum())
    )
    assert_frame_equal(parts.select(counts), total.select(counts))
    cohorts = total.remove(cohort="(all)").group_by("within_days", maintain_order=True).agg(pl.col(counts).sum())
    assert_frame_equal(cohorts.select(counts), total.filter(cohort="(all)").select(counts))
    shuffled = repeat(orders.sample(fraction=1, shuffle=True, seed=seed), by=["channel"])
    assert_frame_equal(shuffled.table, result.table, check_exact=True)


def test_the_halves_of_the_customers_add_up():
    # every customer's rows are in one half, and both halves reach from the first day to the last
    rows = random_book(random.Random(12), customers=60)
    for row in rows:
        row["half"] = "-" if row["who"] == "-" else str(int(row["who"][1:]) % 2)
    orders = frame(rows)
    counts = ["size", "observed", "repeated", "later"]
    whole, *halves = (
        repeat(orders, Policies(where=where)).table.select(counts) for where in ((), (("half", "0"),), (("half", "1"),))
    )
    assert_frame_equal(halves[0] + halves[1], whole, check_exact=True)


def test_new_year_in_weeks_and_the_days_of_a_leap_year():
    # 30 December 2024 is a day of the first week of 2025; 30 days from 30 January 2024 are 29 February, 31 are 1 March
    weeks = repeat(book("who day amount\na 2024-12-30 1\na 2025-01-29 1"), period="week").table
    assert weeks.filter(cohort="2025-W01", within_days=30).select("observed", "repeated").row(0) == (1, 1)
    leap = repeat(book("who day amount\na 2024-01-30 1\na 2024-02-29 1\nb 2024-01-30 1\nb 2024-03-01 1")).table
    assert leap.filter(cohort="(all)", within_days=30).select("observed", "repeated").row(0) == (2, 1)


def test_small_logs_and_bad_input():
    one = repeat(book("who day amount\na 2024-01-01 1"))
    assert one.table.height == 2 * len(SPANS)
    assert one.table["repeat_rate"].null_count() == one.table.height
    nobody = repeat(book("who day amount\n- 2024-01-01 1"), Policies())
    assert nobody.table["size"].sum() == 0
    with pytest.raises(UsageError, match="--level"):
        repeat(book(SEVEN), level=95)
    with pytest.raises(UsageError, match="--period"):
        repeat(book(SEVEN), period="fortnight")


def test_the_terminal_shows_spans_side_by_side_and_no_rate_of_a_part_of_a_cohort():
    # up to March 1 a and b are observed 30 days, and a came back; c is observed 29 days, d none, and nobody 60
    orders = book("who day\na 2024-01-05\na 2024-01-20\nb 2024-01-31\nc 2024-02-01\nd 2024-03-01")
    result = repeat(orders, spans=(30, 60))
    assert result.screen.rows() == [
        ("(all)", 4, "rate", 0.5, None),
        ("2024-01", 2, "rate", 0.5, None),
        ("2024-02", 1, "rate", None, None),
        ("2024-03", 1, "rate", None, None),
    ]
    assert result.screen.columns == ["cohort", "size", "unit", "30", "60"]
    assert result.shaded == ["30", "60"]
    # with a comparison, the change comes before what is left out first
    compared = repeat(orders, spans=(30, 60), reference=Reference(benchmark=0.4))
    told = ["cohort", "within_days", "observed", "repeat_rate", "delta_benchmark_repeat_rate", "p_benchmark", "size"]
    assert compared.screen.columns[:7] == told
    assert sorted(compared.screen.columns) == sorted(compared.table.columns)
