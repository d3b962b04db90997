"""Headers of several rows, as survey platforms write them: the rows below the first that belong to the header."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clvtool.ingest import dialect
from clvtool.ingest.plan import as_text
from clvtool.ingest.recognise import recognise
from clvtool.ingest.source import SURPLUS, Source, collect
from clvtool.ingest.words import compact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvtool.ingest.vocabulary import Vocabulary

MOST_HEADS = 3
IMPORT_ID = '{"importid"'
"""How the cells of the last row of a Qualtrics header begin, without blanks."""


def with_heads(source: Source, vocabulary: Vocabulary, profile_name: str | None) -> Source:
    """Return the source with the further rows of its header taken as such, and what they say as its `questions`.

    An option of a question that has several columns is named `question: option`.
    """
    profile, _ = recognise(source.words or source.header, profile_name, vocabulary)
    if profile is None:
        return source
    schema = source.schema()
    first = collect(source, source.scan().head(MOST_HEADS).select(as_text(name, schema) for name in source.header))
    rows = [[(cell or "").strip() for cell in row] for row in first.rows()]
    heads = 0
    for place, row in enumerate(rows, start=1):
        if row and row[0].replace(" ", "").casefold().startswith(IMPORT_ID):
            heads = place
    if not heads and profile.under and rows:
        place = [compact(word) for word in source.words].index(compact(profile.under))
        heads = int(not rows[0][place])
    if not heads:
        return source
    said = [
        " ".join(dict.fromkeys(filter(None, cells[: heads - 1] or cells))) for cells in zip(*rows[:heads], strict=True)
    ]
    if heads == 1:
        words = _named(source.words, rows[0])
        header = dialect.distinct(words, SURPLUS)
        return replace(
            source,
            heads=heads,
            header=header,
            words=tuple(words),
            questions=tuple(map(" ".join, zip(words, rows[0], strict=True))),
        )
    return replace(source, heads=heads, questions=tuple(said))


def _named(words: Sequence[str], below: Sequence[str]) -> list[str]:
    """Return a name for every column: the first row's, with the option behind it where it goes over several columns."""
    names, question = [], ""
    for place, (word, option) in enumerate(zip(words, below, strict=True)):
        question = word or question
        several = not word or (place + 1 < len(words) and not words[place + 1] and bool(below[place + 1]))
        names.append(f"{question}: {option}" if several and question and option else word)
    return names
