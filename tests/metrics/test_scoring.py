"""Scores of forecasts against plain loops, and by hand."""

import math
import random

import numpy as np
import pytest

from clvtool.metrics.scoring import pooled, score, tenths


def given(n=200, seed=1, levels=15):
    """Return chances with many ties, and outcomes that follow them loosely."""
    draw = random.Random(seed)
    chance = [draw.randrange(1, levels) / levels for _ in range(n)]
    return np.array(chance), np.array([draw.random() < one for one in chance])


def test_four_forecasts_by_hand():
    # .9 yes, .5 yes, .5 no, .1 no. Pairs: .9>.5 .9>.1 .5=.5 (a half) .5>.1: 3.5 of 4
    # Brier: (.01 + .25 + .25 + .01) / 4 = .13; log loss: -(2 ln .9 + 2 ln .5) / 4
    one = score(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]))
    assert (one.n, one.observed, one.predicted, one.pairs) == (4, 0.5, 0.5, 4)
    assert one.auc == 3.5 / 4
    assert one.brier == pytest.approx(0.13)
    assert one.log_loss == pytest.approx(-(math.log(0.9) + math.log(0.5)) / 2)
    # the best tenth of four is 0.4 of a forecast, and the one of .9 was right: all of them ÷ a half
    assert one.top_lift == pytest.approx(2)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_plain_loops(seed):
    chance, happened = given(seed=seed)
    rows = list(zip(chance.tolist(), happened.tolist(), strict=True))
    wins = pairs = 0.0
    for yes, _ in [row for row in rows if row[1]]:
        for no, _ in [row for row in rows if not row[1]]:
            pairs += 1
            wins += 1 if yes > no else 0.5 if yes == no else 0
    one = score(chance, happened)
    assert one.auc == pytest.approx(wins / pairs, rel=1e-14)
    assert one.pairs == pairs
    assert one.brier == pytest.approx(sum((p - y) ** 2 for p, y in rows) / len(rows), rel=1e-13)
    assert one.log_loss == pytest.approx(-sum(math.log(p if y else 1 - p) for p, y in rows) / len(rows), rel=1e-13)
    # the mean over every order that the equal ones may stand in is that of many shuffles
    draw, lifts = random.Random(7), []
    for _ in range(4000):
        draw.shuffle(rows)
        best = sorted(rows, key=lambda row: -row[0])[: len(rows) // 10]
        lifts.append(sum(y for _, y in best) / len(best) / happened.mean())
    assert one.top_lift == pytest.approx(sum(lifts) / len(lifts), abs=4 * np.std(lifts) / 4000**0.5 + 1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_forecasts_changes_nothing(seed):
    chance, happened = given(seed=seed)
    order = np.random.default_rng(seed).permutation(len(chance))
    one, other = score(chance, happened), score(chance[order], happened[order])
    assert (one.auc, one.top_lift, one.pairs) == (other.auc, other.top_lift, other.pairs)
    assert (one.brier, one.log_loss) == pytest.approx((other.brier, other.log_loss), rel=1e-13)


def test_any_rising_change_of_the_chances_keeps_the_ranking():
    chance, happened = given()
    assert score(chance**3, happened).auc == score(chance, happened).auc


def test_one_chance_for_all_ranks_nobody():
    one = score(np.full(30, 0.4), np.arange(30) < 12)
    assert (one.auc, one.top_lift) == (0.5, 1.0)
    assert one.brier == pytest.approx(0.24)


def test_what_is_not_defined_is_none():
    everybody = score(np.array([0.2, 0.9]), np.array([True, True]))
    assert everybody.auc is None
    assert everybody.top_lift == 1
    nobody = score(np.array([0.2, 0.9]), np.array([False, False]))
    assert (nobody.auc, nobody.top_lift) == (None, None)
    assert score(np.array([]), np.array([], bool)).brier is None


def test_a_sure_forecast_that_was_wrong_costs_much_but_not_everything():
    one = score(np.array([1.0, 0.0]), np.array([False, True]))
    assert one.log_loss == pytest.approx(-math.log(1e-12), rel=1e-4)
    assert score(np.array([1.0, 0.0]), np.array([True, False])).log_loss == pytest.approx(0, abs=1e-11)


def test_days_together_are_means_over_forecasts_and_pairs():
    first, second = (score(*given(n, seed)) for n, seed in ((50, 1), (200, 2)))
    both = pooled([first, second])
    assert both.n == 250
    assert both.brier == pytest.approx((50 * first.brier + 200 * second.brier) / 250)
    assert both.auc == pytest.approx((first.pairs * first.auc + second.pairs * second.auc) / both.pairs)


def test_tenths_are_those_of_plain_loops():
    chance, happened = given(n=137)
    rows = list(zip(chance.tolist(), happened.tolist(), strict=True))
    parts = {}
    for p, y in rows:
        parts.setdefault(1 + 10 * sum(other < p for other, _ in rows) // len(rows), []).append((p, y))
    found = tenths([(chance, happened)])
    assert [one.tenth for one in found] == sorted(parts)
    for one in found:
        part = parts[one.tenth]
        assert one.n == len(part)
        assert one.predicted == pytest.approx(sum(p for p, _ in part) / len(part))
        assert one.observed == sum(y for _, y in part) / len(part)
        assert one.lift == pytest.approx(one.observed / happened.mean())
