"""Net promoter score: by hand, by a plain loop, and its intervals against simulation."""

import math
import random
from collections import Counter
from datetime import date

import numpy as np
import polars as pl
import pytest

from clvtool.errors import DataError, UsageError
from clvtool.metrics.nps import interval, nps
from clvtool.metrics.respondents import respondents
from clvtool.metrics.tallies import only, tallies
from clvtool.schema import Scale
from clvtool.stats import holm, two_sided

FULL = Scale(0, 10)


def answers(scores, **columns) -> pl.DataFrame:
    return pl.DataFrame({"score": pl.Series(scores, dtype=pl.Int16), **columns})


def row(result, place: int = 0) -> dict:
    return result.table.row(place, named=True)


BOOK = [10, 9, 9, 8, 7, 7, 6, 0, None, None]
"""Three promoters, three passives, two detractors, two who did not answer."""


def test_a_book_by_hand():
    # 3/8 − 2/8 = 12.5 points; 8 of 10 answered. With ¾, 1½ and ¾ added: 3.75 and 2.75 of 11, so the mean is 1/11 and
    # the variance (6.5/11 − 1/121)/11 = (71.5 − 1)/1331 = 70.5/1331; 1.959964 standard errors are 0.451077
    found = row(nps(answers(BOOK), FULL))
    assert [found[name] for name in ("n", "promoters", "passives", "detractors")] == [8, 3, 3, 2]
    assert (found["promoter_share"], found["passive_share"], found["detractor_share"]) == (0.375, 0.375, 0.25)
    assert found["nps"] == 12.5
    assert found["response_rate"] == 0.8
    half = 1.959964 * math.sqrt(70.5 / 1331)
    assert found["nps_low"] == pytest.approx(100 * (1 / 11 - half), abs=1e-4)
    assert found["nps_high"] == pytest.approx(100 * (1 / 11 + half), abs=1e-4)


def test_the_counts_of_a_garden_retailer():
    # a published file: 8,465 promoters, 3,953 passives and 1,194 detractors of 13,612, 342 without a score, on 1 to 10
    scores = [10] * 8465 + [8] * 3953 + [1] * 194 + [6] * 1000 + [None] * 342
    found = row(nps(answers(scores), Scale(1, 10, typed=True)))
    assert (found["n"], found["promoters"], found["detractors"]) == (13612, 8465, 1194)
    assert round(found["nps"], 2) == 53.42
    assert found["response_rate"] == 13612 / 13954


@pytest.mark.parametrize(("scores", "value"), [([10], 100.0), ([8], 0.0), ([0], -100.0), ([9] * 30, 100.0)])
def test_one_answer_and_answers_all_alike(scores, value):
    # the interval holds the figure, is not of no width, and stays between -100 and 100
    found = row(nps(answers(scores), FULL))
    assert found["nps"] == value
    assert -100 <= found["nps_low"] <= value <= found["nps_high"] <= 100
    assert found["nps_high"] - found["nps_low"] > 1
    assert found["response_rate"] is None  # nobody is known who was asked and did not answer


@pytest.mark.parametrize("scores", [[], [None, None]])
def test_no_answer_is_an_error(scores):
    with pytest.raises(DataError, match="has a score"):
        nps(answers(scores), FULL)


@pytest.mark.parametrize("n", [10, 15, 30, 100, 400])
@pytest.mark.parametrize("shares", [(0.5, 0.3, 0.2), (0.3, 0.4, 0.3), (0.7, 0.2, 0.1), (0.62, 0.29, 0.09)])
def test_intervals_cover_the_truth_in_93_to_97_of_100_cases(n, shares):
    # 20,000 surveys of n answers each
    drawn, counts = np.unique(np.random.default_rng(n).multinomial(n, shares, size=20_000), axis=0, return_counts=True)
    truth = 100 * (shares[0] - shares[2])
    hits = 0
    for (up, _, down), times in zip(drawn.tolist(), counts.tolist(), strict=True):
        low, high = interval(up, down, n, 0.95)
        hits += times * (low <= truth <= high)
    assert 0.93 <= hits / 20_000 <= 0.97


def survey(n: int = 400, seed: int = 7) -> pl.DataFrame:
    rng = random.Random(seed)
    rows = [
        (
            rng.choice([None, *range(11)]),
            rng.choice(["PL", "DE", "CZ", None]),
            rng.choice(["web", "shop"]),
            date(2025, rng.choice([1, 2, 4, 5]), rng.randint(1, 28)),
            rng.choice([0.5, 1.0, 2.25]),
            f"r{place}",
        )
        for place in range(n)
    ]
    schema = {"score": pl.Int16, "country": pl.String, "channel": pl.String, "answer_date": pl.Date}
    return pl.DataFrame(rows, schema=schema | {"weight": pl.Float64, "answer_id": pl.String}, orient="row")


