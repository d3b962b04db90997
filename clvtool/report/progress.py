"""A sign of life on a terminal while something takes longer than a moment."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 1.0  # seconds of silence before the first sign
PACE = 0.1
FRAMES = "|/-\\"


@contextmanager
def working(message: str, *, quiet: bool = False) -> Iterator[None]:
    """Show a spinner, the message and the seconds on stderr, if that is a terminal; then wipe it away."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    done = Event()
    spinner = Thread(target=_spin, args=(message, done), daemon=True)
    spinner.start()
    try:
        yield
    finally:
        done.set()
        spinner.join()


def _spin(message: str, done: Event) -> None:
    began = monotonic()
    if done.wait(PATIENCE):
        return
    line = ""
    with suppress(OSError, ValueError):  # a terminal that went away is no reason to fail
        while not done.wait(PACE):
            seconds = monotonic() - began
            line = f"{FRAMES[int(seconds / PACE) % len(FRAMES)]} {message} … {seconds:.0f} s"
            line = line[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write(f"\r{line}")
            sys.stderr.flush()
        sys.stderr.write(f"\r{' ' * len(line)}\r")
        sys.stderr.flush()
