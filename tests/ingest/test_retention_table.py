"""Retention tables: any way of writing them, and what is wrong with one."""

import pytest

from clvtool.errors import DataError, UsageError
from clvtool.ingest.reading import ReadOptions
from clvtool.ingest.retention_table import Curve, read_retention


def shares(*alive):
    return [Curve(None, None, pytest.approx(alive), shares=True)]


@pytest.fixture
def read(write):
    def do(*texts, by=None, cohort=None, **options):
        paths = [write(text, f"{place}.csv") for place, text in enumerate(texts)]
        return read_retention(paths, ReadOptions(**options), by=by, cohort=cohort)

    return do


@pytest.mark.parametrize(
    "text",
    [
        "year,share\n0,1\n1,0.869\n2,0.743125\n",
        "year;share\n0;1\n1;0,869\n2;0,743125\n",  # a zero before the comma: it is the decimal sign
        "year;share\n0;100 %\n1;86,9 %\n2;74,3125%\n",
        "rok;udział\n0;100%\n1;86.9%\n2;74.3125%\n",
        "year\tpct_alive\n0\t100\n1\t86.9\n2\t74.3125\n",
        "Period,Survival rate\n2,0.743125\n\n0,1.0\n1,.869\n",  # rows in any order
        "month,retention\n1,0.869\n2,0.743125\n",  # the whole stands before period 1
        "month,retention\n0,1\n1,0.869\n2,0.743125\n3,\n4,\n",  # not seen yet
    ],
)
def test_shares_are_read_however_they_are_written(read, text):
    assert read(text)[0] == shares(1, 0.869, 0.743125)


def test_counts_with_thousands_are_read(read):
    curves, *_ = read("month;klienci\n0;1 200\n1;1 000\n2;950\n")
    assert curves == [Curve(None, None, (1200, 1000, 950), shares=False)]


def test_counts_go_before_shares_and_it_is_said(read):
    curves, _, notes = read("month,customers,share\n0,10,1\n1,5,0.5\n")
    assert curves[0].alive == (10, 5)
    assert notes == ["'customers' says how many are left; 'share' is not used"]


def test_cohorts_and_groups_are_told_apart_in_their_order(read):
    text = "plan,start,month,alive\nb,2024-02,0,9\nb,2024-02,1,5\na,2024-01,0,8\nb,2024-01,0,7\nb,2024-01,1,7\na,2024-01,1,2\n"
    curves, *_ = read(text, by="Plan", cohort="start")
    assert [(curve.group, curve.cohort, curve.alive) for curve in curves] == [
        ("a", "2024-01", (8, 2)),
        ("b", "2024-01", (7, 7)),
        ("b", "2024-02", (9, 5)),
    ]


def test_a_column_of_any_name_can_be_named(read):
    curves, *_ = read("x,y\n0,100\n1,80\n", mapping={"period": "x", "percent": "y"})
    assert curves == shares(1, 0.8)


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        (
            "year,share\n0,1\n1,0.5\n2,0.6\n",
            "more customers are left after period 2 than before: 0.5, then 0.6",
            "rate",
        ),
        ("year,share\n0,1\n1,0.5\n3,0.4\n", "period 2 is missing", "each period"),
        ("year,share\n0,1\n1,\n2,0.4\n", "period 1 is missing", "each period"),
        ("year,share\n0,1\n1,0.5\n1,0.4\n", "period 1 is there twice", "--by COLUMN or --cohort COLUMN"),
        ("year,share\n0,100\n1,86.9\n", "share above 1: 100", "--map percent=share"),
        ("year,percent\n0,100\n1,120\n", "share above 1: 1.2", "--map alive=percent"),
        ("year,share\n0,0.9\n1,0.5\n", "period 0 has a share of 0.9, not 1", "all at the start"),
        ("year,share\n1,1\n2,0.5\n", "there is no period 0", "counted from 0"),  # or was nobody lost in period 1?
        ("year,alive\n1,80\n2,50\n", "there is no period 0", "counted from 0"),
        ("year,share\n0,1\n1,lots\n", "no number from 0 on: 'lots'", "correct"),
        ("year,share\n0,1\n1,-0.5\n", "no number from 0 on: '-0.5'", "correct"),
        ("year,share\n0,1\n1,nan\n", "no number from 0 on: 'nan'", "correct"),
        ("year,share\n0,1\n0.5,0.7\n", "a period is a whole number", ""),
        ("year,share\n0,100 %\n1,86.9\n", "with and without %: '86.9'", "alike"),
        ("year,alive\n0,100 %\n1,86 %\n", "has percent in it: '100 %'", "--map percent=alive"),
        ("year;alive\n0;2,000\n1;1,234\n", "can be read two ways", "--decimal"),
        ("year,a_pct,b_pct\n0,100,100\n1,90,80\n", "'a_pct' and 'b_pct' look like percent", "--map percent=a_pct"),
        ("customer_id,order_date,amount\na,2024-01-01,5\n", "no column for the period", "--map period=COLUMN"),
        ("year,what\n0,1\n", "no column that says how many", "--map alive=COLUMN"),
        ("year,share\n", "has no rows", ""),
        ("year,share\n0,\n", "is empty", ""),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out(read, text, said, hint):
    with pytest.raises(DataError) as caught:
        read(text)
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_counts_and_shares_do_not_go_into_one_table(read):
    with pytest.raises(DataError, match="counts and another shares"):
        read("year,share\n0,1\n1,0.9\n", "year,alive\n0,10\n1,9\n")


@pytest.mark.parametrize("options", [{"date_format": "DD/MM/YYYY"}, {"mapping": {"customer_id": "year"}}])
def test_options_about_orders_are_refused(read, options):
    with pytest.raises(UsageError):
        read("year,share\n0,1\n1,0.9\n", **options)


def test_the_shop_s_own_config_does_not_stand_in_the_way(read):
    # columns of orders, named in a config file, mean nothing here
    options = {"mapping": {"customer_id": "Client"}, "date_format": "DD/MM/YYYY"}
    assert read("year,share\n0,1\n1,0.9\n", **options, untyped=frozenset({"map", "date_format"}))[0] == shares(1, 0.9)


@pytest.mark.parametrize(("header", "unit"), [("Year", "year"), ("miesiąc", "month"), ("period", None), ("t", None)])
def test_the_header_may_say_how_long_a_period_is(read, header, unit):
    assert read(f"{header},share\n0,1\n1,0.9\n")[1] == unit
