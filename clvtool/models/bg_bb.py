"""BG/BB: at each opportunity, customers buy or not, and may have left before it.

Fader, Hardie, Shang (2010), Customer-base analysis in a discrete-time noncontractual setting, Marketing Science 29-6.
A customer buys at an opportunity with the chance p ~ Beta(α, β) while still there, and leaves before each of them with
the chance θ ~ Beta(γ, δ). Histories are those of `Histories`, with opportunities in place of days: x of n were used,
the last of them was t_x.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import TYPE_CHECKING

import numpy as np

from clvtool.errors import FitError
from clvtool.models.fitting import Form, maximum_likelihood
from clvtool.models.newton import Point
from clvtool.models.scales import buying_chance, leaving_chance

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from clvtool.models.fitting import Fit
    from clvtool.models.histories import Floats, Histories, Ints

FORM = Form(
    "bg-bb",
    unit="opportunities",
    scales=(buying_chance("alpha", "beta"), leaving_chance("gamma", "delta")),
    facts=("days_per_opportunity",),
)
_CHUNK = 1 << 16  # terms treated at a time
_PAIRS = ((0, 1, 2), (3, 4, 5))  # the two blocks: (α, β, α+β) and (γ, δ, γ+δ)


@dataclass(frozen=True, slots=True)
class BgBb:
    """A fitted BG/BB. Times are numbers of opportunities; arrays are taken elementwise."""

    fit: Fit

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Floats:
        """Return the probability that a customer with this history is still there at the next opportunity, n + 1."""
        return np.asarray(self._there(1, *_arrays(x, t_x, n))[0])

    def expected_purchases(self, t: int, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Floats:
        """Return the expected number of the next t opportunities that a customer with this history uses."""
        x, t_x, n = _arrays(x, t_x, n)
        alpha, beta, *_ = self.fit.parameters.values()
        return np.asarray((alpha + x) / (alpha + beta + n) * self._there(t, x, t_x, n).sum(axis=0))

    def _there(self, ahead: int, x: Ints, t_x: Ints, n: Ints) -> Floats:
        """Return the probability of being there at opportunities n + 1, …, n + ahead, one row each."""
        if x.size == 0:
            return np.zeros((ahead, 0))
        logs = _Logs(np.array([*self.fit.parameters.values()]), int(n.max()) + ahead)
        where, starts = _terms(t_x, n)
        lasts = t_x[where] + np.arange(where.size) - starts[where]
        left = lasts < n[where]
        parts = logs.value(x[where], lasts, left)
        top = np.maximum.reduceat(parts, starts)
        whole = top + np.log(np.add.reduceat(np.exp(parts - top[where]), starts))
        buying = logs.value(x, n, np.zeros(n.size, bool)) - logs.staying(n)
        chances = [np.exp(buying + logs.staying(n + step) - whole) for step in range(1, ahead + 1)]
        return np.minimum(chances, 1.0)  # and no rounding beyond


class _Logs:
    """ln of rising factorials for i = 0, 1, …: of α, β, γ, δ over their sums, and of the sums over themselves."""

    def __init__(self, parameters: Floats, most: int) -> None:
        alpha, beta, gamma, delta = parameters.tolist()
        self.gamma = gamma
        self.bases = (alpha, beta, alpha + beta, gamma, delta, gamma + delta)
        steps = np.arange(most + 1)
        units = (alpha + beta,) * 3 + (gamma + delta,) * 3
        self.rising = [_sums(np.log((z + steps) / unit)) for z, unit in zip(self.bases, units, strict=True)]
        self.leave = log(gamma / (gamma + delta))
        self.steps = steps

    def staying(self, m: Ints) -> Floats:
        """Return ln of the chance to be there for m opportunities."""
        return np.asarray(self.rising[4][m] - self.rising[5][m])

    def value(self, x: Ints, m: Ints, left: NDArray[np.bool_]) -> Floats:
        """Return ln of the probability to use x given ones of m opportunities and then to leave, or to be there."""
        buying = self.rising[0][x] + self.rising[1][m - x] - self.rising[2][m]
        return np.asarray(buying + self.rising[4][m] - self.rising[5][m + left] + left * self.leave)

    def slopes(self, power: int) -> list[Floats]:
        """Return Σ 1/(z + i)^power over i = 0, 1, … for each base."""
        return [_sums((z + self.steps) ** -float(power)) for z in self.bases]


def log_likelihood(histories: Histories) -> Callable[[Floats], Point]:
    """Return the log-likelihood of (α, β, γ, δ) given histories, equation (5) of the paper, with derivatives.

    A customer has been there for some number m of opportunities from t_x to n, n meaning all: a sum over these.
    """
    x, t_x, n, count = histories.x, histories.t_x, histories.T, histories.count.astype(float)
    cuts = np.searchsorted(np.cumsum(n - t_x + 1), np.arange(_CHUNK, int((n - t_x + 1).sum()) + _CHUNK, _CHUNK))
    edges = np.unique(np.concatenate(([0], cuts + 1, [x.size])).clip(0, x.size))
    most = int(n.max(initial=0))

    def objective(parameters: Floats) -> Point:
        logs = _Logs(parameters, most + 1)
        first, second = logs.slopes(1), logs.slopes(2)
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
        for low, high in pairwise(edges.tolist()):
            rows = slice(low, high)
            where, starts = _terms(t_x[rows], n[rows])
            weight, used = count[rows], x[rows][where]
            m = t_x[rows][where] + np.arange(where.size) - starts[where]
            left = m < n[rows][where]
            parts = logs.value(used, m, left)
            top = np.maximum.reduceat(parts, starts)
            share = np.exp(parts - top[where])
            whole = np.add.reduceat(share, starts)
            value += float((weight * (top + np.log(whole))).sum())
            share *= (weight / whole)[where]
            places = (used, m - used, m, left, m, m + left)
            by = np.empty((4, where.size))
            for a, b, both in _PAIRS:
                at = 2 * (a // 3)
                toward = left / logs.gamma if a else first[a][used]
                by[at] = toward - first[both][places[both]]
                by[at + 1] = first[b][places[b]] - first[both][places[both]]
                bend = float((share * second[both][places[both]]).sum())
                own = left / logs.gamma**2 if a else second[a][used]
                hessian[at, at] += bend - float((share * own).sum())
                hessian[at + 1, at + 1] += bend - float((share * second[b][places[b]]).sum())
                hessian[at, at + 1] += bend
                hessian[at + 1, at] += bend
            hessian += np.einsum("im,jm->ij", by * share, by)
            mean = np.add.reduceat(by * share, starts, axis=1)
            hessian -= np.einsum("im,jm->ij", mean / weight, mean)
            gradient += mean.sum(axis=1)
        return Point(value, gradient, 0.5 * (hessian + hessian.T))

    return objective


def fit(histories: Histories, days_per_opportunity: float) -> BgBb:
    """Fit the BG/BB to histories of opportunities by maximum likelihood.

    A maximum at a limit is a fit too: its `warnings` say so in words. Raises FitError when there is nothing to fit: no
    customer had an opportunity, or none used one.
    """
    customers, used = histories.n_customers, int((histories.count * histories.x).sum())
    chances = int((histories.count * histories.T).sum())
    if chances == 0:
        raise FitError(
            f"bg-bb needs opportunities after a customer's first purchase: none of {customers} customers had one",
            "take a longer log, or a shorter --opportunity",
        )
    if used == 0:
        raise FitError(
            f"bg-bb needs repeat purchases: {customers} customers had {chances} opportunities and used none",
            "take a longer log, or a longer --opportunity",
        )
    rate = min(max(1.5 * used / chances, 0.01), 0.9)
    return BgBb(
        maximum_likelihood(
            FORM,
            log_likelihood(histories),
            starts=[
                (size * rate, size * (1 - rate), other * leave, other * (1 - leave))
                for size, other, leave in ((2, 3, 0.2), (1, 1, 0.1), (10, 10, 0.05))
            ],
            n_customers=customers,
            facts={"opportunities": chances, "used": used, "days_per_opportunity": days_per_opportunity},
        )
    )


def _arrays(*values: ArrayLike) -> tuple[Ints, Ints, Ints]:
    x, t_x, n = np.broadcast_arrays(*(np.atleast_1d(np.asarray(value, np.int64)) for value in values))
    return x, t_x, n


def _sums(terms: Floats) -> Floats:
    """Return the sums of the first 0, 1, … terms."""
    return np.append(0.0, terms.cumsum())


def _terms(t_x: Ints, n: Ints) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the history that each term belongs to, and where the terms of each history begin."""
    sizes = n - t_x + 1
    return np.repeat(np.arange(t_x.size), sizes), np.cumsum(sizes) - sizes
