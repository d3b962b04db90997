"""`selftest`: published figures beside ours, from data that come with the program."""

import json
import math
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pytest
from books import cdnow_rows

from clvtool.errors import ClvtoolError
from clvtool.ingest.packed import packed
from clvtool.metrics.selftest import require_all, selftest
from clvtool.models import reference
from clvtool.models.reference import Check, Known
from clvtool.models.registry import COMPARED

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def text():
    return packed("models/cdnow.csv")


@pytest.fixture(scope="module")
def result(text):
    return selftest(text)


def test_the_packed_sample_is_the_sample(text):
    # counted again from the orders: repeat days, days to the last, days to 30 September 1997, cents of repeat days
    spent = defaultdict(Counter)
    for who, day, amount in cdnow_rows():
        if day <= date(1997, 9, 30):
            spent[who][day] += int(amount * 100)
    groups = Counter()
    for days in spent.values():
        first, last = min(days), max(days)
        repeats = sum(cents for day, cents in days.items() if day > first)
        groups[len(days) - 1, (last - first).days, (date(1997, 9, 30) - first).days, repeats] += 1
    header, *lines = text.splitlines()
    assert header == "x,t_x,T,cents,customers"
    assert {tuple(map(int, line.split(",")[:4])): int(line.split(",")[4]) for line in lines} == groups


def test_every_figure_is_right_and_each_model_has_some(result):
    assert result.table.columns[:6] == ["model", "quantity", "published", "ours", "difference", "ok"]
    assert result.table["ok"].all()
    assert {"data", *COMPARED, "gamma-gamma", "bg-bb", "sbg", "bdw"} <= set(result.table["model"])
    assert result.notes[0] == f"all {result.table.height} figures are right"
    require_all(result)


def test_the_figures_are_those_of_the_papers(result):
    # a few by heart, so that a slip in the table of references does not pass
    rows = {(row["model"], row["quantity"], row["source"]): row for row in result.table.iter_rows(named=True)}
    for key, value in {
        ("bg-nbd", "r", "published"): 0.243,
        ("bg-nbd", "log-likelihood", "published"): -9582.4,
        ("pareto-nbd", "beta", "published"): 11.669,
        ("mbg-nbd", "b", "published"): 1.614,
        ("nbd", "log-likelihood", "own maximum"): -9763.657615,
        ("gamma-gamma", "gamma", "published"): 15.44,
        ("pareto-nbd", "DERT of all customers, 0.0027 a week", "published"): 7185.9729,
        ("bg-bb", "donations in 2002 to 2006", "published"): 12884.2,
        ("sbg", "share there after 12 years (regular)", "published"): 0.170,
        ("bdw", "c (high end)", "own maximum"): 1.723565,
        ("data", "distinct histories", "published"): 1016,
    }.items():
        row = rows[key]
        assert row["published"] == value
        assert row["difference"] == row["ours"] - value
        assert abs(row["difference"]) <= row["tolerance"]


def test_a_printed_figure_is_right_within_half_a_unit_of_its_last_digit():
    (good,) = reference.printed("m", "published", [("q", "0.243", 0.24349)])
    (bad,) = reference.printed("m", "published", [("q", "0.243", 0.24351)])
    assert (good.ok, bad.ok) == (True, False)
    (whole,) = reference.printed("m", "published", [("q", "1016", 1017.0)])
    assert not whole.ok
    assert not Check("m", "q", 1.0, math.nan, 1.0, "published").ok


def test_a_wrong_figure_is_a_row_that_is_not_ok_and_an_error_of_ours(text, monkeypatch):
    # 0.38477 rounds to 0.385, and 12.07 to 12.1
    monkeypatch.setitem(reference.FITS, "nbd", Known(published="0.384 12.1"))
    wrong = selftest(text)
    assert wrong.table.filter(~wrong.table["ok"])["quantity"].to_list() == ["r"]
    assert wrong.notes[0].startswith("1 of ")
    with pytest.raises(ClvtoolError, match=r"1 of .* figures are not as published") as caught:
        require_all(wrong)
    assert caught.value.exit_code == 1


def run(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "clvtool", "selftest", *words],
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def test_it_needs_no_file_and_gives_the_same_bytes_each_time(tmp_path):
    first, second = run("--format", "json", cwd=tmp_path), run("--format", "json", cwd=tmp_path)
    assert (first.returncode, first.stderr) == (0, b"")
    assert first.stdout == second.stdout
    assert all(row["ok"] for row in json.loads(first.stdout)["rows"])
    assert not list(tmp_path.iterdir())


def test_a_failure_ends_with_1_after_the_table(tmp_path):
    # the program with one reference spoilt: the table is there, and the shell is told
    code = (
        "import sys; from clvtool.models import reference as r; from clvtool.cli.main import main; "
        "r.FITS['nbd'] = r.Known(published='0.384 12.1'); sys.exit(main(['selftest', '--format', 'csv']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 1
    assert b"nbd,r,0.384," in done.stdout
    assert b"1 of " in done.stderr
    assert b"not as published" in done.stderr
