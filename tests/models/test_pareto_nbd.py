from dataclasses import replace

import mpmath
import numpy as np
import pytest
from simulated import simulate_in_time as simulate

from clvtool.errors import FitError
from clvtool.models import pareto_nbd
from clvtool.models.histories import Histories
from clvtool.models.pareto_integral import log_leaving
from clvtool.models.pareto_likelihood import ParetoLikelihood
from clvtool.models.pareto_nbd import ParetoNbd

# our own maximum for CDNOW, found with several solvers
OWN = {"r": 0.5532771, "alpha": 10.5776843, "s": 0.6062399, "beta": 11.6687319}


@pytest.fixture(scope="module")
def fitted(cdnow):
    return pareto_nbd.fit(Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T))


def with_parameters(model, r, alpha, s, beta):
    return ParetoNbd(replace(model.fit, parameters={"r": r, "alpha": alpha, "s": s, "beta": beta}))


# --- the CDNOW sample ---


def test_the_fit_is_that_of_the_paper_to_its_digits(fitted):
    fit = fitted.fit
    assert {name: round(value, 3) for name, value in fit.parameters.items()} == {
        "r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669
    }  # fmt: skip
    assert round(fit.log_likelihood, 1) == -9595.0
    assert fit.std_errors == pytest.approx({"r": 0.0476, "alpha": 0.8427, "s": 0.1873, "beta": 6.2105}, rel=1e-3)


def test_the_fit_is_the_maximum_to_six_digits(fitted):
    assert fitted.fit.converged
    assert fitted.fit.warnings == ()
    assert fitted.fit.gradient_norm < 1e-4
    assert fitted.fit.parameters == pytest.approx(OWN, rel=1e-6)
    assert fitted.fit.log_likelihood == pytest.approx(-9594.976172, abs=1e-4)


def test_predictions_as_papers_and_packages_print_them(cdnow, fitted):
    # computed there from fits stopped a little early
    assert float(fitted.p_alive(26, 30.857, 31)) == pytest.approx(0.997874, rel=1e-3)
    assert float(fitted.conditional_expected_purchases(52, 26, 30.857, 31)) == pytest.approx(25.45647, rel=1e-3)
    assert float(fitted.expected_purchases(52)) == pytest.approx(1.473434, rel=1e-6)
    expected = fitted.conditional_expected_purchases(52, [10, 15, 20, 25], 20, 39)
    assert expected == pytest.approx([0.7062289, 0.1442396, 0.02250658, 0.00309267], rel=1e-3)
    assert fitted.conditional_expected_purchases(39, *cdnow.weeks).sum() == pytest.approx(1665.688, rel=1e-3)


# --- the likelihood ---


def exact_leaving(rho, alpha, s, beta, t, T):
    """Return I(t, T) as the difference of two hypergeometric functions, with digits to spare for what cancels."""
    with mpmath.workdps(80):
        rho, alpha, s, beta, t, T = map(mpmath.mpf, (rho, alpha, s, beta, t, T))
        A = rho + s

        def tail(u):
            if alpha >= beta:
                return (alpha + u) ** -A / A * mpmath.hyp2f1(A, s + 1, A + 1, (alpha - beta) / (alpha + u))
            return (beta + u) ** -A / A * mpmath.hyp2f1(A, rho, A + 1, (beta - alpha) / (beta + u))

        return (tail(t) - tail(T)) * (alpha + t) ** rho * (beta + t) ** s


SHAPES = [(10.6, 0.6, 11.7), (0.01, 1.0, 30.0), (80.0, 25.0, 3.0), (5, 1.5, 5)]


@pytest.mark.parametrize(
    ("rho", "alpha", "s", "beta"),
    [
        *((rho, *shape) for rho in (0.25, 1.0, 7.3, 300.0) for shape in SHAPES),
        (20_000.0, 10.6, 0.6, 11.7),
        (20_000.0, 5, 1.5, 5),
    ],
)
def test_the_integral_keeps_its_digits(rho, alpha, s, beta):
    for t, T in [(0.0, 1 / 7), (0.0, 500.0), (38.0, 39.0), (103.43, 103.57), (20.0, 300.0)]:
        exact = exact_leaving(rho, alpha, s, beta, t, T)
        found = log_leaving(np.array([rho]), alpha, s, beta, np.array([t]), np.array([T]))
        assert float(found[0]) == pytest.approx(float(mpmath.log(exact)), abs=2e-10)


