"""BG/NBD: customers buy at gamma-distributed rates and may leave after each repeat purchase.

Fader, Hardie, Lee (2005), "Counting your customers" the easy way, Marketing Science 24-2. While active, a customer buys
at the rate λ ~ Gamma(r, α) a week; after each repeat purchase the customer leaves with the chance p ~ Beta(a, b).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.fitting import Form
from clvtool.models.leaving import purchases_before_leaving
from clvtool.models.leaving_likelihood import LeavingLikelihood
from clvtool.models.purchases import PurchaseModel, fit_purchases
from clvtool.models.scales import leaving_chance, purchase_rate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from clvtool.models.histories import Floats, Histories

FORM = Form("bg-nbd", unit="weeks", scales=(purchase_rate("r", "alpha"), leaving_chance("a", "b")))


@dataclass(frozen=True, slots=True)
class BgNbd(PurchaseModel):
    """A fitted BG/NBD (see `PurchaseModel` for arguments and units)."""

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability that a customer with this history has not left by T (1 without repeat purchase).

        1 ÷ (1 + a/(b+x−1) · ((α+T)/(α+t_x))^(r+x)); Fader, Hardie, Lee (2008), "Computing P(alive) using the BG/NBD".
        """
        r, alpha, a, b = self.fit.parameters.values()
        x, t_x, T = np.broadcast_arrays(np.asarray(x, float), np.asarray(t_x, float), np.asarray(T, float))
        log_odds = np.asarray((T - t_x) / (alpha + t_x))  # of having left, in one place: the arrays may be large
        np.log1p(log_odds, out=log_odds)
        log_odds *= r + x
        log_odds -= np.log(np.where(x > 0, b + x - 1, np.inf)) - log(a)
        small = np.exp(-np.abs(log_odds))
        return np.asarray(np.where(log_odds > 0, small, 1.0) / (1 + small))

    def expected_purchases(self, t: ArrayLike) -> Floats:
        """Return the expected number of repeat purchases of a new customer in the t weeks after the first purchase.

        Equation (9) of the paper, in the form of `leaving`.
        """
        r, alpha, a, b = self.fit.parameters.values()
        return purchases_before_leaving(np.asarray(t, float) / alpha, r, a, b)

    def purchases_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the expected number of purchases in (T, T + t] of a customer who has not left by T.

        Equation (10) of the paper without its denominator, in the form of `leaving`.
        """
        r, alpha, a, b = self.fit.parameters.values()
        x = np.asarray(x, float)
        return purchases_before_leaving(np.asarray(t, float) / (alpha + np.asarray(T, float)), r + x, a, b + x)


def fit(histories: Histories) -> BgNbd:
    """Fit the BG/NBD to purchase histories by maximum likelihood (equation (6) of the paper).

    A maximum at a limit (nobody leaves; all customers share one rate or one chance) is a fit too: its `warnings`
    say so in words. Raises FitError when there is nothing to fit: no customers, or no repeat purchase.
    """

    def starts(rate: float) -> list[tuple[float, ...]]:
        return [(r, r / rate, size * p, size * (1 - p)) for r, p, size in ((1, 0.2, 2), (0.2, 0.5, 1), (5, 0.02, 10))]

    return BgNbd(fit_purchases(FORM, histories, lambda some: LeavingLikelihood.of(some, 0).log_likelihood, starts))
