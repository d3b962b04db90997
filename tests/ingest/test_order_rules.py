"""From rows to orders: totals and lines, duplicates, refunds, status, identity, currency, implausible days."""

import itertools
import random
from decimal import Decimal

import pytest
from ingest_checks import aside, book

from clvtool.errors import DataError, UsageError
from clvtool.ingest import grouping
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import ReadOptions
from clvtool.ingest.rejects import rejects

# --- totals and lines ---------------------------------------------------------------------------------------------------


def test_a_total_on_every_row_counts_once(read):
    # ann's order has two rows and cost 30, not 60
    text = "order_id,customer_id,date,total,sku\n1,ann,2024-01-05,30,a\n1,ann,2024-01-05,30,b\n2,bob,2024-01-06,5,a\n"
    assert book(read(text)) == [
        ("1", "ann", "2024-01-05", "order", "30.00"),
        ("2", "bob", "2024-01-06", "order", "5.00"),
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_total_on_one_row_is_that_of_the_order(read, place):
    # whichever row it is on
    cells = ["30" if row == place else "" for row in range(3)]
    rows = [f"1,ann,2024-01-05,{cell},{sku}" for cell, sku in zip(cells, "abc", strict=True)]
    orders = read("\n".join(["order_id,customer_id,date,total,sku", *rows]))
    assert book(orders) == [("1", "ann", "2024-01-05", "order", "30.00")]


def test_a_total_that_differs_within_an_order(write):
    # then it is no total: the error names the column, the two values, and the way out
    text = "order_id,customer_id,date,Grand Total,sku\n7,ann,2024-01-05,10,a\n7,ann,2024-01-05,20,b\n"
    with pytest.raises(DataError, match="'Grand Total' should be the total of an order") as error:
        read_orders([write(text)])
    assert "10.0000 and 20.0000 in order 7" in error.value.message
    assert "--map amount='Grand Total'" in error.value.hint
    assert error.value.exit_code == 4


def test_the_way_out_of_a_differing_total_works(read):
    # 10 + 20, said to be amounts of lines
    text = "order_id,customer_id,date,Grand Total,sku\n7,ann,2024-01-05,10,a\n7,ann,2024-01-05,20,b\n"
    assert book(read(text, mapping={"amount": "Grand Total"})) == [("7", "ann", "2024-01-05", "order", "30.00")]


def test_amounts_of_lines_are_added_and_never_multiplied(read):
    # 26.70 is what three pieces cost together
    text = (
        "order_id,customer_id,date,quantity,unit_price,amount\n1,ann,2024-01-05,3,8.90,26.70\n1,ann,2024-01-05,1,3,3\n"
    )
    assert book(read(text)) == [("1", "ann", "2024-01-05", "order", "29.70")]


def test_without_amounts_lines_are_quantity_times_price_less_discount(read):
    # 3 × 8.90 − 1.70 + 2 × 5.00 = 25.00 + 10.00; a missing discount is none
    text = (
        "order_id,customer_id,date,quantity,unit_price,discount amount\n"
        "1,ann,2024-01-05,3,8.90,1.70\n1,ann,2024-01-05,2,5.00,\n"
    )
    assert book(read(text, mapping={"line_discount": "discount amount"})) == [
        ("1", "ann", "2024-01-05", "order", "35.00")
    ]


def test_a_price_alone_is_that_of_one_piece(read):
    assert book(read("customer_id,date,price\nann,2024-01-05,8.90\n")) == [("ann", "2024-01-05", "order", "8.90")]


def test_where_totals_and_lines_both_exist_the_difference_is_reported(read):
    # order 1: 35 − (20 + 10) = 5 of shipping; order 2: 8 − 10 = −2 of a voucher; together 3
    text = (
        "order_id,customer_id,date,total,amount\n1,ann,2024-01-05,35,20\n1,ann,2024-01-05,35,10\n"
        "2,bob,2024-01-06,8,10\n3,cid,2024-01-06,4,4\n"
    )
    orders = read(text)
    assert [row[-1] for row in book(orders)] == ["35.00", "8.00", "4.00"]
    found = next(fact for fact in orders.reading.facts if fact.item == "total_less_lines")
    assert (found.orders, found.money) == (2, Decimal(3))


def test_rows_without_an_order_id_beside_orders_are_orders_of_their_own(read):
    text = "order_id,customer_id,date,amount\n1,ann,2024-01-05,3\n1,ann,2024-01-05,4\n,bob,2024-01-06,5\n,bob,2024-01-06,5\n"
    assert book(read(text)) == [
        ("1", "ann", "2024-01-05", "order", "7.00"),
        (None, "bob", "2024-01-06", "order", "5.00"),
        (None, "bob", "2024-01-06", "order", "5.00"),
    ]


def test_the_day_of_an_order_is_that_of_its_first_line(read):
    # the last item was added after midnight
    text = "order_id,customer_id,date,amount\n1,ann,2024-01-06,3\n1,ann,2024-01-05,4\n1,,,5\n"
    assert book(read(text)) == [("1", "ann", "2024-01-05", "order", "12.00")]


def shuffled(text, seed):
    head, *rows = text.splitlines()
    random.Random(seed).shuffle(rows)
    return "\n".join([head, *rows, ""])


@pytest.mark.parametrize("seed", range(5))
def test_an_extra_column_is_that_of_the_largest_line_whatever_the_order_of_the_rows(read, seed):
    # order 1: 9 is the largest; order 2: −8 is larger than 3, refunds being apart; order 3: a tie of 5 and 5, so the
    # smaller text, and the empty one does not count; order 4 has it on one row only
    text = (
        "order_id,customer_id,date,amount,channel\n1,ann,2024-01-05,4,ads\n1,ann,2024-01-05,9,shop\n"
        "2,bob,2024-01-05,3,ads\n2,bob,2024-01-05,2,shop\n2,bob,2024-01-05,-8,mail\n"
        "3,cid,2024-01-05,5,shop\n3,cid,2024-01-05,5,mail\n3,cid,2024-01-05,6,\n"
        "4,dan,2024-01-05,1,\n4,dan,2024-01-05,2,ads\n"
    )
    orders = read(shuffled(text, seed)).table.sort("order_id", "kind")
    assert orders.select("order_id", "kind", "channel").rows() == [
        ("1", "order", "shop"),
        ("2", "order", "ads"),
        ("2", "refund", "mail"),
        ("3", "order", "mail"),
        ("4", "order", "ads"),
    ]


@pytest.mark.parametrize(
    ("header", "row", "cost"),
    [
        ("amount,cost", "10,4", "4"),
        # 3 pieces at 1.50
        ("quantity,unit_price,unit_cost", "3,5,1.50", "4.50"),
        ("amount,unit_cost,cost", "10,3,4", "4"),
    ],
)
def test_cost_of_goods(read, header, row, cost):
    orders = read(f"customer_id,date,{header}\nann,2024-01-05,{row}\n")
    assert orders.table["cost"].to_list() == [Decimal(cost)]


@pytest.mark.parametrize("money", ["amount", "total"])
def test_the_margin_in_money_says_the_cost(read, money):
    # 10 − 6 and, over two rows of one order, 20 − (3 + 4)
    total = "20,3,a\n2,bob,2024-01-05,20,4,b" if money == "total" else "12,3,a\n2,bob,2024-01-05,8,4,b"
    text = f"order_id,customer_id,date,{money},earned,sku\n1,ann,2024-01-05,10,6,a\n2,bob,2024-01-05,{total}\n"
    orders = read(text, mapping={"margin": "earned"})
    assert orders.table.sort("order_id")["cost"].to_list() == [Decimal(4), Decimal(13)]


# --- duplicates ---------------------------------------------------------------------------------------------------------


def test_equal_rows_of_an_order_without_line_columns_are_duplicates(read):
    # payments exported twice: the same id and the same in every column
    text = "order_id,customer_id,date,amount,note\n1,ann,2024-01-05,5,x\n2,bob,2024-01-06,7,\n1,ann,2024-01-05,5,x\n"
    orders = read(text)
    assert book(orders) == [("1", "ann", "2024-01-05", "order", "5.00"), ("2", "bob", "2024-01-06", "order", "7.00")]
    assert aside(orders) == {"duplicate_row": 1}


def test_rows_that_differ_anywhere_are_no_duplicates(read):
    # another note: another payment for the same order
    text = "order_id,customer_id,date,amount,note\n1,ann,2024-01-05,5,x\n1,ann,2024-01-05,5,y\n"
    orders = read(text)
    assert book(orders) == [("1", "ann", "2024-01-05", "order", "10.00")]
    assert aside(orders) == {}


@pytest.mark.parametrize("column", ["quantity", "sku", "product", "category", "unit price"])
def test_equal_rows_with_a_line_column_can_be_real(read, column):
    # two equal lines: the customer put the same thing into the basket twice
    text = f"order_id,customer_id,date,amount,{column}\n1,ann,2024-01-05,5,1\n1,ann,2024-01-05,5,1\n"
    orders = read(text)
    assert book(orders) == [("1", "ann", "2024-01-05", "order", "10.00")]
    assert aside(orders) == {}
    assert [fact.rows for fact in orders.reading.facts if fact.item == "equal_rows"] == [1]


def test_equal_rows_without_an_order_id_are_kept_and_reported(read):
    orders = read("customer_id,date,amount\nann,2024-01-05,5\nann,2024-01-05,5\nann,2024-01-05,5\n")
    assert len(book(orders)) == 3
    assert [fact.rows for fact in orders.reading.facts if fact.item == "equal_rows"] == [2]


MAY = "order_id,customer_id,date,amount,shipped\n1,ann,2024-05-30,5,no\n2,bob,2024-05-31,7,no\n"
JUNE = "order_id;customer_id;date;amount;shipped\n2;bob;31.05.2024;7,00;yes\n3;cid;01.06.2024;9,00;no\n"
MAY_AND_JUNE = [
    ("1", "ann", "2024-05-30", "order", "5.00"),
    ("2", "bob", "2024-05-31", "order", "7.00"),
    ("3", "cid", "2024-06-01", "order", "9.00"),
]


@pytest.mark.parametrize("turned", [False, True])
def test_an_order_exported_in_two_files_counts_once(write, turned):
    # it was shipped between the two exports; which of the copies stays does not hang on the order of the files
    paths = [write(MAY, "may.csv"), write(JUNE, "june.csv")]
    orders = read_orders(paths[::-1] if turned else paths, trace=True)
    assert book(orders) == MAY_AND_JUNE
    assert aside(orders) == {"duplicate_row": 1}
    assert orders.table.filter(order_id="2")["shipped"].to_list() == ["no"]
    assert rejects(orders).table.select("reason", "order_id", "shipped").rows() == [("duplicate_row", "2", "yes")]
    assert orders.reading.warnings == []


def test_an_order_that_differs_between_two_files_is_kept_twice_with_a_warning(write):
    # the amounts differ: two shops with the same numbers, or a change that only the user can judge
    paths = [write(MAY, "may.csv"), write(JUNE.replace("7,00", "8,00"), "june.csv")]
    orders = read_orders(paths)
    assert len(book(orders)) == 4
    assert any("1 order ids stand in several inputs" in warning for warning in orders.reading.warnings)


def test_the_lines_of_an_order_in_two_files_count_once(write):
    from clvtool.ingest.lines import read_lines

    text = "order_id,customer_id,date,amount,product\n1,ann,2024-05-30,5,tea\n1,ann,2024-05-30,2,cup\n"
    lines, orders = read_lines([write(text, "a.csv"), write(text, "b.csv")], ReadOptions())
    assert lines["product_name"].to_list() == ["cup", "tea"]
    assert aside(orders) == {"duplicate_row": 2}


def test_a_file_without_amounts_beside_one_with_them(write):
    # a sum over both would be the sum of one
    paths = [write(MAY, "may.csv"), write("customer_id,date\ndan,2024-06-01\n", "visits.csv")]
    orders = read_orders(paths, trace=True)
    assert aside(orders) == {"missing_amount": 1}
    assert rejects(orders).table["input"].to_list() == [2]


# --- refunds and status -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "row", "amount"),
    [
        ("amount", "-5", "-5.00"),
        ("amount", "(5.00)", "-5.00"),
        ("total", "-5", "-5.00"),
        ("quantity,price", "-2,2.50", "-5.00"),
        # a price below zero is a correction
        ("quantity,price", "2,-2.50", "-5.00"),
        # the sign stands on the pieces, the money has none
        ("quantity,amount", "-2,5.00", "-5.00"),
        ("quantity,amount", "-2,-5.00", "-5.00"),
    ],
)
def test_what_comes_back_is_a_refund_of_its_own_day(read, header, row, amount):
    orders = read(f"customer_id,date,{header}\nann,2024-02-05,{row}\n")
    assert book(orders) == [("ann", "2024-02-05", "refund", amount)]


