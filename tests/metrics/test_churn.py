import json
import os
import random
import subprocess
import sys
from datetime import date, timedelta
from itertools import pairwise
from math import fsum
from pathlib import Path

import polars as pl
import pytest
from books import book

from clvtool.errors import DataError, FitError, UsageError
from clvtool.metrics.churn import COLUMNS, Bands, churn
from clvtool.metrics.fit import fit
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.predict import predict
from clvtool.metrics.valuation import Valuation
from clvtool.periods import duration

ROOT = Path(__file__).parents[2]
CDNOW = ROOT / "sample_data" / "cdnow.csv"
AS_OF = Policies(as_of=date(2024, 6, 30))

DOZEN = """
who  day         amount
a    2024-05-01  10
a    2024-05-11  10
a    2024-05-31  10
b    2024-06-01  20
b    2024-06-08  20
b    2024-06-15  20
b    2024-06-22  20
c    2024-05-01  5
c    2024-05-06  5
c    2024-05-12  5
d    2024-06-30  10
e    2024-06-29  10
f    2024-03-01  10
f    2024-03-31  10
g    2024-06-10  10
g    2024-06-10  10
h    2024-04-01  50
h    2024-04-05  -20
i    2024-06-21  10
j    2024-02-01  10
j    2024-02-11  10
j    2024-02-21  10
k    2024-06-20  10
l    2024-01-01  10
"""
# all gaps: a 10 20, b 7 7 7, c 5 6, f 30, j 10 10; in order 5 6 7 7 7 10 10 10 20 30: the median is 8.5
EXPECTED = {
    # customer: next date, days late, usual gap, in words
    "a": (date(2024, 6, 15), 15, 15.0, "silent 30 days, usually 15"),
    "b": (date(2024, 6, 29), 1, 7.0, "silent 8 days, usually 7"),
    "c": (date(2024, 5, 18), 43, 5.5, "silent 49 days, usually 5.5"),  # 5.5 days are over on the sixth
    "d": (date(2024, 7, 9), 0, 8.5, "silent 0 days, bought once, others usually 8.5"),
    "e": (date(2024, 7, 8), 0, 8.5, "silent 1 day, bought once, others usually 8.5"),
    "f": (date(2024, 4, 9), 82, 8.5, "silent 91 days, bought twice, others usually 8.5"),
    "g": (date(2024, 6, 19), 11, 8.5, "silent 20 days, bought once, others usually 8.5"),  # two orders, one day
    "h": (date(2024, 4, 10), 81, 8.5, "silent 90 days, bought once, others usually 8.5"),  # a refund is no purchase
    "i": (date(2024, 6, 30), 0, 8.5, "silent 9 days, bought once, others usually 8.5"),  # due today is not late
    "j": (date(2024, 3, 2), 120, 10.0, "silent 130 days, usually 10"),
    "k": (date(2024, 6, 29), 1, 8.5, "silent 10 days, bought once, others usually 8.5"),
    "l": (date(2024, 1, 10), 172, 8.5, "silent 181 days, bought once, others usually 8.5"),
}
R, ALPHA, A, B = 1.0, 4.0, 1.5, 2.0


def model(orders, **parameters):
    """Return a model file with these parameters of BG/NBD, and p 2, q 2, gamma 10 of Gamma-Gamma."""
    content = json.loads(fit(orders, ["bg-nbd", "gamma-gamma"], AS_OF).metadata["model"])
    content["models"]["bg-nbd"]["parameters"] = {"r": R, "alpha": ALPHA, "a": A, "b": B} | parameters
    content["models"]["gamma-gamma"]["parameters"] = {"p": 2.0, "q": 2.0, "gamma": 10.0}
    return json.dumps(content)


def shop(customers=60, seed=1):
    """Return (customer, day, amount, channel) of a small shop in which people differ."""
    draw = random.Random(seed)
    rows = []
    for number in range(customers):
        when, end = date(2023, 1, 1) + timedelta(days=draw.randrange(300)), date(2024, 12, 31)
        gap, money, channel = draw.choice([15, 40, 90]), draw.choice([10, 20, 50]), draw.choice("xyz")
        while when < end:
            rows.append((f"c{number:03d}", when.isoformat(), round(draw.uniform(0.5, 1.5) * money, 2), channel))
            if draw.random() < 0.2:
                break
            when += timedelta(days=1 + int(draw.expovariate(1 / gap)))
    return rows


