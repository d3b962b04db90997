"""BG/BB: opportunities used or not."""

from itertools import product

import mpmath
import numpy as np
import pytest

from clvtool.errors import FitError
from clvtool.models import bg_bb
from clvtool.models.histories import Histories

# Fader, Hardie, Shang (2010), table 2: donors of 1995 in the six years 1996 to 2001, by years with a donation and the
# last of these. That the table is right is seen from the likelihood at the parameters of the paper.
DONORS = {
    (0, 0): 3464, (1, 1): 1091, (1, 2): 277, (1, 3): 129, (1, 4): 78, (1, 5): 119, (1, 6): 129, (2, 2): 613,
    (2, 3): 255, (2, 4): 155, (2, 5): 173, (2, 6): 234, (3, 3): 322, (3, 4): 181, (3, 5): 225, (3, 6): 357,
    (4, 4): 240, (4, 5): 284, (4, 6): 512, (5, 5): 335, (5, 6): 728, (6, 6): 1203,
}  # fmt: skip
PAPER = np.array([1.204, 0.750, 0.657, 2.783])


@pytest.fixture(scope="module")
def donors():
    x, t_x = np.array(list(DONORS)).T
    return Histories(x, t_x, np.full(x.size, 6), np.array(list(DONORS.values())))


@pytest.fixture(scope="module")
def donations(donors):
    return bg_bb.fit(donors, 365.25)


def test_the_table_is_that_of_the_paper(donors):
    assert donors.n_customers == 11104
    assert round(bg_bb.log_likelihood(donors)(PAPER).value, 2) == -33225.58


def test_the_fit_is_that_of_the_paper_and_the_maximum_to_seven_digits(donations):
    fit = donations.fit
    assert [round(value, 3) for value in fit.parameters.values()] == pytest.approx(PAPER, abs=6e-4)
    assert list(fit.parameters.values()) == pytest.approx([1.2035224, 0.7497164, 0.6567182, 2.7834424], rel=2e-7)
    assert fit.log_likelihood == pytest.approx(-33225.581274, abs=1e-5)
    assert fit.converged
    assert fit.warnings == ()


def test_predictions_are_those_of_the_paper(donors, donations):
    # P(alive in 2002), and donations expected in 2002 to 2006
    assert [round(one, 2) for one in donations.p_alive([0, 2, 6], [0, 4, 6], 6).tolist()] == [0.11, 0.59, 0.93]
    total = (donors.count * donations.expected_purchases(5, donors.x, donors.t_x, donors.T)).sum()
    assert total == pytest.approx(12884.2, abs=0.1)


# --- the likelihood ---

FEW = Histories.from_arrays([0, 1, 1, 2, 5, 3, 0, 0], [0, 1, 4, 3, 9, 9, 0, 0], [5, 1, 8, 8, 9, 12, 0, 5])
PLACES = [(1.2, 0.75, 0.65, 2.8), (20.0, 60.0, 0.01, 0.4), (0.01, 0.02, 3.0, 50.0)]
LIMITS = [(2e7, 8e7, 0.7, 2.0), (1.2, 0.8, 1e-15, 1.0), (1.2, 0.8, 3e7, 7e7), (1.0, 1e-12, 0.5, 1e-12)]


@pytest.mark.parametrize("place", PLACES + LIMITS)
def test_the_likelihood_is_the_sum_over_all_lives_a_customer_may_have_had(place):
    with mpmath.workdps(50):
        a, b, c, d = map(mpmath.mpf, place)
        total = mpmath.mpf(0)
        for x, t_x, n, count in zip(*(one.tolist() for one in (FEW.x, FEW.t_x, FEW.T, FEW.count)), strict=True):
            there = mpmath.beta(a + x, b + n - x) * mpmath.beta(c, d + n)
            gone = sum(mpmath.beta(a + x, b + m - x) * mpmath.beta(c + 1, d + m) for m in range(t_x, n))
            total += count * mpmath.log((there + gone) / mpmath.beta(a, b) / mpmath.beta(c, d))
        exact = float(total)
    assert bg_bb.log_likelihood(FEW)(np.array(place)).value == pytest.approx(exact, rel=1e-12)


def test_the_chances_of_all_patterns_add_up_to_one():
    # five opportunities, 32 patterns, by brute force
    patterns = list(product([0, 1], repeat=5))
    x = np.array([sum(one) for one in patterns])
    t_x = np.array([max((place for place, used in enumerate(one, start=1) if used), default=0) for one in patterns])
    chances = [
        np.exp(bg_bb.log_likelihood(Histories.from_arrays([i], [j], [5]))(PAPER).value)
        for i, j in zip(x, t_x, strict=True)
    ]
    assert sum(chances) == pytest.approx(1, rel=1e-13)


