from dataclasses import replace

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import simulate

from clvtool.errors import FitError
from clvtool.models import bg_nbd
from clvtool.models.bg_nbd import BgNbd
from clvtool.models.histories import Histories
from clvtool.models.leaving_likelihood import LeavingLikelihood
from clvtool.models.purchases import weekly_delta

# our own maximum for CDNOW, found with several solvers; the papers stopped theirs at three digits
OWN = {"r": 0.2425945, "alpha": 4.4136016, "a": 0.7929220, "b": 2.4259071}


def with_parameters(model, r, alpha, a, b):
    return BgNbd(replace(model.fit, parameters={"r": r, "alpha": alpha, "a": a, "b": b}))


def finite_everywhere(model, histories):
    """Check that every prediction for these customers is a number one can use; return the expected purchases."""
    x, t_x, T = histories.x, histories.t_x / 7, histories.T / 7
    alive = model.p_alive(x, t_x, T)
    assert ((alive >= 0) & (alive <= 1)).all()
    expected = model.conditional_expected_purchases(52, x, t_x, T)
    discounted = model.discounted_conditional_purchases(52, weekly_delta(0.1), x, t_x, T)
    assert np.isfinite(expected).all()
    assert ((discounted > 0) | (alive < 1e-12)).all()
    assert (discounted <= expected).all()
    assert 0 < model.discounted_expected_purchases(52, weekly_delta(0.1)) < float(model.expected_purchases(52))
    return expected


# --- the CDNOW sample ---


def test_the_data_are_those_of_the_papers(cdnow):
    assert (cdnow.x.size, cdnow.x.sum(), (cdnow.x == 0).sum(), cdnow.held_out.sum()) == (2357, 2457, 1411, 1882)


def test_the_fit_is_that_of_the_paper_to_its_digits(cdnow_purchases):
    fit = cdnow_purchases.fit
    assert {name: round(value, 3) for name, value in fit.parameters.items()} == {
        "r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426
    }  # fmt: skip
    assert round(fit.log_likelihood, 1) == -9582.4


def test_the_fit_is_the_maximum_to_seven_digits(cdnow_purchases):
    fit = cdnow_purchases.fit
    assert fit.converged
    assert fit.warnings == ()
    assert fit.gradient_norm < 1e-4
    assert fit.parameters == pytest.approx(OWN, rel=1e-6)
    assert fit.log_likelihood == pytest.approx(-9582.429207, abs=1e-5)
    assert fit.std_errors == pytest.approx({"r": 0.01256, "alpha": 0.37822, "a": 0.18573, "b": 0.70541}, rel=5e-4)
    assert (fit.n_customers, fit.facts["repeat_purchases"], fit.facts["repeat_customers"]) == (2357, 2457, 946)


def test_expected_purchases_of_a_new_customer_are_those_of_the_paper(cdnow_purchases):
    # computed there from a fit stopped a little early: equal to 1e-3, or to the four digits printed
    weeks = [0.1429, 1, 3, 31.8571, 32, 78]
    expected = [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576]
    assert cdnow_purchases.expected_purchases(weeks) == pytest.approx(expected, rel=1e-3, abs=5e-5)


def test_expected_purchases_of_the_paper_s_customer(cdnow_purchases):
    assert float(cdnow_purchases.conditional_expected_purchases(39, 2, 30.43, 38.86)) == pytest.approx(1.226, abs=5e-4)


def test_purchases_in_the_hold_out_period(cdnow, cdnow_purchases):
    # 39 weeks to 1998-06-30; observed were 1882
    assert cdnow_purchases.conditional_expected_purchases(39, *cdnow.weeks).sum() == pytest.approx(1653.408, abs=2e-3)


def test_customers_of_one_purchase_are_alive(cdnow_purchases):
    assert cdnow_purchases.p_alive([0, 0], [0, 0], [1, 500]).tolist() == [1, 1]


# --- the likelihood ---


