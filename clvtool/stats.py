"""Intervals: the delta method on exact moments, Wilson's for rates, order statistics for medians.

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

_ROUNDING = 1e-9
"""A standard error of a rate below this is none: it comes from rounding."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over n independent units, and the covariance matrix of these sums.

    `covariance` is n/(n-1) · Σ (s - mean)(s - mean)', in the order of `names`; NaN for fewer than two units, about
    whose differences nothing is known.
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
        return Estimate(self.sums[name], gradient, self.covariance, self.n)


def exact_moments(
    n: int, names: Sequence[str], sums: Sequence[int], products: Sequence[Sequence[int]], scale: Sequence[int]
) -> Moments:
    """Return moments from exact whole-number sums Σ sᵢ and Σ sᵢ sⱼ; figure i is sums[i] / scale[i].

    The differences are taken before anything is rounded, so that neither the order of the customers nor a large mean
    can cost a digit.
    """
    import numpy as np

    size = len(names)
    covariance = np.full((size, size), np.nan)
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
    """A figure with its gradient in the sums it was computed from; + − × ÷ and powers carry the gradient along.

    `units` is how many independent units the sums are over.
    """

    value: float
    gradient: NDArray[np.float64]
    covariance: NDArray[np.float64]
    units: int

    @property
    def std_error(self) -> float | None:
        """Return the standard error by the delta method; None with fewer than two units."""
        if self.units < 2:
            return None
        variance = float(self.gradient @ self.covariance @ self.gradient)
        return math.sqrt(max(variance, 0.0))

    def covariance_with(self, other: Estimate) -> float | None:
        """Return the covariance with another figure from the same sums; None with fewer than two units."""
        return None if self.units < 2 else float(self.gradient @ self.covariance @ other.gradient)

    def interval(self, level: float, *, log_scale: bool = False) -> tuple[float, float] | None:
        """Return the interval; on the log scale for figures that are positive and skewed, such as 1/x.

        None with fewer than two units.
        """
        if self.std_error is None:
            return None
        half = normal_quantile(level) * self.std_error
        if log_scale and self.value > 0:
            return self.value * math.exp(-half / self.value), self.value * math.exp(half / self.value)
        return self.value - half, self.value + half

    def rate_interval(self, level: float) -> tuple[float, float] | None:
        """Return Wilson's interval of a share, for as many independent trials as give the same standard error.

        It stays within 0 and 1. Where the units do not differ at all, as at 0 and at 1, each counts as one trial: that
        nobody of ten left does not prove that nobody leaves.
        """
        error, rate = self.std_error, self.value
        if error is None:
            return None
        alike = not 0 < rate < 1 or error < _ROUNDING
        return wilson(rate, self.units if alike else rate * (1 - rate) / error**2, level)

    def _with(self, value: float, gradient: NDArray[np.float64]) -> Estimate:
        return Estimate(value, gradient, self.covariance, self.units)

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
            value = self.value / other.value
            return self._with(value, (self.gradient - other.gradient * value) / other.value)
        return self._with(self.value / other, self.gradient / other)

    def __rtruediv__(self, other: float) -> Estimate:
        value = other / self.value
        return self._with(value, self.gradient * (-value / self.value))

    def __pow__(self, power: float) -> Estimate:
        return self._with(self.value**power, self.gradient * (power * self.value ** (power - 1.0)))

    __radd__ = __add__
    __rmul__ = __mul__


def wilson(rate: float, trials: float, level: float) -> tuple[float, float]:
    """Return the interval of a share that was observed in a number of independent trials (Wilson 1927)."""
    z = normal_quantile(level)
    weight = z * z / trials
    centre = (rate + weight / 2) / (1 + weight)
    half = z * math.sqrt(rate * (1 - rate) / trials + weight / (4 * trials)) / (1 + weight)
    return 0.0 if rate == 0 else max(centre - half, 0.0), 1.0 if rate == 1 else min(centre + half, 1.0)


def median_ranks(n: int, level: float) -> tuple[int, int] | None:
    """Return the ranks (0 to n-1) of the two sorted values between which the median lies with at least this level.

    How many of n values lie below the median is binomial with a half; its normal approximation gives
    ⌊(n + 1)/2 − z √n/2⌋ as the lower rank counted from 1. None when n is too small.
    """
    low = math.floor((n + 1) / 2 - normal_quantile(level) * math.sqrt(n) / 2) - 1
    return None if low < 0 else (low, n - 1 - low)


