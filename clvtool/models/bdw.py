"""BdW: as sBG, but the chance of a customer to leave changes with the age of the contract.

Fader, Hardie, Liu, Davin, Steenburgh (2018), "How to project customer retention" revisited, Journal of Interactive
Marketing 43: beta-discrete-Weibull. Of customers with the chance θ to leave in the first period (1 − θ)^(t^c) are
there after t periods, θ ~ Beta(α, β); c > 1: chances rise with age, c < 1: they fall, c = 1 is the sBG.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.contracts import ContractModel, LogRetention, Renewals, fit_contracts
from clvtool.models.fitting import Form
from clvtool.models.scales import Coordinate, LogScale, churn_chance
from clvtool.models.special import digamma_remainder, log_gamma_remainder, trigamma

if TYPE_CHECKING:
    from clvtool.models.histories import Floats

_AGEING = LogScale(
    ("c",),
    (
        Coordinate(
            -log(1e3),
            log(20),
            at_low="whoever stays for the first period stays for good (c runs to 0)",
            at_high="customers leave in the first two periods or never: chances to leave jump with age (c has run to "
            "20, the largest value looked at)",
        ),
    ),
    ((1,),),
)
_LEAST = 1e-17  # share of customers leaving: below, rounding would have them come back
FORM = Form("bdw", unit="periods", scales=(churn_chance("alpha", "beta"), _AGEING))


@dataclass(frozen=True, slots=True)
class Bdw(ContractModel):
    """A fitted BdW."""

    def log_retention(self, periods: int) -> Floats:
        """Return ln S(t) − ln S(t−1), S(t) = B(α, β+t^c)/B(α, β), for t = 1, 2, …."""
        return log_retention(np.array([*self.fit.parameters.values()]), periods).value


def log_retention(parameters: Floats, periods: int) -> LogRetention:
    """Return ln S(t) − ln S(t−1) with derivatives by (α, β, c)."""
    alpha, beta, c = parameters.tolist()
    age = np.arange(periods + 1.0)
    log_age = np.log(np.maximum(age, 1))
    z = np.where(age > 0, np.exp(c * log_age), 0.0)
    value = np.minimum(_log_ratio(alpha, beta + z[:-1], np.diff(z)), -_LEAST)
    size, near, far = alpha + beta, beta + z, alpha + beta + z
    first, whole = np.array([beta]), np.array([size])
    log_near = np.log1p(np.maximum(-alpha * z / (near * size), -1 + 1e-16))
    log_far = np.log1p(z / size)
    stay = np.log1p(alpha / near)
    by_far = log_far + digamma_remainder(far) - digamma_remainder(whole)  # ψ(α+β+z) − ψ(α+β)
    by_z = -stay + digamma_remainder(near) - digamma_remainder(far)  # ψ(β+z) − ψ(α+β+z)
    by_beta = -log_near + digamma_remainder(near) - digamma_remainder(first)  # ψ(β+z) − ψ(β) − by_far
    by_beta -= digamma_remainder(far) - digamma_remainder(whole)
    bend_far = trigamma(whole) - trigamma(far)
    bend_z = trigamma(near) - trigamma(far)
    bend_beta = bend_z + trigamma(whole) - trigamma(first)
    slope = z * log_age  # of z by c
    cross_alpha, cross_beta = -trigamma(far) * slope, bend_z * slope
    bend_c = bend_z * slope**2 + by_z * slope * log_age
    gradient = np.stack([-by_far, by_beta, by_z * slope])
    hessian = np.stack(
        [
            np.stack([bend_far, bend_far, cross_alpha]),
            np.stack([bend_far, bend_beta, cross_beta]),
            np.stack([cross_alpha, cross_beta, bend_c]),
        ]
    )
    return LogRetention(value, np.diff(gradient), np.diff(hessian))


def _log_ratio(alpha: float, beta: Floats, z: Floats) -> Floats:
    """Return ln[B(α, β+z)/B(α, β)].

    The large parts, of the order of α ln α, are left out before they can cancel: only terms of the order of z remain,
    and Stirling's remainders.
    """
    size, near, far = alpha + beta, beta + z, alpha + beta + z
    log_far = np.log1p(z / size)
    log_near = np.log1p(np.maximum(-alpha * z / (near * size), -1 + 1e-16))  # ln[β (α+β+z) ÷ ((β+z)(α+β))]
    value = -alpha * log_far - beta * log_near - z * np.log1p(alpha / near) + 0.5 * (log_far - np.log1p(z / beta))
    value += log_gamma_remainder(near) - log_gamma_remainder(beta)
    return np.asarray(value - log_gamma_remainder(far) + log_gamma_remainder(size))


def fit(renewals: Renewals) -> Bdw:
    """Fit the BdW to renewals by maximum likelihood.

    A maximum at a limit is a fit too: its `warnings` say so in words. Raises FitError where customers could leave in
    fewer than 3 periods.
    """
    starts = [(a, a, c) for a, c in ((1, 1.0), (0.3, 1.5), (5, 0.7))]
    return Bdw(fit_contracts(FORM, renewals, log_retention, starts))
