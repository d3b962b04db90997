"""No bytes whatever make the program fall: it ends with a documented code, in time, within bounds, and says one sentence."""

import faulthandler
import gzip
import io
import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from fuzzing import examples, kept_when_failing
from hypothesis import example, given
from hypothesis import strategies as st

from clvtool.cli.main import main

ROOT = Path(__file__).parents[2]
DOCUMENTED = {0, 2, 3, 4}
"""Also 5, but only of `fit`, for data that no model fits."""

PLAIN = "order_id,customer_id,order_date,amount,status\n" + "".join(
    f"{n},c{n % 7},2024-01-{n % 28 + 1:02},{n}.50,paid\n" for n in range(40)
)
POLISH = 'Numer zamówienia;Klient;Data;Kwota;Notka\n1;Żaneta;31.12.2024, 14:05;1 234,50 zł;"ćma; \nłoś"\n' * 2
SHOP = (
    "Name,Email,Financial Status,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Refunded Amount\n"
    "#1,ann@example.com,paid,12.50,2025-10-07 09:50:26 +0200,1,tea,10.00,0\n#1,ann@example.com,,,,1,cup,2.50,\n"
    "#2,bob@example.com,refunded,7,2025-10-08 09:50:26 +0200,1,cup,7,7\n"
)


def parquet() -> bytes:
    stream = io.BytesIO()
    pl.read_csv(io.StringIO(PLAIN), try_parse_dates=True).write_parquet(stream)
    return stream.getvalue()


def database() -> bytes:
    base = sqlite3.connect(":memory:")
    base.execute("create table orders (order_id, customer_id, order_date, amount)")
    base.executemany("insert into orders values (?, ?, ?, ?)", [(n, "ann", "2024-01-05", 5.5) for n in range(40)])
    base.commit()
    content = base.serialize()
    base.close()
    return content


VALID = {
    "json lines": b'{"customer_id": "ann", "date": "2024-01-05", "amount": 5, "at": {"shop": ["a"]}}\n\n' * 20,
    "database": database(),
    "plain": PLAIN.encode(),
    "polish": POLISH.encode("cp1250"),
    "utf-16": POLISH.encode("utf-16"),
    "shop": SHOP.encode(),
    "gzip": gzip.compress(PLAIN.encode(), mtime=0),
    "zstd": bytes(pa.compress(PLAIN.encode(), codec="zstd", asbytes=True)),
    "parquet": parquet(),
}
PIECES = st.sampled_from(
    [
        word.encode()
        for word in [
            "customer_id",
            "date",
            "amount",
            "order_id",
            "status",
            "a",
            "sep=",
            "1,234",
            "0",
            "2024-01-05",
            "31.12.2024",
        ]
    ]
    + [word.encode() for word in ["1704412800", "-5.00", "(1)", "zł", "guest", "' ", "=cmd|", "1e999", "NaN", "9" * 40]]
    + [b",", b";", b"\t", b'"', b'""', b"\n", b"\r\n", b"\r", b"\n\n", b" ", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"]
    + [b"\xb3", b"\x81", b"\x0b", b"\x85", b"\xe2\x80\xa8", b"\0", b"\x1f\x8b", b"PAR1", b"\x28\xb5\x2f\xfd", b"PK\3\4"]
)
HEADERS = st.sampled_from(
    [b"", b"customer_id,date,amount\n", b"order_id;customer_id;date;total\r\n", b"a\tdate\tphone\n"]
)
ANY = st.tuples(HEADERS, st.lists(PIECES, max_size=40).map(b"".join) | st.binary(max_size=60)).map(b"".join)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "double", "insert", "end"]), st.floats(0, 1), st.integers(0, 255), PIECES
    ),
    min_size=1,
    max_size=4,
)
COMMANDS = st.sampled_from(["inspect", "compute", "convert"])


def damaged(content: bytes, changes) -> bytes:
    """Return the bytes after each change at a place given as a part of their length."""
    broken = bytearray(content)
    for way, part, number, piece in changes:
        at = int(part * len(broken))
        if way == "flip" and at < len(broken):
            broken[at] ^= number or 1
        elif way == "cut":
            del broken[at : at + number]
        elif way == "double":
            broken[at:at] = broken[at : at + number]
        elif way == "insert":
            broken[at:at] = piece
        elif way == "end":
            del broken[at:]
    return bytes(broken)


@contextmanager
def bounded(seconds: int = 60, gigabytes: int = 6):
    """End this process, with its stack, when it takes that long; take memory away from it beyond that much more."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
    resource.setrlimit(resource.RLIMIT_AS, (used + (gigabytes << 30), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        faulthandler.cancel_dump_traceback_later()


def run(*words: str) -> tuple[int, bytes, str]:
    """Run the program in this process; return code, stdout and stderr."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), bounded():
        code = main(words)
        out.flush()
        return code, out.buffer.getvalue(), err.getvalue()


def check(folder: Path, content: bytes, command: str) -> None:
    path, rejects = folder / "bytes", folder / "rejects.ndjson"
    path.write_bytes(content)
    with kept_when_failing(content, "bytes"):
        code, out, err = run(command, str(path), "--format", "json", "--rejects", str(rejects))
        ends_well(code, out, err)
        if code == 0 and command == "inspect":
            account_adds_up(json.loads(out), rejects)


