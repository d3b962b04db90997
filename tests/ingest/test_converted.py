"""What `convert` writes: the same orders and the same account as the raw export, the same bytes for the same orders."""

import json
import random
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from ingest_checks import book

from clvtool.errors import DataError, UsageError
from clvtool.ingest.convert import convert
from clvtool.ingest.inspect import inspect
from clvtool.ingest.lines import read_lines
from clvtool.ingest.read import METADATA_KEY, read_orders
from clvtool.ingest.reading import ReadOptions
from clvtool.metrics.value import compute
from clvtool.report.files import encoded, write_result

EXPORTS = sorted(path for path in (Path(__file__).parents[1] / "exports").iterdir() if path.suffix != ".json")
SAMPLE = Path(__file__).parents[2] / "sample_data" / "orders.csv"
RAW = """\
order_id,Email,date,amount,status,refunded amount,currency,sku,channel
1,Ann@Example.com,2024-01-05,12.345678,paid,,pln,a,ads
1,Ann@Example.com,2024-01-05,7.50,paid,,pln,b,shop
2,bob@example.com,2024-02-06,20,refunded,5,PLN,a,
3,,2024-02-07,9,paid,,PLN,a,ads
4,cid@example.com,soon,9,paid,,PLN,a,ads
5,cid@example.com,2024-02-07,-3,paid,,PLN,a,"a ""b"", c"
6,dan@example.com,2024-02-07,4,cancelled,,EUR,a,ads
"""


@pytest.fixture
def converted(write, tmp_path):
    """Write a raw text and its converted file; return both paths."""

    def to(text, options=None):
        raw = write(text)
        path = tmp_path / "converted.parquet"
        write_result(convert([raw], options or ReadOptions())[0], path)
        return raw, str(path)

    return to


def test_a_converted_file_holds_the_same_orders(converted):
    # 12.345678 is kept as 12.3457, so order 1 is 19.8457; all of it survives, extra columns and customers too
    raw, parquet = converted(RAW)
    first, second = read_orders([raw]), read_orders([parquet])
    assert book(first) == book(second)
    assert ("1", "ann@example.com", "2024-01-05", "order", "19.8457") in book(second)
    names = sorted(first.table.columns)
    assert sorted(first.table.select(names).rows(), key=repr) == sorted(second.table.select(names).rows(), key=repr)
    assert first.table.select(names).schema == second.table.select(names).schema
    assert (second.currency, first.currency) == ("PLN", "PLN")


def test_a_converted_file_tells_the_same_of_its_reading(converted):
    raw, parquet = converted(RAW)
    first, second = (inspect([path], ReadOptions())[0] for path in (raw, parquet))
    assert first.table.rows() == second.table.rows()
    assert first.currency == second.currency
    assert {"rounded", "bad_date", "cancelled", "windows"} & set(first.table["item"]) == {
        "rounded",
        "bad_date",
        "cancelled",
    }


def test_converting_twice_changes_nothing(converted, tmp_path):
    _, parquet = converted(RAW)
    again = tmp_path / "again.parquet"
    write_result(convert([parquet], ReadOptions())[0], again)
    assert again.read_bytes() == Path(parquet).read_bytes()


@pytest.mark.parametrize(
    "said",
    [
        {"mapping": {"amount": "x"}},
        {"profile": "plain"},
        {"encoding": "utf-8"},
        {"delimiter": ";"},
        {"decimal": ","},
        {"date_format": "DD/MM/YYYY"},
        {"tz": "UTC"},
        {"minor_units": True},
        {"currency": "PLN"},
        {"keep_status": ("cancelled",)},
    ],
)
def test_how_to_read_a_converted_file_is_no_question_any_more(converted, said):
    _, parquet = converted(RAW)
    flag = next(iter(said)).replace("_", "-").replace("mapping", "map")
    with pytest.raises(UsageError, match=f"--{flag} says how to read a raw export"):
        read_orders([parquet], ReadOptions(**said))


def test_a_converted_file_is_read_alone(converted):
    raw, parquet = converted(RAW)
    with pytest.raises(UsageError, match="is read alone"):
        read_orders([raw, parquet])


def test_only_the_columns_that_are_wanted(converted):
    _, parquet = converted(RAW)
    assert "channel" not in read_orders([parquet], extras=[]).table.columns
    assert "channel" in read_orders([parquet], extras=["CHANNEL"]).table.columns
    with pytest.raises(DataError, match="'chanel'"):
        read_orders([parquet], extras=["chanel"])


def test_a_file_of_lines_is_no_file_of_orders(write, tmp_path):
    raw = write("order_id,customer_id,date,amount,product\n1,ann,2024-01-05,5,tea\n")
    path = tmp_path / "lines.parquet"
    write_result(convert([raw], ReadOptions(), "lines")[0], path)
    with pytest.raises(DataError):
        read_orders([str(path)])


