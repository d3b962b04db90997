"""Intervals of predictions hold what they promise: in simulated shops, nine of ten 90 % intervals contain the future."""

import json

import numpy as np
import polars as pl
import pytest
from shops import AS_OF, shop

from clvtool.errors import UsageError
from clvtool.metrics.expected import REASONS
from clvtool.metrics.fit import fit
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.predict import predict
from clvtool.metrics.totals import Grouping
from clvtool.metrics.valuation import Valuation
from clvtool.models.file import loads
from clvtool.models.registry import fitted
from clvtool.periods import duration

UNTIL = Policies(as_of=AS_OF)
NINETY = Valuation(horizon=duration("26w"), discount=0.0, level=0.9)


def row(result):
    return result.table.to_dicts()[0]


# --- single customers ---


def future_of(seed, customers):
    """Return the predictions for a shop in the order of the customers, and what they did."""
    orders, made, spent = shop(seed, customers)
    return orders, predict(orders, NINETY, UNTIL).table.sort("customer_id"), made, spent


def test_single_customers_do_what_their_intervals_say():
    _, table, made, spent = future_of(1, 6000)
    low, high = table["expected_orders_low"].to_numpy(), table["expected_orders_high"].to_numpy()
    assert ((low <= made) & (made <= high)).mean() >= 0.88  # counts are whole: rather more than 90 %
    assert (made > high).mean() <= 0.05 + 0.01
    assert (made < low).mean() <= 0.05 + 0.01
    low, high = table["clv_low"].to_numpy(), table["clv_high"].to_numpy()
    assert ((low <= spent) & (spent <= high)).mean() >= 0.88
    # money is continuous: who has an upper bound above 0 exceeds it with 5 % (3 standard errors of 6000: 0.8 %)
    some = high > 0
    assert (spent > high)[some].mean() == pytest.approx(0.05, abs=0.012)


def test_the_place_of_the_future_in_its_distribution_is_uniform():
    # randomised PIT: F(k − 1) + u (F(k) − F(k − 1)) of the k purchases that were made
    orders, table, made, _ = future_of(2, 6000)
    model = fitted(loads(fit(orders, ["bg-nbd"], UNTIL).metadata["model"]).fits["bg-nbd"])
    days = orders.group_by("customer_id").agg(
        x=pl.len() - 1, T=(pl.lit(AS_OF) - pl.col("order_date").min()).dt.total_days()
    )
    days = days.sort("customer_id")
    counts = model.counts_if_alive(26.0, days["x"].to_numpy(), days["T"].to_numpy() / 7, int(made.max()))
    alive = table["p_alive"].to_numpy()[:, None]
    below = np.cumsum(np.where(np.arange(counts.shape[1]) == 0, 1 - alive, 0) + alive * counts, axis=1)
    at = np.arange(len(made))
    upper, lower = below[at, made], np.where(made > 0, below[at, np.maximum(made - 1, 0)], 0)
    place = lower + np.random.default_rng(3).random(len(made)) * (upper - lower)
    bins = np.histogram(place, 10, (0, 1))[0]
    assert ((bins - 600) ** 2 / 600).sum() < 27.9  # χ² with 9 degrees of freedom: 0.1 %


def test_a_wider_level_holds_a_narrower_one():
    orders, _, _ = shop(3, 400)
    half, most = (predict(orders, Valuation(level=level), UNTIL).table.sort("customer_id") for level in (0.5, 0.99))
    for name in ("expected_orders", "clv"):
        assert (half[f"{name}_low"] >= most[f"{name}_low"]).all()
        assert (half[f"{name}_high"] <= most[f"{name}_high"]).all()
        assert (most[f"{name}_high"] > half[f"{name}_high"]).any()


@pytest.mark.parametrize("model", ["bg-nbd", "mbg-nbd", "pareto-nbd", "nbd"])
def test_every_figure_is_finite_and_not_negative_or_has_its_reason(model):
    orders, _, _ = shop(4, 60)
    table = predict(orders, Valuation(discount=0.1), UNTIL, model=model, residual=model != "nbd").table
    for name in (one for one, kind in table.schema.items() if kind in (pl.Float64, pl.Int64)):
        assert table[name].is_finite().all(), name
        assert (table[name] >= 0).all(), name
    assert set(table["reason"].drop_nulls()) <= set(REASONS)


def test_a_negative_margin_turns_the_interval_round():
    orders, _, _ = shop(5, 200)
    plus, minus = (predict(orders, Valuation(margin=sign), UNTIL).table.sort("customer_id") for sign in (0.5, -0.5))
    assert minus["clv_low"].to_list() == [-value for value in plus["clv_high"]]
    assert minus["clv_high"].to_list() == [-value for value in plus["clv_low"]]
    total = row(predict(orders, Valuation(margin=-0.5), UNTIL, grouping=Grouping()))
    assert total["clv_low"] < total["clv"] < total["clv_high"] < 0
    assert total["reason"] == "negative_margin"


# --- sums ---


