"""What customers do in a stretch of time that begins later than now, such as the third month ahead.

Given a customer's own rates, buying is a Poisson process until the customer leaves. Two purchases at times u < v then
happen with a density H(v) that does not depend on u, so a stretch (s, t] holds 2 ∫ₛᵗ (v − s) H(v) dv ordered pairs of
purchases: its second moment, for the price of a few values of H.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.purchases import PurchaseModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from clvtool.models.histories import Floats

_NODES = 8


class StretchModel(PurchaseModel):
    """A purchase model in which an active customer buys at random times (see `PurchaseModel` for arguments and units).

    Besides what every model gives, it gives `p_some_if_alive` and `pair_rate_if_alive`.
    """

    __slots__ = ()

    @abstractmethod
    def p_some_if_alive(self, after: ArrayLike, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability of a purchase in (T + after, T + t] of a customer who has not left by T."""

    @abstractmethod
    def pair_rate_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return H(t): the density of a purchase at T + t and one at any one time before it, per square week."""

    def pairs_if_alive(self, after: ArrayLike, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return E[Y² − Y] of the number of purchases Y in (T + after, T + t] of customers who have not left by T.

        2 ∫ (v − after) H(v) dv by Gauss–Legendre in log(1 + (v − after)/scale), in which H bends evenly.
        """
        after, t, x, T = np.broadcast_arrays(*(np.asarray(one, float) for one in (after, t, x, T)))
        scale = self.fit.parameters[self.TIME] + T + after
        reach = np.log1p((t - after) / scale)
        total = np.zeros(t.shape)
        for node, weight in zip(*np.polynomial.legendre.leggauss(_NODES), strict=True):
            growth = np.expm1(reach * (0.5 + 0.5 * node))
            lag = scale * growth
            total += weight * lag * (growth + 1) * self.pair_rate_if_alive(after + lag, x, T)
        return np.asarray(total * scale * reach)
