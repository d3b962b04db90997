"""Which column of a survey holds the score that is asked for: by its name, by the question in it, by its content."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.columns import find_column
from clvtool.ingest.plan import SAMPLE_ROWS, as_text
from clvtool.ingest.scores import is_no_score, score_of
from clvtool.ingest.source import collect
from clvtool.ingest.survey_words import ANY_SCORE, COMMENT_STEMS, NO_SCORE, REASONS, SCORES, STEMS
from clvtool.ingest.words import compact, listed, normal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import polars as pl

    from clvtool.ingest.columns import HeaderMap
    from clvtool.ingest.source import Source
    from clvtool.schema import Scale

MOST_VALUES = 200
"""A column with more different values holds no scores."""
MOST_NAMED = 10


def find_score(
    source: Source, mapping: HeaderMap, question: str, scale: Scale, given: str | None, missing: Collection[str]
) -> str:
    """Return the column with the score.

    The one that is given, or that the platform has; else the only one of those whose header is a word for this score,
    whose question speaks of it, whose header is a word for any score, or whose content can be this score.
    Raises DataError where several are as likely, with their names, and where there is none.
    """
    if given is not None:
        return find_column(source.header, given)
    if "score" in mapping.columns:
        return mapping.columns["score"]
    free = [name for name in source.header if name not in mapping.meant()]
    words = dict(zip(source.header, map(compact, source.words or source.header), strict=True))
    for said in (SCORES[question], STEMS[question], ANY_SCORE):
        if said is STEMS[question]:
            found = speaking(source, free, said)
        else:
            known = set(listed(said))
            found = [name for name in free if words[name] in known or compact(name) in known]
        if len(found) > 1 or said is not SCORES[question]:
            alone = len(found) == 1
            found = [name for name in found if _share(source, name, scale, missing, head=alone) > 0.5]
        if found:
            return _only(found, question, source)
    found = [name for name in free if _share(source, name, scale, missing, head=True) == 1]
    found = [name for name in found if _share(source, name, scale, missing) == 1]
    if found:
        return _only(found, question, source)
    raise DataError(
        f"no column with scores from {scale.low} to {scale.high}",
        f"found: {', '.join(source.header[:20])}{' …' if len(source.header) > 20 else ''}; name it: --score COLUMN",
    )


def find_comment(source: Source, mapping: HeaderMap, score: str | None) -> tuple[str | None, list[str]]:
    """Return the column of an open question that asks for words, and the others that may be meant."""
    free = [name for name in source.header if name not in mapping.meant() and name != score]
    known = set(listed(REASONS))
    free = [name for name in free if compact(name) not in known or not recurs(source, name)]
    found = [name for name in speaking(source, free, COMMENT_STEMS) if _is_prose(source, name)]
    return (found[0], []) if len(found) == 1 else (None, found)


def speaking(source: Source, names: Sequence[str], stems: str) -> list[str]:
    """Return the columns in whose header or question a word begins with one of the stems."""
    asked = dict(zip(source.header, source.questions or source.header, strict=True))
    beginnings = tuple(stems.split("|"))
    return [
        name for name in names if any(word.startswith(beginnings) for word in normal(f"{name} {asked[name]}").split())
    ]


def recurs(source: Source, name: str) -> bool:
    """Return whether a column holds choices: in the first rows, half of what cells begin with is not new."""
    texts = as_text(name, source.schema()).str.strip_chars()
    rows = collect(source, source.scan().head(SAMPLE_ROWS).select(texts)).to_series().drop_nulls()
    rows = rows.filter(~rows.str.to_lowercase().is_in(NO_SCORE)).str.replace(r"(?s)[\n|;,].*", "")
    return not rows.is_empty() and rows.n_unique() * 2 <= len(rows)


def _only(found: Sequence[str], question: str, source: Source) -> str:
    if len(found) == 1:
        return found[0]
    asked = dict(zip(source.header, source.questions, strict=True)) if source.questions else {}
    shown = [repr(name) + (f" ({asked[name]})" if asked.get(name, name) != name else "") for name in found]
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    raise DataError(
        f"{len(found)} columns may hold the score for {question}: {', '.join(shown[:MOST_NAMED])}{more}",
        f"say which one it is: --score {quote(found[0])}",
    )


def _share(source: Source, name: str, scale: Scale, missing: Collection[str], *, head: bool = False) -> float:
    """Return which share of the different values of a column are on the scale; 0 for a column without any."""
    values = [text for text in _values(source, name, head=head) if not is_no_score(text, missing)]
    if not values or len(values) > MOST_VALUES:
        return 0.0
    scores = [score_of(text) for text in values]
    return sum(found is not None and scale.low <= found <= scale.high for found in scores) / len(scores)


def _is_prose(source: Source, name: str) -> bool:
    return any(score_of(text) is None and " " in text for text in _values(source, name, head=True))


def _values(source: Source, name: str, *, head: bool) -> pl.Series:
    """Return different values of a column, no more than it takes to know that there are many."""
    rows = source.scan().select(as_text(name, source.schema()).str.strip_chars())
    if head:
        rows = rows.head(SAMPLE_ROWS)
    return collect(source, rows.unique().head(MOST_VALUES + 50)).to_series().drop_nulls()
