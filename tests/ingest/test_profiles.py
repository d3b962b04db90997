"""What a profile can say of an export, each thing by itself, and what headers say where there is no profile."""

import pytest
from ingest_checks import aside, book, fact

from clvtool.errors import DataError
from clvtool.ingest.inspect import MANY_NAMES, inspect
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import ReadOptions
from clvtool.ingest.recognise import recognise

STRIPE = (
    "id,Created (UTC),Amount,Amount Refunded,Currency,Converted Amount,Converted Amount Refunded,Converted Currency,"
    "Mode,Status,Captured,Customer ID\n"
    "ch_1,2025-01-31,50.00,10.00,usd,46.00,9.20,eur,Live,Paid,true,cus_A\n"
    "ch_2,2025-02-01,20.00,0.00,eur,,,,Live,Paid,true,cus_B\n"
    "ch_3,2025-02-02,30.00,0.00,eur,30.00,0.00,eur,TEST,Paid,true,cus_A\n"
    "ch_4,2025-02-03,40.00,0.00,eur,40.00,0.00,eur,Live,Paid,False,cus_A\n"
    "ch_5,2025-02-04,60.00,0.00,eur,60.00,0.00,eur,Test,Failed,false,cus_A\n"
)


def test_better_columns_are_taken_where_they_are_filled_all_together(read):
    # ch_2 was not converted: its own amount, refund and currency count
    orders = read(STRIPE)
    assert book(orders) == [
        ("ch_1", "cus_A", "2025-01-31", "order", "46.00"),
        ("ch_1", "cus_A", "2025-01-31", "refund", "-9.20"),
        ("ch_2", "cus_B", "2025-02-01", "order", "20.00"),
    ]
    assert orders.currency == "EUR"
    assert fact(orders.reading, "columns", "order_total") == "Converted Amount, else Amount"


def test_better_columns_go_together_or_not_at_all(write):
    # converted amounts beside refunds that are not would be two currencies under one name
    text = STRIPE.replace("Converted Amount Refunded", "Something Else")
    with pytest.raises(DataError, match=r"2 currencies: USD .*, EUR"):
        read_orders([write(text)])


def test_the_user_settles_that_the_better_columns_are_not_wanted(read):
    orders = read(STRIPE, mapping={"order_total": "Amount"}, currency="usd")
    assert book(orders)[0] == ("ch_1", "cus_A", "2025-01-31", "order", "50.00")
    assert book(orders)[1] == ("ch_1", "cus_A", "2025-01-31", "refund", "-10.00")


def test_better_columns_of_a_parquet_file_are_numbers(tmp_path):
    import polars as pl

    path = tmp_path / "payments.parquet"
    table = pl.read_csv(STRIPE.encode())
    assert table.schema["Converted Amount"] == pl.Float64
    table.write_parquet(path)
    assert book(read_orders([str(path)]))[:2] == [
        ("ch_1", "cus_A", "2025-01-31", "order", "46.00"),
        ("ch_1", "cus_A", "2025-01-31", "refund", "-9.20"),
    ]


def test_words_of_other_columns_set_rows_aside_after_the_status(read):
    # ch_5 is a test that failed: the status speaks first, so it is not counted twice
    assert aside(read(STRIPE)) == {"failed": 1, "pending": 1, "test": 1}
    statuses = {one.item: one.value for one in read(STRIPE).reading.facts if one.section == "statuses"}
    assert statuses["Mode: test"] == "set aside"


@pytest.mark.parametrize(("word", "left"), [("test", {"failed": 1, "pending": 1}), ("FALSE", {"failed": 1, "test": 1})])
def test_such_rows_can_be_kept(read, word, left):
    assert aside(read(STRIPE, keep_status=(word,))) == left


def test_a_status_can_mean_something_else_in_one_export(read):
    # `closed` is done with nearly everywhere; Magento closes an order by a credit memo of all of it
    header = "ID,Purchase Point,Purchase Date,Grand Total (Base),Status,Customer Email\n"
    row = "1,Shop,2025-01-31,5,closed,a@example.com\n"
    assert [kind for *_, kind, _ in book(read(header + row))] == ["order", "refund"]
    plain = "order_id,shop,date,total,status,email\n"
    assert [kind for *_, kind, _ in book(read(plain + row))] == ["order"]


@pytest.mark.parametrize(
    ("header", "amount"),
    [
        ("N. Revenue (formatted),Net Sales,N. Revenue", "3.00"),
        ("N. Revenue (formatted),Net Sales,Net", "2.00"),
        ("N. Revenue (formatted),Sales net,Net", "1.00"),
    ],
)
def test_of_several_columns_a_profile_takes_the_best_that_is_there(read, header, amount):
    text = f"Date,Order #,Status,Customer,Customer type,Items sold,Coupon(s),{header}\n2025-01-31,1,completed,A,new,1,,1,2,3\n"
    assert book(read(text)) == [("1", None, "2025-01-31", "order", amount)]