def exact_likelihood(histories, r, alpha, s, beta):
    """The papers' likelihood with 80 digits."""
    with mpmath.workdps(80):
        total = mpmath.mpf(0)
        for x, t_x, T, n in zip(histories.x, histories.t_x, histories.T, histories.count, strict=True):
            x, t, T = int(x), mpmath.mpf(int(t_x)) / 7, mpmath.mpf(int(T)) / 7  # noqa: PLW2901 (exact from here)
            both = mpmath.mpf(alpha) + t, mpmath.mpf(beta) + t
            left = s * exact_leaving(r + x, alpha, s, beta, t, T) * both[0] ** -(r + x) * both[1] ** -mpmath.mpf(s)
            stayed = (mpmath.mpf(alpha) + T) ** -(r + x) * (mpmath.mpf(beta) + T) ** -mpmath.mpf(s)
            start = mpmath.mpf(alpha) ** r * mpmath.mpf(beta) ** s
            total += int(n) * mpmath.log(mpmath.rf(r, x) * start * (stayed + left))
        return float(total)


FEW = Histories.from_arrays(
    [0, 1, 1, 2, 7, 40, 0, 1, 3], [0, 7, 90, 33, 200, 361, 0, 7, 50], [50, 200, 91, 300, 210, 900, 7, 200, 50]
)
RANDOM = np.random.default_rng(4)
T_OF_MANY = np.tile(np.arange(26, 61), 3)  # 35 histories for each of 0, 1 and 3 purchases: enough for tables by day
MANY = Histories.from_arrays(
    np.repeat([0, 1, 3], 35), np.where(np.arange(105) < 35, 0, RANDOM.integers(4, T_OF_MANY)), T_OF_MANY
)
PLACES = [(0.55, 10.6, 0.6, 11.7), (5.0, 30.0, 3.0, 20.0), (0.02, 0.2, 40.0, 90.0), (0.5, 8.0, 1.0, 0.3)]


def test_both_ways_of_the_likelihood_are_tested():
    # few histories of a kind are integrated one by one, many together
    assert ParetoLikelihood.of(FEW).table.own.size == 0
    assert ParetoLikelihood.of(MANY).x.size == 0


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("histories", [FEW, MANY])
def test_the_likelihood_agrees_with_the_papers_in_80_digits(histories, place):
    value = ParetoLikelihood.of(histories).log_likelihood(np.array(place)).value
    assert value == pytest.approx(exact_likelihood(histories, *place), rel=1e-11)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("histories", [FEW, MANY])
def test_gradient_and_hessian_are_those_of_finite_differences(histories, place):
    likelihood = ParetoLikelihood.of(histories).log_likelihood
    place = np.array(place)
    point = likelihood(place)
    np.testing.assert_array_equal(point.hessian, point.hessian.T)
    for index in range(4):
        step = np.zeros(4)
        step[index] = 1e-5 * place[index]
        ahead, behind = likelihood(place + step), likelihood(place - step)
        assert point.gradient[index] == pytest.approx((ahead.value - behind.value) / (2 * step[index]), rel=1e-6)
        np.testing.assert_allclose(
            point.hessian[index], (ahead.gradient - behind.gradient) / (2 * step[index]), rtol=1e-6, atol=1e-8
        )


@pytest.mark.parametrize(
    ("place", "x", "t_x", "T"),
    [
        ((0.5143, 2.8845, 0.2856, 14.1087), 221, 724, 725),  # 103.42857 and 103.57143 weeks
        ((10.465, 0.00798565, 3.0516, 2.820), 400, 35, 42),
        ((0.55, 10.6, 0.6, 11.7), 20_000, 20_000, 30_000),
        ((1e8, 1e9, 0.6, 11.7), 3, 20, 90),  # all buy at one rate
        ((0.55, 10.6, 1e8, 2e9), 3, 20, 90),  # all leave at one rate
        ((0.55, 10.6, 0.5, 1e15), 3, 20, 90),  # nobody leaves
        ((0.55, 10.6, 1e-8, 1e-7), 0, 0, 400),
    ],
)
def test_frequent_buyers_and_limits_give_finite_figures(fitted, place, x, t_x, T):
    point = ParetoLikelihood.of(Histories.from_arrays([x], [t_x], [T])).log_likelihood(np.array(place))
    assert np.isfinite(point.value)
    assert np.isfinite(point.gradient).all()
    assert np.isfinite(point.hessian).all()
    outlook = with_parameters(fitted, *place).outlook(52, 0.002, x, t_x / 7, T / 7)
    for figure in outlook:
        assert np.isfinite(figure)
        assert figure >= 0


# --- predictions ---


def test_silence_is_the_likelihood_of_a_longer_history_over_that_of_the_present_one(fitted):
    # that nobody buys in (T, T + t] means the same (x, t_x) seen until T + t: an independent way to p_none
    for x, t_x, T in [(0, 0, 10), (0, 0, 0), (1, 3, 20), (7, 15, 16), (40, 30, 38)]:
        now, later = (
            ParetoLikelihood.of(Histories.from_arrays([x], [7 * t_x], [7 * end]))
            .log_likelihood(np.array(list(fitted.fit.parameters.values())))
            .value
            for end in (T, T + 13)
        )
        assert float(fitted.outlook(13, 0.002, x, t_x, T).p_none) == pytest.approx(np.exp(later - now), rel=1e-10)


