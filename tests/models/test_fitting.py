from dataclasses import replace

import numpy as np
import pytest
from simulated import simulate

from clvtool.errors import FitError
from clvtool.models import bg_nbd
from clvtool.models.bg_nbd import BgNbd
from clvtool.models.fitting import Form, confidence_interval, derived_variance, maximum_likelihood
from clvtool.models.histories import Histories
from clvtool.models.newton import Point
from clvtool.models.scales import leaving_chance, purchase_rate
from clvtool.models.special import log_rising, more_than

# A model in a dozen lines: NBD, customers who never leave. All that a new model has to say is here.
NBD = Form("nbd", unit="weeks", scales=(purchase_rate("r", "alpha"),))


def nbd_likelihood(histories):
    n, x, T = histories.count.astype(float), histories.x, histories.T / 7
    tail = more_than(np.bincount(x, weights=n))

    def log_likelihood(parameters):
        r, alpha = parameters.tolist()
        rising, growth, both = log_rising(r, alpha, tail), np.log1p(T / alpha), alpha + T
        by_alpha = (r * T - x * alpha) / (alpha * both)
        cross = T / (alpha * both)
        bend = -(x * alpha * both + (r * T - x * alpha) * (alpha + both)) / (alpha * both) ** 2
        return Point(
            rising.value - float((n * (r + x) * growth).sum()),
            np.array([rising.gradient[0] - (n * growth).sum(), (n * by_alpha).sum()]),
            np.array([[rising.hessian[0, 0], (n * cross).sum()], [(n * cross).sum(), (n * bend).sum()]]),
        )

    return log_likelihood


def fit_nbd(histories):
    return maximum_likelihood(
        NBD, nbd_likelihood(histories), starts=[(1, 10)], n_customers=histories.n_customers, facts={}
    )


@pytest.fixture(scope="module")
def histories(cdnow):
    return Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T)


def test_a_model_written_in_a_dozen_lines_reproduces_its_reference(histories):
    fit = fit_nbd(histories)
    assert fit.converged
    assert list(fit.parameters.values()) == pytest.approx([0.3847661, 12.0720225], rel=1e-6)
    assert fit.log_likelihood == pytest.approx(-9763.657615, abs=1e-5)


def test_derivatives_by_coordinates_follow_from_those_by_parameters():
    # any function of the parameters: products and logarithms of (r, α, a, b)
    form = Form("any", unit="weeks", scales=(purchase_rate("r", "alpha"), leaving_chance("a", "b")))

    def function(values):
        r, alpha, a, b = values
        gradient = np.array([alpha * b, r * b - 1 / alpha, 2 * a, r * alpha - 1 / b])
        hessian = np.array([[0, b, 0, alpha], [b, alpha**-2, 0, r], [0, 0, 2, 0], [alpha, r, 0, b**-2]])
        return Point(r * alpha * b - np.log(alpha) + a * a - np.log(b), gradient, hessian)

    objective = form.in_coordinates(function)
    theta = np.array([-0.3, 0.4, -1.2, 0.7])
    point = objective(theta)
    for index in range(4):
        step = np.zeros(4)
        step[index] = 1e-6
        ahead, behind = objective(theta + step), objective(theta - step)
        assert point.gradient[index] == pytest.approx((ahead.value - behind.value) / 2e-6, rel=1e-7)
        np.testing.assert_allclose(point.hessian[index], (ahead.gradient - behind.gradient) / 2e-6, rtol=1e-7)


@pytest.mark.parametrize("values", [(0.25, 4.4, 0.8, 2.4), (1e8, 3e8, 1e-15, 1.0), (5, 1e-3, 3e7, 7e7)])
def test_the_way_from_parameters_to_coordinates_and_back_ends_where_it_began(values):
    back = bg_nbd.FORM.natural(bg_nbd.FORM.theta(values))[0]
    assert back == pytest.approx(values, rel=1e-13)


def test_confidence_intervals_are_positive_and_symmetric_on_the_logarithm(cdnow_purchases):
    fit = cdnow_purchases.fit
    low, high = confidence_interval(fit, "a", 0.95)
    # exp(ln .79292 ± 1.959964 · .18573/.79292): by hand .50101 and 1.25492
    assert (low, high) == pytest.approx((0.501009, 1.254919), rel=1e-5)
    assert low * high == pytest.approx(fit.parameters["a"] ** 2)
    wider = confidence_interval(fit, "a", 0.999999)
    assert 0 < wider[0] < low < high < wider[1]


def test_a_parameter_without_standard_error_has_no_interval(cdnow_purchases):
    fit = replace(cdnow_purchases.fit, std_errors={"r": None, "alpha": None, "a": None, "b": None})
    assert confidence_interval(fit, "a") is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        confidence_interval(fit, "a", 95)


def test_the_variance_of_a_parameter_is_its_squared_standard_error(cdnow_purchases):
    fit = cdnow_purchases.fit
    for name, error in fit.std_errors.items():
        assert derived_variance(lambda one, name=name: one.parameters[name], fit) == pytest.approx(error**2, rel=1e-6)


