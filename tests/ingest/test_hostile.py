"""Files that are odd, broken or meant to do harm: read, or refused in one sentence, within bounds."""

import gzip
import os
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_checks import aside, book

from clvtool.cli.main import main
from clvtool.errors import InputError, UsageError
from clvtool.ingest import expansion
from clvtool.ingest.dialect import distinct
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import ReadOptions
from clvtool.ingest.rejects import rejects
from clvtool.report.cells import visible

PLAIN = "customer_id,order_date,amount\nann,2024-01-05,5\n"
ANN = [("ann", "2024-01-05", "order", "5.00")]
LINES = "order_id,customer_id,order_date,amount,note\n"


# --- size -----------------------------------------------------------------------------------------------------------


def wide(columns: int) -> str:
    names = ",".join(f"x{n}" for n in range(columns))
    return f"customer_id,order_date,amount,{names}\nann,2024-01-05,5{',1' * columns}\n"


@pytest.mark.parametrize("columns", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_very_many_columns(write, columns):
    table = read_orders([write(wide(columns))], trace=True).table
    assert table.width == columns + 4  # customer, day, amount, and the kind
    assert table[f"x{columns - 1}"].to_list() == ["1"]


def test_a_hundred_thousand_columns_of_one_name_have_names_of_their_own():
    # quadratic, this took a minute for a tenth of them; a name that is given is not given again
    assert distinct(["x", "x_2", "x", "", "x"]) == ("x", "x_2", "x_3", "column_4", "x_4")
    names = distinct(["x"] * 100_000)
    assert names[-1] == "x_100000"
    assert len(set(names)) == 100_000


@pytest.mark.parametrize("size", [10_000_000, pytest.param(100_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("cell", ["x", '"y\n'])
def test_a_very_long_cell(write, size, cell):
    text = '"' + cell[1:] * (size // 2) + '"' if cell[0] == '"' else cell * size
    orders = read_orders([write(f"{PLAIN.replace('amount', 'amount,note', 1).rstrip()},{text}\nbob,2024-01-06,6,y\n")])
    assert len(book(orders)) == 2
    assert max(orders.table["note"].str.len_bytes()) >= size - 2


def test_a_long_cell_does_not_hide_the_delimiter(write):
    # the csv module, by which the delimiter is found, refuses more than 131,072 characters
    text = f"customer_id;order_date;amount;note\nann;2024-01-05;5,50;{'x' * 200_000}\nann;2024-01-06;5,50;x,x,x,x\n"
    assert len(book(read_orders([write(text)]))) == 2


@pytest.mark.parametrize("fields", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_row_of_very_many_fields(read, fields):
    orders = read(f"{PLAIN}bob,2024-01-05,6{',9' * fields}\n")
    assert book(orders) == ANN
    assert aside(orders) == {"too_many_fields": 1}


def test_a_million_empty_lines(write):
    orders = read_orders([write(PLAIN + "\n" * 1_000_000 + "bob,2024-01-06,6\n")])
    assert len(book(orders)) == 2
    assert orders.reading.rows_read == 1_000_002
    assert aside(orders) == {"blank_row": 1_000_000}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("\n" * 1_000_000, "is empty"),
        ("\n" * 2_000_000 + PLAIN, "nothing but blank lines at its beginning"),
        ('"' * 100_001, "a quotation mark that is not closed"),
        ("customer_id,order_date," + "n" * 200_000 + "\n", "too long to be one"),
        (
            "customer_id,order_date," + ",".join(f"column number {n}" for n in range(100_000)) + "\n",
            "too long to be one",
        ),
    ],
    ids=["blank", "blank above", "quotes", "long name", "long header"],
)
def test_what_has_no_header(write, content, told):
    with pytest.raises(InputError, match=told):
        read_orders([write(content)])


# --- what small files may become ------------------------------------------------------------------------------------


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
@pytest.mark.parametrize("line", [b"ann,2024-01-05,5\n", b"0" * 16, b"\n" * 16])
def test_a_bomb_is_refused(write, monkeypatch, pack, line):
    # 20 MB in some kilobytes, where 10 MB are borne: more of them would take this test longer, and nothing else
    monkeypatch.setattr(expansion, "ALWAYS_BYTES", 10 << 20)
    with pytest.raises(InputError, match="unpacks to more than 100 times its size") as raised:
        read_orders([write(pack(PLAIN.encode() + line * 1_300_000))])
    assert "unpack it first" in raised.value.hint


def test_what_is_packed_well_but_is_small_is_read(write):
    # 300:1, and 3 MB
    packed = gzip.compress(PLAIN.encode() + b"bob,2024-01-05,5\n" * 200_000)
    assert len(packed) < 20_000
    assert read_orders([write(packed)]).reading.rows_read == 200_001


def test_a_bomb_is_looked_at_no_further_than_is_allowed(monkeypatch):
    # a megabyte is allowed: of endless megabytes, two are asked for
    monkeypatch.setattr(expansion, "ALWAYS_BYTES", 1 << 20)
    asked = []

    def endless():
        while True:
            asked.append(1)
            yield b"0" * (1 << 20)

    with pytest.raises(InputError):
        expansion.check_expansion("f", 5, endless())
    assert len(asked) == 2


def test_a_regular_log_may_be_packed_as_well_as_it_can(monkeypatch):
    # a line of 30 bytes counts for 62, so fifty times its size is still allowed
    monkeypatch.setattr(expansion, "ALWAYS_BYTES", 1000)
    lines = b"12345678901234567890123456789\n" * 1000
    expansion.check_expansion("f", len(lines) // 45, [lines])
    with pytest.raises(InputError):
        expansion.check_expansion("f", len(lines) // 55, [lines])


@pytest.mark.slow
def test_ten_gigabytes_in_ten_megabytes(write):
    # as one would make it, by the piece: gzip files one behind the other are one
    piece = gzip.compress(b"0" * (1 << 28), mtime=0)
    with pytest.raises(InputError, match="unpacks to more"):
        read_orders([write(gzip.compress(PLAIN.encode()) + piece * 40)])


def test_a_parquet_file_of_too_many_rows(tmp_path):
    # 34 million times the same row in 200 kB
    path = tmp_path / "bomb.parquet"
    zeros = pa.Array.from_buffers(pa.int8(), 34_000_000, [None, pa.py_buffer(bytes(34_000_000))])
    same = pa.DictionaryArray.from_arrays(zeros, pa.array(["a"]))
    pq.write_table(pa.table({"customer_id": same}), path)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InputError, match="unpacks to more than 100 times its size"):
        read_orders([str(path)])


# --- Parquet --------------------------------------------------------------------------------------------------------

FLAT = {"customer_id": pa.array(["ann"]), "date": pa.array(["2024-01-05"]), "amount": pa.array([5])}


def nested(levels: int, kind: str) -> pa.Array:
    values = pa.array([1])
    for _ in range(levels):
        if kind == "list":
            values = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), values)
        else:
            values = pa.StructArray.from_arrays([values], ["f"])
    return values


@pytest.mark.parametrize("kind", ["list", "struct"])
@pytest.mark.parametrize("levels", [3, 90])
def test_nested_columns_are_left_empty(tmp_path, kind, levels):
    pq.write_table(pa.table(FLAT | {"deep": nested(levels, kind)}), tmp_path / "deep.parquet")
    orders = read_orders([str(tmp_path / "deep.parquet")])
    assert book(orders) == ANN
    assert orders.table["deep"].to_list() == [None]


@pytest.mark.parametrize("kind", ["list", "struct"])
def test_a_thousand_levels_are_refused(tmp_path, kind):
    # Polars would crash, and the process with it
    pq.write_table(pa.table(FLAT | {"deep": nested(1000, kind)}), tmp_path / "deep.parquet")
    with pytest.raises(InputError, match="nested more than 200 levels deep"):
        read_orders([str(tmp_path / "deep.parquet")])


def test_a_column_of_spans_of_time_is_no_hindrance(tmp_path):
    path = tmp_path / "spans.parquet"
    pl.DataFrame({"customer_id": ["ann"], "date": ["2024-01-05"], "amount": [5]}).with_columns(
        shipped_after=pl.duration(hours=30)
    ).write_parquet(path)
    orders = read_orders([str(path)])
    assert book(orders) == ANN
    assert orders.table["shipped_after"].to_list() == ["P1DT6H"]


# --- signs ----------------------------------------------------------------------------------------------------------


def test_nul_bytes_are_refused_with_a_way_out(write):
    with pytest.raises(InputError, match="is binary") as raised:
        read_orders([write(PLAIN + "b\0b,2024-01-06,6\n")])
    assert "tr -d" in raised.value.hint


def test_signs_without_width_in_headers_and_at_the_ends_of_ids(read):
    # a zero-width space, a joiner, a soft hyphen, marks of direction: nobody sees them, and they mean nothing
    orders = read(
        "cust\u200bomer_id,\u202eorder\u200d_date\u202c,\ufeffam\u00adount\u200f\n\u200eann\u200b,2024-01-05,5\n"
    )
    assert book(orders) == ANN


def test_nothing_of_the_data_turns_the_terminal_around(write, capsys):
    # right-to-left overrides and isolates, escape sequences, marks; letters that are written so stay as they are
    path = write(
        "customer_id,date,amount,\u202ekind of\u2066 \x1b[31mthing\u200f\nann,2024-01-05,5,שלום \u061c\u202e\n"
    )
    for command in ("inspect", "convert"):
        assert main([command, path, "--format", "table"]) == 0
        out = capsys.readouterr().out
        assert not set(out) & set("\u202e\u2066\u200f\u061c\x1b\u200b")
        assert "שלום" in out or command == "inspect"
    assert visible("a\u200bb\ufeff\u2060\u00ad") == "a\ufffdb\ufffd\ufffd\ufffd"
    assert visible("👩\u200d💻") == "👩\u200d💻"


FORMULAS = f"customer_id,date,amount,=cmd|'/C calc'!A0\n{'=1+1'},2024-01-05,5,@SUM(A1)\n+b,2024-01-06,-6,\t=2\n"


def test_formulas_are_data_and_are_disarmed_when_asked(write, capsys):
    path = write(FORMULAS)
    assert main(["convert", path]) == 0
    out = capsys.readouterr().out
    assert "=1+1," in out
    assert "@SUM" in out
    assert main(["convert", path, "--spreadsheet-safe"]) == 0
    for line in capsys.readouterr().out.splitlines():
        assert not [cell for cell in line.split(",") if cell.lstrip('"')[:1] in "=+@" and cell]


def test_ids_that_look_like_options_and_paths(read):
    ids = ["--help", "-o", "../../etc/passwd", "/dev/stdin", "$(reboot)", "`id`", "*", "C:\\con", "%s%n", "{0}"]
    orders = read("customer_id,order_date,amount\n" + "".join(f"{name},2024-01-05,5\n" for name in ids))
    assert sorted(orders.table["customer_id"]) == sorted(ids)


# --- names of columns -----------------------------------------------------------------------------------------------

OURS = "raw_amount extra_amount extra_raw_amount row rows part reason kind refund __surplus_1 __surplus_2 rule_bad_date"
OURS += (
    " negative in_full blank fingerprint again unproven_amount rounded min_amount refund_day found given source_kind"
)
OURS += (
    " max_currency too_large best owner of_order len input line source_line inherited __row max_customer_id definition"
)


def test_columns_with_names_of_ours(read):
    # an order of two lines with a refund beside it, a refund of its own, and a row that is set aside
    names = OURS.split()
    text = f"order_id,customer_id,order_date,amount,currency,status,refunded_amount,{','.join(names)}\n"
    for cells in ("1,ann,2024-01-05,5", "1,ann,2024-01-05,6", "2,bob,2024-01-06,-6", "3,bob,soon,7"):
        text += f"{cells},PLN,paid,{'2' if cells[0] == '1' else ''}{''.join(f',{name}!' for name in names)}\n"
    orders = read(text)
    assert book(orders) == [
        ("1", "ann", "2024-01-05", "order", "11.00"),
        ("1", "ann", "2024-01-05", "refund", "-2.00"),
        ("2", "bob", "2024-01-06", "refund", "-6.00"),
    ]
    kept = {cell for row in orders.table.rows() for cell in row if isinstance(cell, str) and cell.endswith("!")}
    assert kept == {f"{name}!" for name in names}
    told = rejects(orders).table.row(0)
    assert {cell for cell in told if isinstance(cell, str) and cell.endswith("!")} == kept


def test_columns_of_one_name(read):
    table = read("customer_id,order_date,note,note,note_2,\nann,2024-01-05,a,b,c,d\n").table
    assert table.select("note", "note_2", "note_2_2", "column_6").rows() == [("a", "b", "c", "d")]


# --- rows that are no orders ----------------------------------------------------------------------------------------


def test_a_row_of_totals_is_set_aside(read):
    # it has no date; 1,000.50 + 234.00 are counted once
    orders = read(
        "Numer zamówienia;Klient;Data;Kwota\n1;ann;2024-01-05;1000,50\n2;bob;2024-01-06;234,00\nRazem;;;1234,50\n",
        delimiter=";",
    )
    assert book(orders) == [
        ("1", "ann", "2024-01-05", "order", "1000.50"),
        ("2", "bob", "2024-01-06", "order", "234.00"),
    ]
    assert aside(orders) == {"missing_date": 1}


def test_files_with_a_mark_put_behind_each_other(read):
    # the header of the second has its byte order mark before it
    text = "order_date,customer_id\n2024-01-05,ann\n"
    assert aside(read((text + "\ufeff" + text).encode())) == {"repeated_header": 1}


# --- names of files -------------------------------------------------------------------------------------------------

NAMES = [
    "-dash.csv",
    "--help",
    "new\nline.csv",
    "[red]x[red].csv",
    "*.csv",
    "a b'\"\\.csv",
    "\u202egpj.csv",
    os.fsdecode(b"\xff.csv"),
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_are_names(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(PLAIN)
    assert main(["convert", "--", name]) == 0
    assert capsys.readouterr().out.startswith("order_id,")
    Path("orders.txt").write_text(PLAIN)
    assert main(["convert", f"--output={name}", "--format=csv", "--", "orders.txt"]) == 0
    assert Path(name).read_text().startswith("order_id,")
    Path(name).unlink()
    assert main(["convert", "--", name]) == 3
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "\u202e" not in said
    assert "\n" not in said.strip().partition("\nhint:")[0]


def test_an_input_without_a_name(write):
    with pytest.raises(UsageError, match="no name"):
        read_orders([write(PLAIN), ""])


@pytest.mark.parametrize("target", ["nothing.csv", "loop.csv"])
def test_a_link_to_nowhere(tmp_path, target):
    link = tmp_path / "loop.csv"
    link.symlink_to(tmp_path / target)
    with pytest.raises(InputError, match="is a symbolic link to nowhere"):
        read_orders([str(link)])


# --- what changes under our hands -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["longer", "shorter", "another"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_changes_while_it_is_read(write, monkeypatch, how, packed):
    path = Path(write(gzip.compress(PLAIN.encode()) if packed else PLAIN))
    from clvtool.ingest import read

    def change(parts, *rest, **more):
        if how == "longer":
            path.write_bytes(path.read_bytes() * 2)
        elif how == "shorter":
            os.truncate(path, 40)
        else:
            path.rename(path.with_name("before"))
            path.write_bytes(path.with_name("before").read_bytes())
        return to_orders(parts, *rest, **more)

    to_orders = read.to_orders
    monkeypatch.setattr(read, "to_orders", change)
    with pytest.raises(InputError, match="changed while it was read"):
        read_orders([str(path)], ReadOptions())


def test_a_file_that_is_gone_before_its_rejects_are_written(write):
    path = write(PLAIN + "bob,soon,5\n")
    orders = read_orders([path], trace=True)
    os.truncate(path, 10)
    with pytest.raises(InputError):
        rejects(orders)