@pytest.mark.parametrize("s", [0.6, 1.0, 1 + 1e-9, 2.5, 1e8])
def test_the_expected_time_until_leaving_by_numerical_integration(fitted, s):
    # purchases of a customer who is active = rate × ∫ P(still active after u) du
    model = with_parameters(fitted, 0.5, 10.0, s, 11.0 * s)
    for x, T, t in [(0, 0.0, 52.0), (4, 30.0, 1e-4), (4, 30.0, 500.0)]:
        with mpmath.workdps(30):
            beta = mpmath.mpf(11.0 * s)
            time = mpmath.quad(lambda u, T=T, beta=beta: ((beta + T) / (beta + T + u)) ** s, [0, t / 100, t / 10, t])
            expected = float((mpmath.mpf("0.5") + x) / (10 + T) * time)
        assert float(model.purchases_if_alive(t, x, T)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("horizon", "delta"), [(52.18, 0.0018), (520.0, 0.008)])
def test_discounted_purchases_are_the_sum_over_short_steps(fitted, horizon, delta):
    edges = np.unique(np.concatenate([[0.0], np.geomspace(1e-9, horizon, 5000), np.linspace(0, horizon, 5001)]))
    purchases = np.diff(fitted.conditional_expected_purchases(edges, 4, 30.0, 38.0))
    expected = (purchases * np.exp(-delta * (edges[1:] + edges[:-1]) / 2)).sum()
    assert float(fitted.discounted_conditional_purchases(horizon, delta, 4, 30.0, 38.0)) == pytest.approx(
        expected, rel=1e-6
    )


# --- fits ---


def test_simulated_customers_give_their_parameters_back():
    # rates a day: buying Gamma(1.5, 60), leaving Gamma(2, 400); means 0.175 and 0.035 a week
    random = np.random.default_rng(3)
    n = 6000
    histories = Histories.from_arrays(*simulate(5, n, random.gamma(1.5, 1 / 60, n), random.gamma(2, 1 / 400, n), 700))
    fit = pareto_nbd.fit(histories).fit
    r, alpha, s, beta = fit.parameters.values()
    assert fit.converged
    assert r / alpha == pytest.approx(7 * 1.5 / 60, rel=0.05)
    assert s / beta == pytest.approx(7 * 2 / 400, rel=0.15)
    truth = ParetoLikelihood.of(histories).log_likelihood(np.array([1.5, 60 / 7, 2.0, 400 / 7])).value
    assert truth - 0.01 < fit.log_likelihood < truth + 10


def test_a_fit_does_not_depend_on_the_order_of_customers(cdnow, fitted):
    shuffled = np.random.default_rng(1).permutation(cdnow.x.size)
    again = pareto_nbd.fit(Histories.from_arrays(cdnow.x[shuffled], cdnow.t_x[shuffled], cdnow.T[shuffled]))
    assert again.fit.parameters == fitted.fit.parameters
    assert again.fit.covariance.tobytes() == fitted.fit.covariance.tobytes()


def test_where_nobody_leaves_the_fit_says_so_and_predicts():
    random = np.random.default_rng(3)
    model = pareto_nbd.fit(Histories.from_arrays(*simulate(5, 1500, random.gamma(3, 1 / 60, 1500), 0.0, 700)))
    assert any("no customer leaving" in warning for warning in model.fit.warnings)
    assert float(model.p_alive(0, 0, 100)) == pytest.approx(1, abs=1e-6)
    assert np.isfinite(model.expected_purchases(52))


def test_where_all_leave_at_one_rate_the_fit_finds_it():
    random = np.random.default_rng(7)
    model = pareto_nbd.fit(Histories.from_arrays(*simulate(8, 1500, random.gamma(3, 1 / 60, 1500), 1 / 150, 700)))
    fit = model.fit
    assert fit.converged
    assert fit.parameters["s"] > 3  # so alike that their rates differ by chance only
    assert fit.parameters["s"] / fit.parameters["beta"] == pytest.approx(7 / 150, rel=0.15)


def test_five_customers_and_days_without_a_week_are_fitted():
    model = pareto_nbd.fit(Histories.from_arrays([1, 0, 0, 2, 0], [1, 0, 0, 3, 0], [2, 1, 0, 4, 3]))
    assert all(np.isfinite(figure).all() for figure in model.outlook(52, 0.002, [0, 1], [0, 1 / 7], [0, 2 / 7]))


def test_customers_who_never_come_back_cannot_be_fitted():
    with pytest.raises(FitError, match="each of the 3 customers bought on one day only"):
        pareto_nbd.fit(Histories.from_arrays([0, 0, 0], [0, 0, 0], [10, 20, 30]))
