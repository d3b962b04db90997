"""UCI Online Retail: no amount column, cancellations as invoices of their own, ids that were floats."""

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from ingest_checks import aside, book, check_account, fact

from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import Reading

REAL = Path(__file__).parents[3] / "shared" / "data" / "online_retail_2010-12.csv"

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
SMALL = (
    HEADER
    + """\
536365,85123A,"LANTERN, WHITE",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,85123A,"LANTERN, WHITE",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,71053,MUG,2,2010-12-01 08:26:00,3.39,17850.0,United Kingdom
536366,22633,HAND WARMER,1,2010-12-01 08:28:00,1.85,,United Kingdom
C536379,D,Discount,-1,2010-12-02 09:41:00,27.50,14527.0,United Kingdom
C536379,85123A,"LANTERN, WHITE",-2,2010-12-02 09:41:00,2.55,14527.0,United Kingdom
536400,71053,MUG,3,2010-12-03 10:00:00,3.39,14527.0,France
536400,M,Manual,-1,2010-12-03 10:00:00,1.00,14527.0,France
536589,21777,damaged,-10,2010-12-03 16:50:00,0.0,,United Kingdom
A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,United Kingdom
A563186,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,United Kingdom
"""
)
BOOK = [
    # 6 × 2.55 twice (two equal lines can be real) + 2 × 3.39 = 30.60 + 6.78
    ("536365", "17850", "2010-12-01", "order", "37.38"),
    ("536366", None, "2010-12-01", "order", "1.85"),
    # 3 × 3.39; the line that came back on the day is a refund of its own
    ("536400", "14527", "2010-12-03", "order", "10.17"),
    ("536400", "14527", "2010-12-03", "refund", "-1.00"),
    # thrown away: pieces went, no money
    ("536589", None, "2010-12-03", "refund", "0.00"),
    # 27.50 + 2 × 2.55
    ("C536379", "14527", "2010-12-02", "refund", "-32.60"),
]


def test_lines_become_orders_and_refunds(read):
    orders = read(SMALL)
    assert fact(orders.reading, "source", "profile") == "online-retail"
    assert book(orders) == BOOK
    assert aside(orders) == {"adjustment": 2}


def test_equal_lines_are_kept_and_reported(read):
    assert [one.rows for one in read(SMALL).reading.facts if one.item == "equal_rows"] == [1]


def test_the_headers_of_the_second_edition(read):
    # Invoice, Price and `Customer ID`, in a file with semicolons
    header = HEADER.replace("InvoiceNo", "Invoice").replace("UnitPrice", "Price").replace("CustomerID", "Customer ID")
    assert book(read(SMALL.replace(HEADER, header))) == BOOK


def ids_of(read, ids):
    lines = [f"{place},S,D,1,2010-12-01,1,{one},UK" for place, one in enumerate(ids, start=1)]
    table = read(HEADER + "\n".join(lines)).table
    return table.sort(table["order_id"].cast(int))["customer_id"].to_list()


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["17850.0", "", "42.0"], ["17850", None, "42"]),
        # guests do not make the column one of another kind
        (["17850.0", "guest", "0.0", '""'], ["17850", None, None, None]),
        # one id that is no such number: then the others may be names as well
        (["17850.0", "42"], ["17850.0", "42"]),
        (["17850.0", "A.0"], ["17850.0", "A.0"]),
        # ids are text: zeros in front belong to them
        (["00042", "42", "'00043"], ["00042", "42", "00043"]),
        (["1.50", "2.50"], ["1.50", "2.50"]),
    ],
)
def test_ids_that_were_floats(read, ids, expected):
    assert ids_of(read, ids) == expected


def test_an_id_of_another_kind_comes_late(read):
    # after 6,000 rows of 17850.0 the column turns out to hold other ids as well
    found = ids_of(read, ["17850.0"] * 6000 + ["B7"])
    assert set(found) == {"17850.0", "B7"}


def test_the_first_ids_come_late(read):
    # 6,000 guests first: nothing was to be seen of the ids when the first rows were judged
    assert ids_of(read, [""] * 6000 + ["17850.0"])[-1] == "17850"


@pytest.mark.skipif(not REAL.exists(), reason="the data set is not here")
def test_the_real_file_against_a_plain_loop():
    # the same rules, written with csv, dict and Decimal: every order, its customer, day and money
    money: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    customers: dict[str, str] = {}
    rows = 0
    with REAL.open(newline="") as stream:
        for row in csv.DictReader(stream):
            rows += 1
            invoice, quantity, price = row["InvoiceNo"], Decimal(row["Quantity"]), Decimal(row["UnitPrice"])
            assert not invoice.startswith("A")
            back = invoice.startswith("C") or quantity < 0 or price < 0
            money[invoice, row["InvoiceDate"][:10], "refund" if back else "order"] += quantity * price
            if row["CustomerID"]:
                customers.setdefault(invoice, row["CustomerID"].removesuffix(".0"))
    reading = Reading()
    orders = read_orders([str(REAL)], reading=reading)
    found = {
        (one, str(day), kind): (amount, who)
        for one, who, day, kind, amount in orders.table.select(
            "order_id", "customer_id", "order_date", "kind", "amount"
        ).iter_rows()
    }
    assert found == {key: (amount, customers.get(key[0])) for key, amount in money.items()}
    check_account(reading, rows)
    assert reading.set_aside == {}
