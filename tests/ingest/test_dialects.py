"""How a file is written: delimiter, quotes, encoding, line ends, compression, pipe. The orders are always the same."""

import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest
from ingest_checks import aside, book, check_account, check_rejects, csv_rows, fact

from clvtool.errors import InputError, UsageError
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import Reading, ReadOptions

PLAIN = "order_id,customer_id,order_date,amount\n1,ann,2024-01-05,12.50\n2,bob,2024-02-06,7\n"
ANN_AND_BOB = [
    ("1", "ann", "2024-01-05", "order", "12.50"),
    ("2", "bob", "2024-02-06", "order", "7.00"),
]
POLISH = (
    "Numer zamówienia;Data;Klient;Kwota;Miejscowość\n1;2024-01-05;ann;12,50 zł;Łódź\n2;2024-02-06;bob;7,00 zł;Żory\n"
)
"""ł, ó, ść, Ł, ź, Ż: letters that tell Windows-1250 from Windows-1252."""
WESTERN = "order_id,customer_id,order_date,amount,city\n1,ann,2024-01-05,£12.50,Besançon\n2,bob,2024-02-06,£7.00,Cœur\n"
"""£ and œ have the bytes of Ł and ś."""


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(read, delimiter):
    orders = read(PLAIN.replace(",", delimiter), delimiter=delimiter)
    assert book(orders) == ANN_AND_BOB
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
    assert fact(orders.reading, "source", "delimiter") == names[delimiter]


@pytest.mark.parametrize("delimiter", ["semicolon", ";"])
def test_the_delimiter_is_given_by_name_or_sign(write, delimiter):
    # one comma in the header and in every row, so that a comma would fit as well
    path = write("customer_id;order_date;a,b\nann;2024-01-05;x,y\n")
    orders = read_orders([path], ReadOptions(delimiter=delimiter))
    assert orders.table.row(0, named=True)["a,b"] == "x,y"


@pytest.mark.parametrize("delimiter", ["::", '"', "ą", "\n"])
def test_a_delimiter_that_cannot_be_one(write, delimiter):
    with pytest.raises(UsageError, match="a delimiter is one character"):
        read_orders([write(PLAIN)], ReadOptions(delimiter=delimiter))


def test_quotes_hold_delimiters_line_ends_and_quotes(read):
    # three commas, two line ends (one of them CRLF) and a doubled quote inside quotes: still two rows
    text = 'order_id,customer_id,order_date,amount,note\n1,ann,2024-01-05,"1,012.50","a,b\nc ""d""\r\ne"\n2,bob,2024-02-06,7,\n'
    orders = read(text)
    assert book(orders) == [("1", "ann", "2024-01-05", "order", "1012.50"), ANN_AND_BOB[1]]
    assert orders.table.sort("order_id")["note"].to_list() == ['a,b\nc "d"\r\ne', None]


def test_every_cell_quoted(read):
    lines = [",".join(f'"{cell}"' for cell in line.split(",")) for line in PLAIN.splitlines()]
    assert book(read("\n".join(lines))) == ANN_AND_BOB


def test_a_header_with_a_line_end_in_it(read):
    # Qualtrics and spreadsheets do that
    assert book(read(PLAIN.replace("amount", '"amount","long\nname"', 1))) == ANN_AND_BOB


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("windows-1250", "cp1250")],
)
def test_polish_text_in_every_usual_encoding(write, encoding, name):
    reading = Reading()
    orders = read_orders([write(POLISH.encode(encoding))], reading=reading)
    check_account(reading, 2)
    assert book(orders) == ANN_AND_BOB
    assert orders.table.sort("order_id")["Miejscowość"].to_list() == ["Łódź", "Żory"]
    assert fact(reading, "source", "encoding") == name
    # only bytes that had to be guessed are worth a warning
    assert any("--encoding" in warning for warning in reading.warnings) == (name == "cp1250")


def test_utf_16_of_both_byte_orders(write):
    for bom, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert book(read_orders([write(bom + POLISH.encode(encoding))])) == ANN_AND_BOB


