"""Curves at a terminal: what a reader must be able to tell from them."""

import io
from datetime import date

import polars as pl
import pytest

from clvtool.errors import UsageError
from clvtool.report import emit
from clvtool.report.plot import ROWS, drawn, print_plot, round_ticks
from clvtool.result import Plot, Result

MONTHS = ["2025-01", "2025-02", "2025-03", "2025-04"]
RATES = Plot("retention_rate", MONTHS, {"all": [0.9, 0.8, 0.7, 0.6], "mail": [None, 0.5, 0.4, 0.3]}, "rate")


@pytest.fixture
def library():
    pytest.importorskip("plotext", reason="the extra `plot` is not installed")


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        # steps of 1, 2 or 5 times a power of ten, at most five of them
        (0.0, 10.0, [0, 2, 4, 6, 8, 10]),
        (0.82, 0.97, [0.8, 0.85, 0.9, 0.95, 1.0]),
        (3.0, 1400.0, [0, 500, 1000, 1500]),  # begins above 0, but near it
        (-30.0, 20.0, [-30, -20, -10, 0, 10, 20]),
        (7.0, 7.0, [0, 2, 4, 6, 8]),  # a single number
        (0.0, 0.0, [0]),
    ],
)
def test_ticks_are_round_and_hold_the_values(low, high, ticks):
    assert round_ticks(low, high) == pytest.approx(ticks)


def test_a_picture_names_its_lines_its_places_and_its_values(library):
    lines = list(drawn(RATES, 80))
    assert lines[0] == "retention_rate"
    assert lines[1] == "● all   × mail"
    assert len(lines) == 2 + ROWS
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines[2:])
    assert "●" in text
    assert "×" in text
    assert " 80.0%┤" in text
    assert "2025-01" in lines[-1]
    assert "\x1b" not in text


def test_the_first_line_falls_from_the_left_top_to_the_right(library):
    lines = [line for line in drawn(RATES, 80) if "┤" in line or "│" in line]
    heights = [row for row, line in enumerate(lines) if "●" in line]
    columns = [lines[row].index("●") for row in heights]
    assert columns == sorted(columns)


def test_colour_is_only_where_there_is_colour(library):
    assert "\x1b" in "".join(drawn(RATES, 80, colour=True))


def test_a_line_is_broken_where_nothing_is_known(library):
    # the two halves lie at 1.0; between them 20 places of 40 are not known
    values = [1.0] * 10 + [None] * 20 + [1.0] * 10
    picture = list(drawn(Plot("x", [str(place) for place in range(40)], {"one": values}), 80))
    row = next(line for line in picture if "●" in line)
    assert "●     " in row


def test_nothing_known_is_said(library):
    assert list(drawn(Plot("x", ["1"], {"one": [None]}), 80)) == ["x", "(nothing to draw)"]


def test_lines_beyond_those_that_can_be_told_apart_are_counted(library):
    many = Plot("x", ["1", "2"], {f"line {place}": [1.0, 2.0] for place in range(9)})
    assert "… 3 more lines are not drawn" in list(drawn(many, 80))


def test_the_picture_stands_between_title_and_notes_and_the_second_below(library):
    below = Plot("end", MONTHS, {"all": [10, 20, 30, 40]}, "customers")
    plot = Plot(RATES.title, MONTHS, RATES.lines, "rate", below=below)
    result = Result("retention", "Balance", pl.DataFrame(), ("a note",), date(2025, 4, 30), plot=plot)
    stream = io.StringIO()
    print_plot(result, stream)
    text = stream.getvalue()
    places = [text.index(part) for part in ("Balance", "as of 2025-04-30", "retention_rate", "end\n", "note: a note")]
    assert places == sorted(places)


@pytest.mark.parametrize("words", [{"format": "csv"}, {"format": "markdown"}, {"output": "x.csv"}])
def test_curves_are_for_a_reader_only(words):
    with pytest.raises(UsageError, match="--plot draws on the terminal"):
        emit.check_plot(words.get("format"), words.get("output"))


def test_without_the_library_the_way_to_it_is_told(monkeypatch):
    monkeypatch.setattr(emit, "find_spec", lambda _: None)
    with pytest.raises(UsageError) as caught:
        emit.check_plot(None, None)
    assert "pip install plotext" in caught.value.hint
