import json
import math
import os
import random
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from books import book, frame, said, simulated
from scipy.stats import gamma

from clvtool.errors import DataError, FitError, UsageError
from clvtool.ingest.read import read_orders
from clvtool.metrics.ahead import TOTAL, bounds
from clvtool.metrics.arrivals import arrivals
from clvtool.metrics.fit import fit
from clvtool.metrics.forecast import forecast
from clvtool.metrics.forecast_check import held_out
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.predict import predict
from clvtool.metrics.predictive import Histories
from clvtool.metrics.valuation import Valuation
from clvtool.periods import duration, periods_after

ROOT = Path(__file__).parents[2]
CDNOW = ROOT / "sample_data" / "cdnow.csv"
CALIBRATION = Policies(as_of=date(1997, 9, 30))
USUAL = ["bg-nbd", "gamma-gamma"]


@pytest.fixture(scope="module")
def cdnow():
    return read_orders([str(CDNOW)]).table


@pytest.fixture(scope="module")
def shop():
    """Return two years of a small shop, 2024-01-01 to 2025-12-30."""
    return simulated(3, customers=150)


@pytest.fixture(scope="module")
def plain(shop):
    return forecast(shop, 3)


def total(result):
    return result.table.filter(pl.col("period") == TOTAL).to_dicts()[0]


def rows(result):
    return result.table.filter(pl.col("period") != TOTAL)


# --- the CDNOW sample, whose figures are published ---


@pytest.mark.parametrize(("model", "published"), [("bg-nbd", 1653.408), ("mbg-nbd", 1576.7283)])
def test_nine_months_are_the_39_weeks_of_the_papers(cdnow, model, published):
    # 1997-10-01 to 1998-06-30 are 273 days; nobody was new in the half year before
    result = forecast(cdnow, 9, CALIBRATION, model=model)
    assert rows(result)["period"].to_list() == [f"1997-{n}" for n in (10, 11, 12)] + [f"1998-0{n}" for n in range(1, 7)]
    assert total(result)["orders"] == pytest.approx(published, abs=2e-3)
    assert rows(result)["existing_orders"].sum() == pytest.approx(published, abs=2e-3)
    assert total(result)["new_customers"] == 0


def test_what_happened_is_beside_an_earlier_forecast(cdnow):
    # 1882 purchase days in the hold-out of the papers; the forecast of 1653 is 12.15 % below
    result = forecast(cdnow, 9, cutoff=date(1997, 9, 30), backtest=True)
    last = result.table.filter((pl.col("period") == TOTAL) & (pl.col("figure") == "orders")).to_dicts()[0]
    assert last["actual"] == 1882
    assert last["forecast"] == pytest.approx(1653.408, abs=2e-3)
    assert last["error_rate"] == pytest.approx(-0.12146, abs=1e-5)
    assert last["within"] is False
    assert said(result, "orders 1,653 forecast, 1,882 actual (-12.1%, 7 of 9 months within the 95% interval)")


# --- adding up ---


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_periods_add_up_to_the_whole_horizon(shop, period):
    # of 61 days, whatever they are cut into; a week that has begun is a row of its own
    as_of = date(2025, 10, 31)
    count = {"day": 61, "week": 9, "month": 2}[period]
    result = forecast(shop, count, Policies(as_of=as_of), period=period)
    table, whole = rows(result), total(result)
    days = (whole["end_date"] - as_of).days
    for name in ("orders", "revenue", "new_customers", "existing_orders", "existing_revenue", "new_orders"):
        assert table[name].sum() == pytest.approx(whole[name], rel=1e-9), name
    for name in ("orders", "revenue"):
        assert (table[f"existing_{name}"] + table[f"new_{name}"]).to_list() == pytest.approx(table[name].to_list())
    assert table["active_customers"].max() < whole["active_customers"] < table["active_customers"].sum()
    # and existing customers are those of predict
    given = Valuation(horizon=duration(f"{days}d"), discount=0.0)
    each = predict(shop, given, Policies(as_of=as_of)).table
    money = (each["expected_orders"] * each["expected_order_value"]).sum()
    assert whole["existing_orders"] == pytest.approx(each["expected_orders"].sum(), rel=1e-9)
    assert whole["existing_active"] == pytest.approx((1 - each["p_no_purchase"]).sum(), rel=1e-9)
    assert whole["existing_revenue"] == pytest.approx(money, rel=1e-9)


