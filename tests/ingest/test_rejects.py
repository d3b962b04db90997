"""The rows that were set aside: each with its physical line and its one reason, as many as the account says."""

import gzip

import pytest
from ingest_checks import aside, book, check_account, check_rejects

from clvtool.errors import DataError, InputError, UsageError
from clvtool.ingest.convert import convert
from clvtool.ingest.inspect import inspect
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import REASONS, Reading, ReadOptions
from clvtool.ingest.rejects import rejects
from clvtool.report.files import write_result

EVERYTHING = """\
order_id,customer_id,date,quantity,price,status,refunded amount,note,cost,amount
1,ann,2024-01-05,1,5,paid,,"two
lines",1,5

2,bob,2024-01-05,1,5,paid,,,1,5,surplus
order_id,customer_id,date,quantity,price,status,refunded amount,note,cost,amount
3,bob,someday,1,5,paid,,"three
lines
here",1,5
4,bob,2024-01-05,1,5,paid,,,1,five
5,bob,2024-01-05,1,5,paid,,,cheap,5
6,bob,2024-01-05,1,5,paid,much,,1,5
7,bob,,1,5,paid,,,1,5
8,bob,2024-01-05,1,5,paid,,,1,
9,bob,1969-12-31,1,5,paid,,,1,5
10,bob,2024-01-05,1,5,cancelled,,,1,5
11,bob,2024-01-05,1,5,voided,,,1,5
12,bob,2024-01-05,1,5,failed,,,1,5
13,bob,2024-01-05,1,5,pending,,,1,5
14,bob,2024-01-05,1,5,draft,,,1,5
15,bob,2024-01-05,1,5,test,,,1,5
16,ann,2024-01-06,1,5,paid,,,1,5
"""
LINES = [
    (4, "blank_row", None),
    (5, "too_many_fields", "2"),
    (6, "repeated_header", "order_id"),
    (9, "bad_date", "3"),
    (10, "bad_amount", "4"),
    (11, "bad_cost", "5"),
    (12, "bad_refund", "6"),
    (13, "missing_date", "7"),
    (14, "missing_amount", "8"),
    (15, "implausible_date", "9"),
    (16, "cancelled", "10"),
    (17, "voided", "11"),
    (18, "failed", "12"),
    (19, "pending", "13"),
    (20, "draft", "14"),
    (21, "test", "15"),
]
"""Line on which the row ends (quotes hold line ends before it), reason, order id."""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_one_row_for_each_reason_with_the_line_it_ends_on(read, end):
    orders = read(EVERYTHING.replace("\n", end))
    assert book(orders) == [("1", "ann", "2024-01-05", "order", "5.00"), ("16", "ann", "2024-01-06", "order", "5.00")]
    assert rejects(orders).table.select("line", "reason", "order_id").rows() == LINES
    assert set(aside(orders).values()) == {1}


def test_the_cells_are_those_of_the_file(read):
    table = rejects(read(EVERYTHING)).table
    assert table.columns[:3] == ["input", "line", "reason"]
    assert table.filter(reason="too_many_fields")["__surplus_1"].to_list() == ["surplus"]
    assert table.filter(reason="bad_date")["note"].to_list() == ["three\nlines\nhere"]
    assert table.filter(reason="bad_amount")["amount"].to_list() == ["five"]


def test_reasons_that_only_lines_and_profiles_have(read):
    # without an amount column, quantity and price matter; A-invoices are bookkeeping
    text = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    rows = [
        "1,a,b,x,2024-01-05,5,ann,PL",
        "2,a,b,1,2024-01-05,x,ann,PL",
        "A3,a,b,1,2024-01-05,5,ann,PL",
        "4,a,b,1,2024-01-05,5,ann,PL",
    ]
    orders = read(text + "\n".join(rows))
    assert rejects(orders).table.select("line", "reason").rows() == [
        (2, "bad_quantity"),
        (3, "bad_price"),
        (4, "adjustment"),
    ]


