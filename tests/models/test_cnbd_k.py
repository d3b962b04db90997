"""BG/CNBD-k and MBG/CNBD-k: regular purchases."""

from dataclasses import replace
from math import exp, factorial, lgamma, log

import mpmath
import numpy as np
import pytest

from clvtool.errors import FitError
from clvtool.models import bg_cnbd_k, bg_nbd, mbg_cnbd_k, mbg_nbd
from clvtool.models.histories import Histories
from clvtool.models.leaving_likelihood import LeavingLikelihood
from clvtool.models.purchases import weekly_delta
from clvtool.models.stages import purchases_by_stages

MODELS = [(bg_cnbd_k, bg_nbd, bg_cnbd_k.BgCnbdK), (mbg_cnbd_k, mbg_nbd, mbg_cnbd_k.MbgCnbdK)]
PLACE = (1.3, 2.5, 0.8, 2.4)
FEW = Histories.from_arrays(
    [0, 1, 1, 2, 7, 40, 0, 1], [0, 7, 90, 33, 200, 361, 0, 7], [50, 200, 91, 300, 210, 900, 7, 200]
)


@pytest.fixture(scope="module")
def any_fit(cdnow):
    return bg_cnbd_k.fit(Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T), 0.0).fit


def with_parameters(cls, fit, k, place=PLACE):
    return cls(replace(fit, parameters=dict(zip(("r", "alpha", "a", "b"), place, strict=True)), facts={"k": k}))


def simulate(seed, customers, k, first, r=2.0, alpha=4.0, a=0.8, b=4.0):
    """Draw customers from the assumptions; return x, t_x, T in days, the sum of ln gaps, and purchases of the year after.

    Purchases fall on the next full day, one a day at most.
    """
    random = np.random.default_rng(seed)
    rate, leave, T = (
        random.gamma(r, 1 / alpha, customers),
        random.beta(a, b, customers),
        random.integers(300, 900, customers),
    )
    x, t_x, log_gaps, ahead = np.zeros(customers, int), np.zeros(customers, int), 0.0, 0
    for one in range(customers):
        now, day, here = 0.0, 0, not (first and random.random() < leave[one])
        while here:
            now += random.gamma(k, 7 / rate[one])
            before, day = day, int(np.ceil(now))
            if day > T[one] + 364:
                break
            if day > before and day <= T[one]:
                x[one], t_x[one] = x[one] + 1, day
                log_gaps += log((day - before) / 7)
            ahead += day > before and day > T[one]
            here = random.random() >= leave[one]
    return x, t_x, T, log_gaps, ahead


# --- with k = 1 it is (M)BG/NBD ---


