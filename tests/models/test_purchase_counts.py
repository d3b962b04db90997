"""How many purchases: probabilities of 0, 1, 2 … of all models, and of the three forms behind them."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest

from clvtool.models.bg_nbd import BgNbd
from clvtool.models.mbg_nbd import MbgNbd
from clvtool.models.nbd import Nbd
from clvtool.models.pareto_nbd import ParetoNbd
from clvtool.models.purchase_counts import leaving_after_purchases, leaving_at_any_time, staying_counts

LEAVING = {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}
PARAMETERS = {
    BgNbd: LEAVING,
    MbgNbd: {"r": 0.5248, "alpha": 6.1831, "a": 0.8914, "b": 1.614},
    ParetoNbd: {"r": 0.5533, "alpha": 10.5777, "s": 0.6062, "beta": 11.6687},
    Nbd: {"r": 0.3848, "alpha": 12.072},
}


@pytest.fixture(params=list(PARAMETERS), ids=lambda model: model.__name__)
def model(request, cdnow_purchases):
    return request.param(replace(cdnow_purchases.fit, parameters=PARAMETERS[request.param]))


@pytest.mark.parametrize("t", [0.0, 1 / 7, 39.0, 520.0])
def test_they_sum_to_1_their_mean_is_the_expectation_and_the_first_is_silence(model, t):
    # a new customer, a frequent one, a day-old one, an old one: 4000 is far beyond what any of them can buy
    x, T = np.array([0, 26, 1, 3]), np.array([0.0, 31.0, 1 / 7, 400.0])
    counts = model.counts_if_alive(t, x, T, 4000)
    assert counts.shape == (4, 4001)
    assert (counts >= 0).all()
    assert counts.sum(axis=1) == pytest.approx(1, abs=1e-10)
    mean = (counts * np.arange(4001)).sum(axis=1)
    assert mean == pytest.approx(model.purchases_if_alive(t, x, T), rel=1e-9)
    assert counts[:, 0] == pytest.approx(model.p_none_if_alive(t, x, T), abs=1e-10)


def test_a_shorter_table_is_the_beginning_of_a_longer_one(model):
    x, T = np.array([0, 3]), np.array([12.0, 38.0])
    longer, shorter = (model.counts_if_alive(39.0, x, T, most) for most in (60, 5))
    np.testing.assert_allclose(shorter, longer[:, :6], rtol=1e-12)
    assert (shorter.sum(axis=1) < 1).all()  # what lacks is P(more than 5)
    assert model.counts_if_alive(39.0, 0, 12.0, 0).shape == (1, 1)


def test_twenty_thousand_purchases_give_finite_probabilities(model):
    # 400 weeks, 52 ahead: about 2,600 expected where nobody leaves
    counts = model.counts_if_alive(52.0, [20_000, 0], [400.0, 400.0], 3500)
    assert np.isfinite(counts).all()
    assert counts.sum(axis=1) == pytest.approx(1, abs=1e-9)


# --- the papers' forms ---


def hardie(t, x, r, alpha, a, b):
    """P(X(t) = x) of a new customer, equation (8) of Fader, Hardie, Lee (2005), as it is printed, with 60 digits."""
    with mpmath.workdps(60):
        r, alpha, a, b, t = (mpmath.mpf(one) for one in (r, alpha, a, b, t))

        def negative_binomial(j):
            return mpmath.rf(r, j) / mpmath.factorial(j) * (alpha / (alpha + t)) ** r * (t / (alpha + t)) ** j

        first = mpmath.beta(a, b + x) / mpmath.beta(a, b) * negative_binomial(x)
        if x == 0:
            return float(first)
        fewer = sum(negative_binomial(j) for j in range(x))
        return float(first + mpmath.beta(a + 1, b + x - 1) / mpmath.beta(a, b) * (1 - fewer))


@pytest.mark.parametrize("a", [1e-9, 0.79, 1.0, 40.0])
def test_leaving_after_purchases_is_the_paper_s_form(a):
    for t in (1 / 7, 39.0, 3000.0):
        counts = leaving_after_purchases(np.array([t / 4.41]), np.array([0.243]), a, np.array([2.43]), 30)[0]
        expected = [hardie(t, k, 0.243, 4.41, a, 2.43) for k in range(31)]
        assert counts == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(
    ("rho", "alpha", "s", "beta"),
    [(0.25, 10.6, 0.6, 11.7), (8.0, 50.0, 1.0, 0.5), (60.0, 80.0, 25.0, 900.0), (3.0, 10.0, 0.4, 1e15)],
)
def test_leaving_at_any_time_is_the_integral_over_the_time_of_leaving(rho, alpha, s, beta):
    def expected(t, k):
        with mpmath.workdps(25):
            R, A, S, B = (mpmath.mpf(one) for one in (rho, alpha, s, beta))

            def bought(u):
                z = u / (A + u)
                return mpmath.rf(R, k) / mpmath.factorial(k) * z**k * (1 - z) ** R

            leaving = mpmath.quad(lambda u: S / (B + u) * (B / (B + u)) ** S * bought(u), [0, t / 64, t / 8, t / 2, t])
            return float(leaving + (B / (B + t)) ** S * bought(t))

    for t in (0.5, 52.0):
        counts = leaving_at_any_time(t, np.array([rho]), np.array([alpha]), s, np.array([beta]), 40)[0]
        for k in (0, 1, 4, 40):
            assert counts[k] == pytest.approx(expected(mpmath.mpf(t), k), abs=1e-11)


def test_one_rate_for_all_is_poisson():
    # ρ = 1e8, y = 3e-8: 3 purchases expected, P(0) = e^−3, P(2) = 4.5 e^−3
    counts = staying_counts(np.array([3e-8]), np.array([1e8]), 2)[0]
    assert counts == pytest.approx(np.exp(-3) * np.array([1, 3, 4.5]), rel=1e-6)


def test_they_are_what_simulated_customers_do(cdnow_purchases):
    # rates and chances drawn from what is known of a customer with 3 repeat purchases in 20 weeks who is active:
    # λ ~ Gamma(r+3, α+20), p ~ Beta(a, b+3); then purchases in 30 weeks until leaving
    r, alpha, a, b = LEAVING.values()
    random = np.random.default_rng(2)
    n = 200_000
    bought = random.poisson(30 * random.gamma(r + 3, 1 / (alpha + 20), n))
    made = np.minimum(bought, random.geometric(random.beta(a, b + 3, n)))  # the purchase after which they leave
    seen = np.bincount(made, minlength=6)[:6] / n
    model = BgNbd(replace(cdnow_purchases.fit, parameters=LEAVING))
    assert model.counts_if_alive(30.0, 3, 20.0, 5)[0] == pytest.approx(seen, abs=0.005)  # 4.5 standard errors
