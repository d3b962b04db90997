"""Excel workbooks: the cells arrive as Excel means them, the sheet is never guessed, and every row of it is counted."""

import gzip
import io
import os
import subprocess
import sys
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter
from ingest_checks import aside, book, check_account, check_rejects, fact

from clvtool.errors import DataError, InputError, UsageError
from clvtool.ingest import workbook
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import Reading, ReadOptions
from clvtool.ingest.rejects import rejects

HEAD = ["order_id", "customer", "date", "amount"]
ANN = ["1", "ann", date(2024, 1, 5), 5]


@pytest.fixture
def workbook_of(tmp_path):
    """Write sheets (name → rows of cells, None for an empty row) to a workbook; a cell '=…' is that error."""

    def to(hidden: tuple[str, ...] = (), name: str = "book.xlsx", **sheets) -> str:
        path = tmp_path / name
        with xlsxwriter.Workbook(path) as written:
            day = written.add_format({"num_format": "dd.mm.yyyy"})
            moment = written.add_format({"num_format": "dd.mm.yyyy hh:mm"})
            for title, rows in sheets.items():
                sheet = written.add_worksheet(title)
                if title in hidden:
                    sheet.hide()
                for row, cells in enumerate(rows):
                    for column, cell in enumerate(cells or []):
                        if isinstance(cell, date):
                            sheet.write_datetime(row, column, cell, moment if isinstance(cell, datetime) else day)
                        elif isinstance(cell, str) and cell.startswith("="):
                            sheet.write_formula(row, column, "=0/0", None, cell.removeprefix("="))
                        elif cell is not None:
                            sheet.write(row, column, cell)
        return str(path)

    return to


def read(path: str, rows: int, **options):
    reading = Reading()
    orders = read_orders([path], ReadOptions(**options), reading=reading, trace=True)
    check_account(reading, rows)
    check_rejects(orders)
    return orders


# --- cells --------------------------------------------------------------------------------------------------------------


def test_cells_arrive_exactly(workbook_of):
    # a spreadsheet keeps every number as a binary fraction: 0.1 + 0.2 is 0.30000000000000004 in the file, 17850 is 17850.0
    path = workbook_of(
        Orders=[
            [*HEAD, "product_id"],
            [20240105000123, 17850, date(2024, 1, 5), 1234.5, "00042"],
            [20240105000124, 17851, date(2024, 1, 6), 0.1 + 0.2, 77],
            [20240105000125, 17852, date(2024, 1, 7), 1.15 * 3, "A-1"],
        ]
    )
    orders = read(path, 3)
    assert book(orders) == [
        ("20240105000123", "17850", "2024-01-05", "order", "1234.50"),
        ("20240105000124", "17851", "2024-01-06", "order", "0.30"),
        ("20240105000125", "17852", "2024-01-07", "order", "3.45"),
    ]
    assert sorted(orders.table["product_id"].to_list()) == ["00042", "77", "A-1"]
    assert orders.reading.warnings == []  # no amount was rounded


def test_the_last_minute_of_a_day_is_that_day(workbook_of):
    path = workbook_of(Orders=[HEAD, ["1", "ann", datetime.fromisoformat("2024-01-05 23:59:59"), 5]])
    assert book(read(path, 1)) == [("1", "ann", "2024-01-05", "order", "5.00")]


def test_text_ids_keep_their_zeros_and_mixed_ids_their_look(workbook_of):
    rows = [["1", "00042", date(2024, 1, 5), 5], ["2", 17850, date(2024, 1, 5), 5], ["3", 17.5, date(2024, 1, 5), 5]]
    assert [row[1] for row in book(read(workbook_of(Orders=[HEAD, *rows]), 3))] == ["00042", "17850", "17.5"]


@pytest.mark.parametrize("options", [{}, {"decimal": ","}, {"date_format": "DD.MM.YYYY"}])
def test_a_number_is_a_number_and_a_date_a_date_whatever_is_said_of_text(workbook_of, options):
    # as text 1.234 may be a thousand; as a cell it is one and a bit. The options are for the other files of the run
    orders = read(workbook_of(Orders=[HEAD, ["1", "ann", date(2024, 3, 4), 1.234]]), 1, **options)
    assert book(orders) == [("1", "ann", "2024-03-04", "order", "1.2340")]


def test_text_in_a_cell_is_read_like_text(workbook_of):
    path = workbook_of(Orders=[HEAD, ["1", "ann", "31.12.2024", "1 234,50 zł"]])
    assert book(read(path, 1)) == [("1", "ann", "2024-12-31", "order", "1234.50")]
    with pytest.raises(DataError, match="can be read two ways") as error:
        read(workbook_of(Orders=[HEAD, ["1", "ann", "31.12.2024", "1,234"]]), 1)
    assert "--decimal" in error.value.hint


