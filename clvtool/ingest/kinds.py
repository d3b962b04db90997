"""What an input is, orders or a survey, told by its headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError
from clvtool.ingest.columns import understand
from clvtool.ingest.plan import MONEY_ROLES
from clvtool.ingest.recognise import recognise
from clvtool.ingest.survey_words import ANY_SCORE, REASONS, SCORES, STEMS
from clvtool.ingest.surveys import SURVEY
from clvtool.ingest.vocabulary import ORDERS, Vocabulary
from clvtool.ingest.words import IDENTITY, compact, listed, normal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvtool.ingest.source import Source


def kind_of(sources: Sequence[Source], profile: str | None) -> tuple[Vocabulary, str]:
    """Return the vocabulary for the inputs, and a reason in words; a survey only where each of them is one."""
    if profile is not None:
        surveys = {SURVEY.plain, *(one.name for one in SURVEY.profiles)}
        return (SURVEY if profile in surveys else ORDERS), "as --profile says"
    told = [_survey(source) for source in sources]
    if not all(told):
        return ORDERS, "--profile survey reads it as a survey"
    return SURVEY, f"{told[0]}; --profile plain reads it as orders"


def _survey(source: Source) -> str:
    """Return why a source is a survey; nothing where it is none."""
    header = source.words or source.header
    for vocabulary in (ORDERS, SURVEY):
        known, _ = recognise(header, None, vocabulary)
        if known is not None:
            return f"it is an export of {known.name}" if vocabulary is SURVEY else ""
    roles = _roles(source)
    money = roles & {*MONEY_ROLES}
    if money and "order_date" in roles and roles & {*IDENTITY}:
        return ""  # a score beside them is one of the order's columns
    words = {compact(word) for word in header}
    if any(words & set(listed(said)) for said in SCORES.values()) or any(_speaks(word) for word in header):
        return "a column speaks of a score"
    if words & set(listed(ANY_SCORE)) and not money and "order_id" not in roles:
        return "it has a column for a score, and none for money"
    if words & set(listed(REASONS)) and not money & {"amount", "order_total"} and "order_id" not in roles:
        return "it has a column for reasons, and none for money"
    return ""


def _roles(source: Source) -> set[str]:
    """Return which roles of orders the columns have, as far as that is clear."""
    try:
        return set(understand(source.header, {}, None, source.words).columns)
    except (DataError, UsageError):
        return {"order_id"}


def _speaks(header: str) -> bool:
    """Return whether a header is a question about one of the scores: a word alone may mean anything."""
    words = normal(header).split()
    stems = tuple(stem for said in STEMS.values() for stem in said.split("|"))
    return len(words) > 2 and any(word.startswith(stems) for word in words)
