"""Orders written in any dialect are read back as the same orders, or the file truly can be read two ways."""

import csv
import io

import any_dialect as written_as
import pytest
from fuzzing import examples, kept_when_failing
from hypothesis import given
from ingest_checks import aside, check_account, check_rejects

from clvtool.errors import DataError
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import Reading, ReadOptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("dialects")


@examples(150)
@given(book=written_as.books())
def test_orders_survive_every_dialect(folder, book):
    content, text, rows = written_as.written(book)
    path = folder / "orders"
    path.write_bytes(content)
    with kept_when_failing(content, "dialect"):
        check(book, path, text, rows)


def check(book, path, text, rows):
    dialect, reading = book.dialect, Reading()
    options = ReadOptions(encoding=dialect["encoding"] if dialect["told"] else None)
    dates, money = written_as.ambiguous_dates(book), written_as.ambiguous_money(book)
    try:
        read = read_orders([str(path)], options, reading=reading, trace=True)
    except DataError as error:
        assert "can be read two ways" in error.message, error.message
        assert dates if "--date-format" in error.hint else money
        return
    # never a silent guess
    assert not money
    assert not dates or written_as.swapping_changes_nothing(book)
    # rows: as many as were written, and as the csv module finds
    records = csv.reader(io.StringIO(text, newline=""), delimiter=dialect["delimiter"])
    assert sum(1 for _ in records) - 1 == rows
    check_account(reading, rows)
    check_rejects(read)
    counts = {"blank_row": len(book.blanks), "repeated_header": len(book.headers), "missing_date": bool(book.total)}
    assert aside(read) == {reason: count for reason, count in counts.items() if count}
    names = ["order_id", "customer_id", "order_date", "kind", "amount", "note"]
    assert sorted(read.table.select(names).rows()) == written_as.expected(book)
