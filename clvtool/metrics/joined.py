"""Answers joined with orders: what promoters, passives and detractors are worth, and which of them come back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError
from clvtool.metrics.buyers import YEAR_DAYS
from clvtool.metrics.customers import UNIT
from clvtool.metrics.kinds import Figure, ends_told, meanings, table_of_kinds
from clvtool.metrics.voices import match, scores_of
from clvtool.periods import day_number
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.buyers import Buyers
    from clvtool.metrics.kinds import Kinds
    from clvtool.metrics.voices import Matched

    Answer = Callable[..., Result]  # of nps, csat or ces: answers, with by, level and notes

HEADLINES = {
    "nps": ("nps", "nps_low", "nps_high", ".1f"),
    "csat": ("csat_share", "csat_low", "csat_high", ".1%"),
    "ces": ("mean", "mean_low", "mean_high", ".2f"),
}
"""Question → its figure, the interval of it, and how it is told in words."""
COUNTED = {
    "n": "respondents, each once, with the latest answer",
    "customers": "of these with orders; without an answer: customers who gave none",
}
OF_MONEY = {
    "last_year_revenue": f"their net revenue of the last {YEAR_DAYS} days together; of the last kind: revenue at risk",
    "last_year_share": "share of the net revenue of all customers in these days",
}
ON_SCREEN = (
    *("customers", "revenue", "orders", "repeat_rate", "churn_rate", "retention_rate", "revenue_low", "revenue_high"),
    *("p_revenue", "p_retention", "last_year_revenue", "last_year_share", "n"),
)


def joined(
    answers: pl.DataFrame,
    kinds: Kinds,
    people: Buyers,
    answer: Answer,
    *,
    within: int = 90,
    level: float = 0.95,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return one row for all who answered, one a kind of respondents, and one for customers without an answer.

    Columns: `group n customers`, `revenue orders repeat_rate churn_rate retention_rate` with their intervals and
    differences as in `kinds.table_of_kinds`, `last_year_revenue last_year_share followed`. `retention_rate` goes by
    the latest answer that was followed for `within` days, and by purchases after its day alone. `answer` is the figure
    of the question, for the one weighted by revenue.
    Raises DataError where nobody is found again, or as `voices` does.
    """
    import numpy as np
    import polars as pl

    if within < 1:
        raise UsageError(f"--within {within}: not a number of days", "write it as 90d")
    found = match(answers, people)
    count = len(kinds.names)
    kind = kinds.places(found.said.table["score"])
    place = np.full(found.customers, count, np.int64)
    known = found.place >= 0
    place[found.place[known]] = kind[known]
    figures = _figures(people)
    followed, kept = _followed(answers, kinds, people, within)
    rows, schema = table_of_kinds(kinds, place, figures, level)
    later, more = table_of_kinds(kinds, followed, [kept], level)
    n = [len(kind), *np.bincount(kind, minlength=count).tolist(), None]
    inside = np.bincount(place, minlength=count + 1).tolist()
    seen = np.bincount(followed, minlength=count + 1).tolist()
    counts = zip(n, [sum(inside[:count]), *inside], [sum(seen), *seen], strict=True)
    rows = [
        row | one | {"n": answered, "customers": own, "followed": after}
        for row, one, (answered, own, after) in zip(rows, later, counts, strict=True)
    ]
    schema = {"group": schema.pop("group"), "n": pl.Int64, "customers": pl.Int64} | schema | more
    schema |= {"followed": pl.Int64}
    said = [one for one in (ends_told(kinds, place, figure, level) for figure in figures[:1]) if one]
    said += [one for one in [ends_told(kinds, followed, kept, level)] if one]
    if people.has_money:
        year = [int(people.year[where].sum()) for where in (place < count, *(place == one for one in range(count + 1)))]
        whole = year[0] + year[-1]
        rows = [
            row | {"last_year_revenue": own / UNIT, "last_year_share": own / whole if whole > 0 else None}
            for row, own in zip(rows, year, strict=True)
        ]
        schema |= {"last_year_revenue": pl.Float64, "last_year_share": pl.Float64}
        said += _weighed(kinds, people, found, answer)
        if year[0] > 0:
            said.append(
                f"revenue at risk: {kinds.names[-1]} brought {year[-2] / UNIT:,.2f} in the last {YEAR_DAYS} days, "
                f"{year[-2] / year[0]:.1%} of what all who answered brought"
            )
    table = pl.DataFrame(rows, schema=schema)
    means = meanings([*figures, kept], level)
    return Result(
        name=f"{kinds.question}_orders",
        title=f"{kinds.question.upper()} and orders",
        table=table,
        notes=(*notes, *people.notes, *found.notes(people.as_of), *said),
        as_of=people.as_of,
        currency=currency,
        definitions=COUNTED | means | (OF_MONEY if people.has_money else {}),
        extra={"matched": found.counts},
        screen=table.select("group", *(name for name in ON_SCREEN if name in table.columns)),
    )


