"""`fit --covariate` and `predict --covariate`: from columns of the orders to effects, tests and predictions."""

import json
import os
import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from clvtool.errors import DataError, FitError, UsageError
from clvtool.metrics.effects import effects
from clvtool.metrics.fit import fit
from clvtool.metrics.predict import predict

ROOT = Path(__file__).parents[2]


def shop(customers=400, seed=1, value=lambda number: "web" if number % 5 < 3 else "email"):
    """Return (customer, day, amount, channel): customers of email buy twice as often as those of the web."""
    draw = random.Random(seed)
    rows = []
    for number in range(customers):
        channel = value(number)
        when, end = date(2023, 1, 1) + timedelta(days=draw.randrange(300)), date(2024, 12, 31)
        gap = draw.choice([20, 60, 120]) / (2 if channel == "email" else 1)
        while when < end:
            rows.append((f"c{number:04d}", when, round(draw.uniform(5, 50), 2), channel))
            if draw.random() < 0.15:
                break
            when += timedelta(days=1 + int(draw.expovariate(1 / gap)))
    return rows


def table(rows, **columns):
    orders = pl.DataFrame(rows, schema=["customer_id", "order_date", "amount", "channel"], orient="row")
    return orders.with_columns(pl.col("amount").cast(pl.Decimal(18, 4)), kind=pl.lit("order"), **columns)


def row(result, parameter, model="bg-nbd"):
    (found,) = result.table.filter(parameter=parameter, model=model).to_dicts()
    return found


def said(result, text):
    return [note for note in result.notes if text in note]


@pytest.fixture(scope="module")
def orders():
    return table(shop())


# --- effects ---


def test_the_effect_of_a_channel_is_found_tested_and_told(orders):
    result = effects(orders, ["channel"])
    rate = row(result, "rate: channel=email")
    # twice as often: ln 2 = 0.69 lies in the interval, 0 does not
    assert 0 < rate["ci_low"] < 0.693 < rate["ci_high"]
    assert rate["ratio"] == pytest.approx(2, rel=0.3)
    assert rate["meaning"].startswith(f"buys {rate['ratio']:.2f} times as often as channel=web (")
    leaving = row(result, "leaving: channel=email")
    assert leaving["ci_low"] < 0 < leaving["ci_high"]
    assert leaving["meaning"] == "no clear difference from channel=web"
    (test,) = result.extra["tests"]
    assert (test["columns"], test["degrees_of_freedom"]) == (["channel"], 2)
    assert test["p_value"] < 1e-4
    plain = fit(orders, ["bg-nbd"]).extra["models"][0]
    ours = result.extra["models"][0]
    assert test["statistic"] == pytest.approx(2 * (ours["log_likelihood"] - plain["log_likelihood"]))
    assert ours["covariates"] == [{"column": "channel", "levels": ["web", "email"]}]
    assert said(result, "channel: the reference is web")
    assert said(result, "likelihood-ratio test of channel: chi-square")


def test_the_model_of_money_is_fitted_as_it_is(orders):
    result = effects(orders, ["channel"])
    expected = fit(orders).table.filter(model="gamma-gamma").to_dicts()
    found = result.table.filter(model="gamma-gamma").drop("ratio", "meaning").to_dicts()
    assert found == expected
    without = effects(orders.drop("amount"), ["channel"])
    assert without.table["model"].unique().to_list() == ["bg-nbd"]
    assert said(without, "no amount column")


