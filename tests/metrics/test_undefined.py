"""Where there is nothing to divide by: null, and a note that says why. Never NaN, infinity or 0 in its place."""

import random

import polars as pl
import pytest
from books import book, computed, figures, frame, random_book, said, simulated

from clvtool.errors import ClvtoolError
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute
from clvtool.periods import duration

METHODS = ("clv_average_lifespan", "clv_average_lifespan_horizon", "clv_revenue_based", "clv_comprehensive")


def test_no_complete_period():
    text = """
    who day        amount cost
    a   2024-01-05 10     4
    b   2024-01-20 30     6
    """
    result = computed(text, Valuation(period="year"))
    found = figures(result)
    for metric in ("purchase_frequency", "customer_value", "churn_rate", "net_churn_rate", "lifespan", *METHODS):
        assert found[metric] is None, metric
    assert said(result, "no complete year: rates, lifespan and methods 1 to 3 are empty (try a shorter --period)")
    assert said(result, "complete years: none; not complete, so in no rate: 2024")
    assert found["margin_rate"] == 0.75  # of the whole log, for method 4: (40 - 10) ÷ 40


def test_nobody_at_the_start():
    # one complete month: everyone is new in it
    result = computed("""
    who day        amount
    a   2024-01-01 10
    b   2024-01-31 30
    """)
    found = figures(result)
    assert found["purchase_frequency"] == 1
    assert found["retention_rate"] is found["churn_rate"] is found["net_churn_rate"] is found["lifespan"] is None
    assert said(result, "nobody was active at the start of a complete month: churn, lifespan and methods 1 to 3 are")


def test_as_many_came_back_as_left():
    # By month, window the month. a: January, March; b: every month. Lost: a in February (of 2); returned: a in March
    # (start 1). Net churn (1 - 1) ÷ 3 = 0. With a lifespan of 4 months the rest goes on: 2 + 1 + 2 = 5 buyer-months,
    # 5 orders, 100: customer value 20, method 1 80; method 2 needs churn.
    text = """
    who day        amount
    a   2024-01-01 20
    b   2024-01-15 20
    b   2024-02-15 20
    a   2024-03-15 20
    b   2024-03-31 20
    """
    result = computed(text, Valuation(active_window="period"))
    found = figures(result)
    assert found["net_churn_rate"] == 0
    assert found["churn_rate"] == pytest.approx(1 / 3)
    assert {found[metric] for metric in ("lifespan", *METHODS)} == {None}
    assert said(result, "net churn is 0.0000: at least as many came back as left, so lifespan and methods 1 to 3")
    assert said(result, "nobody is gone at 2024-03-31: observed_lifespan is empty")
    typed = computed(text, Valuation(active_window="period", lifespan="4"))
    found = figures(typed)
    assert found["clv_average_lifespan"] == pytest.approx(80)
    assert found["clv_comprehensive"] == pytest.approx(80)
    assert found["clv_revenue_based"] is None
    assert said(typed, "so lifespan and method 2 are empty")
    observed = computed(text, Valuation(active_window="period", lifespan="observed"))
    assert figures(observed)["clv_average_lifespan"] is None
    assert said(observed, "nobody is gone at 2024-03-31: observed_lifespan is empty, and methods 1 and 3")


def test_negative_net_churn():
    # With a window of 20 days x is not active at the end of January, and so returns in February without having been
    # lost. February: y at the start, x returns; March: x y at the start, nobody lost. Net churn (0 - 1) ÷ 3.
    text = """
    who day        amount
    x   2024-01-02 1
    y   2024-01-20 1
    y   2024-02-20 1
    x   2024-02-25 1
    y   2024-03-15 1
    x   2024-03-31 1
    """
    result = computed(text, Valuation(active_window="20"))
    found = figures(result)
    assert found["net_churn_rate"] == pytest.approx(-1 / 3)
    assert found["lifespan"] is None
    assert said(result, "net churn is -0.3333")