def test_groups_add_up_to_all(shop):
    channel = pl.col("customer_id").cast(pl.Int64) % 3
    orders = shop.with_columns(channel=channel.cast(pl.String), period=pl.lit("x"))
    table = forecast(orders, 2, by=["channel", "period"]).table
    assert table.columns[:3] == ["channel", "period_group", "period"]
    assert table["channel"].unique(maintain_order=True).to_list() == ["(total)", "0", "1", "2"]
    everybody, groups = table.filter(channel=TOTAL), table.filter(pl.col("channel") != TOTAL)
    for name in ("existing_orders", "existing_active", "existing_revenue", "new_customers", "new_orders"):
        assert groups[name].sum() == pytest.approx(everybody[name].sum(), rel=1e-9), name


# --- the period that has begun ---


def test_what_is_left_of_a_period_comes_first(shop):
    # 15 October 2025 is a Wednesday in the middle of a month
    result = forecast(shop, 2, Policies(as_of=date(2025, 10, 15)))
    table = result.table
    assert table["period"].to_list() == ["2025-10", "2025-11", "2025-12", TOTAL]
    assert table["start_date"].to_list() == [
        date(2025, 10, 16),
        date(2025, 11, 1),
        date(2025, 12, 1),
        date(2025, 10, 16),
    ]
    assert table["end_date"].to_list() == [
        date(2025, 10, 31),
        date(2025, 11, 30),
        date(2025, 12, 31),
        date(2025, 12, 31),
    ]
    assert table["whole"].to_list() == [False, True, True, False]
    assert result.screen["period"][0] == "2025-10 (rest)"
    assert said(result, "2025-10 is not over: its row is what is left of it, 16 days from 2025-10-16 on")


# --- new customers ---


def histories_of(days_ago, first=10_000):
    """Return histories of customers who came so many days ago, and paid `first` ten-thousandths then."""
    T = np.array(days_ago)
    nothing = np.zeros(T.size, int)
    return Histories(nothing, nothing, T, nothing * 0.0, nothing + first, nothing, nothing)


def test_new_customers_come_as_in_the_complete_months_of_the_last_half_year():
    # as-of 2025-07-10: of January to June 2025 (181 days) only the months that begin in the 184 days before count, so
    # February to June, 150 days; with 2 a month in 4 of them and 12 in June, that is 20 ÷ 150 a day
    as_of = date(2025, 7, 10)
    months = {2: 2, 3: 2, 4: 2, 5: 2, 6: 12}
    came = [(as_of - date(2025, month, 3 + n)).days for month, count in months.items() for n in range(count)]
    came += [1, 2, 3, 170, 400, 500]  # July is not over; January, and earlier, is too long ago
    found = arrivals(histories_of(came), date(2023, 1, 1), as_of, periods_after(as_of, "month", 2), "month", None)
    assert found.daily.tolist() == pytest.approx([20 / 150] * (21 + 31 + 30))
    assert found.begins.tolist() == [0, 21, 52]
    # Σ (count − expected)² ÷ expected ÷ 4, of 28, 31, 30, 31 and 30 days
    expected = [length * 20 / 150 for length in (28, 31, 30, 31, 30)]
    off = sum((count - mean) ** 2 / mean for count, mean in zip(months.values(), expected, strict=True)) / 4
    assert found.dispersion == pytest.approx(off)
    assert found.uncertainty == pytest.approx(off / 20)
    assert found.first_value == 1


def test_only_the_later_half_of_a_short_log_says_how_many_come():
    # of 60 days the last 30, in which no month is complete
    as_of = date(2025, 3, 15)
    seen = histories_of([0, 5, 29, 30, 45, 60])
    found = arrivals(seen, as_of - timedelta(days=60), as_of, periods_after(as_of, "month", 1), "month", None)
    assert found.daily[0] == 3 / 30


