"""What a first user stumbled over: currencies in the cells, statuses in many words, names beside addresses."""

import pytest

from clvtool.errors import DataError
from clvtool.ingest.inspect import inspect
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import Reading, ReadOptions


@pytest.fixture
def path(tmp_path):
    def written(text):
        target = tmp_path / "orders.csv"
        target.write_text(text)
        return [str(target)]

    return written


def test_currencies_in_the_cells_are_never_added(path):
    # no currency column, but the signs say it: 100 zł and 20 € are not 120 of anything
    text = "order_id;date;klient;suma\n1;2024-01-05;a;100,00 zł\n2;2024-01-08;b;20,00 €\n3;2024-01-09;c;7,50 PLN\n"
    with pytest.raises(DataError, match=r"2 currencies: PLN \(2\), EUR \(1\)"):
        read_orders(path(text))
    kept = read_orders(path(text), ReadOptions(currency="EUR"))
    assert kept.currency == "EUR"
    assert kept.table["order_id"].to_list() == ["2"]


def test_one_currency_in_the_cells_is_the_currency(path):
    text = "order_id;date;klient;suma\n1;2024-01-05;a;100,00 zł\n2;2024-01-08;b;20,00 zł\n"
    assert read_orders(path(text)).currency == "PLN"


def test_a_status_in_several_words_is_told_by_its_first(path):
    # a cancelled order is one whoever cancelled it; a word that nobody knows counts, and is said
    text = (
        "order_id,customer_id,date,amount,status\n1,a,2024-01-05,5,Anulowane przez klienta\n"
        "2,b,2024-01-06,5,Canceled by buyer\n3,c,2024-01-07,5,xyzzy\n4,d,2024-01-08,5,paid\n"
    )
    reading = Reading()
    orders = read_orders(path(text), reading=reading)
    assert sorted(orders.table["order_id"]) == ["3", "4"]
    assert reading.set_aside["cancelled"].rows == 2
    assert any("xyzzy (1)" in warning for warning in reading.warnings)


def test_inspect_lists_every_status_and_the_columns_without_a_meaning(path):
    text = "customer_id,date,amount,status,channel\na,2024-01-05,5,paid,ads\nb,2024-01-06,5,void,mail\n"
    result, _ = inspect(path(text), ReadOptions())
    rows = {(row["section"], row["item"]): row for row in result.table.iter_rows(named=True)}
    assert rows["statuses", "paid"]["value"] == "an order"
    assert rows["statuses", "void"]["value"] == "set aside"
    assert rows["statuses", "void"]["rows"] == 1
    assert rows["columns", "others"]["detail"].endswith(": channel")


def test_a_name_is_no_identity_beside_an_address(path):
    # two people called Jan Kowalski; a customer number, however, goes before the address
    text = "date,klient,email,kwota\n2024-01-05,Jan Kowalski,jan1@example.com,5\n2024-01-06,Jan Kowalski,jan2@example.com,6\n"
    assert sorted(read_orders(path(text)).table["customer_id"]) == ["jan1@example.com", "jan2@example.com"]
    assert set(read_orders(path(text), ReadOptions(mapping={"customer_id": "klient"})).table["customer_id"]) == {
        "Jan Kowalski"
    }
    numbers = text.replace("klient", "numer klienta")
    assert set(read_orders(path(numbers)).table["customer_id"]) == {"Jan Kowalski"}


def test_a_header_without_rows_is_named(path):
    with pytest.raises(DataError, match=r"orders\.csv has a header but no row"):
        read_orders(path("customer_id,date,amount\n"))