def test_the_variance_of_a_ratio_is_that_of_the_formula_in_textbooks(cdnow_purchases):
    # mean a/(a+b): gradient (b, −a)/(a+b)²
    fit = cdnow_purchases.fit
    a, b = fit.parameters["a"], fit.parameters["b"]
    gradient = np.array([b, -a]) / (a + b) ** 2
    expected = gradient @ fit.covariance[2:, 2:] @ gradient

    def share(one):
        return one.parameters["a"] / (one.parameters["a"] + one.parameters["b"])

    assert derived_variance(share, fit) == pytest.approx(expected, rel=1e-6)


def test_a_forecast_has_a_variance_also_at_a_limit():
    # everybody leaves with the same chance: a and b have no standard errors, the forecast has one
    fit = bg_nbd.fit(Histories.from_arrays(*simulate(4, 3000, 0.02, 0.2, 900))).fit
    assert fit.std_errors["a"] is None
    variance = derived_variance(lambda one: float(BgNbd(one).expected_purchases(52)), fit)
    # 3,000 customers with about three purchases each: a relative error between 1 and 3 %
    assert 0.005 < np.sqrt(variance) / float(BgNbd(fit).expected_purchases(52)) < 0.04


def test_a_model_that_leaves_customers_a_choice_never_ends_below_the_model_without():
    # NBD is BG/NBD with nobody leaving: on any data the larger one must be at least as likely
    random = np.random.default_rng(11)
    for seed in range(12):
        shape = random.choice([0.3, 1.0, 5.0])
        customers = int(random.choice([6, 40, 300]))
        rate = random.gamma(shape, 0.03 / shape, customers)
        leave = random.choice([0.0, 0.02, 0.3])
        some = Histories.from_arrays(*simulate(seed, customers, rate, leave, 500))
        if some.x.max() > 0:
            assert bg_nbd.fit(some).fit.log_likelihood >= fit_nbd(some).log_likelihood - 1e-6


def test_a_search_that_fails_says_so_in_numbers_and_gives_no_standard_errors():
    # a gradient that points downhill: no step gains anything
    def lying(parameters):
        r, alpha = np.log(parameters)
        return Point(-r * r - alpha * alpha, np.array([2 * r, 2 * alpha]) / parameters, -np.eye(2))

    fit = maximum_likelihood(NBD, lying, starts=[(2, 1), (2, 3)], n_customers=3, facts={}, pilot=lying)
    assert not fit.converged
    assert set(fit.std_errors.values()) == {None}
    assert any("did not converge: from each of 2 starts a slope was left" in warning for warning in fit.warnings)
    assert (fit.covariance == 0).all()
    # the better of the two ends, with parameters to predict from
    assert fit.parameters == pytest.approx({"r": 2, "alpha": 1})


def test_a_likelihood_that_is_never_finite_is_an_error():
    def nowhere(parameters):
        return Point(float("nan"), np.full(2, np.nan), np.full((2, 2), np.nan))

    with pytest.raises(FitError, match="no finite likelihood for these 3 customers") as caught:
        maximum_likelihood(NBD, nowhere, starts=[(1, 1)], n_customers=3, facts={})
    assert caught.value.exit_code == 5


# --- the convergence report ---


def test_a_maximum_inside_has_no_flat_direction(cdnow_purchases, cdnow_money):
    assert cdnow_purchases.fit.flat == cdnow_money.fit.flat == ()


def test_a_maximum_at_a_limit_names_the_parameters_that_move_along_it():
    # everybody leaves with the same chance: only a ÷ (a + b) is determined
    shared = bg_nbd.fit(Histories.from_arrays(*simulate(4, 3000, 0.02, 0.2, 900))).fit
    assert "a + b with a ÷ (a + b) fixed" in shared.flat
    # nobody leaves: a + b has no meaning either
    staying = bg_nbd.fit(Histories.from_arrays(*simulate(5, 500, np.random.default_rng(1).gamma(1, 0.02, 500), 0, 900)))
    assert staying.fit.flat == ("a ÷ (a + b)", "a + b with a ÷ (a + b) fixed")


def test_a_ridge_that_the_search_does_not_leave_is_named():
    # a likelihood that knows r ÷ alpha alone, and climbs in it without end: no maximum, and no curvature in the shape
    form = Form("ridge", unit="weeks", scales=(purchase_rate("r", "alpha"),))

    def ridge(values):
        r, alpha = values
        rate = r / alpha
        gradient = np.array([1 / alpha, -rate / alpha])
        hessian = np.array([[0, -1 / alpha**2], [-1 / alpha**2, 2 * rate / alpha**2]])
        return Point(rate, gradient, hessian)

    fit = maximum_likelihood(form, ridge, starts=[(1, 10)], n_customers=1, facts={})
    assert not fit.converged or fit.flat
    assert any("r and alpha with r ÷ alpha fixed" in direction for direction in fit.flat)


@pytest.mark.parametrize("name", ["bg_nbd", "mbg_nbd", "pareto_nbd", "nbd", "gamma_gamma"])
def test_every_coordinate_has_a_name(name):
    from importlib import import_module

    names = [coordinate.name for coordinate in import_module(f"clvtool.models.{name}").FORM.coordinates]
    assert all(names)
    assert len(set(names)) == len(names)