def test_no_money():
    # rates and lifespan need no money. a is lost in February, b stays
    result = compute(
        book("""
        who day
        a   2024-01-01
        b   2024-01-31
        b   2024-02-29
        """),
        Valuation(active_window="period", cac=10, sensitivity=True),
    )
    found = figures(result)
    assert (found["customers"], found["orders"], found["churn_rate"], found["lifespan"]) == (2, 3, 0.5, 2)
    money = [metric for metric, unit in result.table.select("metric", "unit").iter_rows() if "money" in unit]
    assert {found[metric] for metric in money} == {None, 10}  # the CAC is as given
    assert found["margin_rate"] is None
    assert said(result, "there is no column with money: figures in money are empty")
    assert not said(result, "--margin")


def test_too_few_repeaters_for_method_4():
    result = computed("""
    who day        amount
    a   2024-01-01 10
    a   2024-01-15 10
    b   2024-01-31 30
    """)
    assert figures(result)["clv_predictive"] is None
    assert said(result, "clv_predictive is empty: 1 of 2 customers bought again; the models need 30")


def test_no_revenue_to_take_a_margin_of():
    # everything was given back, by refunds that name no order
    text = """
    who day        amount cost
    a   2024-01-01 10     4
    a   2024-01-02 -10    0
    b   2024-01-31 0      0
    """
    result = computed(text)
    found = figures(result)
    assert found["revenue"] == 0
    assert found["margin_rate"] is found["top20_revenue_share"] is found["clv_comprehensive"] is None
    assert said(result, "there is no revenue to take a margin of: margin_rate and methods 2 to 4 are empty")
    assert said(result, "customers' net revenue is not above 0: top20_revenue_share is empty")


def test_a_margin_of_negative_revenue_is_none():
    # in the complete month more was given back than sold; over the whole log there is revenue: (15 - 9) ÷ 15 = 0.4
    found = figures(
        computed("""
        who day        amount cost
        a   2024-01-01 10     4
        a   2024-01-31 -25    0
        b   2024-02-15 30     5
        """)
    )
    assert found["margin_rate"] == pytest.approx(0.4)


def test_missing_costs_are_told():
    result = computed("""
    who day        amount cost
    a   2024-01-01 10     4
    b   2024-01-31 30     -
    """)
    assert figures(result)["margin_rate"] == 0.9
    assert said(result, "1 of 2 orders have no cost; it counts as 0, so margins are too high")


def test_all_amounts_zero():
    # forty customers who buy again, for nothing
    orders = simulated(1, 60).with_columns(amount=pl.lit(0).cast(pl.Decimal(18, 4)))
    result = compute(orders)
    assert figures(result)["aov"] == 0
    assert figures(result)["clv_average_lifespan"] == 0
    assert figures(result)["clv_predictive"] is None
    assert said(result, "clv_predictive is empty: Gamma-Gamma needs repeat purchases with a positive value")


@pytest.mark.parametrize("seed", range(40))
def test_random_books_with_random_options(seed):
    # whatever comes: an answer with finite figures (which `compute` asserts) or an error that says what to do
    source = random.Random(seed)
    rows = random_book(
        source,
        customers=source.randrange(1, 8),
        refunds=source.choice([0, 0.3, 0.9]),
        guests=source.choice([0, 0.5, 1]),
    )
    for row in rows:
        if source.random() < 0.2:
            row["amount"] = 0
    if source.random() < 0.2:
        rows = [{name: text for name, text in row.items() if name not in {"amount", "cost"}} for row in rows]
    given = Valuation(
        period=source.choice(["day", "week", "month", "quarter", "year"]),
        active_window=source.choice(["auto", "period", "1", "40"]),
        lifespan=source.choice(["churn", "observed", "3"]),
        margin=source.choice([None, 0.0, 0.3, -1.0]),
        horizon=duration(source.choice(["1d", "12m", "50y"])),
        cac=source.choice([None, 5.0]),
        sensitivity=True,
    )
    policies = Policies(refunds=source.choice(["net", "ignore"]), zero_orders=source.choice(["keep", "drop"]))
    try:
        result = compute(frame(rows), given, policies, by=source.choice([(), ("channel",)]))
    except ClvtoolError as error:
        assert str(error) == "no orders are left"
        return
    assert result.table["definition"].null_count() == 0
    bounds = result.table.drop_nulls("ci_low")
    assert (bounds["ci_low"] <= bounds["value"] + 1e-12).all()
    assert (bounds["value"] <= bounds["ci_high"] + 1e-12).all()
    if figures(result)["clv_average_lifespan"] is None:
        assert any("methods 1" in note or "figures in money" in note for note in result.notes)
