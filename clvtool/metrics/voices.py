"""Whose answer counts where answers are joined with orders, and who is found again among the customers.

A customer counts once, with the latest answer up to the day of the analysis; of one day, the answer with the lowest
score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.metrics.buyers import alike
from clvtool.periods import day_number

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.buyers import Buyers

_SCORES = 1 << 10
"""More than there are scores on any scale."""


@dataclass(frozen=True, slots=True)
class Voices:
    """The answer of each named respondent that counts: `customer_id day score`; day -1 is not known.

    `blank` answers have no score; of the others `nameless` ones name nobody, `late` ones are after the day of the
    analysis, `earlier` ones are not the latest.
    """

    table: pl.DataFrame
    blank: int = 0
    nameless: int = 0
    late: int = 0
    earlier: int = 0


def voices(answers: pl.DataFrame, until: int) -> Voices:
    """Return the answers with a score that count up to a day (days since 1970-01-01).

    Raises DataError where nobody is named, or where some answered more than once and no column says when.
    """
    import polars as pl

    answers = answers.with_columns(alike(answers["customer_id"]))
    has_score, has_name = pl.col("score").is_not_null(), pl.col("customer_id").is_not_null()
    scored, named = answers.select(scored=has_score.sum(), named=(has_score & has_name).sum()).row(0)
    if not named:
        raise DataError(
            "no answer with a score names its customer, so it cannot be joined with orders",
            "name the column: --map customer_id=COLUMN",
        )
    dated = "answer_date" in answers.columns and answers["answer_date"].count() > 0
    day = pl.col("answer_date").to_physical().cast(pl.Int64).fill_null(-1) if dated else pl.lit(-1, pl.Int64)
    known = answers.lazy().filter(has_score & has_name & (day <= until))
    known = known.select("customer_id", day=day, score=pl.col("score").cast(pl.Int64))
    # latest day and, of that, lowest score in one number
    key = ((pl.col("day") + 1) * _SCORES + (_SCORES - 1 - pl.col("score"))).max()
    found = known.group_by("customer_id").agg(key=key, answers=pl.len()).collect(engine="streaming")
    if not dated and found["answers"].max() not in {None, 1}:
        twice = found.filter(pl.col("answers") > 1).height
        raise DataError(
            f"{twice:,} customers answered more than once, and no column says which answer is the latest",
            "name the column: --map answer_date=COLUMN",
        )
    on_time = int(found["answers"].sum())
    if not on_time:
        raise DataError(
            "all answers are after the day of the analysis", "say up to which day orders are known: --as-of DATE"
        )
    table = found.select("customer_id", day=pl.col("key") // _SCORES - 1, score=_SCORES - 1 - pl.col("key") % _SCORES)
    late, earlier = named - on_time, on_time - table.height
    return Voices(table, answers.height - scored, scored - named, late, earlier)


@dataclass(frozen=True, slots=True)
class Matched:
    """Respondents and customers put together: `place` is the customer of each respondent, or -1."""

    said: Voices
    place: NDArray[np.int64]
    customers: int

    @property
    def matched(self) -> int:
        """Return how many respondents have orders."""
        return int((self.place >= 0).sum())

    @property
    def counts(self) -> dict[str, int]:
        """Return what became of the answers and of the customers."""
        respondents = len(self.place)
        return {
            "respondents": respondents,
            "respondents_matched": self.matched,
            "respondents_unmatched": respondents - self.matched,
            "customers": self.customers,
            "customers_matched": self.matched,
            "customers_unmatched": self.customers - self.matched,
            "answers_without_score": self.said.blank,
            "answers_without_customer": self.said.nameless,
            "answers_after_as_of": self.said.late,
            "answers_superseded": self.said.earlier,
        }

    def notes(self, as_of: object) -> list[str]:
        """Return that in words."""
        told = self.counts
        both = (
            f"{told['respondents']:,} respondents: {self.matched:,} have orders, "
            f"{told['respondents_unmatched']:,} have none; {self.customers:,} customers: {self.matched:,} answered, "
            f"{told['customers_unmatched']:,} did not"
        )
        said = [both]
        if self.said.earlier:
            said.append(f"{self.said.earlier:,} answers are older ones of the same customers: the latest counts")
        if self.said.late:
            said.append(f"{self.said.late:,} answers after {as_of} are left out; --as-of sets another day")
        if self.said.nameless:
            said.append(f"{self.said.nameless:,} answers with a score name no customer")
        return said


def match(answers: pl.DataFrame, people: Buyers, *, until: int | None = None) -> Matched:
    """Return respondents and customers put together; raise DataError where nobody is found again."""
    said = voices(answers, day_number(people.as_of) if until is None else until)
    places = people.places(said.table["customer_id"])
    if until is None and not (places >= 0).any():
        raise DataError(
            f"none of {len(places):,} respondents is among the {len(people.ids):,} customers of the orders",
            "both must name customers alike: --map customer_id=COLUMN for the survey, and for the orders clvtool "
            "convert --map customer_id=COLUMN -o FILE.parquet",
        )
    return Matched(said, places, len(people.ids))


def scores_of(found: Matched) -> pl.DataFrame:
    """Return the scores of the respondents with orders, as ANSWERS."""
    import polars as pl

    known = pl.Series(found.place >= 0)
    return found.said.table.filter(known).select(pl.col("score").cast(pl.Int16))
