import json
import math
import os
import random
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import mpmath
import polars as pl
import pytest

from clvtool.errors import DataError, FitError, UsageError
from clvtool.ingest.read import read_orders
from clvtool.metrics.expected import REASONS
from clvtool.metrics.fit import fit
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.predict import COLUMNS, predict
from clvtool.metrics.totals import Grouping
from clvtool.metrics.valuation import Valuation
from clvtool.periods import duration
from clvtool.report.table import lines

ROOT = Path(__file__).parents[2]
CDNOW = ROOT / "sample_data" / "cdnow.csv"
CALIBRATION = Policies(as_of=date(1997, 9, 30))
WEEKS_39 = Valuation(horizon=duration("39w"), discount=0.0)


@pytest.fixture(scope="module")
def cdnow():
    return read_orders([str(CDNOW)]).table


def table(rows, **columns):
    """Return ORDERS from (customer, day, amount): an amount below 0 is a refund event."""
    orders = pl.DataFrame(rows, schema=["customer_id", "order_date", "amount"], orient="row")
    return orders.with_columns(
        pl.col("order_date").str.to_date(),
        pl.col("amount").cast(pl.Decimal(18, 4)),
        kind=pl.when(pl.col("amount") < 0).then(pl.lit("refund")).otherwise(pl.lit("order")),
        **columns,
    )


def shop(customers=60, seed=1):
    """Return (customer, day, amount) of a small shop in which people differ."""
    draw = random.Random(seed)
    rows = []
    for number in range(customers):
        when, end = date(2023, 1, 1) + timedelta(days=draw.randrange(300)), date(2024, 12, 31)
        gap, money = draw.choice([15, 40, 90]), draw.choice([10, 20, 50])
        while when < end:
            rows.append((f"c{number:03d}", when.isoformat(), round(draw.uniform(0.5, 1.5) * money, 2)))
            if draw.random() < 0.2:
                break
            when += timedelta(days=1 + int(draw.expovariate(1 / gap)))
    return rows


def one(result, customer):
    return result.table.filter(pl.col("customer_id") == customer).to_dicts()[0]


# --- the CDNOW sample, whose figures are published ---


@pytest.mark.parametrize(("model", "total"), [("bg-nbd", 1653.408), ("mbg-nbd", 1576.7283)])
def test_purchases_expected_in_the_hold_out_period(cdnow, model, total):
    # 39 weeks to 1998-06-30; observed were 1882
    result = predict(cdnow, WEEKS_39, CALIBRATION, model=model)
    assert result.table.height == 2357
    assert result.table["expected_orders"].sum() == pytest.approx(total, abs=2e-3)


def test_expected_money_is_that_of_note_025(cdnow):
    # the first ten customers of the note, whose parameters were stopped a little early
    result = predict(cdnow, WEEKS_39, CALIBRATION)
    values = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    found = result.table.sort("customer_id")["expected_order_value"].head(10).to_list()
    assert found == pytest.approx(values, rel=1e-3)


def test_a_customer_by_the_textbook_formulas(cdnow):
    # every figure of one customer from the printed formulas with 40 digits, from the fitted parameters
    as_of, horizon = date(1997, 9, 30), 39
    fits = json.loads(fit(cdnow, policies=CALIBRATION).metadata["model"])["models"]
    spent = {}
    for row in cdnow.filter(pl.col("order_date") <= as_of).iter_rows(named=True):
        days = spent.setdefault(row["customer_id"], {})
        days[row["order_date"]] = days.get(row["order_date"], 0) + float(row["amount"])
    customer, days = next((name, days) for name, days in sorted(spent.items()) if len(days) == 4)
    first, last = min(days), max(days)
    with mpmath.workdps(40):
        r, alpha, a, b = map(mpmath.mpf, fits["bg-nbd"]["parameters"].values())
        p, q, gamma = map(mpmath.mpf, fits["gamma-gamma"]["parameters"].values())
        x, t_x, T = 3, mpmath.mpf((last - first).days) / 7, mpmath.mpf((as_of - first).days) / 7
        alive = 1 / (1 + a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x))

        def expected(t):
            z = t / (alpha + T + t)
            bracket = 1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * mpmath.hyp2f1(r + x, b + x, a + b + x - 1, z)
            return (a + b + x - 1) / (a - 1) * bracket * alive

        none = 1 - alive + alive * ((alpha + T) / (alpha + T + horizon)) ** (r + x)
        later = mpmath.mpf(sum(days.values()) - days[first])
        value = p * (gamma + later) / (p * x + q - 1)
        delta = mpmath.log(mpmath.mpf("1.15")) * 7 / mpmath.mpf("365.25")
        discounted = mpmath.exp(-delta * horizon) * expected(horizon) + delta * mpmath.quad(
            lambda t: mpmath.exp(-delta * t) * expected(t), [0, 1, 10, horizon]
        )
    given = Valuation(horizon=duration("39w"), discount=0.15, margin=0.4)
    row = one(predict(cdnow, given, CALIBRATION), customer)
    assert (row["first_order_date"], row["last_order_date"]) == (first, last)
    assert row["historic_value"] == round(Decimal(sum(days.values())), 4)  # exact, to the last ten-thousandth
    assert row["p_alive"] == pytest.approx(float(alive), rel=1e-12)
    assert row["p_no_purchase"] == pytest.approx(float(none), rel=1e-12)
    assert row["expected_orders"] == pytest.approx(float(expected(mpmath.mpf(horizon))), rel=1e-10)
    assert row["expected_order_value"] == pytest.approx(float(value), rel=1e-12)
    assert row["clv"] == pytest.approx(float(discounted * value) * 0.4, rel=1e-10)
    assert row["reason"] is None