def test_effects_without_influence_are_no_degrees_of_freedom():
    # everybody bought yesterday, 20, 40, … days apart until then: nobody leaves, so no channel has an effect on that
    last = date(2024, 12, 31)
    rows = [
        (f"c{number:03d}", last - timedelta(days=1 + gap * back), 10.0, ("web", "email")[number % 2])
        for number in range(120)
        for gap in [(10, 20, 40, 80)[number % 4]]
        for back in range(1 + (100 + 4 * number) // gap)
    ]
    result = effects(table([*rows, ("z", last, 1.0, "web")]), ["channel"], ["pareto-nbd"])
    assert said(result, "no customer leaving")
    assert result.extra["tests"][0]["degrees_of_freedom"] == 1
    assert row(result, "leaving: channel=email", "pareto-nbd")["estimate"] is None


def test_each_of_several_columns_is_tested():
    orders = table(shop()).with_columns(
        country=pl.when(pl.col("customer_id").str.slice(2).cast(pl.Int64) % 3 == 0).then(pl.lit("DE")).otherwise(pl.lit("PL"))
    )  # fmt: skip
    result = effects(orders, ["channel", "country"], ["mbg-nbd"])
    tests = {tuple(test["columns"]): test for test in result.extra["tests"]}
    assert list(tests) == [("channel", "country"), ("channel",), ("country",)]
    assert tests["channel", "country"]["degrees_of_freedom"] == 4
    assert tests["channel",]["p_value"] < 1e-4 < tests["country",]["p_value"]
    # the gain of both is that of one and then the other, about the sum of each last
    both = tests["channel",]["statistic"] + tests["country",]["statistic"]
    assert tests["channel", "country"]["statistic"] == pytest.approx(both, abs=3)


@pytest.mark.parametrize("model", ["bg-nbd", "mbg-nbd", "pareto-nbd"])
def test_rows_in_any_order_give_the_same_answer(orders, model):
    result = effects(orders, ["channel"], [model])
    shuffled = effects(orders.sample(fraction=1, shuffle=True, seed=2), ["channel"], [model])
    assert shuffled.table.equals(result.table)
    assert shuffled.metadata == result.metadata


def test_the_value_of_a_customer_is_that_of_the_first_order():
    rows = shop()
    moved = [(who, when, money, "fax" if when > date(2024, 1, 1) else channel) for who, when, money, channel in rows]
    first, later = effects(table(rows), ["channel"]), effects(table(moved), ["channel"])
    assert later.table.equals(first.table)
    assert said(later, "customers have orders with different values of channel: that of the first counts")


# --- levels ---


def test_rare_values_are_put_together_and_told():
    # 360 customers of web and email; 40 of eight values with five each
    def value(number):
        return f"rare{number % 8}" if number >= 360 else ("web", "email")[number % 2]

    result = effects(table(shop(value=value)), ["channel"], ["bg-nbd"])
    assert result.extra["models"][0]["covariates"][0]["levels"] == ["email", "web", "(other)"]
    assert said(result, "channel: (other) is 8 values of 40 customers together")


def test_at_most_ten_values_stand_alone():
    result = effects(table(shop(600, value=lambda number: f"v{number % 15:02d}")), ["channel"], ["bg-nbd"])
    levels = result.extra["models"][0]["covariates"][0]["levels"]
    assert levels == [*(f"v{place:02d}" for place in range(10)), "(other)"]
    assert said(result, "(other) is 5 values of 200 customers")


def test_customers_without_a_value_are_a_level():
    result = effects(table(shop(value=lambda number: None if number % 4 else "web")), ["channel"], ["bg-nbd"])
    assert result.extra["models"][0]["covariates"][0]["levels"] == ["(none)", "web"]


def test_a_value_of_which_nobody_came_back_is_told_and_is_not_the_reference():
    rows, seen = [], set()
    for who, when, money, _ in shop(300):
        once = int(who[1:]) % 3 != 0  # two thirds
        if not once or who not in seen:
            rows.append((who, when, money, "coupon" if once else "web"))
        seen.add(who)
    result = effects(table(rows), ["channel"], ["bg-nbd"])
    assert result.extra["models"][0]["covariates"][0]["levels"] == ["web", "coupon"]
    assert said(result, "none of the 200 customers of channel=coupon bought again")
    found = row(result, "rate: channel=coupon")
    assert [found[name] for name in ("estimate", "std_error", "ci_low", "ci_high", "ratio")] == [None] * 5
    assert found["meaning"] == "not determined by the data: see the notes"
    predicted = predict(table(rows), covariates=["channel"]).table
    assert predicted["expected_orders"].is_finite().all()


# --- bad input ---


@pytest.mark.parametrize(
    ("columns", "value", "error", "words", "hint"),
    [
        (["chanel"], None, DataError, "there is no column 'chanel'", "did you mean channel"),
        (["channel"], lambda _: "web", DataError, "channel is the same for all customers", "leave it out"),
        (["channel"], lambda number: f"v{number}", DataError, "channel has 400 values and none", "fewer groups"),
        (["amount"], None, UsageError, "--covariate amount tells no customers apart", "channel or country"),
        (["channel", "copy"], None, DataError, "channel and copy cannot be told apart", "leave one of them out"),
    ],
)
def test_columns_that_make_no_covariate_are_refused(columns, value, error, words, hint):
    orders = table(shop() if value is None else shop(value=value), copy=pl.col("channel").str.to_uppercase())
    for answer in (lambda: effects(orders, columns), lambda: predict(orders, covariates=columns)):
        with pytest.raises(error, match=words) as caught:
            answer()
        assert hint in caught.value.hint


@pytest.mark.parametrize(("model", "words"), [("nbd", "nbd takes no --covariate"), ("auto", "needs a model by name")])
def test_a_model_that_takes_no_covariates_is_refused(orders, model, words):
    for answer in (
        lambda: effects(orders, ["channel"], [model]),
        lambda: predict(orders, covariates=["channel"], model=model),
    ):
        with pytest.raises(UsageError, match=words) as caught:
            answer()
        assert "bg-nbd, mbg-nbd, pareto-nbd" in caught.value.hint


def test_customers_of_one_purchase_have_no_effects():
    rows = {who: (who, when, money, channel) for who, when, money, channel in reversed(shop())}
    with pytest.raises(FitError, match="bought on one day only"):
        effects(table(list(rows.values())), ["channel"])


# --- predictions ---


def test_who_buys_more_often_is_expected_to():
    # two who came on the last day: nothing is known of them but the channel. Email buys about twice as often, and so
    # has left after fewer days: in a year that is more than the web, and less than twice
    last = date(2024, 12, 31)
    orders = table([*shop(), ("new1", last, 20.0, "web"), ("new2", last, 20.0, "email")])
    found = dict(predict(orders, covariates=["channel"]).table.select("customer_id", "expected_orders").iter_rows())
    assert 1.1 < found["new2"] / found["new1"] < 2
    plain = dict(predict(orders).table.select("customer_id", "expected_orders").iter_rows())
    assert plain["new1"] == plain["new2"]
    assert found["new1"] < plain["new1"] < found["new2"]


def test_a_saved_model_gives_the_same_answer_as_the_fit_and_asks_for_no_column(orders):
    saved = effects(orders, ["channel"]).metadata["model"]
    assert len(saved.encode()) < 5000
    fresh = predict(orders, covariates=["channel"])
    loaded = predict(orders, saved=saved)
    assert loaded.table.equals(fresh.table)
    assert predict(orders, saved=saved, covariates=["channel"]).table.equals(fresh.table)
    two = orders.with_columns(
        country=pl.when(pl.col("customer_id") < "c0100").then(pl.lit("DE")).otherwise(pl.lit("PL"))
    )
    both = effects(two, ["country", "channel"]).metadata["model"]
    in_order, swapped = (predict(two, saved=both, covariates=names).table for names in ((), ["channel", "country"]))
    assert swapped.equals(in_order)
    with pytest.raises(UsageError, match="--covariate copy: bg-nbd of the model file was fitted with channel"):
        predict(orders.with_columns(copy="channel"), saved=saved, covariates=["copy"])
    with pytest.raises(DataError, match="no column 'channel'"):
        predict(orders.drop("channel"), saved=saved)
    plain = fit(orders).metadata["model"]
    with pytest.raises(UsageError, match="without covariates"):
        predict(orders, saved=plain, covariates=["channel"])


def test_a_value_that_the_model_does_not_know_is_other_or_an_error(orders):
    saved = effects(orders, ["channel"]).metadata["model"]
    fax = orders.with_columns(
        channel=pl.when(pl.col("customer_id") == "c0003").then(pl.lit("fax")).otherwise("channel")
    )
    with pytest.raises(DataError, match="channel has a value that the model was not fitted to"):
        predict(fax, saved=saved)
    knows = effects(table(shop(value=lambda number: f"rare{number}" if number < 40 else "web")), ["channel"])
    assert json.loads(knows.metadata["model"])["models"]["bg-nbd"]["covariates"] == {"channel": ["web", "(other)"]}
    fax = orders.with_columns(
        channel=pl.when(pl.col("customer_id") == "c0003").then(pl.lit("fax")).otherwise(pl.lit("web"))
    )
    result = predict(fax, saved=knows.metadata["model"])
    assert said(result, "1 customers have a value of channel that is (other) to the model")


# --- as a program ---


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "clvtool", *words],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def test_a_model_of_another_process_gives_the_same_bytes(orders, tmp_path):
    path, model = tmp_path / "orders.csv", tmp_path / "model.json"
    orders.drop("kind").with_columns(country=pl.lit("PL")).write_csv(path)
    done = run("fit", str(path), "--covariate", "channel", "--save", str(model), "--format", "json")
    assert done.returncode == 0
    content = json.loads(done.stdout)
    assert content["tests"][0]["degrees_of_freedom"] == 2
    assert [one["parameter"] for one in content["rows"]][4:6] == ["rate: channel=email", "leaving: channel=email"]
    direct = run("predict", str(path), "--covariate", "channel")
    assert direct.returncode == 0
    assert run("predict", str(path), "--load", str(model)).stdout == direct.stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("fit", "--covariate", "chanel"), 4, b"did you mean channel?"),
        (("fit", "--covariate", "country"), 4, b"country is the same for all customers"),
        (("fit", "--covariate", "channel", "--model", "nbd"), 2, b"takes no --covariate"),
        (("fit", "--covariate", "channel", "--compare"), 2, b"not with a comparison"),
        (("predict", "--covariate", "order_date"), 2, b"tells no customers apart"),
    ],
)
def test_a_wrong_covariate_ends_in_one_sentence(orders, tmp_path, words, code, message):
    path = tmp_path / "orders.csv"
    orders.drop("kind").with_columns(country=pl.lit("PL")).write_csv(path)
    done = run(words[0], str(path), *words[1:])
    assert (done.returncode, done.stdout) == (code, b"")
    assert message in done.stderr
