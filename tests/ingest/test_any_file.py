"""What must hold of every file: orders survive being written in any dialect, and no bytes whatever make the reader fall."""

import csv
import gzip
import io
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ingest_checks import check_account, check_rejects, csv_rows

from clvtool.errors import ClvtoolError, DataError
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import Reading, ReadOptions

QUICK = settings(
    max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
NAMES = ("order_id", "customer_id", "order_date", "amount", "note")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("any")


# --- dialects -----------------------------------------------------------------------------------------------------------

LETTERS = st.characters(categories=("Ll", "Lu"), max_codepoint=0x17F)
NOTES = st.text(st.one_of(st.sampled_from(' ,;|\t"\n1.-'), LETTERS), max_size=12).map(str.strip)
ORDERS = st.lists(
    st.tuples(
        st.text(LETTERS, max_size=8).map("Q{}".format),  # no guest has such a name
        st.dates(date(2023, 6, 1), date(2024, 5, 31)),
        st.decimals(-2000, 2_000_000, places=2),
        NOTES,
    ),
    min_size=1,
    max_size=6,
)
MONEY = {
    "point": lambda amount: f"{amount:.2f}",
    "comma": lambda amount: f"{amount:.2f}".replace(".", ","),
    "thousands": lambda amount: f"{amount:,.2f}",
    "German": lambda amount: f"{amount:,.2f}".translate(str.maketrans(",.", ".,")),
    "Polish": lambda amount: f"{amount:,.2f} zł".translate(str.maketrans(",.", "\u00a0,")),
    "dollars": lambda amount: f"{'-' if amount < 0 else ''}${abs(amount):,.2f}",
    "brackets": lambda amount: f"({-amount:.2f})" if amount < 0 else f"{amount:.2f}",
    # without cents where there are none: 1,000 may then be all that there is to see
    "bare": lambda amount: f"{amount:,.2f}".removesuffix(".00"),
}
DAYS = ["%Y-%m-%d", "%Y-%m-%d 10:00:00", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%b %d, %Y", "%a, %d %b %Y 10:00:00 +0000"]
DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "end": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "iso8859-2"]),
        "money": st.sampled_from(sorted(MONEY)),
        "day": st.sampled_from(DAYS),
        "names": st.permutations(NAMES),
        "sep": st.booleans(),
        "packed": st.booleans(),
    }
)


def written(orders, dialect) -> bytes:
    """Return the orders as a file in the dialect, by the csv module."""
    text = io.StringIO(newline="")
    # the csv module leaves line ends other than its own without quotes
    quoting = csv.QUOTE_ALL if dialect["end"] == "\r" else dialect["quoting"]
    writer = csv.writer(text, delimiter=dialect["delimiter"], lineterminator=dialect["end"], quoting=quoting)
    if dialect["sep"]:
        text.write(f"sep={dialect['delimiter']}{dialect['end']}")
    writer.writerow(dialect["names"])
    for number, (who, day, amount, note) in enumerate(orders):
        cells = (f"A{number}", who, day.strftime(dialect["day"]), MONEY[dialect["money"]](amount), note)
        by_name = dict(zip(NAMES, cells, strict=True))
        writer.writerow(by_name[name] for name in dialect["names"])
    content = text.getvalue().encode(dialect["encoding"], "replace")
    return gzip.compress(content) if dialect["packed"] else content


@QUICK
@given(orders=ORDERS, dialect=DIALECTS)
def test_orders_survive_every_dialect(folder, orders, dialect):
    path = folder / "orders"
    path.write_bytes(written(orders, dialect))
    given_up = "iso8859-2" if dialect["encoding"] == "iso8859-2" else None  # no file says which one-byte encoding it is
    reading = Reading()
    try:
        read = read_orders([str(path)], ReadOptions(encoding=given_up), reading=reading, trace=True)
    except DataError as error:
        # the only other end: nothing in the file says how to read it, and the error says which flag does
        assert "can be read two ways" in error.message, error.message
        assert "--decimal" in error.hint or "--date-format" in error.hint
        return
    check_account(reading, len(orders))
    check_rejects(read)
    recoded = [tuple(_recoded(cell, dialect["encoding"]) for cell in order) for order in orders]
    expected = sorted(
        (f"A{n}", who, day, "refund" if amount < 0 else "order", amount, note or None)
        for n, (who, day, amount, note) in enumerate(recoded)
    )
    table = read.table.select("order_id", "customer_id", "order_date", "kind", "amount", "note")
    assert sorted(table.rows()) == expected


def _recoded(cell, encoding):
    return cell.encode(encoding, "replace").decode(encoding) if isinstance(cell, str) else cell