@pytest.mark.parametrize("change", [{"version": 99}, {"set_aside": {"x": {"hours": 1}}}, {"colour": "red"}])
def test_a_file_of_another_version_says_so(converted, tmp_path, change):
    _, parquet = converted(RAW)
    reading = json.loads(pl.read_parquet_metadata(parquet)[METADATA_KEY]) | change
    other = tmp_path / "other.parquet"
    pl.read_parquet(parquet).write_parquet(other, metadata={METADATA_KEY: json.dumps(reading)})
    with pytest.raises(DataError, match="converted by another version"):
        read_orders([str(other)])


def csv_bytes(paths):
    return b"".join(encoded(convert(paths, ReadOptions())[0], "csv"))


def test_the_same_bytes_whatever_the_order_of_rows_and_files(write):
    # the sample shuffled, and dealt out to three files order by order: one canonical table
    head, *rows = SAMPLE.read_text().splitlines()
    expected = csv_bytes([str(SAMPLE)])
    random.Random(1).shuffle(rows)
    assert csv_bytes([write("\n".join([head, *rows, ""]), "shuffled.csv")]) == expected
    hands: list[list[str]] = [[], [], []]
    for row in rows:
        hands[int(row[2:8]) % 3].append(row)
    paths = [write("\n".join([head, *hand, ""]), f"part{n}.csv") for n, hand in enumerate(hands)]
    assert csv_bytes(paths) == expected
    assert csv_bytes(paths[::-1]) == expected


def test_the_lines_too_are_the_same_whatever_the_order_of_rows(write):
    head, *rows = SAMPLE.read_text().splitlines()
    random.Random(2).shuffle(rows)
    paths = [str(SAMPLE), write("\n".join([head, *rows, ""]))]
    first, second = (b"".join(encoded(convert([path], ReadOptions(), "lines")[0], "csv")) for path in paths)
    assert first == second


def test_a_price_that_nobody_can_read_costs_no_line(write):
    # the line's amount is what counts: ORDERS and LINES hold the same money
    text = "order_id,customer_id,date,amount,product,price\n1,ann,2024-01-05,5,tea,5.00\n1,ann,2024-01-05,3,cup,three\n"
    lines, orders = read_lines([write(text)], ReadOptions())
    assert lines.select("product_name", "unit_price", "amount").rows() == [
        ("cup", None, Decimal(3)),
        ("tea", Decimal(5), Decimal(5)),
    ]
    assert orders.reading.set_aside == {}


def test_there_are_two_tables(write):
    with pytest.raises(UsageError, match="baskets"):
        convert([write(RAW)], ReadOptions(), "baskets")


@pytest.mark.parametrize("header", ["customer_id,date,amount,product", "order_id,customer_id,date,amount"])
def test_lines_need_an_order_and_a_product(write, header):
    row = "ann,2024-01-05,5,tea" if header.endswith("product") else "1,ann,2024-01-05,5"
    path = write(f"{header}\n{row}\n")
    with pytest.raises(DataError, match="there are no order lines: no column for the"):
        convert([path], ReadOptions(), "lines")


def test_refunds_find_their_orders_again_where_the_export_has_no_order_ids(converted):
    # three rows, one given back in full: two orders of two customers, 12 in money, raw and converted
    raw, path = converted(
        "customer_id,date,amount,status\nann,2024-01-05,5,paid\nbob,2024-01-05,9,refunded\ncid,2024-01-06,7,\n"
    )
    answers = [compute(read_orders([file], extras=[]).table).table for file in (raw, path)]
    assert answers[0].equals(answers[1])
    found = dict(answers[0].select("metric", "value").iter_rows())
    assert (found["orders"], found["customers"], found["revenue"], found["refunds"]) == (2, 2, 12, 9)


@pytest.mark.parametrize("suffix", [".csv", ".ndjson", ".parquet"])
@pytest.mark.parametrize("export", EXPORTS, ids=[path.stem for path in EXPORTS])
def test_whatever_is_written_is_read_back(export, suffix, tmp_path):
    # the columns that came along have done their work: a refunded amount must not be taken off twice
    orders = read_orders([str(export)])
    path = tmp_path / f"converted{suffix}"
    write_result(convert([str(export)], ReadOptions())[0], path)
    again = read_orders([str(path)])
    assert book(again) == book(orders)
    assert again.currency == orders.currency
    twice = tmp_path / f"twice{suffix}"
    write_result(convert([str(path)], ReadOptions())[0], twice)
    if suffix != ".parquet":  # which keeps the account of the first reading beside the orders
        assert twice.read_bytes() == path.read_bytes()
