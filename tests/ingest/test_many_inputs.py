"""Many files as one table: directories and patterns, dialects and formats side by side, and a pipe of any length."""

import gzip
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
from contextlib import closing
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
import xlsxwriter
from ingest_checks import aside, book, check_account, check_rejects

from clvtool.errors import ClvtoolError, InputError, UsageError
from clvtool.ingest.convert import convert
from clvtool.ingest.inspect import inspect
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import Reading, ReadOptions
from clvtool.ingest.rejects import rejects
from clvtool.ingest.streams import CHUNK_BYTES, Spool
from clvtool.report.files import write_result

SAMPLE = Path(__file__).parents[2] / "sample_data" / "orders.csv"
SAMPLE_LINES = 2_000


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


# --- one way of writing beside another ----------------------------------------------------------------------------------

DAYS = {
    "day_1.csv": b"order_id,customer_id,date,amount\n1,ann,2024-01-05,1234.50\n",
    # a semicolon, a decimal comma, another order of columns, Windows-1250: Łucja spent 2345,60
    "day_2.csv": "Kwota;Data;Nr zamówienia;Klient\n2 345,60 zł;06.01.2024;2;Łucja\n".encode("windows-1250"),
    "day_3.tsv": "date\tamount\torder id\tcustomer id\n01/25/2024\tPLN 7.25\t3\tbob\n".encode("utf-16"),
    "day_4.txt.gz": gzip.compress(b"\xef\xbb\xbfamount|order_date|customer_id|order_id\r\n8|2024-01-26|cid|4\r\n"),
    "day_5.csv.zst": zstd(b"customer_id,order_id,date,amount\ndan,5,27 Jan 2024,(9.00)\n"),
    "day_6.jsonl": b'{"order_id": 6, "customer": {"id": "00042"}, "created_at": "2024-01-28T10:00:00Z", "amount": 0.5}\n',
}
TOGETHER = [
    ("1", "ann", "2024-01-05", "order", "1234.50"),
    ("2", "Łucja", "2024-01-06", "order", "2345.60"),
    ("3", "bob", "2024-01-25", "order", "7.25"),
    ("4", "cid", "2024-01-26", "order", "8.00"),
    ("5", "dan", "2024-01-27", "refund", "-9.00"),
    ("6", "00042", "2024-01-28", "order", "0.50"),
]


