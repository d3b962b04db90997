"""How far the sum over many customers may be from what is expected of it: variances, and an interval from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.histories import distinct
from clvtool.models.ranges import by_value, if_alive
from clvtool.stats import normal_quantile

if TYPE_CHECKING:
    from clvtool.models.gamma_gamma import GammaGamma
    from clvtool.models.histories import Floats
    from clvtool.models.purchases import PurchaseModel

_REST = 1e-8  # a chance of more purchases that the second moment may leave out
_SHAPELESS = 0.1  # (mean ÷ standard error)², below which an interval says nothing


def count_moments(
    buying: PurchaseModel, horizon: float, x: Floats, T: Floats, p_alive: Floats
) -> tuple[Floats, Floats]:
    """Return the mean of each customer's number of purchases K within `horizon` weeks, and the mean of its square."""
    first, second = np.zeros(x.size), np.zeros(x.size)
    for value, members in by_value(x):
        ages, age = distinct(T[members], 7.0)
        knots, counts = if_alive([buying], horizon, value, ages, _REST)
        k = np.arange(counts.shape[1])
        moments = knots.spread(np.stack([(counts * k).sum(axis=1), (counts * k * k).sum(axis=1)], axis=1))
        first[members], second[members] = moments[age].T
    return p_alive * first, p_alive * second


def money_variance(spending: GammaGamma, x: Floats, m: Floats, first: Floats, second: Floats) -> Floats:
    """Return the variance of the money of each customer's K purchases, given the moments of K; ∞ where it is.

    The rate ν of a customer is Gamma(p x + q, γ + m x), and given ν each purchase is worth p/ν with variance p/ν²:
    Var = E[K] p E[ν⁻²] + E[K²] p² E[ν⁻²] − (E[K] p E[ν⁻¹])². It exists where p x + q > 2.
    """
    p, q, gamma = spending.fit.parameters.values()
    shape, rate = p * x + q, gamma + np.maximum(m, 0) * x
    exists = shape > 2
    inverse = rate / np.where(exists, shape - 1, 1.0)
    square = inverse * rate / np.where(exists, shape - 2, 1.0)
    variance = (first * p + second * p * p) * square - (first * p * inverse) ** 2
    return np.where(exists, np.maximum(variance, 0.0), np.inf)


def interval_of_sum(mean: float, variance: float, level: float) -> tuple[float, float] | None:
    """Return the central interval of a positive sum with this mean and variance, as if it were gamma-distributed.

    Sums of counts and of money are skewed as that distribution is (its quantiles by Wilson and Hilferty's cube, 1931).
    None where the variance is not finite, or so large that an interval says nothing.
    """
    if mean == 0 and variance == 0:
        return 0.0, 0.0
    if not (0 <= variance * _SHAPELESS <= mean**2):
        return None
    spread = variance / (9 * mean**2)
    width = normal_quantile(level) * spread**0.5
    low, high = (mean * max(1 - spread + way * width, 0.0) ** 3 for way in (-1, 1))
    return low, high