def table(rows):
    orders = pl.DataFrame(rows, schema=["customer_id", "order_date", "amount", "channel"], orient="row")
    return orders.with_columns(
        pl.col("order_date").str.to_date(), pl.col("amount").cast(pl.Decimal(18, 4)), kind=pl.lit("order")
    )


# --- by hand ---


def test_a_dozen_customers_and_their_rhythm():
    orders = book(DOZEN)
    found = churn(orders, policies=AS_OF, saved=model(orders)).table
    assert found.columns == list(COLUMNS)
    told = {
        row["customer_id"]: (row["expected_next_date"], row["days_late"], row["usual_gap_days"], row["reason"])
        for row in found.to_dicts()
    }
    assert told == EXPECTED


def test_a_dozen_customers_and_their_chances():
    # the printed formulas of the model, one customer at a time: P(alive), and of who is alive ((α+T)/(α+T+t))^(r+x)
    orders = book(DOZEN)
    found = churn(orders, policies=AS_OF, within=duration("56d"), saved=model(orders)).table
    days = {}
    for who, when, kind in orders.select("customer_id", "order_date", "kind").iter_rows():
        if kind == "order":
            days.setdefault(who, set()).add(when)
    for row in found.to_dicts():
        own = days[row["customer_id"]]
        x = len(own) - 1
        t_x, T = (max(own) - min(own)).days / 7, (date(2024, 6, 30) - min(own)).days / 7
        alive = 1 / (1 + A / (B + x - 1) * ((ALPHA + T) / (ALPHA + t_x)) ** (R + x)) if x else 1.0
        none = ((ALPHA + T) / (ALPHA + T + 8)) ** (R + x)
        chance = 1 - alive + alive * none
        assert row["p_alive"] == pytest.approx(alive, rel=1e-12)
        assert row["p_churn"] == pytest.approx(chance, rel=1e-12)
        above = sum(chance >= bound for bound in (0.3, 0.6, 0.9))
        assert row["risk"] == ["low", "medium", "high", "very_high"][above]
    # d bought today for the first time: 4 of 4 + 8 weeks
    assert found.filter(customer_id="d")["p_churn"].item() == pytest.approx(1 / 3)


def test_money_at_risk_of_a_customer_who_never_leaves_by_hand():
    # with a next to 0 nobody leaves, so d (first purchase today, x = 0, T = 0) buys r/α = 1/4 times a week: 2 times
    # in 8 weeks, for pγ/(q-1) = 20 each. The chance of nothing in 8 weeks is 4/12. At risk: 1/3 × 2 × 20
    orders = book(DOZEN)
    given = Valuation(horizon=duration("56d"), discount=0.0)
    found = churn(orders, given, AS_OF, within=duration("56d"), saved=model(orders, a=1e-14)).table
    assert found.filter(customer_id="d")["value_at_risk"].item() == pytest.approx(40 / 3, rel=1e-9)
    # half of it is margin
    given = Valuation(horizon=duration("56d"), discount=0.0, margin=0.5)
    found = churn(orders, given, AS_OF, within=duration("56d"), saved=model(orders, a=1e-14)).table
    assert found.filter(customer_id="d")["value_at_risk"].item() == pytest.approx(20 / 3, rel=1e-9)


def test_where_nobody_came_back_there_is_no_rhythm():
    orders = book("who day amount\na 2024-06-01 5\nb 2024-06-30 5")
    found = churn(orders, policies=AS_OF, saved=model(book(DOZEN))).table.sort("customer_id")
    assert found["reason"].to_list() == [
        "silent 29 days, bought once, nobody came back yet",
        "silent 0 days, bought once, nobody came back yet",
    ]
    for name in ("expected_next_date", "days_late", "usual_gap_days"):
        assert found[name].null_count() == 2
    late = churn(orders, policies=AS_OF, saved=model(book(DOZEN)), total=True).table["late_share"]
    assert late.null_count() == len(late)


# --- beside predict ---


def test_chances_and_money_are_those_of_predict():
    # value_at_risk = p_churn × clv: what is still expected of a customer, if nothing of it comes
    orders = table(shop())
    given = Valuation(horizon=duration("180d"), discount=0.2, margin=0.3)
    told = predict(orders, given).table.sort("customer_id")
    found = churn(orders, given, within=duration("180d")).table.sort("customer_id")
    assert found["p_churn"].to_list() == told["p_no_purchase"].to_list()
    assert found["p_alive"].to_list() == told["p_alive"].to_list()
    expected = (told["p_no_purchase"] * told["clv"]).to_list()
    assert found["value_at_risk"].to_list() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["bg-nbd", "mbg-nbd", "pareto-nbd", "nbd"])