@pytest.mark.parametrize("place", PLACES)
def test_gradient_and_hessian_are_those_of_finite_differences(place):
    place = np.array(place)
    likelihood = bg_bb.log_likelihood(FEW)
    point = likelihood(place)
    for index in range(4):
        step = np.zeros(4)
        step[index] = 1e-5 * place[index]
        ahead, behind = likelihood(place + step), likelihood(place - step)
        assert point.gradient[index] == pytest.approx((ahead.value - behind.value) / (2 * step[index]), rel=1e-6)
        np.testing.assert_allclose(
            point.hessian[index], (ahead.gradient - behind.gradient) / (2 * step[index]), rtol=1e-6, atol=1e-9
        )


def test_many_histories_are_added_up_in_pieces(monkeypatch):
    whole = bg_bb.log_likelihood(FEW)(PAPER)
    monkeypatch.setattr(bg_bb, "_CHUNK", 3)
    parts = bg_bb.log_likelihood(FEW)(PAPER)
    assert parts.value == pytest.approx(whole.value, rel=1e-14)
    np.testing.assert_allclose(parts.hessian, whole.hessian, rtol=1e-12)


# --- recovery, and predictions against what then happens ---


def drawn(seed, customers, most):
    random = np.random.default_rng(seed)
    buys, leaves = random.beta(1.5, 3.0, customers), random.beta(0.8, 6.0, customers)
    lives = random.geometric(leaves) - 1  # opportunities before leaving
    return (random.random((customers, most)) < buys[:, None]) & (np.arange(most) < lives[:, None]), lives


def test_drawn_customers_give_their_parameters_and_their_future_back():
    used, lives = drawn(3, 40_000, 20)
    n = np.random.default_rng(53).integers(1, 13, 40_000)
    seen = used & (np.arange(20) < n[:, None])
    x, t_x = seen.sum(axis=1), np.where(seen, np.arange(1, 21), 0).max(axis=1)
    model = bg_bb.fit(Histories.from_arrays(x, t_x, n), 7)
    for name, truth in {"alpha": 1.5, "beta": 3.0, "gamma": 0.8, "delta": 6.0}.items():
        assert abs(model.fit.parameters[name] - truth) < 3.5 * model.fit.std_errors[name]
    ahead = (used & (np.arange(20) >= n[:, None]) & (np.arange(20) < n[:, None] + 8)).sum()
    assert model.expected_purchases(8, x, t_x, n).sum() == pytest.approx(ahead, rel=0.02)
    assert model.p_alive(x, t_x, n).mean() == pytest.approx((lives > n).mean(), abs=0.01)


# --- borders ---


def finite_everywhere(model, histories):
    alive = model.p_alive(histories.x, histories.t_x, histories.T)
    expected = model.expected_purchases(10, histories.x, histories.t_x, histories.T)
    assert ((alive >= 0) & (alive <= 1)).all()
    assert ((expected >= 0) & (expected <= 10)).all()


def test_nobody_leaves():
    # everybody uses the last opportunity
    n = np.arange(2, 42)
    histories = Histories.from_arrays(np.maximum(n // np.tile([1, 2, 3, 4], 10), 1), n, n)
    model = bg_bb.fit(histories, 30.4375)
    assert any("no customer leaving" in warning for warning in model.fit.warnings)
    assert model.p_alive(histories.x, histories.t_x, histories.T).min() > 0.999999
    finite_everywhere(model, histories)


def test_everybody_leaves_before_the_second_opportunity():
    histories = Histories.from_arrays([1] * 30 + [0] * 30, [1] * 30 + [0] * 30, [9] * 60)
    model = bg_bb.fit(histories, 7)
    assert model.fit.converged
    assert model.fit.warnings
    finite_everywhere(model, histories)


def test_five_customers():
    histories = Histories.from_arrays([0, 0, 1, 2, 0], [0, 0, 1, 3, 0], [5, 6, 4, 4, 1])
    model = bg_bb.fit(histories, 7)
    assert model.fit.converged
    finite_everywhere(model, histories)


def test_one_opportunity_leaves_the_parameters_open_and_says_so():
    # who bought once of once: the product of two chances is all there is to see
    histories = Histories.from_arrays([0, 0, 1], [0, 0, 1], [1, 1, 1])
    model = bg_bb.fit(histories, 7)
    assert any("say nothing about" in warning for warning in model.fit.warnings)
    finite_everywhere(model, histories)


@pytest.mark.parametrize(
    ("n", "said"),
    [([0, 0], "none of 2 customers had one"), ([4, 5], "had 9 opportunities and used none"), ([], "none")],
)
def test_what_cannot_be_fitted_is_refused_with_its_numbers(n, said):
    none = [0] * len(n)
    with pytest.raises(FitError, match=said):
        bg_bb.fit(Histories.from_arrays(none, none, n), 7)
