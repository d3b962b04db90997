"""Net promoter score: the share of promoters less the share of detractors, with its interval, by group and period."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from clvtool.metrics.kinds import Kinds
from clvtool.metrics.tallies import tallies
from clvtool.metrics.terms import Sides
from clvtool.metrics.waves import Measure, definitions_of, in_order_of_use, table_of
from clvtool.result import Result
from clvtool.stats import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from clvtool.metrics.tallies import Tally
    from clvtool.schema import Scale

CLASSES = {"promoters": (9, 10), "passives": (7, 8), "detractors": (0, 6)}
"""Class of a respondent → the lowest and the highest score of it."""
KINDS = Kinds("nps", {name: frozenset(range(low, high + 1)) for name, (low, high) in CLASSES.items()})
ENDS = ("promoters", "detractors")
SIDES = Sides(tuple(range(7)), (9, 10), "detractors", "promoters")
ADDED = (0.75, 1.5, 0.75)
"""Promoters, passives and detractors that are added for the interval, which else fails for few answers, and at ±100."""
ON_SCREEN = (
    *("n", "nps", "nps_low", "nps_high", "delta", "difference", "p_value", "response_rate"),
    *("promoter_share", "passive_share", "detractor_share", "n_effective", "promoters", "passives", "detractors"),
)
"""The columns in the order of use: those that do not fit on a terminal are left out."""
DEFINITIONS = {
    "promoters": "answers of 9 and 10",
    "passives": "answers of 7 and 8",
    "detractors": "answers of {low} to 6",
    "nps": "promoter share less detractor share, in points from -100 to +100",
    "nps_low": "with nps_high its interval at {level:g} %, from the counts with ¾ promoter, 1½ passives, ¾ detractor "
    "added",
}


def nps(
    answers: pl.DataFrame,
    scale: Scale,
    *,
    by: Sequence[str] = (),
    period: str | None = None,
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> Result:
    """Return the NPS of an ANSWERS table: one row a group, the total first, and a period where one is asked for.

    Columns: the groups, `period`, `n promoters passives detractors promoter_share passive_share detractor_share nps
    nps_low nps_high response_rate`, `n_effective` where answers have weights, and the tests of `waves.table_of`.
    Shares are weighted, counts are not.
    Raises UsageError and DataError as `tallies` and `table_of` do.
    """
    import polars as pl

    found = tallies(answers, by, period)
    schema: dict[str, Any] = dict.fromkeys(("n", *CLASSES), pl.Int64)
    shares = ("promoter_share", "passive_share", "detractor_share", "nps", "nps_low", "nps_high", "response_rate")
    schema |= dict.fromkeys((*shares, "n_effective"), pl.Float64)
    table, said = table_of(found, measure(level, schema), level)
    words = {"low": scale.low, "level": level * 100}
    definitions = {name: text.format_map(words) for name, text in DEFINITIONS.items()}
    whole = _row(found.whole(found.total), level)
    if period is not None:
        low, high = whole["nps_low"], whole["nps_high"]
        said.insert(0, f"over all: NPS {whole['nps']:.1f} ({low:.1f} to {high:.1f}) of {whole['n']:,} answers")
    return Result(
        name="nps",
        title=f"Net promoter score on a scale from {scale.low} to {scale.high}" + (f", by {period}" if period else ""),
        table=table,
        notes=(*notes, *said),
        as_of=found.last_day,
        definitions=definitions | definitions_of(found, period, "nps"),
        extra={"scale": str(scale)},
        screen=in_order_of_use(table, ON_SCREEN),
    )


def measure(level: float = 0.95, schema: Mapping[str, Any] | None = None) -> Measure:
    """Return the NPS as a figure of a tally."""
    return Measure(lambda tally: _row(tally, level), _point, " points", _judged, dict(schema or {}), name="nps")


def interval(promoters: float, detractors: float, n: float, level: float) -> tuple[float, float]:
    """Return the interval of the NPS in points, of counts (or of what weighted counts are worth).

    It always holds the figure itself, also that of a single answer.
    """
    centre, variance, size = _adjusted(promoters, detractors, n)
    half, itself = normal_quantile(level) * math.sqrt(variance / size), 100 * (promoters - detractors) / n
    return min(max(100 * (centre - half), -100.0), itself), max(min(100 * (centre + half), 100.0), itself)


def variance_of(promoter_share: float, detractor_share: float, n: float) -> float:
    """Return the variance of the NPS of n answers with these shares, in square points."""
    _, variance, _ = _adjusted(promoter_share * n, detractor_share * n, n)
    return 100 * 100 * variance / n


def _adjusted(promoters: float, detractors: float, n: float) -> tuple[float, float, float]:
    """Return mean and variance of +1, 0 and -1 over the answers with those added, and how many that are."""
    size = n + sum(ADDED)
    up, down = (promoters + ADDED[0]) / size, (detractors + ADDED[2]) / size
    return up - down, up + down - (up - down) ** 2, size


def _shares(tally: Tally) -> dict[str, float]:
    return {name: tally.weight_from(*ends) / tally.weight for name, ends in CLASSES.items()}


def _point(tally: Tally) -> tuple[float, float]:
    """Return the NPS and its variance; the added answers tell how much answers differ, and not how many there are."""
    shares, n = _shares(tally), tally.effective
    up, down = (tally.weight_from(*CLASSES[name]) for name in ENDS)
    return 100 * (up - down) / tally.weight, variance_of(shares["promoters"], shares["detractors"], n)


def _row(tally: Tally, level: float) -> dict[str, Any]:
    row: dict[str, Any] = {"n": tally.n} | {name: tally.count(*ends) for name, ends in CLASSES.items()}
    if tally.weight:
        shares, n = _shares(tally), tally.effective
        low, high = interval(shares["promoters"] * n, shares["detractors"] * n, n, level)
        row |= {f"{name.removesuffix('s')}_share": share for name, share in shares.items()}
        row |= {"nps": _point(tally)[0], "nps_low": low, "nps_high": high}
    return row | {"response_rate": tally.response_rate(), "n_effective": tally.effective or None}


def _judged(direction: str) -> str:
    return {"rising": "rising (better)", "falling": "falling (worse)"}.get(direction, direction)
