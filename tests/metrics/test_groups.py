"""--by: groups partition customers, and each group is what it would be alone."""

import random

import pytest
from books import book, computed, figures, frame, random_book, said, without_models

from clvtool.errors import DataError, UsageError
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute

SIX = """
who day        amount channel country
a   2024-01-01 10     web     PL
a   2024-01-20 20     shop    PL
b   2024-01-05 30     shop    DE
c   2024-01-07 40     web     -
c   2024-01-07 50     app     DE
d   2024-01-31 60     -       -
"""


def groups_of(result, *columns):
    return list(dict.fromkeys(result.table.select(columns).iter_rows()))


def test_the_value_on_the_first_order():
    # a: web on the first order, though shop later. c: two orders on the first day, app < web. d: none.
    result = computed(SIX, by=["channel"])
    assert groups_of(result, "channel") == [("(total)",), ("(none)",), ("app",), ("shop",), ("web",)]
    revenue = {name: figures(result, name)["revenue"] for (name,) in groups_of(result, "channel")}
    assert revenue == {"(total)": 210, "(none)": 60, "app": 90, "shop": 30, "web": 30}
    assert said(result, "customers with orders of different channel: 2;")


def test_several_columns():
    # c: two orders on the first day, web in no country and app in DE: the smaller pair, and one that an order has
    result = computed(SIX, by=["channel", "Country", "channel"])
    assert groups_of(result, "channel", "country") == [
        ("(total)", "(total)"),
        ("(none)", "(none)"),
        ("app", "DE"),
        ("shop", "DE"),
        ("web", "PL"),
    ]
    assert figures(result, "app", "DE")["revenue"] == 90
    assert figures(result)["customers"] == 4


def test_several_columns_are_those_of_one_order():
    # the smallest texts of the first day are app and DE, but no order has them both
    text = """
who day        amount channel country
a   2024-01-01 10     app     PL
a   2024-01-01 20     web     DE
"""
    assert groups_of(computed(text, by=["channel", "country"]), "channel", "country")[1:] == [("app", "PL")]


@pytest.mark.parametrize("seed", range(8))
def test_groups_add_up_to_the_total(seed, monkeypatch):
    without_models(monkeypatch)
    rows = random_book(random.Random(seed), customers=20, guests=0.2, refunds=0.3)
    for place, row in enumerate(rows):  # some orders have an id, and some refunds name one
        row["id"] = f"o{place}" if row["kind"] == "order" else f"o{random.Random(place).randrange(len(rows))}"
        row["channel"] = random.Random(place).choice(["web", "shop", "app", "-"])
    result = compute(frame(rows), by=["channel"])
    names = [name for (name,) in groups_of(result, "channel")]
    assert names[0] == "(total)"
    assert names[1:] == sorted(names[1:])
    for metric in ("customers", "orders", "revenue", "refunds"):
        parts = [figures(result, name)[metric] for name in names[1:]]
        assert sum(parts) == pytest.approx(figures(result)[metric], abs=1e-9), metric


def test_a_refund_belongs_to_the_group_of_its_customer_or_order():
    # a's refund says "desk", but a is of the web. The guest's refund names no order: it is the desk's own. The order
    # of z came back: neither customer nor order, and still money given back in the shop's group.
    result = computed(
        """
        id who day        amount channel
        o1 a   2024-01-01 100    web
        -  a   2024-01-05 -10    desk
        -  -   2024-01-06 -5     desk
        o2 z   2024-01-07 40     shop
        o2 z   2024-01-31 -40    desk
        o3 b   2024-01-31 20     web
        """,
        by=["channel"],
    )
    found = {name: figures(result, name) for (name,) in groups_of(result, "channel")}
    assert {name: own["refunds"] for name, own in found.items()} == {"(total)": 55, "desk": 5, "shop": 40, "web": 10}
    assert {name: own["revenue"] for name, own in found.items()} == {"(total)": 105, "desk": -5, "shop": 0, "web": 110}
    assert {name: own["orders"] for name, own in found.items()} == {"(total)": 2, "desk": 0, "shop": 0, "web": 2}
    assert found["desk"]["aov"] is None
    assert said(result, "desk: there are no orders, only refunds: aov is empty")


def test_early_refunds_belong_to_the_group_of_their_customer():
    result = computed(
        """
        who day        amount channel
        b   2024-01-01 100    web
        a   2024-01-02 -10    desk
        a   2024-01-31 50     shop
        """,
        by=["channel"],
    )
    assert figures(result, "shop")["revenue"] == 40
    assert figures(result, "shop")["refunds"] == 10


@pytest.mark.parametrize("seed", range(5))
def test_a_group_is_what_it_is_alone(seed, monkeypatch):
    # with customers who keep to one group, --by and --where say the same, to the last digit
    without_models(monkeypatch)
    rows = random_book(random.Random(seed), customers=30)
    for row in rows:
        row["channel"] = "-" if row["who"] == "-" else "abc"[int(row["who"][1:]) % 3]
    given = Valuation(active_window="25", period="week", log_from_start=True)
    result = compute(frame(rows), given, by=["channel"])
    for name in "abc":
        alone = compute(frame(rows), given, Policies(where=(("channel", name),)))
        assert figures(result, name) == figures(alone)


def test_columns_named_like_those_of_the_table_or_the_program():
    # a shop may call a column whatever it likes
    for name in (
        "value",
        "metric",
        "n",
        "unit",
        "code",
        "group",
        "day",
        "key",
        "owner",
        "place",
        "is_order",
        "group_0",
    ):
        orders = book(SIX).rename({"channel": name})
        result = compute(orders, by=[name])
        column = result.table.columns[0]
        assert column == (f"{name}_group" if name in {"value", "metric", "n", "unit"} else name)
        assert result.table[column].unique().sort().to_list() == ["(none)", "(total)", "app", "shop", "web"]


@pytest.mark.parametrize("name", ["amount", "customer_id", "order_date", "kind"])
def test_columns_that_make_no_groups(name):
    with pytest.raises(UsageError, match=f"--by {name} makes no groups"):
        computed(SIX, by=[name])


def test_a_column_that_is_not_there():
    with pytest.raises(DataError, match="there is no column 'chanel'") as caught:
        computed(SIX, by=["chanel"])
    assert caught.value.hint == "did you mean channel?"


def test_currency_may_make_groups():
    orders = book(SIX.replace("country", "currency"))
    assert groups_of(compute(orders, by=["currency"]), "currency")[1:] == [("(none)",), ("DE",), ("PL",)]
