"""Predictive intervals against customers drawn from the same assumptions, and at their edges."""

from dataclasses import replace

import numpy as np
import pytest

from clvtool.models.bg_nbd import BgNbd
from clvtool.models.gamma_gamma import GammaGamma
from clvtool.models.nbd import Nbd
from clvtool.models.pareto_nbd import ParetoNbd
from clvtool.models.ranges import ranges
from clvtool.models.totals import count_moments, interval_of_sum, money_variance
from clvtool.models.uncertainty import sigma_points

BUYING = {
    BgNbd: {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259},
    ParetoNbd: {"r": 0.5533, "alpha": 10.5777, "s": 0.6062, "beta": 11.6687},
    Nbd: {"r": 0.3848, "alpha": 12.072},
}
SPENDING = {"p": 6.25, "q": 3.74, "gamma": 15.44}


@pytest.fixture
def certain(cdnow_purchases, cdnow_money):
    """Models whose parameters are known exactly."""

    def model(kind, parameters):
        fit = cdnow_money.fit if kind is GammaGamma else cdnow_purchases.fit
        name = {BgNbd: "bg-nbd", ParetoNbd: "pareto-nbd", Nbd: "nbd", GammaGamma: "gamma-gamma"}[kind]
        size = len(parameters)
        return kind(replace(fit, model=name, parameters=parameters, covariance=np.zeros((size, size))))

    return model


def futures(model, spending, t, x, T, m, alive, n=200_000):
    """Draw purchases and money of one customer in the next t weeks, n times."""
    random = np.random.default_rng(1)
    p, q, gamma = spending.values()
    parameters = list(model.values())
    rate = random.gamma(parameters[0] + x, 1 / (parameters[1] + T), n)
    if "a" in model:
        made = np.minimum(random.poisson(rate * t), random.geometric(random.beta(model["a"], model["b"] + x, n)))
    else:
        leaving = random.gamma(model["s"], 1 / (model["beta"] + T), n) if "s" in model else np.full(n, 1e-12)
        made = random.poisson(rate * np.minimum(random.exponential(1, n) / leaving, t))
    made = np.where(random.random(n) < alive, made, 0)
    nu = random.gamma(p * x + q, 1 / (gamma + m * x), n)
    return made, np.where(made > 0, random.gamma(p * np.maximum(made, 1), 1 / nu), 0.0)


@pytest.mark.parametrize("kind", list(BUYING))
def test_the_bounds_are_the_quantiles_of_drawn_futures(certain, kind):
    model, money = certain(kind, BUYING[kind]), certain(GammaGamma, SPENDING)
    cases = [
        (0, 0.0, 0.0, 0.0, 1.0),
        (0, 0.0, 38.0, 0.0, 0.7),
        (4, 30.0, 38.0, 25.0, 0.95),
        (40, 51.0, 52.0, 80.0, 0.4),
    ]
    for x, _, T, m, alive in cases:
        made, spent = futures(BUYING[kind], SPENDING, 39.0, x, T, m, alive)
        found = ranges(model, money, 39.0, 0.9, *(np.array([float(one)]) for one in (x, T, m, alive)))
        for low, high, drawn in (
            (found.orders_low, found.orders_high, made),
            (found.money_low, found.money_high, spent),
        ):
            below, above = (drawn < low[0]).mean(), (drawn > high[0]).mean()
            # no more than 5 % beyond either bound (3 standard errors of 200,000: 0.15 %), and no bound too far out
            assert below <= 0.0525
            assert above <= 0.0525
            if low[0] > 0:
                assert (drawn <= low[0]).mean() >= 0.0475
            if high[0] > 0:
                assert (drawn >= high[0]).mean() >= 0.0475


def test_between_two_ages_a_straight_line_will_do(certain):
    # alone, a customer's age is computed exactly; among many, it lies between two that are
    model, money = certain(ParetoNbd, BUYING[ParetoNbd]), certain(GammaGamma, SPENDING)
    T = np.arange(1, 400) / 7 + 30
    x, m, alive = np.full(T.size, 6.0), np.full(T.size, 30.0), np.full(T.size, 0.9)
    together = ranges(model, money, 39.0, 0.95, x, T, m, alive)
    for at in (5, 77, 301):
        alone = ranges(model, money, 39.0, 0.95, x[:1], T[at : at + 1], m[:1], alive[:1])
        assert abs(together.orders_high[at] - alone.orders_high[0]) <= 1
        assert together.money_high[at] == pytest.approx(alone.money_high[0], rel=5e-3)


