"""Answers joined with orders: a book by hand, plain loops, what must not change, and what is refused."""

import math
import random
import statistics
from datetime import date, timedelta
from functools import partial

import numpy as np
import polars as pl
import pytest

from clvtool.errors import DataError, UsageError
from clvtool.metrics.answer_values import answer_values
from clvtool.metrics.buyers import buyers
from clvtool.metrics.csat import csat, rating_of
from clvtool.metrics.joined import by_tier, joined
from clvtool.metrics.kinds import Figure, Kinds, bounds, mean_of
from clvtool.metrics.nps import KINDS, nps
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.respondents import beside, respondents
from clvtool.metrics.schemes import Choice
from clvtool.metrics.voices import voices
from clvtool.periods import day_number
from clvtool.schema import KINDS as EVENTS
from clvtool.schema import Scale

ANSWER = partial(nps, scale=Scale(0, 10))
DAYS = date(2025, 1, 1)


def orders_of(rows) -> pl.DataFrame:
    """Return ORDERS of (customer, day, amount); money given back is a refund."""
    return pl.DataFrame(
        {
            "customer_id": pl.Series([row[0] for row in rows], dtype=pl.String),
            "order_date": [date.fromisoformat(row[1]) for row in rows],
            "kind": pl.Series(["refund" if row[2] < 0 else "order" for row in rows], dtype=pl.Enum(EVENTS)),
            "amount": pl.Series([str(row[2]) for row in rows]).cast(pl.Decimal(18, 4)),
        }
    )


def answers_of(rows, **more) -> pl.DataFrame:
    """Return ANSWERS of (customer, day, score)."""
    return pl.DataFrame(
        {
            "customer_id": pl.Series([row[0] for row in rows], dtype=pl.String),
            "answer_date": pl.Series([row[1] and date.fromisoformat(row[1]) for row in rows], dtype=pl.Date),
            "score": pl.Series([row[2] for row in rows], dtype=pl.Int16),
            **more,
        }
    )


def rows_of(result) -> dict:
    return {row["group"]: row for row in result.table.to_dicts()}


ORDERS = [
    ("a", "2025-01-10", 100),
    ("a", "2025-03-01", 50),
    ("b", "2025-01-10", 40),
    ("c", "2025-01-15", 20),
    ("c", "2025-01-20", -5),
    ("d", "2024-06-01", 200),
    ("d", "2025-12-31", 60),
    ("e", "2025-05-05", 10),
]
ANSWERS = [
    ("a", "2025-01-11", 2),  # not the latest
    ("a", "2025-02-01", 10),
    ("b", "2025-02-01", 9),
    ("c", "2025-02-01", 3),
    ("d", "2025-06-01", 8),
    ("d", "2026-01-01", 0),  # after the last order
    ("x", "2025-02-01", 0),  # no orders
    (None, "2025-02-01", 5),
    ("e", "2025-06-01", None),
]


def book(**options):
    return joined(answers_of(ANSWERS), KINDS, buyers(orders_of(ORDERS), Policies()), ANSWER, **options)


def test_a_book_by_hand():
    # promoters a 150 and b 40: mean 95, standard deviation 55 √2, so standard error 55; t of one degree of freedom
    # 12.7062. c 20 − 5. d 200 + 60. The last 365 days begin on 2025-01-01: 190, 60, 15 and e's 10, 275 together
    found = rows_of(book())
    assert [(name, row["n"], row["customers"]) for name, row in found.items()] == [
        ("(answered)", 5, 4),
        ("promoters", 2, 2),
        ("passives", 1, 1),
        ("detractors", 2, 1),
        ("(no answer)", None, 1),
    ]
    best = found["promoters"]
    assert best["revenue"] == 95
    assert best["revenue_low"] == pytest.approx(95 - 12.7062 * 55, abs=0.01)
    assert best["revenue_high"] == pytest.approx(95 + 12.7062 * 55, abs=0.01)
    assert [found[name]["revenue"] for name in ("(answered)", "passives", "detractors", "(no answer)")] == [
        116.25,
        260,
        15,
        10,
    ]
    assert found["detractors"]["revenue_low"] is None  # one customer tells nothing of how far others differ
    assert [row["orders"] for row in found.values()] == [1.5, 1.5, 2, 1, 1]
    assert [row["repeat_rate"] for row in found.values()] == [0.5, 0.5, 1, 0, 0]
    assert [row["churn_rate"] for row in found.values()] == [0.75, 1, 0, 1, 1]  # a month: only d bought in December
    assert [row["last_year_revenue"] for row in found.values()] == [265, 190, 60, 15, 10]
    assert best["last_year_share"] == 190 / 275