def test_a_number_of_new_customers_is_taken_as_it_is(shop):
    # 31 in each month: 1 a day in October, of which 16 are left
    result = forecast(shop, 2, Policies(as_of=date(2025, 10, 15)), new_customers=31)
    table = result.table
    assert table["new_customers"].to_list() == pytest.approx([16, 31, 31, 78])
    assert table["new_low"].to_list() == pytest.approx(table["new_high"].to_list())
    none = forecast(shop, 2, Policies(as_of=date(2025, 10, 15)), new_customers=0).table
    assert none["orders"].to_list() == none["existing_orders"].to_list() == table["existing_orders"].to_list()
    assert none["new_revenue"].sum() == 0


def test_a_new_customer_buys_as_the_model_says_of_one(shop):
    # one customer a day for 31 days, each expected E(T) repeat purchases in what is left of the month
    as_of = date(2025, 9, 30)
    table = forecast(shop, 1, Policies(as_of=as_of), new_customers=31).table
    models = json.loads(fit(shop, USUAL, Policies(as_of=as_of)).metadata["model"])["models"]
    r, alpha, a, b = models["bg-nbd"]["parameters"].values()
    # E(t) = Σ over n of P(the n-th purchase happens by t); Gauss–Jacobi is not needed: a fine sum over λ and p
    draw = np.random.default_rng(0)
    rate, leave = draw.gamma(r, 1 / alpha, 400_000), draw.beta(a, b, 400_000)
    again = sum(float((-np.expm1(-rate * leave * left / 7) / leave).mean()) for left in range(31))
    assert table["new_orders"][0] == pytest.approx(31 + again, rel=2e-3)


# --- intervals ---


def test_bounds_are_those_of_a_gamma_distribution():
    for mean, variance in [(1000.0, 1500.0), (30.0, 60.0), (5.0, 5.0)]:
        _, low, high = bounds([mean], [variance], 0.9)
        exact = gamma.ppf([0.05, 0.95], mean**2 / variance, scale=variance / mean)
        assert [low[0], high[0]] == pytest.approx(exact, rel=0.01)
    assert bounds([0.0], [0.0], 0.9) == ([0.0], [0.0], [0.0])


def test_a_higher_level_is_wider_and_all_intervals_hold_the_expectation(shop, plain):
    wide, narrow = plain.table, forecast(shop, 3, level=0.5).table
    for name, column in {"orders": "orders", "revenue": "revenue", "active": "active_customers"}.items():
        for one in (wide, narrow):
            assert (one[f"{name}_low"] < one[column]).all()
            assert (one[column] < one[f"{name}_high"]).all()
            assert (one[f"{name}_low"] >= 0).all()
        assert (wide[f"{name}_low"] < narrow[f"{name}_low"]).all()
        assert (wide[f"{name}_high"] > narrow[f"{name}_high"]).all()


# --- the hold-out check ---