def normal_quantile(level: float) -> float:
    """Return z so that a share `level` of the standard normal distribution lies within ±z."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def student_quantile(level: float, freedom: int) -> float:
    """Return t so that a share `level` of Student's distribution lies within ±t; `freedom` is 1 or more.

    For whole degrees of freedom that share is a finite sum of powers of cos θ, t = √freedom · tan θ (Abramowitz and
    Stegun, 26.7.3 and 26.7.4); θ is found by halving.
    """

    def within(angle: float) -> float:
        cosine, odd = math.cos(angle), freedom % 2
        term = cosine if odd else 1.0
        total = 0.0 if freedom == 1 else term
        for power in range(2 + odd, freedom - 1, 2):
            term *= cosine * cosine * (power - 1) / power
            total += term
        share = math.sin(angle) * total
        return (angle + share) * 2 / math.pi if odd else share

    low, high = 0.0, math.pi / 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle) < level else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def chi_square_tail(value: float, freedom: int) -> float:
    """Return the probability that chi-square with `freedom` degrees (1 or more) exceeds a value.

    For whole degrees of freedom that is a finite sum of positive terms: e^(−v/2) Σ (v/2)^i / Γ(i+1) over i from 0 (or
    ½, after erfc √(v/2)) to freedom/2 − 1 (Abramowitz and Stegun, 26.4.4 and 26.4.5).
    """
    if value <= 0:
        return 1.0
    half, odd = value / 2, freedom % 2
    start = math.erfc(math.sqrt(half)) if odd else 0.0
    powers = (place + odd / 2 for place in range(freedom // 2))
    return start + math.fsum(math.exp(power * math.log(half) - half - math.lgamma(power + 1)) for power in powers)


@dataclass(frozen=True, slots=True)
class Trend:
    """How a figure changes from period to period: the slope of a straight line, with its interval.

    `mean` and `deviation` (standard deviation) are those of the figures themselves, `n` is how many there are.
    """

    n: int
    slope: float
    low: float
    high: float
    mean: float
    deviation: float

    @property
    def direction(self) -> str:
        """Return the direction in words; there is one only where the interval leaves 0 out."""
        return "rising" if self.low > 0 else "falling" if self.high < 0 else "no clear direction"


def trend(places: Sequence[float], values: Sequence[float], level: float) -> Trend | None:
    """Return the line of least squares through figures at their periods; None for fewer than three.

    The interval is Student's, from how far the figures lie from the line: it holds what varies from period to period,
    not only what varies between customers.
    """
    n = len(values)
    if n < 3:
        return None
    middle, mean = math.fsum(places) / n, math.fsum(values) / n
    spread = math.fsum((place - middle) ** 2 for place in places)
    slope = math.fsum((place - middle) * (value - mean) for place, value in zip(places, values, strict=True)) / spread
    off = [value - mean - slope * (place - middle) for place, value in zip(places, values, strict=True)]
    half = student_quantile(level, n - 2) * math.sqrt(math.fsum(gap * gap for gap in off) / (n - 2) / spread)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    return Trend(n, slope, slope - half, slope + half, mean, deviation)


def two_sided(z: float) -> float:
    """Return how probable a standard normal figure is that lies at least as far from 0 as z."""
    return math.erfc(abs(z) / math.sqrt(2))


def correlation_interval(r: float, n: int, level: float) -> tuple[float, float] | None:
    """Return the interval of a rank correlation by Fisher's z, with the variance of Bonett and Wright (2000).

    None below five pairs, and where the correlation is perfect, of which no variance can be told.
    """
    if n < 5 or abs(r) >= 1:
        return None
    half = normal_quantile(level) * math.sqrt((1 + r * r / 2) / (n - 3))
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


def between_interval(share: float, n: int, groups: int, level: float) -> tuple[float, float]:
    """Return the interval of the share of the variance that lies between groups (eta squared).

    It holds the shares for which the F statistic found is not improbable: F has the noncentrality n x / (1 - x), and
    its distribution is taken from Abramowitz and Stegun, 26.6.27. The share found is biased upwards by some
    (groups - 1)/n, so the interval may lie below it, but it always reaches it.
    """
    first, second = groups - 1, n - groups
    if second < 1 or share >= 1:
        return 0.0, 1.0
    f = share / first / ((1 - share) / second)

    def below(x: float) -> float:
        """Return how probable an F is that is no larger, if x is the share."""
        more = n * x / (1 - x)
        size, spread = first + more, 2 * (first + 2 * more) / (9 * (first + more) ** 2)
        root = (first * f / size) ** (1 / 3)
        z = (root * (1 - 2 / (9 * second)) - (1 - spread)) / math.sqrt(spread + 2 / (9 * second) * root * root)
        return NormalDist().cdf(z)

    def where(probability: float) -> float:
        low, high = 0.0, 1.0 - 1e-9
        if below(low) <= probability:
            return 0.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if below(middle) > probability else (low, middle)
        return low

    return min(where((1 + level) / 2), share), max(where((1 - level) / 2), share)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values of several tests, so corrected that one false alarm among all of them is as rare as said (Holm).

    The smallest is multiplied by how many tests there are, the next by one less, and none may be below one before it.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, place) in enumerate(known):
        least = max(least, min(p * (len(known) - rank), 1.0))
        corrected[place] = least
    return corrected
