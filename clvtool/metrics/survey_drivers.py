"""Which columns go with the score: how closely, and which of their groups score better or worse than all others.

Numbers are held against the score by rank (Spearman). Of groups it is the share of the variance of the score that lies
between them (eta squared), and for each group the difference of the figure to that of all others. Under the hypothesis
that column and score have nothing to do with each other, (n - 1) times the square of the one, or the other, is a
chi-square with one degree of freedom, or groups less one: what all permutations of the scores make of it in the limit.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError, UsageError
from clvtool.metrics.tallies import Tally, column_of
from clvtool.metrics.waves import apart
from clvtool.result import Result
from clvtool.schema import ANSWERS
from clvtool.stats import between_interval, chi_square_tail, correlation_interval, holm, normal_quantile, two_sided

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.metrics.waves import Measure

MOST_GROUPS = 50
LEAST = 10
"""Answers that a column must have."""
ALL = "all"


@dataclass(slots=True)
class _Driver:
    """A column: how closely it goes with the score, and its groups with the difference of each."""

    name: str
    n: int
    measure: str
    effect: float
    bounds: tuple[float, float] | None
    p: float
    explained: float  # share of the variance, less what chance alone would explain: by it columns are ranked
    groups: list[tuple[str, int, float, float, float, float]] = field(default_factory=list)


def survey_drivers(
    answers: pl.DataFrame,
    columns: Sequence[str],
    measure: Measure,
    *,
    level: float = 0.95,
    unclear: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Result:
    """Return how closely columns go with the score, the closest first; below each its groups.

    `columns` are those asked for, or `all` for every suitable one. Columns: `column group n measure effect effect_low
    effect_high p_value`. A row without a group is the column as a whole: `spearman` (-1 to 1) for numbers,
    `eta_squared` (0 to 1) for groups; the other rows are `FIGURE_difference`. P-values are corrected together.
    `unclear` columns hold numbers that can be read two ways.
    Raises UsageError and DataError as `tallies` does, and DataError where no column is suitable.
    """
    import polars as pl

    if not 0 < level < 1:
        raise UsageError(f"--level {level:g} is not between 0 and 1", "95 % is --level 0.95")
    scored = answers.filter(pl.col("score").is_not_null())
    every = list(columns) == [ALL]
    names = (
        [name for name in answers.columns if name not in ANSWERS]
        if every
        else [column_of(answers, name, "--drivers") for name in columns]
    )
    found: list[_Driver] = []
    left_out = dict.fromkeys(unclear, "its numbers can be read two ways: --decimal says which")
    figure = measure.name
    for name in dict.fromkeys(names):
        why = left_out.get(name) or _unfit(scored[name], asked=not every)
        if why:
            left_out[name] = why
        elif scored[name].dtype.is_float():
            found.append(_of_numbers(scored, name, level))
        else:
            found.append(_of_groups(scored, name, measure, level))
    if not found:
        told = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise DataError("no column is fit to be held against the score", told or "the file has no further columns")
    found.sort(key=lambda one: (-one.explained, one.p, one.name))
    table = _table(found, figure)
    said = ["this is association: what goes with the score need not be its cause"]
    if left_out:
        said.append(f"left out: {'; '.join(f'{name} ({why})' for name, why in left_out.items())}")
    if "weight" in answers.columns:
        said.append("answers count alike here: weights are not heeded")
    return Result(
        name="drivers",
        title=f"What goes with the score ({figure})",
        table=table,
        notes=(*notes, *said),
        as_of=answers["answer_date"].max() if "answer_date" in answers.columns else None,  # type: ignore[arg-type]
        definitions={
            "column": "those that go with the score most closely first: by the share of its variance, less what chance "
            "would explain",
            "group": "a value of the column; empty for the column as a whole",
            "n": "answers with a score and a value",
            "measure": f"spearman: rank correlation; eta_squared: share of the variance of the score between groups; "
            f"{figure}_difference: {figure} less that of all others with a value",
            "effect_low": f"with effect_high its interval at {level * 100:g} %",
            "p_value": "how probable so close a connection is if there is none; the whole table corrected (Holm)",
        },
    )


def _unfit(values: pl.Series, *, asked: bool) -> str:
    """Return why a column is not held against the score; nothing where it is. Numbers are no ids if `asked` for."""
    known = values.drop_nulls()
    n, different = len(known), known.n_unique()
    if n < LEAST:
        return f"{n} answers have a value"
    if different < 2:
        return "one value only"
    if known.dtype.is_float():
        whole = bool((known == known.round()).all())
        return "numbers of which each stands once: ids" if whole and different == n and not asked else ""
    if different * 2 > n:
        return "nearly every value stands once: ids or text"
    return f"{different:,} different values" if different > MOST_GROUPS else ""


def _of_numbers(scored: pl.DataFrame, name: str, level: float) -> _Driver:
    """Return Spearman's correlation, with mean ranks for equal values, from the counts of equal pairs."""
    import numpy as np
    import polars as pl

    pairs = scored.filter(pl.col(name).is_not_null()).group_by(name, "score").agg(n=pl.len()).sort(name, "score")
    n = int(pairs["n"].sum())
    times = pairs["n"].cast(pl.Float64).to_numpy()
    ranks = []
    for column in (name, "score"):
        sizes = pairs.group_by(column).agg(pl.col("n").sum()).sort(column)
        middle = sizes.select(column, rank=pl.col("n").cum_sum() - (pl.col("n").cast(pl.Float64) - 1) / 2 - (n + 1) / 2)
        ranks.append(pairs.join(middle, on=column, how="left", maintain_order="left")["rank"].to_numpy())
    one, other = ranks
    spread = math.sqrt(float(np.sum(times * one * one)) * float(np.sum(times * other * other)))
    r = float(np.sum(times * one * other)) / spread if spread else 0.0
    p = chi_square_tail((n - 1) * r * r, 1)
    return _Driver(name, n, "spearman", r, correlation_interval(r, n, level), p, _beyond_chance(r * r, n, 2))