@pytest.mark.parametrize(("module", "plain", "cls"), MODELS)
def test_random_purchases_give_k_of_one_and_the_plain_model(module, plain, cls, cdnow):
    histories = Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T)
    # a customer's gaps are drawn as random times between the first and the last purchase day
    random, log_gaps = np.random.default_rng(1), 0.0
    for x, t_x in zip(cdnow.x, cdnow.t_x, strict=True):
        times = np.sort(random.random(max(x - 1, 0))) * t_x
        log_gaps += np.log(np.diff([0, *times, t_x]) / 7).sum() if x else 0
    model, other = module.fit(histories, log_gaps), plain.fit(histories)
    assert model.stages == 1
    assert "show no regularity" in model.fit.warnings[-1]
    assert model.fit.parameters == other.fit.parameters
    assert model.fit.log_likelihood == other.fit.log_likelihood
    x, t_x, T = cdnow.weeks
    for ours, theirs in zip(model.outlook(39, 0.002, x, t_x, T), other.outlook(39, 0.002, x, t_x, T), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(
        model.counts_if_alive(39.0, x[:50], T[:50], 20), other.counts_if_alive(39.0, x[:50], T[:50], 20), atol=1e-13
    )
    assert model.expected_purchases([1, 52]) == pytest.approx(other.expected_purchases([1, 52]), rel=1e-12)


# --- the likelihood ---


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("k", [2, 3, 7])
def test_the_likelihood_is_the_integral_over_rates_and_chances(first, k):
    # by numerical integration over λ of what the assumptions say, with sums over p in closed form; the gaps of one
    # history stand for all with their sum of logarithms, so here they are left out: gap^(k−1)/Γ(k) each
    r, alpha, a, b = PLACE
    for x, t_x, T in [(0, 0.0, 20.0), (1, 3.0, 4.0), (4, 18.0, 30.0)]:
        n = x + first
        stays = mpmath.beta(a, b + n) / mpmath.beta(a, b)
        leaves = mpmath.beta(a + 1, b + n - 1) / mpmath.beta(a, b) if n else 0

        def density(rate, x=x, t_x=t_x, T=T, stays=stays, leaves=leaves):
            waiting = sum((rate * (T - t_x)) ** j / mpmath.factorial(j) for j in range(k)) * mpmath.exp(
                -rate * (T - t_x)
            )
            prior = alpha**r * rate ** (r - 1) * mpmath.exp(-alpha * rate) / mpmath.gamma(r)
            return prior * rate ** (k * x) * mpmath.exp(-rate * t_x) * (stays * waiting + leaves)

        exact = float(mpmath.log(mpmath.quad(density, [0, 0.1, 0.5, 1, 2, 5, 20, 60])))
        one = Histories.from_arrays([x], [int(7 * t_x)], [int(7 * T)])
        value = LeavingLikelihood.of(one, first, k).log_likelihood(np.array(PLACE)).value
        assert value == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("k", [2, 5, 12])
@pytest.mark.parametrize("place", [(0.25, 4.4, 0.8, 2.4), (5.0, 30.0, 0.05, 0.1), (0.01, 0.2, 40.0, 90.0)])
def test_gradient_and_hessian_are_those_of_finite_differences(k, first, place):
    likelihood = LeavingLikelihood.of(FEW, first, k).log_likelihood
    place = np.array(place)
    point = likelihood(place)
    np.testing.assert_array_equal(point.hessian, point.hessian.T)
    for index in range(4):
        step = np.zeros(4)
        step[index] = 1e-5 * place[index]
        ahead, behind = likelihood(place + step), likelihood(place - step)
        assert point.gradient[index] == pytest.approx((ahead.value - behind.value) / (2 * step[index]), rel=1e-6)
        np.testing.assert_allclose(
            point.hessian[index], (ahead.gradient - behind.gradient) / (2 * step[index]), rtol=1e-5, atol=1e-6
        )


# --- predictions ---


def by_integration(k, x, t_x, T, t, most):
    """Return P(n purchases in (T, T+t] | there at T), n = 0…most, and their mean, over a fine grid of rates.

    Given the rate, j stages since t_x and m until T + t are Poisson; the customer is there after n purchases with the
    chance B(a, b+x+n)/B(a, b+x).
    """
    r, alpha, a, b = PLACE
    rate = np.exp(np.linspace(log(1e-8), log(60), 6000))
    log_prior = (r + k * x) * np.log(rate) - (alpha + T) * rate  # × dλ = λ d ln λ
    prior = np.exp(log_prior - log_prior.max())
    staying, weight = np.zeros(400), 0.0
    for j in range(k):
        at_j = prior * (rate * (T - t_x)) ** j / factorial(j)
        weight += at_j.sum()
        for m in range(400):
            poisson = np.exp(m * np.log(rate * t) - rate * t - lgamma(m + 1))
            staying[(j + m) // k] += (at_j * poisson).sum()
    staying /= weight
    there = np.cumprod([1.0] + [(b + x + n) / (a + b + x + n) for n in range(399)])
    counts = there * staying
    counts[1:] += (there[:-1] - there[1:]) * (1 - staying.cumsum())[:-1]
    return counts[: most + 1], (counts * np.arange(400)).sum()


@pytest.mark.parametrize("k", [2, 3, 8])
@pytest.mark.parametrize(("x", "t_x", "T"), [(0, 0.0, 9.0), (3, 20.0, 20.0), (5, 22.0, 40.0), (12, 30.0, 31.0)])
def test_predictions_are_those_of_integration_over_rates(any_fit, k, x, t_x, T):
    model = with_parameters(bg_cnbd_k.BgCnbdK, any_fit, k)
    counts, mean = by_integration(k, x, t_x, T, 26.0, 8)
    assert float(model.purchases_if_alive(26.0, x, T, t_x)) == pytest.approx(mean, rel=1e-8)
    assert model.counts_if_alive(26.0, x, T, 8, t_x)[0] == pytest.approx(counts, abs=1e-9)
    assert float(model.p_none_if_alive(26.0, x, T, t_x)) == pytest.approx(counts[0], abs=1e-9)


@pytest.mark.parametrize("k", [2, 12])
def test_counts_add_up_to_the_mean(any_fit, k):
    model = with_parameters(mbg_cnbd_k.MbgCnbdK, any_fit, k)
    counts = model.counts_if_alive(52.0, [0, 3], [4.0, 30.0], 400)
    assert counts.sum(axis=1) == pytest.approx([1, 1], rel=1e-9)
    mean = (counts * np.arange(401)).sum(axis=1)
    assert mean == pytest.approx(model.purchases_if_alive(52.0, np.array([0, 3]), np.array([4.0, 30.0])), rel=1e-8)


def test_a_regular_customer_who_is_late_is_soon_taken_for_gone(any_fit):
    # ten purchases, one every four weeks; the last 4, 8 and 12 weeks ago: the more regular, the sooner
    plain, regular = (with_parameters(bg_cnbd_k.BgCnbdK, any_fit, k, (1.3, 5.0 / k, 0.8, 2.4)) for k in (1, 8))
    late = np.array([44.0, 48.0, 52.0])
    assert (np.diff(regular.p_alive(10, 40.0, late)) < 0).all()
    assert (regular.p_alive(10, 40.0, late)[1:] < plain.p_alive(10, 40.0, late)[1:]).all()
    # and who has just bought will hardly buy within a week
    assert float(regular.p_none_if_alive(1.0, 10, 40.0, 40.0)) > 0.98
    assert float(plain.p_none_if_alive(1.0, 10, 40.0, 40.0)) < 0.85


def test_very_many_purchases_are_taken_at_random_and_nearly_the_same(any_fit):
    # beyond what is summed: at the border both ways differ by less than a purchase in a hundred
    y, u, beta = np.array([0.5]), np.array([0.0]), np.array([5000.0])
    exact, simple = (
        float(purchases_by_stages(y, np.array([rho]), u, 0.8, beta, 3)[0]) / rho for rho in (1450.0, 1500.0)
    )
    assert 1450 * np.log1p(0.5) < 600 < 1500 * np.log1p(0.5)
    assert simple == pytest.approx(exact, rel=0.01)


def finite_everywhere(model, histories):
    x, t_x, T = histories.x, histories.t_x / 7, histories.T / 7
    for one in model.outlook(52.0, weekly_delta(0.1), x, t_x, T):
        assert np.isfinite(one).all()
        assert (one >= 0).all()
    alive, none, expected, worth = model.outlook(52.0, weekly_delta(0.1), x, t_x, T)
    assert (alive <= 1).all()
    assert (none <= 1).all()
    assert (worth <= expected * (1 + 1e-12)).all()
    np.testing.assert_allclose(model.conditional_expected_purchases(52.0, x, t_x, T), expected, rtol=1e-12)
    np.testing.assert_allclose(
        model.discounted_conditional_purchases(52.0, weekly_delta(0.1), x, t_x, T), worth, rtol=1e-12
    )


# --- recovery ---


@pytest.mark.parametrize(("module", "k", "first"), [(bg_cnbd_k, 2, 0), (mbg_cnbd_k, 3, 1)])
def test_drawn_customers_give_k_and_their_parameters_and_their_future_back(module, k, first):
    truth = {"r": 2.0, "alpha": 12.0 / k, "a": 0.8, "b": 4.0}
    x, t_x, T, log_gaps, ahead = simulate(11, 3000, k, first, **truth)
    model = module.fit(Histories.from_arrays(x, t_x, T), log_gaps)
    assert model.stages == k
    assert model.fit.converged
    for name, value in truth.items():
        assert abs(model.fit.parameters[name] - value) < 3.5 * model.fit.std_errors[name]
    expected = model.conditional_expected_purchases(52.0, x, t_x / 7, T / 7).sum()
    assert expected == pytest.approx(ahead, rel=0.05)  # of some 6,000 purchases
    plain = {bg_cnbd_k: bg_nbd, mbg_cnbd_k: mbg_nbd}[module].fit(Histories.from_arrays(x, t_x, T))
    assert model.fit.log_likelihood > plain.fit.log_likelihood + 100


# --- borders ---


@pytest.mark.parametrize(("module", "plain", "cls"), MODELS)
def test_five_customers(module, plain, cls):
    histories = Histories.from_arrays([0, 0, 1, 2, 0], [0, 0, 10, 30, 0], [50, 60, 40, 45, 10])
    model = module.fit(histories, log(10 / 7) + 2 * log(15 / 7))
    assert 1 <= model.stages <= 12
    finite_everywhere(model, histories)


def test_clockwork_purchases_are_at_least_as_regular_as_the_largest_k():
    # every 28 days, until all stop buying on their own day
    T = np.arange(200, 900, 5)
    x = np.minimum(T // 28, np.tile([3, 8, 15, 31], 35))
    histories = Histories.from_arrays(x, 28 * x, T)
    model = bg_cnbd_k.fit(histories, float(x.sum()) * log(4))
    assert model.stages == 12
    assert "at least as regular as k = 12" in model.fit.warnings[-1]
    finite_everywhere(model, histories)


def test_nobody_leaves():
    T = np.arange(100, 900, 4)
    x = T // np.tile([20, 40, 80, 10], 50)
    histories = Histories.from_arrays(x, T - 1, T)
    model = mbg_cnbd_k.fit(histories, float((x * np.log((T - 1) / x / 7)).sum()))
    assert any("no customer leaving" in warning for warning in model.fit.warnings)
    finite_everywhere(model, histories)


def test_a_customer_with_20_000_purchases_and_one_who_is_years_late(any_fit):
    for k in (2, 12):
        model = with_parameters(bg_cnbd_k.BgCnbdK, any_fit, k)
        finite_everywhere(
            model, Histories.from_arrays([20_000, 300, 3, 0], [20_000, 300, 30, 0], [20_010, 6000, 30_000, 0])
        )
        counts = model.counts_if_alive(52.0, [20_000, 3], [2858.6, 4000.0], 500, [2857.1, 5.0])
        assert np.isfinite(counts).all()
        assert counts.sum(axis=1).max() < 1 + 1e-9


def test_without_repeat_purchases_it_is_refused():
    with pytest.raises(FitError, match="needs repeat purchases"):
        mbg_cnbd_k.fit(Histories.from_arrays([0, 0], [0, 0], [10, 20]), 0.0)


def test_the_larger_k_is_paid_for_by_the_gaps():
    # the constant of the likelihood: Σ (k−1) ln gap − ln Γ(k) each; with gaps all of one week it is −ln Γ(k) alone
    x, t_x, T = np.array([3, 3, 0]), np.array([21, 21, 0]), np.array([100, 30, 60])
    model = bg_cnbd_k.fit(Histories.from_arrays(x, t_x, T), 0.0)
    k = model.stages
    bare = LeavingLikelihood.of(Histories.from_arrays(x, t_x, T), 0, k)
    value = bare.log_likelihood(np.array([*model.fit.parameters.values()])).value
    assert model.fit.log_likelihood == pytest.approx(value - 6 * lgamma(k), rel=1e-12)
    assert exp(-lgamma(3)) == pytest.approx(1 / 2)
