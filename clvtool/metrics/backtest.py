"""Would the chances of leaving have been right? They are taken at earlier days and held against what came after.

At each cut-off everything is done anew with what was known then: the model is fitted to the orders up to that day, and
what a baseline has to learn it learns from the span before that day, of the same length as the one that is foretold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError, FitError, UsageError
from clvtool.metrics import opinion
from clvtool.metrics.choice import fit_model
from clvtool.metrics.cutoffs import windows
from clvtool.metrics.known import Known, left
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.prediction_models import DEFAULT
from clvtool.metrics.scoring import pooled, score, tenths
from clvtool.models.registry import PURCHASES, require
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.known import Day
    from clvtool.metrics.scoring import Score, Tenth
    from clvtool.periods import Duration

ALL = "(all)"
DEFINITIONS = {
    "cutoff": "day up to which everything was known; (all): all of them together, AUC over pairs of the same day",
    "forecast": (
        "{model}: the model, fitted at the cut-off; {features}recency: logistic regression on the days since the last "
        "purchase alone; average: the share of all customers; these learn from the {within} up to the cut-off"
    ),
    "n": "customers known at the cut-off",
    "predicted_rate": "mean forecast chance of no purchase in the {within} after the cut-off",
    "observed_rate": "share of the customers who bought nothing in these days",
    "auc": "share of pairs of one who left and one who bought in which the first had the higher chance; 0.5 is a guess",
    "brier": "mean squared difference of chance and outcome (1 left, 0 bought); 0 is perfect",
    "log_loss": "mean of -ln of the chance given to what happened (at least 1e-12); 0 is perfect",
    "top_lift": "share who left among the tenth with the highest chances ÷ share of all; equal chances count in part",
}
ON_SCREEN = ["cutoff", "forecast", "n", "auc", "brier", "log_loss", "observed_rate", "top_lift", "predicted_rate"]
"""The columns in the order of use: those that do not fit on a terminal are left out."""
TENTHS = {
    "tenth": "1 + ⌊10 · (customers with a lower chance) ÷ customers⌋ at each cut-off; equal chances share a tenth",
    "n": "customers in the tenth, all cut-offs together",
    "predicted_rate": DEFINITIONS["predicted_rate"],
    "observed_rate": DEFINITIONS["observed_rate"],
    "lift": "observed_rate ÷ that of all customers",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """The chances forecast at one day, by the name of the forecast, and who bought nothing after it."""

    cutoff: date
    gone: NDArray[np.bool_]
    chances: dict[str, NDArray[np.float64]]


def backtest(
    orders: pl.DataFrame,
    policies: Policies | None = None,
    *,
    within: Duration,
    cutoffs: Sequence[date] = (),
    model: str | None = None,
    features: bool = False,
    by: Sequence[str] = (),
    calibration: bool = False,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return how good the chances of no purchase were at earlier cut-offs: one row a cut-off and forecast, all first.

    With `calibration`, one row a forecast and tenth of the chances. Without `cutoffs`, up to three, at multiples of
    the span before the day of the analysis. With `features`, the second opinion is among the forecasts, and the columns
    `by` are among its clues. `extra["calibration"]` has the tenths in every case.
    Raises UsageError for a cut-off outside the data, FitError when the model can be fitted at no cut-off.
    """
    import polars as pl

    name, given = require(model or DEFAULT, PURCHASES), policies or Policies()
    span = round(within.days)
    log = order_log(orders, given)
    days = _cutoffs(log.first_day, log.as_of, within, cutoffs)
    told, as_of = [*notes, *log.notes], log.as_of
    del log
    known = Known(orders, given, by=by, look=features)
    trials: list[Trial] = []
    failures: list[FitError | DataError] = []
    for when in days:
        try:
            before, then, after = (known.on(when + timedelta(days=shift)) for shift in (-span, 0, span))
            trials.append(_trial(before, then, after, name, told))
        except (FitError, DataError) as error:
            failures.append(error)
            told.append(f"{when} is left out: {error.message}")
        known.forget(when)
    if not trials:
        raise failures[-1]
    forecasts = list(trials[0].chances)
    rows = _rows(trials, forecasts)
    told += [*after.notes, *_verdict(rows, forecasts)]
    deciles = [
        {"forecast": name} | _plain(tenth)
        for name in forecasts
        for tenth in tenths([(trial.chances[name], trial.gone) for trial in trials])
    ]
    clues = "features: logistic regression on the clues of the log; " if features else ""
    words = {"model": name, "within": str(within), "features": clues}
    means = TENTHS if calibration else DEFINITIONS
    table = pl.DataFrame(deciles if calibration else rows, infer_schema_length=None)
    return Result(
        name="churn",
        title=f"{'Calibration' if calibration else 'Back-test'} of the chance of no purchase within {within}",
        table=table,
        notes=tuple(told),
        as_of=as_of,
        currency=currency,
        definitions={column: meaning.format_map(words) for column, meaning in means.items()},
        screen=None if calibration else table.select(ON_SCREEN),
        extra={} if calibration else {"calibration": deciles},
    )