# --- properties ---


def test_the_columns_and_their_order():
    result = predict(table(shop()))
    assert result.table.columns == list(COLUMNS)
    assert result.table["clv"].is_sorted(descending=True)
    assert result.table["customer_id"].n_unique() == result.table.height == 60
    for name in ("p_alive", "p_no_purchase"):
        assert result.table[name].is_between(0, 1).all()


def test_the_same_rows_in_any_order_give_the_same_table():
    rows = shop()
    shuffled = rows[:]
    random.Random(5).shuffle(shuffled)
    assert predict(table(rows)).table.equals(predict(table(shuffled)).table)


def test_twice_the_money_is_twice_the_value():
    rows = shop()
    single = predict(table(rows)).table
    double = predict(table([(who, day, 2 * money) for who, day, money in rows])).table
    assert double["customer_id"].to_list() == single["customer_id"].to_list()
    assert double["clv"].to_list() == pytest.approx([2 * value for value in single["clv"]], rel=1e-6)
    assert double["expected_orders"].to_list() == single["expected_orders"].to_list()


def test_a_margin_by_costs_is_that_of_all_customers():
    # cost is a quarter of each amount: margin 0.75
    rows = shop()
    plain = predict(table(rows)).table
    with_cost = predict(table(rows, cost=(pl.col("amount").cast(pl.Float64) / 4).cast(pl.Decimal(18, 4)))).table
    assert with_cost["clv"].to_list() == pytest.approx([0.75 * value for value in plain["clv"]], rel=1e-4)


def test_a_negative_margin_gives_a_negative_value_with_its_reason():
    result = predict(table(shop()), Valuation(margin=-0.5))
    assert (result.table["clv"] <= 0).all()
    assert set(result.table["reason"]) == {"negative_margin"}
    assert f"negative_margin: {REASONS['negative_margin']}" in result.notes


def test_who_got_back_more_than_was_paid_has_a_reason_and_no_negative_value():
    rows = [*shop(), ("bad", "2024-01-05", 10.0), ("bad", "2024-03-05", 10.0), ("bad", "2024-03-06", -50.0)]
    row = one(predict(table(rows)), "bad")
    assert row["historic_value"] == -30
    assert row["clv"] >= 0
    assert row["reason"] == "refunded"


def test_without_money_there_are_purchases_and_the_reason():
    result = predict(table(shop()).drop("amount"))
    assert result.table["clv"].null_count() == result.table["historic_value"].null_count() == 60
    assert result.table["expected_orders"].is_finite().all()
    assert set(result.table["reason"]) == {"no_amount"}


@pytest.mark.parametrize("by", [(), ("channel",)])
def test_sums_without_money_are_of_purchases_alone(by):
    # one row or several: what is empty is empty in each
    result = predict(table(shop(), channel=pl.lit("web")).drop("amount"), grouping=Grouping(by))
    assert result.table.height == 1 + len(by)
    assert set(result.table["reason"]) == {"no_amount"}
    assert result.table.select("historic_value", "clv", "clv_low", "clv_high").null_count().row(0) == (1 + len(by),) * 4
    assert result.table["expected_orders_low"].null_count() == 0