def test_western_text(write):
    # the pound sign is not Ł, and the œ of Cœur not ś
    reading = Reading()
    orders = read_orders([write(WESTERN.encode("windows-1252"))], reading=reading)
    assert book(orders) == ANN_AND_BOB
    assert orders.table.sort("order_id")["city"].to_list() == ["Besançon", "Cœur"]
    assert fact(reading, "source", "encoding") == "cp1252"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Ilość szt.", "cp1250"),
        ("był ładny", "cp1250"),
        ("WIĄZANKA", "cp1250"),
        ("ŁÓDŹ", "cp1250"),
        ("Kč 120", "cp1250"),
        ("Dvořák, žlutý", "cp1250"),
        ("¿Qué? ¿Cómo?", "cp1252"),
        ("12 m³, 5 dm³", "cp1252"),
        ("bœuf, œuvre, sœurs", "cp1252"),
        ("£5, ¥100, 15 €", "cp1252"),
        ("Größe, Übergröße", "cp1252"),
        ("Ærø, smørrebrød", "cp1252"),
        ("coração, niño, garçon", "cp1252"),
    ],
)
def test_words_that_tell_the_two_one_byte_encodings_apart(write, text, encoding):
    orders = read_orders([write(f'customer_id,order_date,note\nann,2024-01-05,"{text}"\n'.encode(encoding))])
    assert orders.table["note"].to_list() == [text]


def test_bytes_of_neither_are_latin_1_with_a_warning(write):
    # 0x81 has no letter in Windows-1252 nor in Windows-1250
    reading = Reading()
    read_orders([write(b"customer_id,order_date,note\nann,2024-01-05,\x81\xe9\n")], reading=reading)
    assert fact(reading, "source", "encoding") == "iso8859-1"
    assert any("latin-1" in warning for warning in reading.warnings)


@pytest.mark.parametrize("column", ["customer_id", "note"])
def test_a_byte_that_is_no_utf_8_after_the_first_mebibyte(write, column):
    # the beginning is ASCII, so UTF-8 is taken for granted until byte 1.2 million says otherwise
    names = ["order_date", *{"customer_id", "note", column}]
    row = {"order_date": "2024-01-05", "customer_id": "x" * 40, "note": "y" * 40}
    line = ",".join(row[name] for name in names)
    last = ",".join((row | {column: "Małgorzata"})[name] for name in names)
    text = "\n".join([",".join(names), *[line] * 14_000, last, ""])
    reading = Reading()
    orders = read_orders([write(text.encode("windows-1250"))], reading=reading, trace=True)
    assert len(text) > 1.2e6
    assert orders.table[column].to_list()[-1] == "Małgorzata"
    assert fact(reading, "source", "encoding") == "cp1250"
    check_account(reading, 14_001)


def test_a_given_encoding_is_obeyed(write):
    # byte F1 is ń in Windows-1250, ñ in Windows-1252: only the user can know
    content = b"customer_id,order_date,note\nann,2024-01-05,\xf1\n"
    for encoding, letter in (("windows-1250", "ń"), ("windows-1252", "ñ"), ("cp437", "±")):
        orders = read_orders([write(content)], ReadOptions(encoding=encoding))
        assert orders.table["note"].to_list() == [letter]


@pytest.mark.parametrize("content", [b"customer_id,order_date,note\nann,2024-01-05,\xf1\n", b"\xf1,b\n1,2\n"])
def test_a_given_encoding_that_does_not_fit(write, content):
    with pytest.raises(InputError, match="is not utf-8"):
        read_orders([write(content)], ReadOptions(encoding="utf-8"))


@pytest.mark.parametrize("encoding", ["utf8000", "base64", "undefined"])
def test_an_encoding_that_does_not_exist(write, encoding):
    with pytest.raises(UsageError, match=encoding):
        read_orders([write(PLAIN)], ReadOptions(encoding=encoding))


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_of_other_systems(read, end):
    assert book(read(PLAIN.replace("\n", end))) == ANN_AND_BOB


def test_some_lines_end_with_a_return_alone(read):
    # two files put together with cat: ann's line ends as on an old Macintosh
    assert book(read(PLAIN.replace("12.50\n", "12.50\r"))) == ANN_AND_BOB


