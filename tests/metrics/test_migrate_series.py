"""Migration between two written tables, and in steps: the same flows by another way, and what adds up."""

from datetime import date, timedelta

import polars as pl
import pytest
from books import cdnow
from polars.testing import assert_frame_equal

from clvtool.errors import DataError, UsageError
from clvtool.ingest.earlier import segments_of
from clvtool.metrics.migrate import Span, migrate
from clvtool.metrics.migrate_files import migrate_files
from clvtool.metrics.migrate_steps import migrate_steps
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.schemes import Choice
from clvtool.metrics.segment import segment
from clvtool.report.files import write_result

BEFORE = pl.DataFrame(
    {
        "customer_id": ["x", "y", "z"],
        "segment": ["gold", "bronze", "silver"],
        "recency_days": [10, 20, 30],
        "orders": [4, 1, 2],
        "revenue": ["100.50", "10", "40"],
    }
)
# x fell, y rose with two more orders of 30, z is gone, w came
AFTER = pl.DataFrame(
    {
        "customer_id": ["w", "x", "y"],
        "segment": ["gold", "silver", "gold"],
        "recency_days": [1, 40, 5],
        "orders": [1, 4, 3],
        "revenue": ["80", "100.50", "40"],
    }
)


def test_two_tables_by_hand():
    result = migrate_files(BEFORE, AFTER)
    flows = result.table.select("from_segment", "to_segment", "customers", "recency_change_days", "frequency_change")
    assert flows.rows() == [
        ("gold", "silver", 1, 30.0, 0.0),
        ("silver", "(left)", 1, None, -2.0),
        ("bronze", "gold", 1, -15.0, 2.0),
        ("(entered)", "gold", 1, None, None),
    ]
    assert [(move["direction"], move["customers"], move["n"]) for move in result.extra["moves"]] == [
        ("moved up", 1, 2),
        ("moved down", 1, 2),
    ]
    # bronze to gold: 10 an order before; 40 ÷ 3 after
    assert result.table["aov_change"][2] == pytest.approx(40 / 3 - 10)


def test_names_without_an_order_do_not_rise():
    names = {"gold": "a lot", "silver": "some", "bronze": "few"}
    tables = [table.with_columns(pl.col("segment").replace(names)) for table in (BEFORE, AFTER)]
    result = migrate_files(*tables)
    assert result.extra["moves"] == []
    assert any("no known order" in note for note in result.notes)


@pytest.mark.parametrize("suffix", ["csv", "json", "ndjson", "parquet"])
def test_files_of_segments_are_known_by_their_first_columns(suffix, tmp_path):
    paths = [str(tmp_path / f"{name}.{suffix}") for name in ("before", "after")]
    for path, day in zip(paths, (date(1997, 12, 31), date(1998, 6, 30)), strict=True):
        result = segment(cdnow(), Choice("tiers"), Policies(as_of=day))
        write_result(result, tmp_path / path)
    table = migrate_files(*segments_of(paths))
    # everybody in a segment on both days, and their tiers are those of each day
    assert table.table["customers"].sum() == 2357
    then, now = (segment(cdnow(), Choice("tiers"), Policies(as_of=day)).table for day in (date(1997, 12, 31), None))
    both = then.join(now, on="customer_id")
    counted = both.group_by("segment", "segment_right").len()
    own = table.table.select("from_segment", "to_segment", "customers")
    assert sorted(own.rows()) == sorted(counted.rows())


def test_one_file_of_segments_and_one_of_orders_is_refused(tmp_path):
    one, other = tmp_path / "segments.csv", tmp_path / "orders.csv"
    BEFORE.write_csv(one)
    other.write_text("customer_id,order_date,amount\na,2024-01-01,5\n")
    with pytest.raises(DataError, match="is no file of segments"):
        segments_of([str(one), str(other)])
    assert segments_of([str(other), str(other)]) is None
    assert segments_of([str(one)]) is None


@pytest.mark.parametrize(
    "table", [BEFORE.drop("orders"), pl.concat([BEFORE, BEFORE]), BEFORE.with_columns(segment=pl.lit(None, pl.String))]
)
def test_tables_that_are_no_segments(table):
    with pytest.raises(DataError, match="the first table"):
        migrate_files(table, AFTER)


def test_a_series_of_one_step_is_the_comparison():
    span = Span(date(1998, 5, 31), date(1998, 6, 30))
    single = migrate(cdnow(), span, Choice("tiers"))
    series = migrate_steps(cdnow(), span, Choice("tiers"))
    assert_frame_equal(series.table.drop("from_date", "to_date"), single.table)
    assert series.screen.height == 1


def test_the_steps_join_and_everybody_is_in_each():
    span = Span(date(1998, 1, 15), date(1998, 6, 10))
    result = migrate_steps(cdnow(), span, Choice("abc"))
    ends = [date(1998, 1, 31), date(1998, 2, 28), date(1998, 3, 31), date(1998, 4, 30), date(1998, 5, 31)]
    assert result.screen["to_date"].to_list() == [*ends, date(1998, 6, 10)]
    assert result.screen["from_date"].to_list() == [date(1998, 1, 15), *ends]
    # all customers of CDNOW have come before 1998, and each is in one flow of every step
    sizes = result.table.group_by("to_date").agg(pl.col("customers").sum())
    assert set(sizes["customers"]) == {2357}
    # left: bought last in the 196 days up to the first day, and not in those up to the second; by a plain loop
    last = (
        cdnow()
        .filter(pl.col("order_date") <= date(1998, 1, 31))
        .group_by("customer_id")
        .agg(
            then=pl.col("order_date").filter(pl.col("order_date") <= date(1998, 1, 15)).max(),
            now=pl.col("order_date").max(),
        )
    )
    days = next(int(note.split("purchase for ")[1].split()[0]) for note in result.notes if "(left)" in note)
    gone = sum(
        date(1998, 1, 15) - then < timedelta(days) and date(1998, 1, 31) - now >= timedelta(days)
        for then, now in last.select("then", "now").rows()
    )
    assert result.screen["left"][0] == gone


def test_the_curves_are_the_rates_of_the_steps():
    span = Span(date(1997, 9, 30), date(1998, 6, 30))
    result = migrate_steps(cdnow(), span, Choice("lifecycle"), unit="quarter")
    assert result.plot.x == ["1997-12-31", "1998-03-31", "1998-06-30"]
    for way in ("up", "down"):
        assert result.plot.lines[f"{way}_rate"] == [step[f"{way}_rate"] for step in result.extra["steps"]]
        low, high = result.plot.bands[f"{way}_rate"]
        assert all(a < rate < b for a, rate, b in zip(low, result.plot.lines[f"{way}_rate"], high, strict=True))


def test_too_many_steps_are_refused():
    rows = pl.concat([cdnow(), cdnow().with_columns(pl.col("order_date").dt.offset_by("30y"))])
    with pytest.raises(UsageError, match="--steps week"):
        migrate_steps(rows, Span(date(1997, 2, 1)), unit="week")
