"""Models of customers who buy at gamma-distributed rates and may leave after a purchase: BG/NBD and MBG/NBD.

They differ in one number: whether the first purchase, too, is a chance to leave. Everything else stands here once.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from clvtool.models.leaving import purchases_before_leaving, still_there
from clvtool.models.purchase_counts import leaving_after_purchases, pairs
from clvtool.models.purchases import NOBODY, by_history, fit_purchases
from clvtool.models.residual import residual_if_alive
from clvtool.models.stretches import StretchModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from clvtool.models.fitting import Fit, Form
    from clvtool.models.histories import Floats, Histories
    from clvtool.models.newton import Objective


class LeavingModel(StretchModel):
    """A fitted (M)BG/NBD (see `PurchaseModel` for arguments and units): parameters r, α, a, b in this order.

    A customer with x repeat purchases has had n = x + `FIRST` chances to leave.
    """

    __slots__ = ()
    FIRST: ClassVar[int]

    @property
    def nobody_left(self) -> bool:
        """Return whether the mean chance of leaving has run to 0."""
        _, _, a, b = self.fit.parameters.values()
        return a < NOBODY * (a + b)

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability that a customer with this history has not left by T (1 without a chance to leave).

        1 ÷ (1 + a/(b+n−1) · ((α+T)/(α+t_x))^(r+x)); Fader, Hardie, Lee (2008), "Computing P(alive) using the BG/NBD".
        """
        r, alpha, a, b = self.fit.parameters.values()
        x, t_x, T = np.broadcast_arrays(np.asarray(x, float), np.asarray(t_x, float), np.asarray(T, float))
        log_odds = np.asarray((T - t_x) / (alpha + t_x))  # of having left, in one place: the arrays may be large
        np.log1p(log_odds, out=log_odds)
        log_odds *= r + x
        n = x + self.FIRST
        log_odds -= np.log(np.where(n > 0, b + n - 1, np.inf)) - log(a)
        small = np.exp(-np.abs(log_odds))
        return np.asarray(np.where(log_odds > 0, small, 1.0) / (1 + small))

    def _discounted_for_ever(self, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the discounted expected number of all purchases after T, as an integral over rates and chances."""
        r, alpha, a, b = self.fit.parameters.values()

        def if_alive(x: Floats, T: Floats) -> Floats:
            result = np.empty(x.size)
            order = np.argsort(x, kind="stable")
            for same in np.split(order, np.flatnonzero(np.diff(x[order])) + 1):
                repeats = float(x[same].max(initial=0.0))
                now = alpha + T[same]
                result[same] = residual_if_alive(delta * now, r + repeats, a, b + repeats + self.FIRST)
            return result

        return self.p_alive(x, t_x, T) * by_history(if_alive, x, T)

    def p_some_if_alive(self, after: ArrayLike, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability of a purchase in (T + after, T + t] of a customer who has not left by T.

        E[e^(−λ p after) (1 − e^(−λ (t − after)))]: still there when the stretch begins, and not silent in it.
        """
        r, alpha, a, b = self.fit.parameters.values()
        after, rho, now = np.asarray(after, float), r + np.asarray(x, float), alpha + np.asarray(T, float)
        length = np.asarray(t, float) - after
        beta = b + np.asarray(x, float) + self.FIRST
        silent = np.exp(-rho * np.log1p(length / now))
        return np.asarray(
            still_there(after / now, rho, a, beta) - silent * still_there(after / (now + length), rho, a, beta)
        )

    def pair_rate_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the density of a purchase at T + t and one at any one time before it: E[λ² (1 − p) e^(−λ p t)]."""
        r, alpha, a, b = self.fit.parameters.values()
        rho, now = r + np.asarray(x, float), alpha + np.asarray(T, float)
        beta = b + np.asarray(x, float) + self.FIRST
        both = rho * (rho + 1) / (now * now) * beta / (a + beta)
        return np.asarray(both * still_there(np.asarray(t, float) / now, rho + 2, a, beta + 1))

    def expected_purchases(self, t: ArrayLike) -> Floats:
        """Return the expected number of repeat purchases of a new customer in the t weeks after the first purchase.

        Equation (9) of the BG/NBD paper in the form of `leaving`, × the chance to stay after the first purchase.
        """
        r, alpha, a, b = self.fit.parameters.values()
        stays = (b / (a + b)) ** self.FIRST
        return stays * purchases_before_leaving(np.asarray(t, float) / alpha, r, a, b + self.FIRST)

    def purchases_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the expected number of purchases in (T, T + t] of a customer who has not left by T.

        Equation (10) of the BG/NBD paper without its denominator, in the form of `leaving`.
        """
        r, alpha, a, b = self.fit.parameters.values()
        x = np.asarray(x, float)
        ahead = np.asarray(t, float) / (alpha + np.asarray(T, float))
        return purchases_before_leaving(ahead, r + x, a, b + x + self.FIRST)

    def p_none_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability of no purchase in (T, T + t] of a customer who has not left by T.

        Nobody leaves without a purchase: ((α+T)/(α+T+t))^(r+x).
        """
        r, alpha, _, _ = self.fit.parameters.values()
        growth = np.log1p(np.asarray(t, float) / (alpha + np.asarray(T, float)))
        return np.asarray(np.exp(-(r + np.asarray(x, float)) * growth))

    def counts_if_alive(self, t: float, x: ArrayLike, T: ArrayLike, most: int) -> Floats:
        """Return the probability of k = 0…most purchases in (T, T + t] of customers who have not left by T.

        Equation (8) of the BG/NBD paper with the parameters r+x, α+T, a, b+x of what is known of a customer by T.
        """
        r, alpha, a, b = self.fit.parameters.values()
        x, T = pairs(x, T)
        return leaving_after_purchases(t / (alpha + T), r + x, a, b + x + self.FIRST, most)


def fit_leaving(form: Form, log_likelihood: Callable[[Histories], Objective], histories: Histories) -> Fit:
    """Fit a model of this kind to purchase histories by maximum likelihood (see `fit_purchases`)."""

    def starts(rate: float) -> list[tuple[float, ...]]:
        return [(r, r / rate, size * p, size * (1 - p)) for r, p, size in ((1, 0.2, 2), (0.2, 0.5, 1), (5, 0.02, 10))]

    return fit_purchases(form, histories, log_likelihood, starts)
