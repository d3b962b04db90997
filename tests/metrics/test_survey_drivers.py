"""Drivers of the score: by hand, against plain loops and permutations, and intervals against simulation."""

import math
import random
from statistics import mean

import numpy as np
import polars as pl
import pytest
from scipy import stats as reference

from clvtool.errors import DataError, UsageError
from clvtool.ingest.amounts import with_numbers
from clvtool.metrics.nps import measure
from clvtool.metrics.survey_drivers import survey_drivers
from clvtool.stats import between_interval, chi_square_tail, correlation_interval


def answers(scores, **columns) -> pl.DataFrame:
    return pl.DataFrame({"score": pl.Series(scores, dtype=pl.Int16), **columns})


def rows(result) -> list[dict]:
    return list(result.table.iter_rows(named=True))


def test_groups_by_hand():
    # a: 10 10 10 4 (NPS 50), b: 0 0 8 8 8 2 (NPS −50); means 8.5 and 13/3, all 6
    # between: 4 × 2.5² + 6 × (5/3)² = 25 + 50/3; within all: 16·3 + 4 + 36·2 + 4·3 + 16 = 152
    scores = [10, 10, 10, 4, 0, 0, 8, 8, 8, 2, None]
    table = answers(scores, shop=["a"] * 4 + ["b"] * 6 + ["a"])
    whole, worse, better = rows(survey_drivers(table, ["shop"], measure()))
    assert (whole["column"], whole["group"], whole["n"], whole["measure"]) == ("shop", None, 10, "eta_squared")
    assert whole["effect"] == pytest.approx((25 + 50 / 3) / 152)
    assert whole["effect_low"] <= whole["effect"] <= whole["effect_high"]
    assert (worse["group"], worse["n"], worse["measure"], worse["effect"]) == ("b", 6, "nps_difference", -100)
    assert (better["group"], better["n"], better["effect"]) == ("a", 4, 100)
    # both groups are one test seen from two sides; Holm: three tests, so the smaller ones three times at most
    assert worse["effect_low"] == pytest.approx(-better["effect_high"])


def test_numbers_by_hand():
    # asked for by name, so numbers that stand once each are no ids; ranks 1 to 10 and the same turned around: −1; without a variance there is no interval
    scores = list(range(10))
    only = rows(survey_drivers(answers(scores, days=[float(9 - one) ** 3 for one in scores]), ["days"], measure()))
    assert [(row["measure"], row["effect"], row["effect_low"]) for row in only] == [
        ("spearman", pytest.approx(-1), None)
    ]


def test_rank_correlation_with_ties_is_that_of_a_plain_loop():
    draw = random.Random(2)
    scores = [draw.randint(0, 10) for _ in range(300)]
    days = [None if draw.random() < 0.1 else float(draw.randint(0, 20) - score) for score in scores]
    found = rows(survey_drivers(answers(scores, days=days), ["days"], measure()))[0]
    pairs = [(one, other) for one, other in zip(days, scores, strict=True) if one is not None]

    def ranks(values):
        return [sum(b < a for b in values) + (sum(b == a for b in values) + 1) / 2 for a in values]

    one, other = (ranks([pair[place] for pair in pairs]) for place in (0, 1))
    top = sum((a - mean(one)) * (b - mean(other)) for a, b in zip(one, other, strict=True))
    below = math.sqrt(sum((a - mean(one)) ** 2 for a in one) * sum((b - mean(other)) ** 2 for b in other))
    assert (found["n"], found["effect"]) == (len(pairs), pytest.approx(top / below))


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 49])
@pytest.mark.parametrize("value", [0.01, 1.0, 5.5, 40.0, 200.0])
def test_the_tail_of_chi_square(freedom, value):
    assert chi_square_tail(value, freedom) == pytest.approx(reference.chi2.sf(value, freedom), rel=1e-9)


def test_p_values_are_those_of_permutations():
    # of 4,000 shuffled scores about as many have a larger share between groups as the p-value says
    draw = np.random.default_rng(6)
    shop = np.repeat(["a", "b", "c"], [10, 20, 30])
    scores = draw.integers(0, 11, 60)
    table = answers(scores.tolist(), shop=shop.tolist())
    whole = next(row for row in rows(survey_drivers(table, ["shop"], measure())) if row["group"] is None)

    def between(values):
        return sum(len(part) * (part.mean() - values.mean()) ** 2 for part in (values[shop == one] for one in "abc"))

    seen = np.mean([between(draw.permutation(scores)) >= between(scores) - 1e-9 for _ in range(4000)])
    assert chi_square_tail(59 * whole["effect"], 2) == pytest.approx(seen, abs=0.03)


