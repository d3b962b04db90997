"""The back-test of churn: what is known when, by hand and by loops; and that a true model is found to be one."""

import random
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from books import book

from clvtool.errors import FitError, UsageError
from clvtool.metrics.backtest import DEFINITIONS, backtest
from clvtool.metrics.churn import churn
from clvtool.metrics.orderlog import Policies
from clvtool.periods import duration

WITHIN = duration("60d")


def simulated(customers=3000, seed=1, days=540):
    """Return orders of customers who buy and leave as BG/NBD says: rates Gamma(0.8, 30 days), chances Beta(1, 3)."""
    draw = np.random.default_rng(seed)
    names, when = [], []
    for number in range(customers):
        rate, leaves = draw.gamma(0.8) / 30, draw.beta(1, 3)
        day, stays = draw.uniform(0, 300), True
        while stays and day < days:
            names.append(f"c{number}")
            when.append(date(2023, 1, 1) + timedelta(days=int(day)))
            # nobody leaves after the first purchase
            stays = names[-2:-1] != names[-1:] or draw.random() >= leaves
            day += draw.exponential(1 / rate)
    return pl.DataFrame({"customer_id": names, "order_date": when, "kind": "order"})


def rows(result, forecast, cutoff="(all)"):
    (row,) = result.table.filter(forecast=forecast, cutoff=cutoff).to_dicts()
    return row


BOOK = """
who day        amount
a   2024-01-01 10
a   2024-01-20 10
a   2024-03-01 10
a   2024-04-15 10
b   2024-01-05 10
b   2024-02-20 10
c   2024-02-10 10
c   2024-03-30 10
d   2024-03-15 10
e   2024-04-20 10
"""


def test_who_left_and_the_average_by_hand():
    # as of 2024-04-29, 30 days: cut-offs 03-30 and 02-29 (01-30 has no 30 days before it)
    # 02-29: a b c are known; in (02-29, 03-30] a (03-01) and c (03-30) bought: b of three left.
    #        average: known on 01-30 a b; in (01-30, 02-29] b bought (02-20): a of two left
    # 03-30: a b c d are known; until 04-29 a bought: b c d of four left. average: 1 of 3
    result = backtest(book(BOOK), Policies(as_of=date(2024, 4, 29)), within=duration("30d"), model="nbd")
    assert result.table["cutoff"].unique(maintain_order=True).to_list() == ["(all)", "2024-02-29", "2024-03-30"]
    assert list(result.table.columns) == list(DEFINITIONS)
    first, second = rows(result, "average", "2024-02-29"), rows(result, "average", "2024-03-30")
    assert (first["n"], first["observed_rate"], first["predicted_rate"]) == (3, 1 / 3, 1 / 2)
    assert (second["n"], second["observed_rate"], second["predicted_rate"]) == (4, 3 / 4, 1 / 3)
    both = rows(result, "average")
    assert (both["n"], both["auc"], both["top_lift"]) == (7, 0.5, 1.0)
    assert both["observed_rate"] == pytest.approx(4 / 7)
    assert both["brier"] == pytest.approx((3 * 1 / 4 + 1 * (2 / 3) ** 2 * 3 + (1 / 3) ** 2) / 7)


def test_the_chances_are_those_that_churn_gave_on_that_day():
    # nothing of what came later may be in them: the same run, with everything later cut off
    orders = simulated(300)
    when, within = date(2024, 2, 1), WITHIN
    result = backtest(orders, within=within, cutoffs=[when])
    then = churn(orders.filter(pl.col("order_date") <= when), policies=Policies(as_of=when), within=within).table
    after = set(
        orders.filter((pl.col("order_date") > when) & (pl.col("order_date") <= when + timedelta(days=60)))[
            "customer_id"
        ]
    )
    pairs = [(row["p_churn"], row["customer_id"] not in after) for row in then.to_dicts()]
    row = rows(result, "bg-nbd", when.isoformat())
    assert row["n"] == len(pairs)
    assert row["observed_rate"] == sum(left for _, left in pairs) / len(pairs)
    assert row["brier"] == pytest.approx(sum((p - left) ** 2 for p, left in pairs) / len(pairs), rel=1e-12)


