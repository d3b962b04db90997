"""Models of customers who buy regularly and may leave after a purchase: BG/CNBD-k and MBG/CNBD-k.

Platzer & Reutterer (2016), Ticking away the moments, Marketing Science 35-5; Reutterer, Platzer, Schröder (2020),
Leveraging purchase regularity for predicting customer behavior the easy way, International Journal of Research in
Marketing 38-1. As (M)BG/NBD, but the time between purchases is Erlang-k with the rate λ ~ Gamma(r, α) for each of the k
stages (see `stages`); k = 1 is (M)BG/NBD. What customers will do next depends on how long ago the last purchase was.
"""

from __future__ import annotations

from dataclasses import replace
from math import lgamma, log
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from clvtool.models.histories import distinct
from clvtool.models.leaving_likelihood import LeavingLikelihood
from clvtool.models.purchase_counts import pairs
from clvtool.models.purchases import Outlook, PurchaseModel, discounted, fit_purchases, time_ahead
from clvtool.models.stages import counts_by_stages, purchases_by_stages, waited

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from clvtool.models.fitting import Fit, Form
    from clvtool.models.histories import Floats, Histories
    from clvtool.models.newton import Objective

MOST_STAGES = 12
_WORSE = 2  # values of k in a row that fit worse, after which no better one is expected
_CHUNK = 1 << 14


