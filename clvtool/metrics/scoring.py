"""How good forecasts of a yes or no were: ranking, calibration, and what an error cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.metrics.schemes import Scale

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TENTHS = 10
SUREST = 1e-12
"""A probability nearer to 0 or 1 than this costs as much as one that is this near, where it was wrong."""


@dataclass(frozen=True, slots=True)
class Score:
    """The score of `n` forecasts; a figure is None where the outcomes (or n) do not allow it.

    `pairs` is the number of pairs of a yes and a no, over which `auc` is a mean.
    """

    n: int
    observed: float | None
    predicted: float | None
    auc: float | None
    brier: float | None
    log_loss: float | None
    top_lift: float | None
    pairs: int


@dataclass(frozen=True, slots=True)
class Tenth:
    """The forecasts of one tenth, from the lowest (1) to the highest (10); equal ones are in the same."""

    tenth: int
    n: int
    predicted: float
    observed: float
    lift: float | None


def score(chance: NDArray[np.float64], happened: NDArray[np.bool_]) -> Score:
    """Return how good the forecast chances of something were that has happened or not."""
    import numpy as np

    n, yes = len(happened), int(happened.sum())
    if not n:
        return Score(0, None, None, None, None, None, None, 0)
    sure = np.clip(chance, SUREST, 1 - SUREST)
    return Score(
        n=n,
        observed=yes / n,
        predicted=float(chance.mean()),
        auc=_auc(chance[happened], chance[~happened]),
        brier=float(((chance - happened) ** 2).mean()),
        log_loss=-float(np.log(np.where(happened, sure, 1 - sure)).mean()),
        top_lift=_top_lift(chance, happened),
        pairs=yes * (n - yes),
    )


def pooled(scores: list[Score]) -> Score:
    """Return the scores of several days as one: means over forecasts, and of AUC over pairs of the same day."""
    n = [one.n for one in scores]
    pairs = [one.pairs for one in scores]
    return Score(
        n=sum(n),
        observed=_mean([one.observed for one in scores], n),
        predicted=_mean([one.predicted for one in scores], n),
        auc=_mean([one.auc for one in scores], pairs),
        brier=_mean([one.brier for one in scores], n),
        log_loss=_mean([one.log_loss for one in scores], n),
        top_lift=_mean([one.top_lift for one in scores], [one.n if one.observed else 0 for one in scores]),
        pairs=sum(pairs),
    )


def tenths(days: list[tuple[NDArray[np.float64], NDArray[np.bool_]]]) -> list[Tenth]:
    """Return predicted and observed rates by tenth of the forecasts, (chance, happened) of one or several days.

    A forecast's tenth is 1 + ⌊10 · (lower forecasts of its day) ÷ n⌋, so equal ones share it and some may be empty.
    """
    import numpy as np

    chance = np.concatenate([one for one, _ in days])
    happened = np.concatenate([one for _, one in days])
    place = np.concatenate([Scale(one, TENTHS).scores(one) for one, _ in days]) - 1
    n = np.bincount(place, minlength=TENTHS)
    predicted = np.bincount(place, chance, minlength=TENTHS)
    observed = np.bincount(place, happened, minlength=TENTHS)
    rate = int(happened.sum()) / max(len(happened), 1)
    return [
        Tenth(
            tenth=tenth + 1,
            n=int(n[tenth]),
            predicted=float(predicted[tenth] / n[tenth]),
            observed=float(observed[tenth] / n[tenth]),
            lift=float(observed[tenth] / n[tenth]) / rate if rate else None,
        )
        for tenth in range(TENTHS)
        if n[tenth]
    ]


def _auc(yes: NDArray[np.float64], no: NDArray[np.float64]) -> float | None:
    """Return the share of pairs of a yes and a no in which the yes had the higher chance, equal ones counting half."""
    import numpy as np

    if not len(yes) or not len(no):
        return None
    ordered = np.sort(no)
    # looked up in order, which is many times faster
    yes = np.sort(yes)
    twice = int(np.searchsorted(ordered, yes, "left").sum()) + int(np.searchsorted(ordered, yes, "right").sum())
    return twice / (2 * len(yes) * len(no))


def _top_lift(chance: NDArray[np.float64], happened: NDArray[np.bool_]) -> float | None:
    """Return the observed rate among the tenth with the highest chances ÷ the rate of all.

    Of equal chances on the border as many count as there is room for, each with their common rate.
    """
    import numpy as np

    n, yes = len(happened), int(happened.sum())
    if not yes:
        return None
    border = np.partition(chance, n - 1 - n // TENTHS)[n - 1 - n // TENTHS]
    above, level = chance > border, chance == border
    sure, equal = int(above.sum()), int(level.sum())
    # in tenths of a customer, and times those equal, all numbers are whole
    hits = TENTHS * int(happened[above].sum()) * equal + (n - TENTHS * sure) * int(happened[level].sum())
    return hits / (equal * yes)


def _mean(values: list[float | None], weights: list[int]) -> float | None:
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None and weight]
    whole = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / whole if whole else None
