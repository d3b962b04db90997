"""What counts as an order, as money and as a customer."""

from datetime import date

import pytest
from books import book, computed, figures, said

from clvtool.errors import DataError, UsageError
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.valuation import Valuation
from clvtool.metrics.value import compute


def test_an_order_refunded_in_full_does_not_count():
    # o2 is given back in two parts: it is no order, and its money is gone. Left: o1, o3; a is no repeat customer.
    result = computed("""
    id who day        amount
    o1 a   2024-01-01 100
    o2 a   2024-01-05 80
    o2 a   2024-01-10 -50
    o2 a   2024-01-20 -30
    o3 b   2024-01-31 20
    """)
    found = figures(result)
    assert (found["orders"], found["customers"]) == (2, 2)
    assert found["revenue"] == 120
    assert found["refunds"] == 80
    assert found["aov"] == 60
    assert found["repeat_rate"] == 0
    assert said(result, "1 order refunded in full does not count")


def test_a_silence_of_more_than_half_the_log_is_told_with_the_way_out():
    # an order a day from 1 January to 30 January 2024, and one that is dated 2031-01-01: 2,527 days after 30 January
    rows = "".join(f"o{day} c{day} 2024-01-{day:02d} 10\n" for day in range(1, 31))
    wrong = "o99 a 2031-01-01 10\n"
    words = "after 2024-01-30 there is no order for 2,527 days"
    assert said(computed(f"id who day amount\n{rows}{wrong}"), words)
    assert said(computed(f"id who day amount\n{rows}{wrong}"), "--as-of 2024-01-30 leaves them out")
    assert not said(computed(f"id who day amount\n{rows}"), "there is no order for")


def test_a_partial_refund_takes_money_only():
    # 100 - 30 + 20 = 90 over 2 orders
    found = figures(
        computed("""
        id who day        amount
        o1 a   2024-01-01 100
        o1 a   2024-01-10 -30
        o2 b   2024-01-31 20
        """)
    )
    assert (found["orders"], found["revenue"], found["refunds"], found["aov"]) == (2, 90, 30, 45)


def test_what_is_given_back_beyond_the_price_stays_a_refund():
    # o2 cost 40, 55 came back: no order, and 15 less, from a's money, on the day of the last refund
    log = order_log(
        book("""
        id who day        amount
        o1 a   2024-01-01 100
        o2 a   2024-01-02 40
        o2 -   2024-01-20 -30
        o2 -   2024-01-25 -25
        o3 b   2024-01-31 20
        """),
        Policies(),
    )
    rest = log.events.filter(log.events["kind"] == "refund")
    assert rest.select("customer_id", "order_date").row(0) == ("a", date(2024, 1, 25))
    assert rest["amount"].to_list() == [-15]
    assert log.events.height == 3


def test_an_unlinked_refund_takes_money_only():
    # the refund names no order: b's order still counts, with the money of b at 0
    found = figures(
        computed("""
        id who day        amount
        o1 a   2024-01-01 100
        o2 b   2024-01-05 20
        -  b   2024-01-30 -20
        o3 c   2024-01-31 5
        """)
    )
    assert (found["orders"], found["customers"], found["revenue"]) == (3, 3, 105)
    assert found["historic_value_median"] == 5


def test_a_refund_that_names_an_order_outside_the_input():
    # o9 was ordered before the input begins: it takes money, and o1 stays
    found = figures(
        computed("""
        id who day        amount
        o1 a   2024-01-01 100
        o9 a   2024-01-05 -100
        o2 b   2024-01-31 5
        """)
    )
    assert (found["orders"], found["revenue"]) == (2, 5)


def test_refunds_of_orders_inside_and_outside_of_the_input():
    # o1's refund is a's, o9's is b's own: 5 - 10 + 20 for b, 100 - 30 for a
    found = figures(
        computed("""
        id who day        amount
        o1 a   2024-01-01 100
        o2 b   2024-01-02 5
        o9 b   2024-01-05 -10
        o1 -   2024-01-06 -30
        o3 b   2024-01-31 20
        """)
    )
    assert (found["customers"], found["historic_value_mean"], found["revenue"]) == (2, (70 + 15) / 2, 85)


