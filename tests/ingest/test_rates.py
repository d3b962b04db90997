"""--rates: several currencies in one, to the last digit."""

import random
from decimal import ROUND_HALF_UP, Decimal

import pytest
from ingest_checks import book

from clvtool.errors import DataError
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import ReadOptions

ORDERS = """\
order_id,customer_id,date,amount,currency
1,ann,2024-01-05,10,PLN
2,ann,2024-01-05,10,eur
3,bob,2024-02-05,10,EUR
4,bob,2024-02-05,10.5,USD
"""


@pytest.fixture
def rates(tmp_path):
    """Return the reading options for a table of rates."""

    def options(text, currency=None):
        path = tmp_path / "rates.csv"
        path.write_text(text, encoding="utf-8")
        return {"rates": str(path), "currency": currency}

    return options


def money(orders):
    return {row[0]: row[4] for row in book(orders)}


def test_each_order_has_the_rate_of_its_day(read, rates):
    # the rate of the euro changes on 1 February; a rate holds until the next
    options = rates(
        "currency,rate,date\nPLN,1,2024-01-01\nEUR,4.30,2024-01-01\nEUR,4.25,2024-02-01\nUSD,4,2023-12-31\n"
    )
    orders = read(ORDERS, **options)
    assert money(orders) == {"1": "10.00", "2": "43.00", "3": "42.50", "4": "42.00"}
    assert orders.currency == "PLN"
    assert set(orders.table["currency"]) == {"PLN"}


def test_rates_without_dates_hold_always_and_may_have_decimal_commas(read, rates):
    options = rates('Currency;Rate\nPLN;1\nEUR;"4,3"\nUSD;4\n')
    assert money(read(ORDERS, **options)) == {"1": "10.00", "2": "43.00", "3": "43.00", "4": "42.00"}


def test_the_currency_asked_for_needs_no_rate(read, rates):
    options = rates("currency,rate\nPLN,0.25\nEUR,1.1\n", currency="USD")
    assert money(read(ORDERS, **options)) == {"1": "2.50", "2": "11.00", "3": "11.00", "4": "10.50"}


def test_refunds_have_the_rate_of_their_order(read, rates):
    # otherwise an order given back in full would leave 0.50 and still count
    options = rates("currency,rate,date\nPLN,1,2024-01-01\nEUR,4.30,2024-01-01\nEUR,4.25,2024-02-01\n")
    text = "order_id,customer_id,date,amount,currency\n1,ann,2024-01-05,10,EUR\n1,ann,2024-02-05,-10,EUR\n"
    assert [row[3:] for row in book(read(text, **options))] == [("order", "43.00"), ("refund", "-43.00")]


def test_products_are_exact_and_halves_go_away_from_zero(write, rates):
    rng = random.Random(4)
    options = rates("currency,rate\nPLN,1\nEUR,4.3071234565\n")
    amounts = [f"{rng.randrange(-(10**13), 10**13)}.{rng.randrange(10**4):04}" for _ in range(300)] + [
        "0.5000",
        "-0.0001",
    ]
    lines = [f"{n},ann,2024-01-05,{amount},EUR" for n, amount in enumerate(amounts)]
    path = write("\n".join(["order_id,customer_id,date,amount,currency", *lines, ""]))
    found = dict(read_orders([path], ReadOptions(**options)).table.select("order_id", "amount").iter_rows())
    rate = Decimal("4.3071234565")
    expected = {
        str(n): (Decimal(amount) * rate).quantize(Decimal("0.0001"), ROUND_HALF_UP) for n, amount in enumerate(amounts)
    }
    assert found == expected


@pytest.mark.parametrize(
    ("table", "currency", "message"),
    [
        ("currency,rate\nPLN,1\nEUR,4.3\n", None, "has no rate for USD on 2024-02-05 (1 orders)"),
        (
            "currency,rate,date\nPLN,1,2024-01-01\nEUR,4,2024-02-01\nUSD,4,2024-01-01\n",
            None,
            "EUR on 2024-01-05 (1 orders)",
        ),
        ("currency,rate\nPLN,2\nEUR,4.3\nUSD,4\n", None, "does not say which currency its rates are in"),
        ("currency,rate\nPLN,1\nEUR,1\nUSD,4\n", None, "does not say which currency its rates are in"),
        ("currency,rate\nPLN,1\nEUR,4.3\nUSD,4\n", "EUR", "has a rate other than 1 for EUR"),
        ("currency,rate\nPLN,1\nEUR,4.3\nEUR,4.4\n", None, "two rates for EUR on one day"),
        ("currency,rate\nPLN,1\nEUR,dear\n", None, "a row that is no rate: EUR,dear"),
        ("currency,rate\nPLN,1\nEUR,0\n", None, "a row that is no rate: EUR,0"),
        ("currency,price\nPLN,1\n", None, "has no column 'rate'"),
    ],
)
def test_what_cannot_be_converted_is_an_error(write, rates, table, currency, message):
    with pytest.raises(DataError) as error:
        read_orders([write(ORDERS)], ReadOptions(**rates(table, currency)))
    assert message in error.value.message


def test_orders_without_a_currency_have_no_rate(write, rates):
    options = rates("currency,rate\nPLN,1\nEUR,4\nUSD,4\n")
    with pytest.raises(DataError, match="1 orders name no currency"):
        read_orders([write(ORDERS + "5,cid,2024-01-01,3,\n")], ReadOptions(**options))
    with pytest.raises(DataError, match="no order names its currency"):
        read_orders([write("customer_id,date,amount\nann,2024-01-01,3\n")], ReadOptions(**options))
