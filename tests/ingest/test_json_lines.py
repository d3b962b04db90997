"""JSON lines: numbers as they are written, nested objects as columns, and every line counted."""

import gzip
import json

import pytest
from ingest_checks import aside, book, check_account, check_rejects, fact

from clvtool.errors import DataError, InputError
from clvtool.ingest import json_lines
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import Reading, ReadOptions
from clvtool.ingest.rejects import rejects

ANN = '{"order_id": 1, "customer_id": "ann", "date": "2024-01-05", "amount": 5}\n'


@pytest.fixture
def read(write):
    """Read one text as JSON lines: as many rows as it has lines."""

    def do(text: str | bytes, name: str = "orders.jsonl", **options):
        reading = Reading()
        orders = read_orders([write(text, name)], ReadOptions(**options), reading=reading, trace=True)
        if isinstance(text, str):
            check_account(reading, len(text.removesuffix("\n").split("\n")))
        check_rejects(orders)
        return orders

    return do


def test_values_arrive_as_they_are_written(read):
    # the number of the order is longer than a binary fraction holds; 0.30000000000000004 is the noise of one
    orders = read(
        '{"order_id": 12345678901234567890, "customer_id": "00042", "date": "2024-01-05T23:30:00+02:00", "amount": 1.10}\n'
        '{"order_id": 2, "customer_id": 17850, "date": "2024-01-06", "amount": 0.30000000000000004, "gift": true}\n'
        '{"order_id": 3, "customer_id": null, "date": "2024-01-07", "amount": 12345678901.1234, "note": "a\\nb"}\n'
    )
    assert book(orders) == [
        ("12345678901234567890", "00042", "2024-01-05", "order", "1.10"),
        ("2", "17850", "2024-01-06", "order", "0.30"),
        ("3", None, "2024-01-07", "order", "12345678901.1234"),
    ]
    assert orders.reading.warnings == []
    assert orders.table.sort("order_id")["gift"].to_list() == [None, "true", None]


@pytest.mark.parametrize("options", [{}, {"decimal": ","}])
def test_a_number_is_not_ambiguous_and_a_text_is(read, options):
    assert book(read(ANN.replace("5}", "1.234}"), **options))[0][4] == "1.2340"
    with pytest.raises(DataError, match="can be read two ways"):
        read(ANN.replace("5}", '"1.234"}'))


def test_objects_become_columns_and_lists_stay_text(read):
    # "customer.id" and "total.amount" are words that are known, as "Customer ID" is
    orders = read(
        '{"id": 7, "customer": {"id": "ann", "address": {"city": "Kraków"}}, "created_at": "2024-01-05",'
        ' "amount": 5, "tags": ["x", 2.50, {"a": null}], "empty": {}}\n'
    )
    assert book(orders) == [("ann", "2024-01-05", "order", "5.00")]
    assert orders.table["customer.address.city"].to_list() == ["Kraków"]
    assert orders.table["tags"].to_list() == ['["x", 2.50, {"a": null}]']


def test_lines_that_are_no_objects_are_set_aside_with_their_number(read):
    lines = [
        ANN.strip(),
        "not json",
        "",
        "[1, 2]",
        '{"order_id": 2, "customer_id": "bob", "date": "soon", "amount": 6}',
        '"text"',
        '{"order_id": 3, "amount": NaN}',
        '{"a": {"b": 1}, "a.b": 2}',
        '{"order_id": 4, "customer_id": "bob", "date": "never", "amount": 6}',
        '{"order_id": 5,',
    ]
    orders = read("\n".join(lines) + "\n")
    assert len(book(orders)) == 1
    assert rejects(orders).table.select("line", "reason").rows() == [
        (2, "bad_json"),
        (3, "blank_row"),
        (4, "bad_json"),
        (5, "bad_date"),
        (6, "bad_json"),
        (7, "bad_json"),
        (8, "bad_json"),
        (9, "bad_date"),
        (10, "bad_json"),
    ]
    assert rejects(orders).table["order_id"].to_list()[0] == "not json"


def test_bytes_that_are_no_utf_8_cost_their_line(read):
    # far down, where the beginning of the file does not show them
    good = ANN.replace('"order_id": 1, ', "").encode()
    orders = read(good * 20_000 + b'{"customer_id": "zo\xeb", "date": "2024-01-05"}\n' + good)
    assert aside(orders) == {"bad_json": 1}
    assert orders.reading.rows_read == 20_002


def test_half_a_surrogate_is_no_reason_to_fall(read):
    orders = read(ANN.replace("ann", "a\\ud83d") + ANN.replace("ann", "\\ud83d\\ude00").replace(": 1,", ": 2,"))
    assert [row[1] for row in book(orders)] == ["a?", "😀"]


def test_a_name_that_comes_late(read, monkeypatch):
    # the first lines decide on the columns; one that is new further down makes them be looked at again
    monkeypatch.setattr(json_lines, "BATCH_ROWS", 2)
    orders = read(ANN * 5 + ANN.replace("}", ', "note": "late"}').replace(": 1,", ": 2,") + "no\n" * 3)
    assert sorted(orders.table["note"].to_list(), key=str) == [None, "late"]
    assert aside(orders) == {"bad_json": 3, "duplicate_row": 4}


def test_objects_without_any_line_of_them_at_the_beginning(read, monkeypatch):
    monkeypatch.setattr(json_lines, "BATCH_ROWS", 2)
    assert aside(read("no\n" * 5 + ANN)) == {"bad_json": 5}


@pytest.mark.parametrize("name", ["orders.jsonl", "orders.ndjson", "orders.txt", "orders.jsonl.gz"])
def test_the_content_tells_them_whatever_the_name(write, name):
    content = ANN.encode()
    orders = read_orders([write(gzip.compress(content) if name.endswith(".gz") else content, name)])
    assert fact(orders.reading, "source", "kind") == "json lines"
    assert book(orders) == [("1", "ann", "2024-01-05", "order", "5.00")]


@pytest.mark.parametrize("change", [lambda text: text.encode("utf-16"), lambda text: b"\xef\xbb\xbf" + text.encode()])
def test_byte_order_marks(read, change):
    assert len(book(read(change(ANN)))) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"order_id": 1}, {"order_id": 2}]', "one JSON list"),
        ('[\n  {\n    "order_id": 1\n  }\n]\n', "one JSON list"),
        ('{\n  "orders": [\n    1\n  ]\n}\n', "no line of"),
        ("nothing\n", "no line of"),
        ("{}\n", "no line of"),
    ],
)
def test_json_that_is_no_lines_is_refused_with_a_way_out(write, text, words):
    with pytest.raises(InputError, match=words) as error:
        read_orders([write(text, "orders.jsonl")])
    assert "jq -c" in error.value.hint


def test_what_would_fill_the_memory_is_refused(write, monkeypatch):
    monkeypatch.setattr(json_lines, "MOST_NAMES", 100)
    with pytest.raises(InputError, match="more than 100 different names"):
        read_orders([write("".join(json.dumps({f"k{number}": 1}) + "\n" for number in range(200)))])
    monkeypatch.setattr(json_lines, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match="a line of more than"):
        read_orders([write('{"a": "' + "x" * 5000)])
    # nested deeper than Python goes: a line like any other that cannot be read
    deep = '{"a": ' * 100_000
    monkeypatch.setattr(json_lines, "MOST_BYTES", 1 << 26)
    assert aside(read_orders([write(ANN + deep + "\n")])) == {"bad_json": 1}
