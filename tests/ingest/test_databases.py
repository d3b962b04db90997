"""SQLite: one table of a database, its values by their types, the table never guessed, the file never written."""

import gzip
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ingest_checks import book, check_account, check_rejects, fact

from clvtool.errors import DataError, InputError
from clvtool.ingest import database
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import Reading, ReadOptions
from clvtool.ingest.rejects import rejects

ORDERS = "CREATE TABLE orders (order_id, customer, date, amount);"
ANN = "INSERT INTO orders VALUES (1, 'ann', '2024-01-05', 5);"


@pytest.fixture
def database_of(tmp_path):
    def to(*statements: str, name: str = "shop.db") -> str:
        path = tmp_path / name
        with closing(sqlite3.connect(path)) as made:
            made.executescript("".join(statements))
        return str(path)

    return to


def read(path: str, rows: int, **options):
    reading = Reading()
    orders = read_orders([path], ReadOptions(**options), reading=reading, trace=True)
    check_account(reading, rows)
    check_rejects(orders)
    return orders


def test_values_arrive_by_their_types(database_of):
    # a column of SQLite takes values of any type: 17850.0 among whole numbers is 17850, 0.1 + 0.2 is 0.3
    path = database_of(
        ORDERS,
        "INSERT INTO orders VALUES (9007199254740993, 17850.0, '2024-01-05', 0.1 + 0.2), (2, 17851, '2024-01-06', 1.234),",
        " (3, 17852, '2024-01-07', -5), (4, NULL, '2024-01-08', NULL), (5, 17852, 'soon', 7.5);",
    )
    orders = read(path, 5)
    assert book(orders) == [
        ("2", "17851", "2024-01-06", "order", "1.2340"),
        ("3", "17852", "2024-01-07", "refund", "-5.00"),
        ("9007199254740993", "17850", "2024-01-05", "order", "0.30"),
    ]
    assert orders.reading.warnings == []
    assert rejects(orders).table.select("line", "reason").rows() == [(4, "missing_amount"), (5, "bad_date")]


def test_text_ids_keep_their_zeros_and_mixed_ids_their_look(database_of):
    path = database_of(
        ORDERS,
        "INSERT INTO orders VALUES ('00042', '7', '2024-01-05', 5), (17850.0, x'00ff', '2024-01-05', 5),",
        " (17.5, 1e15, '2024-01-05', 5);",
    )
    assert [row[:2] for row in book(read(path, 3))] == [("00042", "7"), ("17.5", "1000000000000000"), ("17850", None)]


def test_columns_that_the_database_works_out(database_of):
    path = database_of(
        "CREATE TABLE orders (order_id, customer, date, quantity, price, amount GENERATED ALWAYS AS (quantity * price));",
        "INSERT INTO orders VALUES (1, 'ann', '2024-01-05', 3, 0.1);",
    )
    assert book(read(path, 1)) == [("1", "ann", "2024-01-05", "order", "0.30")]


def test_unix_seconds_as_programs_write_them(database_of):
    # 1704412800 is 2024-01-05 00:00 UTC
    path = database_of(ORDERS, "INSERT INTO orders VALUES (1, 'ann', 1704412800, 5), (2, 'ann', 1704499200, 5);")
    assert [row[2] for row in book(read(path, 2))] == ["2024-01-05", "2024-01-06"]


def test_more_rows_than_one_batch(database_of, monkeypatch):
    monkeypatch.setattr(database, "BATCH_ROWS", 7)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) "
    path = database_of(ORDERS, f"{numbers}INSERT INTO orders SELECT i, 'c' || i, '2024-01-05', i * 1.5 FROM n;")
    orders = read(path, 20)
    assert float(orders.table["amount"].sum()) == 1.5 * 210


def test_the_only_table_with_rows_is_taken_and_several_are_an_error(database_of):
    path = database_of(ORDERS, ANN, "CREATE TABLE empty (a); CREATE VIEW big AS SELECT * FROM orders;")
    assert fact(read(path, 1).reading, "source", "sheet") == "orders"
    path = database_of("CREATE TABLE 'my \"list\"' (a); INSERT INTO 'my \"list\"' VALUES (1);")
    with pytest.raises(DataError, match="2 tables with rows: 'orders', 'my \"list\"'") as error:
        read_orders([path])
    assert error.value.hint == "say which it is: --sheet orders"


@pytest.mark.parametrize("part", ["?table=orders", "?table=ORDERS", "?sheet=orders", "?table=recent"])
def test_a_table_or_view_is_named_by_flag_or_in_the_name_of_the_file(database_of, part):
    path = database_of(
        ORDERS,
        ANN,
        "CREATE TABLE other (a); INSERT INTO other VALUES (1);",
        "CREATE VIEW recent AS SELECT * FROM orders;",
    )
    assert len(book(read(path + part, 1))) == 1
    assert len(book(read(path, 1, sheet=part.partition("=")[2]))) == 1


def test_a_table_that_is_not_there(database_of):
    with pytest.raises(DataError, match="no table 'order; DROP TABLE orders'"):
        read_orders([database_of(ORDERS, ANN) + "?table=order; DROP TABLE orders"])


def test_the_database_is_not_touched(database_of):
    path = Path(database_of(ORDERS, ANN))
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    read(str(path), 1)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["shop.db"]


def test_rows_that_another_program_has_just_written_are_seen(database_of):
    # they stand in a file beside the database until it is put in order
    path = database_of(ORDERS, ANN)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("INSERT INTO orders VALUES (2, 'bob', '2024-01-06', 6)")
        other.commit()
        assert len(book(read(path, 2))) == 2


def test_what_cannot_be_read(database_of, write):
    content = Path(database_of(ORDERS, ANN)).read_bytes()
    for broken, words in (
        (gzip.compress(content), "not compressed and not from a pipe"),
        (content[:-100], "cannot be read as a database"),
        (content[:200], "cannot be read as a database"),
    ):
        with pytest.raises(InputError, match=words):
            read_orders([write(broken, "broken.db")])
    with pytest.raises(InputError, match="no table with rows"):
        read_orders([database_of("CREATE TABLE a (b); CREATE TABLE c (d);", name="none.db")])
    text = database_of(ORDERS, "INSERT INTO orders VALUES (1, CAST(x'c5' AS TEXT), '2024-01-05', 5);", name="text.db")
    with pytest.raises(InputError, match="not UTF-8"):
        read_orders([text])