@pytest.mark.parametrize(("x", "t_x", "value"), [(0, 0, -0.59947382), (200, 38, 100.7957)])
def test_likelihood_of_one_history_as_other_packages_get_it(x, t_x, value):
    one = LeavingLikelihood.of(Histories.from_arrays([x], [7 * t_x], [7 * 40]), first=0)
    assert one.log_likelihood(np.array([0.25, 4, 0.8, 2.5])).value == pytest.approx(value, rel=1e-6)


def exact_likelihood(histories, r, alpha, a, b):
    """Equation (6) of the paper as it stands there, with 60 digits."""
    with mpmath.workdps(60):
        r, alpha, a, b = map(mpmath.mpf, (r, alpha, a, b))
        total = mpmath.mpf(0)
        for x, t_x, T, n in zip(histories.x, histories.t_x, histories.T, histories.count, strict=True):
            x, t_x, T = int(x), mpmath.mpf(int(t_x)) / 7, mpmath.mpf(int(T)) / 7  # noqa: PLW2901 (exact from here)
            alive = mpmath.beta(a, b + x) / mpmath.beta(a, b) / (alpha + T) ** (r + x)
            gone = mpmath.beta(a + 1, b + x - 1) / mpmath.beta(a, b) / (alpha + t_x) ** (r + x) if x else 0
            total += int(n) * (mpmath.log(mpmath.gammaprod([r + x], [r]) * alpha**r * (alive + gone)))
        return float(total)


FEW = Histories.from_arrays(
    [0, 1, 1, 2, 7, 40, 0, 1], [0, 7, 90, 33, 200, 361, 0, 7], [50, 200, 91, 300, 210, 900, 7, 200]
)
PLACES = [(0.25, 4.4, 0.8, 2.4), (5.0, 30.0, 0.05, 0.1), (0.01, 0.2, 40.0, 90.0)]
LIMITS = [(1e8, 2e9, 0.8, 2.4), (0.3, 5.0, 2e11, 8e11), (0.3, 5.0, 1e-15, 1.0), (0.3, 5.0, 0.5, 1e-15)]


@pytest.mark.parametrize("place", PLACES + LIMITS)
def test_the_likelihood_agrees_with_the_paper_s_in_60_digits_also_at_the_limits(place):
    value = LeavingLikelihood.of(FEW, first=0).log_likelihood(np.array(place)).value
    assert value == pytest.approx(exact_likelihood(FEW, *place), rel=1e-12)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("place", PLACES)
def test_gradient_and_hessian_are_those_of_finite_differences(place, first):
    likelihood = LeavingLikelihood.of(FEW, first).log_likelihood
    place = np.array(place)
    point = likelihood(place)
    np.testing.assert_array_equal(point.hessian, point.hessian.T)
    for index in range(4):
        step = np.zeros(4)
        step[index] = 1e-5 * place[index]
        ahead, behind = likelihood(place + step), likelihood(place - step)
        assert point.gradient[index] == pytest.approx((ahead.value - behind.value) / (2 * step[index]), rel=1e-6)
        np.testing.assert_allclose(
            point.hessian[index], (ahead.gradient - behind.gradient) / (2 * step[index]), rtol=1e-6, atol=1e-9
        )


def test_there_is_no_false_maximum_where_everybody_shares_one_chance(cdnow):
    # an optimiser on betaln found +298,588 there
    likelihood = LeavingLikelihood.of(Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T), first=0).log_likelihood
    values = [likelihood(np.array([0.24, 4.4, size / 4, size * 3 / 4])).value for size in (1e4, 1e8, 1e12, 1e15)]
    assert max(values) < -9582.43
    assert values[1:] == pytest.approx([values[-1]] * 3, abs=1e-3)


# --- predictions ---


def alive_by_bayes(x, t_x, T, r, alpha, a, b):
    """Return the share of the likelihood that belongs to having not left, with 50 digits."""
    with mpmath.workdps(50):
        r, alpha, a, b, t_x, T = map(mpmath.mpf, (r, alpha, a, b, t_x, T))
        gone = a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x)
        return float(1 / (1 + gone))