def _of_groups(scored: pl.DataFrame, name: str, measure: Measure, level: float) -> _Driver:
    """Return eta squared from exact sums, and the difference of each group to all others."""
    import polars as pl

    counts = scored.filter(pl.col(name).is_not_null()).group_by(name, "score").agg(n=pl.len())
    scores: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for group, score, times in counts.iter_rows():
        scores[str(group)][score] += times
    tallies = {group: Tally(found, found, found.total()) for group, found in sorted(scores.items())}
    whole = sum(tallies.values(), Tally())
    n = whole.n
    sums = {group: sum(score * times for score, times in one.counts.items()) for group, one in tallies.items()}
    total = sum(sums.values())
    squares = sum(score * score * times for score, times in whole.counts.items())
    between = math.fsum((sums[group] - one.n * total / n) ** 2 / one.n for group, one in tallies.items())
    within = (squares * n - total * total) / n
    share = min(between / within, 1.0) if within else 0.0
    driver = _Driver(
        name,
        n,
        "eta_squared",
        share,
        between_interval(share, n, len(tallies), level),
        chi_square_tail((n - 1) * share, len(tallies) - 1),
        _beyond_chance(share, n, len(tallies)),
    )
    for group, one in tallies.items():
        found = apart(one, whole - one, measure)
        if found is not None:
            gap, error = found
            half = normal_quantile(level) * error
            driver.groups.append((group, one.n, gap, gap - half, gap + half, two_sided(gap / error)))
    driver.groups.sort(key=lambda row: (row[2], row[0]))
    return driver


def _beyond_chance(share: float, n: int, groups: int) -> float:
    """Return the share of variance less what as many groups explain by chance (as with the adjusted R squared)."""
    return share - (1 - share) * (groups - 1) / (n - groups) if n > groups else 0.0


def _table(found: Sequence[_Driver], figure: str) -> pl.DataFrame:
    import polars as pl

    rows: list[dict[str, Any]] = []
    for one in found:
        low, high = one.bounds or (None, None)
        row = {"column": one.name, "group": None, "n": one.n, "measure": one.measure, "effect": one.effect}
        rows.append(row | {"effect_low": low, "effect_high": high, "p_value": one.p})
        for group, n, gap, lowest, highest, p in one.groups:
            row = {"column": one.name, "group": group, "n": n, "measure": f"{figure}_difference", "effect": gap}
            rows.append(row | {"effect_low": lowest, "effect_high": highest, "p_value": p})
    corrected = holm([row["p_value"] for row in rows])
    rows = [row | {"p_value": p} for row, p in zip(rows, corrected, strict=True)]
    schema: dict[str, Any] = {"column": pl.String, "group": pl.String, "n": pl.Int64, "measure": pl.String}
    schema |= dict.fromkeys(("effect", "effect_low", "effect_high", "p_value"), pl.Float64)
    return pl.DataFrame(rows, schema=schema)
