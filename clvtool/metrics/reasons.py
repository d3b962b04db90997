"""Why customers leave: how many name each reason, of those who could, and the revenue that goes with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError, UsageError
from clvtool.metrics.groups import TOTAL
from clvtool.metrics.ratings import share_point
from clvtool.metrics.tallies import Tallies, Tally, column_of, days_of, keys_of, weight_of
from clvtool.metrics.waves import Measure, Tested, against, in_order_of_use, steps, trends
from clvtool.result import Result
from clvtool.schema import MONEY_SCALE
from clvtool.stats import holm, wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.periods import Period

CHOSEN, NOT_CHOSEN = 1, 0
"""A respondent's score for a reason."""
ON_SCREEN = (
    *("n", "share", "share_low", "share_high", "delta_share", "difference_share", "p_value", "value_lost"),
    *("value_share", "respondents", "shown", "n_effective"),
)
"""The columns in the order of use: those that do not fit on a terminal are left out."""
TAKEN = (*ON_SCREEN, "reason", "period")
Key = tuple[tuple[str, ...], str, int]
"""Group, reason (TOTAL: any), place of the period."""


@dataclass(slots=True)
class _Counts:
    """Per key: the respondents who named the reason (score 1) and those who could have, but did not; and the money."""

    tallies: dict[Key, Tally]
    lost: dict[Key, Any]
    undated: int
    unseen: int = 0  # reasons that were named though the file says they were not shown


