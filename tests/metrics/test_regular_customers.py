"""Regular customers: the gaps between purchases, and what fit and predict make of them."""

from datetime import date, timedelta
from math import log

import numpy as np
import polars as pl
import pytest

from clvtool.metrics.churn import churn
from clvtool.metrics.customers import customers
from clvtool.metrics.fit import fit
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.predict import predict
from clvtool.metrics.predictive import histories
from clvtool.metrics.valuation import Valuation
from clvtool.periods import day_number, duration


def orders(rows):
    days = [date(2024, 1, 1) + timedelta(days=int(day)) for _, day in rows]
    return pl.DataFrame({"customer_id": [who for who, _ in rows], "order_date": days}).with_columns(
        kind=pl.lit("order")
    )


def test_gaps_are_those_between_purchase_days_of_one_customer():
    # a: 7 and 14 days (two orders on one day are one), b: 3 days, c: none
    table = orders([("b", 40), ("a", 0), ("a", 7), ("a", 7), ("a", 21), ("b", 37), ("c", 5)])
    log_ = order_log(table, Policies())
    seen = histories(customers(log_), day_number(log_.as_of))
    assert seen.gaps.nonzero()[0].tolist() == [3, 7, 14]
    assert seen.log_gaps == pytest.approx(log(1) + log(2) + log(3 / 7))


@pytest.fixture(scope="module")
def regulars():
    # 300 customers with a gap of their own, of which a purchase takes a third more or less; some stop one day
    random = np.random.default_rng(7)
    rows = []
    for who in range(300):
        day, gap = random.integers(0, 60), random.gamma(4, 7)
        while day < 500:
            rows.append((f"c{who:03}", day))
            if random.random() < 0.12:
                break
            day += max(1, round(gap * random.gamma(6) / 6))
    return orders(rows)


def test_fit_finds_k_and_tells_it_beside_the_parameters(regulars):
    result = fit(regulars, ["mbg-cnbd-k", "mbg-nbd"])
    rows = {(row["model"], row["parameter"]): row for row in result.table.to_dicts()}
    k = rows["mbg-cnbd-k", "k"]
    assert 4 <= k["estimate"] <= 8  # 6 is the truth
    assert (k["std_error"], k["ci_low"]) == (None, None)
    regular, plain = (one["log_likelihood"] for one in result.extra["models"])
    assert regular > plain + 200
    backwards = fit(regulars.reverse(), ["mbg-cnbd-k"])
    assert backwards.table.to_dicts() == result.table.head(5).to_dicts()


def test_predict_takes_a_saved_model_of_regular_customers_and_gives_the_same(regulars):
    saved = fit(regulars, ["mbg-cnbd-k"]).metadata["model"]
    assert len(saved) < 5000
    loaded, fitted = predict(regulars, saved=saved).table, predict(regulars, model="mbg-cnbd-k").table
    assert loaded.equals(fitted)
    assert loaded["expected_orders"].null_count() == 0
    assert loaded["p_alive"].is_between(0, 1).all()


def test_money_at_risk_is_that_of_predict_whose_figures_know_the_last_purchase(regulars):
    # of two alike who have not left, the one who bought yesterday waits longer: a churn without t_x would not see it
    paid = regulars.with_row_index("row").select(
        *regulars.columns, amount=(pl.col("row") % 5 * 7 + 10).cast(pl.Decimal(18, 4))
    )
    given = Valuation(horizon=duration("60d"), discount=0.1)
    saved = fit(paid, ["mbg-cnbd-k", "gamma-gamma"]).metadata["model"]
    told = predict(paid, given, saved=saved).table.sort("customer_id")
    found = churn(paid, given, within=duration("60d"), saved=saved).table.sort("customer_id")
    expected = (told["p_no_purchase"] * told["clv"]).to_list()
    assert found["value_at_risk"].to_list() == pytest.approx(expected, rel=1e-9)
