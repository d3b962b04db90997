"""The curves of a Result, drawn with characters: what `--plot` shows in place of a table.

The library plotext draws; the ticks are our own, round numbers in the form that the figures have in tables. Lines are
told apart by their marks, and by colour where there is colour.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, TextIO

from rich.cells import cell_len

from clvtool.errors import UsageError
from clvtool.report.cells import figure, visible
from clvtool.report.table import console_of, heading, notes, print_lines, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clvtool.result import Plot, Result

ROWS = 18
"""Lines of text that a picture takes."""
WIDEST = 120
STYLES = (("●", "blue"), ("×", "red"), ("+", "green"), ("○", "magenta"), ("*", "cyan"), ("▪", "yellow"))
"""Mark and colour of each line; there are no more lines than that in a picture."""
BAND = "·"
TICKS = 5
GAP = 2  # blanks between the labels of the horizontal axis


def print_plot(result: Result, stream: TextIO) -> None:
    """Draw the curves of the result, one picture below the other, with its title and notes."""
    if result.plot is None:
        raise UsageError("there are no curves of this", "leave --plot out")
    console = console_of(stream)
    money = result.plot.unit.startswith("money")
    print_lines(heading(result, console.width, money=money), console)
    colour = console.color_system is not None
    one: Plot | None = result.plot
    while one is not None:
        stream.write("".join(f"{line}\n" for line in drawn(one, console.width, colour=colour)))
        one = one.below
    print_lines(notes(result, console.width), console)


def drawn(plot: Plot, width: int, *, colour: bool = False) -> Iterator[str]:
    """Yield the lines of text of one picture: its title, which mark is which line, the curves."""
    yield from wrap(visible(plot.title), width)
    shown = dict(list(plot.lines.items())[: len(STYLES)])
    if not any(value is not None for values in shown.values() for value in values):
        yield "(nothing to draw)"
        return
    if len(shown) > 1:
        told = [f"{mark} {visible(name)}" for name, (mark, _) in zip(shown, STYLES, strict=False)]
        yield from wrap("   ".join(told), width)
    left_out = len(plot.lines) - len(shown)
    if left_out:
        yield f"… {left_out:,} more lines are not drawn"
    yield from _curves(plot, shown, min(width, WIDEST), colour=colour)


def _curves(plot: Plot, shown: dict[str, Sequence[float | None]], width: int, *, colour: bool) -> Iterator[str]:
    import plotext

    board = plotext.figure
    plotext.terminal.limit(width=False, height=False)
    board.clear()
    board.theme("colorless")  # no background of its own
    board.plot_size(width, ROWS)
    bands = {name: bounds for name, bounds in plot.bands.items() if name in shown}
    styled = list(zip(shown.items(), STYLES, strict=False))
    for (name, values), (mark, ink) in reversed(styled):  # the first line is drawn last, over the others
        for bound in bands.get(name, ()):
            _draw(bound, plotext.marker(BAND, ink))
        _draw(values, plotext.marker(mark, ink))
    every = [*shown.values(), *(bound for bounds in bands.values() for bound in bounds)]
    known = [value for values in every for value in values if value is not None]
    ticks = round_ticks(min(known), max(known))
    board.ruler("y").ticks(ticks, [figure(tick, plot.unit) for tick in ticks])
    board.ruler("y").lim(min(ticks[0], *known), max(ticks[-1], *known))
    _name_places(plot.x, width)
    for line in board.build().string(not colour).splitlines():
        yield line if colour else line.rstrip()


def _draw(values: Sequence[float | None], mark: object) -> None:
    """Draw a line through the known values; it is broken where there are none."""
    import plotext

    places = [place for place, value in enumerate(values) if value is not None]
    line = plotext.figure.signal(places, [values[place] for place in places], marker=mark).lines()
    for number, (before, place) in enumerate(pairwise(places), start=1):
        if place - before > 1:
            line.line(number, False)  # noqa: FBT003 (the library's way)
    plotext.figure.draw(line)


def _name_places(names: Sequence[str], width: int) -> None:
    """Name as many places of the horizontal axis as have room, at equal distances."""
    import plotext

    room = max((width - 12) // (max(map(cell_len, names)) + GAP), 1)
    step = math.ceil(len(names) / room)
    places = list(range(0, len(names), step))
    ruler = plotext.figure.ruler("x")
    ruler.ticks(places, [visible(names[place]) for place in places])
    ruler.lim(0, max(len(names) - 1, 1))


def round_ticks(low: float, high: float) -> list[float]:
    """Return round numbers at equal distances (1, 2 or 5 times a power of ten) from `low` or below to `high` or above.

    A range that begins above 0 but near it, or that holds a single number, begins at 0.
    """
    if low > 0 and (low < (high - low) or low == high):
        low = 0.0
    span = (high - low) or abs(high) or 1.0
    power = 10 ** math.floor(math.log10(span / TICKS))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * TICKS >= span * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]