def test_the_cost_of_a_refund_turns_with_its_money(read):
    # pieces with a minus, money without: 10 came back, and goods that had cost 4
    orders = read("customer_id,date,quantity,amount,cost\nann,2024-02-05,-2,10,4\nann,2024-02-05,-2,-10,-4\n")
    assert orders.table["cost"].to_list() == [Decimal(-4), Decimal(-4)]


def test_refunds_of_an_order_are_events_of_their_own_days(read):
    # 20 bought on the 5th; 3 + 4 back on the 9th and 1 on the 12th, the last written without its customer
    text = (
        "order_id,customer_id,date,amount,sku\n1,ann,2024-01-05,20,a\n1,ann,2024-01-09,-3,a\n"
        "1,ann,2024-01-09,-4,b\n1,,2024-01-12,-1,a\n"
    )
    assert book(read(text)) == [
        ("1", "ann", "2024-01-05", "order", "20.00"),
        ("1", "ann", "2024-01-09", "refund", "-7.00"),
        ("1", "ann", "2024-01-12", "refund", "-1.00"),
    ]


def test_a_refunded_amount_is_a_refund_on_the_day_of_the_order(read):
    # some exports write it with a minus; 0 and nothing are none
    text = (
        "order_id,customer_id,date,total,refunded amount\n"
        "1,ann,2024-01-05,20,5\n2,bob,2024-01-06,20,-20\n3,cid,2024-01-07,20,0\n4,dan,2024-01-08,20,\n"
    )
    assert book(read(text)) == [
        ("1", "ann", "2024-01-05", "order", "20.00"),
        ("1", "ann", "2024-01-05", "refund", "-5.00"),
        ("2", "bob", "2024-01-06", "order", "20.00"),
        ("2", "bob", "2024-01-06", "refund", "-20.00"),
        ("3", "cid", "2024-01-07", "order", "20.00"),
        ("4", "dan", "2024-01-08", "order", "20.00"),
    ]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("cancelled", "cancelled"),
        ("Canceled", "cancelled"),
        ("ANULOWANE", "cancelled"),
        ("anulowana", "cancelled"),
        ("Storniert", "cancelled"),
        ("Annulée", "cancelled"),
        ("cancelado", "cancelled"),
        ("wc-cancelled", "cancelled"),
        ("voided", "voided"),
        ("Failed", "failed"),
        ("Payment error", "failed"),
        ("odrzucone", "failed"),
        ("fehlgeschlagen", "failed"),
        ("pending", "pending"),
        ("wc-on-hold", "pending"),
        ("Oczekuje na płatność", "pending"),
        ("nieopłacone", "pending"),
        ("en attente", "pending"),
        ("pendiente de pago", "pending"),
        ("checkout-draft", "draft"),
        ("test", "test"),
    ],
)
def test_a_status_without_a_sale_is_set_aside(read, word, reason):
    text = f"order_id,customer_id,date,amount,status\n1,ann,2024-01-05,5,{word}\n2,bob,2024-01-06,7,Completed\n"
    orders = read(text)
    assert book(orders) == [("2", "bob", "2024-01-06", "order", "7.00")]
    assert aside(orders) == {reason: 1}
    # and is kept when the user says so, by the word as written or by the reason's own spelling of it
    assert len(book(read(text, keep_status=(word.upper(),)))) == 2