def ends_well(code: int, out: bytes, err: str) -> None:
    assert code in DOCUMENTED, err
    assert "Traceback" not in err
    if code:
        assert out == b""
        sentence, *hint = [json.loads(err)["error"]] if err.startswith("{") else err.splitlines()
        assert sentence
        assert all(line.startswith("hint: ") for line in hint), err


def account_adds_up(told: dict, rejects: Path) -> None:
    if any(row["section"] == "problem" for row in told["rows"]):
        return
    rows = {row["item"]: row["rows"] for row in told["rows"] if row["section"] == "rows"}
    aside = sum(row["rows"] for row in told["rows"] if row["section"] == "set aside")
    assert (
        rows["read"]
        == rows["used"] + aside
        == sum(row["rows"] for row in told["rows"] if (row["section"], row["item"]) == ("source", "rows"))
    )
    assert aside == len(rejects.read_bytes().splitlines())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bytes")


@examples(60)
@given(content=ANY, command=COMMANDS)
@example(content=b"customer_id,date\n" + b'a,"' + b"x" * 140_000, command="inspect")
@example(content=b'customer_id,"date' + b"x" * 140_000, command="inspect")
@example(content=b"customer_id,date\na\xe2\x80\xa8b,2024-01-05\n", command="inspect")
def test_any_bytes_end_in_a_table_or_one_sentence(folder, content, command):
    check(folder, content, command)


@examples(80)
@given(name=st.sampled_from(sorted(VALID)), changes=CHANGES, command=COMMANDS)
def test_a_damaged_file_ends_in_a_table_or_one_sentence(folder, name, changes, command):
    check(folder, damaged(VALID[name], changes), command)


@examples(20)
@given(changes=CHANGES, command=COMMANDS)
def test_a_damaged_converted_file_ends_in_a_table_or_one_sentence(folder, changes, command):
    # it carries an account that is believed
    source, target = folder / "plain.csv", folder / "converted.parquet"
    if not target.exists():
        source.write_text(PLAIN)
        assert run("convert", str(source), "-o", str(target))[0] == 0
    path = folder / "converted"
    path.write_bytes(damaged(target.read_bytes(), changes))
    with kept_when_failing(path.read_bytes(), "converted"):
        ends_well(*run(command, str(path), "--format", "csv"))


RATES = b"currency,rate,date\nPLN,1,2023-01-01\nEUR,4.30,2023-01-01\nEUR,4.25,2024-01-01\n"


@examples(20)
@given(changes=CHANGES, other=st.just(b"") | ANY)
def test_a_damaged_file_of_rates_ends_in_a_table_or_one_sentence(folder, changes, other):
    orders, path = folder / "currencies.csv", folder / "rates"
    orders.write_text("customer_id,date,amount,currency\nann,2024-01-05,5,EUR\nbob,2024-01-06,6,PLN\n")
    path.write_bytes(other or damaged(RATES, changes))
    with kept_when_failing(path.read_bytes(), "rates"):
        ends_well(*run("compute", str(orders), "--rates", str(path), "--format", "csv"))


OPTIONS = [
    "--map",
    "--profile",
    "--encoding",
    "--delimiter",
    "--decimal",
    "--date-format",
    "--tz",
    "--currency",
    "--keep-status",
    "--as-of",
    "--where",
    "--refunds",
    "--zero-orders",
    "--by",
    "--horizon",
    "--discount",
    "--margin",
    "--lifespan",
    "--active-window",
    "--period",
    "--cac",
    "--metric",
    "--level",
    "--hash-ids",
    "--rates",
    "--format",
    "--limit",
]
WORDS = st.one_of(
    st.sampled_from(
        [
            "customer_id=x",
            "amount=amount",
            "a=b",
            "=",
            "%Y",
            "%%",
            "%d.%m.%Y",
            "%Q",
            "%B",
            ",",
            ".",
            ";",
            "utf-16",
            "cp1250",
            "-1",
            "0",
            "1e99",
            "nan",
            "inf",
        ]
    ),
    st.sampled_from(
        [
            "12m",
            "999999999y",
            "9999-12-31",
            "0001-01-01",
            "2024-02-30",
            "status=paid",
            "status",
            "EUR",
            "paid",
            "auto",
            "month",
            "x",
        ]
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
)


@examples(40)
@given(words=st.lists(st.tuples(st.sampled_from(OPTIONS), WORDS), min_size=1, max_size=2), command=COMMANDS)
def test_any_words_for_options_end_in_a_table_or_one_sentence(folder, words, command):
    path = folder / "plain.csv"
    path.write_text(PLAIN)
    ends_well(*run(command, str(path), *(f"{option}={word}" for option, word in words)))


def test_the_same_as_a_process_of_its_own(tmp_path):
    # nothing of the above leaves traces in a process that ends: no code of Python's own, no words of a library
    chance = random.Random(5)
    for content in (chance.randbytes(5000), VALID["gzip"][:60], VALID["parquet"][:-9]):
        path = tmp_path / "bytes"
        path.write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-m", "clvtool", "compute", str(path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=ROOT,
            env=os.environ | {"RUST_BACKTRACE": "0"},
        )
        assert done.returncode in {3, 4}
        assert done.stdout == ""
        assert [line.split(":")[0] for line in done.stderr.splitlines()] in (["error"], ["error", "hint"])
