"""Respondents one by one, for the people who call back: detractors, passives or promoters, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.metrics.nps import CLASSES
from clvtool.metrics.tallies import column_of
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

COLUMNS = ("answer_date", "answer_id", "customer_id", "score", "comment")


def respondents(answers: pl.DataFrame, which: str, *, by: Sequence[str] = (), notes: Sequence[str] = ()) -> Result:
    """Return one row an answer of a class of respondents, by day from the newest on: COLUMNS and those of `by`.

    Of a day the lowest scores come first. Raises DataError where nobody answered so, or a column of `by` is not there.
    """
    import polars as pl

    labels = list(dict.fromkeys(column_of(answers, name) for name in by))
    low, high = CLASSES[which]
    found = answers.filter(pl.col("score").is_between(low, high))
    if found.is_empty():
        raise DataError(f"there are no {which} among {answers['score'].count():,} answers")
    kept = [name for name in COLUMNS if name in found.columns and found[name].count()]
    table = found.select(*kept, *labels)
    first = [name for name in ("answer_date", "score") if name in kept]
    order = [*first, *(name for name in table.columns if name not in first)]
    table = table.sort(order, descending=[name == "answer_date" for name in order], nulls_last=True)
    said = [] if "customer_id" in kept else ["no column tells who answered: --map customer_id=COLUMN names it"]
    last = answers["answer_date"].max() if "answer_date" in kept else None
    return Result(
        name="respondents",
        title=f"{which.capitalize()}, the newest first",
        table=table,
        notes=(*notes, *said),
        as_of=last,  # type: ignore[arg-type] # of a column of days
        definitions={"score": f"from {low} to {high}"},
    )