@pytest.mark.parametrize("grouping", [None, Grouping(("channel",))])
def test_a_narrow_terminal_has_a_table_that_begins_with_what_is_used(grouping):
    # all 15 columns would be a block of lines for each customer; the empty reasons give way to the others
    result = predict(table(shop(), channel=pl.lit("web")), grouping=grouping)
    head = [line for line, _ in lines(result_on_screen(result), 80)][3].split()
    first = ["customer_id"] if grouping is None else ["channel", "customers"]
    assert head[: len(first) + 3] == [*first, "clv", "clv_low", "clv_high"]
    assert "expected_orders" in head
    assert sorted(result.screen.columns) == sorted(result.table.columns)


def test_where_figures_are_missing_the_reason_stands_on_a_narrow_terminal():
    result = predict(table(shop()).drop("amount"))
    head = [line for line, _ in lines(result_on_screen(result), 80)][3].split()
    assert head[:3] == ["customer_id", "p_alive", "reason"]


def result_on_screen(result):
    return replace(result, table=result.screen)


def test_repeats_without_value_leave_the_money_open():
    # everybody's purchases after the first are worth nothing: there is nothing to fit the money to
    first = {}
    rows = [(who, day, money if first.setdefault(who, day) == day else 0.0) for who, day, money in shop()]
    result = predict(table(rows))
    assert set(result.table["reason"]) == {"no_money_model"}
    assert any("figures of expected money are empty: Gamma-Gamma needs" in note for note in result.notes)


@pytest.mark.parametrize("model", ["bg-nbd", "mbg-nbd", "pareto-nbd", "nbd"])
def test_five_customers_get_finite_figures(model):
    rows = [
        ("a", "2024-01-01", 5.0),
        ("a", "2024-01-02", 7.0),
        ("b", "2024-01-01", 5.0),
        ("c", "2024-02-01", 5.0),
        ("d", "2024-03-01", 1.0),
        ("e", "2024-03-02", 5.0),  # the as-of day itself: T = 0
    ]
    found = predict(table(rows), model=model).table
    for name in ("p_alive", "p_no_purchase", "expected_orders", "expected_order_value", "clv"):
        assert found[name].is_finite().all(), name
        assert (found[name] >= 0).all()


def test_a_customer_of_every_day_for_years_gets_finite_figures():
    start = date(2020, 1, 1)
    rows = [*shop(), *(("daily", (start + timedelta(days=n)).isoformat(), 3.0) for n in range(1800))]
    row = one(predict(table(rows)), "daily")
    assert row["orders"] == 1800
    assert all(math.isfinite(row[name]) for name in ("p_alive", "p_no_purchase", "expected_orders", "clv"))


def test_few_who_came_back_and_a_horizon_beyond_the_log_are_told():
    # two of three bought again; the log goes from 1 January to 9 February, 40 days
    rows = [("a", "2024-01-01", 5.0), ("a", "2024-01-20", 7.0), ("b", "2024-01-03", 5.0), ("b", "2024-02-09", 6.0)]
    rows.append(("c", "2024-01-05", 9.0))
    said = "\n".join(predict(table(rows)).notes)
    assert "bg-nbd: only 2 of 3 customers bought again: the parameters mean little" in said
    assert "the horizon of 12 months is longer than the log (40 days): extrapolated" in said
    assert "only 2 of 3" in "\n".join(fit(table(rows), ["bg-nbd"]).notes)
    # 60 customers over two years need neither
    said = "\n".join(predict(table(shop())).notes)
    assert "mean little" not in said
    assert "extrapolated" not in said


def test_nobody_bought_again_is_an_error_with_numbers():
    rows = [(f"c{n}", f"2024-01-{n + 1:02d}", 5.0) for n in range(20)]
    with pytest.raises(FitError, match="each of the 20 customers bought on one day only"):
        predict(table(rows))


# --- saved models ---


def saved_model(orders, **options):
    return fit(orders, **options).metadata["model"]


def test_a_saved_model_gives_the_same_answer_as_the_fit():
    orders = table(shop())
    fresh, loaded = predict(orders), predict(orders, saved=saved_model(orders))
    assert loaded.table.equals(fresh.table)
    assert loaded.notes == fresh.notes


def test_other_data_than_those_of_the_model_are_told():
    result = predict(table(shop(seed=2)), saved=saved_model(table(shop())))
    assert any("fitted to other data, up to 2024" in note for note in result.notes)


