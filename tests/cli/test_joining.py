"""Surveys beside orders, beside money of their own, and beside earlier surveys: what the options give together."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ORDERS = """Order ID,Customer ID,Date,Total,Channel
1,ann,2025-01-05,100,web
2,ann,2025-03-01,50,web
3,bob,2025-01-06,20,shop
4,cid,2025-04-30,10,web
"""
SURVEY = """Customer ID;Survey Date;NPS;CSAT;CES;Ticket;Comment
ann;2025-02-01;10;5;1;30,00;fine
bob;2025-02-02;2;1;5;-4,00;late
eve;2025-02-03;9;4;2;8,00;
"""


@pytest.fixture(autouse=True)
def files(here):
    (here / "orders.csv").write_text(ORDERS)
    (here / "survey.csv").write_text(SURVEY)
    return here


@pytest.fixture
def rows(clvtool):
    def run(*words: str) -> list[dict]:
        code, out, err = clvtool(*words)
        assert code == 0, err
        return list(csv.DictReader(io.StringIO(out)))

    return run


def piped(stdin: str, *words: str) -> list[dict]:
    """Run the program as a process with something on standard input."""
    command, env = [sys.executable, "-m", "clvtool", *words], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=stdin.encode(), capture_output=True, env=env, check=True)
    return list(csv.DictReader(io.StringIO(done.stdout.decode())))


@pytest.mark.parametrize(("name", "best", "worst"), [("nps", 1, 3), ("csat", 1, 2), ("ces", 1, 2)])
def test_every_score_can_be_joined(rows, name, best, worst):
    found = rows(name, "survey.csv", "--orders", "orders.csv")
    assert [float(found[place]["revenue"]) for place in (best, worst)] == [150, 20]
    assert found[-1]["group"] == "(no answer)"
    assert float(found[-1]["revenue"]) == 10


def test_converted_orders_say_the_same(rows):
    rows("convert", "orders.csv", "-o", "orders.parquet")
    assert rows("nps", "survey.csv", "--orders", "orders.parquet") == rows(
        "nps", "survey.csv", "--orders", "orders.csv"
    )


def test_one_of_both_may_come_through_a_pipe(rows):
    found = rows("nps", "survey.csv", "--orders", "orders.csv")
    assert piped(SURVEY, "nps", "-", "--orders", "orders.csv") == found
    assert piped(ORDERS, "nps", "survey.csv", "--orders", "-") == found


def test_the_account_of_both_files_is_told(clvtool):
    told = json.loads(clvtool("nps", "survey.csv", "--orders", "orders.csv", "--format", "json")[1])
    assert "orders: 4 rows read, 4 used" in told["notes"]
    assert (told["matched"]["respondents_unmatched"], told["matched"]["customers_unmatched"]) == (1, 1)


def test_money_of_the_survey_itself(rows):
    found = rows("nps", "survey.csv", "--value", "ticket")
    assert [(row["group"], float(row["value"])) for row in found if row["value"]] == [
        ("(answered)", 34 / 3),
        ("promoters", 19.0),
        ("detractors", -4.0),
    ]


def test_lists_tiers_and_bases(rows):
    listed = rows("nps", "survey.csv", "--orders", "orders.csv", "--list", "promoters")
    assert [(row["customer_id"], row["revenue"]) for row in listed] == [("eve", ""), ("ann", "150.0000")]
    tiers = rows("nps", "survey.csv", "--orders", "orders.csv", "--tiers", "100,50")
    assert [(row["tier"], row["n"]) for row in tiers] == [("(total)", "2"), ("gold", "1"), ("bronze", "1")]
    base = rows("nps", "survey.csv", "--base", "orders.csv", "--by", "channel")
    assert [(row["Channel"], row["customers"], row["n"]) for row in base[2:]] == [("shop", "1", "1"), ("web", "2", "1")]


@pytest.mark.parametrize("end", ["csv", "json", "ndjson", "parquet"])
def test_an_earlier_result_or_survey_says_the_same(rows, end):
    rows("csat", "survey.csv", "-o", f"earlier.{end}")
    from_result = rows("csat", "survey.csv", "--previous", f"earlier.{end}")
    assert from_result == rows("csat", "survey.csv", "--previous", "survey.csv")
    assert (from_result[0]["delta_csat_share"], from_result[0]["p_previous"]) == ("0.0", "1.0")


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["--tiers", "3"], 2, "--orders"),
        (["--as-of", "2025-01-01"], 2, "--orders"),
        (["--orders", "orders.csv", "--value", "Ticket"], 2, "leave one"),
        (["--orders", "orders.csv", "--by", "CSAT"], 2, "leave one"),
        (["--orders", "orders.csv", "--period", "month"], 2, "leave one"),
        (["--orders", "orders.csv", "--previous", "survey.csv"], 2, "leave one"),
        (["--orders", "orders.csv", "--weight", "CES"], 2, "leave one"),
        (["--list", "promoters", "--benchmark", "3"], 2, "leave one"),
        (["--list", "promoters", "--value", "Ticket"], 2, "leave one"),
        (["--base", "orders.csv"], 2, "--by"),
        (["--base", "orders.csv", "--by", "chanel"], 4, "Channel"),
        (["--orders", "orders.csv", "--tiers", "9"], 2, "3 to 5"),
        (["--orders", "order.csv"], 3, "orders.csv"),
        (["--orders", "survey.csv"], 4, ""),
        (["--value", "Tickets"], 4, "Ticket"),
        (["--previous", "nothing.csv"], 3, ""),
        (["--benchmark", "200"], 2, "table"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_hint(clvtool, words, code, hint):
    found, out, err = clvtool("nps", "survey.csv", *words)
    assert (found, out) == (code, "")
    assert hint in err
    assert "hint: " in err


def test_customers_that_are_hashed_are_found_again(rows):
    plain, hashed = (
        rows("nps", "survey.csv", "--orders", "orders.csv", *more) for more in ([], ["--hash-ids", "s" * 20])
    )
    assert plain == hashed


def test_a_config_file_can_say_it(rows, files):
    (files / "clvtool.toml").write_text('[survey]\norders = "orders.csv"\n')
    assert rows("nps", "survey.csv")[1]["group"] == "promoters"
