"""Value by period: each table is the one that a run at the end of that period gives."""

from datetime import date

import polars as pl
import pytest
from books import book, frame, without_models
from polars.testing import assert_frame_equal

from clvtool.errors import DataError, UsageError
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.over_time import compute_over_time
from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute

LOG = """
who  day         amount  channel
a    2024-01-01  10      web
b    2024-01-20  30      shop
a    2024-02-29  20      web
c    2024-03-31  40      web
d    2024-04-02  99      web
"""


def test_each_period_is_a_run_at_its_end(monkeypatch):
    # February ends on the 29th, with the order of that day; April is not over, so it has no table
    without_models(monkeypatch)
    result = compute_over_time(book(LOG), Valuation(active_window="31"), by=["channel"])
    assert result.table.columns[:3] == ["channel", "period", "metric"]
    assert result.table["period"].unique(maintain_order=True).to_list() == ["2024-01", "2024-02", "2024-03"]
    for period, day in (("2024-01", date(2024, 1, 31)), ("2024-02", date(2024, 2, 29)), ("2024-03", date(2024, 3, 31))):
        alone = compute(book(LOG), Valuation(active_window="31"), Policies(as_of=day), by=["channel"])
        assert_frame_equal(result.table.filter(period=period).drop("period"), alone.table)
    revenue = result.table.filter(metric="revenue", channel="(total)")
    assert revenue["value"].to_list() == [40.0, 60.0, 100.0]
    # the curves are those of all customers
    told = result.table.filter(metric="clv_comprehensive", channel="(total)")["value"].to_list()
    assert result.plot.x == ["2024-01", "2024-02", "2024-03"]
    assert result.plot.lines["clv_comprehensive"] == told


def test_the_window_is_that_of_the_whole_log(monkeypatch):
    # 40 customers who come back after 50 days: known at the end of the log, not in its first month
    without_models(monkeypatch)
    rows = [{"who": f"c{k}", "day": day, "amount": "5"} for k in range(40) for day in ("2024-01-02", "2024-02-21")]
    rows += [{"who": "z", "day": "2024-01-01", "amount": "5"}, {"who": "z", "day": "2024-04-30", "amount": "5"}]
    table = compute_over_time(frame(rows)).table
    assert set(table.filter(metric="active_window")["value"]) == {50.0}


def test_what_has_no_tables():
    with pytest.raises(DataError, match="covers no year whole"):
        compute_over_time(book(LOG), Valuation(period="year"))
    rows = pl.concat([book(LOG), book(LOG).with_columns(pl.col("order_date").dt.offset_by("3y"))])
    with pytest.raises(UsageError, match="tables"):
        compute_over_time(rows, Valuation(period="day"))
