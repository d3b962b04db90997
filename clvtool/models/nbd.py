"""NBD: customers buy at gamma-distributed rates and never leave.

Ehrenberg (1959), The pattern of consumer purchases, Applied Statistics 8-1. It is nested in BG/NBD and Pareto/NBD: what
these gain over it is what leaving explains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.counts import Counts
from clvtool.models.fitting import Form
from clvtool.models.newton import Point
from clvtool.models.purchase_counts import pairs, staying_counts
from clvtool.models.purchases import fit_purchases
from clvtool.models.scales import purchase_rate
from clvtool.models.stretches import StretchModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from clvtool.models.histories import Floats, Histories
    from clvtool.models.newton import Objective

FORM = Form("nbd", unit="weeks", scales=(purchase_rate("r", "alpha"),))


@dataclass(frozen=True, slots=True)
class Nbd(StretchModel):
    """A fitted NBD (see `PurchaseModel` for arguments and units)."""

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return 1: nobody leaves."""
        return np.ones(np.broadcast_shapes(np.shape(x), np.shape(t_x), np.shape(T)))

    def p_some_if_alive(self, after: ArrayLike, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability of a purchase in (T + after, T + t]: that of any stretch of this length."""
        return 1 - self.p_none_if_alive(np.asarray(t, float) - np.asarray(after, float), x, T)

    def pair_rate_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the density of a purchase at T + t and one at any one time before it: E[λ²], at all times."""
        r, alpha = self.fit.parameters.values()
        rho, now = r + np.asarray(x, float), alpha + np.asarray(T, float)
        return np.asarray(rho * (rho + 1) / (now * now) * np.ones(np.shape(t)))

    def expected_purchases(self, t: ArrayLike) -> Floats:
        """Return the expected number of repeat purchases of a new customer in the t weeks after the first purchase."""
        return self.purchases_if_alive(t, 0, 0)

    def purchases_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the expected number of purchases in (T, T + t]: (r+x) t/(α+T)."""
        r, alpha = self.fit.parameters.values()
        return np.asarray((r + np.asarray(x, float)) * np.asarray(t, float) / (alpha + np.asarray(T, float)))

    def p_none_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability of no purchase in (T, T + t]: ((α+T)/(α+T+t))^(r+x)."""
        r, alpha = self.fit.parameters.values()
        growth = np.log1p(np.asarray(t, float) / (alpha + np.asarray(T, float)))
        return np.asarray(np.exp(-(r + np.asarray(x, float)) * growth))

    def counts_if_alive(self, t: float, x: ArrayLike, T: ArrayLike, most: int) -> Floats:
        """Return the probability of k = 0…most purchases in (T, T + t]: negative binomial."""
        r, alpha = self.fit.parameters.values()
        x, T = pairs(x, T)
        return staying_counts(t / (alpha + T), r + x, most)


def fit(histories: Histories) -> Nbd:
    """Fit the NBD to purchase histories by maximum likelihood.

    The constant is that of the other models of buying, so that log-likelihoods can be compared. Raises FitError when
    there is nothing to fit: no customers, or no repeat purchase.
    """

    def log_likelihood(some: Histories) -> Objective:
        counts = Counts.of(some)
        return lambda parameters: Point(*counts.log_likelihood(*parameters.tolist()))

    return Nbd(fit_purchases(FORM, histories, log_likelihood, lambda rate: [(r, r / rate) for r in (1.0, 0.2, 5.0)]))