def plain(rows: list[dict]) -> dict:
    """Return the figures of rows by a loop, with weights where there are any."""
    kept = [one for one in rows if one["score"] is not None]
    classes = Counter("up" if one["score"] > 8 else "mid" if one["score"] > 6 else "down" for one in kept)
    weight = sum(one["weight"] for one in kept)
    up = sum(one["weight"] for one in kept if one["score"] > 8)
    down = sum(one["weight"] for one in kept if one["score"] < 7)
    return {
        "n": len(kept),
        "promoters": classes["up"],
        "detractors": classes["down"],
        "nps": 100 * (up - down) / weight,
    }


@pytest.mark.parametrize("weighted", [True, False])
def test_groups_and_periods_are_those_of_a_plain_loop(weighted):
    table = survey()
    if not weighted:
        table = table.with_columns(weight=1.0)
    rows = table.to_dicts()
    found = nps(table if weighted else table.drop("weight"), FULL, by=["country", "channel"], period="month").table
    for one in found.iter_rows(named=True):
        own = [
            row
            for row in rows
            if one["country"] in {"(total)", row["country"] or "(none)"}
            and one["channel"] in {"(total)", row["channel"]}
            and one["period"] == f"{row['answer_date']:%Y-%m}"
        ]
        if one["period"] == "2025-03":  # a month without answers stays a row
            assert one["n"] == 0
            assert one["nps"] is None
            continue
        expected = plain(own)
        assert {name: one[name] for name in expected if name != "nps"} == {
            k: v for k, v in expected.items() if k != "nps"
        }
        assert one["nps"] == pytest.approx(expected["nps"])


def test_groups_add_up_and_shares_are_one():
    table = nps(survey(), FULL, by=["country"]).table
    total, groups = table.row(0, named=True), table.slice(1)
    for name in ("n", "promoters", "passives", "detractors"):
        assert groups[name].sum() == total[name]
    assert (
        table.select(
            (pl.col("promoter_share") + pl.col("passive_share") + pl.col("detractor_share") - 1).abs().max()
        ).item()
        < 1e-12
    )
    assert (table["promoters"] + table["passives"] + table["detractors"]).to_list() == table["n"].to_list()


def test_counts_of_the_parts_add_up_to_those_of_the_whole():
    table = survey()
    parts = [tallies(table.filter(pl.col("country") == one)).whole(()) for one in ("PL", "DE", "CZ")]
    rest = tallies(table.filter(pl.col("country").is_null()).drop("weight")).whole(())
    whole = tallies(table.drop("weight")).whole(())
    assert sum((one.counts for one in parts), Counter()) + rest.counts == whole.counts
    assert sum(one.blank for one in parts) + rest.blank == whole.blank


def test_the_order_of_the_rows_changes_nothing():
    table = survey()
    one = nps(table, FULL, by=["country"], period="quarter")
    other = nps(table.sample(fraction=1, shuffle=True, seed=3), FULL, by=["country"], period="quarter")
    assert one.table.equals(other.table)
    assert one.notes == other.notes


@pytest.mark.parametrize("factor", [0.001, 3.0, 1e6])
def test_weights_know_no_unit(factor):
    table = survey()
    one = nps(table, FULL, by=["country"]).table
    other = nps(table.with_columns(pl.col("weight") * factor), FULL, by=["country"]).table
    for name in ("nps", "nps_low", "nps_high", "n_effective", "p_value"):
        assert other[name].drop_nulls().to_list() == pytest.approx(one[name].drop_nulls().to_list(), rel=1e-9)


def test_equal_weights_are_none():
    table = survey()
    one = nps(table.with_columns(weight=2.5), FULL).table
    other = nps(table.drop("weight"), FULL).table
    assert one.drop("n_effective").equals(other)
    assert one["n_effective"].to_list() == [float(other["n"][0])]


def test_weighted_answers_by_hand():
    # weights 3, 1, 1: (3 − 1) ÷ 5 = 40 points; as many as 25 ÷ 11 answers of equal weight
    found = row(nps(answers([10, 8, 2], weight=[3.0, 1.0, 1.0]), FULL))
    assert found["nps"] == pytest.approx(40)
    assert found["n_effective"] == pytest.approx(25 / 11)


