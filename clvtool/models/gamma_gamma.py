"""Gamma-Gamma: how much a customer spends per purchase, from the average of few or many purchases.

Colombo & Jiang (1999), A stochastic RFM model, Journal of Interactive Marketing 13-3; Fader & Hardie (2013), note 025.
The values of a customer's purchases are Gamma(p, ν), the customers' rates ν ~ Gamma(q, γ), independent of how often
they buy. A customer's mean m over x purchases is then shrunk towards the mean of all, the more the smaller x is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from clvtool.errors import DataError, FitError
from clvtool.models.fitting import Form, maximum_likelihood
from clvtool.models.histories import whole
from clvtool.models.newton import Point
from clvtool.models.scales import LEAP, MEAN_LIMIT, Coordinate, LogScale
from clvtool.models.special import digamma_remainder, log_beta_deficit, trigamma

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from clvtool.models.fitting import Fit
    from clvtool.models.histories import Floats, Ints

_SHAPE_LIMIT = log(1e6)  # purchases that differ by less than 0.1 % count as equal
_LARGE = 1e3  # a p from which a difference of logarithms, times p, would cost digits
_PILOT = 20_000
_DEPENDENT = 0.10  # beyond this, weighting by purchases moves the mean so far that frequency and money are not apart

FORM = Form(
    "gamma-gamma",
    unit="money",
    facts=("observed_mean",),
    scales=(
        LogScale(
            ("p", "q", "gamma"),
            (
                Coordinate(-MEAN_LIMIT, MEAN_LIMIT, name="p gamma ÷ q"),
                Coordinate(
                    -_SHAPE_LIMIT,
                    _SHAPE_LIMIT,
                    LEAP,
                    at_high="each customer's purchases are all worth the same: the data show no difference between "
                    "them (p runs to infinity); what a customer has spent so far is taken as it is",
                    name="p with p gamma ÷ q fixed",
                ),
                Coordinate(
                    -_SHAPE_LIMIT,
                    _SHAPE_LIMIT,
                    LEAP,
                    at_high="all customers spend alike, {mean} per purchase: the data show no difference between them "
                    "beyond chance (q and gamma run to infinity)",
                    name="q and gamma with gamma ÷ q fixed",
                ),
            ),
            ((0, 1, 0), (0, 0, 1), (1, -1, 1)),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """A fitted Gamma-Gamma. Money is in the currency of the data; x counts repeat purchases, m is their mean value."""

    fit: Fit

    @property
    def dropped(self) -> int:
        """Return how many repeat customers were left out of the fit because their mean value was not positive."""
        return int(self.fit.facts["dropped"])

    def population_mean(self) -> float | None:
        """Return the mean value of a purchase over all customers, p γ/(q − 1), or None where q ≤ 1: there is none."""
        p, q, gamma = self.fit.parameters.values()
        return p * gamma / (q - 1) if q > 1 else None

    def expected_value(self, x: ArrayLike, m: ArrayLike) -> Floats:
        """Return the expected value of a customer's next purchase, E[M | x, m] = p (γ + m x)/(p x + q − 1).

        `x` and `m` are broadcast; m is ignored where x is 0. A negative mean (more refunded than bought) counts as 0.
        Where there is no finite expectation (p x + q ≤ 1: with q ≤ 1 for every new customer), the observed mean over
        the customers of the fit stands in (`fit.facts['observed_mean']`): the result is always finite and positive.
        """
        p, q, gamma = self.fit.parameters.values()
        x = np.asarray(x, float)
        spent = np.where(x > 0, np.maximum(np.asarray(m, float), 0.0) * x, 0.0)
        degrees = p * x + (q - 1)
        exists = self.has_expectation(x)
        value = p * (gamma + spent) / np.where(exists, degrees, 1.0)
        return np.where(exists, value, self.fit.facts["observed_mean"])

    def has_expectation(self, x: ArrayLike) -> NDArray[np.bool_]:
        """Return where E[M | x, m] is finite: p x + q > 1."""
        p, q, _ = self.fit.parameters.values()
        return np.asarray(p * np.asarray(x, float) + (q - 1) > 0)


def fit(x: ArrayLike, m: ArrayLike) -> GammaGamma:
    """Fit the Gamma-Gamma to customers' repeat purchases by maximum likelihood.

    `x` is the number of repeat purchases, `m` the mean net value of these purchases, one entry per customer. Customers
    without repeat purchase do not count; those with m ≤ 0 are left out of the fit, counted, and told in a warning.
    `facts` holds observed_mean (over customers), purchase_weighted_mean, correlation (of x and m, 0 where one of them
    does not vary) and dropped. Raises DataError when x and m do not match, FitError when no customer is left.
    """
    repeats, money = whole(x, "x"), np.asarray(m, float)
    if repeats.shape != money.shape or repeats.ndim != 1:
        raise DataError(f"x and m must be columns of one length, not {repeats.shape} and {money.shape}")
    bought = repeats > 0
    counted = bought & (money > 0) & np.isfinite(money)
    dropped = int(bought.sum()) - int(counted.sum())
    if not counted.any():
        raise FitError(
            f"Gamma-Gamma needs repeat purchases with a positive value: of {repeats.size} customers "
            f"{int(bought.sum())} bought again, and {dropped} of these without a positive mean value"
        )
    data = _Data.of(*_sorted(repeats[counted], money[counted]))
    facts = data.facts() | {"dropped": dropped}
    pilot = data.every(data.m.size // _PILOT) if data.m.size > 2 * _PILOT else None
    centre = data.geometric_mean()
    result = maximum_likelihood(
        FORM,
        data.log_likelihood,
        starts=[(p, q, centre * q / p) for p, q in ((4, 4), (1, 2), (50, 3), (0.3, 50))],
        n_customers=data.m.size,
        facts=facts,
        pilot=pilot.log_likelihood if pilot else None,
    )
    return GammaGamma(_with_warnings(result))


def _with_warnings(result: Fit) -> Fit:
    """Return the fit with what its user must know before using it."""
    said = list(result.warnings)
    p, q, gamma = result.parameters.values()
    dropped, weighted = int(result.facts["dropped"]), result.facts["purchase_weighted_mean"]
    if dropped:
        said.append(
            f"{dropped} of {result.n_customers + dropped} repeat customers have a mean purchase value of 0 or below "
            "and were left out of the money model"
        )
    if q <= 1:
        said.append(
            f"a few customers spend so much more than the others that the mean over all has no finite value (q = "
            f"{q:.3g}, not above 1); for customers without repeat purchase the observed mean, "
            f"{result.facts['observed_mean']:.4g}, is used instead"
        )
    elif abs(weighted * (q - 1) / (p * gamma) - 1) > _DEPENDENT:
        said.append(
            f"customers who buy more often spend differently per purchase: the mean weighted by purchases is "
            f"{weighted:.4g}, the model's is {p * gamma / (q - 1):.4g} (correlation of number and value "
            f"{result.facts['correlation']:.3f}); the model takes number and value as independent, so values of "
            "customers are off in proportion"
        )
    return replace(result, warnings=tuple(said))


def _sorted(x: Ints, m: Floats) -> tuple[Ints, Floats]:
    """Return the customers in their order by (x, m), whatever order they came in."""
    if x.max() >= 1 << 16:
        order = np.lexsort((m, x))
        return x[order], m[order]
    order = np.argsort(x.astype(np.uint16), kind="stable")  # 16 bits are sorted by radix
    x, m = x[order], m[order]
    for group in np.split(m, np.flatnonzero(np.diff(x)) + 1):
        group.sort()  # in place: a view
    return x, m


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    """Customers sorted by (x, m), in groups of equal x: all gamma functions depend on the group alone."""

    m: Floats
    group: NDArray[np.intp]  # of each customer
    starts: NDArray[np.intp]  # first customer of each group
    x: Floats  # of each group, as n and log_m
    n: Floats
    log_m: Floats  # sum over the group

    @classmethod
    def of(cls, x: Ints, m: Floats) -> Self:
        """Prepare customers sorted by (x, m)."""
        starts = np.flatnonzero(np.diff(x, prepend=0))
        n = np.diff(starts, append=x.size)
        group = np.repeat(np.arange(starts.size), n)
        return cls(m, group, starts, x[starts].astype(float), n.astype(float), np.add.reduceat(np.log(m), starts))

    def every(self, step: int) -> Self:
        """Return every so-manyth customer."""
        return self.of(self.x[self.group[::step]].astype(np.int64), self.m[::step])

    def geometric_mean(self) -> float:
        """Return the geometric mean of m."""
        return exp(float(self.log_m.sum()) / self.m.size)

    def facts(self) -> dict[str, float]:
        """Return the means of m over customers and over purchases, and the correlation of x and m."""
        spent = np.add.reduceat(self.m, self.starts)
        mean = float(spent.sum()) / self.m.size
        mean_x = float((self.n * self.x).sum()) / self.m.size
        both = float(((self.x - mean_x) * (spent - self.n * mean)).sum())
        squares = float((self.n * (self.x - mean_x) ** 2).sum()) * float(((self.m - mean) ** 2).sum())
        return {
            "observed_mean": mean,
            "purchase_weighted_mean": float((self.x * spent).sum() / (self.x * self.n).sum()),
            "correlation": both / sqrt(squares) if squares > 0 else 0.0,
        }

    def log_likelihood(self, parameters: Floats) -> Point:
        """Return the log-likelihood with its derivatives by (p, q, γ).

        Note 025, equation (1a), per customer with A = p x, S = A + q, μ = p γ/q:
        −ln B(A, q) − ln m + A ln[m x/(γ + m x)] + q ln[γ/(γ + m x)], written as
        −[ln B(A, q) + A ln(S/A) + q ln(S/q)] − ln m − q ln(1 + e) − A ln(1 + f),
        e = (m/μ − 1) A/S, f = (μ/m − 1) q/S, in which nothing large cancels, and ln(1 + f) = ln(1 + e) − ln(m/μ).
        """
        p, q, gamma = parameters.tolist()
        mu = p * gamma / q
        A = p * self.x
        S = A + q
        excess = self.m * (1 / mu)
        excess -= 1
        excess *= (A / S)[self.group]
        logs = np.add.reduceat(np.log1p(excess), self.starts)  # Σ ln(1 + e)
        if p < _LARGE:
            rests = logs - (self.log_m - self.n * log(mu))  # Σ ln(1 + f)
        else:
            rests = np.add.reduceat(np.log1p((mu / self.m - 1) * (q / S)[self.group]), self.starts)
        excess += 1
        np.reciprocal(excess, out=excess)
        shares = np.add.reduceat(excess, self.starts)  # Σ 1/(1 + e)
        excess *= excess
        squares = np.add.reduceat(excess, self.starts)
        size = np.array([q])
        value = -(self.n * log_beta_deficit(A, size)) - self.log_m - q * logs - A * rests
        remainder = digamma_remainder(S)
        by_p = self.x * (self.n * (remainder - digamma_remainder(A)) - rests)
        by_q = self.n * (remainder - digamma_remainder(size)) - logs
        by_gamma = (q / gamma) * (self.n - shares)
        inverse = shares * (q / gamma) / S  # Σ 1/(γ + m x)
        curve = trigamma(S)
        terms = {
            (0, 0): self.n * self.x**2 * (curve - trigamma(A)),
            (0, 1): self.n * self.x * curve,
            (1, 1): self.n * (curve - trigamma(size)),
            (0, 2): -self.x * inverse,
            (1, 2): self.n / gamma - inverse,
            (2, 2): (q / gamma) ** 2 * (squares / S - self.n / q),
        }
        hessian = np.empty((3, 3))
        for (i, j), term in terms.items():
            hessian[i, j] = hessian[j, i] = float(term.sum())
        return Point(float(value.sum()), np.array([by_p.sum(), by_q.sum(), by_gamma.sum()]), hessian)
