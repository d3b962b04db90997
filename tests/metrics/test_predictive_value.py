"""Method 4 as it is put together from its parts; the models themselves have their own tests."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from books import book, cdnow, figures, frame, said, simulated

from clvtool.metrics.customers import customers
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.predictive import Prediction, _variance, histories, new_customers
from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import _earned, compute
from clvtool.periods import day_number, duration
from clvtool.stats import Estimate


def histories_of(orders):
    log = order_log(orders, Policies())
    found = customers(log)
    return dict(zip(found.ids, zip(*vars_of(histories(found, day_number(log.as_of))), strict=True), strict=True))


def vars_of(seen):
    return [getattr(seen, name).tolist() for name in ("x", "t_x", "T", "m", "first", "later")]


def test_histories_by_hand():
    # a: 1, 1 and 11 January: two purchase days, x = 1, t_x = 10, T = 30, 20 - 5 = 15 after the first day.
    # b bought once: the 4 it gave back belong to its only purchase, so nothing is "later".
    assert histories_of(
        book("""
        who day        amount
        a   2024-01-01 10
        a   2024-01-01 2
        a   2024-01-11 20
        a   2024-01-20 -5
        b   2024-01-11 50
        b   2024-01-15 -4
        c   2024-01-31 1
        """)
    ) == {
        "a": (1, 10, 30, 15.0, 120_000, 150_000),
        "b": (0, 0, 20, 0.0, 460_000, 0),
        "c": (0, 0, 0, 0.0, 10_000, 0),
    }


def test_no_money_is_lost_between_first_and_later_purchases():
    # Method 4 at a horizon of next to nothing is the first purchase: here that is all money of those who bought once,
    # less what they gave back, and the first day's money of the others.
    orders = simulated(3, 300)
    refunds = orders.filter(pl.int_range(pl.len()) % 5 == 0).with_columns(
        kind=pl.lit("refund", orders.schema["kind"]),
        amount=(-pl.col("amount") / 2).cast(pl.Decimal(18, 4)),
        order_date=pl.col("order_date").dt.offset_by("20d"),
    )
    both = pl.concat([orders, refunds])
    log = order_log(both, Policies())
    found = customers(log)
    first = {}
    for who, day, kind in log.events.select("customer_id", "order_date", "kind").iter_rows():
        if kind == "order":
            days = first.setdefault(who, {})
            days[day] = days.get(day, 0)
    money = 0
    for who, day, amount in log.events.select("customer_id", "order_date", "amount").iter_rows():
        if len(first[who]) == 1 or day == min(first[who]):
            money += amount
    result = compute(both, Valuation(horizon=duration("1d"), log_from_start=True))
    near_nothing = figures(result)["clv_predictive"]
    assert float(money) / found.n <= near_nothing < float(money) / found.n * 1.1


def test_horizon_discount_and_margin():
    orders = simulated(4, 300)

    def value(**given):
        return figures(compute(orders, Valuation(log_from_start=True, **given)))["clv_predictive"]

    year = value()
    assert value(horizon=duration("24m")) > year > value(horizon=duration("6m"))
    assert value(discount=0.0) > year > value(discount=0.5)
    assert value(margin=0.25) == pytest.approx(year / 4)
    assert value(horizon=duration("1y")) == year


def test_customers_of_the_first_window_are_left_out():
    # 260 customers are first seen after the first 60 days: method 4 is what it would be from these alone
    orders = simulated(6, 300)
    first = pl.col("order_date").min().over("customer_id")
    orders = orders.with_columns(
        old=pl.when((first - first.min()).dt.total_days() < 60).then(pl.lit("y")).otherwise(pl.lit("n"))
    )
    result = compute(orders, Valuation(active_window="60"))
    alone = compute(orders, Valuation(active_window="60", log_from_start=True), Policies(where=(("old", "n"),)))
    assert figures(result)["clv_predictive"] == figures(alone)["clv_predictive"]
    everyone = compute(orders, Valuation(active_window="60", log_from_start=True))
    assert figures(everyone)["clv_predictive"] != figures(result)["clv_predictive"]
    old = orders.filter(pl.col("old") == "y")["customer_id"].n_unique()
    assert said(
        result, f"{old} customers were first seen in the first 60 days of the log and may be older; method 4 is"
    )
    assert not said(everyone, "may be older")
    n = dict(result.table.select("metric", "n").iter_rows())
    assert n["clv_predictive"] == 300 - old


def test_all_are_kept_where_too_few_others_remain():
    orders = simulated(6, 220)  # about 200 arrive after the first 60 days: fewer than 200 with a window of 90
    result = compute(orders, Valuation(active_window="90"))
    assert said(result, "all are kept in method 4, for too few others remain")
    n = dict(result.table.select("metric", "n").iter_rows())
    assert n["clv_predictive"] == 220


def test_each_group_has_enough_others_or_keeps_all():
    orders = simulated(7, 500).with_columns(
        half=pl.when(pl.col("customer_id").cast(pl.Int64) < 400).then(pl.lit("large")).otherwise(pl.lit("small"))
    )
    result = compute(orders, Valuation(active_window="60"), by=["half"])
    n = {
        name: n
        for name, metric, n in result.table.select("half", "metric", "n").iter_rows()
        if metric == "clv_predictive"
    }
    assert n["small"] == 100
    assert 200 < n["large"] < 400
    assert said(result, "method 4 is fitted without them, but where too few others remain: small")


def test_interval_contains_the_value_and_scales_with_the_margin():
    rows = compute(cdnow(), Valuation(margin=0.5)).table.filter(pl.col("metric") == "clv_predictive")
    whole = compute(cdnow()).table.filter(pl.col("metric") == "clv_predictive")
    for name in ("value", "ci_low", "ci_high"):
        assert rows[name][0] * 2 == pytest.approx(whole[name][0])
    negative = compute(cdnow(), Valuation(margin=-0.5)).table.filter(pl.col("metric") == "clv_predictive")
    assert negative["ci_low"][0] < negative["value"][0] < negative["ci_high"][0] < 0


def test_equal_amounts_have_a_value_too():
    # the spending model ends at a limit: everyone spends the same. First purchase 10, others 10
    rows = frame(
        [
            {"who": f"c{k}", "day": day, "amount": "10"}
            for k in range(60)
            for day in ("2024-01-01", "2024-02-01", "2024-03-01")[: 1 + k % 3]
        ]
    )
    found = figures(compute(rows))
    assert found["clv_predictive"] > 10


def test_who_was_new_when_first_seen(monkeypatch):
    # a window of 10 days from 1 January: 1 to 10 January. Whoever is first seen on the 11th is new.
    monkeypatch.setattr("clvtool.metrics.predictive.FEWEST_OTHERS", 2)
    log = order_log(
        book("""
        who day        amount
        a   2024-01-01 1
        b   2024-01-10 1
        c   2024-01-11 1
        d   2024-01-31 1
        """),
        Policies(),
    )
    found = customers(log)
    first_day = day_number(log.first_day)

    def new(group, *, log_from_start=False):
        fresh = new_customers(found, first_day, 10, np.array(group), log_from_start=log_from_start)
        return {who for who, one in zip(found.ids, fresh, strict=True) if one}

    assert new([0, 0, 0, 0]) == {"c", "d"}
    assert new([0, 0, 0, 0], log_from_start=True) == {"a", "b", "c", "d"}
    by_name = {"a": 0, "b": 1, "c": 0, "d": 0}  # group 1 would be left with nobody
    assert new([by_name[who] for who in found.ids]) == {"b", "c", "d"}


@pytest.mark.parametrize(("again", "fitted"), [(29, False), (30, True)])
def test_thirty_customers_who_bought_again_are_enough(again, fitted):
    rows = [{"who": f"c{k}", "day": f"2024-01-{1 + k % 20:02}", "amount": str(5 + k % 7)} for k in range(60)]
    rows += [{"who": f"c{k}", "day": f"2024-02-{1 + k % 20:02}", "amount": str(5 + k % 5)} for k in range(again)]
    assert (figures(compute(frame(rows)))["clv_predictive"] is not None) == fitted


def test_variance_of_the_money_by_hand():
    # Two means with variances 4 and 9 and covariance 3; the model's mean has an error of 2 where the observed one has 3.
    # Var(first + 5 × model) = 4 + 2 × 5 × 3 × 2/3 + 25 × 4 = 124
    covariance = np.array([[4.0, 3.0], [3.0, 9.0]])
    first = Estimate(10.0, np.array([1.0, 0.0]), covariance, 50)
    later = Estimate(12.0, np.array([0.0, 1.0]), covariance, 50)
    assert _variance(first, later, 5.0, 2.0) == pytest.approx(124)
    assert _variance(first, later, 5.0, None) is None
    assert _variance(replace(first, units=1), replace(later, units=1), 5.0, 2.0) is None


def test_an_uncertain_margin_widens_the_interval():
    # relative errors 3 ÷ 100 of the prediction and 0.02 ÷ 0.5 of the margin: together 5 %
    new = Prediction(100.0, 9.0, 100.0, 40.0, 3.0, 20.0, 1.0, 500, ())
    margin = Estimate(0.5, np.array([1.0]), np.array([[0.0004]]), 50)
    value, (low, high) = _earned(margin, new, 0.95)
    assert value == 50
    assert math.log(high / low) / 2 == pytest.approx(1.959963984540054 * 0.05)
    assert _earned(0.5, replace(new, variance=None), 0.95) == (50, None)
