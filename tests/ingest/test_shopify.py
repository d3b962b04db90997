"""Shopify's order export: one row a line item, the order's own cells on its first row only.

The header is that of a real export, byte for byte; people and orders are invented.
"""

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from ingest_checks import aside, book

from clvtool.errors import DataError
from clvtool.ingest.lines import read_lines
from clvtool.ingest.reading import ReadOptions
from clvtool.ingest.rejects import rejects

HEADER = (Path(__file__).parent / "data" / "shopify_header.csv").read_bytes().decode().strip()
REAL = Path(__file__).parents[3] / "shared" / "data" / "headers" / "shopify_orders_export_header.csv"


def first(name, email, status, total, created, quantity, item, price, **more):
    """Return the first row of an order, which has the order's own cells."""
    return {
        "Name": name,
        "Email": email,
        "Financial Status": status,
        "Currency": "PLN",
        "Subtotal": total,
        "Total": total,
        "Created at": created,
        "Refunded Amount": "0.00",
        "Billing Phone": "+48 22 000 00 00",  # of the address, not of the customer
        "Id": "'55501",
        **further(name, quantity, item, price),
        **{key.replace("_", " ").capitalize(): value for key, value in more.items()},
    }


def further(name, quantity, item, price, **more):
    """Return a further row of an order: its line item."""
    line = {"Lineitem quantity": quantity, "Lineitem name": item, "Lineitem price": price}
    return {"Name": name, **line, **{key.capitalize(): value for key, value in more.items()}}


ROWS = [
    # line 2: the shop's clock says half past midnight on the 31st, half past eleven of the 30th in UTC
    first("#1001", "ann@example.com", "paid", "100.00", "2024-03-31 00:30:00 +0100", "1", "Kubek", "40.00"),
    further("#1001", "2", "Talerz", "25.00", email="ann@example.com"),  # some exports repeat the e-mail
    further("#1001", "1", "Gratis", "0.00"),
    # line 5: paid, then cancelled: both of its rows go
    first(
        "#1002",
        "bob@example.com",
        "paid",
        "60.00",
        "2024-04-01 10:00:00 +0200",
        "1",
        "Kubek",
        "40.00",
        cancelled_at="2024-04-02 09:00:00 +0200",
    ),
    further("#1002", "1", "Łyżka, duża", "20.00"),
    first("#1003", "bob@example.com", "voided", "70.00", "2024-04-03 10:00:00 +0200", "1", "Wazon", "50.00"),
    further("#1003", "1", "Łyżka", "20.00"),
    # line 9: Total is what was paid before 50 went back
    first(
        "#1004", "bob@example.com", "partially_refunded", "200.00", "2024-04-05 10:00:00 +0200", "4", "Wazon", "50.00"
    )
    | {"Refunded Amount": "50.00"},
    first("#1005", "cid@example.com", "refunded", "80.00", "2024-10-27 23:30:00 +0100", "2", "Kubek", "40.00")
    | {"Refunded Amount": "80.00"},
    # line 11: a guest at the till
    first("#1006", "", "paid", "30.00", "2024-05-01 10:00:00 +0200", "1", "Kubek", "30.00"),
    further("#1006", "1", "Torba", "0.00"),
    # line 13: a spreadsheet wrote apostrophes before what it must not take for numbers
    first("'#1007", "", "paid", "45.00", "2024-05-02 10:00:00 +0200", "1", "Wazon", "45.00", phone="'+48 600 100 200"),
    first("#1008", "dan@example.com", "pending", "99.00", "2024-05-03 10:00:00 +0200", "1", "Wazon", "99.00"),
    # line 15: free, and by somebody known
    first("#1009", "ANN@Example.com ", "paid", "0.00", "2024-05-04 10:00:00 +0200", "1", "Gratis", "0.00"),
]

ORDERS = [
    ("#1001", "ann@example.com", "2024-03-31", "order", "100.00"),
    ("#1004", "bob@example.com", "2024-04-05", "order", "200.00"),
    ("#1004", "bob@example.com", "2024-04-05", "refund", "-50.00"),
    ("#1005", "cid@example.com", "2024-10-27", "order", "80.00"),
    ("#1005", "cid@example.com", "2024-10-27", "refund", "-80.00"),
    ("#1006", None, "2024-05-01", "order", "30.00"),
    ("#1007", "+48600100200", "2024-05-02", "order", "45.00"),
    ("#1009", "ann@example.com", "2024-05-04", "order", "0.00"),
]


def export(rows) -> str:
    """Return the rows below the real header."""
    names = next(csv.reader([HEADER]))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    assert names == list(dict.fromkeys(names))
    writer.writerows(rows)
    return HEADER + "\n" + buffer.getvalue()


@pytest.mark.skipif(not REAL.exists(), reason="the real header is not here")
def test_the_header_is_the_real_one():
    assert REAL.read_bytes().decode().strip() == HEADER
    assert HEADER.count(",") == 78


def test_the_profile_is_recognised_by_its_header(read):
    facts = {(fact.section, fact.item): fact.value for fact in read(export(ROWS)).reading.facts}
    assert facts["source", "profile"] == "shopify"
    # `Id`, the phones of addresses and the parts of the total mean nothing to us
    roles = {item: value for (section, item), value in facts.items() if section == "columns" and item != "others"}
    assert roles == {
        "order_id": "Name",
        "email": "Email",
        "customer_name": "Billing Name",  # only to tell whether an address is that of many
        "phone": "Phone",
        "order_date": "Created at",
        "order_total": "Total",
        "status": "Financial Status",
        "cancelled_at": "Cancelled at",
        "refunded_amount": "Refunded Amount",
        "currency": "Currency",
        "quantity": "Lineitem quantity",
        "unit_price": "Lineitem price",
        "line_discount": "Lineitem discount",
        "product_name": "Lineitem name",
        "product_id": "Lineitem sku",
    }