def test_errors_in_cells_are_no_values(workbook_of):
    # an amount that is an error is bad, not missing; a customer that is one is nobody, not a customer called #N/A
    path = workbook_of(
        Orders=[
            HEAD,
            ANN,
            ["2", "bob", date(2024, 1, 6), "=#DIV/0!"],
            ["3", "=#N/A", date(2024, 1, 7), 7],
            ["4", "=#N/A", date(2024, 1, 7), 1.125],
            ["5", "cid", "=#VALUE!", 7],
        ]
    )
    orders = read(path, 5, decimal=",")
    assert book(orders) == [
        ("1", "ann", "2024-01-05", "order", "5.00"),
        ("3", None, "2024-01-07", "order", "7.00"),
        ("4", None, "2024-01-07", "order", "1.1250"),
    ]
    assert rejects(orders).table.select("line", "reason").rows() == [(3, "bad_amount"), (6, "bad_date")]
    assert "#DIV/0!" in rejects(orders).table["amount"].to_list()


def test_order_numbers_that_are_errors_do_not_make_one_order(workbook_of):
    path = workbook_of(Orders=[HEAD, ["=#REF!", "ann", date(2024, 1, 5), 5], ["=#REF!", "bob", date(2024, 1, 6), 6]])
    assert len(book(read(path, 2))) == 2


# --- rows ---------------------------------------------------------------------------------------------------------------


def test_empty_rows_titles_and_totals(workbook_of):
    # sheet rows: 1 title, 2 empty, 3 header, 4 ann, 5 empty, 6 header again, 7 bad date, 8 total, then formatted nothing
    path = workbook_of(
        Orders=[
            ["Orders of the shop"],
            None,
            HEAD,
            ANN,
            None,
            HEAD,
            ["2", "bob", "soon", 5],
            [None, None, None, 10],
            [" ", " "],
        ]
    )
    orders = read(path, 5)
    assert book(orders) == [("1", "ann", "2024-01-05", "order", "5.00")]
    assert rejects(orders).table.select("line", "reason").rows() == [
        (5, "blank_row"),
        (6, "repeated_header"),
        (7, "bad_date"),
        (8, "missing_date"),
    ]
    assert any("the header is row 3" in warning for warning in orders.reading.warnings)


def test_columns_without_a_name(workbook_of):
    # one with cells is kept under a name of ours, one without any is none
    path = workbook_of(Orders=[[*HEAD, None, None, "note"], [*ANN, None, "x", "y"]])
    orders = read(path, 1)
    assert orders.table.columns[-2:] == ["column_5", "note"]


def test_other_columns_may_hold_anything(workbook_of, tmp_path):
    # nothing at all, a time, a duration, yes and no, both among numbers, numbers for names
    path = tmp_path / "any.xlsx"
    with xlsxwriter.Workbook(path) as written:
        sheet = written.add_worksheet()
        long = written.add_format({"num_format": "[h]:mm"})
        clock = written.add_format({"num_format": "hh:mm"})
        sheet.write_row(0, 0, ["customer", "amount", "none", "took", "at", "gift", "mixed", 2024, "date"])
        for row, mixed in enumerate([True, 5, "x"], start=1):
            sheet.write_row(row, 0, ["ann", row])
            sheet.write_number(row, 3, 1.5, long)
            sheet.write_number(row, 4, 0.5, clock)
            sheet.write(row, 5, True)
            sheet.write(row, 6, mixed)
            sheet.write(row, 7, 7)
            sheet.write(row, 8, "2024-01-05")
    done = subprocess.run(
        [sys.executable, "-m", "clvtool", "convert", str(path), "--format", "csv"],
        capture_output=True,
        env=os.environ,
        check=True,
        text=True,
    )
    assert done.stderr == ""  # the library says nothing of its own
    header, *rows = done.stdout.splitlines()
    assert header.endswith("none,took,at,gift,mixed,2024")
    assert [row.split(",")[-3:] for row in rows] == [["true", "true", "7"], ["true", "5", "7"], ["true", "x", "7"]]


def test_two_columns_of_one_name_are_not_guessed(workbook_of):
    with pytest.raises(DataError, match="look like customer_id"):
        read(workbook_of(Orders=[[*HEAD, "customer"], [*ANN, "bob"]]), 1)


def test_a_sheet_with_a_header_only(workbook_of):
    with pytest.raises(DataError, match="no row below"):
        read(workbook_of(Orders=[HEAD]), 0)


# --- sheets -------------------------------------------------------------------------------------------------------------


def test_the_only_sheet_with_rows_is_taken(workbook_of):
    # empty sheets stand in many workbooks; a hidden one holds lists for the others
    path = workbook_of(Empty=[], Orders=[HEAD, ANN], Lists=[["a"], ["b"]], hidden=("Lists",))
    orders = read(path, 1)
    assert fact(orders.reading, "source", "sheet") == "Orders"