@pytest.mark.parametrize("x", [1, 2, 30, 300, 20_000])
@pytest.mark.parametrize("a", [1e-15, 0.8, 1.0, 50.0])
def test_p_alive_keeps_its_digits_for_any_number_of_purchases(cdnow_purchases, x, a):
    model = with_parameters(cdnow_purchases, 0.25, 4.5, a, 2.4)
    for t_x, T in [(38.0, 38.0), (38.0, 38.01), (38.0, 60.0), (0.2, 400.0)]:
        expected = alive_by_bayes(x, t_x, T, 0.25, 4.5, a, 2.4)
        # a probability of 1e-9000 is 0; the exponent (r + x) ln(…) has 16 digits before exp
        assert float(model.p_alive(x, t_x, T)) == pytest.approx(expected, rel=1e-13 * (1 + x), abs=1e-300)


def test_expected_purchases_conditional_on_a_history_by_numerical_integration(cdnow_purchases):
    # over the posterior of p of a customer who is alive: an independent way to equation (10)
    r, alpha, a, b = OWN.values()
    for x, T, t in [(0, 3.0, 39.0), (2, 38.86, 39.0), (29, 38.0, 1e-4), (4, 30.0, 500.0)]:
        with mpmath.workdps(30):
            y, rho = mpmath.mpf(t) / (alpha + T), r + x
            total = mpmath.quad(
                lambda p, y=y, rho=rho, x=x: (1 - (1 + p * y) ** -rho) / p * p ** (a - 1) * (1 - p) ** (b + x - 1),
                [0, 1e-6, 1e-3, 0.01, 0.1, 0.5, 1],
            )
            expected = float(total / mpmath.beta(a, b + x))
        assert float(cdnow_purchases.purchases_if_alive(t, x, T)) == pytest.approx(expected, rel=1e-6)


def test_a_column_of_customers_is_predicted_as_each_alone(cdnow, cdnow_purchases):
    # the column is computed once for each distinct (x, T)
    x, t_x, T = (one[:300] for one in cdnow.weeks)
    delta = weekly_delta(0.15)
    together = cdnow_purchases.conditional_expected_purchases(39, x, t_x, T)
    discounted = cdnow_purchases.discounted_conditional_purchases(52, delta, x, t_x, T)
    for at in range(0, 300, 29):
        one = x[at], t_x[at], T[at]
        assert together[at] == pytest.approx(float(cdnow_purchases.conditional_expected_purchases(39, *one)), rel=1e-14)
        alone = cdnow_purchases.discounted_conditional_purchases(52, delta, *one)
        assert discounted[at] == pytest.approx(float(alone), rel=1e-14)


def test_customers_who_share_nothing_are_predicted_all_the_same(cdnow_purchases):
    # 3,000 counts by 3,000 ages: a table of all pairs would be larger than it is worth
    x, T = np.arange(1.0, 3001), 1000 + np.arange(3000) / 7
    together = cdnow_purchases.conditional_expected_purchases(10, x, T - 1, T)
    for at in (0, 1234, 2999):
        alone = float(cdnow_purchases.conditional_expected_purchases(10, x[at], T[at] - 1, T[at]))
        assert together[at] == pytest.approx(alone, rel=1e-13)


def test_times_ahead_may_differ_between_customers(cdnow, cdnow_purchases):
    x, t_x, T = (one[:50] for one in cdnow.weeks)
    ahead = np.linspace(0, 100, 50)
    expected = cdnow_purchases.conditional_expected_purchases(ahead, x, t_x, T)
    assert expected[0] == 0
    assert expected[7] == pytest.approx(
        float(cdnow_purchases.conditional_expected_purchases(ahead[7], x[7], t_x[7], T[7])), rel=1e-14
    )


def test_the_discount_rate_is_annual():
    # 10 % a year of 365.25 days: e^(−52.178571 δ) = 1/1.1
    assert np.exp(-weekly_delta(0.10) * 365.25 / 7) == pytest.approx(1 / 1.1, rel=1e-15)
    assert weekly_delta(0) == 0
    with pytest.raises(ValueError, match="above -1"):
        weekly_delta(-1)


