"""How late each customer is for their own rhythm, as dates, days and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.rhythm import OWN_RHYTHM, rhythms

if TYPE_CHECKING:
    import polars as pl

    from clvtool.metrics.customers import Customers


def lateness(
    table: pl.DataFrame, found: Customers, as_of: int, population: int | None, missing: str | None
) -> pl.DataFrame:
    """Return the table with what a customer's own rhythm says: the next date, how late it is, and that in words.

    The words are `silent D days, usually G`, or for customers without a rhythm of their own `silent D days, bought
    once, others usually G` and `silent D days, bought twice, others usually G`; `; CODE` follows where money is
    missing.
    """
    import polars as pl

    silent = pl.lit(pl.Series(as_of - found.last))
    last = pl.Series(found.last)
    times = pl.lit(pl.Series(found.occasions))
    if population is None:
        twice = pl.lit(pl.Series([None], dtype=pl.Int64)).first()
    else:
        twice = pl.lit(pl.Series(rhythms(found, population)))
    gap = pl.when(twice % 2 == 0).then((twice // 2).cast(pl.String)).otherwise((twice / 2).cast(pl.String))
    others = pl.lit("nobody came back yet") if population is None else pl.format("others usually {}", gap)
    rhythm = (
        pl.when(times >= OWN_RHYTHM)
        .then(pl.format("usually {}", gap))
        .otherwise(
            pl.format("bought {}, {}", pl.when(times == 1).then(pl.lit("once")).otherwise(pl.lit("twice")), others)
        )
    )
    days = pl.when(silent == 1).then(pl.lit("1 day")).otherwise(pl.format("{} days", silent))
    expected = pl.lit(last) + (twice + 1) // 2
    return table.with_columns(
        last_order_date=last.cast(pl.Int32).cast(pl.Date),
        expected_next_date=expected.cast(pl.Int32).cast(pl.Date),
        days_late=(pl.lit(as_of) - expected).clip(lower_bound=0),
        usual_gap_days=twice / 2,
        reason=pl.format("silent {}, {}{}", days, rhythm, pl.lit(f"; {missing}" if missing else "")),
    )


def rhythm_words(population: int | None) -> str:
    """Return what the usual gap of a customer is, given twice that of all of them."""
    own = f"the customer's own median gap between purchase days from {OWN_RHYTHM} of them on"
    if population is None:
        return f"{own}; nobody bought on two days yet"
    return f"{own}, else the median of all gaps ({population / 2:g} days)"