def test_every_reason_there_is_has_a_test():
    # the two that need several rows or an option are tested with the rules of orders, the quotes below
    # lines of JSON with the inputs of that kind
    elsewhere = {
        "bad_json",
        "duplicate_row",
        "other_currency",
        "missing_currency",
        "bad_quotes",
        "bad_quantity",
        "bad_price",
        "adjustment",
    }
    elsewhere |= {"bad_weight", "preview", "spam", "unfinished", "other_answer"}  # those of surveys
    assert {reason for _, reason, _ in LINES} | elsewhere == set(REASONS)


def test_the_first_reason_that_fits_counts(read):
    # a cancelled order with a bad date, and a bad amount on the same row: one row, one reason
    orders = read("customer_id,date,amount,status\nann,soon,five,cancelled\nbob,2024-01-05,5,paid\n")
    assert aside(orders) == {"bad_date": 1}


def test_source_columns_with_names_of_ours(read):
    text = "customer_id,date,line,reason,input,source_line,row\nann,soon,1,2,3,4,5\nbob,2024-01-05,1,2,3,4,5\n"
    table = rejects(read(text)).table
    assert table.rows() == [(1, 2, "bad_date", "ann", "soon", "1", "2", "3", "4", "5")]
    assert table.columns[5:] == ["source_line", "source_reason", "source_input", "source_source_line", "row"]


def test_several_inputs_are_told_apart(read):
    orders = read(
        "customer_id,date,a\nann,2024-01-05,x\nann,soon,y\n", "customer_id,date,b\nbob,never,z\nbob,2024-01-05,x\n"
    )
    assert rejects(orders).table.rows() == [
        (1, 3, "bad_date", "ann", "soon", "y", None),
        (2, 2, "bad_date", "bob", "never", None, "z"),
    ]


def test_lines_are_counted_below_a_sep_line_and_blank_lines(read):
    orders = read("sep=;\n\ncustomer_id;date\nann;2024-01-05\nbob;soon\n", delimiter=";", above=2)
    assert rejects(orders).table["line"].to_list() == [5]


@pytest.mark.parametrize("change", [gzip.compress, lambda text: text.decode().encode("utf-16")])
def test_lines_of_a_compressed_or_recoded_file(write, change):
    orders = read_orders([write(change(EVERYTHING.encode()))], trace=True)
    assert rejects(orders).table.select("line", "reason", "order_id").rows() == LINES


def test_nothing_was_set_aside(read):
    table = rejects(read("customer_id,date\nann,2024-01-05\n")).table
    assert table.is_empty()
    assert table.columns == ["input", "line", "reason"]


def test_when_nothing_is_usable_the_rejects_still_show_why(write):
    # the error says: see them with inspect --rejects
    result, orders = inspect([write("customer_id,date\nann,soon\nbob,never\n")], ReadOptions(), trace=True)
    assert "no usable rows" in result.table.filter(section="problem")["value"][0]
    assert rejects(orders).table.select("line", "reason", "customer_id").rows() == [
        (2, "bad_date", "ann"),
        (3, "bad_date", "bob"),
    ]


def test_a_converted_file_has_no_rejects_any_more(write, tmp_path):
    result, _ = convert([write("customer_id,date\nann,2024-01-05\nbob,soon\n")], ReadOptions())
    path = tmp_path / "orders.parquet"
    write_result(result, path)
    with pytest.raises(UsageError, match="--rejects"):
        read_orders([str(path)], trace=True)


def test_strict_refuses_rows_set_aside(read):
    reading = read("customer_id,date\nann,2024-01-05\nbob,soon\n,\n").reading
    reading.require_all(strict=False)
    with pytest.raises(DataError, match="--strict") as error:
        reading.require_all(strict=True)
    assert "1 bad_date" in error.value.message
    assert "1 blank_row" in error.value.message


# --- quotation marks that are not closed --------------------------------------------------------------------------------

GOOD = "customer_id,date,amount,note\n"


