"""Intervals hold what they promise: in simulated shops, 95 % of the 95 % intervals contain the true value."""

import datetime as dt
import math

import numpy as np
import pytest
from books import figures, frame, intervals, simulated, without_models

from clvtool.metrics.orderlog import Policies
from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute

GIVEN = Valuation(active_window="90", log_from_start=True)
POLICIES = Policies(as_of=dt.date(2025, 12, 31))
METRICS = ("aov", "purchase_frequency", "customer_value", "churn_rate", "net_churn_rate", "lifespan")
METRICS += ("observed_lifespan", "repeat_rate", "historic_value_mean", "clv_average_lifespan")
METRICS += ("clv_average_lifespan_horizon", "clv_comprehensive")


def covered(monkeypatch, replicates, customers, shops):
    """Return for each metric the share of the intervals that contain what shops of half a million customers show."""
    without_models(monkeypatch)
    large = [figures(compute(simulated(10**6 + k, 250_000), GIVEN, POLICIES)) for k in range(shops)]
    truth = {metric: np.mean([found[metric] for found in large]) for metric in METRICS}
    # the amounts are independent of everything else, so this much is known without simulation: e^(3 + 0.6²/2)
    assert truth["aov"] == pytest.approx(math.exp(3.18), rel=0.01)
    hits = dict.fromkeys(METRICS, 0)
    for seed in range(replicates):
        bounds = intervals(compute(simulated(seed, customers), GIVEN, POLICIES))
        for metric in METRICS:
            hits[metric] += bounds[metric][0] <= truth[metric] <= bounds[metric][1]
    return {metric: count / replicates for metric, count in hits.items()}


def test_coverage_roughly(monkeypatch):
    # 250 intervals: a true coverage of 95 % is seen as 91 to 99 % (± 2.8 standard errors)
    for metric, share in covered(monkeypatch, 250, 500, 1).items():
        assert 0.91 <= share <= 0.99, metric


@pytest.mark.slow
def test_coverage(monkeypatch):
    for metric, share in covered(monkeypatch, 4000, 1000, 8).items():
        assert 0.93 <= share <= 0.97, metric


def test_nobody_lost_does_not_prove_that_nobody_leaves(monkeypatch):
    # 10 customers who buy every month: churn 0, and an interval that reaches to what 10 of 10 leave open (Wilson:
    # z² ÷ (10 + z²) = 27.8 %)
    without_models(monkeypatch)
    rows = [
        {"who": f"c{k}", "day": f"2024-{m:02}-{1 + 3 * k:02}", "amount": "1"} for k in range(10) for m in range(1, 7)
    ]
    result = compute(frame(rows), Valuation(active_window="period"))
    z2 = 1.959963984540054**2
    bounds = intervals(result)
    assert bounds["churn_rate"] == pytest.approx((0, z2 / (10 + z2)))
    assert bounds["net_churn_rate"] == pytest.approx((0, z2 / (10 + z2)))
    assert bounds["retention_rate"] == pytest.approx((10 / (10 + z2), 1))