@pytest.mark.parametrize(
    "parameters",
    [tuple(OWN.values()), (0.25, 1e-4, 0.8, 2.4), (40.0, 20.0, 3.0, 12.0), (1e8, 5e7, 4.0, 16.0), (2.0, 0.5, 9.0, 1.0)],
)
@pytest.mark.parametrize(("horizon", "annual"), [(52.18, 0.10), (5.0, 0.0), (520.0, 0.5)])
def test_discounted_purchases_of_a_new_customer_are_the_sum_over_short_steps(
    cdnow_purchases, parameters, horizon, annual
):
    # purchases within each of many short steps, discounted from the middle of the step: the steps grow with time, as
    # purchases thin out; the error is below the square of a step's discount and of its share of all purchases
    model = with_parameters(cdnow_purchases, *parameters)
    delta = weekly_delta(annual)
    edges = np.unique(np.concatenate([[0.0], np.geomspace(1e-9, horizon, 5000), np.linspace(0, horizon, 5001)]))
    purchases = np.diff(model.expected_purchases(edges))
    expected = (purchases * np.exp(-delta * (edges[1:] + edges[:-1]) / 2)).sum()
    assert model.discounted_expected_purchases(horizon, delta) == pytest.approx(expected, rel=1e-6)


def test_without_discount_purchases_count_in_full(cdnow, cdnow_purchases):
    full = cdnow_purchases.conditional_expected_purchases(52, *cdnow.weeks)
    assert cdnow_purchases.discounted_conditional_purchases(52, 0.0, *cdnow.weeks) == pytest.approx(full, rel=1e-14)
    assert cdnow_purchases.discounted_expected_purchases(0, 0.002) == 0


@pytest.mark.parametrize("horizon", [float("inf"), float("nan"), -1.0])
def test_an_infinite_or_negative_horizon_is_refused(cdnow_purchases, horizon):
    with pytest.raises(ValueError, match="finite number of weeks"):
        cdnow_purchases.discounted_expected_purchases(horizon, 0.002)
    with pytest.raises(ValueError, match="finite number of weeks"):
        cdnow_purchases.conditional_expected_purchases(horizon, 2, 30, 38)


def test_no_customers_have_no_predictions(cdnow_purchases):
    assert cdnow_purchases.conditional_expected_purchases(52, [], [], []).shape == (0,)
    assert cdnow_purchases.discounted_conditional_purchases(52, 0.002, [], [], []).shape == (0,)


# --- what must not change a fit, and what a fit must find ---


def bits(fit):
    return repr(fit.parameters), fit.covariance.tobytes(), repr(fit.log_likelihood), repr(fit.std_errors)


def test_the_order_of_customers_changes_no_bit_of_a_fit(cdnow, cdnow_purchases):
    order = np.random.default_rng(3).permutation(cdnow.x.size)
    shuffled = bg_nbd.fit(Histories.from_arrays(cdnow.x[order], cdnow.t_x[order], cdnow.T[order]))
    assert bits(shuffled.fit) == bits(cdnow_purchases.fit)


@pytest.fixture(scope="module")
def large():
    """150,000 customers: more distinct histories than the small part in which the search begins."""
    random = np.random.default_rng(20)
    n = 150_000
    rate, leave = random.gamma(0.75, 1 / 90, n), random.beta(0.8, 3.0, n)
    return simulate(21, n, rate, leave, 3000)


def test_the_parameters_of_a_simulated_shop_are_found_within_their_errors(large):
    histories = Histories.from_arrays(*large)
    assert histories.x.size > 40_000
    fit = bg_nbd.fit(histories).fit
    assert fit.converged
    assert fit.warnings == ()
    # the shop is simulated in days: α = 90 days; purchases on the next full day and one a day cost a little accuracy
    for name, truth in {"r": 0.75, "alpha": 90 / 7, "a": 0.8, "b": 3.0}.items():
        assert fit.parameters[name] == pytest.approx(truth, abs=4 * fit.std_errors[name] + 0.03 * truth)
        assert fit.std_errors[name] < 0.05 * truth