def test_an_order_id_of_two_rows_one_without_a_customer():
    # the refund is that of the customer who is known: a keeps 10 + 20 - 5
    found = figures(
        computed("""
        id who day        amount
        o1 -   2024-01-01 10
        o1 a   2024-01-01 10
        o1 -   2024-01-06 -5
        o2 a   2024-01-31 20
        """)
    )
    assert found["historic_value_mean"] == 25


def test_early_refunds_and_customers_with_refunds_only():
    # a's refund of 5 is dated before a's first order; c never ordered. Both count for the shop, not per customer.
    result = computed("""
    who day        amount
    b   2024-01-01 50
    a   2024-01-02 -5
    c   2024-01-03 -7
    a   2024-01-31 20
    """)
    found = figures(result)
    assert (found["customers"], found["orders"]) == (2, 2)
    assert (found["revenue"], found["refunds"], found["aov"]) == (58, 12, 29)
    assert found["historic_value_mean"] == 35  # (50 + 20) ÷ 2
    assert said(result, "customers with refunds but no order: 1;")
    assert said(result, "refunds dated before their customer's first order: 1;")


def test_a_customer_whose_only_order_came_back_is_none():
    found = figures(
        computed("""
        id who day        amount
        o1 a   2024-01-01 50
        o1 a   2024-01-05 -50
        o2 b   2024-01-31 20
        """)
    )
    assert (found["customers"], found["orders"], found["revenue"]) == (1, 1, 20)


def test_guests_count_for_the_shop_only():
    # 2 of 4 orders have no customer. Shop: 100 ÷ 4 = 25. Customers: 60 by one customer, in January and so complete.
    result = computed("""
    who day        amount
    a   2024-01-01 50
    a   2024-01-31 10
    -   2024-01-15 45
    -   2024-01-16 -15
    -   2024-01-17 10
    """)
    found = figures(result)
    assert (found["customers"], found["orders"], found["revenue"], found["refunds"]) == (1, 4, 100, 15)
    assert found["aov"] == 25
    assert found["historic_value_mean"] == 60
    # with so few purchases the window is the month itself: one customer bought in one month
    assert found["purchase_frequency"] == 2
    assert found["customer_value"] == 60
    assert said(result, "2 of 4 orders (50.0%) have no customer")


def test_only_guests():
    result = computed("""
    who day        amount
    -   2024-01-01 50
    -   2024-01-31 10
    """)
    found = figures(result)
    assert (found["customers"], found["orders"], found["aov"]) == (0, 2, 30)
    empty = set(found) - {"customers", "orders", "revenue", "refunds", "aov", "active_window", "margin_rate"}
    assert {found[name] for name in empty} == {None}
    assert said(result, "clv_predictive is empty: there are no customers")


def test_orders_at_amount_zero():
    text = """
    who day        amount
    a   2024-01-01 50
    a   2024-01-20 0
    b   2024-01-31 0
    """
    kept = figures(computed(text))
    assert (kept["customers"], kept["orders"], kept["aov"]) == (2, 3, 50 / 3)
    dropped = computed(text, policies=Policies(zero_orders="drop"))
    found = figures(dropped)
    assert (found["customers"], found["orders"], found["aov"]) == (1, 1, 50)
    assert said(dropped, "2 orders at amount 0 are dropped")


def test_refunds_ignored():
    result = computed(
        """
        id who day        amount
        o1 a   2024-01-01 100
        o1 a   2024-01-10 -100
        -  b   2024-01-11 -5
        o2 b   2024-01-31 20
        """,
        policies=Policies(refunds="ignore"),
    )
    found = figures(result)
    assert (found["customers"], found["orders"], found["revenue"], found["refunds"]) == (2, 2, 120, 105)
    assert said(result, "refunds are ignored: all money is gross")
    definition = dict(result.table.select("metric", "definition").iter_rows())["revenue"]
    assert definition == "money of all orders, refunds ignored, guests' included; n = orders"