def test_what_happened_is_counted_by_hand():
    # two regular customers and a new one; cut-off 30 June. July: a on 3 and 20, c (new) twice on 10: 3 purchase days,
    # 2 buyers, 5+6+7+8 = 26; August: a on 1, refund of 4 on 2, b on 9: 2 days, 2 buyers, 3-4+2 = 1, nobody new
    start = date(2025, 1, 1)
    regular = [
        {"who": who, "day": start + timedelta(days=shift + gap * n), "amount": str(10 + n % 3)}
        for who, shift, gap in [("a", 0, 12), ("b", 5, 25), ("d", 9, 40), ("e", 30, 400)]
        for n in range(170 // gap + 1)
    ]
    july = [("a", 7, 3, "5"), ("a", 7, 20, "6"), ("c", 7, 10, "7"), ("c", 7, 10, "8")]
    august = [("a", 8, 1, "3"), ("a", 8, 2, "-4"), ("b", 8, 9, "2"), ("a", 8, 31, "0")]
    later = [{"who": who, "day": date(2025, month, day), "amount": amount} for who, month, day, amount in july + august]
    result = forecast(frame(regular + later), 2, cutoff=date(2025, 6, 30), backtest=True)
    found = {(row["period"], row["figure"]): row["actual"] for row in result.table.to_dicts()}
    figures = ("orders", "revenue", "active_customers", "new_customers")
    assert [found["2025-07", name] for name in figures] == [3, 26, 2, 1]
    assert [found["2025-08", name] for name in figures] == [3, 1, 2, 0]
    assert [found[TOTAL, name] for name in figures] == [6, 27, 3, 1]
    assert result.table.filter(figure="new_customers", period="2025-08")["error_rate"].to_list() == [None]


def test_without_a_cut_off_the_check_takes_a_third_of_the_log_or_as_many_periods(shop):
    # 730 days to 2025-12-30: a third is 243 days; the 244 from May to December would be one too many, and December is
    # not over
    log = order_log(shop, Policies(as_of=date(2025, 12, 30)))
    begins = {count: held_out(log, "month", count)[0].label for count in (1, 6, 12)}
    assert begins == {1: "2025-11", 6: "2025-06", 12: "2025-06"}


def test_the_check_is_a_forecast_made_on_that_day(shop):
    # nothing of what came later may leak into it
    then = forecast(shop, 3, Policies(as_of=date(2025, 6, 30))).table
    checked = forecast(shop, 3, Policies(as_of=date(2025, 9, 30)), backtest=True).table.filter(figure="revenue")
    assert checked["forecast"].to_list() == then["revenue"].to_list()
    assert checked["ci_high"].to_list() == then["revenue_high"].to_list()


def test_where_there_is_nothing_to_check_a_note_says_why(shop):
    short = Policies(as_of=date(2024, 2, 29))
    result = forecast(shop, 12, short)
    assert result.extra["holdout"] is None
    assert said(result, "no complete month lies in the last third of the log")
    with pytest.raises(UsageError, match="no complete month"):
        forecast(shop, 12, short, backtest=True)
    # everybody bought once up to the end of July, and again later
    rows = [{"who": f"c{n}", "day": date(2025, month, 1 + n), "amount": "5"} for n in range(20) for month in (1, 8)]
    late = frame([*rows, {"who": "c0", "day": date(2025, 9, 30), "amount": "5"}])
    assert said(forecast(late, 3), "there is no hold-out check: up to 2025-07-31, bg-nbd needs repeat purchases")
    with pytest.raises(FitError, match="needs repeat purchases"):
        forecast(late, 3, backtest=True)


# --- properties ---


def test_neither_the_order_of_rows_nor_names_matter(shop, plain):
    shuffled = shop.sample(fraction=1, shuffle=True, seed=1)
    renamed = shuffled.with_columns(customer_id="n" + pl.col("customer_id").str.reverse() + pl.col("customer_id"))
    again = forecast(renamed, 3)
    assert again.table.equals(plain.table)
    assert again.notes == plain.notes


def test_three_times_the_money_is_three_times_the_revenue(shop, plain):
    single, triple = plain.table, forecast(shop.with_columns(pl.col("amount") * 3), 3).table
    for name in single.columns[4:]:
        times = 3 if "revenue" in name else 1
        assert triple[name].to_list() == pytest.approx([times * value for value in single[name]], rel=1e-5), name


def test_without_money_there_are_orders_and_a_note(shop, plain):
    result = forecast(shop.drop("amount"), 3)
    assert result.table["orders"].to_list() == pytest.approx(plain.table["orders"].to_list())
    for name in ("revenue", "revenue_low", "revenue_high", "existing_revenue", "new_revenue"):
        assert result.table[name].null_count() == result.table.height
    assert said(result, "no column with money: revenue is empty")
    assert result.plot.title == "orders by month"


@pytest.mark.parametrize("model", ["bg-nbd", "mbg-nbd", "pareto-nbd", "nbd"])
def test_five_customers_get_finite_figures(model):
    orders = book("""
        who day        amount
        a   2024-01-01 5
        a   2024-01-02 7
        b   2024-01-01 5
        c   2024-02-01 5
        d   2024-03-01 1
        e   2024-03-02 5
    """)
    table = forecast(orders, 3, model=model).table
    for name in table.columns[4:]:
        assert all(math.isfinite(value) and value >= 0 for value in table[name]), name


def test_a_saved_model_gives_the_same_forecast(shop, plain):
    saved = fit(shop, USUAL).metadata["model"]
    assert forecast(shop, 3, saved=saved).table.equals(plain.table)
    with pytest.raises(DataError, match="no model of buying"):
        forecast(shop, 3, saved=fit(shop, ["gamma-gamma"]).metadata["model"])


def test_the_curve_goes_from_what_was_to_what_is_expected(plain):
    plot = plain.plot
    assert plot.title == "revenue by month"
    assert plot.x == ["2025-06", "2025-07", "2025-08", "2025-09", "2025-10", "2025-11", "2026-01", "2026-02", "2026-03"]
    assert [value is None for value in plot.lines["so far"]] == [False] * 6 + [True] * 3
    assert [value is None for value in plot.lines["expected"]] == [True] * 6 + [False] * 3


# --- wrong usage ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"periods": 0}, "a forecast has 1 to 120 months"),
        ({"periods": 41, "period": "quarter"}, "1 to 40 quarters"),
        ({"periods": 401, "period": "day"}, "1 to 400 days"),
        ({"period": "decade"}, "decade"),
        ({"new_customers": -1}, "--new-customers -1"),
        ({"new_customers": math.nan}, "--new-customers nan"),
        ({"level": 95}, "--level 95"),
        ({"cutoff": date(2025, 12, 31)}, "--cutoff 2025-12-31 is outside the log"),
        ({"cutoff": date(2020, 1, 1)}, "is outside the log"),
        ({"model": "gamma-gamma"}, "says what is spent"),
        ({"by": ["channel"], "new_customers": 5}, "--by about groups"),
        ({"by": ["channel"], "backtest": True}, "--by about groups"),
    ],
)
def test_what_cannot_be_asked_for(shop, options, words):
    with pytest.raises(UsageError, match=words):
        forecast(shop, **options)