def test_no_line_end_at_the_end(read):
    assert book(read(PLAIN.rstrip("\n"))) == ANN_AND_BOB


@pytest.mark.parametrize("sign", [";", ",", "|"])
def test_the_sep_line_of_excel_is_skipped_and_obeyed(read, sign):
    text = f"sep={sign}\n" + PLAIN.replace(",", sign)
    assert book(read(text, delimiter=sign, above=1)) == ANN_AND_BOB


def test_a_sep_line_with_crlf_a_bom_and_a_tab(read):
    text = ("sep=\t\n" + PLAIN.replace(",", "\t")).replace("\n", "\r\n")
    assert book(read(text.encode("utf-8-sig"), delimiter="\t", above=1)) == ANN_AND_BOB


def test_blank_lines_above_the_header(read):
    assert book(read("\n  \r\n" + PLAIN, above=2)) == ANN_AND_BOB


def test_blank_lines_between_rows_and_at_the_end_are_counted(read):
    # what is blank is still a row of the file: 2 rows and 5 blank ones, written five ways
    orders = read(PLAIN.replace("2,bob", '\n,,,\n" ",,,\n  \n2,bob') + "\n")
    assert book(orders) == ANN_AND_BOB
    assert aside(orders) == {"blank_row": 5}


def test_the_header_again_in_the_middle(read):
    # exports put together with cat
    orders = read(PLAIN + PLAIN.splitlines()[0] + "\n3,cid,2024-03-07,1\n")
    assert book(orders) == [*ANN_AND_BOB, ("3", "cid", "2024-03-07", "order", "1.00")]
    assert aside(orders) == {"repeated_header": 1}


def zstd(content: bytes) -> bytes:
    import pyarrow as pa

    return bytes(pa.compress(content, codec="zstd", asbytes=True))


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.csv.zst", "orders.csv"])
def test_compressed_files_whatever_their_name(write, compress, name):
    # what a file is, its first bytes say
    reading = Reading()
    orders = read_orders([write(compress((PLAIN + "\n").encode()), name)], reading=reading, trace=True)
    assert book(orders) == ANN_AND_BOB
    check_account(reading, csv_rows(PLAIN + "\n"))
    check_rejects(orders)


