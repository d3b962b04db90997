"""Who answered against who buys: by hand, a plain loop, and what is refused."""

import math
import random
from datetime import date
from functools import partial

import polars as pl
import pytest

from clvtool.errors import DataError, UsageError
from clvtool.metrics.buyers import buyers
from clvtool.metrics.ces import ces
from clvtool.metrics.ces import rating_of as effort
from clvtool.metrics.nps import KINDS, nps
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.representative import representative
from clvtool.schema import KINDS as EVENTS
from clvtool.schema import Scale

ANSWER = partial(nps, scale=Scale(0, 10))


def base(customers, by=("channel",)):
    """Return the customers of one order each, with these columns: customer → values."""
    orders = pl.DataFrame(
        {
            "customer_id": list(customers),
            "order_date": [date(2025, 1, 1)] * len(customers),
            "kind": pl.Series(["order"] * len(customers), dtype=pl.Enum(EVENTS)),
            **{name: [values[place] for values in customers.values()] for place, name in enumerate(by)},
        }
    )
    return buyers(orders, Policies(), by=by)


def said(scores) -> pl.DataFrame:
    return pl.DataFrame(
        {"customer_id": list(scores), "score": pl.Series(list(scores.values()), dtype=pl.Int16)},
        schema_overrides={"customer_id": pl.String},
    )


CUSTOMERS = {f"w{n}": ("web",) for n in range(6)} | {f"s{n}": ("shop",) for n in range(4)}
SCORES = {"w0": 10, "w1": 10, "w2": 0, "s0": 0, "stranger": 10}


def test_a_book_by_hand():
    # 6 customers of the web, 3 of them answered; 4 of the shop, 1 answered; 4 of 10 all in all. Expected 2.4 and 1.6:
    # .36 ÷ (2.4 · .6) + .36 ÷ (1.6 · .6) = .625, one degree of freedom. NPS 33.3 and −100: as answered 0, by size
    # .6 · 33.3 − .4 · 100 = −20
    result = representative(said(SCORES), KINDS, base(CUSTOMERS), ANSWER)
    names = ("channel", "customers", "n", "customer_share", "answer_share", "response_rate", "nps")
    found = {row[0]: row[1:] for row in result.table.select(names).rows()}
    assert found["(total)"] == (10, 4, 1, 1, 0.4, 0)
    assert found["web"] == pytest.approx((6, 3, 0.6, 0.75, 0.5, 100 / 3))
    assert found["shop"] == pytest.approx((4, 1, 0.4, 0.25, 0.25, -100))
    assert found["(post-stratified)"] == (None, None, None, None, None, pytest.approx(-20))
    assert result.table["ratio"].to_list() == pytest.approx([1, None, 0.625, 1.25])
    test = result.extra["test"]
    assert (test["chi_square"], test["freedom"]) == (pytest.approx(0.625), 1)
    assert test["p_value"] == pytest.approx(math.erfc(math.sqrt(0.3125)))
    assert result.extra["matched"]["respondents_unmatched"] == 1


def test_a_score_that_is_the_same_everywhere_needs_no_weights():
    # whatever the shares, NPS 0 in each segment is 0 by size
    scores = {"w0": 10, "w1": 0, "s0": 10, "s1": 0, "w2": 7}
    table = representative(said(scores), KINDS, base(CUSTOMERS), ANSWER).table
    assert table.filter(pl.col("channel") == "(post-stratified)")["nps"].item() == pytest.approx(0)


def test_segments_that_did_not_answer_are_told():
    result = representative(said({"w0": 10}), KINDS, base(CUSTOMERS), ANSWER)
    assert any("1 segments with 4 customers did not answer" in note for note in result.notes)
    assert result.table.filter(pl.col("channel") == "shop")["nps"].item() is None


@pytest.mark.parametrize(
    ("customers", "scores"),
    [({"a": ("web",), "b": ("web",)}, {"a": 9}), ({"a": ("web",), "b": ("shop",)}, {"a": 9, "b": 9})],
)
def test_one_segment_or_everybody_leaves_nothing_to_test(customers, scores):
    result = representative(said(scores), KINDS, base(customers), ANSWER)
    assert result.extra["test"] is None
    assert any("nothing to test" in note for note in result.notes)


def test_combinations_of_columns_are_those_of_a_plain_loop():
    rng = random.Random(3)
    customers = {f"c{n}": (rng.choice("xy"), rng.choice(["PL", "DE", None])) for n in range(200)}
    scores = {who: rng.randint(1, 5) for who in customers if rng.random() < 0.4}
    scale = Scale(1, 5, high_is_good=False)
    result = representative(
        said(scores), effort(scale).kinds, base(customers, ("channel", "n")), partial(ces, scale=scale)
    )
    table = result.table.to_dicts()
    by_size = total = 0
    for row in table[2:]:
        own = [
            who
            for who, (one, other) in customers.items()
            if (one, other or "(none)") == (row["channel"], row["n_group"])
        ]
        mine = [scores[who] for who in own if who in scores]
        assert (row["customers"], row["n"]) == (len(own), len(mine))
        assert row["mean"] == pytest.approx(sum(mine) / len(mine))
        by_size += len(own) * row["mean"]
        total += len(own)
    assert total == len(customers)
    assert table[1]["mean"] == pytest.approx(by_size / total)


def test_neither_the_order_of_rows_nor_names_change_anything():
    one = representative(said(SCORES), KINDS, base(CUSTOMERS), ANSWER)
    turned = representative(
        said(dict(reversed(SCORES.items()))), KINDS, base(dict(reversed(CUSTOMERS.items()))), ANSWER
    )
    named = representative(
        said({f"ł{who}": score for who, score in SCORES.items()}),
        KINDS,
        base({f"ł{who}": values for who, values in CUSTOMERS.items()}),
        ANSWER,
    )
    for other in (turned, named):
        assert other.table.equals(one.table)
        assert other.notes == one.notes


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(UsageError, match="none are named") as error:
        representative(said(SCORES), KINDS, base(CUSTOMERS, ()), ANSWER)
    assert "--by" in error.value.hint
    with pytest.raises(DataError, match="none of 1 respondents"):
        representative(said({"stranger": 9}), KINDS, base(CUSTOMERS), ANSWER)
