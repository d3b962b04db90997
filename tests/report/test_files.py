"""Files: the old one or the whole new one."""

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date
from pathlib import Path
from random import Random

import polars as pl
import pytest

from clvtool.errors import OutputError, UsageError
from clvtool.report.files import check_target, format_of, write_atomically, write_result
from clvtool.result import Result

ORDERS = Result(
    "orders",
    "Orders",
    pl.DataFrame({"customer_id": ["C1", "C2"], "orders": [1, 2]}),
    notes=("a note",),
    as_of=date(2024, 3, 31),
    definitions={"orders": "not cancelled"},
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("r.csv", b"customer_id,orders\n"),
        ("r.CSV", b"customer_id,orders\n"),
        ("r.json", b'{\n"title": "Orders"'),
        ("r.ndjson", b'{"customer_id":"C1"'),
        ("r.md", b"### Orders"),
        ("r.markdown", b"### Orders"),
        ("r.parquet", b"PAR1"),
    ],
)
def test_the_extension_names_the_format(tmp_path, name, begins):
    write_result(ORDERS, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert names(tmp_path) == [name]


def test_a_format_that_was_given_outweighs_the_extension(tmp_path):
    write_result(ORDERS, tmp_path / "r.csv", "json")
    assert json.loads((tmp_path / "r.csv").read_bytes())["title"] == "Orders"
    write_result(ORDERS, tmp_path / "r.txt", "table")
    assert (tmp_path / "r.txt").read_text().startswith("Orders\nas of 2024-03-31\n\ncustomer_id  orders\n")


@pytest.mark.parametrize("name", ["r.xlsx", "r", "r.cvs"])
def test_an_unknown_extension_is_a_wrong_usage_that_lists_the_known(tmp_path, name):
    with pytest.raises(UsageError) as raised:
        format_of(tmp_path / name)
    assert ".csv" in raised.value.hint
    assert "--format" in raised.value.hint


def test_parquet_carries_the_meaning_and_is_the_same_every_time(tmp_path):
    for name in ("a.parquet", "b.parquet"):
        write_result(ORDERS, tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert pl.read_parquet(tmp_path / "a.parquet").equals(ORDERS.table)
    assert json.loads(pl.read_parquet_metadata(tmp_path / "a.parquet")["clvtool"]) == {
        "title": "Orders",
        "as_of": "2024-03-31",
        "currency": None,
        "notes": ["a note"],
        "definitions": {"orders": "not cancelled"},
    }


def test_parquet_of_no_rows_can_be_read(tmp_path):
    nothing = Result("n", "N", ORDERS.table.head(0))
    write_result(nothing, tmp_path / "n.parquet")
    assert pl.read_parquet(tmp_path / "n.parquet").equals(nothing.table)


@pytest.mark.parametrize("ending", [ValueError("a bug"), KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, ending):
    target = tmp_path / "r.csv"
    target.write_text("old")

    def fail(stream):
        stream.write(b"half of the new")
        stream.flush()
        raise ending

    with pytest.raises(OutputError if isinstance(ending, OSError) else type(ending)) as raised:
        write_atomically(target, fail)
    if isinstance(ending, OSError):
        assert str(raised.value) == f"{target} cannot be written: no space left on the device"
    assert target.read_text() == "old"
    assert names(tmp_path) == ["r.csv"]


def test_a_missing_directory_and_a_directory_are_named(tmp_path):
    for attempt in (check_target, lambda path: write_result(ORDERS, path)):
        with pytest.raises(OutputError, match=r"there is no directory .*missing") as raised:
            attempt(tmp_path / "missing" / "r.csv")
        assert raised.value.exit_code == 3
    (tmp_path / "d.csv").mkdir()
    for attempt in (check_target, lambda path: write_result(ORDERS, path)):
        with pytest.raises(OutputError, match="it is a directory"):
            attempt(tmp_path / "d.csv")
    assert not list(tmp_path.rglob(".clvtool-*"))


def test_a_full_disk_is_named():
    # /dev/full is a device that always says ENOSPC
    for name in ("csv", "parquet"):
        with pytest.raises(OutputError, match=r"^/dev/full cannot be written: no space left on the device$"):
            write_result(ORDERS, Path("/dev/full"), name)


@pytest.fixture
def as_nobody():
    """Two directories, one closed for writing, seen with the rights of nobody; who is not root needs no change."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        for name, mode in (("closed", 0o555), ("open", 0o777)):
            (Path(folder) / name).mkdir()
            (Path(folder) / name / "r.csv").write_text("old")
            (Path(folder) / name / "r.csv").chmod(0o444)
            (Path(folder) / name).chmod(mode)
        if root:
            os.seteuid(65534)
        yield Path(folder)
        if root:
            os.seteuid(0)
        (Path(folder) / "closed").chmod(0o755)


def test_what_may_not_be_written_is_named_and_stays(as_nobody):
    # open/r.csv is write-protected: that its directory would allow a new file in its place changes nothing
    for name in ("closed/new.csv", "closed/r.csv", "open/r.csv"):
        with pytest.raises(OutputError, match="permission denied"):
            write_result(ORDERS, as_nobody / name)
    assert names(as_nobody / "closed") == names(as_nobody / "open") == ["r.csv"]
    assert (as_nobody / "open" / "r.csv").read_text() == "old"


def test_the_mode_of_a_file_is_kept_and_a_new_one_obeys_the_umask(tmp_path):
    old = tmp_path / "old.csv"
    old.write_text("old")
    old.chmod(0o604)
    before = os.umask(0o027)
    try:
        for name in ("old.csv", "new.csv"):
            write_result(ORDERS, tmp_path / name)
    finally:
        os.umask(before)
    assert stat.S_IMODE(old.stat().st_mode) == 0o604
    assert stat.S_IMODE((tmp_path / "new.csv").stat().st_mode) == 0o640


@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_is_written_through(tmp_path, exists):
    real, link = tmp_path / "real", tmp_path / "link.csv"
    real.mkdir()
    link.symlink_to(real / "r.csv")
    if exists:
        (real / "r.csv").write_text("old")
    write_result(ORDERS, link)
    assert link.is_symlink()
    assert (real / "r.csv").read_text() == "customer_id,orders\nC1,1\nC2,2\n"


def test_links_in_a_circle_and_to_a_directory_are_named(tmp_path):
    circle, folder = tmp_path / "circle.csv", tmp_path / "folder.csv"
    circle.symlink_to(tmp_path / "back.csv")
    (tmp_path / "back.csv").symlink_to(circle)
    (tmp_path / "real").mkdir()
    folder.symlink_to(tmp_path / "real")
    for path, reason in ((circle, "its symbolic links lead in a circle"), (folder, "it is a directory")):
        for attempt in (check_target, lambda target: write_result(ORDERS, target)):
            with pytest.raises(OutputError, match=reason):
                attempt(path)
        assert path.is_symlink()
    assert names(tmp_path) == ["back.csv", "circle.csv", "folder.csv", "real"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the process would end, and close it
def test_ctrl_c_between_the_new_file_and_its_first_byte(tmp_path, monkeypatch):
    # a disk that is slow to make the file lets an interruption in right behind it
    target = tmp_path / "r.csv"
    target.write_text("old")

    def interrupted(*_):
        assert len(names(tmp_path)) == 2
        raise KeyboardInterrupt

    monkeypatch.setattr("clvtool.report.files.flock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_result(ORDERS, target)
    assert names(tmp_path) == ["r.csv"]
    assert target.read_text() == "old"


def test_a_pipe_is_written_directly(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write_result(ORDERS, pipe)  # without an extension: CSV
    reader.join()
    assert got == ["customer_id,orders\nC1,1\nC2,2\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_nothing_of_devices_is_replaced():
    write_result(ORDERS, Path("/dev/null"))
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_name_as_long_as_the_file_system_allows(tmp_path):
    # the temporary name must not be longer than the name it stands for
    target = tmp_path / f"{'x' * 251}.csv"
    write_result(ORDERS, target)
    assert target.exists()


WRITER = """
import sys
from pathlib import Path
from clvtool.report.files import write_atomically
letter = sys.argv[2].encode()
for _ in range(int(sys.argv[3])):
    write_atomically(Path(sys.argv[1]), lambda stream: [stream.write(letter * 4096) for _ in range(256)])
    print(flush=True)
"""


def writer_process(target, letter, times):
    return subprocess.Popen([sys.executable, "-c", WRITER, target, letter, str(times)], stdout=subprocess.PIPE)


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path):
    target = tmp_path / "r.csv"
    chance = Random(1)
    for letter in "abcdefghij":
        with writer_process(target, letter, 1_000_000) as process:
            process.stdout.readline()  # it has written the file at least once
            time.sleep(chance.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
        assert target.read_bytes() == letter.encode() * 4096 * 256
        assert len(names(tmp_path)) <= 2  # what one left, the next cleared away
    write_atomically(target, lambda stream: stream.write(b"new"))
    assert names(tmp_path) == ["r.csv"]
    assert target.read_bytes() == b"new"


def test_the_temporary_file_is_cleared_away_after_its_writer_is_dead_and_not_before(tmp_path):
    target = tmp_path / "r.csv"
    stuck = WRITER.replace(
        "stream.write(letter * 4096)", "(stream.write(letter), stream.flush(), sys.stdin.readline())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", stuck, target, "a", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        while not any(path.stat().st_size for path in tmp_path.iterdir()):
            time.sleep(0.01)
        write_atomically(target, lambda stream: stream.write(b"b"))
        assert len(names(tmp_path)) == 2
        process.send_signal(signal.SIGKILL)
    assert len(names(tmp_path)) == 2
    write_atomically(tmp_path / "other.csv", lambda stream: stream.write(b"c"))
    assert len(names(tmp_path)) == 3  # each file clears up after its own writers
    write_atomically(target, lambda stream: stream.write(b"c"))
    assert names(tmp_path) == ["other.csv", "r.csv"]


def test_two_writers_at_once_do_not_take_each_others_file_for_a_leftover(tmp_path):
    target = tmp_path / "r.csv"
    with writer_process(target, "a", 40) as first, writer_process(target, "b", 40) as second:
        first.communicate()
        second.communicate()
    assert first.returncode == second.returncode == 0
    assert target.read_bytes() in (b"a" * 4096 * 256, b"b" * 4096 * 256)
    assert names(tmp_path) == ["r.csv"]
