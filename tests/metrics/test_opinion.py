"""The second opinion on churn: clues by hand, a cause that was put in is found, nothing of the future is used."""

import math
import os
import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from books import book, frame, random_book

from clvtool.errors import DataError, UsageError
from clvtool.metrics.backtest import backtest
from clvtool.metrics.churn import COLUMNS, churn
from clvtool.metrics.clues import FIGURES, clues
from clvtool.metrics.customers import customers
from clvtool.metrics.opinion import DRIVERS, MORE, drivers
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.periods import duration

ROOT = Path(__file__).parents[2]
WITHIN = duration("60d")


def shop(customers=1200, seed=1):
    """Return orders of a shop that loses 60 % of who came by ads after each order, and 10 % of the others."""
    draw, rows = random.Random(seed), []
    for number in range(customers):
        channel = draw.choice(["ads", "letter", "search", "search"])
        when = date(2023, 1, 1) + timedelta(days=draw.randrange(700))
        while when < date(2024, 12, 31):
            rows.append((f"c{number}", when, draw.choice([10, 20]), channel))
            if draw.random() < (0.6 if channel == "ads" else 0.1):
                break
            when += timedelta(days=1 + int(draw.expovariate(1 / 40)))
    table = pl.DataFrame(rows, schema=["customer_id", "order_date", "amount", "channel"], orient="row")
    return table.with_columns(pl.col("amount").cast(pl.Decimal(18, 4)), kind=pl.lit("order"))


def test_clues_by_hand():
    # a: days 0, 10, 40 (of January 1st), 30 + 30 + 60 money; b: once, and a refund; as of day 60
    log = order_log(
        book(
            """
            who day        amount channel
            a   2024-01-01 30     x
            a   2024-01-11 30     x
            a   2024-02-10 60     y
            b   2024-01-31 50     -
            b   2024-02-05 -20    -
            """
        ),
        Policies(as_of=date(2024, 3, 1)),
        ["channel"],
    )
    found = customers(log)
    told = clues(found, log)
    assert told.names == tuple(FIGURES)
    by_name = {
        who: dict(zip(told.names, row, strict=True)) for who, row in zip(found.ids, told.figures.tolist(), strict=True)
    }
    # gaps 10 and 30: the median is 20, of a and of all
    assert by_name["a"] == pytest.approx(
        {
            "recency": math.log(21),
            "frequency": math.log(3),
            "tenure": math.log(61),
            "lateness": math.log(21 / 21),
            "gap_trend": math.log(31 / 21),
            "order_value": math.log(41),
            "money_trend": (60 - 30)
            / 40,  # of 40 an order; the second order, of day 10, is in the first half of 40 days
            "refunds": 0,
        }
    )
    assert by_name["b"] == pytest.approx(
        {
            "recency": math.log(31),
            "frequency": 0,
            "tenure": math.log(31),
            "lateness": math.log(31 / 21),
            "gap_trend": 0,
            "order_value": math.log(31),
            "money_trend": 0,
            "refunds": math.log(2),
        }
    )
    owner = {who: place for place, who in enumerate(found.ids)}
    shares = {(row["owner"], row["value"]): row["share"] for row in told.shares[0].to_dicts()}
    assert shares == {(owner["a"], "x"): 2 / 3, (owner["a"], "y"): 1 / 3, (owner["b"], "(none)"): 1}
    # nothing is held by 30 customers: only the commonest is known, and that is what others are held against
    assert told.values() == []
    assert told.usual(0) == "(none)"


@pytest.mark.parametrize("seed", range(3))
def test_clues_are_finite_whatever_the_book(seed):
    orders = frame(random_book(random.Random(seed), customers=40))
    for table in (orders, orders.drop("amount", "cost")):
        log = order_log(table, Policies(), ["channel"])
        told = clues(customers(log), log)
        assert set(told.names) <= set(MORE) == set(FIGURES)
        assert all(map(math.isfinite, told.matrix(told.values()).ravel()))


def test_a_cause_that_was_put_in_is_found_and_told():
    found = drivers(shop(), within=WITHIN, by=["channel"]).table
    assert found.columns == ["feature", *DRIVERS, "definition"]
    by_name = {row["feature"]: row for row in found.to_dicts()}
    # search is the commonest channel: it has no row, the others are held against it
    assert {name for name in by_name if "=" in name} == {"channel = ads", "channel = letter"}
    ads = by_name["channel = ads"]
    assert ads["ci_low"] > 0.1
    assert ads["direction"] == "more orders with channel ads than search: more likely to leave"
    assert ads["odds_ratio"] == pytest.approx(math.exp(ads["coefficient"]))
    assert by_name["channel = letter"]["direction"].endswith(": no clear direction")
    assert found["coefficient"].abs().is_sorted(descending=True)
    # nobody was refunded: there is nothing to say of refunds
    assert "refunds" not in by_name


