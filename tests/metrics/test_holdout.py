"""The comparison of models on hold-outs, beside a loop over customers that knows nothing of arrays."""

import random
from collections import defaultdict
from datetime import date, timedelta
from math import exp, lgamma, log, log1p, sqrt

import numpy as np
import pytest
from books import frame, orders_of, simulated

from clvtool.errors import FitError
from clvtool.metrics import holdout
from clvtool.metrics.customers import customers
from clvtool.metrics.cutoffs import Window
from clvtool.metrics.holdout import Comparison, Score, Standing, compare
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.models import nbd
from clvtool.models.histories import Histories

NAMES = ["bg-nbd", "mbg-nbd", "pareto-nbd", "nbd"]


def log_of(orders, as_of=None):
    return customers(order_log(orders, Policies(as_of=as_of)))


def shop(seed=5, people=150, days=300):
    random.seed(seed)
    rows = []
    for who in range(people):
        day, gap = random.randrange(days // 2), random.choice([6, 15, 50])
        while day < days:
            rows.append({"who": f"c{who}", "day": date(2024, 1, 1) + timedelta(days=day), "amount": "5"})
            if random.random() < 0.15:
                break
            day += int(random.expovariate(1 / gap))  # 0: a second order of the day
    return rows


CUTS = [
    Window(date(2024, 7, 1), date(2024, 8, 15)),
    Window(date(2024, 8, 15), date(2024, 10, 26)),
]


def by_hand(rows, cuts):
    """Return, per hold-out, (x, t_x, T, k) of each customer known at the cut-off, by customer."""
    days = defaultdict(set)
    for row in rows:
        days[row["who"]].add(row["day"])
    found = []
    for cut in cuts:
        known = {}
        for who, all_days in days.items():
            before = sorted(day for day in all_days if day <= cut.cutoff)
            if before:
                after = sum(cut.cutoff < day <= cut.until for day in all_days)
                known[who] = (
                    len(before) - 1,
                    (before[-1] - before[0]).days,
                    (cut.cutoff - before[0]).days,
                    after,
                )
        found.append(known)
    return found


def nbd_by_hand(r, alpha, x, T, t, k):
    """Return ln P(k) and the mean of the negative binomial with r + x and the odds t : α + T."""
    share = t / (alpha + T + t)
    chance = lgamma(r + x + k) - lgamma(r + x) - lgamma(k + 1) + k * log(share) + (r + x) * log1p(-share)
    return chance, (r + x) * t / (alpha + T)


def test_scores_of_the_nbd_are_those_of_a_loop_over_customers():
    rows = shop()
    result = compare(log_of(frame(rows)), ["nbd"], CUTS)
    logs, errors, predicted, observed = [], [], 0.0, 0
    for cut, known, score in zip(CUTS, by_hand(rows, CUTS), result.standings[0].windows, strict=True):
        x, t_x, T, _ = zip(*known.values(), strict=True)
        fit = nbd.fit(Histories.from_arrays(x, t_x, T)).fit
        r, alpha = fit.parameters.values()
        here = [nbd_by_hand(r, alpha, one[0], one[2] / 7, cut.days / 7, one[3]) for one in known.values()]
        counts = [one[3] for one in known.values()]
        assert score.customers == len(known)
        assert score.log_score == pytest.approx(sum(chance for chance, _ in here) / len(here), rel=1e-9)
        off = [abs(mean - k) for (_, mean), k in zip(here, counts, strict=True)]
        assert score.mae == pytest.approx(sum(off) / len(off), rel=1e-9)
        assert score.predicted == pytest.approx(sum(mean for _, mean in here), rel=1e-9)
        assert score.observed == sum(counts)
        logs += [chance for chance, _ in here]
        errors += off
        predicted += score.predicted
        observed += sum(counts)
    pooled = result.standings[0].pooled
    assert pooled.customers == len(logs)
    assert pooled.log_score == pytest.approx(sum(logs) / len(logs), rel=1e-9)
    assert pooled.mae == pytest.approx(sum(errors) / len(errors), rel=1e-9)
    assert (pooled.predicted, pooled.observed) == (pytest.approx(predicted), observed)
    assert pooled.calibration == pytest.approx(predicted / observed)


def test_the_standard_error_is_that_of_sums_over_customers():
    # a customer is in both hold-outs, and what happens in them is not independent: sums per customer are
    rows = shop(seed=6)
    result = compare(log_of(frame(rows)), ["bg-nbd", "nbd"], CUTS)
    from clvtool.models import bg_nbd
    from clvtool.models.scores import log_probability

    lead, times = defaultdict(float), defaultdict(int)
    for cut, known in zip(CUTS, by_hand(rows, CUTS), strict=True):
        x, t_x, T, k = (np.array(column) for column in zip(*known.values(), strict=True))
        for sign, module in ((1, bg_nbd), (-1, nbd)):
            model = module.fit(Histories.from_arrays(x, t_x, T))
            for who, score in zip(known, log_probability(model, cut.days / 7, x, t_x / 7, T / 7, k), strict=True):
                lead[who] += sign * score
        for who in known:
            times[who] += 1
    pairs, people = sum(times.values()), len(times)
    mean = sum(lead.values()) / pairs
    squares = sum((lead[who] - mean * times[who]) ** 2 for who in lead)
    best, other = result.standings
    assert best.behind == 0
    assert (other.name == "nbd") == (mean > 0)
    assert other.behind == pytest.approx(abs(mean), rel=1e-9)
    assert other.std_error == pytest.approx(sqrt(squares * people / (people - 1)) / pairs, rel=1e-9)


# --- which model is the one to take ---


def standing(name, parameters, behind, error):
    return Standing(name, parameters, Score(1, -behind, 0, 0, 0), (), behind, error)


def ranked(*standings):
    return [one.name for one in Comparison(standings, (), 1, 1).ranked]


def test_within_one_standard_error_the_model_with_fewer_parameters_is_taken():
    assert ranked(standing("large", 4, 0, 0), standing("small", 2, 0.010, 0.011)) == ["small", "large"]
    assert ranked(standing("large", 4, 0, 0), standing("small", 2, 0.012, 0.011)) == ["large", "small"]


def test_of_as_many_parameters_the_better_one_is_taken():
    assert ranked(standing("best", 4, 0, 0), standing("next", 4, 0.001, 0.1)) == ["best", "next"]
    # those beyond noise stay in their order, whatever their size
    assert ranked(standing("best", 4, 0, 0), standing("b", 4, 0.1, 0.01), standing("c", 2, 0.2, 0.01)) == [
        "best", "b", "c"
    ]  # fmt: skip


def pareto_orders(seed, people, lifetime):
    """Return orders of people who may leave at any time, long after their last order or right before the next."""
    generator = np.random.default_rng(seed)
    start = generator.integers(0, 360, people)
    rate = generator.gamma(3, 1 / 3, people) / 8
    alive = np.minimum(generator.exponential(lifetime, people), 719 - start)
    again = generator.poisson(rate * alive)
    who = np.concatenate([np.arange(people), np.repeat(np.arange(people), again)])
    later = np.repeat(start, again) + np.ceil(generator.random(again.sum()) * np.repeat(alive, again)).astype(int)
    return orders_of(who, np.concatenate([start, later]), np.full(who.size, 500))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_customers_who_leave_at_any_time_are_best_told_by_pareto_nbd(seed):
    found = log_of(pareto_orders(seed, 1500, 200.0))
    windows = [Window(date(2025, 1, 1), date(2025, 4, 1)), Window(date(2025, 4, 1), date(2025, 7, 1))]
    result = compare(found, NAMES, windows)
    assert result.ranked[0].name == "pareto-nbd"
    nothing_leaves = next(one for one in result.standings if one.name == "nbd")
    assert nothing_leaves.behind > 10 * nothing_leaves.std_error
    assert nothing_leaves.pooled.calibration > 1.2
    assert result.ranked[0].pooled.calibration == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("seed", [1, 2])
def test_where_nobody_leaves_the_small_model_is_taken(seed):
    found = log_of(pareto_orders(seed, 600, 1e9))
    result = compare(found, NAMES, [Window(date(2025, 1, 1), date(2025, 7, 1))])
    assert result.ranked[0].name == "nbd"


# --- what must not matter ---


def test_neither_names_nor_the_order_of_rows_changes_a_bit():
    rows = shop(seed=8)
    first = compare(log_of(frame(rows)), NAMES, CUTS)
    shuffled = random.Random(1).sample(rows, len(rows))
    renamed = [row | {"who": f"x{int(row['who'][1:]) * 7 % 1009}"} for row in shuffled]
    assert compare(log_of(frame(shuffled)), NAMES, CUTS) == first
    assert compare(log_of(frame(renamed)), NAMES, CUTS) == first


def test_orders_after_the_last_hold_out_do_not_matter():
    rows = shop(seed=8)
    cut = [row for row in rows if row["day"] <= date(2024, 8, 15)]
    short, whole = (compare(log_of(frame(some)), NAMES, CUTS[:1]).standings for some in (cut, rows))
    for one, other in zip(short, whole, strict=True):
        assert (one.name, one.pooled.observed) == (other.name, other.pooled.observed)
        assert one.pooled.log_score == pytest.approx(other.pooled.log_score, rel=1e-12)


def test_of_many_customers_a_part_is_looked_at_whatever_their_order(monkeypatch):
    monkeypatch.setattr(holdout, "ENOUGH", 200)
    orders = simulated(3, customers=900)
    windows = [Window(date(2025, 3, 1), date(2025, 9, 1))]
    first = compare(log_of(orders), ["bg-nbd", "nbd"], windows)
    again = compare(log_of(orders.sample(fraction=1, shuffle=True, seed=4)), ["bg-nbd", "nbd"], windows)
    # every fifth of 900
    assert (first.customers, first.sampled) == (900, 180)
    assert again == first
    # and it is a likeness of the whole
    monkeypatch.setattr(holdout, "ENOUGH", 1000)
    whole = compare(log_of(orders), ["bg-nbd", "nbd"], windows)
    share = first.standings[0].pooled.observed / whole.standings[0].pooled.observed
    assert share == pytest.approx(0.2, abs=0.05)


# --- what cannot be compared ---


def test_a_hold_out_with_too_few_customers_who_came_back_is_left_out():
    rows = shop()
    early = Window(date(2024, 1, 5), CUTS[0].cutoff)
    result = compare(log_of(frame(rows)), ["nbd"], [early, *CUTS])
    again = sum(history[0] > 0 for history in by_hand(rows, [early])[0].values())
    assert result.dropped == f"fewer than 30 customers had bought again by 2024-01-05 ({again})"
    assert result.windows == tuple(CUTS)
    with pytest.raises(FitError, match="fewer than 30"):
        compare(log_of(frame(rows)), ["nbd"], [early])


def test_a_model_that_cannot_be_fitted_is_left_out_with_its_reason(monkeypatch):
    from clvtool.models import mbg_nbd

    def refuse(_):
        raise FitError("not today")

    monkeypatch.setattr(mbg_nbd, "fit", refuse)
    result = compare(log_of(frame(shop())), NAMES, CUTS)
    assert result.left_out == {"mbg-nbd": "not today"}
    assert "mbg-nbd" not in {one.name for one in result.standings}
    with pytest.raises(FitError, match="mbg-nbd: not today"):
        compare(log_of(frame(shop())), ["mbg-nbd"], CUTS)


def test_a_hold_out_without_a_purchase_has_no_ratio():
    # everybody fell silent: predicted ÷ observed is undefined, and the log score is there
    rows = [row for row in shop() if row["day"] <= CUTS[0].cutoff]
    rows.append({"who": "late", "day": CUTS[0].until + timedelta(days=9), "amount": "5"})
    score = compare(log_of(frame(rows)), ["nbd"], CUTS[:1]).standings[0].pooled
    assert (score.observed, score.calibration) == (0, None)
    assert exp(score.log_score) < 1
