"""What the answers to a survey show, as facts that `inspect` prints."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.choices import find_reasons
from clvtool.ingest.questions import find_score
from clvtool.ingest.scores import score_column
from clvtool.schema import Scale

if TYPE_CHECKING:
    from clvtool.ingest.answers import Answers

QUESTIONS = {"nps": Scale(0, 10), "csat": Scale(1, 5), "ces": Scale(1, 5, high_is_good=False)}


def describe_answers(answers: Answers) -> None:
    """Add to the reading's facts what a survey shows: respondents, days, and the score that each command would take."""
    import polars as pl

    table, reading = answers.table, answers.reading
    known = table["customer_id"].drop_nulls()
    reading.add("answers", "answers", rows=table.height)
    reading.add("identity", "respondents", known.n_unique() if len(known) else 0, detail="who are named")
    reading.add("identity", "without_respondent", rows=table.height - len(known))
    if "answer_date" in table.columns:
        reading.add("dates", "first", table["answer_date"].min())
        reading.add("dates", "last", table["answer_date"].max())
        reading.add("dates", "without", rows=table["answer_date"].null_count())
    if "comment" in table.columns:
        reading.add("answers", "with_comment", rows=table["comment"].count())
    first = reading.sources[0]
    mapping = answers.mappings[0]
    for question, scale in QUESTIONS.items():
        try:
            name = find_score(first, mapping, question, scale, None, ())
        except DataError as error:
            reading.add("scores", question, detail=f"{error.message}; {error.hint}")
            continue
        column = next(one for one in (f"source_{name}", name) if one in table.columns)
        scores, _ = score_column(table[column], ())
        known = scores.drop_nulls().sort()
        ends = f"from {known[0]} to {known[-1]}" if len(known) else "none"
        reading.add("scores", question, name, rows=scores.count(), detail=ends)
    with suppress(DataError):
        columns = find_reasons(first, mapping)
        held = [one for name in columns for one in (f"source_{name}", name) if one in table.columns]
        named = int(table.select(pl.any_horizontal(pl.col(held).is_not_null()).sum()).item())
        reading.add("answers", "with_reasons", ", ".join(columns), rows=named)