def test_rows_become_orders(read):
    # Total is not multiplied by quantity, nor added up over the rows of an order
    orders = read(export(ROWS))
    assert book(orders) == ORDERS
    assert orders.currency == "PLN"


def test_every_row_is_accounted_for(read):
    # 14 rows: 2 cancelled, 2 voided, 1 pending; the rest makes 3 + 1 + 1 + 2 + 1 + 1 = 9
    reading = read(export(ROWS)).reading
    assert (reading.rows_read, reading.rows_used) == (14, 9)
    told = {reason: (one.rows, one.orders, one.money) for reason, one in reading.set_aside.items()}
    # the money set aside is the orders' totals, once each
    assert told == {
        "cancelled": (2, 1, Decimal(60)),
        "voided": (2, 1, Decimal(70)),
        "pending": (1, 1, Decimal(99)),
    }


def test_the_rejects_are_the_rows_themselves(read):
    table = rejects(read(export(ROWS))).table
    assert table.select("line", "reason", "Name", "Lineitem name").rows() == [
        (5, "cancelled", "#1002", "Kubek"),
        (6, "cancelled", "#1002", "Łyżka, duża"),
        (7, "voided", "#1003", "Wazon"),
        (8, "voided", "#1003", "Łyżka"),
        (14, "pending", "#1008", "Wazon"),
    ]


def test_the_order_of_the_rows_does_not_matter(read):
    # sorted by price in a spreadsheet, first rows no longer come first
    turned = read(export(reversed(ROWS)))
    assert book(turned) == ORDERS
    assert aside(turned) == {"cancelled": 2, "voided": 2, "pending": 1}


def test_with_a_zone_the_days_are_those_of_the_zone(read):
    # only #1001 was placed on another day in UTC
    days = {order: day for order, _, day, *_ in book(read(export(ROWS), tz="UTC"))}
    assert days["#1001"] == "2024-03-30"
    assert all(days[order] == day for order, _, day, *_ in ORDERS if order != "#1001")


def test_a_kept_status_brings_whole_orders_back(read):
    kept = read(export(ROWS), keep_status=("cancelled", "Voided"))
    assert aside(kept) == {"pending": 1}
    assert ("#1002", "bob@example.com", "2024-04-01", "order", "60.00") in book(kept)
    assert ("#1003", "bob@example.com", "2024-04-03", "order", "70.00") in book(kept)


def test_an_extra_column_of_an_order_is_that_of_its_largest_line(read):
    # two plates at 25 are more than one cup at 40; the e-mail as written stays an extra column
    orders = read(export(ROWS)).table.filter(order_id="#1001").row(0, named=True)
    assert orders["Lineitem name"] == "Talerz"
    assert orders["Email"] == "ann@example.com"
    assert orders["Financial Status"] == "paid"


def test_the_difference_between_totals_and_lines_is_reported(read):
    # #1001: 100 − (40 + 50 + 0) = 10 of shipping; all others are equal
    found = next(fact for fact in read(export(ROWS)).reading.facts if fact.item == "total_less_lines")
    assert (found.orders, found.money) == (1, Decimal(10))


def test_an_order_whose_first_row_cannot_be_read(read):
    # nobody knows the day of #1010: its first row is a bad date, its second has none of its own
    rows = [
        first("#1010", "eve@example.com", "paid", "5.00", "yesterday", "1", "Kubek", "5.00"),
        further("#1010", "1", "x", "0"),
    ]
    orders = read(export([*ROWS, *rows]))
    assert book(orders) == ORDERS
    assert aside(orders) == {"cancelled": 2, "voided": 2, "pending": 1, "bad_date": 1, "missing_date": 1}


EUROS = [
    first("#2001", "eve@example.com", "paid", "10.00", "2024-05-05 10:00:00 +0200", "1", "Kubek", "5.00")
    | {"Currency": "EUR"},
    further("#2001", "1", "Talerz", "5.00"),
]


def test_two_currencies_are_never_added(write):
    from clvtool.ingest.read import read_orders

    # 8 orders and refunds in PLN, 1 order in EUR
    with pytest.raises(DataError, match=r"in 2 currencies: PLN \(8\), EUR \(1\)") as error:
        read_orders([write(export([*ROWS, *EUROS]))])
    assert "--currency PLN" in error.value.hint


def test_a_currency_takes_whole_orders_out(read):
    # the second row of #2001 names no currency, and goes with its order
    orders = read(export([*ROWS, *EUROS]), currency="pln")
    assert book(orders) == ORDERS
    assert aside(orders) == {"cancelled": 2, "voided": 2, "pending": 1, "other_currency": 2}
    assert book(read(export([*ROWS, *EUROS]), currency="EUR")) == [
        ("#2001", "eve@example.com", "2024-05-05", "order", "10.00")
    ]


def test_the_lines_of_the_orders_that_count(write):
    # 14 rows without the 5 set aside; a line's amount is quantity × price
    lines, _ = read_lines([write(export(ROWS))], ReadOptions())
    assert lines.height == 9
    assert lines.filter(order_id="#1001").select("line", "product_name", "quantity", "amount").rows() == [
        (1, "Gratis", Decimal(1), Decimal(0)),
        (2, "Kubek", Decimal(1), Decimal(40)),
        (3, "Talerz", Decimal(2), Decimal(50)),
    ]
    assert not set(lines["order_id"]) & {"#1002", "#1003", "#1008"}
