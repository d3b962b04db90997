from dataclasses import replace

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvtool.errors import DataError, FitError
from clvtool.models import gamma_gamma
from clvtool.models.gamma_gamma import GammaGamma


def simulate(seed, customers, p, q, gamma):
    """Draw (x, m) straight from the assumptions of the model."""
    random = np.random.default_rng(seed)
    x = random.geometric(0.3, customers)
    return x, random.gamma(p * x, 1 / (x * random.gamma(q, 1 / gamma, customers)))


def bits(fit):
    return repr(fit.parameters), fit.covariance.tobytes(), repr(fit.log_likelihood), repr(fit.facts)


# --- the CDNOW sample ---


def test_the_fit_is_that_of_the_note_to_its_digits(cdnow_money):
    fit = cdnow_money.fit
    assert {name: round(value, 2) for name, value in fit.parameters.items()} == {"p": 6.25, "q": 3.74, "gamma": 15.44}
    assert round(fit.log_likelihood, 2) == -4055.92


def test_the_fit_is_the_maximum_to_seven_digits(cdnow_money):
    fit = cdnow_money.fit
    assert fit.converged
    assert fit.gradient_norm < 1e-4
    assert fit.parameters == pytest.approx({"p": 6.2495730, "q": 3.7442246, "gamma": 15.4435188}, rel=1e-6)
    assert fit.log_likelihood == pytest.approx(-4055.917695, abs=1e-5)
    assert (fit.n_customers, cdnow_money.dropped) == (946, 0)
    assert cdnow_money.population_mean() == pytest.approx(35.17037, abs=1e-5)


def test_the_expected_value_of_the_first_ten_customers(cdnow, cdnow_money):
    expected = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert cdnow_money.expected_value(cdnow.x[:10], cdnow.m[:10]) == pytest.approx(expected, abs=6e-3)


def test_frequent_customers_who_spend_more_are_told_with_the_figures(cdnow, cdnow_money):
    facts = cdnow_money.fit.facts
    assert facts["purchase_weighted_mean"] == pytest.approx((cdnow.x * cdnow.m).sum() / cdnow.x.sum())
    repeats = cdnow.x > 0
    assert facts["observed_mean"] == pytest.approx(cdnow.m[repeats].mean())
    assert facts["correlation"] == pytest.approx(np.corrcoef(cdnow.x[repeats], cdnow.m[repeats])[0, 1])
    # 38.81 is 10.3 % above 35.17
    (warning,) = cdnow_money.fit.warnings
    assert "38.81" in warning
    assert "35.17" in warning
    assert "0.114" in warning


# --- the likelihood ---


def exact_likelihood(x, m, p, q, gamma):
    """Equation (1a) of note 025 as it stands there, with 60 digits."""
    with mpmath.workdps(60):
        p, q, gamma = map(mpmath.mpf, (p, q, gamma))
        total = mpmath.mpf(0)
        for n, mean in zip(x, map(mpmath.mpf, m), strict=True):
            A = p * int(n)
            total += (
                mpmath.loggamma(A + q) - mpmath.loggamma(A) - mpmath.loggamma(q)
                + q * mpmath.log(gamma) + (A - 1) * mpmath.log(mean) + A * mpmath.log(int(n))
                - (A + q) * mpmath.log(gamma + mean * int(n))
            )  # fmt: skip
        return float(total)


X = np.array([1, 1, 2, 3, 3, 9, 150])
M = np.array([3.2, 50.0, 7.5, 0.01, 22.0, 31.0, 28.5])
PLACES = [(6.2, 3.7, 15.4), (0.05, 0.3, 900.0), (80.0, 2.0, 0.6)]
LIMITS = [(1e6, 3.0, 5e-5), (5.0, 1e6, 4e6), (1e6, 1e6, 20.0)]


@pytest.mark.parametrize("place", PLACES + LIMITS)
def test_the_likelihood_agrees_with_the_note_s_in_60_digits_also_at_the_limits(place):
    data = gamma_gamma._Data.of(X, M)  # noqa: SLF001 (the likelihood is not public)
    # the last limit has a log-likelihood of −3e7: ten digits are all that the terms have
    assert data.log_likelihood(np.array(place)).value == pytest.approx(exact_likelihood(X, M, *place), rel=1e-10)