def test_a_search_that_begins_in_a_small_part_ends_at_the_maximum_of_all(large):
    histories = Histories.from_arrays(*large)
    fit = bg_nbd.fit(histories).fit
    point = LeavingLikelihood.of(histories, 0).log_likelihood(np.array(list(fit.parameters.values())))
    # the slope of each parameter, in units of its standard error: no distance to the top
    assert np.abs(point.gradient * np.array(list(fit.std_errors.values()))).max() < 1e-5
    assert np.linalg.eigvalsh(-point.hessian).min() > 0


histories_of_a_few = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 400), st.integers(0, 400)), min_size=1, max_size=8
)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(histories_of_a_few)
def test_any_few_customers_give_finite_predictions_or_a_clear_refusal(rows):
    x = np.array([row[0] for row in rows])
    t_x = np.array([row[1] if row[0] else 0 for row in rows])
    histories = Histories.from_arrays(x, t_x, t_x + [row[2] for row in rows])
    if x.sum() == 0:
        with pytest.raises(FitError):
            bg_nbd.fit(histories)
        return
    model = bg_nbd.fit(histories)
    assert all(np.isfinite(value) and value > 0 for value in model.fit.parameters.values())
    finite_everywhere(model, histories)


# --- limits: said in words ---


def test_nobody_leaves():
    # everybody has bought lately, however long ago they began: 20, 40, … days apart until the last day
    T = np.arange(100, 900, 4)
    x = T // np.tile([20, 40, 80, 10], 50)
    histories = Histories.from_arrays(x, T - 1, T)
    model = bg_nbd.fit(histories)
    assert model.fit.converged
    assert any(
        "no customer leaving" in warning and "chance of leaving is 0" in warning for warning in model.fit.warnings
    )
    assert model.fit.std_errors["a"] is None
    assert model.fit.std_errors["b"] is None
    assert model.p_alive(x, (T - 1) / 7, T / 7).min() > 0.999999
    finite_everywhere(model, histories)
    # without leaving, purchases grow in proportion to time: r/α · t
    rate = model.fit.parameters["r"] / model.fit.parameters["alpha"]
    assert model.expected_purchases([10, 1000]) == pytest.approx([10 * rate, 1000 * rate], rel=1e-9)


def test_everybody_leaves_with_the_same_chance():
    histories = Histories.from_arrays(*simulate(4, 3000, np.random.default_rng(4).gamma(0.8, 0.05, 3000), 0.15, 600))
    model = bg_nbd.fit(histories)
    assert model.fit.converged
    (warning,) = model.fit.warnings
    assert warning.startswith("all customers share one chance of leaving, 1")  # 15 % ± 1
    a, b = model.fit.parameters["a"], model.fit.parameters["b"]
    assert a / (a + b) == pytest.approx(0.15, abs=0.02)
    assert (model.fit.std_errors["a"], model.fit.std_errors["b"]) == (None, None)
    assert model.fit.std_errors["r"] is not None
    finite_everywhere(model, histories)


