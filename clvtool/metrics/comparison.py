"""A comparison of models of buying as a table, and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.metrics.cutoffs import Window
    from clvtool.metrics.holdout import Comparison, Score, Standing

POOLED = "(all)"
COLUMNS = {
    "cutoff": "last day of the orders that the models were fitted to; (all): the hold-outs together",
    "model": "",
    "chosen": "whether this is the model to take: the one with the fewest parameters of those within one standard "
    "error of the best log score",
    "log_score": "mean log of the probability given to the number of purchase days that a customer then had; higher is "
    "better, and 0 would be certainty",
    "behind": "log score of the best model less that of this one",
    "std_error": "standard error of that difference, over customers",
    "calibration": "predicted ÷ observed",
    "mae": "mean distance between expected and observed purchase days of a customer",
    "predicted": "expected purchase days after the cut-off",
    "observed": "purchase days after the cut-off",
    "customers": "customers known at the cut-off; (all): the sum over the hold-outs",
    "until_date": "last day of the hold-out",
}


def rows(comparison: Comparison, chosen: str) -> list[dict[str, Any]]:
    """Return a row a model over all hold-outs, then one a hold-out and model; the best model first."""

    def row(cutoff: str, one: Standing, score: Score, until: str, *, pooled: bool) -> dict[str, Any]:
        return {
            "cutoff": cutoff,
            "model": one.name,
            "chosen": one.name == chosen,
            "log_score": score.log_score,
            "behind": one.behind if pooled else None,
            "std_error": one.std_error if pooled and one.behind else None,
            "calibration": score.calibration,
            "mae": score.mae,
            "predicted": score.predicted,
            "observed": score.observed,
            "customers": score.customers,
            "until_date": until,
        }

    last = str(comparison.windows[-1].until)
    found = [row(POOLED, one, one.pooled, last, pooled=True) for one in comparison.standings]
    for place, window in enumerate(comparison.windows):
        found += [
            row(str(window.cutoff), one, one.windows[place], str(window.until), pooled=False)
            for one in comparison.standings
        ]
    return found


def table(comparison: Comparison, chosen: str) -> pl.DataFrame:
    """Return these rows as a table."""
    import polars as pl

    types: dict[str, type[pl.DataType]] = dict.fromkeys(COLUMNS, pl.Float64)
    types |= {"cutoff": pl.String, "model": pl.String, "chosen": pl.Boolean, "until_date": pl.String}
    types |= {"observed": pl.Int64, "customers": pl.Int64}
    return pl.DataFrame(rows(comparison, chosen), schema=types).with_columns(pl.col("until_date").str.to_date())


def told(comparison: Comparison, chosen: str) -> list[str]:
    """Return what was compared and found: a sentence, and one more for each model."""
    return [_why(comparison, chosen), *(_standing(one) for one in comparison.standings), *_remarks(comparison)]


def _why(comparison: Comparison, chosen: str) -> str:
    best = comparison.standings[0]
    taken = next(one for one in comparison.standings if one.name == chosen)
    where = f"on the orders after {_days(comparison.windows)}"
    if len(comparison.standings) == 1:
        return f"{chosen} is taken: the only model that could be judged {where}"
    others = f"{len(comparison.standings)} models {where}"
    if not taken.behind:
        alike = [one.name for one in comparison.standings if one is not taken and not one.behind]
        equal = f", and {_and(alike)} {'are' if len(alike) > 1 else 'is'} the same there" if alike else ""
        return f"{chosen} is taken: it has the best log score of {others}{equal}"
    lead = f"{best.name} is ahead by {taken.behind:.2g} (standard error {taken.std_error:.2g})"
    if comparison.near(taken):
        fewer = f"{chosen} has {taken.parameters} parameters and {best.name} {best.parameters}"
        return f"{chosen} is taken: of {others}, {lead}, which is within noise, and {fewer}"
    return f"{chosen} is taken: of {others}, {lead}, but cannot be fitted to the whole log"


def _days(found: Sequence[Window]) -> str:
    lengths = {window.days for window in found}
    if len(lengths) > 1:
        return _and([f"{window.cutoff} ({window.days} days)" for window in found])
    each = f"{lengths.pop()} days{' each' if len(found) > 1 else ''}"
    return f"{_and([str(window.cutoff) for window in found])}, {each}"


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _standing(one: Standing) -> str:
    score = one.pooled
    behind = f", {one.behind:.2g} ± {one.std_error:.1g} behind" if one.behind else ""
    sums = f"{score.predicted:,.0f} purchase days predicted, {score.observed:,} observed"
    ratio = "" if score.calibration is None else f" (ratio {score.calibration:.3f})"
    return f"{one.name}: log score {score.log_score:.4f}{behind}; mean error {score.mae:.3f}; {sums}{ratio}"


def _remarks(comparison: Comparison) -> list[str]:
    said = [f"hold-outs are left out: {comparison.dropped}"] if comparison.dropped else []
    said += [f"{name} is left out of the comparison: {reason}" for name, reason in comparison.left_out.items()]
    if comparison.sampled < comparison.customers:
        said.append(f"the models are compared on {comparison.sampled:,} of {comparison.customers:,} customers")
    return said
