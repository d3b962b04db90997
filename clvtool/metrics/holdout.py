"""Models of buying judged by purchases they have not seen: fitted before a day, scored by what came after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING

from clvtool.errors import FitError
from clvtool.metrics.predictive import FEWEST_REPEATERS
from clvtool.models.registry import fitted, module
from clvtool.periods import day_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.metrics.cutoffs import Window
    from clvtool.models.fitting import Fit
    from clvtool.models.histories import Histories

ENOUGH = 100_000
"""Customers that a comparison looks at; of more, every so-manyth: the standard error says that it is enough."""

EQUAL = 1e-9
"""A difference of log scores below that is rounding."""


@dataclass(frozen=True, slots=True)
class Score:
    """How a model did: means over customers and hold-outs, and sums of purchase days.

    `log_score` is the mean logarithm of the probability that the model gave to the number of purchase days that came;
    `mae` the mean distance between that number and the one expected.
    """

    customers: int
    log_score: float
    mae: float
    predicted: float
    observed: int

    @property
    def calibration(self) -> float | None:
        """Return predicted ÷ observed, None where nothing was observed."""
        return self.predicted / self.observed if self.observed else None


@dataclass(frozen=True, slots=True)
class Standing:
    """A model among the others: its scores per hold-out and over all.

    `behind` is how far the best is ahead in the pooled log score, `std_error` that of the difference over customers.
    """

    name: str
    parameters: int
    pooled: Score
    windows: tuple[Score, ...]
    behind: float
    std_error: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models by log score, the best first; `sampled` is how many of `customers` were looked at.

    `left_out` says why a model, `dropped` why a hold-out takes no part.
    """

    standings: tuple[Standing, ...]
    windows: tuple[Window, ...]
    customers: int
    sampled: int
    left_out: dict[str, str] = field(default_factory=dict)
    dropped: str | None = None

    @property
    def ranked(self) -> list[Standing]:
        """Return the models in the order they are to be taken.

        First those within one standard error of the best, the fewest parameters first; then the others.
        """
        return sorted(self.standings, key=lambda one: (0, one.parameters) if self.near(one) else (1, 0))

    def near(self, one: Standing) -> bool:
        """Return whether a model is as good as the best as far as these data tell."""
        return one.behind <= one.std_error


@dataclass(frozen=True, slots=True)
class _Log:
    """The purchase days of some customers, who stand in an order that their purchases alone decide."""

    day: NDArray[np.int64]
    begins: NDArray[np.intp]

    @property
    def n(self) -> int:
        return len(self.begins)

    def up_to(self, last: int) -> NDArray[np.int64]:
        """Return how many purchase days each customer has up to and with a day."""
        import numpy as np

        return np.asarray(np.add.reduceat((self.day <= last).astype(np.int64), self.begins))


@dataclass(frozen=True, slots=True)
class _Part:
    """The customers known at a cut-off: who they are, their histories (days), and the purchase days `k` after it."""

    known: NDArray[np.bool_]
    x: NDArray[np.int64]
    t_x: NDArray[np.int64]
    T: NDArray[np.int64]
    k: NDArray[np.int64]
    days: int

    def histories(self) -> Histories:
        from clvtool.models.histories import Histories

        return Histories.from_arrays(self.x, self.t_x, self.T)


def compare(found: Customers, names: Sequence[str], chosen: Iterable[Window]) -> Comparison:
    """Return how these models do on the hold-outs.

    At each cut-off they are fitted to the purchase days up to it, and scored on those after it of all customers known
    by then. A hold-out with too few customers who had bought again is dropped; a model that cannot be fitted at one,
    or whose fit does not converge, is left out. Raises FitError when nothing is left to compare.
    """
    import numpy as np

    log = _sample(found)
    parts, kept, dropped = [], [], []
    for window in chosen:
        part = _part(log, window)
        again = int((part.x > 0).sum())
        if again < FEWEST_REPEATERS:
            dropped.append(f"{window.cutoff} ({again})")
        else:
            parts.append(part)
            kept.append(window)
    few = f"fewer than {FEWEST_REPEATERS} customers had bought again by {', '.join(dropped)}" if dropped else None
    if few and not parts:
        raise FitError(few)
    scored: dict[str, tuple[tuple[Score, ...], NDArray[np.float64]]] = {}
    left_out: dict[str, str] = {}
    for name in names:
        try:
            scored[name] = _score(name, parts, kept, log.n)
        except FitError as error:
            left_out[name] = error.message
    if not scored:
        raise FitError("; ".join(f"{name}: {reason}" for name, reason in left_out.items()))
    times = np.sum([part.known for part in parts], axis=0)
    pairs = int(times.sum())
    best = max(scored, key=lambda name: float(scored[name][1].sum()))
    standings = []
    for name, (scores, total) in scored.items():
        behind, sure = _difference(scored[best][1] - total, times)
        standings.append(Standing(name, _size(name), _pooled(scores, total, pairs), scores, behind, sure))
    standings.sort(key=lambda one: (one.behind, one.parameters))
    return Comparison(tuple(standings), tuple(kept), found.n, log.n, left_out, few)