def test_only_purchases_after_the_answer_are_a_return():
    # a's latest answer is of 1 February, and she bought on 1 March; d bought too, but 213 days after answering
    found = rows_of(book(within=90))
    assert [found[name]["retention_rate"] for name in KINDS.names] == [0.5, 0, 0]
    assert [found[name]["followed"] for name in KINDS.names] == [2, 1, 1]
    assert rows_of(book(within=27))["promoters"]["retention_rate"] == 0  # 28 days are too many
    assert rows_of(book(within=28))["promoters"]["retention_rate"] == 0.5
    # d's answer lies 213 days back; with more days it cannot be said yet
    assert rows_of(book(within=213))["passives"]["retention_rate"] == 1
    assert rows_of(book(within=214))["passives"]["followed"] == 0


def test_a_purchase_on_the_day_of_the_answer_is_no_return_and_who_never_bought_before_is_not_kept():
    orders = [("a", "2025-01-01", 1), ("b", "2025-02-02", 1), ("z", "2025-12-31", 1)]
    answers = [("a", "2025-01-01", 10), ("b", "2025-02-01", 10), ("z", "2025-12-31", 0)]
    found = rows_of(joined(answers_of(answers), KINDS, buyers(orders_of(orders), Policies()), ANSWER))
    assert (found["promoters"]["followed"], found["promoters"]["retention_rate"]) == (1, 0)


def test_what_became_of_answers_and_customers_is_told():
    told = book().extra["matched"]
    assert told == {
        "respondents": 5,
        "respondents_matched": 4,
        "respondents_unmatched": 1,
        "customers": 5,
        "customers_matched": 4,
        "customers_unmatched": 1,
        "answers_without_score": 1,
        "answers_without_customer": 1,
        "answers_after_as_of": 1,
        "answers_superseded": 1,
    }
    parts = ("respondents", "answers_without_score", "answers_without_customer", "answers_after_as_of")
    assert sum(told[name] for name in (*parts, "answers_superseded")) == len(ANSWERS)


def test_nps_weighted_by_revenue_by_hand():
    # 150 + 40 of promoters, 15 of detractors, 260 of passives: 175 ÷ 465 = 37.6; unweighted (2 − 1) ÷ 4
    note = next(note for note in book().notes if "weighted by revenue" in note)
    assert note.startswith("nps of those with orders 25.0 ")
    assert "weighted by revenue 37.6 " in note


def test_as_of_looks_at_an_earlier_day():
    # up to 2025-01-31 only a's answer of 2 counts, and her first order
    people = buyers(orders_of(ORDERS), Policies(as_of=date(2025, 1, 31)))
    found = rows_of(joined(answers_of(ANSWERS), KINDS, people, ANSWER))
    assert (found["detractors"]["n"], found["detractors"]["revenue"]) == (1, 100)
    assert found["promoters"]["n"] == 0
    assert found["promoters"]["revenue"] is None


def test_tiers_by_hand():
    # revenue d 260, a 150, b 40, c 15, e 10: gold from 100 on is d and a, silver from 30 on is b, bronze c and e
    people = buyers(orders_of(ORDERS), Policies(), tiers=Choice("tiers", "100,30"))
    table = by_tier(answers_of(ANSWERS), KINDS, people, ANSWER).table
    assert table.select("tier", "n", "nps").rows() == [
        ("(total)", 4, 25.0),
        ("gold", 2, 50.0),
        ("silver", 1, 100.0),
        ("bronze", 1, -100.0),
    ]


def test_a_list_has_the_money_of_each_respondent_beside_it():
    listed = respondents(answers_of(ANSWERS), "detractors")
    table = beside(listed, buyers(orders_of(ORDERS), Policies())).table
    assert table.select("customer_id", "score", "revenue", "orders", "last_order_date").rows() == [
        ("d", 0, 260, 2, date(2025, 12, 31)),
        ("x", 0, None, None, None),
        ("c", 3, 15, 1, date(2025, 1, 15)),
        (None, 5, None, None, None),
        ("a", 2, 150, 2, date(2025, 3, 1)),
    ]


def test_the_lowest_score_of_the_latest_day_counts():
    found = voices(answers_of([("a", "2025-02-01", 10), ("a", "2025-02-01", 4), ("a", "2025-01-01", 0)]), 99_999)
    assert found.table.rows() == [("a", day_number(date(2025, 2, 1)), 4)]
    assert found.earlier == 2