def test_weights_of_nothing_are_an_error():
    with pytest.raises(DataError, match="all weights are 0"):
        nps(answers([9, 8], weight=[0.0, 0.0]), FULL)


def test_change_from_wave_to_wave_by_hand():
    # January 30 of 40 up, 10 down: 50 points; March 20 up, 20 down of 40: 0 points. With 3 answers added to each the
    # answers vary by 41.5/43 − (20/43)² and 41.5/43, and there are 40 of them each; z = −50 ÷ 100 ÷ √(sum)
    table = answers(
        [9] * 30 + [0] * 10 + [9] * 20 + [0] * 20, answer_date=[date(2025, 1, 5)] * 40 + [date(2025, 3, 5)] * 40
    )
    found = nps(table, FULL, period="month").table
    assert found["period"].to_list() == ["2025-01", "2025-02", "2025-03"]
    assert found["delta"].to_list() == [None, None, -50.0]  # February has no answers: March is set against January
    z = 0.5 / math.sqrt((41.5 / 43 - (20 / 43) ** 2) / 40 + 41.5 / 43 / 40)
    assert found["p_value"][2] == pytest.approx(math.erfc(z / math.sqrt(2)))


def test_two_sided_and_holm_by_hand():
    assert two_sided(1.959964) == pytest.approx(0.05, abs=1e-6)
    # sorted .01 .02 .04: × 3, × 2, × 1; .04 may not be below the one before it
    assert holm([0.04, None, 0.01, 0.02]) == pytest.approx([0.04, None, 0.03, 0.04])
    assert holm([0.9, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


def test_equal_groups_differ_seldom():
    # 400 surveys of four equal groups: a corrected p-value below 5 % in about 5 % of them, at most 8 %
    false_alarms = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        table = answers(rng.choice([10, 8, 3], 120, p=[0.5, 0.3, 0.2]), town=[f"t{place % 4}" for place in range(120)])
        p_values = nps(table, FULL, by=["town"]).table["p_value"].drop_nulls()
        false_alarms += p_values.min() < 0.05
    assert false_alarms <= 32


def test_the_trend_is_told_with_what_it_means():
    # each month ten promoters more of 100
    scores, days = [], []
    for month in range(1, 7):
        scores += [10] * (30 + 10 * month) + [7] * (70 - 10 * month)
        days += [date(2025, month, 3)] * 100
    result = nps(answers(scores, answer_date=days), FULL, period="month")
    assert any("rising (better), +10.00 points a month" in note for note in result.notes)
    assert any("over all: NPS 65.0" in note for note in result.notes)


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"by": ["towm"]}, DataError, "towm"),
        ({"by": ["score"]}, UsageError, "--by score"),
        ({"period": "month"}, DataError, "day"),
        ({"period": "fortnight"}, UsageError, "fortnight"),
        ({"level": 95}, UsageError, "--level 95"),
    ],
)
def test_wrong_questions(more, error, words):
    with pytest.raises(error, match=words):
        nps(answers([9], town=["x"]), FULL, **more)


def test_only_some_answers_are_kept():
    table = answers([9, 9, 0], town=["x", "y", "y"])
    assert nps(only(table, [("Town", "y")]), FULL).table["n"].to_list() == [2]
    with pytest.raises(DataError, match="no answer has town = 'yy'") as error:
        only(table, [("town", "yy")])
    assert "did you mean y" in error.value.hint


def test_rows_without_a_day_are_in_no_period_and_it_is_said():
    table = answers([9, 9, 0], answer_date=[date(2025, 1, 1), None, None])
    result = nps(table, FULL, period="month")
    assert result.table["n"].to_list() == [1]
    assert any("2 rows have no date" in note for note in result.notes)


def test_respondents_come_newest_first_and_the_lowest_score_of_a_day_before_the_others():
    table = answers(
        [6, 2, 9, 0, None],
        answer_date=[date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3), date(2025, 1, 2), date(2025, 1, 9)],
        customer_id=["a", "b", "c", "d", "e"],
        comment=["dear", None, "nice", "late", None],
        town=["x", "x", "y", "y", "y"],
    )
    found = respondents(table, "detractors", by=["town"]).table
    assert found.columns == ["answer_date", "customer_id", "score", "comment", "town"]
    assert found["customer_id"].to_list() == ["d", "b", "a"]
    assert respondents(table, "promoters").table["comment"].to_list() == ["nice"]
    with pytest.raises(DataError, match="no passives among 4"):
        respondents(table, "passives")
