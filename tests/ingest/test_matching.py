"""--match-refunds: a refund without an order of its own is that of the order it mirrors."""

import random

import pytest
from ingest_checks import book

from clvtool.ingest.inspect import inspect
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import ReadOptions

MATCH = ReadOptions(match_refunds=True)


def test_a_refund_takes_the_id_of_the_order_it_mirrors(read):
    text = "order_id,customer_id,date,amount\n1,ann,2024-01-05,9\n2,ann,2024-01-06,7\nR1,ann,2024-02-01,-9\n"
    assert book(read(text, match_refunds=True)) == [
        ("1", "ann", "2024-01-05", "order", "9.00"),
        ("1", "ann", "2024-02-01", "refund", "-9.00"),
        ("2", "ann", "2024-01-06", "order", "7.00"),
    ]


@pytest.mark.parametrize(
    ("order", "refund", "why"),
    [
        ("1,ann,2024-01-05,9", "R,bob,2024-02-01,-9", "another customer"),
        ("1,ann,2024-01-05,9", "R,ann,2024-02-01,-8.99", "other money"),
        ("1,ann,2024-01-05,9", "R,ann,2024-01-04,-9", "before the order"),
        ("1,,2024-01-05,9", "R,,2024-02-01,-9", "guests cannot be told apart"),
    ],
)
def test_what_does_not_mirror_stays_apart(read, order, refund, why):
    orders = read(f"order_id,customer_id,date,amount\n{order}\n{refund}\n", match_refunds=True)
    assert {row[0] for row in book(orders)} == {"1", "R"}, why


def test_money_of_different_currencies_is_not_the_same_money(read, tmp_path):
    rates = tmp_path / "rates.csv"
    rates.write_text("currency,rate\nPLN,1\nEUR,4\n")
    text = "order_id,customer_id,date,amount,currency\n1,ann,2024-01-05,9,PLN\nR,ann,2024-02-01,-9,EUR\n"
    assert [row[0] for row in book(read(text, match_refunds=True, rates=str(rates)))] == ["1", "R"]


def test_an_order_of_which_something_came_back_already_is_not_taken(read):
    # order 1 has a refund of its own, in part: the other refund of 9 is not its
    text = "order_id,customer_id,date,amount\n1,ann,2024-01-05,9\n1,ann,2024-01-07,-2\nR,ann,2024-02-01,-9\n"
    assert [row[0] for row in book(read(text, match_refunds=True))] == ["1", "1", "R"]


def test_orders_without_ids_get_one_with_their_refund(read):
    text = "customer_id,date,amount\nann,2024-01-05,9\nann,2024-02-01,-9\nann,2024-02-02,9\n"
    assert book(read(text, match_refunds=True)) == [
        ("(matched 1)", "ann", "2024-01-05", "order", "9.00"),
        ("(matched 1)", "ann", "2024-02-01", "refund", "-9.00"),
        (None, "ann", "2024-02-02", "order", "9.00"),
    ]


def by_hand(rows):
    """Go through the days: a refund takes the last order of the same customer and money that is still there."""
    standing, pairs = {}, {}
    for _, back, number, customer, money in sorted(rows):
        stack = standing.setdefault((customer, money), [])
        if not back:
            stack.append(number)
        elif stack:
            pairs[number] = stack.pop()
    return pairs


@pytest.mark.parametrize("seed", range(6))
def test_many_refunds_find_their_orders_in_any_order_of_the_rows(write, seed):
    rng = random.Random(seed)
    rows = [
        (
            f"2024-01-{rng.randrange(1, 29):02}",
            rng.random() < 0.4,
            f"n{number:03}",
            f"c{rng.randrange(3)}",
            rng.randrange(1, 3),
        )
        for number in range(120)
    ]
    expected = by_hand(rows)
    assert len(expected) > 20
    lines = [f"{number},{who},{day},{-money if back else money},{number}" for day, back, number, who, money in rows]
    rng.shuffle(lines)
    path = write("\n".join(["order_id,customer_id,date,amount,own number", *lines, ""]))
    table = read_orders([path], MATCH).table.filter(kind="refund")
    found = dict(table.select("own number", "order_id").iter_rows())
    assert found == {number: expected.get(number, number) for _, back, number, _, _ in rows if back}


def test_inspect_counts_what_is_linked_and_what_was_matched(write):
    path = write(
        "order_id,customer_id,date,amount\n1,ann,2024-01-05,9\n2,ann,2024-01-06,7\n2,ann,2024-01-08,-1\nR1,ann,2024-02-01,-9\n"
    )
    facts = {}
    for options in (ReadOptions(), MATCH):
        table = inspect([path], options)[0].table
        facts[options.match_refunds] = dict(table.select("item", "orders").iter_rows())
    assert (facts[False]["refunds_linked"], facts[False]["refunds_not_linked"]) == (1, 1)
    assert (facts[True]["refunds_linked"], facts[True]["refunds_not_linked"], facts[True]["matched_refunds"]) == (
        2,
        0,
        1,
    )