def reasons(
    answers: pl.DataFrame,
    cells: Sequence[Sequence[str]],
    *,
    by: Sequence[str] = (),
    period: str | None = None,
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> Result:
    """Return how many respondents name each reason: one row a group, reason and period, the commonest reason first.

    `answers` is an ANSWERS table with `cell`, the place in `cells` of what the respondent chose (null: nothing), and
    perhaps `shown`: likewise of what the respondent could choose, or whether the question was shown. Columns: the
    groups, `reason`, `period`, `n respondents` (or `shown`) `share share_low share_high`, `value_lost value_share`
    where there is money, `n_effective` where answers have weights, and `delta_share` or `difference_share` with
    `p_value`. The reason `(total)` is the respondents who named any.
    Raises UsageError and DataError as `tallies` does, DataError where nobody gave a reason.
    """
    if not 0 < level < 1:
        raise UsageError(f"--level {level:g} is not between 0 and 1", "95 % is --level 0.95")
    labels = tuple(dict.fromkeys(column_of(answers, name) for name in by))
    units, last = days_of(answers, period)
    if not answers["cell"].count():
        raise DataError(f"none of {answers.height:,} answers has a reason", "if it is another column: --column NAME")
    counts = _counted(answers, cells, labels, units, period)
    shown, money = "shown" in answers.columns, "value" in answers.columns
    table = _table(counts, labels, units, level, shown=shown)
    if not money:
        table = table.drop("value_lost", "value_share")
    if "weight" not in answers.columns:
        table = table.drop("n_effective")
    return Result(
        name="reasons",
        title="Reasons for leaving" + (f", by {period}" if period else ""),
        table=table,
        notes=(*notes, *_said(counts, answers, labels, units, level)),
        as_of=last,
        definitions=_definitions(table, level, period, shown=shown),
        screen=in_order_of_use(table, ON_SCREEN),
    )


def _counted(
    answers: pl.DataFrame,
    cells: Sequence[Sequence[str]],
    labels: Sequence[str],
    units: Sequence[Period],
    period: str | None,
) -> _Counts:
    """Return all counts; rows of the same cells, group and period are put together first."""
    import polars as pl

    columns = keys_of(labels, period)
    shown = [name for name in ("shown",) if name in answers.columns]
    keys = [*columns, "cell", *shown]
    columns |= {name: pl.col(name) for name in ("cell", *shown)} | weight_of(answers, pl.col("cell").is_not_null())
    sums = {"n": pl.len()} | dict.fromkeys(("weight", "squares"), pl.len().cast(pl.Int128))
    if "weight" in columns:
        sums |= {"weight": pl.col("weight").sum(), "squares": (pl.col("weight") ** 2).sum()}
    if "value" in answers.columns:
        columns["lost"] = pl.col("value")
        sums["lost"] = pl.col("lost").sum()
    small = answers.lazy().select(**columns).group_by(keys).agg(**sums).collect(engine="streaming")
    undated = 0
    if period is not None:
        undated = int(small.filter(pl.col("first").is_null())["n"].sum())
        small = small.filter(pl.col("first").is_not_null())
    return _spread(small, cells, labels, units, undated)


def _spread(
    small: pl.DataFrame, cells: Sequence[Sequence[str]], labels: Sequence[str], units: Sequence[Period], undated: int
) -> _Counts:
    """Return the counts per reason of rows that have cells."""
    import polars as pl

    small = small.with_row_index("i")
    sums = [name for name in ("n", "weight", "squares", "lost") if name in small.columns]
    keys = [name for name in small.columns if name not in {*sums, "i", "cell", "shown"}]
    said = [(place, reason) for place, cell in enumerate(cells) for reason in cell]
    pairs = pl.DataFrame(said, schema={"cell": pl.Int64, "reason": pl.String}, orient="row")
    named = small.select("i", "cell").join(pairs, on="cell").select("i", "reason")
    kept = pl.col("cell").is_not_null()
    could, unseen = None, 0
    if "shown" in small.columns and small["shown"].dtype == pl.Boolean:
        unseen = int(small.filter(kept & ~pl.col("shown"))["n"].sum())
        kept |= pl.col("shown")
    elif "shown" in small.columns:
        seen = small.select("i", cell="shown").join(pairs, on="cell").select("i", "reason")
        could = pl.concat([named, seen]).unique()
        unseen = int(named.join(seen, on=["i", "reason"], how="anti").join(small, on="i")["n"].sum())
        kept |= pl.col("shown").is_not_null()
    places = {unit.first: place for place, unit in enumerate(units)}

    def added(rows: pl.DataFrame, reason: str | None = None) -> tuple[dict[Key, Tally], dict[Key, Any]]:
        """Return the rows added up per key; those of one group count for all groups, too."""
        if reason is not None:
            rows = rows.with_columns(reason=pl.lit(reason))
        found: dict[Key, Tally] = {}
        money: dict[Key, Any] = {}
        for row in rows.group_by(*keys, "reason").agg(pl.col(sums).sum()).iter_rows(named=True):
            group = tuple(row[f"g{place}"] for place in range(len(labels)))
            one = Tally(Counter({NOT_CHOSEN: row["n"]}), Counter({NOT_CHOSEN: row["weight"]}), row["squares"])
            for name in dict.fromkeys(((TOTAL,) * len(labels), group)):
                key = name, row["reason"], places[row["first"]] if units else 0
                found[key] = found.get(key, Tally()) + one
                money[key] = money.get(key, 0) + row.get("lost", 0)
        return found, money

    whole, _ = added(small.filter(kept), TOTAL)
    given, lost = added(small.filter(pl.col("cell").is_not_null()), TOTAL)
    each, lost_of = added(named.join(small, on="i"))
    able = whole if could is None else whole | added(could.join(small, on="i"))[0]
    chosen, lost = given | each, lost | lost_of
    every = sorted({reason for _, reason, _ in (*chosen, *able)})
    groups = sorted({group for group, _, _ in whole})
    tallies: dict[Key, Tally] = {}
    for group in groups:
        for reason in every:
            for place in range(max(len(units), 1)):
                key = group, reason, place
                those = able.get(key if could is not None else (group, TOTAL, place), Tally())
                tallies[key] = _of(chosen.get(key, Tally()), those)
    return _Counts(tallies, lost, undated, unseen)


def _of(chosen: Tally, able: Tally) -> Tally:
    """Return the tally of those who could name a reason, score 1 for those who did."""
    return Tally(
        Counter({CHOSEN: chosen.n, NOT_CHOSEN: able.n - chosen.n}),
        Counter({CHOSEN: chosen.weight, NOT_CHOSEN: able.weight - chosen.weight}),
        able.squares,
    )


def _table(
    counts: _Counts, labels: Sequence[str], units: Sequence[Period], level: float, *, shown: bool
) -> pl.DataFrame:
    import polars as pl

    measure = _measure()
    places = range(max(len(units), 1))
    total = (TOTAL,) * len(labels)
    groups = [total, *sorted({group for group, _, _ in counts.tallies} - {total})]
    named = {reason for _, reason, _ in counts.tallies} - {TOTAL}
    times = {reason: sum(counts.tallies[total, reason, place].counts[CHOSEN] for place in places) for reason in named}
    order = [TOTAL, *sorted(named, key=lambda reason: (-times[reason], reason))]
    whole = {
        key[:2]: sum((counts.tallies[key[0], key[1], place] for place in places), Tally()) for key in counts.tallies
    }
    names = [f"{label}_group" if label in TAKEN else label for label in labels]
    base, gap = "shown" if shown else "respondents", "delta_share" if units else "difference_share"
    rows: list[dict[str, Any]] = []
    tested: list[Tested] = []
    for group in groups:
        for reason in order:
            cells = [counts.tallies[group, reason, place] for place in places]
            said = reason != TOTAL or shown  # that all of those who gave a reason gave one says nothing
            for place, cell in enumerate(cells):
                row: dict[str, Any] = dict(zip(names, group, strict=True)) | {"reason": reason}
                row |= {"period": units[place].label} if units else {}
                row |= {"n": cell.counts[CHOSEN], base: cell.n, "n_effective": cell.effective or None}
                row |= _share(cell, level) if said else {}
                lost = counts.lost.get((group, reason, place), 0)
                of_all = counts.lost.get((group, TOTAL, place), 0)
                rows.append(row | {"value_lost": lost, "value_share": float(lost) / float(of_all) if of_all else None})
            if units:
                tested += steps(cells, measure) if said else [(None, None)] * len(cells)
            elif labels:
                mine = whole[group, reason]
                found = against(mine, whole[total, reason] - mine, measure) if said and group != total else None
                tested.append(found or (None, None))
    if labels and not units:
        corrected = holm([p for _, p in tested])
        tested = [(one, p) for (one, _), p in zip(tested, corrected, strict=True)]
    if tested:
        rows = [row | {gap: one, "p_value": p} for row, (one, p) in zip(rows, tested, strict=True)]
    floats = dict.fromkeys(("share", "share_low", "share_high", *((gap, "p_value") if tested else ())), pl.Float64)
    schema: dict[str, Any] = dict.fromkeys((*names, "reason", *(("period",) if units else ())), pl.String)
    schema |= dict.fromkeys(("n", base), pl.Int64) | floats
    schema |= {"value_lost": pl.Decimal(38, MONEY_SCALE), "value_share": pl.Float64, "n_effective": pl.Float64}
    return pl.DataFrame(rows, schema=schema)


def _measure() -> Measure:
    return Measure(lambda _: {}, lambda tally: share_point(tally, (CHOSEN,)), " points", str, {}, 100, is_share=True)


def _share(tally: Tally, level: float) -> dict[str, float]:
    if not tally.weight:
        return {}
    share = tally.weights[CHOSEN] / tally.weight
    low, high = wilson(share, tally.effective, level)
    return {"share": share, "share_low": low, "share_high": high}


def _said(
    counts: _Counts, answers: pl.DataFrame, labels: Sequence[str], units: Sequence[Period], level: float
) -> list[str]:
    """Return what is to be said of the reasons as a whole, and their trends."""
    import polars as pl

    given = answers["cell"].count()
    total = (TOTAL,) * len(labels)
    places = range(max(len(units), 1))
    named = {
        reason: sum(counts.tallies[total, reason, place].counts[CHOSEN] for place in places)
        for group, reason, _ in counts.tallies
        if group == total
    }
    said = []
    if given < answers.height:
        said.append(f"{answers.height - given:,} of {answers.height:,} rows name no reason")
    several = sum(named.values()) - 2 * named[TOTAL]
    if several > 0:
        also = ", and so may value_share" if "value" in answers.columns else ""
        said.append(f"respondents may name several reasons: the shares add up to more than 1{also}")
    if counts.unseen:
        said.append(f"{counts.unseen:,} reasons were named that the file does not say were shown: they count as shown")
    if "value" in answers.columns:
        blank = answers.filter(pl.col("cell").is_not_null())["value"].null_count()
        if blank:
            said.append(f"{blank:,} of those who name a reason have no value: they add nothing to value_lost")
    if units:
        order = sorted(named.keys() - {TOTAL}, key=lambda reason: (-named[reason], reason))
        cells: dict[tuple[tuple[str, ...], int], Tally] = {
            ((reason,), place): counts.tallies[total, reason, place] for reason in order for place in places
        }
        waves = Tallies(
            ("reason",),
            tuple((one,) for one in order),
            tuple(units),
            cells,
            None,
            weighted=False,
            undated=counts.undated,
        )
        said += trends(waves, _measure(), level)
    return said


def _definitions(table: pl.DataFrame, level: float, period: str | None, *, shown: bool) -> dict[str, str]:
    """Return what the columns mean that the table has."""
    base = "shown" if shown else "respondents"
    told = {
        "n": f"respondents who name the reason; of {TOTAL}, who name any",
        "respondents": "those who name any reason",
        "shown": f"those to whom the reason was shown; of {TOTAL}, any reason",
        "share": f"n ÷ {base}" + (", weighted" if "n_effective" in table.columns else ""),
        "share_low": f"with share_high Wilson's interval at {level * 100:g} %",
        "value_lost": "revenue that goes with those who name the reason",
        "value_share": "value_lost ÷ that of all who name any reason",
        "n_effective": "how many answers of equal weight tell as much: (Σ weight)² ÷ Σ weight²",
        "delta_share": f"change of the share against the last {period} before with answers",
        "difference_share": "share less that of all other groups",
    }
    if "p_value" in table.columns:
        told["p_value"] = (
            "how probable so large a change is if nothing changed; for each change by itself"
            if period is not None
            else "how probable so large a difference is if there is none; corrected for all groups and reasons (Holm)"
        )
    return {name: meaning for name, meaning in told.items() if name in table.columns}
