"""--cac, --sensitivity, --lifespan."""

import random
from fractions import Fraction

import numpy as np
import plainly
import pytest
from books import computed, figures, frame, random_book, said, simulated, without_models

from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute

FIVE = """
who day        amount cost
a   2024-01-01 10     5
a   2024-01-25 10     5
b   2024-01-01 20     10
b   2024-02-20 40     20
c   2024-02-29 90     45
"""


def test_payback_by_hand():
    # Months of 30.4375 days, as of 29 February: a and b are 59 days old (1 whole month), c 0 days. Margin: half.
    # Age 0, all three: (5 + 10 + 45) ÷ 3 = 20. Age 1, a and b: up to day 30: (5 + 5 + 10) ÷ 2 = 10.
    for cac, age, n in ((19, 0, 3), (20, 0, 3)):
        result = computed(FIVE, Valuation(cac=cac))
        row = result.table.filter(result.table["metric"] == "cac_payback")
        assert row.select("value", "unit", "n").row(0) == (age, "months", n)
    never = computed(FIVE, Valuation(cac=21))
    assert figures(never)["cac_payback"] is None
    assert said(never, "CAC of 21.00 is not earned back within the log: mean cumulative margin reaches 20.00 at most")
    # by day, the customers seen for 50 days have earned (10 + 30) ÷ 2 = 20 by then; costs ignored with --margin 1
    by_day = figures(computed(FIVE.replace("90     45", "9      4"), Valuation(cac=20, period="day")))
    assert by_day["cac_payback"] == 50
    assert figures(computed(FIVE.replace("90", "9"), Valuation(cac=15, margin=1.0, period="month")))["cac_payback"] == 1


def test_clv_to_cac():
    found = figures(compute(simulated(2, 300), Valuation(cac=25, margin=0.4)))
    assert found["cac"] == 25
    assert found["clv_to_cac_comprehensive"] == pytest.approx(found["clv_comprehensive"] / 25)
    assert found["clv_to_cac_predictive"] == pytest.approx(found["clv_predictive"] / 25)


@pytest.mark.parametrize("unit", ["day", "week", "month"])
@pytest.mark.parametrize("seed", range(4))
def test_payback_by_loops(unit, seed, monkeypatch):
    without_models(monkeypatch)
    rows = random_book(random.Random(seed), customers=9, guests=0)
    first_day, as_of, _ = plainly.log_of(rows)
    rows = [row for row in rows if row["day"] <= as_of]
    days_of = plainly.purchases(rows)
    length = plainly.LENGTH[unit]
    expected, best = None, None
    for age in range((as_of - first_day).days + 2):
        seen = [who for who, days in days_of.items() if (as_of - days[0]).days >= age * length]
        if not seen:
            break
        earned = sum(
            Fraction(row["amount"]) - Fraction(row["cost"])
            for row in rows
            if row["who"] in seen and 0 <= (row["day"] - days_of[row["who"]][0]).days <= age * length
        )
        mean = earned / len(seen)
        best = mean if best is None else max(best, mean)
        if expected is None and mean >= 60:
            expected = (age, len(seen))
    result = compute(frame(rows), Valuation(cac=60, period=unit))
    (found,) = result.table.filter(result.table["metric"] == "cac_payback").select("value", "n").iter_rows()
    if expected:
        assert found == expected
    else:
        assert found[0] is None
        assert said(result, f"reaches {float(best):,.2f} at most")


def test_sensitivity_against_finite_differences():
    # CLV as a function of AOV, frequency and churn, each moved by a little and scaled up
    orders = simulated(2, 300)
    found = figures(compute(orders, Valuation(active_window="90", sensitivity=True)))
    aov = found["customer_value"] / found["purchase_frequency"]

    def clv(aov=aov, frequency=found["purchase_frequency"], churn=found["net_churn_rate"]):
        return aov * frequency / churn

    base = found["clv_average_lifespan"]
    assert clv() == pytest.approx(base)
    assert found["clv_change_per_aov_percent"] == pytest.approx(clv(aov=aov * 1.01) - base, rel=1e-9)
    step = found["purchase_frequency"] * 1.01
    assert found["clv_change_per_frequency_percent"] == pytest.approx(clv(frequency=step) - base, rel=1e-9)
    assert found["clv_change_per_churn_point"] == pytest.approx(
        clv(churn=found["net_churn_rate"] + 0.01) - base, rel=1e-9
    )
    # a point is a large step for a curve: its slope alone would overstate the loss
    slope = (clv(churn=found["net_churn_rate"] + 1e-7) - base) / 1e-5
    assert slope < found["clv_change_per_churn_point"] < 0