# --- bytes --------------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *(
            piece.encode()
            for piece in ["customer_id", "date", "amount", "order_id", "status", "a", "sep=", "1,234", "0"]
        ),
        *(piece.encode() for piece in ["2024-01-05", "31.12.2024", "1704412800", "-5.00", "(1)", "zł", "guest", "' "]),
        *(b",", b";", b"\t", b'"', b'""', b"\n", b"\r\n", b"\r", b"\n\n", b" "),
        *(
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"\xb3",
            b"\x81",
            b"\x0b",
            b"\x85",
            b"\xe2\x80\xa8",
            b"\0",
            b"\x1f\x8b",
            b"PAR1",
        ),
    ]
)
HEADERS = st.sampled_from(
    [b"", b"customer_id,date,amount\n", b"order_id;customer_id;date;total\r\n", b"a\tdate\tphone\n"]
)
ANY = st.tuples(HEADERS, st.lists(PIECES, max_size=40).map(b"".join) | st.binary(max_size=60)).map(b"".join)


@settings(QUICK, max_examples=100)
@given(content=ANY)
@example(content=b"customer_id,date\n" + b'a,"' + b"x" * 140_000)
@example(content=b'customer_id,"date' + b"x" * 140_000)
@example(content=b"customer_id,date\na\xe2\x80\xa8b,2024-01-05\n")
def test_any_bytes_give_a_table_or_an_error_of_ours(folder, content):
    path = folder / "bytes"
    path.write_bytes(content)
    reading = Reading()
    try:
        orders = read_orders([str(path)], reading=reading, trace=True)
    except ClvtoolError as error:
        assert error.message
        return
    check_account(reading, reading.rows_read)
    check_rejects(orders)
    assert orders.table["order_date"].null_count() == 0


@pytest.mark.parametrize("seed", range(3))
def test_damaged_archives_give_a_table_or_an_error_of_ours(folder, seed):
    import random

    chance = random.Random(seed)
    content = bytearray(gzip.compress(b"customer_id,date,amount\n" + b"ann,2024-01-05,5\n" * 50, mtime=0))
    for _ in range(40):
        broken = bytearray(content)
        broken[chance.randrange(2, len(content))] ^= 1 << chance.randrange(8)
        path = folder / "damaged"
        path.write_bytes(broken)
        try:
            read_orders([str(path)])
        except ClvtoolError as error:
            assert error.message


def test_truncated_parquet_is_an_error_of_ours(folder):
    path = folder / "orders.parquet"
    pl.DataFrame({"customer_id": ["ann"] * 50, "date": ["2024-01-05"] * 50}).write_parquet(path)
    content = path.read_bytes()
    for length in range(4, len(content), 37):
        path.write_bytes(content[:length])
        with pytest.raises(ClvtoolError, match="cannot be read"):
            read_orders([str(path)])


# --- what must not change -----------------------------------------------------------------------------------------------

BOOKS = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", ""]),
        st.sampled_from(["ann", "bob", "0", ""]),
        st.sampled_from(["2024-01-05", "2024-01-06", "", "soon"]),
        st.sampled_from(["5", "7.25", "-3", "0", "", "x"]),
        st.sampled_from(["paid", "cancelled", "refunded", "", "pending"]),
        st.sampled_from(["tea", "cup", ""]),
    ),
    min_size=1,
    max_size=12,
)


@settings(QUICK, max_examples=25)
@given(rows=BOOKS, data=st.data(), lines=st.booleans())
def test_the_order_of_rows_changes_nothing_and_every_row_is_accounted_for(folder, rows, data, lines):
    # with a product column equal rows are kept, with a note they are duplicates; the money of orders, refunds and rows
    # set aside is the same however the rows are shuffled
    header = f"order_id,customer_id,date,amount,status,{'product' if lines else 'note'}"
    told = []
    for shown in (rows, data.draw(st.permutations(rows))):
        text = "\n".join([header, *(",".join(row) for row in shown), ""])
        path = folder / "book.csv"
        path.write_text(text)
        reading = Reading()
        try:
            orders = read_orders([str(path)], reading=reading, trace=True)
        except DataError as error:
            told.append(error.message)
            continue
        check_account(reading, csv_rows(text))
        check_rejects(orders)
        told.append((sorted(orders.table.rows(), key=repr), reading.set_aside))
    assert told[0] == told[1]


@settings(QUICK, max_examples=15)
@given(rows=BOOKS, factor=st.sampled_from([Decimal("0.5"), Decimal(3), Decimal(1000)]))
def test_money_times_k_is_orders_times_k(folder, rows, factor):
    # nothing in the reading hangs on how large the amounts are
    header = "order_id,customer_id,date,amount,status,product"
    sums = []
    for times in (Decimal(1), factor):
        scaled = [
            (*row[:3], str(Decimal(row[3]) * times) if row[3] not in ("", "x") else row[3], *row[4:]) for row in rows
        ]
        path = folder / "money.csv"
        path.write_text("\n".join([header, *(",".join(row) for row in scaled), ""]))
        try:
            table = read_orders([str(path)], ReadOptions(decimal=".")).table
        except DataError:
            return
        sums.append(
            sorted(
                ((row[0] or "", row[1], row[2]), row[3] / times)
                for row in table.select("order_id", "order_date", "kind", "amount").iter_rows()
            )
        )
    assert sums[0] == sums[1]
