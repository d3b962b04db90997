"""Models of customers under contract: at the end of each period, a customer renews or is seen to leave.

All of them are a curve S(t), the share of customers who are still there after t periods; everything follows from
ln S(t) − ln S(t−1), the logarithm of the share of those left who renew, with its derivatives by the parameters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import ceil, log1p
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from clvtool.errors import FitError
from clvtool.models.fitting import maximum_likelihood
from clvtool.models.newton import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self, TypeAlias

    from numpy.typing import ArrayLike

    from clvtool.models.fitting import Fit, Form
    from clvtool.models.histories import Floats

    Steps: TypeAlias = Callable[[Floats, int], "LogRetention"]


_FOREVER = 40.0  # e-folds of discounting after which 1e-17 is left
_FURTHEST = 1_000_000


class LogRetention(NamedTuple):
    """ln S(t) − ln S(t−1) for t = 1…n, with first (k × n) and second (k × k × n) derivatives by the k parameters."""

    value: Floats
    gradient: Floats
    hessian: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Renewals:
    """How many customers renewed at the end of period 1, 2, …, and how many were gone by then."""

    stayed: Floats
    left: Floats

    @classmethod
    def of(cls, cohorts: Sequence[ArrayLike]) -> Self:
        """Add up cohorts, each given as customers there after 0, 1, 2, … periods; they may be of different age.

        Numbers of customers may be fractions, as shares of rounded figures are. Raises ValueError where one rises.
        """
        longest = max((np.size(cohort) for cohort in cohorts), default=1)
        stayed, left = np.zeros(longest - 1), np.zeros(longest - 1)
        for cohort in cohorts:
            alive = np.asarray(cohort, float)
            lost = alive[:-1] - alive[1:]
            if not (np.isfinite(alive).all() and (lost >= 0).all() and (alive >= 0).all()):
                raise ValueError("numbers of customers under contract are finite and never rise")
            stayed[: lost.size] += alive[1:]
            left[: lost.size] += lost
        used = int(np.flatnonzero(stayed + left > 0).max(initial=-1)) + 1
        return cls(stayed[:used], left[:used])

    @property
    def customers(self) -> float:
        """Return how many customers there were at the start."""
        return float(self.stayed[0] + self.left[0]) if self.stayed.size else 0.0

    def log_likelihood(self, steps: LogRetention) -> Point:
        """Return Σ stayed · Δ + left · ln(1 − e^Δ) over the periods, with derivatives by the parameters."""
        gone = -np.expm1(steps.value)
        odds = np.exp(steps.value) / gone  # of renewing
        slope = self.stayed - self.left * odds
        bend = -self.left * odds * (1 + odds)
        value = float((self.stayed * steps.value).sum() + (self.left * np.log(gone)).sum())
        gradient = (steps.gradient * slope).sum(axis=1)
        hessian = (steps.hessian * slope).sum(axis=2) + np.einsum("it,jt->ij", steps.gradient * bend, steps.gradient)
        return Point(value, gradient, hessian)


@dataclass(frozen=True, slots=True)
class ContractModel(ABC):
    """A fitted model of how long customers stay, in periods."""

    fit: Fit

    @abstractmethod
    def log_retention(self, periods: int) -> Floats:
        """Return the logarithm of the share of those still there who renew at the end of period 1, 2, …."""

    def survival(self, periods: int) -> Floats:
        """Return the share of customers who are still there after 0, 1, … `periods` periods."""
        return np.asarray(np.exp(np.append(0.0, self.log_retention(periods).cumsum())))

    def retention(self, periods: int) -> Floats:
        """Return the share of those still there who renew at the end of period 1, 2, … `periods`."""
        return np.exp(self.log_retention(periods))

    def residual(self, periods: int, rate: float) -> Floats:
        """Return how many further periods a customer there after 0, 1, … `periods` periods is worth (DERL).

        The next period counts in full where they renew, each later one 1/(1 + rate) of that before it: Fader & Hardie
        (2010), Customer-base valuation in a contractual setting, Marketing Science 29-1, just before a renewal.
        Raises ValueError unless the rate per period is above 0: without discounting the sum need not be finite.
        """
        if not rate > 0:
            raise ValueError(f"a lifetime without end needs a discount rate above 0, not {rate}")
        beyond = min(ceil(_FOREVER / log1p(rate)), _FURTHEST)
        worth, result = 0.0, []
        for renews in self.retention(periods + beyond)[::-1].tolist():
            worth = renews * (1 + worth / (1 + rate))
            result.append(worth)
        return np.array([*result[-periods - 1 :][::-1]])


def fit_contracts(form: Form, renewals: Renewals, steps: Steps, starts: Sequence[Sequence[float]]) -> Fit:
    """Fit a model of contracts by maximum likelihood.

    `starts` go with a mean churn rate of one half in the first period; they are moved to the observed one. `facts` of
    the fit are the number of periods, and of customers who left. Raises FitError where fewer periods were observed
    than the model has parameters.
    """
    periods, least = renewals.stayed.size, len(form.names)
    if periods < least:
        raise FitError(
            f"{form.name} has {least} parameters and needs as many periods in which customers could leave; there are "
            f"{periods}",
            hint="sbg is content with 2 periods" if least > periods >= 2 else "take a table of more periods",
        )
    churn = min(max(renewals.left[0] / renewals.customers, 0.01), 0.99)
    moved = [(2 * churn * a, 2 * (1 - churn) * b, *rest) for a, b, *rest in starts]
    return maximum_likelihood(
        form,
        lambda parameters: renewals.log_likelihood(steps(parameters, periods)),
        starts=moved,
        n_customers=round(renewals.customers),
        facts={"periods": periods, "left": float(renewals.left.sum())},
    )
