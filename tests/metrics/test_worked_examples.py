"""The worked examples (G) of the definitions, and the identities between the methods."""

import random

import pytest
from books import computed, figures, frame, random_book

from clvtool.errors import UsageError
from clvtool.metrics.methods import Inputs, methods
from clvtool.metrics.typed import compute_typed
from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute
from clvtool.periods import duration


def typed(aov, frequency, churn=None, **given):
    return figures(compute_typed(aov, frequency, churn, Valuation(**given)))


def test_five_years_of_four_orders_of_two_hundred():
    # G: 200 × 4 a year × 5 years = 4000; margin 25 %: 1000 by methods 2 and 3
    found = typed(200, 4, lifespan="5", period="year", margin=0.25)
    assert found["clv_average_lifespan"] == pytest.approx(4000)
    assert found["clv_revenue_based"] == pytest.approx(1000)
    assert found["clv_comprehensive"] == pytest.approx(1000)
    by_churn = typed(200, 4, 0.2, period="year", margin=0.25)
    assert by_churn == pytest.approx(found)
    # cut at a year: 800 × (1 - 0.8¹) ÷ 0.2 = 800; at two years 800 + 800 × 0.8 = 1440
    assert found["clv_average_lifespan_horizon"] == pytest.approx(800)
    two = typed(200, 4, 0.2, period="year", horizon=duration("2y"))
    assert two["clv_average_lifespan_horizon"] == pytest.approx(1440)


def test_three_years_of_four_orders_of_sixty():
    assert typed(60, 4, lifespan="3", period="year")["clv_average_lifespan"] == pytest.approx(720)  # G


def test_revenue_of_a_hundred_at_five_percent_churn():
    assert typed(100, 1, 0.05)["clv_revenue_based"] == pytest.approx(2000)  # G: 100 / 0.05 at margin 1


def test_one_percent_a_month_is_a_hundred_months():
    assert typed(1, 1, 0.01)["lifespan"] == pytest.approx(100)  # G


def test_a_thousand_customers_lose_fifty():
    # G: 1000 at the start, 50 lost: churn 5 %, retention 95 %. All buy in January, 950 of them in February.
    rows = [{"who": f"c{k}", "day": "2024-01-10", "amount": "1"} for k in range(1000)]
    rows += [{"who": f"c{k}", "day": "2024-02-29", "amount": "1"} for k in range(950)]
    found = figures(compute(frame(rows), Valuation(active_window="period")))
    assert found["churn_rate"] == pytest.approx(0.05)
    assert found["retention_rate"] == pytest.approx(0.95)
    assert found["lifespan"] == pytest.approx(20)


def test_lifespan_and_churn_both_typed_have_to_agree():
    # 1 ÷ 0.1 is 10 periods, not 5: nobody can know which was meant; 1 ÷ 0.33 is 3, rounded
    with pytest.raises(UsageError, match="contradict each other"):
        typed(10, 2, 0.1, lifespan="5")
    assert typed(10, 2, 0.33, lifespan="3")["clv_average_lifespan"] == pytest.approx(60)


def test_typed_cac_and_sensitivity():
    # CLV 10 × 2 ÷ 0.1 = 200, CAC 40: 5; churn 0.11: 181.82; 1 % of AOV or frequency: 2
    found = typed(10, 2, 0.1, cac=40, sensitivity=True)
    assert found["clv_to_cac_comprehensive"] == pytest.approx(5)
    assert found["clv_change_per_churn_point"] == pytest.approx(20 / 0.11 - 200)
    assert found["clv_change_per_aov_percent"] == pytest.approx(2)
    assert found["clv_change_per_frequency_percent"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((None, 4, 0.1), "--aov is missing"),
        ((200, None, 0.1), "--frequency is missing"),
        ((200, 4, None), "--lifespan or --churn is missing"),
        ((-1, 4, 0.1), "--aov -1"),
        ((float("nan"), 4, 0.1), "--aov nan"),
        ((200, float("inf"), 0.1), "--frequency inf"),
        ((200, 4, 0.0), "--churn 0"),
        ((200, 4, 1.1), "--churn 1.1"),
        ((200, 4, float("nan")), "--churn nan"),
    ],
)
def test_typed_numbers_that_make_no_sense(numbers, words):
    with pytest.raises(UsageError, match=words):
        compute_typed(*numbers, Valuation())


@pytest.mark.parametrize(
    "given",
    [
        {"period": "fortnight"},
        {"level": 1.0},
        {"level": float("nan")},
        {"discount": -1.0},
        {"discount": float("inf")},
        {"margin": 1.5},
        {"margin": float("nan")},
        {"cac": 0.0},
        {"cac": float("inf")},
        {"lifespan": "long"},
        {"lifespan": "0"},
        {"lifespan": "inf"},
        {"active_window": "0"},
        {"active_window": "-5"},
        {"active_window": "many"},
        {"active_window": "99999999999999999999"},
    ],
)
def test_options_that_make_no_sense(given):
    with pytest.raises(UsageError):
        Valuation(**given)


@pytest.mark.parametrize("seed", range(15))
def test_the_methods_agree(seed):
    # method 1 × margin = method 3 = method 2, when the lifespan is 1 ÷ churn
    rows = random_book(random.Random(seed), customers=25)
    found = figures(compute(frame(rows), Valuation(period="week", active_window=str(5 + 7 * seed), margin=0.37)))
    if found["lifespan"] is None:
        pytest.skip("this book has no lifespan")
    assert found["clv_average_lifespan"] * 0.37 == pytest.approx(found["clv_comprehensive"], rel=1e-12)
    assert found["clv_revenue_based"] == pytest.approx(found["clv_comprehensive"], rel=1e-12)
    assert found["clv_average_lifespan"] == pytest.approx(found["customer_value"] * found["lifespan"], rel=1e-12)


def test_margin_from_costs():
    # complete months: January only (the log ends on 15 February). Revenue 100, cost 60: margin 40 %
    found = figures(
        computed("""
        who day        amount cost
        a   2024-01-01 70     50
        a   2024-01-31 30     10
        a   2024-02-15 50     0
        """)
    )
    assert found["margin_rate"] == pytest.approx(0.4)


@pytest.mark.parametrize("lifespan", [0.2, 0.999, 1.0, 1.001, 40.0])
@pytest.mark.parametrize("horizon", [0.5, 1.0, 12.0, 1000.0])
def test_the_cut_lies_between_nothing_and_the_whole(lifespan, horizon):
    found = methods(Inputs(10.0, 2.0, 20.0, 1.0, 1 / lifespan, lifespan), horizon)
    assert 0 < found.average_lifespan_horizon <= found.average_lifespan * (1 + 1e-12)
    # a sum over whole periods: 20 × (1 + k + k² + …) with k kept
    if horizon >= 1 and lifespan > 1:
        by_hand = sum(20 * (1 - 1 / lifespan) ** period for period in range(int(horizon)))
        assert found.average_lifespan_horizon == pytest.approx(by_hand)