@pytest.mark.parametrize("place", [*PLACES, (2000.0, 4.0, 0.04), (5.0, 4000.0, 16000.0)])
def test_gradient_and_hessian_are_those_of_finite_differences(place):
    likelihood = gamma_gamma._Data.of(X, M).log_likelihood  # noqa: SLF001
    place = np.array(place)
    point = likelihood(place)
    for index in range(3):
        step = np.zeros(3)
        step[index] = 1e-5 * place[index]
        ahead, behind = likelihood(place + step), likelihood(place - step)
        assert point.gradient[index] == pytest.approx((ahead.value - behind.value) / (2 * step[index]), rel=1e-6)
        np.testing.assert_allclose(
            point.hessian[index], (ahead.gradient - behind.gradient) / (2 * step[index]), rtol=1e-5, atol=1e-9
        )


# --- what must not change a fit, and what a fit must find ---


def test_the_order_of_customers_changes_no_bit_of_a_fit(cdnow, cdnow_money):
    order = np.random.default_rng(3).permutation(cdnow.x.size)
    assert bits(gamma_gamma.fit(cdnow.x[order], cdnow.m[order]).fit) == bits(cdnow_money.fit)


def test_the_order_changes_nothing_for_customers_with_very_many_purchases():
    # beyond 65,535 purchases, sorting takes another way
    x, m = simulate(1, 500, 6, 4, 15)
    x[:3] = [70_000, 2, 70_000]
    order = np.random.default_rng(3).permutation(500)
    assert bits(gamma_gamma.fit(x[order], m[order]).fit) == bits(gamma_gamma.fit(x, m).fit)


def test_customers_without_repeat_purchase_do_not_count(cdnow, cdnow_money):
    repeats = cdnow.x > 0
    assert bits(gamma_gamma.fit(cdnow.x[repeats], cdnow.m[repeats]).fit) == bits(cdnow_money.fit)


@pytest.mark.parametrize("factor", [1e-6, 0.01, 3.7, 1e9])
def test_another_currency_changes_gamma_and_nothing_else(cdnow, cdnow_money, factor):
    one, other = cdnow_money.fit, gamma_gamma.fit(cdnow.x, cdnow.m * factor).fit
    scale = {"p": 1, "q": 1, "gamma": factor}
    assert other.parameters == pytest.approx({name: one.parameters[name] * scale[name] for name in scale}, rel=1e-10)
    assert other.std_errors == pytest.approx({name: one.std_errors[name] * scale[name] for name in scale}, rel=1e-8)
    assert GammaGamma(other).population_mean() == pytest.approx(cdnow_money.population_mean() * factor, rel=1e-12)
    # density of money: ln L falls by ln(factor) per customer
    assert other.log_likelihood == pytest.approx(one.log_likelihood - 946 * np.log(factor), rel=1e-12)


def test_the_parameters_of_a_simulated_shop_are_found_within_their_errors():
    x, m = simulate(7, 100_000, 6.25, 3.74, 15.44)
    fit = gamma_gamma.fit(x, m).fit
    assert fit.converged
    assert fit.warnings == ()
    for name, truth in {"p": 6.25, "q": 3.74, "gamma": 15.44}.items():
        assert fit.parameters[name] == pytest.approx(truth, abs=4 * fit.std_errors[name])
        assert fit.std_errors[name] < 0.03 * truth


# --- predictions ---


def test_the_expected_value_lies_between_the_customer_s_mean_and_that_of_all(cdnow_money):
    # by hand for x = 4, m = 100: p (γ + 400)/(4 p + q − 1) = 6.24957 · 415.44352 / 27.74252
    assert float(cdnow_money.expected_value(4, 100)) == pytest.approx(93.5872, abs=1e-3)
    mean = cdnow_money.population_mean()
    many = cdnow_money.expected_value([0, 1, 5, 50, 5000], 100.0)
    assert many[0] == pytest.approx(mean, rel=1e-14)
    assert (np.diff(many) > 0).all()
    assert many[-1] == pytest.approx(100, rel=1e-3)


def test_more_refunded_than_bought_counts_as_nothing(cdnow_money):
    refunded, nothing = cdnow_money.expected_value([2, 2], [-40.0, 0.0])
    assert refunded == nothing > 0


def test_the_mean_of_a_customer_without_repeat_purchase_does_not_matter(cdnow_money):
    assert cdnow_money.expected_value([0, 0], [float("nan"), 7.0]).tolist() == [cdnow_money.expected_value(0, 0.0)] * 2