def test_a_refund_that_comes_later_was_not_known():
    # the order of 03-20 is refunded in full on 04-20: at 03-30 it still counted, and c's next one brought c back
    text = (
        "id who day amount\n1 a 2024-01-01 5\n2 a 2024-02-01 5\n3 c 2024-03-20 9\n3 c 2024-04-20 -9\n4 b 2024-02-25 5\n"
    )
    orders = book(text + "5 b 2024-05-20 5\n6 b 2024-04-02 5")
    result = backtest(orders, within=duration("30d"), cutoffs=[date(2024, 3, 30)], model="nbd")
    row = rows(result, "nbd", "2024-03-30")
    # a, b, c are known; b bought on 04-02; a and c did not
    assert (row["n"], row["observed_rate"]) == (3, 2 / 3)


def test_a_true_model_is_calibrated_and_better_than_both_baselines():
    result = backtest(simulated(), within=WITHIN)
    own, recency, average = (rows(result, name) for name in ("bg-nbd", "recency", "average"))
    assert own["log_loss"] < recency["log_loss"] < average["log_loss"]
    assert own["auc"] > recency["auc"] > 0.6
    assert own["predicted_rate"] == pytest.approx(own["observed_rate"], abs=0.015)
    # in each tenth what was foretold is what happened, up to chance; a customer stands there up to three times
    for one in result.extra["calibration"]:
        if one["forecast"] == "bg-nbd":
            p = one["predicted_rate"]
            assert one["observed_rate"] == pytest.approx(p, abs=4 * (3 * p * (1 - p) / one["n"]) ** 0.5)
    assert any(note.startswith("bg-nbd is better than recency") for note in result.notes)


def test_the_calibration_is_a_table_too():
    orders = simulated(300)
    whole, deciles = backtest(orders, within=WITHIN), backtest(orders, within=WITHIN, calibration=True)
    assert deciles.table.to_dicts() == whole.extra["calibration"]
    own = deciles.table.filter(forecast="bg-nbd")
    assert own["n"].sum() == rows(whole, "bg-nbd")["n"]
    # the tenths are in the order of their chances
    assert own["tenth"].is_sorted()


def test_the_order_of_rows_and_the_names_change_nothing():
    orders = simulated(200)
    names = {name: f"x{place}" for place, name in enumerate(sorted(orders["customer_id"].unique()))}
    renamed = orders.with_columns(pl.col("customer_id").replace_strict(names))
    shuffled = orders.sample(fraction=1, shuffle=True, seed=4)
    found = backtest(orders, within=WITHIN)
    assert backtest(shuffled, within=WITHIN).table.equals(found.table)
    for ours, theirs in zip(found.table.rows(), backtest(renamed, within=WITHIN).table.rows(), strict=True):
        assert ours[:2] == theirs[:2]
        assert ours[2:] == pytest.approx(theirs[2:], rel=1e-9)


def test_a_cutoff_outside_of_the_data_is_refused_with_the_range():
    orders = simulated(50)
    first, last = orders["order_date"].min(), orders["order_date"].max()
    low, high = first + timedelta(days=60), last - timedelta(days=60)
    for when in (low - timedelta(days=1), high + timedelta(days=1)):
        with pytest.raises(UsageError, match=f"--cutoff {when} is outside") as caught:
            backtest(orders, within=WITHIN, cutoffs=[when])
        assert f"{low} to {high}" in caught.value.hint
    for when in (low, high):
        assert backtest(orders, within=WITHIN, cutoffs=[when], model="nbd").table.height == 6


def test_a_log_too_short_for_a_back_test_is_refused_with_what_it_allows():
    orders = simulated(50)
    length = (orders["order_date"].max() - orders["order_date"].min()).days
    with pytest.raises(UsageError, match="--within 1 year is too long") as caught:
        backtest(orders, within=duration("1y"))
    assert f"--within {length // 2}d" in caught.value.hint
    assert backtest(orders, within=duration(f"{length // 2}d"), model="nbd").table.height == 6


def test_a_day_on_which_nothing_can_be_fitted_is_left_out_and_told():
    # until 02-29 everybody had bought on one day only
    draw = random.Random(1)
    lines = [f"c{n} 2024-01-{draw.randrange(1, 29):02d} 5" for n in range(30)]
    lines += [f"c{n} 2024-03-{draw.randrange(1, 29):02d} 5" for n in range(15)] + ["c0 2024-04-29 5"]
    orders = book("who day amount\n" + "\n".join(lines))
    result = backtest(orders, within=duration("30d"))
    assert result.table["cutoff"].unique(maintain_order=True).to_list() == ["(all)", "2024-03-30"]
    assert any(note.startswith("2024-02-29 is left out: bg-nbd needs repeat purchases") for note in result.notes)
    with pytest.raises(FitError, match="needs repeat purchases"):
        backtest(orders, within=duration("30d"), cutoffs=[date(2024, 2, 29)])
