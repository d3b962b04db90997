"""Respondents who answered more than once: whether all of their answers count, or one of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError

if TYPE_CHECKING:
    import polars as pl

    from clvtool.ingest.reading import Reading


def chosen_answers(table: pl.DataFrame, which: str, reading: Reading) -> pl.DataFrame:
    """Return the answers that count: `all`, or the `latest` or the `first` of each respondent who is named.

    One with a score goes before one without. Raises DataError where that cannot be told, for want of names or dates.
    """
    import polars as pl

    scored = table.filter(pl.col("score").is_not_null()) if "score" in table.columns else table
    known = scored["customer_id"].drop_nulls()
    if which == "all":
        people = known.hash().n_unique()  # a sixth of the time; only a note hangs on it
        if people < len(known):
            reading.warnings.append(
                f"{len(known):,} answers are those of {people:,} respondents: all count; --answers latest "
                "takes the last of each"
            )
        return table
    for name, role in (("customer_id", "respondent"), ("answer_date", "day")):
        if name not in table.columns or not table[name].count():
            raise DataError(
                f"--answers {which}: no column tells the {role} of an answer", f"name it: --map {name}=COLUMN"
            )
    latest = which == "latest"
    content = [name for name in table.columns if name not in {"answer_date", "time", "customer_id", "row"}]
    blank = pl.col("score").is_null() if "score" in table.columns else pl.lit(value=False)
    order = [
        latest if name in {"answer_date", "time"} else False for name in ("blank", "answer_date", "time", *content)
    ]
    ordered = table.with_row_index("place").sort(
        blank, "answer_date", "time", *content, descending=order, nulls_last=True
    )
    kept = ordered.filter(pl.col("customer_id").is_null() | pl.col("customer_id").is_first_distinct())
    gone = table.height - kept.height
    if gone and reading.traced is not None:
        rest = ordered.join(kept.select("place"), on="place", how="anti")
        reading.put_aside("other_answer", gone, 0, None, rest["row"])
    else:
        reading.put_aside("other_answer", gone)
    return kept.sort("place").drop("place")