@pytest.mark.parametrize(
    "word", ["opłacone", "wysłane", "paid", "completed", "bezahlt", "payé", "partially refunded", "x"]
)
def test_any_other_status_is_a_sale(read, word):
    assert aside(read(f"order_id,customer_id,date,amount,status\n1,ann,2024-01-05,5,{word}\n")) == {}


@pytest.mark.parametrize(
    "word", ["refunded", "Zwrot", "zwrócone", "Erstattet", "remboursé", "reembolsado", "wc-refunded"]
)
def test_a_refunded_order_is_an_order_and_its_refund_in_full(read, word):
    # it was a purchase; the money went back
    text = f"order_id,customer_id,date,amount,status\n1,ann,2024-01-05,5,{word}\n2,bob,2024-01-06,7,paid\n"
    assert book(read(text)) == [
        ("1", "ann", "2024-01-05", "order", "5.00"),
        ("1", "ann", "2024-01-05", "refund", "-5.00"),
        ("2", "bob", "2024-01-06", "order", "7.00"),
    ]


NAMELESS = ["ann,2024-01-05,5,refunded", "ann,2024-01-05,5,paid", "ann,2024-01-05,7,refunded"]


@pytest.mark.parametrize("lines", list(itertools.permutations(NAMELESS)))
def test_a_refunded_order_without_an_id_keeps_its_refund_beside_it(read, lines):
    # the refund has to find its order again, though the source gives no number to either
    text = "\n".join(["customer_id,date,amount,status", *lines, ""])
    assert book(read(text)) == [
        ("(refunded 1)", "ann", "2024-01-05", "order", "5.00"),
        ("(refunded 1)", "ann", "2024-01-05", "refund", "-5.00"),
        ("(refunded 2)", "ann", "2024-01-05", "order", "7.00"),
        ("(refunded 2)", "ann", "2024-01-05", "refund", "-7.00"),
        (None, "ann", "2024-01-05", "order", "5.00"),
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_an_order_refunded_between_two_exports_counts_once_with_its_refund(write, turned):
    header = "order_id,customer_id,date,total,refunded amount\n"
    files = [write(header + f"1,ann,2024-01-05,5,{back}\n", f"{back}.csv") for back in (0, 5)]
    orders = read_orders(files[::-1] if turned else files)
    assert book(orders) == [
        ("1", "ann", "2024-01-05", "order", "5.00"),
        ("1", "ann", "2024-01-05", "refund", "-5.00"),
    ]


def test_the_refunded_amount_says_more_than_the_status(read):
    text = "order_id,customer_id,date,total,status,refunded amount\n1,ann,2024-01-05,5,refunded,3\n"
    assert book(read(text))[-1] == ("1", "ann", "2024-01-05", "refund", "-3.00")


def test_a_status_with_more_words_behind_it(read):
    # who cancelled it does not matter; but a word that only contains another is another word
    text = "customer_id,date,status\nann,2024-01-05,Anulowane przez klienta\nbob,2024-01-05,cancelledish\n"
    orders = read(text)
    assert [row[0] for row in book(orders)] == ["bob"]
    assert aside(orders) == {"cancelled": 1}


def test_every_status_is_shown_with_what_becomes_of_it(read):
    # a word that nobody knows counts as a sale, and is said aloud
    text = "customer_id,date,status\n" + "\n".join(
        f"ann,2024-01-05,{word}" for word in ["paid", "paid", "zwrot", "failed", "unterwegs"]
    )
    orders = read(text)
    told = {fact.item: (fact.value, fact.rows) for fact in orders.reading.facts if fact.section == "statuses"}
    assert told == {
        "paid": ("an order", 2),
        "zwrot": ("an order and its refund", 1),
        "failed": ("set aside", 1),
        "unterwegs": ("an order", 1),
    }
    assert [text for text in orders.reading.warnings if "unterwegs (1)" in text]
    kept = read(text, keep_status=("failed", "unterwegs"))
    assert not kept.reading.warnings
    assert aside(kept) == {}


def test_cancelled_lines_go_and_the_others_stay(read):
    # every line has its own status: one of two was cancelled
    text = "order_id,customer_id,date,amount,status,sku\n1,ann,2024-01-05,5,paid,a\n1,ann,2024-01-05,7,cancelled,b\n"
    orders = read(text)
    assert book(orders) == [("1", "ann", "2024-01-05", "order", "5.00")]
    assert aside(orders) == {"cancelled": 1}


@pytest.mark.parametrize("status", [",paid", ""])
def test_a_day_of_cancellation_takes_the_whole_order(read, status):
    # it stands on the first row only, with a status column or without one
    text = (
        f"order_id,customer_id,date,amount,sku,cancelled at{',status' if status else ''}\n"
        f"1,ann,2024-01-05,5,a,2024-01-06{status}\n1,ann,2024-01-05,7,b,{',' if status else ''}\n"
        f"2,bob,2024-01-05,5,a,{status}\n2,bob,2024-01-05,6,a,{',' if status else ''}\n"
    )
    orders = read(text)
    assert book(orders) == [("2", "bob", "2024-01-05", "order", "11.00")]
    assert aside(orders) == {"cancelled": 2}
    assert len(book(read(text, keep_status=("cancelled",)))) == 2


def test_orders_at_amount_0_are_kept_and_counted(write):
    from clvtool.ingest.inspect import inspect

    result, orders = inspect([write("customer_id,date,amount\nann,2024-01-05,0\nbob,2024-01-05,5\n")], ReadOptions())
    assert orders.table.height == 2
    assert result.table.filter(item="at_amount_0")["orders"].to_list() == [1]


# --- identity -----------------------------------------------------------------------------------------------------------


def test_the_customer_is_the_id_else_the_e_mail_else_the_phone(read):
    # e-mails in lower case, phones without what people put between digits
    text = (
        "order_id,customer_id,email,phone,date\n"
        "1,C7,Ann@Example.com,600100200,2024-01-01\n"
        "2,0, Bob@EXAMPLE.com ,600100201,2024-01-02\n"
        "3,guest,,+48 600-100-202,2024-01-03\n"
        "4,,,(600) 100 203,2024-01-04\n"
        "5,,guest,-,2024-01-05\n"
        "6,'00042,,,2024-01-06\n"
    )
    assert [row[:2] for row in book(read(text))] == [
        ("1", "C7"),
        ("2", "bob@example.com"),
        ("3", "+48600100202"),
        ("4", "600100203"),
        ("5", None),
        ("6", "00042"),
    ]


@pytest.mark.parametrize(
    "word", ["", "0", "0.0", "guest", "GUEST", "Gość", "Gast", "None", "NULL", "NaN", "n/a", "-", '" "']
)
def test_words_that_stand_for_nobody(read, word):
    # the order stays in the shop's totals
    text = f"order_id,customer_id,date,amount\n1,{word},2024-01-05,5\n2,bob,2024-01-06,7\n"
    assert [row[1] for row in book(read(text))] == [None, "bob"]


def test_the_share_of_orders_without_a_customer_is_shown(write):
    from clvtool.ingest.inspect import inspect

    # 1 of 4 orders, 5 of 26 in money
    text = "customer_id,date,amount\n0,2024-01-05,5\nann,2024-01-05,6\nann,2024-01-05,7\nbob,2024-01-05,8\n"
    result, _ = inspect([write(text)], ReadOptions())
    row = result.table.filter(item="without_customer").row(0, named=True)
    assert (row["orders"], row["money"], row["detail"]) == (1, Decimal(5), "25.0% of orders")
    assert result.table.filter(section="identity", item="customers")["value"].to_list() == ["2"]


def test_an_order_of_two_customers_is_said_aloud(read):
    # order numbers that begin anew every day would put strangers into one order
    text = "order_id,customer_id,date,amount,sku\n1,bob,2024-01-05,5,a\n1,ann,2024-01-06,7,b\n"
    orders = read(text)
    assert book(orders) == [("1", "ann", "2024-01-05", "order", "12.00")]
    assert any("1 order ids stand on rows of several customers" in warning for warning in orders.reading.warnings)


# --- currency -----------------------------------------------------------------------------------------------------------

CURRENCIES = "order_id,customer_id,date,amount,currency\n1,ann,2024-01-05,5,PLN\n2,bob,2024-01-06,7,eur\n3,cid,2024-01-07,9,pln\n"


def test_mixed_currencies_are_an_error_with_counts(write):
    # pln and PLN are one
    with pytest.raises(DataError, match=r"the orders are in 2 currencies: PLN \(2\), EUR \(1\)") as error:
        read_orders([write(CURRENCIES)])
    assert "--currency PLN" in error.value.hint


def test_currencies_mixed_within_an_order(write):
    # all orders alike: nothing but a look into them tells
    text = "order_id,customer_id,date,amount,currency,sku\n1,ann,2024-01-05,5,PLN,a\n1,ann,2024-01-05,7,EUR,b\n"
    with pytest.raises(DataError, match="1 orders are in several currencies, such as order 1 in EUR and PLN") as error:
        read_orders([write(text)])
    assert "--currency EUR" in error.value.hint
    assert book(read_orders([write(text)], ReadOptions(currency="PLN"))) == [
        ("1", "ann", "2024-01-05", "order", "5.00")
    ]


def test_currencies_mixed_between_files(write):
    one, other = (
        write(f"customer_id,date,amount,currency\nann,2024-01-05,5,{c}\n", f"{c}.csv") for c in ("PLN", "EUR")
    )
    with pytest.raises(DataError, match=r"EUR \(1\), PLN \(1\)"):
        read_orders([one, other])


def test_money_without_a_currency_is_not_taken_for_the_one_asked_for(read):
    # the bare 20 may be either; where all others are of one currency, it is taken for that, and said
    text = "order_id,customer_id,date,amount\n1,ann,2024-01-05,10 €\n2,bob,2024-01-06,20.00\n3,cid,2024-01-07,10 zł\n"
    for currency, order in (("EUR", "1"), ("PLN", "3")):
        orders = read(text, currency=currency)
        assert [row[0] for row in book(orders)] == [order]
        assert aside(orders) == {"other_currency": 1, "missing_currency": 1}
    one = read(text.replace("10 zł", "10 €"))
    assert (len(book(one)), one.currency) == (3, "EUR")
    assert "1 orders name no currency; they are taken for EUR, as all others are" in one.reading.warnings


def test_one_currency_is_kept(read):
    orders = read(CURRENCIES, currency="Eur")
    assert book(orders) == [("2", "bob", "2024-01-06", "order", "7.00")]
    assert orders.currency == "EUR"
    assert aside(orders) == {"other_currency": 2}


def test_a_currency_that_no_order_has(write):
    with pytest.raises(DataError, match="3 other_currency"):
        read_orders([write(CURRENCIES)], ReadOptions(currency="USD"))


def test_a_currency_without_a_currency_column(write):
    # asked to keep one currency, we cannot: better said than passed over
    with pytest.raises(DataError, match="no column for the currency"):
        read_orders([write("customer_id,date,amount\nann,2024-01-05,5\n")], ReadOptions(currency="USD"))


def test_currencies_of_cancelled_orders_do_not_matter(read):
    text = "customer_id,date,amount,currency,status\nann,2024-01-05,5,PLN,paid\nbob,2024-01-05,5,EUR,cancelled\n"
    assert read(text).currency == "PLN"


# --- implausible days ---------------------------------------------------------------------------------------------------


def test_days_before_the_epoch_and_far_in_the_future(read):
    # 1970-01-01 is what an empty date becomes in many programs; 2204 is a typing error for 2024; a year and a day after
    # all others (2024-12-31 + 366 days = 2026-01-01) is still believed, and so is a birthday in 1971
    days = ["2024-01-05", "2024-12-31", "2026-01-01", "1971-06-06", "1970-01-01", "1900-01-01", "2204-01-05"]
    orders = read(
        "customer_id,date\n" + "\n".join(f"c{n},{day}" for n, day in enumerate([*["2024-12-31"] * 2000, *days]))
    )
    assert aside(orders) == {"implausible_date": 3}
    assert str(orders.table["order_date"].max()) == "2026-01-01"
    assert str(orders.table["order_date"].min()) == "1971-06-06"


def test_an_implausible_order_goes_with_all_its_lines(read):
    text = "order_id,customer_id,date,amount,sku\n1,ann,1970-01-01,5,a\n1,ann,1970-01-01,6,b\n2,bob,2024-01-05,7,a\n"
    orders = read(text)
    assert book(orders) == [("2", "bob", "2024-01-05", "order", "7.00")]
    assert aside(orders) == {"implausible_date": 2}
    assert rejects(orders).table.select("line", "reason").rows() == [(2, "implausible_date"), (3, "implausible_date")]


# --- settings -----------------------------------------------------------------------------------------------------------


def test_a_profile_can_be_named_and_denied(read, write):
    # as plain, C-invoices are orders like others: their quantity alone tells
    text = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\nC1,a,b,2,2024-01-05,5,ann,PL\n"
    assert book(read(text)) == [("C1", "ann", "2024-01-05", "refund", "-10.00")]
    assert book(read(text, profile="plain")) == [("C1", "ann", "2024-01-05", "order", "10.00")]
    with pytest.raises(UsageError, match="shopfy") as error:
        read_orders([write(text)], ReadOptions(profile="shopfy"))
    assert "shopify" in error.value.hint


def test_wanted_columns_are_found_in_any_letter_case(write):
    path = write("customer_id,date,Sales Channel,note\nann,2024-01-05,ads,x\n")
    assert read_orders([path], extras=["sales channel"]).table.columns[-1] == "Sales Channel"
    assert "note" not in read_orders([path], extras=["sales channel"]).table.columns
    with pytest.raises(DataError, match="'chanel'") as error:
        read_orders([path], extras=["chanel"])
    assert "Sales Channel" in error.value.hint


@pytest.mark.parametrize("piece", [2, 7])
def test_lines_that_are_put_together_in_pieces(write, piece, monkeypatch):
    # as those of a long file are: an order and what came back of it may stand in different pieces
    rng = random.Random(3)
    rows = [
        f"{rng.randrange(40)},c{rng.randrange(5)},2024-01-{rng.randrange(1, 29):02},{rng.choice([5, 7, 9, -2])},t{rng.randrange(9)}"
        for _ in range(200)
    ]
    path = write("\n".join(["order_id,customer_id,date,amount,product", *rows, ""]))
    whole = read_orders([path])
    monkeypatch.setattr(grouping, "PIECE", piece)
    in_pieces = read_orders([path])
    assert book(in_pieces) == book(whole)
    assert in_pieces.reading.warnings == whole.reading.warnings
    assert in_pieces.reading.rows_used == 200