def test_several_sheets_are_an_error_that_lists_them(workbook_of):
    path = workbook_of(**{"Orders 2023": [HEAD, ANN], "2024": [HEAD, ANN]})
    with pytest.raises(DataError, match=r"2 sheets with rows: 'Orders 2023', '2024'") as error:
        read_orders([path])
    assert error.value.hint == "say which it is: --sheet 'Orders 2023'"


def test_a_sheet_is_named_by_flag_or_in_the_name_of_the_file(workbook_of):
    other = ["9", "bob", date(2024, 1, 9), 9]
    path = workbook_of(Ann=[HEAD, ANN], Bob=[HEAD, other], Lists=[HEAD, ANN, other], hidden=("Lists",))
    assert [row[1] for row in book(read(path, 1, sheet="bob"))] == ["bob"]
    assert [row[1] for row in book(read(f"{path}?sheet=Ann", 1, sheet="Bob"))] == ["ann"]
    assert len(book(read(f"{path}?sheet=Lists", 2))) == 2
    both = read_orders([f"{path}?sheet=Ann", f"{path}?sheet=Bob"])
    assert [row[1] for row in book(both)] == ["ann", "bob"]


def test_a_sheet_that_is_not_there(workbook_of, write):
    with pytest.raises(DataError, match="no sheet 'Ordres'") as error:
        read_orders([workbook_of(Orders=[HEAD, ANN])], ReadOptions(sheet="Ordres"))
    assert error.value.hint == "did you mean Orders?"
    text = write("customer,date\nann,2024-01-05\n")
    with pytest.raises(UsageError, match="no input is a workbook"):
        read_orders([text], ReadOptions(sheet="Orders"))
    with pytest.raises(UsageError, match="neither a workbook nor a database"):
        read_orders([f"{text}?sheet=Orders"])


def test_a_file_may_be_called_like_a_sheet(write):
    path = write("customer,date\nann,2024-01-05\n", "orders.csv?sheet=1")
    assert len(book(read_orders([path]))) == 1


# --- what cannot be read ------------------------------------------------------------------------------------------------


def refused(path: str, *words: str) -> None:
    with pytest.raises(InputError) as error:
        read_orders([path])
    assert all(word in f"{error.value.message} {error.value.hint}" for word in words), error.value


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as parts:
        for name in names:
            parts.writestr(name, "x")
    return content.getvalue()


def test_other_files_of_spreadsheets_are_refused_with_a_way_out(write, workbook_of):
    container = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    refused(write(container + "Workbook".encode("utf-16-le"), "old.xls"), "old kind (.xls)", "CSV")
    refused(write(container + "EncryptedPackage".encode("utf-16-le"), "book.xlsx"), "encrypted", "password")
    refused(write(archive("content.xml", "mimetype"), "book.ods"), "no .xlsx workbook", "save it as .xlsx")
    refused(write(archive("xl/workbook.xml"), "book.xlsx"), "damaged")
    refused(write(b"PK\x03\x04 and no archive", "book.xlsx"), "damaged")
    refused(workbook_of(Orders=[]), "is empty")
    refused(workbook_of(Orders=[], More=[]), "no sheet with rows")


def test_a_workbook_too_large_is_refused_before_it_is_read(workbook_of, monkeypatch):
    path = workbook_of(Orders=[HEAD, ANN])
    monkeypatch.setattr(workbook, "MOST_BYTES", 1 << 20)
    assert len(book(read(path, 1))) == 1
    monkeypatch.setattr(workbook, "MOST_BYTES", 1000)
    refused(path, "more than", "CSV")


def test_a_cell_far_out_does_not_fill_the_memory(tmp_path):
    # the last cell there can be: with all the empty ones before it the sheet has 17 billion
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(path) as written:
        sheet = written.add_worksheet()
        sheet.write_row(0, 0, HEAD)
        sheet.write(1_048_575, 16_383, "x")
    refused(str(path), "more than 50,000,000 cells", "Ctrl+End")


def test_without_the_library_the_way_out_is_said(workbook_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    refused(workbook_of(Orders=[HEAD, ANN]), "not installed", "pip install fastexcel")


def test_a_workbook_from_a_pipe_and_compressed(workbook_of, write):
    path = workbook_of(Orders=[HEAD, ANN])
    content = Path(path).read_bytes()
    assert len(book(read(write(gzip.compress(content), "book.xlsx.gz"), 1))) == 1
    done = subprocess.run(
        [sys.executable, "-m", "clvtool", "convert", "-", "--format", "csv"],
        input=content,
        capture_output=True,
        env=os.environ,
        check=True,
    )
    assert done.stdout.decode().splitlines()[1].startswith("1,ann,2024-01-05,order,5")


def test_nothing_is_set_aside_without_need(workbook_of):
    assert aside(read(workbook_of(Orders=[HEAD, ANN, [*ANN[:3], None]]), 2)) == {}
