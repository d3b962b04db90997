"""Which form goes where, in a process of its own where that is a matter of the process."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from clvtool.errors import OutputError, UsageError
from clvtool.report.emit import choose, emit
from clvtool.result import Result

PROGRAM = [sys.executable, str(Path(__file__).with_name("fake_program.py")), "shop", "ok"]
CUSTOMERS = Result(
    "customers", "Customers", pl.DataFrame({"customer_id": range(60)}), notes=("a [note]",), as_of=date(2024, 3, 31)
)


@pytest.fixture(autouse=True)
def buffered(monkeypatch):
    """Let our processes buffer as they do for a user: what is left in a buffer at the end is a part of the tests."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


def pretend_terminal(monkeypatch):
    """Make stdout and stderr of this process look like terminals."""
    monkeypatch.setenv("TERM", "dumb")
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)


def at_a_pty(*arguments, both=False, **environment):
    """Run the program with stderr, and with `both` also stdout, on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    with subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs if both else subprocess.PIPE,
        stderr=theirs,
        env=clean | {"TERM": "xterm"} | environment,
    ) as process:
        os.close(theirs)
        piped = process.stdout.read() if process.stdout else b""
        seen = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux says so at the end
                break
            if not piece:
                break
            seen += piece
    os.close(ours)
    return process.returncode, piped.decode(), seen.decode().replace("\r\n", "\n")


def test_a_pipe_gets_csv_and_silence(capsys):
    emit(CUSTOMERS, limit=2)
    assert capsys.readouterr() == ("customer_id\n0\n1\n", "")


def test_a_terminal_gets_a_table_of_fifty_rows(capsys, monkeypatch):
    pretend_terminal(monkeypatch)
    emit(CUSTOMERS)
    told = capsys.readouterr()
    assert "\n         49\n… 10 more rows: see all with --limit 60, or save them with -o FILE.csv\n" in told.out
    assert told.err == ""  # the table carries its notes itself


@pytest.mark.parametrize("chosen", ["csv", "json", "ndjson", "markdown", "table"])
def test_only_a_table_at_a_terminal_is_cut_unasked(capsys, chosen):
    emit(CUSTOMERS, format=chosen)
    assert "59" in capsys.readouterr().out
    emit(CUSTOMERS, format=chosen, limit=3)
    told = capsys.readouterr().out
    assert "2" in told
    assert "59" not in told


def test_a_limit_cuts_a_file_too(tmp_path):
    emit(CUSTOMERS, output=tmp_path / "c.parquet", limit=3)
    assert pl.read_parquet(tmp_path / "c.parquet").height == 3


def test_notes_go_to_a_terminal_when_the_format_has_no_place_for_them(capsys, monkeypatch):
    pretend_terminal(monkeypatch)
    emit(CUSTOMERS, format="csv", limit=1)
    assert capsys.readouterr() == ("customer_id\n0\n", "note: a [note]\n")
    emit(CUSTOMERS, format="json", limit=1)
    assert capsys.readouterr().err == ""
    emit(CUSTOMERS, format="csv", limit=1, quiet=True)
    assert capsys.readouterr().err == ""


def test_verbose_tells_the_notes_in_every_case(capsys):
    emit(CUSTOMERS, format="json", verbose=True)
    assert capsys.readouterr().err == "note: a [note]\n"


def test_binary_does_not_go_to_a_terminal(monkeypatch):
    pretend_terminal(monkeypatch)
    with pytest.raises(UsageError, match="parquet is binary"):
        choose("parquet", None)


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path):
    with pytest.raises(UsageError):
        choose(None, tmp_path / "r.xlsx")
    with pytest.raises(OutputError):
        choose("csv", tmp_path / "missing" / "r.csv")
    assert choose("json", tmp_path / "r.csv") == "json"


def test_parquet_goes_into_a_pipe(tmp_path):
    with (tmp_path / "r").open("wb") as stream:
        subprocess.run([*PROGRAM, "--format", "parquet"], stdout=stream, check=True)
    assert pl.read_parquet(tmp_path / "r").height == 3


def test_at_a_terminal_there_is_a_table_with_emphasis_and_data_are_no_markup():
    code, _, seen = at_a_pty(both=True)
    assert code == 0
    assert "\x1b[1mCustomers\x1b[0m\nas of 2024-03-31\n" in seen
    assert "          0  Ann [red]       12.5%\n" in seen
    assert "\x1b[1mcustomer_id  name       churn_rate\x1b[0m" in seen


def test_no_color_means_no_escape_codes_and_columns_decides_the_width():
    _, _, seen = at_a_pty(both=True, NO_COLOR="1", COLUMNS="30")
    assert "\x1b" not in seen
    # too narrow for 34 cells of table: blocks
    assert "churn_rate:  12.5%\n" in seen


def test_force_color_does_not_colour_data():
    code, piped, seen = at_a_pty(FORCE_COLOR="1")
    assert code == 0
    assert piped == "customer_id,name,churn_rate\n0,Ann [red],0.125\n1,Ann [red],0.125\n2,Ann [red],0.125\n"
    assert seen == "note: made up\n"


def test_a_closed_pipe_is_silent():
    # far more than the pipe holds, so that the program is still writing when head has gone
    with (
        subprocess.Popen([*PROGRAM, "--rows", "1000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program,
        subprocess.Popen(["head", "-1"], stdin=program.stdout, stdout=subprocess.PIPE) as head,
    ):
        program.stdout.close()
        assert head.stdout.read() == b"customer_id,name,churn_rate\n"
        assert program.stderr.read() == b""
    assert program.returncode == 0


@pytest.mark.parametrize("arguments", [["--format", "csv"], ["--format", "table"]])
def test_a_full_disk_behind_stdout_is_an_error_of_output(arguments):
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.stderr == (
        "error: standard output cannot be written: No space left on device\nhint: write to a file with -o FILE\n"
    )
    assert ended.returncode == 3


def test_dev_stdout_appends_where_the_shell_appends(tmp_path):
    log = tmp_path / "log"
    log.write_text("begun\n")
    with log.open("ab") as stream:
        subprocess.run([*PROGRAM, "-o", "/dev/stdout", "--limit", "1"], stdout=stream, check=True)
    assert log.read_text() == "begun\ncustomer_id,name,churn_rate\n0,Ann [red],0.125\n"


def test_a_table_for_people_may_be_another_one(capsys):
    short = Result("r", "R", pl.DataFrame({"long": [1, 2]}), screen=pl.DataFrame({"wide": [3]}))
    emit(short, format="table")
    assert "wide" in capsys.readouterr().out
    emit(short, format="csv")
    assert capsys.readouterr().out == "long\n1\n2\n"
