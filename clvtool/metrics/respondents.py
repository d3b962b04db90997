"""Respondents one by one, for the people who call back: detractors, passives or promoters, the newest first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.metrics.buyers import YEAR_DAYS, alike
from clvtool.metrics.nps import CLASSES
from clvtool.metrics.standing import money
from clvtool.metrics.tallies import column_of
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.metrics.buyers import Buyers

COLUMNS = ("answer_date", "answer_id", "customer_id", "score", "comment")
MEANT = {
    "revenue": "net revenue of the customer",
    "orders": "orders of the customer",
    "last_order_date": "day of the last purchase",
    "last_year_revenue": f"net revenue of the last {YEAR_DAYS} days",
}


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


def beside(result: Result, people: Buyers, *, currency: str | None = None, notes: Sequence[str] = ()) -> Result:
    """Return a list of respondents with what each has bought: `revenue orders last_order_date last_year_revenue`."""
    import numpy as np
    import polars as pl

    if "customer_id" not in result.table.columns:
        raise DataError("no answer names its customer, so it cannot be joined with orders", "--map customer_id=COLUMN")
    place = people.places(alike(result.table["customer_id"]))
    some = pl.Series(place >= 0)
    at = np.where(place >= 0, place, 0)
    columns = {
        "revenue": money(people.revenue[at]),
        "orders": pl.Series(people.orders[at]),
        "last_order_date": pl.Series(people.last[at].astype(np.int32)).cast(pl.Date),
        "last_year_revenue": money(people.year[at]),
    }
    if not people.has_money:
        columns = {name: values for name, values in columns.items() if "revenue" not in name}
    table, nothing = result.table, int((~some).sum())
    for name, values in columns.items():
        taken = f"{name}_of_orders" if name in table.columns else name
        table = table.with_columns(values.set((~some).to_frame().to_series(), None).alias(taken))
    said = f"{len(some) - nothing:,} of these have orders up to {people.as_of}, {nothing:,} have none"
    return replace(
        result,
        table=table,
        notes=(*result.notes, *notes, *people.notes, said),
        as_of=people.as_of,
        currency=currency,
        definitions=dict(result.definitions) | {name: MEANT[name] for name in columns},
    )