class RegularModel(PurchaseModel):
    """A fitted (M)BG/CNBD-k (see `PurchaseModel` for arguments and units): parameters r, α, a, b, and the fact k.

    The methods that take `t_x` last may be asked without it: then every stage since the last purchase counts as equally
    likely, as for a customer looked at on any day.
    """

    __slots__ = ()
    FORGETFUL = False
    FIRST: ClassVar[int]

    @property
    def stages(self) -> int:
        """Return k, the stages of a purchase."""
        return int(self.fit.facts["k"])

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability that a customer with this history has not left by T (1 without a chance to leave)."""
        r, alpha, a, b = self.fit.parameters.values()
        x, t_x, T = np.broadcast_arrays(np.asarray(x, float), np.asarray(t_x, float), np.asarray(T, float))
        rho, n = r + self.stages * x, x + self.FIRST
        log_odds = rho * np.log1p((T - t_x) / (alpha + t_x)) - waited(rho, alpha, t_x, T, self.stages).value
        log_odds = log_odds - np.log(np.where(n > 0, b + n - 1, np.inf)) + log(a)
        small = np.exp(-np.abs(log_odds))
        return np.asarray(np.where(log_odds > 0, small, 1.0) / (1 + small))

    def expected_purchases(self, t: ArrayLike) -> Floats:
        """Return the expected number of repeat purchases of a new customer in the t weeks after the first purchase."""
        _, _, a, b = self.fit.parameters.values()
        return np.asarray((b / (a + b)) ** self.FIRST * self.purchases_if_alive(t, 0.0, 0.0, 0.0))

    def purchases_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike, t_x: ArrayLike | None = None) -> Floats:
        """Return the expected number of purchases in (T, T + t] of a customer who has not left by T; see `stages`."""
        y, rho, u, beta = self._state(t, x, T, t_x)
        return purchases_by_stages(y, rho, u, self.fit.parameters["a"], beta, self.stages)

    def p_none_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike, t_x: ArrayLike | None = None) -> Floats:
        """Return the probability of no purchase in (T, T + t] of a customer who has not left by T."""
        state = np.broadcast_arrays(*self._state(t, x, T, t_x))
        y, rho, u, beta = (one.ravel() for one in state)
        none = counts_by_stages(y, rho, u, self.fit.parameters["a"], beta, self.stages, 0)
        return np.asarray(np.minimum(none[:, 0], 1.0).reshape(state[0].shape))

    def counts_if_alive(self, t: float, x: ArrayLike, T: ArrayLike, most: int, t_x: ArrayLike | None = None) -> Floats:
        """Return the probability of k = 0…most purchases in (T, T + t] of customers who have not left by T."""
        x, T = pairs(x, T)
        state = np.broadcast_arrays(*self._state(t, x, T, t_x))
        y, rho, u, beta = (one.ravel() for one in state)
        return counts_by_stages(y, rho, u, self.fit.parameters["a"], beta, self.stages, most)

    def conditional_expected_purchases(self, t: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the expected number of purchases in (T, T + t] of a customer with this history.

        Raises ValueError when t is negative or not finite.
        """
        ahead = time_ahead(t)
        if ahead.ndim:
            return self.p_alive(x, t_x, T) * self.purchases_if_alive(ahead, x, T, t_x)
        expected = _by_history(lambda x, t_x, T: self.purchases_if_alive(ahead, x, T, t_x), x, t_x, T)
        return self.p_alive(x, t_x, T) * expected

    def discounted_conditional_purchases(
        self, horizon: float, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike
    ) -> Floats:
        """Return the discounted expected number of purchases in (T, T + horizon] of a customer with this history.

        A purchase at T + t counts e^(−delta·t). Raises ValueError when the horizon is negative or infinite.
        """
        worth = _by_history(lambda x, t_x, T: self._discounted(horizon, delta, x, t_x, T), x, t_x, T)
        return self.p_alive(x, t_x, T) * worth

    def outlook(self, horizon: float, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Outlook:
        """Return all that is expected of customers with these histories in (T, T + horizon], one entry each."""
        ahead = float(time_ahead(horizon))
        alive = self.p_alive(x, t_x, T)

        def if_alive(x: Floats, t_x: Floats, T: Floats) -> Floats:
            return np.stack([
                self.p_none_if_alive(ahead, x, T, t_x),
                self.purchases_if_alive(ahead, x, T, t_x),
                self._discounted(ahead, delta, x, t_x, T),
            ])  # fmt: skip

        none, expected, worth = _by_history(if_alive, x, t_x, T)
        return Outlook(alive, 1 - alive * (1 - none), alive * expected, alive * worth)

    def _discounted(self, horizon: float, delta: float, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return the discounted expected number of purchases of customers who have not left by T."""
        parts = []
        for at in range(0, max(x.size, 1), _CHUNK):
            some = slice(at, at + _CHUNK)
            history = x[some, None], T[some, None], t_x[some, None]
            expected = _given(self, *history)
            parts.append(discounted(expected, horizon, delta, self.fit.parameters["alpha"] + T[some]))
        return np.concatenate(parts)

    def _state(
        self, t: ArrayLike, x: ArrayLike, T: ArrayLike, t_x: ArrayLike | None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Return t ÷ (α + T), ρ, the time since the last purchase ÷ (α + T), and β of a customer who is there at T."""
        r, alpha, _, b = self.fit.parameters.values()
        x, T = np.asarray(x, float), np.asarray(T, float)
        last = np.where(x > 0, np.nan, 0.0) if t_x is None else np.asarray(t_x, float)
        scale = alpha + T
        return np.asarray(t, float) / scale, r + self.stages * x, (T - last) / scale, b + x + self.FIRST


def fit_regular(form: Form, first: int, histories: Histories, log_gaps: float) -> Fit:
    """Fit a model of this kind for k = 1, 2, …, 12 and return the one of highest likelihood; `facts` has k.

    `log_gaps` is the sum over customers of ln(weeks between one purchase day and the next). The search ends where two
    k in a row fit worse. Standard errors are those for this k.
    """
    repeats = int((histories.count * histories.x).sum())
    best: Fit | None = None
    found: Fit | None = None
    worse = 0
    for k in range(1, MOST_STAGES + 1):
        before = None if found is None else list(found.parameters.values())
        found = _fit(form, first, histories, k, before)
        found = replace(
            found,
            log_likelihood=found.log_likelihood + (k - 1) * log_gaps - repeats * lgamma(k),
            facts={**found.facts, "k": k},
        )
        worse = 0 if best is None or found.log_likelihood > best.log_likelihood else worse + 1
        if worse == 0:
            best = found
        if worse == _WORSE:
            break
    if best is None:
        raise ValueError("there is always k = 1")
    return replace(best, warnings=(*best.warnings, *_in_words(form, int(best.facts["k"]))))


def _fit(form: Form, first: int, histories: Histories, k: int, before: list[float] | None) -> Fit:
    """Return the fit for one k; `before` are the parameters for k − 1."""

    def log_likelihood(some: Histories) -> Objective:
        return LeavingLikelihood.of(some, first, k).log_likelihood

    def starts(rate: float) -> list[tuple[float, ...]]:
        usual: list[tuple[float, ...]] = [
            (r, r / rate / k, size * p, size * (1 - p)) for r, p, size in ((1, 0.2, 2), (0.2, 0.5, 1), (5, 0.02, 10))
        ]
        if before is None:
            return usual
        r, alpha, a, b = before
        return [(r, alpha * (k - 1) / k, a, b), *usual]

    return fit_purchases(form, histories, log_likelihood, starts)


def _in_words(form: Form, k: int) -> list[str]:
    if k == 1:
        return [f"the gaps between purchases show no regularity: k is 1, which is {form.name.replace('cnbd-k', 'nbd')}"]
    if k == MOST_STAGES:
        return [f"purchases are at least as regular as k = {k}, the largest that is looked at"]
    return []


def _given(model: RegularModel, x: Floats, T: Floats, t_x: Floats) -> Callable[[Floats], Floats]:
    """Return the expectation of customers with these histories as a function of time alone."""
    return lambda t: model.purchases_if_alive(t, x, T, t_x)


def _by_history(
    function: Callable[[Floats, Floats, Floats], Floats], x: ArrayLike, t_x: ArrayLike, T: ArrayLike
) -> Floats:
    """Return function(x, t_x, T) elementwise, computed once for each distinct history."""
    columns = np.broadcast_arrays(*(np.asarray(one, float) for one in (x, t_x, T)))
    shape = columns[0].shape
    key = np.zeros(columns[0].size, np.int64)
    for column, per_unit in zip(columns, (1.0, 7.0, 7.0), strict=True):
        values, codes = distinct(column.ravel(), per_unit)
        key = key * values.size + codes
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    values = function(*(column.ravel()[first] for column in columns))
    return np.asarray(values[..., place].reshape((*values.shape[:-1], *shape)))
