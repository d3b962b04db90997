"""What customers do in a stretch of time that begins later than now, such as the third month ahead.

Given a customer's own rates, buying is a Poisson process until the customer leaves. Two purchases at times u < v then
happen with a density H(v) that does not depend on u, so a stretch (s, t] holds 2 ∫ₛᵗ (v − s) H(v) dv ordered pairs of
purchases: its second moment, for the price of a few values of H.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from clvtool.models.purchases import PurchaseModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from clvtool.models.histories import Floats

_NODES = 12


class Stretch(NamedTuple):
    """What customers are expected to do in a stretch of time, one entry each.

    `some` is the probability of a purchase or more, `squares` the expected square of the number of purchases.
    """

    purchases: Floats
    some: Floats
    squares: Floats


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

    def stretch_if_alive(self, after: ArrayLike, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Stretch:
        """Return what is expected in (T + after, T + t] of customers who have not left by T; 0 ≤ after ≤ t."""
        after, t, x, T = np.broadcast_arrays(*(np.asarray(one, float) for one in (after, t, x, T)))
        purchases = self.purchases_if_alive(t, x, T) - self.purchases_if_alive(after, x, T)
        return Stretch(purchases, self.p_some_if_alive(after, t, x, T), purchases + self._pairs(after, t, x, T))

    def _pairs(self, after: Floats, t: Floats, x: Floats, T: Floats) -> Floats:
        """Return 2 ∫ (v − after) H(v) dv, Gauss–Legendre in log(1 + (v − after)/scale), where H bends evenly."""
        scale = self.fit.parameters[self.TIME] + T + after
        reach = np.log1p((t - after) / scale)
        total = np.zeros(t.shape)
        for node, weight in zip(*np.polynomial.legendre.leggauss(_NODES), strict=True):
            growth = np.expm1(reach * (0.5 + 0.5 * node))
            lag = scale * growth
            total += weight * lag * (growth + 1) * self.pair_rate_if_alive(after + lag, x, T)
        return np.asarray(total * scale * reach)
