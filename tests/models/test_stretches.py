import numpy as np
import pytest
from scipy.special import roots_genlaguerre, roots_jacobi

from clvtool.models.fitting import Fit
from clvtool.models.registry import fitted

SPANS = [(0.0, 4.0), (3.0, 7.5), (20.0, 60.0)]
HISTORIES = [(0, 0.0), (2, 38.0), (12, 40.0)]


def model(name, **parameters):
    k = len(parameters)
    return fitted(Fit(name, parameters, dict.fromkeys(parameters), np.zeros((k, k)), 0.0, 1, "weeks", True, 0.0))


def rates(shape, rate):
    """Return nodes and weights of the mean over Gamma(shape, rate)."""
    node, weight = roots_genlaguerre(60, shape - 1)
    return node / rate, weight / weight.sum()


def chances(a, b):
    """Return nodes and weights of the mean over Beta(a, b)."""
    node, weight = roots_jacobi(60, b - 1, a - 1)
    return (1 + node) / 2, weight / weight.sum()


def compare(found, after, until, x, T, expected):
    purchases = found.purchases_if_alive(until, x, T) - found.purchases_if_alive(after, x, T)
    some, pairs = found.p_some_if_alive(after, until, x, T), found.pairs_if_alive(after, until, x, T)
    assert [float(purchases), float(some), float(pairs)] == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize(("x", "T"), HISTORIES)
@pytest.mark.parametrize(("name", "first"), [("bg-nbd", 0), ("mbg-nbd", 1)])
def test_leaving_after_purchases_given_rate_and_chance(name, first, x, T, span):
    # of a customer with rate λ and chance p: still there at s with e^(−λps), then k purchases in the rest u, of which
    # the k-th may be the last: P(k) = (1−p)^k P(Poisson = k) + p (1−p)^(k−1) P(Poisson ≥ k)
    s, t = span
    r, alpha, a, b = 1.3, 6.0, 0.9, 2.4
    rate, by_rate = rates(r + x, alpha + T)
    chance, by_chance = chances(a, b + x + first)
    u = t - s
    mean = np.zeros(3)
    for lam, weight in zip(rate, by_rate, strict=True):
        k = np.arange(1, int(lam * u + 12 * np.sqrt(lam * u) + 40))
        poisson = np.exp(np.cumsum(np.log(lam * u / k)) - lam * u)
        reaches = poisson[::-1].cumsum()[::-1]
        p = chance[:, None]
        exactly = (1 - p) ** k * poisson + p * (1 - p) ** (k - 1) * reaches
        here = np.exp(-lam * chance * s) * by_chance * weight
        for place, value in enumerate((k, np.ones(k.size), k * (k - 1))):
            mean[place] += (here * (exactly * value).sum(axis=1)).sum()
    compare(model(name, r=r, alpha=alpha, a=a, b=b), s, t, x, T, mean)


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize(("x", "T"), HISTORIES)
def test_leaving_at_any_time_given_both_rates(x, T, span):
    # of a customer with rates λ and μ: still there at s with e^(−μs), then there for L = min(Exp(μ), u), in which
    # λL purchases are expected and (λL)² ordered pairs
    s, t = span
    r, alpha, sigma, beta = 1.4, 8.0, 1.6, 12.0
    lam, by_lam = rates(r + x, alpha + T)
    mu, by_mu = rates(sigma, beta + T)
    u, lam, weight = t - s, lam[:, None], by_lam[:, None] * by_mu * np.exp(-mu * s)
    purchases = lam * -np.expm1(-mu * u) / mu
    some = lam / (lam + mu) * -np.expm1(-(lam + mu) * u)
    pairs = lam**2 * 2 * (1 - np.exp(-mu * u) * (1 + mu * u)) / mu**2
    expected = [float((weight * value).sum()) for value in (purchases, some, pairs)]
    compare(model("pareto-nbd", r=r, alpha=alpha, s=sigma, beta=beta), s, t, x, T, expected)


@pytest.mark.parametrize(("x", "T"), HISTORIES)
def test_who_never_leaves_buys_as_much_later_as_now(x, T):
    # negative binomial with shape r+x over 4.5 weeks: E[Y² − Y] = (r+x)(r+x+1)(u/(α+T))²
    r, alpha, u = 0.4, 12.0, 4.5
    y = u / (alpha + T)
    expected = [(r + x) * y, 1 - (1 + y) ** -(r + x), (r + x) * (r + x + 1) * y * y]
    compare(model("nbd", r=r, alpha=alpha), 3.0, 3.0 + u, x, T, expected)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("bg-nbd", {"r": 0.24, "alpha": 4.4, "a": 0.79, "b": 2.4}),
        ("bg-nbd", {"r": 1e8, "alpha": 1e9, "a": 1e-13, "b": 1.0}),  # all alike, nobody leaves
        ("mbg-nbd", {"r": 0.5, "alpha": 6.2, "a": 9e7, "b": 1e7}),  # nearly everybody leaves at once
        ("pareto-nbd", {"r": 0.55, "alpha": 10.6, "s": 0.6, "beta": 11.7}),
        ("pareto-nbd", {"r": 5.0, "alpha": 0.01, "s": 3.0, "beta": 1e-3}),
        ("nbd", {"r": 0.4, "alpha": 12.0}),
    ],
)
@pytest.mark.parametrize("x", [0, 1, 300, 20_000])
def test_a_stretch_from_now_on_agrees_with_no_purchase_and_everything_is_finite(name, parameters, x):
    found = model(name, **parameters)
    T = np.array([0.0, 0.5, 100.0])
    none = found.p_none_if_alive(52.0, x, T)
    assert found.p_some_if_alive(0.0, 52.0, x, T) == pytest.approx(1 - none, abs=1e-9)
    for after, until in [(0.0, 52.0), (51.0, 52.0), (500.0, 520.0), (3.0, 3.0)]:
        some, pairs = found.p_some_if_alive(after, until, x, T), found.pairs_if_alive(after, until, x, T)
        purchases = found.purchases_if_alive(until, x, T) - found.purchases_if_alive(after, x, T)
        assert np.isfinite(pairs).all()
        assert (pairs >= 0).all()
        assert ((some >= -1e-12) & (some <= 1)).all()
        assert (some <= purchases * (1 + 1e-9) + 1e-9).all()
