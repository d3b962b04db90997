"""Intervals: the delta method on exact moments.

A figure is a function of a few sums over customers. Its variance follows from the covariance of the per-customer
contributions to those sums (customers are independent of each other, a customer's own orders are not) and from the
gradient of the function, which is carried along by the arithmetic of `Estimate`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over n independent units, and the covariance matrix of these sums.

    `covariance` is n/(n-1) · Σ (s - mean)(s - mean)', in the order of `names`.
    """

    n: int
    names: tuple[str, ...]
    sums: Mapping[str, float]
    covariance: NDArray[np.float64]

    def __getitem__(self, name: str) -> Estimate:
        """Return a sum as an estimate that knows its variance."""
        import numpy as np

        gradient = np.zeros(len(self.names))
        gradient[self.names.index(name)] = 1.0
        return Estimate(self.sums[name], gradient, self.covariance)


def exact_moments(
    n: int, names: Sequence[str], sums: Sequence[int], products: Sequence[Sequence[int]], scale: Sequence[int]
) -> Moments:
    """Return moments from exact whole-number sums Σ sᵢ and Σ sᵢ sⱼ; figure i is sums[i] / scale[i].

    The differences are taken before anything is rounded, so that neither the order of the customers nor a large mean
    can cost a digit.
    """
    import numpy as np

    size = len(names)
    covariance = np.zeros((size, size))
    if n > 1:
        for i in range(size):
            for j in range(size):
                # n/(n-1) · (Σ sᵢsⱼ − Σsᵢ Σsⱼ / n) = (n Σ sᵢsⱼ − Σsᵢ Σsⱼ) / (n-1), whole numbers up to the division
                exact = n * products[i][j] - sums[i] * sums[j]
                covariance[i, j] = exact / ((n - 1) * scale[i] * scale[j])
    values = {name: total / unit for name, total, unit in zip(names, sums, scale, strict=True)}
    return Moments(n, tuple(names), values, covariance)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its gradient in the sums it was computed from; + − × ÷ and powers carry the gradient along."""

    value: float
    gradient: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @property
    def std_error(self) -> float:
        """Return the standard error by the delta method."""
        variance = float(self.gradient @ self.covariance @ self.gradient)
        return math.sqrt(max(variance, 0.0))

    def interval(self, level: float, *, log_scale: bool = False) -> tuple[float, float]:
        """Return the interval; on the log scale for figures that are positive and skewed, such as 1/x."""
        half = normal_quantile(level) * self.std_error
        if log_scale and self.value > 0:
            return self.value * math.exp(-half / self.value), self.value * math.exp(half / self.value)
        return self.value - half, self.value + half

    def _with(self, value: float, gradient: NDArray[np.float64]) -> Estimate:
        return Estimate(value, gradient, self.covariance)

    def __add__(self, other: Estimate | float) -> Estimate:
        if isinstance(other, Estimate):
            return self._with(self.value + other.value, self.gradient + other.gradient)
        return self._with(self.value + other, self.gradient)

    def __sub__(self, other: Estimate | float) -> Estimate:
        return self + other * -1.0

    def __rsub__(self, other: float) -> Estimate:
        return self * -1.0 + other

    def __mul__(self, other: Estimate | float) -> Estimate:
        if isinstance(other, Estimate):
            return self._with(self.value * other.value, self.gradient * other.value + other.gradient * self.value)
        return self._with(self.value * other, self.gradient * other)

    def __truediv__(self, other: Estimate | float) -> Estimate:
        if isinstance(other, Estimate):
            return self * other**-1.0
        return self * (1.0 / other)

    def __rtruediv__(self, other: float) -> Estimate:
        return self**-1.0 * other

    def __pow__(self, power: float) -> Estimate:
        return self._with(self.value**power, self.gradient * (power * self.value ** (power - 1.0)))

    __radd__ = __add__
    __rmul__ = __mul__


def normal_quantile(level: float) -> float:
    """Return z so that a share `level` of the standard normal distribution lies within ±z."""
    return NormalDist().inv_cdf(0.5 + level / 2)
