"""The spinner."""

import io
import sys

import pytest

from clvtool.report import progress
from clvtool.report.progress import working


class Terminal(io.StringIO):
    def isatty(self):
        return True


class GoneTerminal(Terminal):
    def flush(self):
        raise OSError


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "PACE", 0.001)


def until(done):
    while not done():
        pass


def test_a_terminal_sees_the_work_and_no_trace_of_it(monkeypatch, impatient):
    monkeypatch.setattr(sys, "stderr", seen := Terminal())
    with working("reading orders"):
        until(lambda: seen.getvalue().count("reading orders") > 2)
    assert "reading orders … 0 s" in seen.getvalue()
    # the last thing written covers the line with blanks and goes back to its beginning
    *_, line, blanks, rest = seen.getvalue().split("\r")
    assert rest == ""
    assert blanks == " " * len(line)


def test_quick_work_is_silent(monkeypatch):
    monkeypatch.setattr(sys, "stderr", seen := Terminal())
    with working("reading orders"):
        pass
    assert seen.getvalue() == ""


@pytest.mark.parametrize(("stream", "quiet"), [(io.StringIO, False), (Terminal, True)])
def test_a_pipe_and_quiet_see_nothing(monkeypatch, impatient, stream, quiet):
    monkeypatch.setattr(sys, "stderr", seen := stream())
    monkeypatch.setattr(progress, "Thread", None)  # none is even started
    with working("reading orders", quiet=quiet):
        pass
    assert seen.getvalue() == ""


def test_a_terminal_that_went_away_is_no_error(monkeypatch, impatient):
    monkeypatch.setattr(sys, "stderr", GoneTerminal())
    with working("reading orders"):
        pass


def test_an_error_passes_through_and_ends_the_spinner(monkeypatch, impatient):
    monkeypatch.setattr(sys, "stderr", seen := Terminal())

    def work():
        with working("reading orders"):
            until(seen.getvalue)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert seen.getvalue().endswith(" \r")