def test_an_unclosed_quote_costs_its_line_and_nothing_else(read):
    # the fast reader would take all the rest of the file for one cell
    orders = read(GOOD + 'ann,2024-01-05,5,"6 cm\nbob,2024-01-06,6,x\ncid,2024-01-07,7,"y\nz"\n', rows=3)
    assert book(orders) == [("bob", "2024-01-06", "order", "6.00"), ("cid", "2024-01-07", "order", "7.00")]
    assert aside(orders) == {"bad_quotes": 1}
    assert rejects(orders).table.select("line", "reason", "customer_id").rows() == [
        (2, "bad_quotes", 'ann,2024-01-05,5,"6 cm')
    ]
    assert any("quotation mark" in warning for warning in orders.reading.warnings)
    # a quoted line end that follows is still one
    assert sorted(orders.table["note"].to_list()) == ["x", "y\nz"]


@pytest.mark.parametrize("cell", ['"5" pipe"', '"a"b', '"'])
def test_a_quote_in_the_wrong_place_costs_its_line(read, cell):
    orders = read(GOOD + f"ann,2024-01-05,5,{cell}\nbob,2024-01-06,6,x\n", rows=2)
    assert book(orders) == [("bob", "2024-01-06", "order", "6.00")]
    assert rejects(orders).table["line"].to_list() == [2]


@pytest.mark.parametrize("cells", [('5" pipe', '6" pipe'), ('5" pipe', "x"), ('4" x 4"', "x")])
def test_inches_are_no_quotation_marks(read, cells):
    # a mark inside a cell that has none before it is a sign like others, as the csv module reads it
    orders = read(GOOD + f"ann,2024-01-05,5,{cells[0]}\nbob,2024-01-06,6,{cells[1]}\n")
    assert sorted(orders.table["note"].to_list()) == sorted(cells)
    assert aside(orders) == {}


def test_other_rejects_of_the_same_file_keep_their_lines(read):
    # lines 3 and 8 are given up; the row that ends on line 5 and the one on line 9 have bad dates
    text = GOOD + (
        'ann,2024-01-05,5,x\nann,2024-01-05,5,"6 cm\nann,soon,5,"two\nlines"\nann,2024-01-05,5,"y\nz"\n'
        'ann,2024-01-05,5,"7"cm\nann,never,5,x\nann,2024-01-05,5,x\n'
    )
    orders = read(text, rows=7)
    assert rejects(orders).table.select("line", "reason").rows() == [
        (3, "bad_quotes"),
        (5, "bad_date"),
        (8, "bad_quotes"),
        (9, "bad_date"),
    ]
    assert len(book(orders)) == 3


def test_bad_quotes_below_a_sep_line_in_another_encoding(write):
    text = 'sep=;\n\ncustomer_id;date;note\nŁucja;2024-01-05;"żółw\nbob;2024-01-06;ż\n'
    reading = Reading()
    orders = read_orders([write(text.encode("windows-1250"))], reading=reading, trace=True)
    check_account(reading, 2)
    check_rejects(orders)
    assert rejects(orders).table.select("line", "customer_id").rows() == [(4, 'Łucja;2024-01-05;"żółw')]


def test_bad_quotes_and_a_late_byte_that_is_no_utf_8(write):
    # both surprises in one file, in either order
    for rows in (["{quote}", *["{plain}"] * 30_000, "{byte}"], ["{plain}"] * 30_000 + ["{byte}", "{quote}"]):
        row = b"ann,2024-01-05,5," + b"x" * 30
        text = "\n".join(["customer_id,date,amount,note", *rows, ""]).encode()
        text = text.replace(b"{plain}", row).replace(b"{quote}", b'bob,2024-01-05,5,"x')
        reading = Reading()
        orders = read_orders([write(text.replace(b"{byte}", b"zo\xeb,2024-01-05,5,x"))], reading=reading, trace=True)
        check_account(reading, 30_002)
        check_rejects(orders)
        assert "zoë" in orders.table["customer_id"]


def test_a_long_cell_is_no_error(read):
    # the csv module refuses more than 131,072 characters
    long = "x" * 200_000
    orders = read(GOOD + f'ann,2024-01-05,5,"6 cm\nbob,2024-01-06,6,"{long}"\n', rows=2)
    assert orders.table["note"].to_list() == [long]


def test_an_unclosed_quote_in_the_header(write):
    with pytest.raises(InputError, match=r"the header line of .* has a quotation mark that is not closed"):
        read_orders([write('customer_id,date,size 5"\nann,2024-01-05,5\n')])