def _sample(found: Customers) -> _Log:
    """Return the purchase days of all customers or of every so-manyth, sorted by a hash of their purchase days.

    So neither ids nor the order of the rows have a say in who is looked at, nor in the last digit of a sum.
    """
    import numpy as np

    count = found.occasions
    begins = np.append(0, np.cumsum(count))[:-1]
    mixed = found.bought.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    order = np.argsort(np.add.reduceat(mixed, begins), kind="stable")[:: -(-found.n // ENOUGH)]
    size = count[order]
    starts = np.append(0, np.cumsum(size))[:-1]
    places = np.repeat(begins[order] - starts, size) + np.arange(int(size.sum()))
    return _Log(found.bought[places], starts)


def _part(log: _Log, window: Window) -> _Part:
    import numpy as np

    cutoff = day_number(window.cutoff)
    before = log.up_to(cutoff)
    known = before > 0
    first = log.day[log.begins[known]]
    last = log.day[log.begins[known] + before[known] - 1]
    after = log.up_to(day_number(window.until)) - before
    return _Part(known, before[known] - 1, last - first, cutoff - first, np.asarray(after[known]), window.days)


def _score(
    name: str, parts: Sequence[_Part], kept: Sequence[Window], n: int
) -> tuple[tuple[Score, ...], NDArray[np.float64]]:
    """Return the scores of a model on the hold-outs, and the sum of log probabilities of each customer over them."""
    import numpy as np

    from clvtool.models.scores import log_probability

    total, scores = np.zeros(n), []
    for part, window in zip(parts, kept, strict=True):
        fit: Fit = module(name).fit(part.histories()).fit
        if not fit.converged:
            raise FitError(f"its fit to the orders up to {window.cutoff} does not converge")
        model, ahead = fitted(fit), part.days / 7
        x, t_x, T = part.x.astype(float), part.t_x / 7, part.T / 7
        logs = log_probability(model, ahead, x, t_x, T, part.k)
        expected = model.conditional_expected_purchases(ahead, x, t_x, T)
        total[part.known] += logs
        scores.append(
            Score(
                customers=part.k.size,
                log_score=float(logs.mean()),
                mae=float(np.abs(expected - part.k).mean()),
                predicted=float(expected.sum()),
                observed=int(part.k.sum()),
            )
        )
    return tuple(scores), total


def _pooled(scores: Sequence[Score], total: NDArray[np.float64], pairs: int) -> Score:
    return Score(
        customers=pairs,
        log_score=float(total.sum()) / pairs,
        mae=sum(one.mae * one.customers for one in scores) / pairs,
        predicted=sum(one.predicted for one in scores),
        observed=sum(one.observed for one in scores),
    )


def _difference(lead: NDArray[np.float64], times: NDArray[np.int64]) -> tuple[float, float]:
    """Return the mean lead per customer and hold-out, and its standard error over independent customers."""
    pairs, customers = int(times.sum()), int((times > 0).sum())
    mean = float(lead.sum()) / pairs
    if mean < EQUAL:
        return 0.0, 0.0
    rest = lead - mean * times
    return mean, sqrt(float((rest * rest).sum()) * customers / max(customers - 1, 1)) / pairs


def _size(name: str) -> int:
    """Return how many parameters a model has."""
    return len(module(name).FORM.names)
