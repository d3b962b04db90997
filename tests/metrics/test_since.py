"""A score against an earlier survey and a benchmark: by hand, and what is refused."""

import math

import polars as pl
import pytest

from clvtool.errors import DataError, UsageError
from clvtool.metrics.ces import ces
from clvtool.metrics.csat import csat
from clvtool.metrics.nps import nps
from clvtool.metrics.since import Since, since
from clvtool.schema import Scale

NPS, STARS, EFFORT = Scale(0, 10), Scale(1, 5), Scale(1, 5, high_is_good=False)


def survey(scores, **columns) -> pl.DataFrame:
    return pl.DataFrame({"score": pl.Series(scores, dtype=pl.Int16), **columns})


BEFORE = survey([9] * 30 + [0] * 10)
NOW = survey([9] * 20 + [0] * 20)


def test_a_change_of_the_nps_by_hand():
    # from 50 to 0 points; with 3 answers added the answers vary by 41.5/43 − (20/43)² and 41.5/43, 40 of them each
    result = since(nps(NOW, NPS), "nps", Since(nps(BEFORE, NPS).table), NPS, 0.95)
    row = result.table.row(0, named=True)
    z = 0.5 / math.sqrt((41.5 / 43 - (20 / 43) ** 2) / 40 + 41.5 / 43 / 40)
    assert (row["previous_nps"], row["delta_nps"]) == (50, -50)
    assert row["p_previous"] == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert "0 are higher and 1 lower" in result.notes[-1]


def test_a_benchmark_is_certain():
    # the variance is that of the answers alone
    row = since(nps(NOW, NPS), "nps", Since(benchmark=30.0), NPS, 0.95).table.row(0, named=True)
    z = 0.3 / math.sqrt(41.5 / 43 / 40)
    assert (row["benchmark_nps"], row["delta_benchmark_nps"]) == (30, -30)
    assert row["p_benchmark"] == pytest.approx(math.erfc(z / math.sqrt(2)))


def test_shares_and_means_too():
    # 10 of 20 satisfied, 15 of 20 before; two of each kind added: 12/24 and 17/24 tell how much answers differ
    before, now = survey([5] * 15 + [1] * 5), survey([5] * 10 + [1] * 10)
    row = since(csat(now, STARS), "csat", Since(csat(before, STARS).table, 0.5), STARS, 0.95).table.row(0, named=True)
    z = 0.25 / math.sqrt(0.25 / 20 + 17 / 24 * 7 / 24 / 20)
    assert row["delta_csat_share"] == -0.25
    assert row["p_previous"] == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert row["p_benchmark"] == 1
    row = since(ces(now, EFFORT), "ces", Since(ces(before, EFFORT).table), EFFORT, 0.95).table.row(0, named=True)
    assert (row["previous_mean"], row["delta_mean"]) == (4, -1)
    # a mean of 3 and of 4 of 20 answers each, with a standard deviation near 2 and 1.7: about 1.7 standard errors
    assert 0.05 < row["p_previous"] < 0.15


def test_the_same_survey_twice_has_changed_nothing():
    table = survey([10, 0, 8, 7], country=["PL", "DE", "PL", None])
    result = since(nps(table, NPS, by=["country"]), "nps", Since(nps(table, NPS, by=["country"]).table), NPS, 0.95)
    assert result.table["delta_nps"].to_list() == [0] * 4
    assert result.table["p_previous"].to_list() == [1] * 4


def test_groups_are_compared_with_themselves_and_new_ones_with_nothing():
    before, now = survey([10, 0], country=["PL", "DE"]), survey([0, 0], country=["PL", "CZ"])
    result = since(nps(now, NPS, by=["country"]), "nps", Since(nps(before, NPS, by=["country"]).table), NPS, 0.95)
    assert result.table.select("country", "delta_nps").rows() == [("(total)", -100), ("CZ", None), ("PL", -200)]


def test_a_table_of_benchmarks_by_group_or_one_for_all():
    now = nps(survey([0, 10], country=["PL", "CZ"]), NPS, by=["country"])
    table = pl.DataFrame({"country": ["PL", "CZ"], "nps": [10, 20]})
    assert since(now, "nps", Since(benchmark=table), NPS, 0.95).table["benchmark_nps"].to_list() == [None, 20, 10]
    table = pl.DataFrame({"nps": [25]})
    assert since(now, "nps", Since(benchmark=table), NPS, 0.95).table["benchmark_nps"].to_list() == [25] * 3


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (Since(pl.DataFrame({"nps": [3.0]})), "no column 'n'"),
        (Since(nps(survey([9, 0], country=["a", "b"]), NPS, by=["country"]).table), "several rows"),
        (Since(benchmark=pl.DataFrame({"score": [3.0]})), "no column 'nps'"),
        (Since(benchmark=pl.DataFrame({"nps": [3.0, 4.0]})), "which row is for what"),
    ],
)
def test_what_cannot_be_compared_is_refused(reference, words):
    with pytest.raises(DataError, match=words) as error:
        since(nps(NOW, NPS), "nps", reference, NPS, 0.95)
    assert error.value.hint


def test_no_row_found_again_is_an_error():
    now, before = (nps(survey([9], country=[one]), NPS, by=["country"]).table for one in ("PL", "DE"))
    result = nps(survey([9], country=["PL"]), NPS, by=["country"])
    with pytest.raises(DataError, match="no row is found again"):
        since(result, "nps", Since(before.slice(1)), NPS, 0.95)
    assert now.height == 2


def test_another_scale_is_another_question():
    before = csat(survey([7, 5]), Scale(1, 7)).table
    with pytest.raises(DataError, match="on the scale 1-7"):
        since(csat(survey([5, 4]), STARS), "csat", Since(before), STARS, 0.95)


@pytest.mark.parametrize(("question", "value"), [("nps", 101.0), ("csat", 50.0), ("ces", 0.5)])
def test_a_benchmark_off_the_scale_is_refused(question, value):
    answer = {"nps": nps, "csat": csat, "ces": ces}[question]
    scale = NPS if question == "nps" else EFFORT
    with pytest.raises(UsageError, match="is not between"):
        since(answer(survey([5, 4]), scale), question, Since(benchmark=value), scale, 0.95)