def test_mails_are_the_same_in_any_letter_case():
    orders = orders_of([("Ann@Example.com", "2025-01-01", 10), ("bob@example.com", "2025-01-02", 20)])
    answers = answers_of([("ann@example.com", "2025-01-01", 9), ("BOB@example.com", "2025-01-01", 9)])
    assert rows_of(joined(answers, KINDS, buyers(orders, Policies()), ANSWER))["promoters"]["revenue"] == 15


def test_other_questions_have_kinds_of_their_own():
    rating = rating_of(Scale(1, 5))
    answers = answers_of([("a", "2025-02-01", 5), ("b", "2025-02-01", 4), ("c", "2025-02-01", 3)])
    answer = partial(csat, scale=Scale(1, 5))
    found = rows_of(joined(answers, rating.kinds, buyers(orders_of(ORDERS), Policies()), answer))
    assert (found["satisfied"]["revenue"], found["others"]["revenue"]) == (95, 15)


def simulated(n: int = 120, seed: int = 5):
    rng = random.Random(seed)
    orders, answers = [], []
    for who in range(n):
        for _ in range(rng.randint(1, 6)):
            amount = rng.randint(100, 9999) / 100
            orders.append((f"k{who}", str(DAYS + timedelta(rng.randint(0, 600))), amount))
        if rng.random() < 0.3:
            orders.append((f"k{who}", str(DAYS + timedelta(700)), -1.5))
        times = rng.choice([0, 1, 1, 3])
        answers += [(f"k{who}", str(DAYS + timedelta(rng.randint(0, 600))), rng.randint(0, 10)) for _ in range(times)]
    answers += [(f"u{who}", str(DAYS), who % 11) for who in range(17)]
    return orders, answers


def plain(orders, answers, within):
    """Return the figures by loops over lists, with nothing of the program."""
    as_of = max(day for _, day, money in orders if money > 0)
    money, bought = {}, {}
    for who, day, amount in orders:
        if day <= as_of:
            money[who] = money.get(who, 0) + round(amount * 100)
            if amount > 0:
                bought.setdefault(who, []).append(date.fromisoformat(day))

    def kind(score):
        return "promoters" if score > 8 else "passives" if score > 6 else "detractors"

    def latest(until):
        said = {}
        for who, day, score in answers:
            if date.fromisoformat(day) <= until and (who not in said or (day, -score) > said[who]):
                said[who] = (day, -score)
        return {who: (date.fromisoformat(day), kind(-score)) for who, (day, score) in said.items()}

    end = date.fromisoformat(as_of)
    groups = {who: name for who, (_, name) in latest(end).items()}
    found = {}
    for name in KINDS.names:
        own = [who for who in money if groups.get(who) == name]
        rest = [who for who in money if who in groups and groups[who] != name]
        values, others = ([money[who] / 100 for who in some] for some in (own, rest))
        error = math.sqrt(statistics.variance(values) / len(values) + statistics.variance(others) / len(others))
        gap = statistics.mean(values) - statistics.mean(others)
        followed = [
            any(day < one <= day + timedelta(within) for one in bought[who])
            for who, (day, its) in latest(end - timedelta(within)).items()
            if its == name and who in money and min(bought[who]) <= day
        ]
        found[name] = {
            "n": sum(one == name for one in groups.values()),
            "customers": len(own),
            "revenue": statistics.mean(values),
            "revenue_difference": gap,
            "p": math.erfc(abs(gap / error) / math.sqrt(2)),
            "orders": statistics.mean(len(bought[who]) for who in own),
            "repeat_rate": statistics.mean(len(bought[who]) >= 2 for who in own),
            "retention_rate": statistics.mean(followed),
            "followed": len(followed),
        }
    return found


@pytest.mark.parametrize("within", [30, 90])
def test_figures_are_those_of_plain_loops(within):
    orders, answers = simulated()
    found = rows_of(joined(answers_of(answers), KINDS, buyers(orders_of(orders), Policies()), ANSWER, within=within))
    expected = plain(orders, answers, within)
    for name, figures in expected.items():
        assert {one: found[name][one] for one in figures if one != "p"} == pytest.approx(
            {one: value for one, value in figures.items() if one != "p"}
        )
    # corrected for three tests and that of the customers without an answer: none is below its own
    assert all(found[name]["p_revenue"] >= figures["p"] - 1e-12 for name, figures in expected.items())


def whole(orders, answers):
    result = joined(answers_of(answers), KINDS, buyers(orders_of(orders), Policies()), ANSWER)
    return result.table, result.notes


