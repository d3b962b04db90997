"""The CDNOW sample: the figures the definitions print, and the whole table once more by loops."""

import math
from statistics import NormalDist

import plainly
import pytest
from books import cdnow, cdnow_rows, figures, intervals

from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute
from clvtool.periods import duration

Z = NormalDist().inv_cdf(0.975)


@pytest.fixture(scope="module")
def result():
    return compute(cdnow())


@pytest.fixture(scope="module")
def rows():
    return [{"who": who, "day": day, "amount": amount, "kind": "order"} for who, day, amount in cdnow_rows()]


def test_the_figures_of_the_definitions(result):
    # definitions.md: "On CDNOW to 1998-06 by month: w = 196 days, AOV 35.28, frequency .318, net churn .085, lifespan
    # 11.8, method 1 132.3 (86.7 cut at 12 months), method 4 over 12 months 84.4 (86.6 undiscounted)"
    found = figures(result)
    assert found["active_window"] == 196
    assert f"{found['aov']:.2f}" == "35.28"
    assert f"{found['purchase_frequency']:.3f}" == "0.318"
    assert f"{found['net_churn_rate']:.3f}" == "0.085"
    assert f"{found['lifespan']:.1f}" == "11.8"
    assert f"{found['clv_average_lifespan']:.1f}" == "132.3"
    assert f"{found['clv_average_lifespan_horizon']:.1f}" == "86.7"
    assert f"{found['clv_predictive']:.1f}" == "84.4"
    plain = figures(compute(cdnow(), Valuation(discount=0.0)))
    assert f"{plain['clv_predictive']:.1f}" == "86.6"


def test_the_whole_table_by_loops(result, rows):
    first_day, as_of, _ = plainly.log_of(rows)
    window = plainly.window_of(rows, as_of, first_day)
    expected = plainly.table(rows, "month", window)
    found = figures(result)
    assert set(found) - set(expected) == {"clv_predictive", "margin_rate", "refunds"}
    assert {name: found[name] for name in expected} == {
        name: pytest.approx(float(value), rel=1e-9) for name, value in expected.items()
    }
    assert found["margin_rate"] == 1  # neither costs nor --margin
    assert found["refunds"] == 0


@pytest.mark.parametrize(("unit", "window"), [("quarter", None), ("year", 90)])
def test_other_periods_and_windows_by_loops(rows, unit, window):
    given = Valuation(period=unit, active_window=str(window or "period"), horizon=duration("2y"))
    found = figures(compute(cdnow(), given))
    horizon = 2 * 365.25 / plainly.LENGTH[unit]
    for name, value in plainly.table(rows, unit, window, horizon).items():
        assert found[name] == (None if value is None else pytest.approx(float(value), rel=1e-9)), name


def test_the_intervals_by_influence(result, rows):
    # The delta method without gradients: a figure's standard error is the root of n/(n-1) Σ I², where I is a
    # customer's influence on it; for a ratio A/B that is (a - A/B b)/B, and relative influences add up in products.
    each, _ = plainly.contributions(rows, "month", 196)
    total = {name: float(sum(own[name] for own in each.values())) for name in next(iter(each.values()))}
    n = len(each)

    def relative(top, bottom):
        return [float(own[top]) / total[top] - float(own[bottom]) / total[bottom] for own in each.values()]

    def spread(influences):
        return math.sqrt(n / (n - 1) * math.fsum(value * value for value in influences))

    found, bounds = figures(result), intervals(result)
    aov, net = relative("revenue", "orders"), relative("net", "start")
    value, observed = relative("period_revenue", "spans"), relative("beyond", "gone")
    lifetime = [one - other for one, other in zip(value, net, strict=True)]
    for name, error in (
        ("aov", spread(aov)),
        ("customer_value", spread(value)),
        ("purchase_frequency", spread(relative("period_orders", "spans"))),
        ("lifespan", spread(net)),
        ("clv_average_lifespan", spread(lifetime)),
        ("clv_comprehensive", spread(lifetime)),
        # only the part beyond the window varies
        ("observed_lifespan", spread(observed) * (1 - 196 / plainly.LENGTH["month"] / found["observed_lifespan"])),
    ):
        wanted = (found[name] * math.exp(-Z * error), found[name] * math.exp(Z * error))
        assert bounds[name] == pytest.approx(wanted, rel=1e-9), name
    churn, error = found["net_churn_rate"], spread(net) * found["net_churn_rate"]
    assert bounds["net_churn_rate"] == pytest.approx((churn - Z * error, churn + Z * error), rel=1e-9)
    # Wilson's bounds are where (p - rate)² = z² p (1 - p) ÷ trials
    churn = found["churn_rate"]
    error = spread(relative("lost", "start")) * churn
    trials = churn * (1 - churn) / error**2
    for bound in bounds["churn_rate"]:
        assert (churn - bound) ** 2 == pytest.approx(Z * Z * bound * (1 - bound) / trials, rel=1e-7)
    low, high = bounds["churn_rate"]
    assert bounds["retention_rate"] == pytest.approx((1 - high, 1 - low), rel=1e-9)


def test_wider_level_wider_interval(result):
    wider = intervals(compute(cdnow(), Valuation(level=0.99)))
    for name, (low, high) in intervals(result).items():
        if low is not None:
            assert wider[name][0] < low, name
            assert wider[name][1] > high, name