def test_another_currency_is_refused():
    orders = table(shop())
    saved = saved_model(orders, currency="EUR")
    with pytest.raises(DataError, match="the orders are in PLN, the model file in EUR"):
        predict(orders, saved=saved, currency="PLN")
    assert any("names its currency" in note for note in predict(orders, saved=saved).notes)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"clvtool_model": 1', '"clvtool_model": 3', "version 3; this clvtool reads versions 1 and 2"),
        ('"unit": "weeks"', '"unit": "days"', "bg-nbd in days, and this clvtool predicts in weeks"),
        ('"alpha"', '"beta"', "parameters of bg-nbd are r, alpha, a, b"),
        ('"observed_mean"', '"mean"', "observed_mean"),
    ],
)
def test_a_model_of_another_version_or_unit_is_refused(old, new, words):
    orders = table(shop())
    with pytest.raises(DataError, match=words) as caught:
        predict(orders, saved=saved_model(orders).replace(old, new))
    assert caught.value.exit_code == 4


def test_the_model_of_a_file_is_chosen_by_name_where_there_are_several():
    orders = table(shop())
    saved = saved_model(orders, names=["bg-nbd", "mbg-nbd"])
    with pytest.raises(UsageError, match="several models of buying: bg-nbd, mbg-nbd"):
        predict(orders, saved=saved)
    chosen = predict(orders, saved=saved, model="mbg-nbd").table
    fitted = predict(orders, model="mbg-nbd").table
    assert sorted(chosen["p_alive"]) == sorted(fitted["p_alive"])
    assert set(chosen["reason"]) == {"no_money_model"}
    with pytest.raises(UsageError, match="has no pareto-nbd"):
        predict(orders, saved=saved, model="pareto-nbd")


def test_a_model_of_money_says_nothing_about_buying():
    orders = table(shop())
    with pytest.raises(UsageError, match="says what is spent"):
        predict(orders, model="gamma-gamma")
    with pytest.raises(DataError, match="no model of buying"):
        predict(orders, saved=saved_model(orders, names=["gamma-gamma"]))


# --- as a program ---


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "clvtool", *words],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def test_shuffled_rows_and_a_model_of_another_process_give_the_same_bytes(tmp_path):
    header, *lines = CDNOW.read_text().splitlines(keepends=True)
    random.Random(3).shuffle(lines)
    shuffled, model = tmp_path / "shuffled.csv", tmp_path / "model.json"
    shuffled.write_text("".join([header, *lines]))
    named = ("--model", "bg-nbd", "--model", "gamma-gamma")
    assert run("fit", str(CDNOW), *named, "--save", str(model)).returncode == 0
    direct = run("predict", str(CDNOW), "--format", "json")
    assert direct.returncode == 0
    assert run("predict", str(shuffled), "--format", "json").stdout == direct.stdout
    assert run("predict", str(shuffled), "--format", "json", "--load", str(model)).stdout == direct.stdout


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, 3, b"does not exist"),
        (b"\xff\xfe\x00", 3, b"not text"),
        (b"customer,day\n", 4, b"not JSON"),
        (b"[" * 100_000, 4, b"not JSON"),
        (b'{"clvtool_model": 9}', 4, b"version 9"),
        (b" " * (1 << 21), 3, b"larger than"),
    ],
)
def test_a_file_that_is_no_model_is_told_in_one_sentence(content, code, words, tmp_path):
    path = tmp_path / "model.json"
    if content is not None:
        path.write_bytes(content)
    done = run("predict", str(CDNOW), "--load", str(path))
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--level", "95"], 2, b"--level 95 is not between 0 and 1"),
        (["--by", "channel"], 2, b"--by makes sums over groups: add --total"),
        (["--cohort", "month"], 2, b"--cohort makes sums over groups: add --total"),
        (["--total", "--cohort", "fortnight"], 2, b"--cohort"),
        (["--residual-lifetime", "--discount", "0"], 2, b"--residual-lifetime needs a --discount above 0"),
        (["--total", "--by", "nothing"], 4, b"there is no column 'nothing'"),
    ],
)
def test_what_cannot_be_asked_for_is_told_in_one_sentence(words, code, said):
    done = run("predict", str(CDNOW), *words)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == b""


def test_sums_of_a_model_of_another_process_are_the_same_bytes(tmp_path):
    model = tmp_path / "model.json"
    named = ("--model", "bg-nbd", "--model", "gamma-gamma")
    assert run("fit", str(CDNOW), *named, "--save", str(model)).returncode == 0
    asked = ("--total", "--cohort", "month", "--residual-lifetime", "--format", "csv")
    direct = run("predict", str(CDNOW), *asked)
    assert direct.returncode == 0
    assert run("predict", str(CDNOW), *asked, "--load", str(model)).stdout == direct.stdout


def test_a_model_is_chosen_by_fit_alone():
    with pytest.raises(UsageError, match="only fit chooses a model") as caught:
        predict(table(shop()), model="auto")
    assert "--load" in (caught.value.hint or "")