def share_covered(shops, customers):
    """Return the share of 90 % intervals of totals that contain the future: of purchases, and of money."""
    hits = np.zeros(2)
    for seed in range(shops):
        orders, made, spent = shop(100 + seed, customers)
        total = row(predict(orders, NINETY, UNTIL, grouping=Grouping()))
        hits += [
            total["expected_orders_low"] <= made.sum() <= total["expected_orders_high"],
            total["clv_low"] <= spent.sum() <= total["clv_high"],
        ]
    return (hits / shops).tolist()


def test_coverage_of_totals_roughly():
    # 40 intervals: a true coverage of 90 % is seen as 76 to 100 % (± 3 standard errors)
    assert min(share_covered(40, 150)) >= 0.76


@pytest.mark.slow
def test_coverage_of_totals():
    for share in share_covered(800, 3000):
        assert 0.88 <= share <= 0.92


def test_the_total_is_the_sum_of_the_customers_and_of_the_groups():
    orders, _, _ = shop(6, 300)
    orders = orders.with_columns(channel=pl.when(pl.col("customer_id").hash(1) % 3 == 0).then(pl.lit("a")))
    each = predict(orders, NINETY, UNTIL, residual=False).table
    for grouping in (Grouping(), Grouping(by=("channel",)), Grouping(period="quarter"), Grouping(("channel",), "year")):
        table = predict(orders, NINETY, UNTIL, grouping=grouping).table
        total, parts = table[0], table[1:]
        assert total["customers"].item() == 300
        for name in ("historic_value", "expected_orders", "clv"):
            assert float(total[name].item()) == pytest.approx(float(each[name].sum()), rel=1e-12)
            if parts.height:
                assert float(parts[name].sum()) == pytest.approx(float(total[name].item()), rel=1e-12)
    assert table.columns[:2] == ["channel", "cohort"]
    assert table["channel"].to_list()[:2] == ["(total)", "(none)"]
    assert total["cohort"].item() == "(total)"


def test_sums_of_more_customers_are_known_better_but_not_better_than_the_parameters():
    # of one fit: the standard error of a mean of n falls as 1/√n by purchases, and not at all by the parameters
    orders, _, _ = shop(7, 2000)
    saved = fit(orders, policies=UNTIL).metadata["model"]
    total, *quarters = predict(orders, NINETY, UNTIL, saved=saved, grouping=Grouping(period="quarter")).table.to_dicts()

    def width(one):
        return (one["expected_orders_high"] - one["expected_orders_low"]) / one["expected_orders"]

    assert all(width(one) > width(total) for one in quarters)
    certain = json.loads(saved)
    for one in certain["models"].values():
        one["covariance"] = [0.0] * len(one["covariance"])
    sure = row(predict(orders, NINETY, UNTIL, saved=json.dumps(certain), grouping=Grouping()))
    assert width(sure) < width(total)


def test_a_sum_without_a_variance_says_so():
    # q ≤ 2: the rate of spending has no second inverse moment
    orders, _, _ = shop(8, 300)
    model = json.loads(fit(orders, policies=UNTIL).metadata["model"])
    model["models"]["gamma-gamma"]["parameters"]["q"] = 1.9
    total = row(predict(orders, NINETY, UNTIL, saved=json.dumps(model), grouping=Grouping()))
    assert total["clv"] > 0
    assert total["clv_low"] is None
    assert total["reason"] == "no_variance"
    assert total["expected_orders_low"] > 0


def test_an_interval_that_would_say_nothing_is_left_out():
    # one customer of one purchase long ago
    orders, _, _ = shop(9, 300)
    alone = orders.head(1).with_columns(customer_id=pl.lit("alone"), order_date=pl.lit(orders["order_date"].min()))
    orders = pl.concat([orders.with_columns(group=pl.lit("many")), alone.with_columns(group=pl.lit("one"))])
    saved = json.loads(fit(orders, policies=UNTIL).metadata["model"])
    saved["models"]["bg-nbd"]["parameters"] |= {"r": 0.01}
    table = predict(orders, NINETY, UNTIL, saved=json.dumps(saved), grouping=Grouping(by=("group",))).table
    one = table.filter(pl.col("group") == "one").to_dicts()[0]
    assert one["expected_orders"] > 0
    assert one["expected_orders_low"] is one["expected_orders_high"] is None
    assert one["reason"] == "wide"


# --- without a horizon ---


def test_value_without_a_horizon_is_that_of_a_very_long_one():
    # 40 years at 50 %: 1.5^−40 = 9e-8 of the value is left
    orders, _, _ = shop(10, 60)
    given = Valuation(horizon=duration("40y"), discount=0.5)
    table = predict(orders, given, UNTIL, residual=True).table
    assert table["residual_lifetime_value"].to_list() == pytest.approx(table["clv"].to_list(), rel=1e-6)
    total = row(predict(orders, given, UNTIL, residual=True, grouping=Grouping()))
    assert total["residual_lifetime_value"] == pytest.approx(table["residual_lifetime_value"].sum(), rel=1e-12)


def test_value_without_a_horizon_needs_a_discount():
    orders, _, _ = shop(11, 60)
    with pytest.raises(UsageError, match="needs a --discount above 0"):
        predict(orders, Valuation(discount=0.0), UNTIL, residual=True)