@pytest.fixture
def exports(tmp_path):
    """A directory with one file a day, each written in its own way."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, content in DAYS.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_directory_of_daily_files_is_one_table(exports):
    reading = Reading()
    orders = read_orders([str(exports)], reading=reading, trace=True)
    assert book(orders) == TOGETHER
    check_account(reading, 6)
    check_rejects(orders)


def test_a_pattern_reads_the_same(exports):
    assert book(read_orders([f"{exports}/day_*"])) == TOGETHER
    assert book(read_orders([f"{exports}/day_[12].csv", f"{exports}/day_[3-6].*"])) == TOGETHER


def test_the_order_of_the_inputs_changes_nothing(exports):
    names = [str(exports / name) for name in DAYS]
    tables = [convert(given, ReadOptions())[0].table for given in (names, names[::-1])]
    assert tables[0].equals(tables[1].select(tables[0].columns))


def test_rejects_of_a_directory_say_which_input(exports):
    # by name: day_1 is input 1, day_6 input 6
    with (exports / "day_1.csv").open("a") as file:
        file.write("7,ann,soon,5\n")
    with (exports / "day_6.jsonl").open("a") as file:
        file.write("no json\n")
    orders = read_orders([str(exports)], trace=True)
    assert rejects(orders).table.select("input", "line", "reason").rows() == [(1, 3, "bad_date"), (6, 2, "bad_json")]


# --- what a directory is ------------------------------------------------------------------------------------------------


def test_hidden_files_and_what_lies_deeper_are_not_read_and_others_are_told(exports):
    (exports / ".day_0.csv").write_text("not a table")
    (exports / "~lock.pdf").write_bytes(b"%PDF-1.7")
    (exports / "notes.md").write_text("# notes")
    (exports / "old").mkdir()
    (exports / "old" / "day_0.csv").write_text("customer_id,date,amount\neve,2023-01-05,5\n")
    orders = read_orders([f"{exports}/"])
    assert book(orders) == TOGETHER
    assert [warning for warning in orders.reading.warnings if "directory" in warning] == [
        "2 of the directory's files were not read: their names do not end as those of tables do"
    ]
    assert str(exports) not in "".join(orders.reading.warnings)  # no name of a file stands in a result


def test_a_directory_without_tables(tmp_path):
    with pytest.raises(InputError, match="has no tables") as error:
        read_orders([str(tmp_path)])
    assert ".xlsx" in error.value.hint


def test_a_pattern_does_not_go_into_directories(exports):
    (exports / "old").mkdir()
    assert book(read_orders([f"{exports}/*"])) == TOGETHER
    with pytest.raises(InputError, match="no file matches"):
        read_orders([f"{exports}/ol*"])


def test_a_directory_with_a_converted_file_in_it_is_not_read_twice(exports):
    # or every order would count once from the exports and once from what was made of them
    write_result(convert([str(exports)], ReadOptions())[0], exports / "orders.parquet")
    with pytest.raises(UsageError, match="read alone"):
        read_orders([str(exports)])


def test_one_empty_file_is_named(exports):
    (exports / "day_7.csv").write_text("")
    with pytest.raises(InputError, match=r"day_7\.csv is empty"):
        read_orders([str(exports)])


# --- one table, whatever holds it ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def containers(tmp_path_factory):
    """The sample data in every format, with the types that the format has."""
    return filled(tmp_path_factory.mktemp("containers"), SAMPLE_LINES)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The same, but a few rows only."""
    return filled(tmp_path_factory.mktemp("small"), 10)


def filled(folder, lines):
    text = "".join(SAMPLE.read_text().splitlines(keepends=True)[:lines])
    (folder / "orders.csv").write_text(text)
    sample = pl.read_csv(folder / "orders.csv", infer_schema_length=None, try_parse_dates=True)
    names, rows = sample.columns, sample.rows()
    with xlsxwriter.Workbook(folder / "orders.xlsx", {"constant_memory": True}) as book_:
        day = book_.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book_.add_worksheet("Orders")
        sheet.write_row(0, 0, names)
        for place, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(place, column, cell, day)
                elif cell is not None:
                    sheet.write(place, column, cell)
    with (folder / "orders.jsonl").open("w") as objects:
        objects.writelines(json.dumps(dict(zip(names, row, strict=True)), default=str) + "\n" for row in rows)
    with closing(sqlite3.connect(folder / "orders.db")) as made:
        made.execute(f"CREATE TABLE orders ({', '.join(names)})")
        texts = [[str(cell) if isinstance(cell, date) else cell for cell in row] for row in rows]
        made.executemany(f"INSERT INTO orders VALUES ({', '.join('?' * len(names))})", texts)
        made.commit()
    sample.write_parquet(folder / "orders.parquet")
    (folder / "orders.csv.zst").write_bytes(zstd(text.encode()))
    return folder


@pytest.mark.parametrize("name", ["orders.xlsx", "orders.jsonl", "orders.db", "orders.parquet", "orders.csv.zst"])
def test_the_same_orders_in_any_container_are_the_same_table(containers, name):
    ways = [(str(containers / "orders.csv"), Reading()), (str(containers / name), Reading())]
    tables = []
    for path, reading in ways:
        tables.append(read_orders([path], reading=reading).table)
        assert reading.rows_read == SAMPLE_LINES - 1
    canonical = ["order_id", "order_date", "customer_id", "amount", "kind", "cost", "channel", "country"]
    first, second = (table.select(canonical).sort(canonical) for table in tables)
    assert first.equals(second)
    assert ways[0][1].set_aside == ways[1][1].set_aside


