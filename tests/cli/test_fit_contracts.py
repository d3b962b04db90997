"""`clvtool fit` on retention tables."""

import csv
import io
import json
from pathlib import Path

import pytest

TABLE = str(Path(__file__).parents[2] / "sample_data" / "retention.csv")


def rows(out):
    return list(csv.DictReader(io.StringIO(out)))


def test_the_paper_s_projection_for_year_12(clvtool):
    code, out, err = clvtool("fit", TABLE, "--model", "sbg", "--by", "segment", "--curve", "--periods", "12")
    assert (code, err) == (0, "")
    last = [row for row in rows(out) if row["period"] == "12"]
    assert {row["segment"]: round(float(row["survival_share"]), 3) for row in last} == {
        "high end": 0.378,
        "regular": 0.17,
    }
    assert [row["observed_share"] for row in last] == ["", ""]


def test_parameters_have_errors_where_the_number_of_customers_is_known(clvtool):
    words = ("fit", TABLE, "--model", "sbg", "--by", "segment")
    known = rows(clvtool(*words, "--customers", "1000")[1])
    assert [round(float(row["estimate"]), 3) for row in known] == [0.668, 3.806, 0.704, 1.182]
    # four times the customers, half the error
    more = rows(clvtool(*words, "--customers", "4000")[1])
    for row, half in zip(known, more, strict=True):
        assert float(half["std_error"]) == pytest.approx(float(row["std_error"]) / 2, rel=1e-6)
        assert float(half["estimate"]) == pytest.approx(float(row["estimate"]), rel=1e-9)
    whole = json.loads(clvtool(*words, "--format", "json")[1])
    assert [row["std_error"] for row in whole["rows"]] == [None] * 4
    assert "no standard errors" in whole["notes"][0]
    assert whole["models"][0]["log_likelihood"] == pytest.approx(-1611.1581, abs=1e-4)


def test_both_models_side_by_side_and_their_curves_in_json(clvtool):
    whole = json.loads(
        clvtool("fit", TABLE, "--model", "sbg", "--model", "bdw", "--by", "segment", "--format", "json")[1]
    )
    assert [(one["group"], one["name"]) for one in whole["models"]] == [
        ("high end", "sbg"), ("high end", "bdw"), ("regular", "sbg"), ("regular", "bdw")
    ]  # fmt: skip
    assert len(whole["curve"]) == 4 * 8
    assert whole["curve"][1]["observed_share"] == pytest.approx(0.869)


def test_cohorts_of_different_age_are_fitted_together(clvtool, here):
    # 100 and 50 customers; of both together 150 → 120 in the first month, of the first alone 80 → 72
    (here / "t.csv").write_text("start,month,alive\n1,0,100\n1,1,80\n1,2,72\n2,0,50\n2,1,40\n")
    whole = json.loads(clvtool("fit", "t.csv", "--model", "sbg", "--cohort", "start", "--format", "json")[1])
    assert whole["models"][0]["n_customers"] == 150
    assert [row["observed_share"] for row in whole["curve"]] == pytest.approx([1, 0.8, 0.72])
    # two rates, two parameters: the curve goes through them
    assert [row["survival_share"] for row in whole["curve"]] == pytest.approx([1, 0.8, 0.72], rel=1e-6)


def test_a_model_file_is_written_and_predict_says_what_it_is_not(clvtool, here):
    (here / "t.csv").write_text("month,alive\n0,100\n1,80\n2,70\n3,65\n")
    (here / "o.csv").write_text("customer_id,order_date,amount\na,2024-01-05,5\na,2024-02-05,5\nb,2024-02-05,5\n")
    assert clvtool("fit", "t.csv", "--model", "sbg", "--save", "m.json")[0] == 0
    assert (here / "m.json").stat().st_size < 5000
    code, out, err = clvtool("predict", "o.csv", "--load", "m.json")
    assert (code, out) == (4, "")
    assert "no model of buying" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["predict", "o.csv", "--model", "sbg"], 2, "--model sbg is fitted to a retention table"),
        (["predict", "o.csv", "--model", "gamma-gamma"], 2, "says what is spent, not whether somebody buys"),
        (["fit", "t.csv", "--model", "sbg", "--model", "bg-nbd"], 2, "the other models read orders"),
        (["fit", "o.csv", "--by", "amount"], 2, "--by is for retention tables"),
        (["fit", "o.csv", "--model", "bg-nbd", "--curve"], 2, "--curve is for retention tables"),
        (["fit", "t.csv", "--model", "sbg", "--as-of", "2024-01-01"], 2, "about orders"),
        (["fit", "t.csv", "--model", "sbg", "--strict"], 2, "about orders"),
        (["fit", "t.csv", "--model", "sbg", "--tz", "Europe/Warsaw"], 2, "--tz says how to read orders"),
        (["fit", "t.csv", "--model", "sbg", "--customers", "5"], 2, "--customers is for tables of shares"),
        (["fit", "t.csv", "--model", "sbg", "--periods", "0"], 2, "--periods 0 is not between"),
        (["fit", "t.csv", "--model", "sbg", "--by", "month", "--save", "m.json"], 2, "--save with --by"),
        (["fit", "t.csv", "--model", "sbg", "--discount", "0"], 2, "--discount 0 is not a rate above 0"),
        (["fit", "x.csv", "--model", "sbg", "--discount", "0.1"], 2, "how long a period is, is not known"),
        (["fit", "o.csv", "--model", "sbg"], 4, "this is no retention table"),
        (["fit", "short.csv", "--model", "bdw"], 5, "bdw has 3 parameters and needs as many periods"),
    ],
)
def test_what_does_not_go_together_is_said(clvtool, here, words, code, said):
    (here / "t.csv").write_text("month,alive\n0,100\n1,80\n2,70\n")
    (here / "x.csv").write_text("period,alive\n0,100\n1,80\n2,70\n")
    (here / "short.csv").write_text("month,alive\n0,100\n1,80\n2,70\n")
    (here / "o.csv").write_text("customer_id,order_date,amount\na,2024-01-05,5\n")
    got, out, err = clvtool(*words)
    assert (got, out) == (code, "")
    assert said in err
    assert "hint: " in err


def test_what_customers_are_still_worth_is_discounted_by_the_year(clvtool, here):
    # half leave in every month: .5 + .5²/(1+m) + … = .5/(1 − .5/(1+m)), m = 1.1^(1/12) − 1
    (here / "t.csv").write_text("month,alive\n0,1024\n1,512\n2,256\n3,128\n4,64\n")
    monthly = 1.1 ** (1 / 12) - 1
    for words in (["t.csv"], ["x.csv", "--period", "month"]):
        (here / "x.csv").write_text((here / "t.csv").read_text().replace("month", "period"))
        code, out, _ = clvtool("fit", *words, "--model", "sbg", "--curve", "--discount", "0.10")
        assert code == 0
        worth = [float(row["residual_periods"]) for row in rows(out)]
        assert worth == pytest.approx([0.5 / (1 - 0.5 / (1 + monthly))] * 5, rel=1e-5)


def test_what_was_observed_is_shown_as_it_was(clvtool, here):
    (here / "t.csv").write_text("month,alive\n0,1000\n1,900\n2,800\n3,0\n4,0\n")
    shown = rows(clvtool("fit", "t.csv", "--model", "sbg", "--curve")[1])
    assert [row["observed_share"] for row in shown] == ["1.0", "0.9", "0.8", "0.0", "0.0"]