def test_a_compressed_file_in_an_old_encoding(write):
    assert book(read_orders([write(gzip.compress(POLISH.encode("windows-1250")))])) == ANN_AND_BOB


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1250"])
def test_a_compressed_file_that_ends_too_soon(write, encoding):
    whole = gzip.compress((POLISH * 100_000).encode(encoding))
    with pytest.raises(InputError, match="cannot be read"):
        read_orders([write(whole[: len(whole) // 2])])


def clvtool(*arguments: str, stdin: bytes | None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "clvtool", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize(
    "content",
    [PLAIN.encode(), POLISH.encode("windows-1250"), gzip.compress(PLAIN.encode())],
    ids=["utf-8", "1250", "gz"],
)
def test_standard_input_of_a_real_process(content):
    done = clvtool("convert", "-", "--format", "csv", stdin=content)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines()[1].startswith("1,ann,2024-01-05,order,12.50")


def test_standard_input_with_nothing_in_it():
    done = clvtool("inspect", "-", stdin=b"")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr == b"error: standard input is empty\n"


def test_standard_input_can_be_read_only_once():
    with pytest.raises(UsageError, match="only once"):
        read_orders(["-", "-"])


def test_a_named_pipe(tmp_path):
    # as in clvtool inspect <(zcat orders.csv.gz)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(PLAIN,))
    writer.start()
    assert book(read_orders([str(path)])) == ANN_AND_BOB
    writer.join()


def test_several_files_each_in_its_own_dialect(write):
    # comma and point, semicolon and comma, tab and another order of columns with Polish headers
    third = "Kwota\tData\tKlient\tNumer\n3,00\t31.03.2024\tcid\t3\n"
    paths = [write(PLAIN, "1.csv"), write(POLISH.encode("windows-1250"), "2.csv"), write(third, "3.tsv")]
    fourth = write("order_id;customer_id;order_date;amount\n4;dan;04/30/2024;1.234,50\n", "4.csv")
    reading = Reading()
    orders = read_orders([paths[0], paths[2], fourth], reading=reading)
    assert book(orders) == [
        *ANN_AND_BOB,
        ("3", "cid", "2024-03-31", "order", "3.00"),
        ("4", "dan", "2024-04-30", "order", "1234.50"),
    ]
    check_account(reading, 4)
    # the Polish file holds the same two orders (were it not for the zł, which the first does not name): they count once
    again = write(POLISH.replace(" zł", "").encode("windows-1250"), "2.csv")
    assert book(read_orders([paths[0], again])) == ANN_AND_BOB


def test_the_columns_of_several_files_are_matched_whatever_their_spelling(read):
    # Channel and CHANNEL are one column; but two columns of one file stay two
    orders = read(
        "customer_id,date,Channel,a b\nann,2024-01-05,ads,1\n",
        "customer_id,date,CHANNEL,A_b,a-B\nbob,2024-01-05,mail,2,3\n",
        "customer_id,date,channel,a b,A B\ncid,2024-01-05,shop,4,5\n",
    )
    assert orders.table["Channel"].sort().to_list() == ["ads", "mail", "shop"]
    extra = [name for name in orders.table.columns if name not in ("customer_id", "order_date", "kind", "Channel")]
    assert extra == ["a b", "A_b", "a-B", "A B"]
    assert orders.table.sort("customer_id").select(extra).rows() == [
        ("1", None, None, None),
        (None, "2", "3", None),
        ("4", None, None, "5"),
    ]


def typed_table() -> pl.DataFrame:
    """Return orders as a program would store them: dates as dates, money as numbers."""
    return pl.DataFrame(
        {
            "order_id": [1, 2, 3],
            "customer_id": [17850.0, None, 18.0],
            "order_date": pl.Series(["2024-01-05 23:30:00", "2024-02-06 00:00:00", None]).str.to_datetime(),
            "amount": [1.234, 12.5, 7.0],
            "note": [["a"], ["b", "c"], []],
        }
    )


def test_parquet_with_typed_columns(tmp_path):
    # 1.234 in a column of numbers is not ambiguous, ids that were floats lose their .0, and lists are no text
    path = tmp_path / "orders.parquet"
    typed_table().write_parquet(path)
    reading = Reading()
    orders = read_orders([str(path)], ReadOptions(decimal=","), reading=reading, trace=True)
    assert book(orders) == [
        ("1", "17850", "2024-01-05", "order", "1.2340"),
        ("2", None, "2024-02-06", "order", "12.50"),
    ]
    check_account(reading, 3)
    check_rejects(orders)
    assert aside(orders) == {"missing_date": 1}


def test_parquet_with_other_types_of_time_and_money(tmp_path):
    # a moment in Warsaw is the Polish date; categories are text; a decimal is exact; a NaN is no amount
    path = tmp_path / "orders.parquet"
    moments = pl.Series(["2024-01-05T23:30:00Z", "2024-06-05T22:30:00Z"]).str.to_datetime(time_zone="UTC")
    pl.DataFrame(
        {
            "customer_id": pl.Series(["ann", "bob"], dtype=pl.Categorical),
            "order_date": moments.dt.convert_time_zone("Europe/Warsaw"),
            "amount": pl.Series(["0.30", "99999999999999.9999"]).cast(pl.Decimal(38, 4)),
        }
    ).write_parquet(path)
    assert book(read_orders([str(path)])) == [
        ("ann", "2024-01-06", "order", "0.30"),
        ("bob", "2024-06-06", "order", "99999999999999.9999"),
    ]
    pl.DataFrame({"customer_id": ["a", "b"], "date": ["2024-01-05"] * 2, "amount": [float("nan"), 1.5]}).write_parquet(
        path
    )
    orders = read_orders([str(path)], trace=True)
    assert aside(orders) == {"bad_amount": 1}
    check_rejects(orders)


def test_parquet_without_rows(tmp_path):
    path = tmp_path / "orders.parquet"
    typed_table().clear().write_parquet(path)
    with pytest.raises(Exception, match="a header but no row"):
        read_orders([str(path)])