def test_as_of_sets_orders_and_refunds_after_it_aside():
    # at 15 January neither the refund nor b's order has happened
    text = """
    id who day        amount
    o1 a   2024-01-01 100
    o1 a   2024-01-20 -100
    o2 b   2024-01-31 20
    """
    early = computed(text, policies=Policies(as_of=date(2024, 1, 15)))
    found = figures(early)
    assert early.as_of == date(2024, 1, 15)
    assert (found["customers"], found["orders"], found["revenue"], found["refunds"]) == (1, 1, 100, 0)
    assert said(early, "after_as_of: 1 order and 1 refund after 2024-01-15 are set aside")


def test_without_as_of_the_day_is_that_of_the_last_order_before_where():
    # the last order is b's on 31 January; the refund after it is set aside; --where keeps a's orders only
    text = """
    who day        amount shop
    a   2024-01-01 100    x
    b   2024-01-31 20     y
    a   2024-02-05 -10    x
    """
    result = computed(text, policies=Policies(where=(("shop", "x"),)))
    assert result.as_of == date(2024, 1, 31)
    assert figures(result)["revenue"] == 100
    assert said(result, "after_as_of: 1 refund after 2024-01-31 is set aside")


def test_as_of_after_the_last_order():
    # nobody bought in February and March: with a window of 28 days all are lost in February
    result = computed(
        """
        who day        amount
        a   2024-01-01 10
        b   2024-01-31 20
        """,
        Valuation(active_window="28"),
        Policies(as_of=date(2024, 3, 31)),
    )
    found = figures(result)
    assert found["churn_rate"] == 1  # b, the only one active at the end of January
    assert found["lifespan"] == 1


def test_where_keeps_rows_and_the_refunds_of_kept_orders():
    # the refund of o1 says nothing of a channel, the one of o2 has another: they are those of their orders
    result = computed(
        """
        id who day        amount channel
        o1 a   2024-01-01 100    web
        o1 a   2024-01-10 -40    -
        o2 b   2024-01-12 30     shop
        o2 b   2024-01-14 -30    web
        o3 c   2024-01-31 50     shop
        """,
        policies=Policies(where=(("Channel", "web"),)),
    )
    found = figures(result)
    assert (found["customers"], found["orders"], found["revenue"], found["refunds"]) == (1, 1, 60, 40)


@pytest.mark.parametrize(
    ("policies", "error", "words"),
    [
        (Policies(where=(("shop", "z"),)), DataError, "no order has shop = 'z'"),
        (Policies(where=(("shopp", "x"),)), DataError, "there is no column 'shopp'"),
        (Policies(as_of=date(2023, 1, 1)), UsageError, "--as-of 2023-01-01 is before the first order"),
        (Policies(where=(("kind", "refund"),)), DataError, "no orders are left"),
    ],
)
def test_policies_that_leave_nothing(policies, error, words):
    text = """
    who day        amount shop
    a   2024-01-01 100    x
    a   2024-01-02 -5     x
    a   2024-01-03 100    x
    """
    with pytest.raises(error, match=words):
        computed(text, policies=policies)


def test_refunds_without_orders_and_no_rows_at_all():
    orders = book("""
    who day        amount
    a   2024-01-01 -5
    """)
    with pytest.raises(DataError, match="there are no orders in the input, only refunds"):
        compute(orders)
    with pytest.raises(DataError, match=r"there are no orders in the input$"):
        compute(orders.clear())


@pytest.mark.parametrize("wrong", [{"refunds": "gross"}, {"zero_orders": "yes"}])
def test_words_that_are_no_policies(wrong):
    with pytest.raises(UsageError):
        Policies(**wrong)


def test_amounts_too_large_to_add_up():
    # 90 trillion six times is more than 64 bits of ten-thousandths hold
    rows = "\n".join(f"a 2024-01-0{day} 90000000000000" for day in range(1, 7))
    with pytest.raises(DataError, match="460 trillion"):
        computed("who day amount\n" + rows)


def test_days_before_1970():
    found = figures(
        computed("""
        who day        amount
        a   1969-01-01 10
        b   1969-01-15 30
        a   1969-01-31 20
        """)
    )
    assert (found["customers"], found["repeat_rate"], found["historic_value_mean"]) == (2, 0.5, 30)
