"""Logistic regression with a ridge: the chance of an outcome from a few figures of each customer.

Every coefficient, over figures of mean 0 and standard deviation 1, is normal around 0 beforehand (deviation 1). So
there is always exactly one maximum, also where all outcomes are the same or a figure tells them apart without fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.newton import Point

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clvtool.models.histories import Floats

_MOST_STEPS = 100
_CLOSE = 1e-20  # squared Newton decrement: the step that is left, in standard errors
_CHUNK = 1 << 16  # customers treated at a time, to bound the memory


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """A fitted regression: log odds = intercept + Σ coefficient · (figure − mean) ÷ deviation.

    `coefficients` and `std_errors` are per standard deviation of the figure, 0 for one that does not vary.
    """

    mean: Floats
    deviation: Floats
    intercept: float
    coefficients: Floats
    std_errors: Floats

    def probability(self, figures: Floats) -> Floats:
        """Return the chance of the outcome for each row of figures (n × k)."""
        log_odds = ((figures - self.mean) / self.deviation) @ self.coefficients + self.intercept
        return _sigmoid(log_odds)


def fit(figures: Floats, outcome: NDArray[np.bool_]) -> Logistic:
    """Fit the regression of an outcome on figures (n × k, n ≥ 1) by Newton's method."""
    mean, deviation = figures.mean(axis=0), figures.std(axis=0)
    varies = deviation > 1e-12 * (1 + np.abs(mean))
    deviation = np.where(varies, deviation, 1.0)

    def look(beta: Floats) -> Point:
        """Return the log-likelihood less the ridge, with its derivatives."""
        value, gradient, hessian = -0.5 * float(beta @ beta), -beta, -np.eye(beta.size)
        for at in range(0, len(outcome), _CHUNK):
            part = slice(at, at + _CHUNK)
            rows = (figures[part] - mean) / deviation * varies
            rows = np.concatenate([np.ones((len(rows), 1)), rows], axis=1)
            log_odds = rows @ beta
            chance = _sigmoid(log_odds)
            value -= float(np.logaddexp(0.0, np.where(outcome[part], -log_odds, log_odds)).sum())
            gradient = gradient + rows.T @ (outcome[part] - chance)
            hessian -= rows.T @ (rows * (chance * (1 - chance))[:, None])
        return Point(value, gradient, hessian)

    beta = np.zeros(figures.shape[1] + 1)
    point = look(beta)
    for _ in range(_MOST_STEPS):
        step = np.linalg.solve(-point.hessian, point.gradient)
        if float(step @ point.gradient) <= _CLOSE * len(outcome):
            break
        while (there := look(beta + step)).value < point.value - 1e-12 * abs(point.value):
            step /= 2
        beta, point = beta + step, there
    errors = np.sqrt(np.diag(np.linalg.inv(-point.hessian)))
    return Logistic(mean, deviation, float(beta[0]), beta[1:] * varies, errors[1:] * varies)


def _sigmoid(log_odds: Floats) -> Floats:
    small = np.exp(-np.abs(log_odds))
    return np.asarray(np.where(log_odds > 0, 1.0, small) / (1 + small))