def test_without_a_finite_mean_of_all_the_observed_one_stands_in():
    x, m = simulate(8, 4000, 6, 0.7, 15)
    model = gamma_gamma.fit(x, m)
    assert model.fit.parameters["q"] < 1
    assert model.population_mean() is None
    assert any("no finite value (q = 0.7" in warning for warning in model.fit.warnings)
    value = model.expected_value([0, 1, 100], [0.0, 20.0, 20.0])
    assert value[0] == model.fit.facts["observed_mean"] == pytest.approx(m.mean())
    assert value[1] > 20  # drawn up: the mean of all is above any
    assert value[2] == pytest.approx(20, rel=0.02)
    # and where even a customer's own purchases do not make it finite: p x + q ≤ 1
    little = GammaGamma(replace(model.fit, parameters={"p": 0.1, "q": 0.5, "gamma": 3.0}))
    assert little.expected_value([5, 6], [20.0, 20.0])[0] == model.fit.facts["observed_mean"]
    assert 0 < little.expected_value(6, 20.0) < 1000


# --- limits and refusals ---


def test_customers_who_all_spend_the_same():
    model = gamma_gamma.fit([1, 2, 3, 1, 1], [9.99] * 5)
    assert model.fit.converged
    text = " ".join(model.fit.warnings)
    assert "each customer's purchases are all worth the same" in text
    assert "all customers spend alike, 9.99 per purchase" in text
    assert set(model.fit.std_errors.values()) == {None}
    assert model.population_mean() == pytest.approx(9.99, rel=1e-5)
    assert model.expected_value([0, 3], [0, 9.99]) == pytest.approx([9.99, 9.99], rel=1e-5)


def test_customers_who_differ_by_chance_only():
    # purchases differ, but evenly: over 100 purchases each, every customer has spent the same
    x = np.array([1] * 20 + [100] * 10)
    m = np.concatenate([np.linspace(5, 35, 20), np.full(10, 20.0)])
    model = gamma_gamma.fit(x, m)
    assert any("all customers spend alike, 20 per purchase" in warning for warning in model.fit.warnings)
    assert model.fit.std_errors["p"] is not None
    assert (model.fit.std_errors["q"], model.fit.std_errors["gamma"]) == (None, None)
    assert model.expected_value([0, 1], [0, 35.0]) == pytest.approx([20, 20], rel=1e-3)


def test_customers_who_never_vary_themselves():
    # means of one purchase spread as those of many: all of the difference is between customers
    random = np.random.default_rng(9)
    model = gamma_gamma.fit(random.geometric(0.3, 2000), 6 / random.gamma(3, 1 / 15, 2000))
    assert any("each customer's purchases are all worth the same" in warning for warning in model.fit.warnings)
    assert model.fit.std_errors["p"] is None
    assert model.expected_value([1, 9], [20.0, 300.0]) == pytest.approx([20, 300], rel=1e-3)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0.01, 1e5)), min_size=1, max_size=6))
def test_any_few_customers_give_finite_positive_values(rows):
    x, m = (np.array(column) for column in zip(*rows, strict=True))
    model = gamma_gamma.fit(x, m)
    assert all(np.isfinite(value) and value > 0 for value in model.fit.parameters.values())
    values = model.expected_value(np.append(x, 0), np.append(m, 0.0))
    assert (values > 0).all()
    assert np.isfinite(values).all()


def test_customers_whose_refunds_exceed_their_purchases_are_left_out_and_counted():
    x, m = simulate(10, 300, 6, 4, 15)
    model = gamma_gamma.fit(np.append(x, [2, 5, 0]), np.append(m, [-3.0, 0.0, 0.0]))
    assert model.dropped == 2
    assert any("2 of 302 repeat customers" in warning for warning in model.fit.warnings)
    assert repr(model.fit.parameters) == repr(gamma_gamma.fit(x, m).fit.parameters)


def test_nothing_to_fit_is_refused_with_the_numbers():
    with pytest.raises(FitError, match="of 3 customers 2 bought again, and 2 of these without") as caught:
        gamma_gamma.fit([0, 1, 2], [0.0, 0.0, -5.0])
    assert caught.value.exit_code == 5
    with pytest.raises(FitError, match="of 0 customers"):
        gamma_gamma.fit([], [])


def test_columns_that_do_not_match_are_refused():
    with pytest.raises(DataError, match="one length"):
        gamma_gamma.fit([1, 2], [3.0])
    with pytest.raises(DataError, match="whole numbers"):
        gamma_gamma.fit([1.5], [3.0])