def test_nobody_bought_again_is_an_error_with_numbers():
    once = frame([{"who": f"c{n}", "day": date(2024, 1, n + 1), "amount": "5"} for n in range(20)])
    with pytest.raises(FitError, match="each of the 20 customers bought on one day only"):
        forecast(once)


# --- as a program ---


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "clvtool", *words],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def test_the_program_gives_the_same_bytes_for_shuffled_rows_and_a_saved_model(tmp_path):
    header, *lines = CDNOW.read_text().splitlines(keepends=True)
    random.Random(3).shuffle(lines)
    shuffled, model = tmp_path / "shuffled.csv", tmp_path / "model.json"
    shuffled.write_text("".join([header, *lines]))
    options = ["--as-of", "1997-09-30", "--periods", "3", "--format", "json"]
    models = ["--model", "bg-nbd", "--model", "gamma-gamma"]
    assert run("fit", str(CDNOW), *models, "--as-of", "1997-09-30", "--save", str(model)).returncode == 0
    direct = run("forecast", str(CDNOW), *options)
    assert direct.returncode == 0, direct.stderr
    whole = json.loads(direct.stdout)
    # a third of the 273 days are 91, and July to September would be 92
    assert [row["period"] for row in whole["rows"]] == ["1997-10", "1997-11", "1997-12", TOTAL]
    assert whole["holdout"]["cutoff"] == "1997-07-31"
    assert run("forecast", str(shuffled), *options).stdout == direct.stdout
    assert run("forecast", str(shuffled), "--load", str(model), *options).stdout == direct.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--periods", "121"], 2),
        (["--cutoff", "1990-01-01"], 2),
        (["--load", "nowhere.json"], 3),
        (["--by", "zodiac"], 4),
    ],
)
def test_bad_input_ends_with_its_code_and_clean_output(words, code):
    done = run("forecast", str(CDNOW), *words)
    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr.startswith(b"error: ")


def test_the_help_names_the_models_that_can_be_asked_for():
    # those of other kinds, and those that say nothing of single periods, are refused
    asked = subprocess.run(
        [sys.executable, "-m", "clvtool", "forecast", "--help"],
        capture_output=True,
        check=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    told = re.search(r"Model of buying: (.*?)\.", asked.stdout.decode()).group(1)
    assert told.split(", ") == ["bg-nbd", "mbg-nbd", "pareto-nbd", "nbd"]
