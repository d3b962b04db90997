"""Writers that are killed at random moments: killed_writers.py FOLDER TIMES; says `whole` when every file was.

One process for all of them, that forks before Polars starts its threads: a kill then costs milliseconds, and not the
start of a program.
"""

import os
import signal
import sys
import time
from pathlib import Path
from random import Random

import polars as pl

from clvtool.report.files import FORMATS, write_result, write_text
from clvtool.result import Result

ROWS = 30_000  # a megabyte: tens of milliseconds of writing


def result(letter: str) -> Result:
    return Result("r", "R", pl.DataFrame({"id": range(ROWS), "name": [letter * 20] * ROWS}))


def write_for_ever(target: Path, told: int) -> None:
    results = [result("a"), result("b")]
    while True:
        for one in results:
            if target.suffix == ".model":
                write_text(str(one.table["name"].to_list()), target)
            else:
                write_result(one, target)
            os.write(told, b".")


def whole_files(target: Path) -> set[bytes]:
    """Return the two contents there may be, written in a process of their own."""
    listen, told = os.pipe()
    if not (child := os.fork()):
        write_for_ever(target, told)
    contents = set()
    while len(contents) < 2:  # what stands there when a writer has told so is whole, or else the test means nothing
        os.read(listen, 1)
        contents.add(target.read_bytes())
    end(child)
    return contents


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def main(folder: Path, times: int) -> None:
    chance = Random(1)
    left = 0
    for suffix in (*FORMATS, ".model"):
        target = folder / f"r{suffix}"
        contents = whole_files(target)
        assert len(contents) == 2
        for _ in range(times):
            listen, told = os.pipe()
            if not (child := os.fork()):
                write_for_ever(target, told)
            os.read(listen, 1)
            time.sleep(chance.uniform(0, 0.03))
            end(child)
            os.close(listen)
            os.close(told)
            assert target.read_bytes() in contents, f"{target} is neither the one file nor the other"
            left += len(list(folder.glob(".*.tmp")))
        if not (child := os.fork()):  # the next writer, who is not killed
            if suffix == ".model":
                write_text("new", target)
            else:
                write_result(result("c"), target)
            os._exit(0)
        os.waitpid(child, 0)
        assert target.read_bytes() not in contents
        assert not list(folder.glob(".*.tmp"))
    assert left, "no writer was killed while it wrote"
    sys.stdout.write("whole\n")


main(Path(sys.argv[1]), int(sys.argv[2]))
