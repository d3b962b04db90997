"""A Result as a table for a reader at a terminal.

The layout is our own and Rich only brings it to the screen: a Rich table shortens headers, and takes seconds for some
thousand rows. A column is never narrower than its header. Where a table is too wide, the cells of text columns wrap;
where that is not enough, each row becomes a block of `column: value` lines.
"""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, TextIO

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style

from clvtool.report.cells import columns, definitions, visible
from clvtool.report.shades import Span, levels, shade

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clvtool.report.cells import Column
    from clvtool.result import Result

GAP = 2  # blanks between columns
NARROWEST = 8  # a column of text is not made narrower for the sake of the others
LONGEST_WORD = 32  # a longer word may be broken
Line = tuple[str, str | tuple[Span, ...]]  # a line of text, and its Rich style or the cells that are coloured by value


def print_table(result: Result, stream: TextIO, limit: int | None = None) -> None:
    """Write the first `limit` rows of the result, or all, as a table to a terminal or any other text stream."""
    console = console_of(stream)
    at_screen = stream.isatty() or "COLUMNS" in os.environ
    print_lines(lines(result, console.width, limit=limit, elastic=not at_screen), console)


def console_of(stream: TextIO) -> Console:
    """Return the terminal, or any other text stream, as Rich writes to it."""
    return Console(
        file=stream, color_system=None if os.environ.get("NO_COLOR") else "auto", highlight=False, legacy_windows=False
    )


def print_lines(lines_of_text: Iterable[Line], console: Console) -> None:
    """Write lines with their styles."""
    styles = {"": None, "bold": Style(bold=True), "dim": Style(dim=True)}
    segments = []
    for text, style in lines_of_text:
        if isinstance(style, str):
            segments.append(Segment(text, styles[style]))
        else:
            segments += _shaded(text, style)
        segments.append(Segment("\n"))
    console.print(Segments(segments), crop=False, end="")


def _shaded(text: str, spans: tuple[Span, ...]) -> Iterator[Segment]:
    done = 0
    for begin, end, level in spans:
        yield Segment(text[done:begin])
        yield Segment(text[begin:end], shade(level))
        done = end
    yield Segment(text[done:])


def lines(result: Result, width: int, *, limit: int | None = None, elastic: bool = False) -> Iterator[Line]:
    """Yield the lines of the table; an `elastic` width, off a terminal, grows to what the headers and numbers need."""
    shown = result if limit is None else replace(result, table=result.table.head(limit))
    columns_shown = columns(shown)
    if result.shaded:
        found = levels(shown.table, result.shaded)
        columns_shown = [replace(column, levels=found.get(column.name)) for column in columns_shown]
    yield from heading(result, width, money=any(column.money for column in columns_shown))
    kept = _leading(columns_shown, width) if result.screen is not None and not elastic else columns_shown
    yield from _body(kept, shown.table.height, width, elastic=elastic)
    left_out = len(columns_shown) - len(kept)
    if left_out:
        advice = f"… {_more(left_out, 'column')}: see all in a wider terminal, or save them with -o FILE.csv"
        yield from _wrapped(advice, width, style="dim")
    missing = result.table.height - shown.table.height
    if missing:
        every = result.table.height
        advice = f"… {_more(missing, 'row')}: see all with --limit {every}, or save them with -o FILE.csv"
        yield from _wrapped(advice, width, style="dim")
    meanings = definitions(shown)
    if meanings:
        yield "", ""
    for name, meaning in meanings:
        yield from _wrapped(f"{name} — {meaning}", width, indent=2)
    yield from notes(result, width)


def _more(count: int, what: str) -> str:
    return f"{count:,} more {what}{'' if count == 1 else 's'}"


def heading(result: Result, width: int, *, money: bool) -> Iterator[Line]:
    """Yield the title, the day, the currency where `money` is shown that no unit tells, and a blank line."""
    yield from _wrapped(visible(result.title), width, style="bold")
    below = [f"as of {result.as_of.isoformat()}"] if result.as_of else []
    if result.currency and money:
        below.append(f"money in {visible(result.currency)}")
    if below:
        yield from _wrapped(" · ".join(below), width)
    yield "", ""


def notes(result: Result, width: int) -> Iterator[Line]:
    """Yield the notes, a blank line before them."""
    if result.notes:
        yield "", ""
    for note in result.notes:
        yield from _wrapped(f"note: {visible(note)}", width, indent=6)


def wrap(text: str, width: int, indent: int = 0) -> list[str]:
    """Return the text in lines of at most `width` cells, broken at blanks, or inside a word that is longer.

    The lines after the first leave `indent` cells for what will stand before them.
    """
    if _cells(text) <= width:
        return [text]
    rest = max(width - indent, min(width, 16))
    broken = [""]
    for word in text.split():
        room = width if len(broken) == 1 else rest
        joined = f"{broken[-1]} {word}" if broken[-1] else word
        if _cells(joined) <= room:
            broken[-1] = joined
        else:
            broken += chop_cells(word, max(rest, 2))  # a wide character takes two cells
    return [line for line in broken if line]


def _body(shown: list[Column], height: int, width: int, *, elastic: bool) -> Iterator[Line]:
    if not shown or not height:
        if shown:
            yield from _wrapped("  ".join(column.name for column in shown), width, style="bold")
        yield "(no rows)", "dim"
        return
    widths = _fit(shown, width, elastic=elastic)
    if widths is None:
        groups = _leading_groups(shown)
        narrow = shown[groups:]
        widths = _fit(narrow, width, elastic=elastic) if groups else None
        if widths is None:
            yield from _blocks(shown, height, width)
        else:
            yield from _under_headings(shown[:groups], narrow, widths)
        return
    rule = "─" * (sum(widths) + GAP * (len(widths) - 1))
    yield _join([column.name for column in shown], shown, widths), "bold"
    yield rule, "dim"
    breaks = _group_ends(shown[0])
    for number, row in enumerate(zip(*(column.cells for column in shown), strict=True)):
        if number in breaks:
            yield rule, "dim"
        yield from _row(number, row, shown, widths)