def _cutoffs(first: date, as_of: date, within: Duration, wanted: Sequence[date]) -> list[date]:
    """Return the cut-offs, refusing those that have not the span of the forecast before and after them."""
    span = timedelta(days=round(within.days))
    low, high = first + span, as_of - span
    if low > high:
        longest = (as_of - first).days // 2
        raise UsageError(
            f"--within {within} is too long for a back-test: a cut-off needs as much before and after it, and the log "
            f"goes from {first} to {as_of}",
            f"take at most --within {longest}d" if longest else "take a longer log",
        )
    for when in wanted:
        if not low <= when <= high:
            raise UsageError(
                f"--cutoff {when} is outside of the valid range",
                f"it needs {within} of the log before and after it: {low} to {high}",
            )
    return sorted(set(wanted)) or [window.cutoff for window in windows(first, as_of, holdout=within)]


def _trial(before: Day, then: Day, after: Day, model: str, told: list[str]) -> Trial:
    """Return the forecasts of a day, learnt from it and from the span before it, and what came after."""
    import numpy as np

    from clvtool.models import logistic
    from clvtool.models.registry import fitted

    fit = fit_model(model, then.seen, has_amount=False)
    told += [f"{then.when}: {model}: {warning}" for warning in fit.warnings]
    weeks = (after.when - then.when).days / 7
    second = {} if then.clues is None else {opinion.NAME: opinion.opinion(before, then).chance(then)}
    outlook = fitted(fit).outlook(weeks, 0.0, then.seen.x, then.seen.t_x / 7, then.seen.T / 7)
    earlier = left(before, then)
    by_recency = logistic.fit(_log_recency(before), earlier)
    return Trial(
        cutoff=then.when,
        gone=left(then, after),
        chances={
            model: outlook.p_none,
            **second,
            "recency": by_recency.probability(_log_recency(then)),
            "average": np.full(len(then.ids), float(earlier.mean())),
        },
    )


def _log_recency(day: Day) -> NDArray[np.float64]:
    import numpy as np

    return np.asarray(np.log1p(day.recency.astype(float))[:, None])


def _rows(trials: Sequence[Trial], forecasts: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row for each cut-off and forecast, all cut-offs together first."""
    scores = {name: [score(trial.chances[name], trial.gone) for trial in trials] for name in forecasts}
    rows = [_row(ALL, name, pooled(scores[name])) for name in forecasts]
    return rows + [
        _row(trial.cutoff.isoformat(), name, scores[name][place])
        for place, trial in enumerate(trials)
        for name in forecasts
    ]


def _row(cutoff: str, forecast: str, one: Score) -> dict[str, Any]:
    return {
        "cutoff": cutoff,
        "forecast": forecast,
        "n": one.n,
        "predicted_rate": one.predicted,
        "observed_rate": one.observed,
        "auc": one.auc,
        "brier": one.brier,
        "log_loss": one.log_loss,
        "top_lift": one.top_lift,
    }


def _plain(one: Tenth) -> dict[str, Any]:
    return {
        "tenth": one.tenth,
        "n": one.n,
        "predicted_rate": one.predicted,
        "observed_rate": one.observed,
        "lift": one.lift,
    }


def _verdict(rows: Sequence[dict[str, Any]], forecasts: Sequence[str]) -> list[str]:
    """Say whether the model forecasts better than each of the others."""
    losses = {name: [row["log_loss"] for row in rows if row["forecast"] == name] for name in forecasts}
    model, *others = forecasts
    said = []
    for other in others:
        own, theirs = losses[model], losses[other]
        better = sum(ours < their for ours, their in zip(own[1:], theirs[1:], strict=True))
        verdict = "better" if own[0] < theirs[0] else "no better"
        said.append(
            f"{model} is {verdict} than {other}: log loss {own[0]:.4f} against {theirs[0]:.4f}, lower at {better} of "
            f"{len(own) - 1} cut-offs"
        )
    return said
