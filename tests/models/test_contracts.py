"""sBG and BdW: customers under contract."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest

from clvtool.errors import FitError
from clvtool.models import bdw, sbg
from clvtool.models.contracts import Renewals

# Fader & Hardie (2007), table 1: percent of customers still there after 0, 1, … 12 years, of two groups of 1000
HIGH_END = [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4]
REGULAR = [100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3]


def first_years(percent):
    return Renewals.of([np.array(percent[:8]) * 10])


# --- the figures of the papers ---


@pytest.mark.parametrize(
    ("percent", "paper", "own", "log_likelihood", "year_12"),
    [
        (HIGH_END, (0.668, 3.806), (0.668088, 3.806094), -1611.1581, 0.378),
        (REGULAR, (0.704, 1.182), (0.704077, 1.182043), -1680.2652, 0.170),
    ],
)
def test_sbg_gives_the_figures_of_the_paper(percent, paper, own, log_likelihood, year_12):
    model = sbg.fit(first_years(percent))
    values = tuple(model.fit.parameters.values())
    assert tuple(round(value, 3) for value in values) == paper
    assert values == pytest.approx(own, abs=1e-6)
    assert model.fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-4)
    assert model.fit.converged
    assert model.fit.warnings == ()
    assert model.fit.n_customers == 1000
    assert round(float(model.survival(12)[12]), 3) == year_12


@pytest.mark.parametrize(
    ("percent", "own", "log_likelihood"),
    [
        (HIGH_END, (0.214253, 1.426575, 1.723565), -1605.31421),
        (REGULAR, (0.455614, 0.779326, 1.283451), -1679.60283),
    ],
)
def test_bdw_has_its_known_maximum_above_that_of_sbg(percent, own, log_likelihood):
    model = bdw.fit(first_years(percent))
    assert tuple(model.fit.parameters.values()) == pytest.approx(own, abs=1e-6)
    assert model.fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-5)
    assert model.fit.log_likelihood > sbg.fit(first_years(percent)).fit.log_likelihood
    assert model.fit.converged


def test_bdw_with_c_of_one_is_the_sbg():
    one = sbg.log_retention(np.array([0.7, 1.2]), 20)
    other = bdw.log_retention(np.array([0.7, 1.2, 1.0]), 20)
    np.testing.assert_allclose(other.value, one.value, rtol=1e-12)
    np.testing.assert_allclose(other.gradient[:2], one.gradient, rtol=1e-11)
    np.testing.assert_allclose(other.hessian[:2, :2], one.hessian, rtol=1e-10)


# --- likelihood and derivatives ---

PLACES = [(0.7, 1.2, 1.3), (0.01, 0.05, 0.4), (30.0, 200.0, 2.5), (1.0, 1.0, 1.0)]
LIMITS = [(2e7, 8e7, 0.8), (1e-7, 3e-7, 1.5), (1e-12, 1.0, 1.2), (1.0, 1e-12, 0.9)]


def exact_survival(alpha, beta, c, t):
    alpha, beta = mpmath.mpf(alpha), mpmath.mpf(beta)
    return mpmath.beta(alpha, beta + mpmath.mpf(t) ** mpmath.mpf(c)) / mpmath.beta(alpha, beta)


@pytest.mark.parametrize("place", PLACES + LIMITS)
def test_the_curve_agrees_with_50_digits_also_at_the_limits(place):
    steps = bdw.log_retention(np.array(place), 9).value
    with mpmath.workdps(50):
        exact = [float(mpmath.log(exact_survival(*place, t) / exact_survival(*place, t - 1))) for t in range(1, 10)]
    # some units of the last digit of 1 remain: where hardly anybody leaves, that is some digits fewer
    assert steps == pytest.approx(exact, rel=1e-11, abs=3e-14)


def test_the_likelihood_is_that_of_the_durations_themselves():
    # two cohorts of different age, by hand: 10 → 6 → 5 → 5, and 4 → 3; those who left in t have S(t−1) − S(t), those
    # still there S(last)
    model = (0.7, 1.2, 1.3)
    renewals = Renewals.of([[10, 6, 5, 5], [4, 3]])
    assert renewals.stayed.tolist() == [9, 5, 5]
    assert renewals.left.tolist() == [5, 1, 0]
    assert renewals.customers == 14
    with mpmath.workdps(30):
        s = [exact_survival(*model, t) for t in range(4)]
        by_hand = 5 * mpmath.log(s[0] - s[1]) + mpmath.log(s[1] - s[2]) + 5 * mpmath.log(s[3]) + 3 * mpmath.log(s[1])
    point = renewals.log_likelihood(bdw.log_retention(np.array(model), 3))
    assert point.value == pytest.approx(float(by_hand), rel=1e-13)


@pytest.mark.parametrize("module", [sbg, bdw])
@pytest.mark.parametrize("place", PLACES)
def test_gradient_and_hessian_are_those_of_finite_differences(module, place):
    renewals = Renewals.of([[100, 80, 71, 64, 60, 60], [50, 44, 37]])
    place = np.array(place[: len(module.FORM.names)])

    def likelihood(at):
        return renewals.log_likelihood(module.log_retention(at, 5))

    point = likelihood(place)
    np.testing.assert_allclose(point.hessian, point.hessian.T, rtol=1e-14)
    for index in range(place.size):
        step = np.zeros(place.size)
        step[index] = 1e-5 * place[index]
        ahead, behind = likelihood(place + step), likelihood(place - step)
        assert point.gradient[index] == pytest.approx((ahead.value - behind.value) / (2 * step[index]), rel=1e-6)
        np.testing.assert_allclose(
            point.hessian[index], (ahead.gradient - behind.gradient) / (2 * step[index]), rtol=1e-5, atol=1e-7
        )


# --- recovery ---


def test_drawn_contracts_give_their_parameters_back():
    # 200,000 customers: theta ~ Beta(0.8, 2.4), there after t periods with the chance (1 − theta)^(t^1.4)
    random = np.random.default_rng(1)
    theta, luck = random.beta(0.8, 2.4, 200_000), random.random(200_000)
    stays = (np.log(luck) / np.log1p(-theta)) ** (1 / 1.4)
    alive = [(stays > t).sum() for t in range(11)]
    model = bdw.fit(Renewals.of([alive]))
    for name, truth in {"alpha": 0.8, "beta": 2.4, "c": 1.4}.items():
        assert abs(model.fit.parameters[name] - truth) < 3.5 * model.fit.std_errors[name]
    assert max(model.fit.std_errors.values()) < 0.2


# --- borders, said in words ---


@pytest.mark.parametrize("module", [sbg, bdw])
def test_nobody_left(module):
    model = module.fit(Renewals.of([[1000] * 6]))
    assert model.fit.converged
    assert model.fit.warnings[0].startswith("nobody left: the churn rate is 0")
    assert model.fit.std_errors["alpha"] is None
    assert model.survival(50) == pytest.approx(np.ones(51))


@pytest.mark.parametrize("module", [sbg, bdw])
def test_everybody_shares_one_churn_rate(module):
    # half of them, in every period
    model = module.fit(Renewals.of([[1024, 512, 256, 128, 64, 32]]))
    assert model.fit.converged
    assert model.fit.warnings[0].startswith("all customers share one churn rate, 50 % a period")
    assert model.fit.std_errors["alpha"] is None
    assert model.survival(10) == pytest.approx(0.5 ** np.arange(11), rel=1e-5)


@pytest.mark.parametrize("module", [sbg, bdw])
def test_those_who_do_not_leave_at_once_never_do(module):
    model = module.fit(Renewals.of([[1000, 500, 500, 500, 500]]))
    assert "customers leave in the first period (50 % of them) or never" in model.fit.warnings[0]
    assert model.survival(9)[1:] == pytest.approx(np.full(9, 0.5), rel=1e-6)


@pytest.mark.parametrize("alive", [[5, 4, 3, 3], [5, 5, 5, 0], [5, 4, 4, 4], [5, 5, 4, 2, 1, 0], [3, 2, 1, 0]])
@pytest.mark.parametrize("module", [sbg, bdw])
def test_five_customers(module, alive):
    model = module.fit(Renewals.of([alive]))
    assert all(np.isfinite(value) and value > 0 for value in model.fit.parameters.values())
    curve = model.survival(40)
    assert ((curve >= 0) & (curve <= 1)).all()
    assert (np.diff(curve) <= 0).all()


def test_a_larger_model_never_ends_below_the_one_nested_in_it():
    for alive in ([5, 5, 4, 2, 1, 0], [9, 7, 7, 7, 2], [100, 40, 39, 38, 5], [100, 99, 50, 49, 48]):
        small, large = (module.fit(Renewals.of([alive])).fit.log_likelihood for module in (sbg, bdw))
        assert large >= small - 1e-6


@pytest.mark.parametrize("alive", [[1000], [1000, 900], [1000, 0, 0, 0]])
def test_one_period_is_too_little(alive):
    # when all have left in the first period, nobody could leave in the others
    with pytest.raises(FitError, match=r"sbg has 2 parameters .* there are [01]"):
        sbg.fit(Renewals.of([alive]))


def test_two_periods_are_enough_for_the_smaller_model_as_the_larger_says():
    with pytest.raises(FitError, match="bdw has 3 parameters") as caught:
        bdw.fit(Renewals.of([[100, 80, 70]]))
    assert caught.value.hint == "sbg is content with 2 periods"
    assert sbg.fit(Renewals.of([[100, 80, 70]])).fit.converged


def test_customers_do_not_come_back():
    with pytest.raises(ValueError, match="never rise"):
        Renewals.of([[10, 5, 6]])


def test_a_curve_follows_from_any_parameters():
    model = sbg.fit(first_years(REGULAR))
    moved = sbg.Sbg(replace(model.fit, parameters={"alpha": 1.0, "beta": 1.0}))
    # S(t) = B(1, 1+t)/B(1, 1) = 1/(1+t)
    assert moved.survival(4) == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    assert moved.retention(3) == pytest.approx([1 / 2, 2 / 3, 3 / 4])


def test_residual_lifetime_is_that_of_the_closed_form():
    # Fader & Hardie (2010): of who has renewed n − 1 times, (β+n−1)/(α+β+n−1) · ₂F₁(1, β+n; α+β+n; 1/(1+d))
    model = sbg.fit(first_years(REGULAR))
    alpha, beta = model.fit.parameters.values()
    exact = [
        float((beta + n - 1) / (alpha + beta + n - 1) * mpmath.hyp2f1(1, beta + n, alpha + beta + n, 1 / 1.1))
        for n in range(1, 6)
    ]
    assert model.residual(4, 0.1) == pytest.approx(exact, rel=1e-12)
    # all with one churn rate of 20 %: .8/1.1^0 + .8²/1.1 + … = .8/(1 − .8/1.1)
    same = sbg.Sbg(replace(model.fit, parameters={"alpha": 2e7, "beta": 8e7}))
    assert same.residual(3, 0.1) == pytest.approx(np.full(4, 0.8 / (1 - 0.8 / 1.1)), rel=1e-5)


@pytest.mark.parametrize("rate", [0.0, -0.1, float("nan")])
def test_a_lifetime_without_end_is_not_added_up_without_discounting(rate):
    with pytest.raises(ValueError, match="above 0"):
        sbg.fit(first_years(REGULAR)).residual(3, rate)
