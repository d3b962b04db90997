"""What respondents chose: the column of the reasons, or one column an option, and which reasons each cell says."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import takewhile
from shlex import quote
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.answers import Asked, read_answers
from clvtool.ingest.columns import find_column, understand
from clvtool.ingest.heads import with_heads
from clvtool.ingest.opening import open_sources
from clvtool.ingest.questions import recurs, speaking
from clvtool.ingest.separators import SIGNS, folded, parts_of, separator
from clvtool.ingest.survey_words import NO, NO_SCORE, REASON_STEMS, REASONS, YES
from clvtool.ingest.surveys import SURVEY
from clvtool.ingest.words import compact, listed, normal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from clvtool.ingest.answers import Answers
    from clvtool.ingest.columns import HeaderMap
    from clvtool.ingest.reading import Reading, ReadOptions
    from clvtool.ingest.source import Source

MOST_REASONS = 500
"""More different texts are what people wrote, not what they chose."""
MOST_CELLS = 1_000_000
MOST_OPTIONS = 60
"""Columns that can be one question: what was chosen of them is one whole number a row."""
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Chosen:
    """Where the choices are: the columns (none: to be found), the sign between several in a cell, who saw which."""

    columns: tuple[str, ...] = ()
    separator: str | None = None
    shown: str | None = None


@dataclass(slots=True)
class Choices:
    """Answers whose table has `cell`, and `shown` where asked for: places in `cells`, each the reasons of one cell.

    A row without a reason has no cell. Where a column says only whether the question was shown, `shown` is yes or no.
    """

    answers: Answers
    cells: tuple[tuple[str, ...], ...]


def read_choices(
    inputs: Sequence[str],
    options: ReadOptions,
    asked: Asked,
    chosen: Chosen,
    *,
    extras: Sequence[str] = (),
    trace: bool = False,
) -> Choices:
    """Read inputs as ANSWERS with the reasons that were chosen; raise as `read_answers` does.

    Raises DataError too where no column, or more than one, may hold the reasons, and where it cannot be told how
    several in a cell are separated.
    """
    sources = open_sources(inputs, options)
    first = with_heads(sources[0], SURVEY, options.profile)
    mapping = understand(first.header, options.mapping, options.profile, first.words, SURVEY)
    columns = find_reasons(first, mapping, chosen.columns)
    wanted = [*columns, *([chosen.shown] if chosen.shown else []), *extras]
    answers = read_answers(inputs, options, asked, extras=wanted, trace=trace, opened=sources)
    table, reading = answers.table, answers.reading
    sign: str | None = None
    if len(columns) > 1:
        coded, cells = _of_options(table, columns)
    else:
        coded, texts = _coded(_held(table, columns[0]))
        sign = separator(_times(coded, texts), chosen.separator, columns[0])
        cells = [tuple(parts_of(text, sign)) for text in texts]
        _say_separator(columns[0], texts, coded, sign, reading)
    table = table.with_columns(cell=coded)
    if chosen.shown is not None:
        shown, texts = _coded(_held(table, chosen.shown))
        if all(text.casefold() in {*YES, *NO} for text in texts):
            yes = [place for place, text in enumerate(texts) if text.casefold() in YES]
            table = table.with_columns(shown=shown.is_in(yes).fill_null(value=False))
        else:
            own = sign or separator(_times(shown, texts), chosen.separator, chosen.shown)
            table = table.with_columns(shown=shown + len(cells))
            cells += [tuple(parts_of(text, own)) for text in texts]
    answers.table = table
    return Choices(answers, tuple(_spelled_alike(cells, coded, reading, columns[0])))


def find_reasons(source: Source, mapping: HeaderMap, given: Sequence[str] = ()) -> list[str]:
    """Return the column of the reasons, or those of its options.

    The ones that are given; else the only question whose header is a word for reasons, or that asks for them and whose
    answers recur. Raises DataError where several are as likely, and where there is none.
    """
    groups = _questions(source.header)
    if given:
        named = {normal(question): names for question, names in groups.items()}
        found = [named.get(normal(name)) or [find_column(source.header, name)] for name in given]
        return list(dict.fromkeys(column for names in found for column in names))
    meant = mapping.meant() - {mapping.get("comment")}
    free = {question: names for question, names in groups.items() if not meant & set(names)}
    words = dict(zip(source.header, map(compact, source.words or source.header), strict=True))
    known = set(listed(REASONS))
    told = [question for question, names in free.items() if {compact(question), words[names[0]]} & known]
    if not told:
        asking = set(speaking(source, [name for names in free.values() for name in names], REASON_STEMS))
        told = [
            question
            for question, names in free.items()
            if set(names) <= asking and (len(names) > 1 or recurs(source, names[0]))
        ]
    if len(told) == 1:
        return _few(free[told[0]])
    if not told:
        raise DataError(
            "no column with reasons",
            f"found: {', '.join(source.header[:20])}{' …' if len(source.header) > 20 else ''}; name it: --column NAME",
        )
    shown = f"{', '.join(map(repr, told[:MOST_NAMED]))}{' …' if len(told) > MOST_NAMED else ''}"
    raise DataError(
        f"{len(told)} columns may hold the reasons: {shown}", f"say which one it is: --column {quote(told[0])}"
    )


def _questions(header: Sequence[str]) -> dict[str, list[str]]:
    """Return question → its columns: several where they are named `question: option`."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in header:
        question, sign, _ = name.partition(": ")
        found[question if sign else name].append(name)
    return {question if len(names) > 1 else names[0]: names for question, names in found.items()}


