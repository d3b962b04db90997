"""How far methods 1 and 4 are apart, and why."""

import re

import polars as pl
import pytest
from books import figures, said, simulated

from clvtool.metrics.disagreement import causes, disagreement
from clvtool.metrics.methods import Methods
from clvtool.metrics.predictive import Prediction
from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute
from clvtool.periods import duration

NAMES = ("horizon", "spending", "left truncation", "new customers", "discount")


@pytest.fixture(scope="module")
def orders():
    """A shop that has more than 200 customers in its first 60 days and more than 200 later."""
    return simulated(11, 900, 600)


def told(result):
    """Return the value of both methods, the main driver, the difference and its parts, as the note says them."""
    (note,) = said(result, "before margin, clv_predictive")
    found = re.fullmatch(
        r"before margin, clv_predictive \(([-\d.,]+)\) is (?:\d+% )?(?:below|above) clv_average_lifespan "
        r"\(([-\d.,]+)\)\. Main driver: ([a-z ]+)\. The difference of ([-+\d.,]+) is (.*)",
        note,
    )
    parts = re.findall(r"(?:^|; )([a-z ]+?)(?: \(.*?\))? ([-+][\d.,]+)(?=;|$)", found[5])

    def number(text):
        return float(text.replace(",", ""))

    return (
        number(found[1]),
        number(found[2]),
        found[3],
        number(found[4]),
        {name: number(part) for name, part in parts},
    )


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        # a lifespan of about 9 months: method 4 stops after 3
        ({"horizon": "3m"}, "horizon"),
        # over 20 years the horizon takes nothing away; that money is worth half a year later does
        ({"horizon": "20y", "discount": 0.99}, "discount"),
        # over 20 years, undiscounted: what is left is that method 1 averages all customers
        ({"horizon": "20y", "discount": 0.0, "log_from_start": True}, "new customers"),
    ],
)
def test_parts_and_main_driver(orders, given, driver):
    given = given | {"horizon": duration(given["horizon"]), "active_window": "60"}
    result = compute(orders, Valuation(**given))
    predicted, lifetime, main, difference, parts = told(result)
    assert main == driver
    assert abs(parts[main]) == max(abs(part) for part in parts.values())
    assert sum(parts.values()) == pytest.approx(difference, abs=0.03)  # each is rounded to cents
    assert predicted - lifetime == pytest.approx(difference, abs=0.011)
    assert predicted == pytest.approx(figures(result)["clv_predictive"], abs=0.006)
    assert lifetime == pytest.approx(figures(result)["clv_average_lifespan"], abs=0.006)
    assert ("left truncation" in parts) == (not given.get("log_from_start", False))


def test_it_speaks_of_revenue_where_there_is_a_margin(orders):
    assert told(compute(orders, Valuation(margin=0.1)))[:2] == told(compute(orders))[:2]


def prediction(**parts):
    given = {
        "value": 90.0,
        "variance": 1.0,
        "undiscounted": 100.0,
        "first_value": 40.0,
        "purchases": 3.0,
        "order_value": 20.0,
        "spend_ratio": 1.0,
        "customers": 500,
        "notes": (),
    }
    return Prediction(**given | parts)


def test_causes_by_hand():
    # method 1: 150, cut 110. Method 4: 40 + 3 × 20 = 100 undiscounted, 90 discounted; with all customers 104. At the
    # purchase-weighted mean of 22 a purchase it would be 106: spending -6. Horizon 110 - 150 = -40, left truncation
    # 100 - 104 = -4, discount -10; the rest of -60 is for new customers: 0.
    found = causes(150.0, 110.0, prediction(spend_ratio=1.1, undiscounted_with_older=104.0))
    assert {name: round(part, 9) for name, part in found.items()} == {
        "horizon": -40,
        "spending": -6,
        "left truncation": -4,
        "new customers": 0,
        "discount": -10,
    }
    alone = causes(150.0, 110.0, prediction(spend_ratio=1.1))
    assert "left truncation" not in alone
    assert sum(alone.values()) == pytest.approx(-60)


@pytest.mark.parametrize(("ratio", "warned"), [(1.09, False), (1.11, True), (0.91, False), (0.89, True)])
def test_spending_that_depends_on_frequency_is_warned_of(ratio, warned):
    values = Methods(150.0, 110.0, 150.0, 150.0)
    notes = disagreement(values, prediction(spend_ratio=ratio), duration("12m"), 15.0, "month")
    assert any("depends on how often customers buy" in note for note in notes) == warned


def test_customers_who_buy_more_often_and_dearer(orders):
    # amounts grow with the number of purchases: the purchase-weighted mean is far above the mean over customers
    count = pl.len().over("customer_id")
    dearer = orders.with_columns(amount=(pl.col("amount") * count).cast(pl.Decimal(18, 4)))
    assert said(compute(dearer, Valuation(active_window="60")), "so clv_predictive is biased")


def test_nothing_is_said_without_both_methods():
    assert disagreement(Methods(), prediction(), duration("12m"), None, "month") == []
    assert disagreement(Methods(1.0, 1.0, 1.0, 1.0), None, duration("12m"), 1.0, "month") == []
