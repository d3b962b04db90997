"""`fit`: the model that is taken, what is said of it, and the models asked for by name."""

import json
import os
import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from books import CDNOW, cdnow, frame, said

from clvtool.errors import DataError, FitError, UsageError
from clvtool.metrics.choice import Cuts
from clvtool.metrics.fit import compare_models, fit
from clvtool.metrics.orderlog import Policies
from clvtool.models import file, mbg_nbd
from clvtool.models.registry import COMPARED
from clvtool.periods import duration

ROOT = Path(__file__).parents[2]
BOUGHT = Policies(as_of=date(1997, 9, 30))


def shop(people=200, days=300, amount="5"):
    random.seed(12)
    rows = []
    for who in range(people):
        day = random.randrange(days // 2)
        while day < days:
            rows.append({"who": f"c{who}", "day": date(2024, 1, 1) + timedelta(days=day), "amount": amount})
            if random.random() < 0.2:
                break
            day += 1 + int(random.expovariate(1 / 20))
    return rows


def without_money(rows):
    return frame([{name: row[name] for name in ("who", "day")} for row in rows])


@pytest.fixture(scope="module")
def chosen():
    return fit(cdnow(), policies=BOUGHT)


# --- auto ---


def test_the_first_model_is_the_one_taken_and_money_comes_after(chosen):
    names = [model["name"] for model in chosen.extra["models"]]
    taken = {row["model"] for row in chosen.extra["comparison"] if row["chosen"]}
    assert taken == {names[0]}
    assert names == [names[0], "gamma-gamma"]
    assert chosen.table["model"].unique(maintain_order=True).to_list() == names


def test_the_model_taken_is_fitted_to_the_whole_log(chosen):
    # CDNOW, all customers: the papers' figures
    assert chosen.extra["models"][0]["name"] == "bg-nbd"
    assert chosen.extra["models"][0]["log_likelihood"] == pytest.approx(-9582.429207, abs=1e-4)
    assert chosen.table["estimate"][0] == pytest.approx(0.2425945, rel=1e-6)


def test_the_comparison_has_all_models_over_all_and_each_hold_out(chosen):
    rows = chosen.extra["comparison"]
    # 272 days between 1 January and 30 September 1997: hold-outs of 45 days
    cutoffs = ["(all)", "1997-05-18", "1997-07-02", "1997-08-16"]
    assert [row["cutoff"] for row in rows] == [cutoff for cutoff in cutoffs for _ in COMPARED]
    assert {row["model"] for row in rows} == set(COMPARED)
    pooled = rows[:4]
    assert [row["log_score"] for row in pooled] == sorted((row["log_score"] for row in pooled), reverse=True)
    for row in pooled:
        assert row["behind"] == pytest.approx(pooled[0]["log_score"] - row["log_score"], abs=1e-12)
        assert row["calibration"] == row["predicted"] / row["observed"]
        own = [one for one in rows[4:] if one["model"] == row["model"]]
        assert row["observed"] == sum(one["observed"] for one in own)
        assert row["customers"] == sum(one["customers"] for one in own)


def test_what_was_found_is_told(chosen):
    assert said(chosen, "bg-nbd is taken: it has the best log score of 4 models")
    assert "1997-05-18, 1997-07-02 and 1997-08-16, 45 days each" in said(chosen, "is taken")[0]
    assert all(said(chosen, f"{name}: log score") for name in COMPARED)


def test_the_model_file_has_the_model_taken_and_that_of_money(chosen):
    text = chosen.metadata["model"]
    assert list(file.loads(text).fits) == ["bg-nbd", "gamma-gamma"]
    assert len(text.encode()) < 5000


def test_the_convergence_of_each_fit_is_told(chosen):
    for model in chosen.extra["models"]:
        assert model["converged"] is True
        assert 0 <= model["gradient_norm"] < 1e-4
        assert (model["hessian"], model["flat_directions"]) == ("definite", [])
    assert said(chosen, "converged (gradient norm")
    # all customers buy the same: no difference between them, one direction is flat
    flat = fit(frame(shop()), ["gamma-gamma"])
    (model,) = flat.extra["models"]
    assert model["hessian"] == "flat"
    assert model["flat_directions"]
    assert said(flat, f"Hessian flat along {model['flat_directions'][0]}")


def test_without_amounts_there_is_no_model_of_money_and_it_is_said():
    result = fit(without_money(shop()))
    assert [model["name"] for model in result.extra["models"]][1:] == []
    assert said(result, "no amount column: gamma-gamma is left out")


def test_free_orders_only_leave_money_out_and_say_why():
    result = fit(frame(shop(amount="0")))
    assert len(result.extra["models"]) == 1
    assert said(result, "gamma-gamma is left out: Gamma-Gamma needs repeat purchases with a positive value")


def test_a_log_too_short_to_compare_gets_the_usual_model_and_is_told_why():
    # 30 days, and customers come back every few
    rows = [
        {"who": f"c{who}", "day": date(2024, 1, 1) + timedelta(days=day), "amount": "5"}
        for who in range(60)
        for day in range(who % 7, 30, 3 + who % 5)
    ]
    result = fit(frame(rows))
    assert result.extra["models"][0]["name"] == "bg-nbd"
    assert result.extra["comparison"] == []
    assert said(result, "not compared: the log spans 30 days")
    assert said(result, "bg-nbd is taken without a comparison")
    with pytest.raises(DataError, match="spans 30 days"):
        compare_models(frame(rows))


def test_five_customers_get_a_model_and_are_told_why_it_was_not_compared():
    result = fit(frame(shop(5)))
    assert result.extra["models"][0]["converged"]
    assert said(result, "not compared: fewer than 30 customers had bought again")


def test_where_the_best_cannot_be_fitted_to_the_whole_log_the_next_is_taken(monkeypatch):
    # the whole log has 2,357 customers at each cut-off, too: only the length differs
    first = compare_models(cdnow(), policies=Policies()).table["model"][0]
    assert first == "mbg-nbd"
    real = mbg_nbd.fit

    def refuse(histories):
        if int(histories.T.max()) > 500:
            raise FitError("not the whole")
        return real(histories)

    monkeypatch.setattr(mbg_nbd, "fit", refuse)
    result = fit(cdnow())
    assert result.extra["models"][0]["name"] == "pareto-nbd"
    assert said(result, "mbg-nbd is not taken: not the whole")


def test_one_time_buyers_only_have_no_model():
    rows = [{"who": f"c{who}", "day": date(2024, 1, 1) + timedelta(days=who), "amount": "5"} for who in range(90)]
    with pytest.raises(
        FitError, match=r"no model of buying can be fitted: bg-nbd needs repeat purchases.* 90 customers"
    ):
        fit(frame(rows))


# --- cut-offs and names ---


def test_cut_offs_and_length_are_taken_as_given():
    cuts = Cuts((date(1997, 9, 30),), duration("39w"))
    result = compare_models(cdnow(), ["bg-nbd", "nbd"], cuts=cuts)
    assert result.table["cutoff"].to_list() == ["(all)", "(all)", "1997-09-30", "1997-09-30"]
    row = result.table.row(0, named=True)
    # published for these 39 weeks: 1653.408 purchases expected by BG/NBD, 1882 observed
    assert (row["model"], row["observed"], row["customers"]) == ("bg-nbd", 1882, 2357)
    assert row["predicted"] == pytest.approx(1653.408, abs=2e-3)
    assert row["calibration"] == pytest.approx(1653.408 / 1882, abs=1e-5)
    assert row["until_date"] == date(1998, 6, 30)


def test_a_cut_off_outside_the_log_is_refused_with_the_valid_range():
    with pytest.raises(UsageError, match="--cutoff 1999-01-01") as caught:
        fit(cdnow(), cuts=Cuts((date(1999, 1, 1),)))
    assert "from 1997-01-02 to 1998-06-29" in caught.value.hint


def test_names_that_do_not_go_together_are_refused():
    orders = frame(shop(20))
    with pytest.raises(UsageError, match="auto goes alone"):
        fit(orders, ["auto", "nbd"])
    with pytest.raises(UsageError, match="--cutoff and --holdout are for comparing"):
        fit(orders, ["nbd"], cuts=Cuts(holdout=duration("30d")))
    with pytest.raises(UsageError, match="does not know gamma-gamma") as caught:
        compare_models(orders, ["gamma-gamma"])
    assert "bg-nbd" in caught.value.hint
    with pytest.raises(UsageError, match="no model 'bgnbd'"):
        compare_models(orders, ["bgnbd"])


def test_a_model_that_cannot_be_fitted_names_one_that_can(monkeypatch):
    with pytest.raises(FitError, match="needs money") as caught:
        fit(without_money(shop(20)), ["gamma-gamma"])
    assert caught.value.hint.endswith("bg-nbd can be fitted: --model bg-nbd")

    def refuse(_):
        raise FitError("7 of 20 customers are odd")

    monkeypatch.setattr(mbg_nbd, "fit", refuse)
    with pytest.raises(FitError, match="7 of 20") as caught:
        fit(frame(shop(20)), ["mbg-nbd"])
    assert caught.value.hint == "bg-nbd can be fitted: --model bg-nbd"
    single = [{"who": f"c{who}", "day": date(2024, 1, 1), "amount": "5"} for who in range(9)]
    with pytest.raises(FitError, match="9 customers") as caught:
        fit(frame(single), ["nbd"])
    assert "no other model" in caught.value.hint


# --- as a program ---


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "clvtool", *words],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def test_the_same_bytes_whatever_the_order_of_the_rows_and_a_file_that_predicts(tmp_path):
    header, *lines = CDNOW.read_text().splitlines(keepends=True)
    random.Random(2).shuffle(lines)
    shuffled = tmp_path / "shuffled.csv"
    shuffled.write_text("".join([header, *lines]))
    models = [tmp_path / "one.json", tmp_path / "two.json"]
    first, second = (
        run("fit", str(path), "--format", "json", "--save", str(model))
        for path, model in zip((CDNOW, shuffled), models, strict=True)
    )
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert models[0].read_bytes() == models[1].read_bytes()
    best = json.loads(first.stdout)["models"][0]["name"]
    predicted = run("predict", str(CDNOW), "--load", str(models[0]), "--format", "json")
    assert predicted.stdout == run("predict", str(CDNOW), "--model", best, "--format", "json").stdout


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ('"clvtool_model": 1', '"clvtool_model": 9', 4, b"version 9; this clvtool reads versions 1 and 2"),
        ('"unit": "weeks"', '"unit": "months"', 4, b"in months"),
        ('"currency": "EUR"', '"currency": "USD"', 4, b"the orders are in EUR, the model file in USD"),
    ],
)
def test_a_model_file_that_is_not_right_ends_with_4(old, new, code, words, tmp_path):
    header, *lines = CDNOW.read_text().splitlines()
    orders, model = tmp_path / "orders.csv", tmp_path / "model.json"
    orders.write_text("\n".join([header + ",currency", *(line + ",EUR" for line in lines)]) + "\n")
    named = ("--model", "nbd", "--model", "gamma-gamma")
    assert run("fit", str(orders), *named, "--save", str(model)).returncode == 0
    text = model.read_text()
    assert old in text
    model.write_text(text.replace(old, new))
    done = run("predict", str(orders), "--load", str(model))
    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr
    assert b"hint: " in done.stderr


def test_a_comparison_alone_is_a_table_of_its_own():
    done = run("fit", str(CDNOW), "--compare", "--model", "nbd", "--model", "bg-nbd", "--format", "json")
    told = json.loads(done.stdout)
    assert [row["model"] for row in told["rows"] if row["chosen"] and row["cutoff"] == "(all)"] == ["bg-nbd"]
    assert "models" not in told
    done = run("fit", str(CDNOW), "--compare", "--save", "model.json")
    assert (done.returncode, done.stdout) == (2, b"")