def test_all_containers_together_are_that_table_once(containers):
    # the copies of an order in other inputs are set aside: of five equal inputs four are copies
    columns = ["order_id", "order_date", "customer_id", "amount", "kind"]
    paths = [str(containers / name) for name in ("orders.xlsx", "orders.jsonl", "orders.db", "orders.csv.zst")]
    plain = str(containers / "orders.csv")
    orders = read_orders([*paths, plain], extras=[], with_cost=False)
    alone = read_orders([plain], extras=[], with_cost=False)
    assert orders.table.select(columns).sort(columns).equals(alone.table.select(columns).sort(columns))
    assert aside(orders)["duplicate_row"] == 4 * alone.reading.rows_used


def test_inspect_tells_the_kind_of_each(containers):
    paths = [str(containers / name) for name in ("orders.xlsx", "orders.jsonl", "orders.db", "orders.parquet")]
    table = inspect(paths, ReadOptions())[0].table
    kinds = table.filter((table["item"] == "kind") & table["section"].str.starts_with("source"))["value"].to_list()
    assert kinds == ["workbook", "json lines", "database", "parquet"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["orders.xlsx", "orders.jsonl", "orders.db"])
def test_damaged_files_give_a_table_or_an_error_of_ours(small, tmp_path, name, seed):
    # bytes changed at random places: all rows of what can still be read are accounted for
    chance, content = random.Random(seed), (small / name).read_bytes()
    path = tmp_path / name
    for _ in range(15):
        broken = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        path.write_bytes(broken[: chance.choice([len(broken), chance.randrange(1, len(broken))])])
        reading = Reading()
        try:
            orders = read_orders([str(path)], reading=reading, trace=True)
        except ClvtoolError as error:
            assert error.message
            continue
        check_account(reading, reading.rows_read)
        check_rejects(orders)


# --- a pipe of any length -----------------------------------------------------------------------------------------------

PIPED_ROWS = 360_000
ROW = "{0:07d},customer-{1:05d},2024-01-{2:02d},{3}.25,{4}\n"
NOTE = "x" * 105


def piped(begin: int) -> bytes:
    numbers = range(begin, begin + 10_000)
    return "".join(ROW.format(n, n % 50_000, n % 28 + 1, n % 10, NOTE) for n in numbers).encode()


def test_fifty_megabytes_through_a_pipe_arrive_whole():
    process = subprocess.Popen(
        [sys.executable, "-m", "clvtool", "inspect", "-", "--format", "json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ,
    )

    def feed():
        with process.stdin as pipe:
            pipe.write(b"order_id,customer_id,date,amount,note\n")
            for begin in range(0, PIPED_ROWS, 10_000):
                pipe.write(piped(begin))

    writer = threading.Thread(target=feed)
    writer.start()
    told = {(row["section"], row["item"]): row for row in json.load(process.stdout)["rows"]}
    writer.join()
    process.stdout.close()
    assert process.wait() == 0
    assert len(piped(0)) * PIPED_ROWS / 10_000 > 50_000_000
    # amounts: every ten rows 0.25 + 1.25 + … + 9.25 = 47.50
    assert told["rows", "read"]["rows"] == told["rows", "used"]["rows"] == PIPED_ROWS
    assert told["orders", "net"]["money"] == PIPED_ROWS / 10 * 47.5
    assert told["identity", "customers"]["value"] == "50000"
    assert (told["dates", "first"]["value"], told["dates", "last"]["value"]) == ("2024-01-01", "2024-01-28")


def test_what_comes_once_is_kept_on_the_disk_and_not_in_memory():
    # 160 MB go through, of which never more than a few pieces are held
    piece = b"x" * CHUNK_BYTES
    tracemalloc.start()
    try:
        spool = Spool(bytes(piece) for _ in range(40))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert os.fstat(spool.file.fileno()).st_size == 40 * CHUNK_BYTES
    assert most < 3 * CHUNK_BYTES