def _few(names: list[str]) -> list[str]:
    if len(names) > MOST_OPTIONS:
        raise DataError(
            f"{len(names)} columns are one question, more than {MOST_OPTIONS}", "name those that count: --column NAME"
        )
    return names


def _held(table: pl.DataFrame, name: str) -> pl.Series:
    """Return a source column of a table that was read."""
    own = {normal(column): column for column in table.columns}
    return table[own.get(normal(f"source_{name}")) or own[normal(name)]]


def _coded(cells: pl.Series) -> tuple[pl.Series, list[str]]:
    """Return for each cell its place among the different texts, and these in their order; none for a blank cell."""
    import polars as pl

    texts = cells.drop_nulls().unique().sort()
    texts = texts.filter(~texts.str.to_lowercase().is_in(NO_SCORE))
    if len(texts) > MOST_CELLS:
        raise _written(cells.name, len(texts))
    return cells.cast(pl.Enum(texts), strict=False).to_physical().cast(pl.Int64), texts.to_list()


def _of_options(table: pl.DataFrame, columns: Sequence[str]) -> tuple[pl.Series, list[tuple[str, ...]]]:
    """Return for each row the place of its combination of options, and these combinations.

    An option is chosen where its column says anything but no.
    """
    import polars as pl

    cells = [_held(table, name).str.to_lowercase() for name in columns]
    chosen = [cell.is_not_null() & ~cell.is_in([*NO, *NO_SCORE]) for cell in cells]
    masks = pl.select(
        pl.sum_horizontal(pl.lit(one.cast(pl.UInt64)) * 2**place for place, one in enumerate(chosen))
    ).to_series()
    found = masks.filter(masks > 0).unique().sort()
    places = masks.replace_strict(found, pl.Series(range(len(found)), dtype=pl.Int64), default=None)
    options = _options(columns)
    return places, [tuple(name for bit, name in enumerate(options) if mask >> bit & 1) for mask in found]


def _options(columns: Sequence[str]) -> list[str]:
    """Return the columns without what all of their names begin with: the question."""
    first, last = min(columns), max(columns)  # what these two begin with, all do
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    while same and first[same - 1].isalnum():
        same -= 1
    behind = {"[": "]", "(": ")"}.get(first[:same].rstrip()[-1:], "")
    return [name[same:].strip().removesuffix(behind) or name for name in columns]


def _times(coded: pl.Series, texts: Sequence[str]) -> dict[str, int]:
    """Return how often each text occurs."""
    counts = coded.drop_nulls().value_counts()
    times = dict(zip(counts[coded.name], counts["count"], strict=True))
    return {text: times.get(place, 0) for place, text in enumerate(texts)}


def _say_separator(column: str, texts: Sequence[str], coded: pl.Series, sign: str | None, reading: Reading) -> None:
    """Say what was taken for the sign between reasons, and which sign was taken for text."""
    times = _times(coded, texts)
    if sign is not None:
        several = sum(n for text, n in times.items() if len(parts_of(text, sign)) > 1)
        reading.warnings.append(
            f"{several:,} of {sum(times.values()):,} answers name several reasons, separated by "
            f"{SIGNS.get(sign, sign)!r} in the column {column!r}"
        )
    elif any("," in text for text in texts):
        reading.warnings.append(
            f"the comma belongs to the reasons in the column {column!r}; if it separates them: --separator ,"
        )


def _spelled_alike(
    cells: Sequence[tuple[str, ...]], coded: pl.Series, reading: Reading, column: str
) -> list[tuple[str, ...]]:
    """Return the cells with one spelling for each reason, the commonest one; how many answers have another is said."""
    counts = coded.drop_nulls().value_counts()
    times = dict(zip(counts[coded.name], counts["count"], strict=True))
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for place, cell in enumerate(cells):
        for part in cell:
            spellings[folded(part)][part] += times.get(place, 0)
    if len(spellings) > MOST_REASONS:
        raise _written(column, len(spellings))
    best = {key: min(found, key=lambda text: (-found[text], text)) for key, found in spellings.items()}
    _say_spellings(spellings, best, reading)
    return [tuple(dict.fromkeys(best[folded(part)] for part in cell)) for cell in cells]


def _say_spellings(spellings: Mapping[str, Counter[str]], best: Mapping[str, str], reading: Reading) -> None:
    others = {text: n for key, found in spellings.items() for text, n in found.items() if text != best[key] and n}
    if others:
        commonest = min(others, key=lambda text: (-others[text], text))
        reading.warnings.append(
            f"{sum(others.values()):,} answers spell a reason in another way, such as {commonest!r} for "
            f"{best[folded(commonest)]!r}: counted as one"
        )


def _written(column: str, n: int) -> DataError:
    return DataError(
        f"the column {column!r} has {n:,} different texts: what people wrote, not what they chose",
        "name the column of the reasons: --column NAME; or the sign between them: --separator SIGN",
    )