@pytest.mark.parametrize("lifespan", ["observed", "churn", "7.5"])
def test_the_lifespan_that_methods_take(lifespan):
    result = compute(simulated(2, 300), Valuation(active_window="90", lifespan=lifespan))
    found = figures(result)
    months = {"observed": found["observed_lifespan"], "churn": found["lifespan"]}.get(lifespan, 7.5)
    assert found["clv_average_lifespan"] == pytest.approx(found["customer_value"] * months)
    assert found["clv_comprehensive"] == pytest.approx(found["customer_value"] * months)
    assert found["clv_revenue_based"] == pytest.approx(found["customer_value"] / found["net_churn_rate"])
    definition = dict(result.table.select("metric", "definition").iter_rows())["clv_average_lifespan"]
    words = {"observed": "observed lifespan", "churn": "lifespan"}.get(lifespan, "lifespan as given (7.5 months)")
    assert definition == f"1 average lifespan: customer value × {words}; basis revenue"


def test_observed_lifespan_by_hand():
    # Window 10 days, as of 30 April. a: 1 January to 5 March, active until 14 March: 74 days, 64 beyond the first 10.
    # b: once: 0 beyond. c: 1 to 25 April, active until the end of the log: 30 days, 20 beyond. d: 30 April: not yet 10
    # days old, 0. a's silence from January to March is bridged. Gone: a and b. (64 + 20) ÷ 2 + 10 = 52 days.
    result = computed(
        """
        who day        amount
        a   2024-01-01 1
        a   2024-03-05 1
        b   2024-02-01 1
        c   2024-04-01 1
        c   2024-04-25 1
        d   2024-04-30 1
        """,
        Valuation(active_window="10"),
    )
    assert figures(result)["observed_lifespan"] == pytest.approx(52 / 30.4375)
    assert dict(result.table.select("metric", "n").iter_rows())["observed_lifespan"] == 2


def test_observed_lifespan_recovers_a_known_lifetime(monkeypatch):
    # Customers live 200 days on average (exponentially) and buy every 5 days (constant rates would be 1/5; here they
    # vary around it), so the last purchase comes about 5 days before the end: 200 - 5 + 30 days of window. 3 years.
    without_models(monkeypatch)
    orders = simulated(9, 6000, 1095, lifetime=200.0, gap=5.0)
    found = figures(compute(orders, Valuation(active_window="30", period="day")))
    assert found["observed_lifespan"] == pytest.approx(225, rel=0.04)


@pytest.mark.parametrize("window", [5, 12, 15, 20, 25, 40])
def test_lifespans_more_than_a_quarter_apart_are_told(window):
    # One customer a day who comes once, and 20 who come every other day. With a short window most of the former are
    # gone before a month ends, so that churn, which starts from the ends of months, hardly sees them.
    day = np.datetime64("2023-01-01")
    rows = [{"who": f"once{k}", "day": str(day + k), "amount": "1"} for k in range(365)]
    rows += [{"who": f"stays{k}", "day": str(day + d), "amount": "1"} for k in range(20) for d in range(0, 365, 2)]
    result = compute(frame(rows), Valuation(active_window=str(window)))
    found = figures(result)
    ratio = found["lifespan"] / found["observed_lifespan"]
    apart = {5: 6.1, 12: 2.5, 15: 2.1, 20: 1.6, 25: 1.3, 40: 1.1}[window]
    assert ratio == pytest.approx(apart, rel=0.2)
    note = said(result, "differ by more than 25 %: churn is not constant over a customer's life")
    assert bool(note) == (abs(ratio - 1) > 0.25)


def test_a_lifespan_beyond_the_log_is_told():
    # 1 of 40 customers is lost in 4 months
    rows = [
        {"who": f"c{k}", "day": f"2024-0{m}-{1 + (k * 7) % 28:02}", "amount": "1"}
        for k in range(39)
        for m in range(1, 5)
    ]
    rows += [{"who": "gone", "day": "2024-01-01", "amount": "1"}, {"who": "c0", "day": "2024-04-30", "amount": "1"}]
    result = compute(frame(rows), Valuation(active_window="period"))
    # January 40, February and March 39 at the start: 1 lost of 118
    assert figures(result)["lifespan"] == pytest.approx(118)
    assert said(result, "lifespan of 118.0 months is longer than the log (4.0): extrapolated")


def test_the_share_of_the_lost_who_came_back():
    # a is lost in February and back in March; b is lost in February for good
    result = computed(
        """
        who day        amount
        a   2024-01-01 1
        b   2024-01-15 1
        c   2024-01-31 1
        c   2024-02-15 1
        a   2024-03-15 1
        c   2024-03-31 1
        """,
        Valuation(active_window="period"),
    )
    assert said(result, "active window: the month itself (chosen); 50.0% of the lost came back")
