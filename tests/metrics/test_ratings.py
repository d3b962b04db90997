"""Satisfaction and effort: by hand, Wilson in closed form, the mean's interval against simulation, and the direction."""

import math
from collections import Counter
from datetime import date

import numpy as np
import polars as pl
import pytest

from clvtool.errors import UsageError
from clvtool.metrics.ces import ces
from clvtool.metrics.csat import csat
from clvtool.metrics.ratings import mean_interval
from clvtool.metrics.tallies import Tally
from clvtool.schema import Scale

FIVE, EFFORT, AGREED = Scale(1, 5), Scale(1, 5, high_is_good=False), Scale(1, 7)


def answers(scores, **columns) -> pl.DataFrame:
    return pl.DataFrame({"score": pl.Series(scores, dtype=pl.Int16), **columns})


def test_the_worked_example_of_satisfaction():
    # (42 + 32) of 107 are positive: 69.16 %
    table = answers([5] * 42 + [4] * 32 + [3] * 20 + [2] * 8 + [1] * 5)
    found = csat(table, FIVE).table.row(0, named=True)
    assert (found["n"], found["positive"]) == (107, 74)
    assert round(100 * found["csat_share"], 2) == 69.16
    assert found["mean"] == pytest.approx((42 * 5 + 32 * 4 + 20 * 3 + 8 * 2 + 5) / 107)
    # Wilson in closed form: (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) ÷ (1 + z²/n)
    p, n, z = 74 / 107, 107, 1.959963984540054
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert found["csat_low"] == pytest.approx((middle - half) / (1 + z * z / n))
    assert found["csat_high"] == pytest.approx((middle + half) / (1 + z * z / n))


def test_scale_and_direction_are_always_there():
    for result, scale, direction in (
        (csat(answers([5]), FIVE), "1-5", "higher is better"),
        (ces(answers([5]), EFFORT), "1-5", "lower is better"),
        (ces(answers([5]), AGREED), "1-7", "higher is better"),
    ):
        assert result.table.row(0, named=True)["scale"] == scale
        assert result.table.row(0, named=True)["direction"] == direction
        assert (result.extra["scale"], result.extra["direction"]) == (scale, direction)
        assert direction in result.title


@pytest.mark.parametrize(
    ("scale", "positive", "good"),
    [
        (EFFORT, None, [1, 2]),
        (AGREED, None, [5, 6, 7]),
        (Scale(1, 7, high_is_good=False), None, [1, 2]),
        (EFFORT, "1", [1]),
        (EFFORT, "2, 1", [1, 2]),
    ],
)
def test_which_scores_are_little_effort(scale, positive, good):
    assert ces(answers([1, 2, 5]), scale, positive=positive).extra["positive"] == good


@pytest.mark.parametrize("positive", ["6", "0,5", "four", "", "4-5"])
def test_positive_scores_are_those_of_the_scale(positive):
    with pytest.raises(UsageError, match="--positive") as error:
        csat(answers([5]), FIVE, positive=positive)
    assert "--positive 4,5" in error.value.hint


def test_effort_by_hand():
    # 1, 1, 2, 5: mean 2.25, three of four with little effort
    found = ces(answers([1, 1, 2, 5, None]), EFFORT).table.row(0, named=True)
    assert (found["mean"], found["low_effort"], found["low_effort_share"]) == (2.25, 3, 0.75)
    assert found["response_rate"] == 0.8
    # with ¾ at 1 and at 5 and ½ at each between: 7 answers, sum 9 + 9 = 18; squares 31 + 34 = 65
    mean = 18 / 7
    half = 1.959963984540054 * math.sqrt((65 / 7 - mean**2) / 7)
    assert found["mean_low"] == pytest.approx(max(mean - half, 1))
    assert found["mean_high"] == pytest.approx(mean + half)


@pytest.mark.parametrize(("scale", "word"), [(EFFORT, "worse"), (Scale(1, 5), "better")])
def test_a_rising_mean_is_worse_where_low_is_good(scale, word):
    scores, days = [], []
    for month in range(1, 6):
        scores += [1] * (60 - 10 * month) + [5] * (10 * month)
        days += [date(2025, month, 1)] * 60
    result = ces(answers(scores, answer_date=days), scale, period="month")
    assert any(f"trend: rising ({word}), +0.67 a month" in note for note in result.notes)
    assert result.table["delta"].drop_nulls().to_list() == pytest.approx([4 / 6] * 4)


def test_a_rising_share_is_better_for_satisfaction():
    scores, days = [], []
    for month in range(1, 6):
        scores += [1] * (60 - 10 * month) + [5] * (10 * month)
        days += [date(2025, month, 1)] * 60
    result = csat(answers(scores, answer_date=days), FIVE, period="month")
    assert any("trend: rising (better), +16.67 points a month" in note for note in result.notes)
    assert result.table["delta_share"].drop_nulls().to_list() == pytest.approx([1 / 6] * 4)


@pytest.mark.parametrize("n", [10, 20, 60, 300])
@pytest.mark.parametrize(
    ("scale", "shares"),
    [
        (FIVE, (0.05, 0.05, 0.1, 0.3, 0.5)),
        (FIVE, (0.01, 0.01, 0.03, 0.15, 0.8)),
        (FIVE, (0.2,) * 5),
        (AGREED, (0.05, 0.05, 0.05, 0.1, 0.2, 0.25, 0.3)),
        (Scale(1, 10), (0.02, 0.02, 0.03, 0.03, 0.05, 0.05, 0.1, 0.2, 0.2, 0.3)),
    ],
)
def test_intervals_of_the_mean_cover_the_truth(n, scale, shares):
    # 3,000 samples of n answers: 95 % of them, within three standard errors of that simulation (1.2 %)
    scores = np.arange(scale.low, scale.high + 1)
    truth, drawn = float(scores @ np.array(shares)), np.random.default_rng(n).multinomial(n, shares, size=3000)
    different, counts = np.unique(drawn, axis=0, return_counts=True)
    hits = 0
    for sample, times in zip(different, counts.tolist(), strict=True):
        counted = Counter(dict(zip(scores.tolist(), sample.tolist(), strict=True)))
        tally = Tally(counted, counted, n)
        low, high = mean_interval(tally, scale, 0.95)
        hits += times * (low <= truth <= high)
    assert 0.93 <= hits / 3000 <= 0.98


@pytest.mark.parametrize("scores", [[5], [1], [3] * 40])
def test_one_answer_and_answers_all_alike(scores):
    found = csat(answers(scores), FIVE).table.row(0, named=True)
    assert 1 <= found["mean_low"] <= found["mean"] <= found["mean_high"] <= 5
    assert found["csat_low"] < found["csat_high"]


def test_groups_add_up():
    table = csat(answers([5, 4, 1, 3, 5], town=["a", "a", "b", "b", None]), FIVE, by=["town"]).table
    assert table["town"].to_list() == ["(total)", "(none)", "a", "b"]
    assert table["n"].to_list() == [5, 1, 2, 2]
    assert table["positive"].to_list() == [3, 1, 2, 0]
    assert table["difference_share"].to_list() == pytest.approx([None, 0.5, 2 / 3, -1.0])