def test_it_beats_a_model_that_cannot_see_the_cause():
    result = backtest(shop(), within=WITHIN, features=True, by=["channel"])
    (loss,) = (dict(result.table.filter(cutoff="(all)").select("forecast", "log_loss").iter_rows()),)
    assert list(loss) == ["bg-nbd", "features", "recency", "average"]
    assert loss["features"] < loss["recency"] < loss["average"]
    without = backtest(shop(), within=WITHIN, features=True).table.filter(cutoff="(all)", forecast="features")
    assert loss["features"] < without["log_loss"].item()


def test_what_comes_after_the_cutoff_is_not_in_its_forecast():
    # other orders after the cut-off change what is observed, and not what was foretold
    orders, when = shop(), date(2024, 6, 1)
    found = backtest(orders, within=WITHIN, features=True, by=["channel"], cutoffs=[when])
    later = pl.col("order_date") > when
    changed = orders.filter(~later | (pl.col("customer_id").hash(1) % 2 == 0))
    other = backtest(
        changed, Policies(as_of=date(2024, 12, 30)), within=WITHIN, features=True, by=["channel"], cutoffs=[when]
    )
    assert found.table["predicted_rate"].to_list() == other.table["predicted_rate"].to_list()
    assert found.table["observed_rate"].to_list() != other.table["observed_rate"].to_list()


def test_it_stands_beside_the_model_in_the_table():
    orders = shop(300)
    plain, found = churn(orders, within=WITHIN), churn(orders, within=WITHIN, features=True, by=["channel"])
    assert found.table.columns == [*list(COLUMNS)[:3], "p_churn_features", *list(COLUMNS)[3:]]
    assert found.table.drop("p_churn_features").equals(plain.table)
    assert found.table["p_churn_features"].is_between(0, 1).all()
    assert found.extra["drivers"] == drivers(orders, within=WITHIN, by=["channel"]).table.to_dicts()
    assert any(note.startswith("features: ") for note in found.notes)


def test_other_names_and_another_order_of_rows_change_nothing():
    orders = shop(300)
    names = {name: f"x{place}" for place, name in enumerate(sorted(orders["customer_id"].unique()))}
    found = churn(orders, within=WITHIN, features=True, by=["channel"]).table
    shuffled = churn(
        orders.sample(fraction=1, shuffle=True, seed=3), within=WITHIN, features=True, by=["channel"]
    ).table
    assert shuffled.equals(found)
    renamed = orders.with_columns(pl.col("customer_id").replace_strict(names))
    other = churn(renamed, within=WITHIN, features=True, by=["channel"]).table.sort("customer_id")
    found = found.with_columns(pl.col("customer_id").replace_strict(names)).sort("customer_id")
    assert other["p_churn_features"].to_list() == pytest.approx(found["p_churn_features"].to_list(), rel=1e-8)


def test_a_log_too_short_to_learn_from_is_refused_with_what_it_allows():
    orders = book("who day amount\na 2024-01-01 5\na 2024-01-20 5\nb 2024-01-31 5")
    with pytest.raises(UsageError, match="--features learns from the 90 days up to 2024-01-31") as caught:
        drivers(orders, within=duration("90d"))
    assert "--within 30d" in caught.value.hint
    assert drivers(orders, within=duration("30d")).table.height == 0  # one customer: nothing differs


def test_a_day_on_which_only_guests_were_known_is_told():
    orders = book("who day amount\n- 2024-01-01 5\na 2024-03-01 5\na 2024-04-01 6\nb 2024-05-01 7")
    with pytest.raises(DataError, match="no customer is known on 2024-02-16"):
        drivers(orders, within=duration("75d"))
    result = backtest(orders, within=duration("30d"), model="nbd", cutoffs=[date(2024, 2, 10), date(2024, 4, 1)])
    assert result.table["cutoff"].unique(maintain_order=True).to_list() == ["(all)", "2024-04-01"]
    assert any(note == "2024-02-10 is left out: no customer is known on 2024-01-11" for note in result.notes)


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="no column 'chanel'"):
        drivers(shop(50), within=WITHIN, by=["chanel"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--drivers"], b"add --features"),
        (["--features", "--total"], b"--total has none"),
        (["--features", "--drivers", "--backtest"], b"does not go with"),
        (["--backtest", "--by", "channel"], b"add --features"),
    ],
)
def test_wrong_usage_is_2_and_says_what_there_is(words, said):
    done = subprocess.run(
        [sys.executable, "-m", "clvtool", "churn", str(ROOT / "sample_data" / "orders.csv"), *words],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stdout == b""
