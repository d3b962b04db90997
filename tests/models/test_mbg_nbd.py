from dataclasses import replace

import mpmath
import numpy as np
import pytest
from simulated import simulate

from clvtool.models import mbg_nbd
from clvtool.models.histories import Histories
from clvtool.models.leaving_likelihood import LeavingLikelihood
from clvtool.models.mbg_nbd import MbgNbd

# our own maximum for CDNOW, found with several solvers
OWN = {"r": 0.5248432, "alpha": 6.1830854, "a": 0.8913594, "b": 1.6140023}


@pytest.fixture(scope="module")
def fitted(cdnow):
    return mbg_nbd.fit(Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T))


def with_parameters(model, **parameters):
    return MbgNbd(replace(model.fit, parameters=parameters))


# --- the CDNOW sample ---


def test_the_fit_is_that_of_the_published_table_to_its_digits(fitted):
    assert {name: round(value, 3) for name, value in fitted.fit.parameters.items()} == {
        "r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614
    }  # fmt: skip


def test_the_fit_is_the_maximum_to_seven_digits(fitted):
    assert fitted.fit.converged
    assert fitted.fit.warnings == ()
    assert fitted.fit.parameters == pytest.approx(OWN, rel=1e-6)
    assert fitted.fit.log_likelihood == pytest.approx(-9582.135716, abs=1e-5)


def test_purchases_in_the_hold_out_period(cdnow, fitted):
    # 39 weeks to 1998-06-30; observed were 1882
    assert fitted.conditional_expected_purchases(39, *cdnow.weeks).sum() == pytest.approx(1576.7283, abs=1e-3)


def test_customers_of_one_purchase_may_have_left(fitted):
    # 1 ÷ (1 + a/b · ((α+T)/α)^r), the longer ago the less alive
    r, alpha, a, b = OWN.values()
    ages = np.array([0.0, 1.0, 500.0])
    expected = 1 / (1 + a / b * ((alpha + ages) / alpha) ** r)
    assert fitted.p_alive(0, 0, ages) == pytest.approx(expected, rel=1e-6)


# --- the likelihood ---


@pytest.mark.parametrize(("x", "t_x", "value"), [(0, 0, -0.41792826), (200, 38, 100.7869)])
def test_likelihood_of_one_history_as_other_packages_get_it(x, t_x, value):
    one = LeavingLikelihood.of(Histories.from_arrays([x], [7 * t_x], [7 * 40]), first=1)
    assert one.log_likelihood(np.array([0.25, 4, 0.8, 2.5])).value == pytest.approx(value, rel=1e-6)


def test_silence_is_the_likelihood_of_a_longer_history_over_that_of_the_present_one(fitted):
    # that nobody buys in (T, T + t] means the same (x, t_x) seen until T + t: an independent way to p_none
    for x, t_x, T in [(0, 0, 10), (0, 0, 0), (1, 3, 20), (7, 15, 16), (40, 30, 38)]:
        ahead = 13
        now, later = (
            LeavingLikelihood.of(Histories.from_arrays([x], [7 * t_x], [7 * end]), first=1)
            .log_likelihood(np.array(list(fitted.fit.parameters.values())))
            .value
            for end in (T, T + ahead)
        )
        outlook = fitted.outlook(ahead, 0.002, x, t_x, T)
        assert float(outlook.p_none) == pytest.approx(np.exp(later - now), rel=1e-12)


# --- predictions ---


def test_expectations_by_numerical_integration_over_rates_and_chances(fitted):
    # a new customer stays with 1 − p, and then buys (1 − e^(−λpt))/p times on average until leaving; over λ in closed
    # form, over p with 30 digits
    r, alpha, a, b = map(mpmath.mpf, fitted.fit.parameters.values())
    for t in (1e-4, 1.0, 39.0, 500.0):
        with mpmath.workdps(30):
            total = mpmath.quad(
                lambda p, t=t: (1 - (1 + p * t / alpha) ** -r) / p * p ** (a - 1) * (1 - p) ** b,
                [0, 1e-6, 1e-3, 0.01, 0.1, 0.5, 1],
            )
            expected = float(total / mpmath.beta(a, b))
        assert float(fitted.expected_purchases(t)) == pytest.approx(expected, rel=1e-6)


def test_a_new_customer_s_purchases_are_those_of_a_history_that_has_just_begun(fitted):
    # T = 0: alive with b/(a+b), and then the conditional expectation of (0, 0, 0)
    new = float(fitted.expected_purchases(39))
    assert float(fitted.conditional_expected_purchases(39, 0, 0, 0)) == pytest.approx(new, rel=1e-13)


def test_the_outlook_is_what_the_single_answers_say(cdnow, fitted):
    x, t_x, T = cdnow.weeks
    outlook = fitted.outlook(52, 0.002, x, t_x, T)
    assert outlook.p_alive.tolist() == fitted.p_alive(x, t_x, T).tolist()
    assert outlook.purchases == pytest.approx(fitted.conditional_expected_purchases(52, x, t_x, T), rel=1e-14)
    assert outlook.discounted == pytest.approx(fitted.discounted_conditional_purchases(52, 0.002, x, t_x, T), rel=1e-14)
    # a purchase is at least one: expected ≥ P(at least one)
    assert (outlook.purchases >= 1 - outlook.p_none).all()


@pytest.mark.parametrize("a", [1e-15, 1.0, 1e8])
@pytest.mark.parametrize("x", [0, 1, 300, 20_000])
def test_every_history_gets_finite_figures_at_the_limits_too(fitted, a, x):
    model = with_parameters(fitted, r=0.5, alpha=6.0, a=a, b=1.6)
    for t_x, T in [(0.0, 0.0), (38.0, 38.0), (0.2, 400.0)]:
        outlook = model.outlook(52, 0.002, x, t_x if x else 0.0, T)
        for figure in outlook:
            assert np.isfinite(figure)
            assert figure >= 0


# --- fits ---


def test_simulated_customers_give_their_parameters_back():
    # the first purchase is a chance to leave, too: who leaves then never repeats
    random = np.random.default_rng(3)
    n = 20_000
    rate, leave = random.gamma(2.0, 1 / 60, n), random.beta(1.5, 4.5, n)
    x, t_x, T = simulate(5, n, rate, leave, 700)
    gone = random.random(n) < leave
    x, t_x = np.where(gone, 0, x), np.where(gone, 0, t_x)
    fit = mbg_nbd.fit(Histories.from_arrays(x, t_x, T)).fit
    assert fit.converged
    assert fit.parameters["r"] / fit.parameters["alpha"] == pytest.approx(7 * 2 / 60, rel=0.05)
    assert fit.parameters["a"] / (fit.parameters["a"] + fit.parameters["b"]) == pytest.approx(0.25, abs=0.02)


def test_a_fit_does_not_depend_on_the_order_of_customers(cdnow, fitted):
    shuffled = np.random.default_rng(1).permutation(cdnow.x.size)
    again = mbg_nbd.fit(Histories.from_arrays(cdnow.x[shuffled], cdnow.t_x[shuffled], cdnow.T[shuffled]))
    assert again.fit.parameters == fitted.fit.parameters
    assert again.fit.covariance.tobytes() == fitted.fit.covariance.tobytes()


def test_where_nobody_leaves_the_fit_says_so_and_predicts():
    model = mbg_nbd.fit(Histories.from_arrays(*simulate(4, 2000, 1 / 20, 0.0, 700)))
    assert any("no customer leaving" in warning for warning in model.fit.warnings)
    assert float(model.p_alive(0, 0, 10)) == pytest.approx(1)