def test_neither_the_order_of_rows_nor_names_change_anything():
    orders, answers = simulated()
    table, notes = whole(orders, answers)
    rng = random.Random(1)
    mixed = whole(rng.sample(orders, len(orders)), rng.sample(answers, len(answers)))
    named = whole(*([(f"Ż{row[0][::-1]}", *row[1:]) for row in rows] for rows in (orders, answers)))
    for other, said in (mixed, named):
        assert other.equals(table)
        assert said == notes


def test_money_in_another_unit_scales_money_alone():
    orders, answers = simulated()
    table, _ = whole(orders, answers)
    other, _ = whole([(who, day, amount * 4) for who, day, amount in orders], answers)
    money = [name for name in table.columns if "revenue" in name and not name.startswith("p_")]
    for name in money:
        assert other[name].drop_nulls().to_list() == pytest.approx([4 * one for one in table[name].drop_nulls()])
    assert other["p_revenue"].drop_nulls().to_list() == pytest.approx(table["p_revenue"].drop_nulls().to_list())
    assert other.drop(*money, "p_revenue").equals(table.drop(*money, "p_revenue"))


def test_groups_add_up():
    orders, answers = simulated()
    found = rows_of(joined(answers_of(answers), KINDS, buyers(orders_of(orders), Policies()), ANSWER))
    for name in ("n", "customers", "last_year_revenue", "followed"):
        assert found["(answered)"][name] == pytest.approx(sum(found[kind][name] for kind in KINDS.names))
    assert found["(answered)"]["last_year_share"] + found["(no answer)"]["last_year_share"] == pytest.approx(1)


@pytest.mark.parametrize(("n", "draw"), [(10, "normal"), (200, "exponential")])
def test_intervals_of_means_cover_the_truth_in_93_to_97_of_100_cases(n, draw):
    rng = np.random.default_rng(n)
    sample = rng.normal(50, 10, (1000, n)) if draw == "normal" else rng.exponential(50, (1000, n))
    hits = 0
    for values in np.round(sample * 10_000).astype(np.int64):
        figure = Figure("revenue", values, "", 10_000)
        low, high = bounds(figure, mean_of(figure, np.ones(n, bool)), 0.95)
        hits += low <= 50 <= high
    assert 0.93 <= hits / 1000 <= 0.97


def test_value_beside_the_answers_by_hand():
    # promoters 10 and −4 (given back): 3. One passive has no value, the detractor 7; all with both: 13 ÷ 3
    table = answers_of(
        [("a", None, 9), ("b", None, 10), ("c", None, 7), ("d", None, 1), ("e", None, None)],
        value=pl.Series(["10", "-4", None, "7", "1"]).cast(pl.Decimal(18, 4)),
    )
    found = {row["group"]: row for row in answer_values(table, KINDS, column="Ticket").table.to_dicts()}
    assert {name: (row["n"], row["with_value"], row["value"]) for name, row in found.items()} == {
        "(answered)": (4, 3, 13 / 3),
        "promoters": (2, 2, 3),
        "passives": (1, 0, None),
        "detractors": (1, 1, 7),
        "(no answer)": (1, 1, 1),
    }


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(None, "2025-01-01", 9)], "names its customer"),
        ([("q", "2025-01-01", 9)], "none of 1 respondents is among the 5 customers"),
        ([("a", "2026-01-01", 9)], "after the day of the analysis"),
        ([("a", None, 9), ("a", None, 3)], "1 customers answered more than once"),
    ],
)
def test_what_cannot_be_joined_is_refused(answers, words):
    with pytest.raises(DataError, match=words) as error:
        joined(answers_of(answers), KINDS, buyers(orders_of(ORDERS), Policies()), ANSWER)
    assert error.value.hint


def test_options_that_mean_nothing_are_refused():
    with pytest.raises(UsageError, match="--within 0"):
        book(within=0)
    with pytest.raises(UsageError, match="--level 1"):
        book(level=1)


def test_orders_without_money_still_tell_who_comes_back():
    orders = orders_of([row for row in ORDERS if row[2] > 0]).drop("amount")
    result = joined(answers_of(ANSWERS), KINDS, buyers(orders, Policies()), ANSWER)
    assert "revenue" not in result.table.columns
    assert rows_of(result)["promoters"]["orders"] == 1.5


def test_scores_outside_of_all_kinds_are_no_answer():
    kinds = Kinds("nps", {"up": frozenset({9, 10})})
    assert kinds.places(pl.Series([10, 3, None], dtype=pl.Int16)).tolist() == [0, 1, 1]
