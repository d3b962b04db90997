"""Pareto/NBD: customers buy at gamma-distributed rates and leave, at any time, at gamma-distributed rates.

Schmittlein, Morrison, Colombo (1987), Counting your customers, Management Science 33-1; Fader & Hardie, notes 009, 015
and 028. While active, a customer buys at the rate λ ~ Gamma(r, α) and leaves at the rate μ ~ Gamma(s, β), per week.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from clvtool.models.fitting import Form
from clvtool.models.pareto_integral import log_leaving
from clvtool.models.pareto_likelihood import ParetoLikelihood
from clvtool.models.purchase_counts import leaving_at_any_time, pairs
from clvtool.models.purchases import NOBODY, fit_purchases
from clvtool.models.scales import leaving_rate, purchase_rate
from clvtool.models.stretches import StretchModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from clvtool.models.histories import Floats, Histories
    from clvtool.models.newton import Objective

FORM = Form("pareto-nbd", unit="weeks", scales=(purchase_rate("r", "alpha"), leaving_rate("s", "beta")))


@dataclass(frozen=True, slots=True)
class ParetoNbd(StretchModel):
    """A fitted Pareto/NBD (see `PurchaseModel` for arguments and units)."""

    TIME: ClassVar[str] = "beta"

    @property
    def nobody_left(self) -> bool:
        """Return whether the mean rate of leaving has run to 0."""
        _, _, s, beta = self.fit.parameters.values()
        return s < NOBODY * beta

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability that a customer with this history has not left by T: 1 ÷ (1 + e^η).

        η are the log odds of having left, see `ParetoLikelihood`.
        """
        r, alpha, s, beta = self.fit.parameters.values()
        x, t_x, T = np.broadcast_arrays(np.asarray(x, float), np.asarray(t_x, float), np.asarray(T, float))
        shape = x.shape
        x, t_x, T = x.ravel(), t_x.ravel(), T.ravel()
        silence = T - t_x
        eta = log(s) + log_leaving(r + x, alpha, s, beta, t_x, T)
        eta += (r + x) * np.log1p(silence / (alpha + t_x)) + s * np.log1p(silence / (beta + t_x))
        small = np.exp(-np.abs(eta))
        return np.asarray((np.where(eta > 0, small, 1.0) / (1 + small)).reshape(shape))

    def p_some_if_alive(self, after: ArrayLike, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability of a purchase in (T + after, T + t] of a customer who has not left by T.

        ∫ P(first purchase of the stretch at v) · P(stays until v) dv by Gauss–Legendre, over the fourth root of the
        chance to buy between v and t: with it, the late purchases of who buys often have nodes of their own.
        """
        r, alpha, s, beta = self.fit.parameters.values()
        after, t, x, T = np.broadcast_arrays(*(np.asarray(one, float) for one in (after, t, x, T)))
        some = -np.expm1(-(r + x) * np.log1p((t - after) / (alpha + T)))
        stays = np.zeros(t.shape)
        for node, weight in zip(*np.polynomial.legendre.leggauss(32), strict=True):
            root = 0.5 + 0.5 * node
            wait = (alpha + T) * np.expm1(-np.log1p(-some * (1 - root**4)) / (r + x))
            stays += 2 * weight * root**3 * np.exp(-s * np.log1p((after + wait) / (beta + T)))
        return np.asarray(some * stays)

    def pair_rate_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the density of a purchase at T + t and one at any one time before it: E[λ²] E[e^(−μ t)]."""
        r, alpha, s, beta = self.fit.parameters.values()
        rho, now, T = r + np.asarray(x, float), alpha + np.asarray(T, float), np.asarray(T, float)
        return np.asarray(rho * (rho + 1) / (now * now) * np.exp(-s * np.log1p(np.asarray(t, float) / (beta + T))))

    def expected_purchases(self, t: ArrayLike) -> Floats:
        """Return the expected number of repeat purchases of a new customer in the t weeks after the first purchase."""
        return self.purchases_if_alive(t, 0, 0)

    def purchases_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the expected number of purchases in (T, T + t] of a customer who has not left by T.

        (r+x)/(α+T) times the expected time until leaving, (β+T) (1 − ((β+T)/(β+T+t))^(s−1)) ÷ (s−1).
        """
        r, alpha, s, beta = self.fit.parameters.values()
        x, T = np.asarray(x, float), np.asarray(T, float)
        growth = np.log1p(np.asarray(t, float) / (beta + T))
        time = growth if s == 1 else -np.expm1(-(s - 1) * growth) / (s - 1)
        return np.asarray((r + x) / (alpha + T) * (beta + T) * time)

    def p_none_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability of no purchase in (T, T + t] of a customer who has not left by T.

        Either the customer stays and is silent, or leaves before a purchase.
        """
        r, alpha, s, beta = self.fit.parameters.values()
        t, x, T = np.broadcast_arrays(np.asarray(t, float), np.asarray(x, float), np.asarray(T, float))
        shape = x.shape
        t, x, T = t.ravel(), x.ravel(), T.ravel()
        stays = np.exp(-(r + x) * np.log1p(t / (alpha + T)) - s * np.log1p(t / (beta + T)))
        leaves = s * np.exp(log_leaving(r + x, alpha, s, beta, T, T + t))
        return np.asarray(np.minimum(stays + leaves, 1.0).reshape(shape))

    def counts_if_alive(self, t: float, x: ArrayLike, T: ArrayLike, most: int) -> Floats:
        """Return the probability of k = 0…most purchases in (T, T + t] of customers who have not left by T.

        By T a customer buys at a rate Gamma(r+x, α+T) and leaves at a rate Gamma(s, β+T).
        """
        r, alpha, s, beta = self.fit.parameters.values()
        x, T = pairs(x, T)
        return leaving_at_any_time(t, r + x, alpha + T, s, beta + T, most)


def log_likelihood(histories: Histories) -> Objective:
    """Return the log-likelihood of these histories as a function of (r, α, s, β)."""
    return ParetoLikelihood.of(histories).log_likelihood


def fit(histories: Histories) -> ParetoNbd:
    """Fit the Pareto/NBD to purchase histories by maximum likelihood.

    A maximum at a limit (nobody leaves; all customers share one rate) is a fit too: its `warnings` say so in words.
    Raises FitError when there is nothing to fit: no customers, or no repeat purchase.
    """

    def starts(rate: float) -> list[tuple[float, ...]]:
        shapes = ((1, 1, 0.2), (0.3, 0.5, 0.5), (5, 3, 0.02))  # r, s, and leaving per purchase
        return [(r, r / rate, s, s / (rate * leaving)) for r, s, leaving in shapes]

    return ParetoNbd(fit_purchases(FORM, histories, log_likelihood, starts))
