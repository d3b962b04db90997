"""Runs that are not let to end: killed, interrupted, out of disk, or two at once. The old file or the whole new one."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import pytest

from clvtool.cli.main import main

ROOT = Path(__file__).parent.parent
PROGRAM = [sys.executable, "-m", "clvtool"]
ROWS = 20_000
COMMANDS = {
    # what is written, by which command; a second target beside it where there is one
    "csv": ["convert", "orders.csv", "-o", "r.csv", "--rejects", "rejects.csv"],
    "json": ["convert", "orders.csv", "-o", "r.json", "--rejects", "rejects.json"],
    "parquet": ["convert", "orders.csv", "-o", "r.parquet", "--rejects", "rejects.parquet"],
    "model": ["fit", "orders.csv", "-o", "r.md", "--save", "model.json"],
}


@pytest.fixture(scope="module")
def ram():
    """A directory in memory where there is one: what is tested is no disk."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def orders(ram):
    """A file with orders and rows to set aside, both of about a megabyte."""
    path = ram / "orders.csv"
    lines = ["order_id,customer_id,order_date,amount,note"]
    for n in range(ROWS):
        day = "soon" if n % 3 == 0 else f"20{22 + n % 2}-{n % 12 + 1:02}-{n % 28 + 1:02}"
        lines.append(f"{n},c{n * 7919 % 5000},{day},{n % 90 + 5}.25,note number {n}")
    path.write_text("\n".join([*lines, ""]))
    return path


@pytest.fixture(scope="module")
def whole(orders, ram):
    """Return what each command writes when it is let to: command → name → bytes."""
    contents = {}
    for name, words in COMMANDS.items():
        folder = workplace(ram, f"whole_{name}", orders)
        before = Path.cwd()
        os.chdir(folder)
        try:
            assert main(words) == 0
        finally:
            os.chdir(before)
        contents[name] = {path.name: path.read_bytes() for path in targets(folder)}
        assert len(contents[name]) == 2
    return contents


def workplace(ram, name, orders):
    folder = ram / name
    folder.mkdir()
    (folder / "orders.csv").symlink_to(orders)
    return folder


def targets(folder):
    return sorted(path for path in folder.iterdir() if path.name != "orders.csv")


def start(folder, words, **options):
    for name in (words[words.index("-o") + 1], words[-1]):
        (folder / name).write_bytes(b"old")
    return subprocess.Popen(
        [*PROGRAM, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def wait_until_it_reads(process):
    """Wait until the command has loaded what it works with: from here on it reads, computes and writes."""
    while process.poll() is None and "polars" not in Path(f"/proc/{process.pid}/maps").read_text():
        time.sleep(0.002)


def old_or_whole(folder, contents):
    for name, content in contents.items():
        assert (folder / name).read_bytes() in (b"old", content), name


KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
QUICK = {("csv", INT), ("parquet", INT), ("model", INT), ("csv", KILL), ("model", KILL), ("json", TERM)}


@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param(name, how, marks=[] if (name, how) in QUICK else pytest.mark.slow)
        for name in sorted(COMMANDS)
        for how in (KILL, TERM, INT)
    ],
)
def test_a_run_that_is_ended_at_any_moment_leaves_whole_files(ram, orders, whole, name, how):
    # SIGTERM is not caught: the process is gone at once, as after SIGKILL, and the next run clears up after it
    folder = workplace(ram, f"{name}_{how}", orders)
    with start(folder, COMMANDS[name]) as process:
        wait_until_it_reads(process)
        time.sleep(Random(f"{name} {how}").uniform(0.1, 0.8))
        process.send_signal(how)
        out, err = process.communicate(timeout=60)
    old_or_whole(folder, whole[name])
    assert (out, err) == (b"", b"")
    if how == INT:
        # an interpreter that is interrupted dies of the signal itself, which a shell also tells as 130
        assert process.returncode in {0, 130, -INT}
        assert {path.name for path in targets(folder)} == set(whole[name])
    else:
        assert process.returncode in {0, -how}
        with start(folder, COMMANDS[name]) as process:
            assert process.communicate(timeout=60) == (b"", b"")
        assert {path.name: path.read_bytes() for path in targets(folder)} == whole[name]


def test_writers_of_every_format_killed_while_they_write(ram):
    folder = ram / "killed"
    folder.mkdir()
    script = ROOT / "tests" / "report" / "killed_writers.py"
    done = subprocess.run(
        [sys.executable, str(script), str(folder), "2"], capture_output=True, text=True, check=False, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=120,
    )  # fmt: skip
    assert done.stdout == "whole\n", done.stderr


def test_ctrl_c_while_the_program_is_being_loaded(monkeypatch):
    # before there is anything to end: no traceback of half an import
    from clvtool.__main__ import run

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("clvtool.cli.main.main", interrupted)
    assert run() == 130
    monkeypatch.setattr("builtins.__import__", interrupted)
    assert run() == 130


# --- no room --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_disk(ram):
    """A disk of 60 kB, for those who may mount one."""
    folder = ram / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=60k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", ["r.csv", "r.json", "r.ndjson", "r.md", "r.parquet"])
def test_a_full_disk_leaves_the_old_file_and_no_other(small_disk, orders, name, capsys):
    target = small_disk / name
    target.write_bytes(b"old")
    assert main(["convert", str(orders), "-o", str(target)]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{name} cannot be written: no space left on the device" in said.err
    assert target.read_bytes() == b"old"
    assert [path.name for path in small_disk.iterdir()] == [name]
    target.unlink()


def test_a_full_disk_for_the_rows_set_aside(small_disk, orders, capsys):
    assert main(["inspect", str(orders), "--rejects", str(small_disk / "rejects.csv")]) == 3
    assert capsys.readouterr().out == ""
    assert list(small_disk.iterdir()) == []


def test_no_room_for_standard_input_is_no_fault_of_it(small_disk, orders):
    # what is read once only goes into a temporary file first
    done = subprocess.run(
        [*PROGRAM, "inspect", "-"],
        input=orders.read_bytes(),
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(small_disk)},
    )
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr == b"error: output cannot be written: No space left on device\n"
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("name", ["csv", "model"])
def test_a_limit_on_the_size_of_files_leaves_the_old_one(ram, orders, name):
    # as a full disk, for those who may not mount one; the model is small, so its limit is smaller
    folder = workplace(ram, f"limit_{name}", orders)
    most = 1000 if name == "model" else 100_000
    with start(
        folder, COMMANDS[name], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    ) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, b"")
    assert err.startswith(b"error: ")
    assert b"cannot be written: File too large" in err
    assert {path.read_bytes() for path in targets(folder)} == {b"old"}
    assert len(targets(folder)) == 2


# --- two at once, and nobody who listens ----------------------------------------------------------------------------


def test_two_runs_at_once_leave_the_file_of_one_of_them(ram, orders, whole):
    folder = workplace(ram, "two", orders)
    together = [start(folder, ["convert", "orders.csv", "--format", form, "-o", "r"]) for form in ("csv", "json")]
    for process in together:
        assert process.communicate(timeout=60) == (b"", b"")
        assert process.returncode == 0
    assert (folder / "r").read_bytes() in (whole["csv"]["r.csv"], whole["json"]["r.json"])
    assert [path.name for path in targets(folder)] == ["r"]


@pytest.mark.parametrize("form", ["json", "parquet", "table"])
def test_a_reader_that_has_seen_enough(orders, form):
    # a megabyte and more for a pipe of 64 kB, so that writing surely meets its end
    with subprocess.Popen(
        [*PROGRAM, "convert", str(orders), "--format", form],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert len(process.stdout.read(1)) == 1
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