def _under_headings(groups: list[Column], shown: list[Column], widths: list[int]) -> Iterator[Line]:
    """Yield a table whose leading columns stand as a heading above each run of rows that has the same values."""
    yield _join([column.name for column in shown], shown, widths), "bold"
    rule = "─" * (sum(widths) + GAP * (len(widths) - 1))
    above: tuple[str, ...] = ()
    for number, row in enumerate(zip(*(column.cells for column in shown), strict=True)):
        heading = tuple(column.cells[number] for column in groups)
        if heading != above:
            yield rule, "dim"
            named = (f"{column.name}: {value}" for column, value in zip(groups, heading, strict=True))
            yield from _wrapped(" · ".join(named), sum(widths) + GAP * (len(widths) - 1), style="bold")
            above = heading
        yield from _row(number, row, shown, widths)


def _row(number: int, row: tuple[str, ...], shown: list[Column], widths: list[int]) -> Iterator[Line]:
    pieces = [wrap(cell, room) for cell, room in zip(row, widths, strict=True)]
    for part in range(max(map(len, pieces))):
        cells = [piece[part] if part < len(piece) else "" for piece in pieces]
        yield _join(cells, shown, widths), _spans(number, cells, shown, widths) if part == 0 else ""


def _spans(number: int, cells: list[str], shown: list[Column], widths: list[int]) -> tuple[Span, ...] | str:
    """Return where the cells of a line are that are coloured by value; without any, the style of plain text."""
    found, begin = [], 0
    for cell, column, room in zip(cells, shown, widths, strict=True):
        end = begin + len(cell) + room - _cells(cell)  # wide characters take more cells than places in the text
        level = column.levels[number] if column.levels is not None else None
        if level is not None:
            found.append((begin, end, level))
        begin = end + GAP
    return tuple(found) or ""


def _leading(shown: list[Column], width: int) -> list[Column]:
    """Return as many leading columns as stand side by side in the given width; all when not even two do."""
    count = len(shown)
    while count > 1 and _fit(shown[:count], width, elastic=False) is None:
        count -= 1
    return shown[:count] if count > 1 else shown


def _leading_groups(shown: list[Column]) -> int:
    """Return how many leading columns name groups of rows: their values stand together in runs, and repeat."""
    count = 0
    while count < len(shown) - 1 and shown[count].wraps:
        keys = list(zip(*(column.cells for column in shown[: count + 1]), strict=True))
        runs = 1 + sum(above != here for above, here in pairwise(keys))
        if runs != len(set(keys)) or runs * 2 > len(keys):
            break
        count += 1
    return count


def _fit(shown: list[Column], width: int, *, elastic: bool) -> list[int] | None:
    """Return the width of each column, or None when the table cannot stand in the given width."""
    widths, least = [], []
    for column in shown:
        natural = max(_cells(column.name), *map(_cells, column.cells))
        widths.append(natural)
        if column.wraps:
            word = max(_cells(word) for cell in column.cells for word in cell.split(" "))
            least.append(max(_cells(column.name), min(natural, max(NARROWEST, min(word, LONGEST_WORD)))))
        else:
            least.append(natural)
    room = width - GAP * (len(shown) - 1)
    if sum(least) > room:
        return least if elastic else None
    while sum(widths) > room:
        slack = [(now, place) for place, (now, low) in enumerate(zip(widths, least, strict=True)) if now > low]
        widths[max(slack)[1]] -= 1  # the widest gives first
    return widths


def _group_ends(first: Column) -> frozenset[int]:
    """Return the rows before which a new group begins, when the first column names groups of rows."""
    starts = [row for row, (above, here) in enumerate(pairwise(first.cells), start=1) if above != here]
    groups = len(set(first.cells))
    grouped = first.wraps and len(starts) + 1 == groups and groups * 2 <= len(first.cells)
    return frozenset(starts) if grouped else frozenset()


def _blocks(shown: list[Column], height: int, width: int) -> Iterator[Line]:
    label = max(_cells(column.name) for column in shown) + 1
    for row in range(height):
        yield f"── {row + 1} ".ljust(min(width, 40), "─"), "dim"
        for column in shown:
            first, *rest = wrap(column.cells[row], max(width - label - 1, 16)) or [""]
            yield f"{_left(column.name + ':', label)} {first}".rstrip(), ""
            for line in rest:
                yield " " * (label + 1) + line, ""


def _join(cells: list[str], shown: list[Column], widths: list[int]) -> str:
    aligned = (
        _right(cell, room) if column.right else _left(cell, room)
        for cell, column, room in zip(cells, shown, widths, strict=True)
    )
    return (" " * GAP).join(aligned).rstrip()


def _wrapped(text: str, width: int, *, style: str = "", indent: int = 0) -> Iterator[Line]:
    """Yield a paragraph, its further lines moved in."""
    first, *rest = wrap(text, width, indent)
    yield first, style
    for line in rest:
        yield " " * indent + line, style


def _cells(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _left(text: str, room: int) -> str:
    return text + " " * (room - _cells(text))


def _right(text: str, room: int) -> str:
    return " " * (room - _cells(text)) + text
