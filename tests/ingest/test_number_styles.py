"""How money is written: decided once a column from all its values, never guessed, and nothing is lost without a count."""

from decimal import Decimal

import pytest
from ingest_checks import aside, book

from clvtool.errors import DataError
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import ReadOptions

NBSP, NARROW = "\u00a0", "\u202f"


def amounts_of(read, values, **options):
    """Return the amounts of one order a value, in their order, read from a file with semicolons."""
    lines = [f'{place};ann;2024-01-05;"{value}"' for place, value in enumerate(values)]
    orders = read("\n".join(["order_id;customer_id;order_date;amount", *lines]), delimiter=";", **options)
    return orders, [str(amount) for amount in orders.table.sort(orders.table["order_id"].cast(int))["amount"]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["12.50", "7", "-5", ".5", "3."], ["12.5000", "7.0000", "-5.0000", "0.5000", "3.0000"]),
        (["1.234,56", "12,5", "1.000.000,00"], ["1234.5600", "12.5000", "1000000.0000"]),
        (["1 234,56", f"1{NBSP}234,56", f"1{NARROW}234{NARROW}567,00"], ["1234.5600", "1234.5600", "1234567.0000"]),
        (["1,234.56", "12.5", "1,000,000"], ["1234.5600", "12.5000", "1000000.0000"]),
        (["$1,234.50", "-$5.00", "$-5.00", "7.25"], ["1234.5000", "-5.0000", "-5.0000", "7.2500"]),
        (["US$7.25", "5"], ["7.2500", "5.0000"]),
        (["123,00 zł", "0,50zł", f"1{NBSP}000,00{NBSP}PLN", "zł 3"], ["123.0000", "0.5000", "1000.0000", "3.0000"]),
        (["€ 12,00", "12,00 €", "9,99€", "EUR 3,10"], ["12.0000", "12.0000", "9.9900", "3.1000"]),
        (["120 Kč", "5,50 CZK"], ["120.0000", "5.5000"]),
        # accountants put brackets round it, SAP a minus behind it, typesetters a long one before it
        (["(12,00)", "5-", "−7,50", "–1", "(3,00 zł)"], ["-12.0000", "-5.0000", "-7.5000", "-1.0000", "-3.0000"]),
        (["1'234.50", "1’000.00"], ["1234.5000", "1000.0000"]),
        # one value proves the comma, so 1.234 beside it is one thousand and something
        (["1.234", "0,5"], ["1234.0000", "0.5000"]),
        (["1,234", "0.5"], ["1234.0000", "0.5000"]),
        # two separators of one kind are thousands
        (["1.234.567", "1.234"], ["1234567.0000", "1234.0000"]),
        # four digits before it, or a zero: no thousands
        (["1234,567", "2,500"], ["1234.5670", "2.5000"]),
        (["0.125", "2.500"], ["0.1250", "2.5000"]),
    ],
)
def test_a_style_is_found_in_the_values(read, values, expected):
    orders, amounts = amounts_of(read, values)
    # a negative amount is a refund, and stays negative
    assert amounts == expected
    assert [kind == "refund" for kind in orders.table.sort(orders.table["order_id"].cast(int))["kind"]] == [
        value.startswith("-") for value in expected
    ]


@pytest.mark.parametrize(
    ("values", "currency"),
    [
        (["12,00 zł", "3", "5,00 PLN"], "PLN"),
        (["€12.50", "12.50 EUR"], "EUR"),
        (["£12.50"], "GBP"),
        (["$12.50", "$7"], "$"),
        (["12.50", "7"], None),
    ],
)
def test_the_currency_is_the_one_written_beside_the_money(read, values, currency):
    # there is no column for it; a dollar is that of many countries, and stays a dollar
    assert amounts_of(read, values)[0].currency == currency


def test_currencies_written_beside_the_money_are_never_added(write):
    path = write("customer_id;order_date;amount\nann;2024-01-05;12,50 zł\nann;2024-01-05;12,50 €\n")
    with pytest.raises(DataError, match=r"in 2 currencies: EUR \(1\), PLN \(1\)"):
        read_orders([path])


def test_a_currency_column_says_more_than_the_signs(read):
    orders = read("customer_id,date,amount,currency\nann,2024-01-05,$12.50,CAD\nann,2024-01-05,$7.50,CAD\n")
    assert orders.currency == "CAD"


@pytest.mark.parametrize("values", [["1,234", "5,678", "9,012"], ["1.234", "5.678", "9.012"], ["7", "1,234 zł"]])
def test_one_separator_before_three_digits_says_nothing(write, values):
    # 1,234 is one thousand or one and a bit: the user must say, and sees samples to say it by
    path = write("\n".join(["customer_id;order_date;amount", *(f"ann;2024-01-05;{value}" for value in values)]))
    with pytest.raises(DataError, match="can be read two ways") as error:
        read_orders([path])
    shown = [value for value in values if value != "7"]
    assert all(repr(value) in error.value.message for value in shown)
    assert "--decimal ." in error.value.hint
    assert "--decimal ," in error.value.hint