def by_tier(
    answers: pl.DataFrame,
    kinds: Kinds,
    people: Buyers,
    answer: Answer,
    *,
    notes: Sequence[str] = (),
) -> Result:
    """Return the figure of the question for each tier of customers, the best first, as `answer` does with `by`.

    Raises as `joined`.
    """
    import polars as pl

    found = match(answers, people)
    known = found.place >= 0
    assert people.tier is not None  # noqa: S101 - they were asked for
    tiers = [people.tiers[one] for one in people.tier[found.place[known]].tolist()]
    result = answer(scores_of(found).with_columns(tier=pl.Series(tiers, dtype=pl.String)), by=["tier"])
    order = {name: place for place, name in enumerate(people.tiers)}

    def sorted_by_tier(table: pl.DataFrame) -> pl.DataFrame:
        return table.sort(pl.col("tier").replace_strict(order, default=-1, return_dtype=pl.Int64))

    return replace(
        result,
        title=f"{result.title}, by value tier",
        table=sorted_by_tier(result.table),
        screen=None if result.screen is None else sorted_by_tier(result.screen),
        notes=(*notes, *people.notes, *found.notes(people.as_of), *_weighed(kinds, people, found, answer)),
        as_of=people.as_of,
        definitions={"tier": people.tier_meaning} | dict(result.definitions),
        extra=dict(result.extra) | {"matched": found.counts},
    )


def _figures(people: Buyers) -> list[Figure]:
    """Return what is compared of customers."""
    gone = (
        f"customers without a purchase in the last {people.window} days (the active window of the orders) ÷ customers"
    )
    money = [Figure("revenue", people.revenue, "net revenue a customer", UNIT)] if people.has_money else []
    return [
        *money,
        Figure("orders", people.orders, "orders a customer"),
        Figure("repeat_rate", (people.orders >= 2).astype("int64"), "customers with two orders or more ÷ customers"),
        Figure("churn_rate", people.gone, gone),
    ]


def _followed(answers: pl.DataFrame, kinds: Kinds, people: Buyers, within: int) -> tuple[NDArray[np.int64], Figure]:
    """Return the kinds of the customers who were followed for so many days after an answer, and who of them came back.

    The answer of each is the latest that lies so far back; who had bought nothing by then was no customer to be kept.
    """
    import numpy as np

    until = day_number(people.as_of) - within
    meant = (
        f"customers who bought within {within} days after their answer, its own day left out, ÷ followed: those with "
        "an order up to an answer so long ago"
    )
    try:
        found = match(answers, people, until=until)
    except DataError:  # nobody answered so early
        return np.zeros(0, np.int64), Figure("retention_rate", np.zeros(0, np.int64), meant)
    day = found.said.table["day"].to_numpy()
    at = np.where(found.place >= 0, found.place, 0)
    kept = (found.place >= 0) & (day >= 0) & (people.first[at] <= day)
    back = people.came_back(at[kept], day[kept], within).astype(np.int64)
    return kinds.places(found.said.table["score"])[kept], Figure("retention_rate", back, meant)


def _weighed(kinds: Kinds, people: Buyers, found: Matched, answer: Answer) -> list[str]:
    """Return in words the figure of the question weighted by revenue."""
    import numpy as np
    import polars as pl

    known = found.place >= 0
    weight = np.maximum(people.revenue[found.place[known]], 0)
    if not weight.any():
        return []
    scores = scores_of(found)
    plain, weighed = (
        answer(table).table.row(0, named=True)
        for table in (scores, scores.with_columns(weight=pl.Series(weight / UNIT)))
    )
    name, low, high, style = HEADLINES[kinds.question]
    own, by_revenue = ([format(row[one], style) for one in (name, low, high)] for row in (plain, weighed))
    less = int((weight == 0).sum())
    zero = f"; {less:,} whose revenue is not above 0 weigh nothing" if less else ""
    return [
        "{} of those with orders {} ({} to {})".format(name, *own)
        + ", weighted by revenue {} ({} to {})".format(*by_revenue)
        + zero
    ]
