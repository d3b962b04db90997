"""What the program tells the shell when it ends."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated

import polars as pl
import pytest
import typer

from clvtool import __version__
from clvtool.cli.main import main
from clvtool.cli.output import Deliver
from clvtool.errors import DataError
from clvtool.result import Result

PROGRAM = [sys.executable, str(Path(__file__).parent / "report" / "fake_program.py")]


@pytest.fixture(autouse=True)
def buffered(monkeypatch):
    """Let our processes buffer as they do for a user: what is left in a buffer at the end is a part of the tests."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


@dataclass(frozen=True)
class Reading:
    mapped: Annotated[list[str] | None, typer.Option("--map", help="canonical=Source")] = None
    tz: Annotated[str | None, typer.Option("--tz")] = None


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the program with one command that does what the test says; return (code, stdout, stderr)."""

    def do(action, *arguments):
        def try_it(
            source: Annotated[str, typer.Argument(metavar="INPUT", help="A file [or two].")],
            reading: Reading,
            deliver: Deliver,
        ) -> None:
            """Try it [once]."""
            action(source, reading, deliver)

        module = ModuleType("clvtool.cli.try_it")
        module.try_it = try_it
        monkeypatch.setitem(sys.modules, module.__name__, module)
        code = main(list(arguments), commands=[("Value", "try_it")])
        return code, *capsys.readouterr()

    return do


def nothing(*_):
    """Do nothing: the arguments are what is tested."""


def fail(error):
    def action(*_):
        raise error

    return action


def test_a_command_gets_its_arguments_in_bundles(run):
    got = []
    code, out, err = run(
        lambda *given: got.extend(given), "try-it", "f.csv", "--map", "a=b", "--map", "c=d", "--limit", "7", "-q"
    )
    assert (code, out, err) == (0, "", "")
    assert got == ["f.csv", Reading(mapped=["a=b", "c=d"]), Deliver(limit=7, quiet=True)]


def test_a_command_hands_over_its_result(run):
    result = Result("r", "R", pl.DataFrame({"n": [1, 2]}))
    assert run(lambda _, __, deliver: deliver(result), "try-it", "f", "--limit", "1") == (0, "n\n1\n", "")


def test_the_exit_code_of_a_command_is_the_exit_code(run):
    assert run(fail(typer.Exit(6)), "try-it", "f") == (6, "", "")


def test_an_error_is_a_sentence_and_a_hint_and_no_markup(run):
    error = DataError("column [red]Total\x1b is missing", "did you mean Subtotal?")
    assert run(fail(error), "try-it", "f") == (
        4, "", "error: column [red]Total␛ is missing\nhint: did you mean Subtotal?\n",
    )  # fmt: skip
    assert run(fail(DataError("no rows")), "try-it", "f") == (4, "", "error: no rows\n")


@pytest.mark.parametrize("asked", [["--format", "json"], ["--format=json"]])
def test_with_json_an_error_is_one_line_of_json(run, asked):
    code, out, err = run(fail(DataError("no [ż] rows", "look")), "try-it", "f", *asked)
    assert (code, out) == (4, "")
    assert err == '{"error": "no [ż] rows", "hint": "look", "exit_code": 4}\n'


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["try-it", "f", "--limt", "3"], "no such option: --limt", "did you mean --limit?"),
        (["try-it"], "missing argument 'INPUT'", "`clvtool try-it --help` says what there is"),
        (["try-it", "f", "g"], "got unexpected extra argument(s) (g)", "`clvtool try-it --help` says what there is"),
        (["tri-it"], "no such command 'tri-it'", "did you mean 'try-it'?"),
        (["--nope"], "no such option: --nope", "`clvtool --help` says what there is"),
        (["try-it", "f", "--limit"], "option '--limit' requires an argument", "`clvtool --help` says what there is"),
    ],
)
def test_a_wrong_usage_has_the_same_shape(run, arguments, error, hint):
    assert run(nothing, *arguments) == (2, "", f"error: {error}\nhint: {hint}\n")
    code, out, err = run(nothing, *arguments, "--format", "json") if arguments[-1] != "--limit" else (2, "", None)
    assert (code, out) == (2, "")
    if err:
        assert json.loads(err)["exit_code"] == 2


def test_a_wrong_value_names_the_option_and_what_there_is(run):
    code, _, err = run(nothing, "try-it", "f", "--format", "xml")
    assert code == 2
    assert err.startswith("error: invalid value for '--format': 'xml' is not one of 'table', 'csv', 'json'")


def test_the_output_is_refused_before_the_work(run, tmp_path):
    bug = fail(AssertionError("the work began"))
    assert run(bug, "try-it", "f", "-o", str(tmp_path / "r.xlsx"))[0] == 2
    assert run(bug, "try-it", "f", "-o", str(tmp_path / "missing" / "r.csv"))[0] == 3
    assert run(bug, "try-it", "f", "-o", str(tmp_path))[0] == 3


def test_a_flag_outweighs_the_environment_and_so_does_an_extension(run, monkeypatch, tmp_path):
    monkeypatch.setenv("CLVTOOL_FORMAT", "json")
    got = []
    for arguments in ([], ["--format", "csv"], ["-o", str(tmp_path / "r.csv")]):
        run(lambda _, __, deliver: got.append(deliver.format), "try-it", "f", *arguments)
    assert got == ["json", "csv", None]


def test_a_bug_is_one_line_and_with_debug_a_traceback(run):
    code, out, err = run(fail(ZeroDivisionError("division\nby zero")), "try-it", "f")
    assert (code, out) == (1, "")
    assert err == (
        "error: internal error: ZeroDivisionError: division\nhint: this is a bug; --debug shows where it is\n"
    )
    code, out, err = run(fail(ZeroDivisionError("division")), "try-it", "f", "--debug")
    assert (code, out) == (1, "")
    assert err.startswith("Traceback (most recent call last):")
    assert "error: internal error: ZeroDivisionError: division\n" in err


def test_a_panic_of_polars_is_a_bug_too(run):
    # it is no Exception, and would pass by an `except Exception`
    assert run(fail(pl.exceptions.PanicException("index out of bounds")), "try-it", "f")[0] == 1


def test_an_interruption_says_nothing(run):
    assert run(fail(KeyboardInterrupt()), "try-it", "f") == (130, "", "")
    assert run(fail(typer.Abort()), "try-it", "f") == (130, "", "")


def test_version_and_help(run):
    assert run(nothing, "--version") == (0, f"clvtool {__version__}\n", "")
    assert run(nothing)[:2] == run(nothing, "--help")[:2] == run(nothing, "-h")[:2]
    code, out, err = run(nothing)
    assert (code, err) == (0, "")
    assert re.search(r"─ Value ─.*\n.* try-it +Try it \[once\]\.", out)


def process(*arguments, **options):
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=60, **options)


def test_the_help_of_a_command_shows_its_example_as_one_line_at_80_columns():
    told = process("shop", "--help", env=os.environ | {"COLUMNS": "80"})
    assert told.returncode == 0
    assert told.stderr == ""
    assert " Say what the customers of a shop [or two] are worth.\n" in re.sub(" +\n", "\n", told.stdout)
    assert " clvtool shop sample_data/orders.csv --rows 12 --format json --limit 3 -q\n" in re.sub(
        " +\n", "\n", told.stdout
    )
    assert "What to do [ok, slow]." in told.stdout
    assert "─ Output ─" in told.stdout
    assert max(map(len, told.stdout.splitlines())) == 80


@pytest.mark.parametrize("arguments", [["--help"], ["shop", "--help"]])
def test_help_loads_no_heavy_library(arguments):
    # each of them costs more than all the rest of the help
    told = subprocess.run(
        [sys.executable, "-X", "importtime", *PROGRAM[1:], *arguments], capture_output=True, text=True, check=True
    )
    loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in told.stderr.splitlines() if "|" in line}
    assert "typer" in loaded
    assert not loaded & {"polars", "numpy", "scipy", "pyarrow", "pandas", "duckdb"}


def test_ctrl_c_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "r.csv"
    target.write_text("old")
    with subprocess.Popen(
        [*PROGRAM, "shop", "slow", "-o", str(target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as running:
        assert running.stdout.readline() == b"started\n"
        assert len(list(tmp_path.iterdir())) == 2
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does it
        assert running.stderr.read() == b""
    assert running.returncode == 130
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]
    assert target.read_text() == "old"


@pytest.mark.parametrize("stream", [1, 2])
def test_a_stream_closed_by_the_caller_is_no_bug(stream, tmp_path):
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {stream}>&-', "sh", *PROGRAM, "shop", "ok", "-o", str(tmp_path / "r.csv")], check=False
    )
    assert ended.returncode == 0
    assert (tmp_path / "r.csv").read_text().startswith("customer_id,name,churn_rate\n0,")


@pytest.mark.parametrize("arguments", [["shop", "ok"], ["shop", "ok", "--format", "table"], ["--help"]])
def test_an_answer_for_a_closed_stream_is_not_lost_in_silence(arguments):
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, *arguments], stderr=subprocess.PIPE, check=False
    )
    assert ended.returncode == 3
    assert b"output cannot be written" in ended.stderr


def test_help_into_a_closed_pipe_is_silent():
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run([*PROGRAM, "--help"], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_an_error_that_nobody_reads_keeps_its_exit_code():
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run([*PROGRAM, "shop", "--nope"], stdout=subprocess.DEVNULL, stderr=writing, check=False)
    os.close(writing)
    assert ended.returncode == 2


def test_help_onto_a_full_disk_is_an_error_of_output():
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([*PROGRAM, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 3
    assert ended.stderr == "error: output cannot be written: No space left on device\n"