@pytest.mark.parametrize(
    ("value", "decimal", "expected"),
    [("1,234", ".", "1234.0000"), ("1,234", ",", "1.2340"), ("1.234", ".", "1.2340"), ("1.234", ",", "1234.0000")],
)
def test_the_user_settles_the_decimal_sign(read, value, decimal, expected):
    assert amounts_of(read, [value], decimal=decimal)[1] == [expected]


def test_three_samples_are_shown_and_no_more(write):
    rows = "\n".join(f"ann;2024-01-05;{number},{number}" for number in range(101, 200))
    with pytest.raises(DataError, match="'101,101', '102,102', '103,103' may be"):
        read_orders([write("customer_id;order_date;amount\n" + rows)])


def test_points_and_commas_mixed(write):
    # 12,50 proves the comma and 12.50 the point
    path = write("customer_id;order_date;amount\nann;2024-01-05;12,50\nann;2024-01-06;12.50\n")
    with pytest.raises(DataError, match=r"mixes decimal points and decimal commas: '12.50' and '12,50'") as error:
        read_orders([path])
    assert "--decimal" in error.value.hint


def test_mixed_values_with_a_decision_set_the_others_aside(read):
    orders, amounts = amounts_of(read, ["12,50", "12.50"], decimal=",")
    assert amounts == ["12.5000"]
    assert aside(orders) == {"bad_amount": 1}


def test_each_column_has_its_own_style(read):
    # quantities with a point beside prices with a comma: 2.5 × 4,00 = 10
    orders = read("customer;date;quantity;price\nann;2024-01-05;2.5;4,00\n", delimiter=";")
    assert book(orders) == [("ann", "2024-01-05", "order", "10.00")]


@pytest.mark.parametrize("value", ["1,234.50", "1,2,3"])
def test_an_unquoted_thousand_in_a_comma_file_never_becomes_1(read, value):
    # the comma splits the field; cut off silently, ann would have paid 1
    orders = read(f"customer_id,order_date,amount\nbob,2024-01-05,2.00\nann,2024-01-05,{value}\n")
    assert book(orders) == [("bob", "2024-01-05", "order", "2.00")]
    assert aside(orders) == {"too_many_fields": 1}


def test_too_many_fields_in_the_first_row(read):
    # the fast reader takes the number of columns from the first row it sees
    orders = read("customer_id,order_date,amount\nann,2024-01-05,1,234.50,x,y\nbob,2024-01-05,2.00\n")
    assert book(orders) == [("bob", "2024-01-05", "order", "2.00")]
    assert aside(orders) == {"too_many_fields": 1}


def test_the_second_field_too_many_counts_too(read):
    orders = read("customer_id,order_date,amount\nbob,2024-01-05,2.00\nann,2024-01-05,1,,234\n")
    assert aside(orders) == {"too_many_fields": 1}


def test_a_delimiter_at_the_end_is_no_field_too_many(read):
    # every row ends with a comma, the header does not; spaces behind it are nothing either
    orders = read("customer_id,order_date,amount\nann,2024-01-05,1,\nbob,2024-01-05,2, \n")
    assert aside(orders) == {}


def test_more_than_four_decimals_are_rounded_and_counted(read):
    # 1.23455 and 1.23445 are halves: to the even neighbour; 1.99999 is nearest to 2
    orders, amounts = amounts_of(read, ["1.23455", "1.23445", "1.99999", "2.1234"])
    assert amounts == ["1.2346", "1.2344", "2.0000", "2.1234"]
    assert [fact.rows for fact in orders.reading.facts if fact.item == "rounded"] == [3]
    assert any("more than 4 decimals" in warning for warning in orders.reading.warnings)


@pytest.mark.parametrize("values", [["12.340000", "7.50000"], ["12,340000 zł", "7,50000 zł"]])
def test_zeros_behind_the_fourth_decimal_are_no_loss(read, values):
    # databases write numeric(18, 6)
    orders, amounts = amounts_of(read, values)
    assert amounts == ["12.3400", "7.5000"]
    assert not [fact for fact in orders.reading.facts if fact.item == "rounded"]


def test_decimals_lost_behind_a_comma_are_counted_too(read):
    orders, amounts = amounts_of(read, ["12,34567 zł", "7,50000 zł"])
    assert amounts == ["12.3457", "7.5000"]
    assert [fact.rows for fact in orders.reading.facts if fact.item == "rounded"] == [1]


@pytest.mark.parametrize("value", ["100000000000000", "123456789012345678901234567890", "100 000 000 000 000,00"])
def test_what_is_too_large_is_set_aside(read, value):
    # 14 digits before the point are kept; the 15th is no real money
    orders, amounts = amounts_of(read, ["99999999999999", value])
    assert amounts == ["99999999999999.0000"]
    assert aside(orders) == {"bad_amount": 1}


def test_a_product_that_is_too_large_is_set_aside(read):
    orders = read("customer,date,quantity,price\nann,2024-01-05,90000000,90000000\nbob,2024-01-05,2,3\n")
    assert book(orders) == [("bob", "2024-01-05", "order", "6.00")]
    assert aside(orders) == {"bad_amount": 1}