@pytest.mark.parametrize(("n", "rho"), [(30, 0.0), (30, 0.6), (200, -0.3), (200, 0.8)])
def test_the_interval_of_a_rank_correlation_covers_in_93_to_97_of_100_cases(n, rho):
    # of two normal figures with correlation r the rank correlation is 6/π asin(r/2)
    draw, truth, hits = np.random.default_rng(n), 6 / math.pi * math.asin(rho / 2), 0
    for _ in range(1000):
        one, noise = draw.standard_normal(n), draw.standard_normal(n)
        other = rho * one + math.sqrt(1 - rho * rho) * noise
        r = np.corrcoef(one.argsort().argsort(), other.argsort().argsort())[0, 1]
        low, high = correlation_interval(float(r), n, 0.95)
        hits += low <= truth <= high
    assert 0.93 <= hits / 1000 <= 0.975


@pytest.mark.parametrize(("n", "groups", "truth"), [(60, 3, 0.2), (200, 5, 0.05), (200, 5, 0.4), (1000, 8, 0.02)])
def test_the_interval_of_the_share_between_groups_covers_in_93_to_97_of_100_cases(n, groups, truth):
    # normal scores of spread 1 around group means that give the share; group sizes are even
    means = np.linspace(-1, 1, groups)
    means *= math.sqrt(truth / (1 - truth) / np.mean(means**2))
    draw, hits = np.random.default_rng(n), 0
    for _ in range(1000):
        scores = means[:, None] + draw.standard_normal((groups, n // groups))
        between = n // groups * np.sum((scores.mean(axis=1) - scores.mean()) ** 2)
        low, high = between_interval(float(between / np.sum((scores - scores.mean()) ** 2)), n, groups, 0.95)
        hits += low <= truth <= high
    assert 0.93 <= hits / 1000 <= 0.97


def drawn(seed: int = 4) -> pl.DataFrame:
    draw = random.Random(seed)
    scores = [draw.randint(0, 10) for _ in range(400)]
    return answers(
        scores,
        channel=[draw.choice(["web", "shop"]) for _ in scores],
        country=["PL" if score + draw.randint(0, 5) > 8 else "DE" for score in scores],
        days=[float(draw.randint(0, 30) - score) for score in scores],
        ticket=[f"T{place}" for place in range(400)],
        number=[float(place) for place in range(400)],
        year=["2025"] * 400,
        wish=[draw.choice(["a", None]) if place < 9 else None for place in range(400)],
        town=[f"town {draw.randint(0, 120)}" for _ in scores],
    )


def test_all_suitable_columns_are_ranked_and_the_others_are_named_with_the_reason():
    result = survey_drivers(drawn(), ["all"], measure())
    whole = [row["column"] for row in rows(result) if row["group"] is None]
    assert whole[-1] == "channel"  # it has nothing to do with the score
    assert set(whole) == {"channel", "country", "days"}
    said = " ".join(result.notes)
    assert "association" in said
    for name, why in (
        ("ticket", "once"),
        ("number", "ids"),
        ("year", "one value"),
        ("wish", "answers"),
        ("town", "different values"),
    ):
        assert f"{name} (" in said, name
        assert why in said, why
    values = [row["p_value"] for row in rows(result)]
    assert all(0 <= p <= 1 for p in values)


def test_the_order_of_answers_changes_nothing():
    table = drawn()
    assert survey_drivers(table.reverse(), ["all"], measure()).table.equals(
        survey_drivers(table, ["all"], measure()).table
    )


def test_all_scores_equal_is_no_connection():
    whole = rows(survey_drivers(answers([9] * 20, shop=["a", "b"] * 10), ["shop"], measure()))[0]
    assert (whole["effect"], whole["p_value"]) == (0, 1)


def test_bad_input():
    with pytest.raises(DataError, match="no column is fit"):
        survey_drivers(answers(range(11), ticket=[f"T{n}" for n in range(11)]), ["ticket"], measure())
    with pytest.raises(DataError, match="no column 'chanel'"):
        survey_drivers(drawn(), ["chanel"], measure())
    with pytest.raises(UsageError, match="makes no groups"):
        survey_drivers(drawn(), ["score"], measure())


def test_columns_of_numbers_are_read_as_such():
    table = pl.DataFrame({"a": ["1,5", "2", "n/a"], "b": ["1,234", "2,500", "3,000"], "c": ["25-34", "35-44", "7"]})
    read, unclear = with_numbers(table, table.columns, None, asked=False)
    assert read["a"].to_list() == [1.5, 2.0, None]
    assert (read["b"].dtype, read["c"].dtype, unclear) == (pl.String, pl.String, ["b"])
    assert with_numbers(table, ["b"], ",", asked=True)[0]["b"].to_list() == [1.234, 2.5, 3.0]
    with pytest.raises(DataError, match="1,234"):
        with_numbers(table, ["b"], None, asked=True)