def test_a_longer_wait_makes_no_purchase_less_likely(name):
    orders = table(shop())
    chances = [
        churn(orders, within=duration(span), model=name).table.sort("customer_id")["p_churn"]
        for span in ("1d", "30d", "90d", "2y")
    ]
    for shorter, longer in pairwise(chances):
        assert (longer <= shorter).all()
        assert longer.is_between(0, 1).all()


# --- properties ---


def test_most_money_first_and_everybody_once():
    found = churn(table(shop())).table
    assert found["value_at_risk"].is_sorted(descending=True)
    assert found["customer_id"].n_unique() == found.height == 60
    assert (found["value_at_risk"] >= 0).all()


def test_the_order_of_rows_changes_nothing():
    rows = shop()
    shuffled = rows[:]
    random.Random(5).shuffle(shuffled)
    assert churn(table(rows)).table.equals(churn(table(shuffled)).table)


def test_other_names_change_nothing_but_the_names():
    rows = shop()
    new = [f"k{number}" for number in range(60)]
    random.Random(9).shuffle(new)
    names = dict(zip(sorted({row[0] for row in rows}), new, strict=True))
    renamed = churn(table([(names[who], *rest) for who, *rest in rows])).table.sort("customer_id")
    found = churn(table(rows)).table.with_columns(pl.col("customer_id").replace_strict(names)).sort("customer_id")
    for name in ("p_churn", "value_at_risk"):
        assert renamed[name].to_list() == pytest.approx(found[name].to_list(), rel=1e-12)
    assert renamed.drop("p_alive", "p_churn", "value_at_risk").equals(found.drop("p_alive", "p_churn", "value_at_risk"))


def test_ten_times_the_money_is_ten_times_at_risk():
    rows = shop()
    single = churn(table(rows)).table.sort("customer_id")
    tenfold = churn(table([(who, day, 10 * money, *rest) for who, day, money, *rest in rows])).table.sort("customer_id")
    expected = [10 * value for value in single["value_at_risk"]]
    assert tenfold["value_at_risk"].to_list() == pytest.approx(expected, rel=1e-6)
    assert tenfold["p_churn"].to_list() == single["p_churn"].to_list()


# --- bands, sums ---


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0.5", ["low", "high"]),
        ("0.3,0.6", ["low", "medium", "high"]),
        ("0.1,0.2,0.3,0.4", ["very_low", "low", "medium", "high", "very_high"]),
    ],
)
def test_bands_begin_at_their_bounds(text, names):
    import numpy as np

    bands = Bands.of(text)
    assert list(bands.names) == names
    bounds = [float(part) for part in text.split(",")]
    # a bound belongs to the band above it
    assert bands.places(np.array([0.0, *bounds, 1.0])).tolist() == [*range(len(names)), len(names) - 1]


@pytest.mark.parametrize(
    "text", ["0.6,0.3", "0.5,0.5", "0,0.5", "0.5,1", "30,60", "a", "", "nan", "0.1,0.2,0.3,0.4,0.5"]
)
def test_bands_that_are_none_are_refused(text):
    with pytest.raises(UsageError, match="--bands") as caught:
        Bands.of(text)
    assert "--bands 0.3,0.6,0.9" in caught.value.hint


def test_sums_by_band_and_group_are_those_of_the_customers():
    rows = shop()
    orders = table(rows)
    channel = {who: group for who, _, _, group in rows}
    single = churn(orders).table.to_dicts()
    found = churn(orders, total=True, by=["channel"]).table
    assert found.columns[:3] == ["channel", "risk", "customers"]
    for row in found.to_dicts():
        group, risk = row["channel"], row["risk"]
        everybody = [one for one in single if group in {"(total)", channel[one["customer_id"]]}]
        some = [one for one in everybody if risk in {"(total)", one["risk"]}]
        assert row["customers"] == len(some)
        assert row["customer_share"] == len(some) / len(everybody)
        assert row["expected_churn"] == fsum(one["p_churn"] for one in some)
        assert row["value_at_risk"] == fsum(one["value_at_risk"] for one in some)
        assert row["value_at_risk_share"] == pytest.approx(
            row["value_at_risk"] / fsum(one["value_at_risk"] for one in everybody)
        )
        late = sum(one["days_late"] > 0 for one in some)
        assert row["late_share"] == (late / len(some) if some else None)
    # the worst first, in every group
    assert found["risk"].to_list() == ["(total)", "very_high", "high", "medium", "low"] * 4