def test_a_sum_of_lines_that_is_too_large_is_set_aside(read):
    # each line fits, their order does not; the other order is untouched
    text = "order_id,customer,date,amount,sku\n1,ann,2024-01-05,90000000000000,a\n1,ann,2024-01-05,90000000000000,b\n"
    orders = read(text + "2,bob,2024-01-05,5,c\n2,bob,2024-01-05,6,c\n")
    assert book(orders) == [("2", "bob", "2024-01-05", "order", "11.00")]
    assert aside(orders) == {"bad_amount": 2}


@pytest.mark.parametrize("value", ["twelve", "12,50,00 zł x", "(12,00", "12,00)", "zł", "--", "1,23.4,5"])
def test_what_is_no_number_is_set_aside(read, value):
    orders, amounts = amounts_of(read, ["12,50", value])
    assert amounts == ["12.5000"]
    assert aside(orders) == {"bad_amount": 1}


def test_an_empty_amount_is_missing_not_bad(read):
    orders = read('customer,date,amount\nann,2024-01-05,\nbob,2024-01-05,"  "\ncid,2024-01-05,5\n')
    assert aside(orders) == {"missing_amount": 2}


def test_minor_units(read):
    # Stripe's API counts cents; pieces are not money
    _, amounts = amounts_of(read, ["1999", "5", "-250"], minor_units=True)
    assert amounts == ["19.9900", "0.0500", "-2.5000"]
    lines = read("customer,date,quantity,price\nann,2024-01-05,3,199\n", minor_units=True)
    assert book(lines) == [("ann", "2024-01-05", "order", "5.97")]


# --- evidence far below the rows that are judged first (the first 5,000) ------------------------------------------------


def late(first, last, many=6000):
    """Return a file whose first 6,000 rows have one value and the last another."""
    rows = [f'ann;2024-01-05;"{value}"' for value in [first] * many + [last]]
    return "\n".join(["customer_id;order_date;amount", *rows])


@pytest.mark.parametrize(
    ("first", "last", "each", "end", "options"),
    [
        ("5", "12,50", "5", "12.50", {}),
        ("5", "12.50", "5", "12.50", {}),
        ("5", "1 234,50 zł", "5", "1234.50", {}),
        # the first 6,000 could be either; the last one says
        ("1,234", "0,5", "1.234", "0.5", {}),
        ("1,234", "0.5", "1234", "0.5", {}),
        ("1.234", "0,5", "1234", "0.5", {}),
        # the first 6,000 are what a machine writes, the last is not
        ("12.50", "1,234.50", "12.50", "1234.50", {}),
        ("12.50", "$7.00", "12.50", "7", {}),
        ("12.50", "1,234", "12.50", "1234", {"decimal": "."}),
        ("12,50", "1.234", "12.50", "1234", {}),
    ],
)
def test_evidence_that_comes_late_is_still_right(read, first, last, each, end, options):
    orders = read(late(first, last), delimiter=";", **options)
    assert orders.table["amount"].sum() == 6000 * Decimal(each) + Decimal(end)
    assert aside(orders) == {}


def test_a_contradiction_that_comes_late_is_still_an_error(write):
    with pytest.raises(DataError, match="mixes decimal points and decimal commas"):
        read_orders([write(late("12.50", "12,50"))])


def test_a_column_that_stays_ambiguous_to_the_end(write):
    with pytest.raises(DataError, match="can be read two ways"):
        read_orders([write(late("5", "1,234"))])


def test_dates_settled_late_do_not_hide_amounts_settled_late(read):
    # the days are ambiguous until the last but one row, and the amounts plain until the last
    rows = ["ann;03/04/2024;12.50"] * 6000 + ["ann;31/12/2024;12.50", 'ann;31/12/2024;"1,234.50"']
    orders = read("\n".join(["customer_id;order_date;amount", *rows]), delimiter=";")
    assert orders.table["amount"].sum() == 6001 * Decimal("12.50") + Decimal("1234.50")
    assert aside(orders) == {}


def test_prices_that_only_the_lines_need_are_judged_as_well(write):
    # ORDERS takes the amount; LINES shows the price too, whose comma comes late
    from clvtool.ingest.lines import read_lines

    rows = [f"{place};ann;2024-01-05;tea;{price};5" for place, price in enumerate(["3"] * 6000 + ["12,50"])]
    path = write("\n".join(["order_id;customer_id;order_date;product;unit price;amount", *rows]))
    lines, orders = read_lines([path], ReadOptions())
    assert str(lines["unit_price"].sum()) == "18012.5000"
    assert orders.reading.set_aside == {}


@pytest.mark.parametrize(("decimal", "last"), [(",", "1234.0000"), (".", "1.2340")])
def test_a_decimal_sign_that_was_given_holds_below_the_first_rows_too(read, decimal, last):
    # the first 5,000 rows are whole numbers and show no sign; the last one is read by the one that was given
    orders, found = amounts_of(read, ["7"] * 5100 + ["1.234"], decimal=decimal)
    assert found[-2:] == ["7.0000", last]
    assert aside(orders) == {}