def test_everybody_buys_at_the_same_rate():
    # a purchase every 50 days, until leaving after a chance of one's own: as much alike as can be
    random = np.random.default_rng(5)
    T = random.integers(1, 1500, 3000)
    x = np.minimum(T // 50, random.geometric(random.beta(0.8, 2.5, 3000)))
    histories = Histories.from_arrays(x, 50 * x, T)
    model = bg_nbd.fit(histories)
    assert model.fit.converged
    (warning,) = model.fit.warnings
    assert warning.startswith("all customers buy at one rate, one purchase every 5")  # 50 to 60 days
    assert model.fit.std_errors["r"] is None
    assert model.fit.std_errors["a"] is not None
    finite_everywhere(model, histories)


def test_everybody_leaves_at_the_first_chance():
    histories = Histories.from_arrays(*simulate(6, 800, 1 / 40, 1.0, 600))
    model = bg_nbd.fit(histories)
    assert any("every customer leaves at the first chance" in warning for warning in model.fit.warnings)
    finite_everywhere(model, histories)
    # at most one more purchase, and none for those who have made it
    assert float(model.expected_purchases(1e4)) == pytest.approx(1, abs=1e-6)
    assert model.conditional_expected_purchases(52, 1, 10, 50) == pytest.approx(0, abs=1e-9)


def test_five_customers():
    histories = Histories.from_arrays([0, 0, 1, 2, 0], [0, 0, 10, 30, 0], [50, 60, 40, 45, 10])
    model = bg_nbd.fit(histories)
    assert model.fit.converged
    assert model.fit.warnings
    assert finite_everywhere(model, histories).sum() < 30


def test_data_that_say_nothing_about_leaving_are_called_that():
    # one repeat purchase each, on the last day: leaving or not then makes no difference to what was seen
    model = bg_nbd.fit(Histories.from_arrays([1, 1, 1, 0], [10, 30, 60, 0], [10, 30, 60, 50]))
    assert any("say nothing about a and b" in warning for warning in model.fit.warnings)
    assert model.fit.std_errors["a"] is None
    finite_everywhere(model, FEW)


def test_a_customer_with_20_000_purchases():
    histories = Histories.from_arrays([20_000, 3, 0, 1], [20_000, 30, 0, 20], [20_010, 400, 300, 22])
    model = bg_nbd.fit(histories)
    assert model.fit.converged
    finite_everywhere(model, histories)


def test_only_customers_of_one_purchase_are_refused_with_their_number():
    with pytest.raises(FitError, match=r"each of the 3 customers bought on one day only.*at most 40 days") as caught:
        bg_nbd.fit(Histories.from_arrays([0, 0, 0], [0, 0, 0], [10, 20, 40]))
    assert caught.value.exit_code == 5
    assert caught.value.hint


def test_customers_without_any_time_are_refused():
    with pytest.raises(FitError, match="at most 0 days"):
        bg_nbd.fit(Histories.from_arrays([0, 0], [0, 0], [0, 0]))


def test_no_customers_are_refused():
    with pytest.raises(FitError, match="no customers"):
        bg_nbd.fit(Histories.from_arrays([], [], []))


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
    # 400 shops of 3,000 customers; the share of 95 % intervals with the truth inside lies in 92.5–97.5 %
    from clvtool.models.fitting import confidence_interval

    inside = {"r": 0, "alpha": 0, "a": 0, "b": 0}
    truth = {"r": 0.75, "alpha": 200 / 7, "a": 0.8, "b": 3.0}
    for seed in range(400):
        random = np.random.default_rng(1000 + seed)
        rate, leave = random.gamma(0.75, 1 / 200, 3000), random.beta(0.8, 3.0, 3000)
        fit = bg_nbd.fit(Histories.from_arrays(*simulate(seed, 3000, rate, leave, 6000))).fit
        for name, value in truth.items():
            low, high = confidence_interval(fit, name)
            inside[name] += low <= value <= high
    assert all(0.925 <= count / 400 <= 0.975 for count in inside.values()), inside


def test_the_number_of_threads_changes_no_bit():
    # summation by BLAS depends on its number of threads; ours must not
    import os
    import subprocess
    import sys
    from pathlib import Path

    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from simulated import simulate; import numpy as np\n"
        "from clvtool.models import bg_nbd, gamma_gamma, histories\n"
        "r = np.random.default_rng(1); n = 600_000\n"
        "x, t_x, T = simulate(2, n, r.gamma(.75, 1 / 90, n), r.beta(.8, 3, n), 900)\n"
        "f = bg_nbd.fit(histories.Histories.from_arrays(x, t_x, T)).fit\n"
        "g = gamma_gamma.fit(x, r.gamma(6 * (x + 1), 20 / (x + 1))).fit\n"
        "print(f.parameters, f.covariance.tobytes(), g.parameters, g.covariance.tobytes())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(outputs) == 1
    assert "alpha" in outputs.pop()