def test_refunds_in_rows_of_their_own_say_more_than_the_status(read):
    # order 1 came back in two parts on their own days, and not once more on the day it was placed
    text = (
        "order_id,customer_id,date,amount,status\n"
        "1,ann,2025-01-05,50,refunded\n1,ann,2025-01-09,-20,refunded\n1,ann,2025-01-10,-30,refunded\n"
        "2,ben,2025-01-05,40,refunded\n"
    )
    assert book(read(text)) == [
        ("1", "ann", "2025-01-05", "order", "50.00"),
        ("1", "ann", "2025-01-09", "refund", "-20.00"),
        ("1", "ann", "2025-01-10", "refund", "-30.00"),
        ("2", "ben", "2025-01-05", "order", "40.00"),
        ("2", "ben", "2025-01-05", "refund", "-40.00"),
    ]


@pytest.mark.parametrize(
    ("header", "amount", "currency"),
    [
        ("Total (EUR),x", "5.00", "EUR"),
        ("Kwota [zł],x", "5.00", "PLN"),
        ("total_usd,x", "5.00", "USD"),
        # the plain word is the column; the same in another currency is something else
        ("Total EUR,Total", "7.00", None),
        ("Subtotal EUR,Total", "7.00", None),
    ],
)
def test_a_header_may_name_the_currency_of_its_cells(read, header, amount, currency):
    orders = read(f"customer_id,date,{header}\nann,2025-01-05,5,7\n")
    assert [row[-1] for row in book(orders)] == [amount]
    assert orders.currency == currency


def test_currencies_of_headers_are_never_added(write):
    one, two = (f"customer_id,date,Total {code}\nann,2025-01-05,5\n" for code in ("EUR", "USD"))
    with pytest.raises(DataError, match="2 currencies"):
        read_orders([write(one, "1.csv"), write(two, "2.csv")])


def test_two_totals_in_two_currencies_are_an_error_that_names_both(write):
    with pytest.raises(DataError, match="'Total EUR' and 'Total USD' look like order_total"):
        read_orders([write("customer_id,date,Total EUR,Total USD\nann,2025-01-05,5,6\n")])


def test_a_subtotal_is_never_the_total(read):
    orders = read("customer_id,date,Subtotal,Sub-total\nann,2025-01-05,5,6\n")
    assert "amount" not in orders.table.columns


def test_what_is_said_of_a_profile():
    header = ["Name", "Financial Status", "Lineitem quantity", "Created at"]
    profile, why = recognise(header)
    assert profile.name == "shopify"
    assert why == "sure: all 4 columns that tell it are there"
    assert recognise(header[1:])[1] == "no known export; nearest is shopify, but it lacks 'name'"
    assert recognise(header[1:], "shopify")[1] == "as --profile says; 3 of the 4 columns that tell it are there"
    assert recognise(header, "plain") == (None, "as --profile says")
    assert recognise(["a", "b"]) == (None, "no known export; its header words say what the columns mean")


def shared(names):
    rows = [f"2025-01-05,7,orders@market.example.com,{name}" for name in names]
    return "\n".join(
        ["date,amount,email,Customer Name,Billing Name", *rows, "2025-01-06,5,ann@example.com,Ann,Ann", ""]
    )


def warnings(path, **options):
    return inspect([path], ReadOptions(**options))[0].table.filter(section="warning")["value"].to_list()


def test_an_address_beside_very_many_names_is_a_placeholder(write):
    # eleven people who share one address are a marketplace; two name columns are no ambiguity that matters
    path = write(shared([f"Person {letter},x" for letter in "ABCDEFGHIJK"]))
    (warning,) = warnings(path)
    assert "1 e-mail addresses stand beside more than 10 different names" in warning
    assert "11 orders" in warning
    assert "example.com" not in warning
    # told by another column, there is nothing of the kind
    assert warnings(path, mapping={"customer_name": "Billing Name"}) == []
    assert warnings(path, mapping={"customer_id": "Customer Name"}) == []


@pytest.mark.parametrize("names", [[f"Person {n % MANY_NAMES},x" for n in range(30)], ["Ann,x", "ANN,x", ",x"] * 9])
def test_an_address_beside_few_names_is_not(write, names):
    assert warnings(write(shared(names))) == []


def test_a_customer_column_beside_addresses_holds_the_names(write):
    # `Klient` is no identity where there is an e-mail; it still tells that an address is that of many
    rows = "".join(f"2025-01-05;Osoba {letter};zakupy@example.com;5,00\n" for letter in "ABCDEFGHIJK")
    assert any("e-mail addresses" in one for one in warnings(write(f"data;klient;email;suma\n{rows}")))


def test_money_that_only_the_lesser_column_has_is_not_lost(read):
    # 50 of 100 USD went back, 90 EUR are converted, and how much of them went back nobody says
    header = (
        "id,Created (UTC),Amount,Amount Refunded,Currency,Converted Amount,Converted Amount Refunded,Converted Currency,"
        "Mode,Status,Captured,Customer ID,Customer Email\n"
    )
    orders = read(
        header
        + "ch_1,2025-03-01 23:30,100.00,50.00,usd,90.00,,eur,Live,Paid,true,cus_A,anna@example.com\n"
        + "ch_2,2025-03-02 09:00,50.00,0.00,eur,50.00,,eur,Live,Paid,true,cus_B,ben@example.com\n"
    )
    assert aside(orders) == {"bad_refund": 1}
    assert book(orders) == [("ch_2", "cus_B", "2025-03-02", "order", "50.00")]