def test_frequent_and_certain_customers_get_finite_bounds(certain):
    x, T = np.array([20_000.0, 0.0, 0.0, 3.0]), np.array([400.0, 400.0, 0.0, 3 / 7])
    for kind, parameters in BUYING.items():
        found = ranges(
            certain(kind, parameters), certain(GammaGamma, SPENDING), 52.0, 0.95, x, T, x * 0 + 9, np.ones(4)
        )
        for bound in found:
            assert np.isfinite(bound).all()
            assert (bound >= 0).all()
        assert (found.orders_low <= found.orders_high).all()
        assert (found.money_low <= found.money_high).all()
    # NBD: 20,000 in 400 weeks is 2,600 in 52, ± 1.96 √(2600 (1 + 52/412))
    assert found.orders_low[0] == pytest.approx(20_000.4 / 412.07 * 52 - 106, abs=3)


def test_all_spend_alike(certain):
    # purchases all worth 10: the money is ten times the purchases, within a cell of the table
    alike = certain(GammaGamma, {"p": 1e6, "q": 1e6, "gamma": 10.0})
    found = ranges(certain(Nbd, BUYING[Nbd]), alike, 39.0, 0.95, *(np.array([v]) for v in (6.0, 38.0, 10.0, 1.0)))
    assert found.money_high[0] == pytest.approx(10 * found.orders_high[0], rel=0.05)


def test_uncertain_parameters_make_wider_intervals(cdnow_purchases):
    # covariance of a fit to a tenth of the customers
    unsure = BgNbd(replace(cdnow_purchases.fit, covariance=10 * cdnow_purchases.fit.covariance))
    sure = BgNbd(replace(cdnow_purchases.fit, covariance=np.zeros((4, 4))))
    x, T, alive = np.array([4.0]), np.array([20.0]), np.ones(1)
    wide, narrow = (ranges(one, None, 104.0, 0.99, x, T, x, alive) for one in (unsure, sure))
    assert wide.orders_high > narrow.orders_high
    assert wide.money_low is None


def test_sigma_points_have_the_mean_and_the_variance_of_the_parameters(cdnow_purchases):
    fit = cdnow_purchases.fit
    logs = np.log([list(one.parameters.values()) for one in sigma_points(fit)])
    values = np.array(list(fit.parameters.values()))
    assert logs.mean(axis=0) == pytest.approx(np.log(values), abs=1e-12)
    assert np.cov(logs.T, bias=True) == pytest.approx(fit.covariance / values / values[:, None], rel=1e-9)
    well_known = replace(fit, covariance=fit.covariance * 1e-3)
    assert sigma_points(well_known) == [well_known]


# --- sums ---


def test_variances_are_those_of_drawn_futures(certain):
    model, money = certain(BgNbd, BUYING[BgNbd]), certain(GammaGamma, SPENDING)
    x, T, m, alive = (np.array([one]) for one in (4.0, 38.0, 25.0, 0.8))
    first, second = count_moments(model, 39.0, x, T, alive)
    made, spent = futures(BUYING[BgNbd], SPENDING, 39.0, 4, 38.0, 25.0, 0.8)
    assert first[0] == pytest.approx(made.mean(), rel=0.01)
    assert second[0] - first[0] ** 2 == pytest.approx(made.var(), rel=0.02)
    assert money_variance(money, x, m, first, second)[0] == pytest.approx(spent.var(), rel=0.03)


def test_the_interval_of_a_sum_is_that_of_a_gamma_distribution():
    # mean 100, variance 100: Gamma(100, 1), whose 2.5 % and 97.5 % quantiles are χ²(200)/2 = 81.36 and 120.53
    assert interval_of_sum(100.0, 100.0, 0.95) == pytest.approx((81.36, 120.53), abs=0.01)
    assert interval_of_sum(0.0, 0.0, 0.95) == (0, 0)
    assert interval_of_sum(1.0, 20.0, 0.95) is None
    assert interval_of_sum(1.0, float("inf"), 0.95) is None
