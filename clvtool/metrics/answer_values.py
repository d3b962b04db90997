"""Money that stands beside the answers themselves: the mean of each kind of respondents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.metrics.customers import UNIT
from clvtool.metrics.kinds import Figure, ends_told, meanings, table_of_kinds
from clvtool.metrics.sorting import whole_money
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.metrics.kinds import Kinds


def answer_values(
    answers: pl.DataFrame, kinds: Kinds, *, column: str, level: float = 0.95, notes: Sequence[str] = ()
) -> Result:
    """Return one row for all answers and one for each kind: `group n with_value value ...`, as `table_of_kinds`.

    `column` is the source column of `value`. Raises DataError where no answer has a value.
    """
    import numpy as np
    import polars as pl

    place = kinds.places(answers["score"])
    known = answers["value"].is_not_null().to_numpy()
    if not known.any():
        raise DataError(f"no answer has a value in the column {column!r}", "name another one: --value COLUMN")
    values = answers.select(whole_money("value"))["value"].to_numpy()
    figure = Figure("value", values, f"mean of {column!r} over the answers that have one", UNIT, known)
    rows, schema = table_of_kinds(kinds, place, [figure], level)
    count = len(kinds.names)
    answered = int((place < count).sum())
    n = [answered, *np.bincount(place, minlength=count + 1).tolist()]
    inside = np.bincount(place[known], minlength=count + 1).tolist()
    counts = zip(n, [sum(inside[:count]), *inside], strict=True)
    table = pl.DataFrame(
        [
            {"group": row["group"], "n": one, "with_value": of} | row
            for row, (one, of) in zip(rows, counts, strict=True)
        ],
        schema={"group": schema.pop("group"), "n": pl.Int64, "with_value": pl.Int64} | schema,
    )
    told = ends_told(kinds, place, figure, level)
    last = answers["answer_date"].max() if "answer_date" in answers.columns else None
    return Result(
        name=f"{kinds.question}_value",
        title=f"{kinds.question.upper()} and {column}",
        table=table.filter(pl.col("n") > 0),
        notes=(*notes, *([told] if told else [])),
        as_of=last,  # type: ignore[arg-type] # of a column of days
        definitions={"n": "answers", "with_value": "of these with a value"} | meanings([figure], level),
        screen=None,
    )