def test_only_customers_of_some_bands():
    orders = table(shop())
    everybody, some = churn(orders), churn(orders, risks=["low", "medium"])
    assert some.table.equals(everybody.table.filter(pl.col("risk").is_in(["low", "medium"])))
    assert any("only customers of risk low, medium" in note for note in some.notes)
    with pytest.raises(UsageError, match="no such band") as caught:
        churn(orders, risks=["middle"])
    assert "low, medium, high, very_high" in caught.value.hint


def test_groups_need_a_summary():
    with pytest.raises(UsageError, match="--by") as caught:
        churn(table(shop()), by=["channel"])
    assert "--total" in caught.value.hint


# --- what is missing ---


def test_without_money_the_chances_stay_and_the_reason_says_so():
    orders = table(shop()).drop("amount")
    found = churn(orders)
    assert found.table["value_at_risk"].null_count() == 60
    assert found.table["reason"].str.ends_with("; no_amount").all()
    assert any(note.startswith("no_amount: ") for note in found.notes)
    # those with most expected purchases at risk come first, and not those who are surely gone
    assert not found.table["p_churn"].is_sorted(descending=True)
    sums = churn(orders, total=True).table
    assert sums["value_at_risk"].null_count() == sums["value_at_risk_share"].null_count() == 5


def test_without_a_model_of_money_the_reason_says_so():
    orders = table(shop())
    saved = fit(orders, names=["bg-nbd"]).metadata["model"]
    found = churn(orders, saved=saved)
    assert found.table["value_at_risk"].null_count() == 60
    assert found.table["reason"].str.ends_with("; no_money_model").all()


def test_a_negative_margin_puts_nothing_at_risk():
    found = churn(table(shop()), Valuation(margin=-0.2))
    assert (found.table["value_at_risk"] == 0).all()
    assert any("margin is below zero" in note for note in found.notes)


def test_nobody_bought_again_is_an_error_with_numbers():
    with pytest.raises(FitError, match="each of the 2 customers bought on one day only"):
        churn(book("who day amount\na 2024-06-01 5\nb 2024-06-30 5"))


def test_a_file_that_is_no_model_is_refused():
    with pytest.raises(DataError, match="not JSON"):
        churn(table(shop()), saved="{")


# --- as a program ---


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "clvtool", "churn", *words],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def test_a_saved_model_and_shuffled_rows_give_the_same_bytes(tmp_path):
    header, *lines = CDNOW.read_text().splitlines(keepends=True)
    random.Random(3).shuffle(lines)
    shuffled, saved = tmp_path / "shuffled.csv", tmp_path / "model.json"
    shuffled.write_text("".join([header, *lines]))
    from clvtool.ingest.read import read_orders

    saved.write_text(fit(read_orders([str(CDNOW)]).table, ["bg-nbd", "gamma-gamma"]).metadata["model"])
    direct = run(str(CDNOW), "--format", "json")
    assert direct.returncode == 0, direct.stderr
    assert run(str(shuffled), "--format", "json", "--load", str(saved)).stdout == direct.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--within", "0"], 2, b"no duration"),
        (["--bands", "0.6,0.3"], 2, b"do not rise"),
        (["--risk", "worst"], 2, b"no such band"),
        (["--risk", "low", "--total"], 2, b"leave one of them out"),
        (["--by", "quantity"], 2, b"--total"),
        (["--model", "gamma-gamma"], 2, b"says what is spent"),
        (["--calibration"], 2, b"add --backtest"),
        (["--cutoff", "1997-09-30"], 2, b"add --backtest"),
        (["--backtest", "--total"], 2, b"does not go with --backtest"),
        (["--backtest", "--cutoff", "1996-01-01"], 2, b"1997-04-01 to 1998-04-01"),
        (["--backtest", "--cutoff", "soon"], 2, b"YYYY-MM-DD"),
        (["--backtest", "--within", "1y"], 2, b"--within 272d"),
    ],
)
def test_wrong_usage_is_2_and_says_what_there_is(words, code, said):
    done = run(str(CDNOW), *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert done.stdout == b""
