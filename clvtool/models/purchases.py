"""What every purchase model answers, and the part of the answers that is the same for all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import ceil, isfinite, log1p
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from clvtool.errors import FitError
from clvtool.models.fitting import maximum_likelihood
from clvtool.models.histories import distinct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from clvtool.models.fitting import Fit, Form
    from clvtool.models.histories import Floats, Histories
    from clvtool.models.newton import Objective

NOBODY = 1e-12
"""A mean chance (or weekly rate) of leaving so small that it stands for none."""
_LARGEST_GRID = 1 << 23  # a table of all (x, T) beyond eight million cells costs more than it saves
_PILOT = 20_000  # histories whose maximum is a start within a few standard errors of the maximum of all
_FOREVER = 45.0  # e-folds of discounting after which 1e-19 is left
_CHUNK = 1 << 15  # histories whose discounted sums are computed at a time, to bound the memory


def weekly_delta(annual_rate: float) -> float:
    """Return the continuous discount rate per week that equals an annual rate: ln(1 + rate) · 7 / 365.25.

    Raises ValueError unless the rate is finite and above −1.
    """
    if not (isfinite(annual_rate) and annual_rate > -1):
        raise ValueError(f"an annual discount rate is a number above -1 (0.10 is 10 %), not {annual_rate}")
    return log1p(annual_rate) * 7 / 365.25


class Outlook(NamedTuple):
    """What is expected of customers over a horizon, one entry each.

    `p_none` is the probability of no purchase within the horizon; `discounted` counts purchases at their value today.
    """

    p_alive: Floats
    p_none: Floats
    purchases: Floats
    discounted: Floats


@dataclass(frozen=True, slots=True)
class PurchaseModel(ABC):
    """A fitted model of when customers buy and when they leave.

    **All times are in weeks**, as floats: t (or `horizon`) ahead, t_x from a customer's first purchase to the last, T
    from the first purchase to the as-of date. Days are divided by 7 and never rounded. x counts repeat purchases.
    Arrays are taken elementwise (one entry per customer), and scalars are broadcast. Every answer is finite for every
    history with 0 ≤ t_x ≤ T, also for 20,000 purchases.

    A model gives `p_alive`, `expected_purchases`, `purchases_if_alive`, `p_none_if_alive` and `counts_if_alive`; the
    rest follows.
    """

    TIME: ClassVar[str] = "alpha"
    """The parameter on whose scale expectations level off."""
    FORGETFUL: ClassVar[bool] = True
    """Whether x and T say all about what comes, given that the customer has not left; else t_x does, too."""
    fit: Fit

    @property
    def nobody_left(self) -> bool:
        """Return whether the model allows for leaving, and the data showed none: a limit, not a finding."""
        return False

    @abstractmethod
    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability that a customer with this history has not left by T."""

    @abstractmethod
    def expected_purchases(self, t: ArrayLike) -> Floats:
        """Return the expected number of repeat purchases of a new customer in the t weeks after the first purchase."""

    @abstractmethod
    def purchases_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the expected number of purchases in (T, T + t] of a customer who has not left by T."""

    @abstractmethod
    def p_none_if_alive(self, t: ArrayLike, x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the probability of no purchase in (T, T + t] of a customer who has not left by T."""

    @abstractmethod
    def counts_if_alive(self, t: float, x: ArrayLike, T: ArrayLike, most: int) -> Floats:
        """Return the probability of exactly k purchases in (T, T + t] of customers who have not left by T.

        One row a customer and a column for each k = 0…most: column 0 is `p_none_if_alive`, and what a row lacks to 1 is
        the probability of more than `most`. With the chance of having left, P(k) = p_alive · column k, for k ≥ 1.
        """

    def conditional_expected_purchases(self, t: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the expected number of purchases in (T, T + t] of a customer with this history.

        Raises ValueError when t is negative or not finite.
        """
        ahead = time_ahead(t)
        if ahead.ndim == 0:
            return self.p_alive(x, t_x, T) * by_history(lambda x, T: self.purchases_if_alive(ahead, x, T), x, T)
        return self.p_alive(x, t_x, T) * self.purchases_if_alive(ahead, x, T)

    def discounted_expected_purchases(self, horizon: float, delta: float) -> float:
        """Return the discounted expected number of repeat purchases of a new customer within `horizon` weeks.

        A purchase after t weeks counts e^(−delta·t); see `weekly_delta` for delta. Raises ValueError when the horizon
        is negative or infinite: over an infinite one the expectation need not exist.
        """
        return float(
            discounted(self.expected_purchases, horizon, delta, self.fit.parameters[self.TIME] + np.zeros(1))[0]
        )

    def discounted_conditional_purchases(
        self, horizon: float, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike
    ) -> Floats:
        """Return the discounted expected number of purchases in (T, T + horizon] of a customer with this history.

        A purchase at T + t counts e^(−delta·t). Raises ValueError when the horizon is negative or infinite.
        """
        expected = by_history(lambda x, T: self._discounted_if_alive(horizon, delta, x, T), x, T)
        return self.p_alive(x, t_x, T) * expected

    def discounted_residual_purchases(self, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the discounted expected number of all purchases after T (DERT), without a horizon.

        A purchase at T + t counts e^(−delta·t). Raises ValueError unless delta > 0 (without discounting the sum need
        not exist), FitError where the data showed nobody leaving.
        """
        if not delta > 0:
            raise ValueError(f"a value without horizon needs a discount rate above 0, not {delta}")
        if self.nobody_left:
            raise FitError(
                f"{self.fit.model} found no customer leaving in these data: a value without horizon would be a guess",
                "take a horizon instead, such as --horizon 3y",
            )
        return self._discounted_for_ever(delta, x, t_x, T)

    def _discounted_for_ever(self, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Return the discounted expected number of all purchases after T."""
        return self.discounted_conditional_purchases(_FOREVER / delta, delta, x, t_x, T)

    def _discounted_if_alive(self, horizon: float, delta: float, x: Floats, T: Floats) -> Floats:
        """Return the discounted expected number of purchases of customers who have not left by T."""
        scale = self.fit.parameters[self.TIME]
        parts = [slice(at, at + _CHUNK) for at in range(0, max(x.size, 1), _CHUNK)]
        return np.concatenate([
            discounted(_given(self, x[part, None], T[part, None]), horizon, delta, scale + T[part])
            for part in parts
        ])  # fmt: skip

    def outlook(self, horizon: float, delta: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Outlook:
        """Return all that is expected of customers with these histories in (T, T + horizon], one entry each.

        The same figures as those of the methods above, with everything computed once. Raises ValueError when the
        horizon is negative or infinite.
        """
        ahead = float(time_ahead(horizon))
        alive = self.p_alive(x, t_x, T)

        def if_alive(x: Floats, T: Floats) -> Floats:
            return np.stack([
                self.p_none_if_alive(ahead, x, T),
                self.purchases_if_alive(ahead, x, T),
                self._discounted_if_alive(ahead, delta, x, T),
            ])  # fmt: skip

        none, expected, discounted = by_history(if_alive, x, T)
        # (1 − alive) + alive · none
        return Outlook(alive, 1 - alive * (1 - none), alive * expected, alive * discounted)


def fit_purchases(
    form: Form,
    histories: Histories,
    log_likelihood: Callable[[Histories], Objective],
    starts: Callable[[float], Sequence[Sequence[float]]],
) -> Fit:
    """Fit a purchase model to histories by maximum likelihood.

    `log_likelihood` prepares histories and returns their log-likelihood as a function of the parameters; `starts`
    returns parameters to start from, given a rough rate of purchases a week. `facts` of the fit are repeat_purchases,
    repeat_customers and customer_weeks. Raises FitError when there are no customers or no repeat purchases.
    """
    customers, repeats = histories.n_customers, int((histories.count * histories.x).sum())
    if customers == 0:
        raise FitError(f"{form.name} has no customers to fit")
    if repeats == 0:
        raise FitError(
            f"{form.name} needs repeat purchases: each of the {customers} customers bought on one day only, and was "
            f"observed for at most {int(histories.T.max())} days after it",
            hint="take a longer period: models of buying learn from those who came back",
        )
    weeks = float((histories.count * histories.T).sum()) / 7
    rows = histories.x.size
    return maximum_likelihood(
        form,
        log_likelihood(histories),
        starts=starts(1.5 * repeats / weeks),  # while active, customers buy faster than over all time
        n_customers=customers,
        facts={
            "repeat_purchases": repeats,
            "repeat_customers": int(histories.count[histories.x > 0].sum()),
            "customer_weeks": weeks,
        },
        pilot=log_likelihood(histories.every(rows // _PILOT)) if rows > 2 * _PILOT else None,
    )


def _given(model: PurchaseModel, x: Floats, T: Floats) -> Callable[[Floats], Floats]:
    """Return the expectation of customers with these x and T as a function of time alone."""
    return lambda t: model.purchases_if_alive(t, x, T)


def time_ahead(t: ArrayLike) -> Floats:
    """Return times to look ahead, refusing what is no finite time."""
    ahead: Floats = np.asarray(t, float)
    if not (np.isfinite(ahead).all() and (ahead >= 0).all()):
        raise ValueError("a time ahead is a finite number of weeks, 0 or more")
    return ahead


def discounted(expected: Callable[[Floats], Floats], horizon: float, delta: float, scale: Floats) -> Floats:
    """Return e^(−δH) E(H) + δ ∫₀ᴴ e^(−δt) E(t) dt for each `scale`, α + T or β + T; E maps times to purchases (n × k).

    Gauss–Legendre with 16 nodes in log(1 + t/scale), where E bends evenly: exact to the last digit as long as a panel
    spans a factor of e⁴ in time and 16 e-folds of levelling off. Where the whole range spans more, it is cut into equal
    panels; where E levels off early, the first panel is halved towards 0 until what it holds is even.
    """
    end = float(time_ahead(horizon))
    scale = scale[:, None]
    reach = np.log1p(end / scale)
    if end == 0 or scale.size == 0:
        return np.zeros(scale.size)
    node, weight = np.polynomial.legendre.leggauss(16)
    equal = ceil(max(float(reach.max()) / 4, abs(delta) * end / 16))
    for halvings in range(40):
        edges = np.concatenate([[0.0], 0.5 ** np.arange(halvings, 0, -1), np.arange(1, equal + 1)]) / equal
        width = np.diff(edges)
        place = (edges[:-1, None] + width[:, None] * (0.5 + 0.5 * node)).ravel()
        growth = np.expm1(reach * np.append(place, 1.0))
        values = expected(scale * growth)
        folds = values[:, 0] / growth[:, 0] * reach[:, 0] / values[:, -1]  # the slope at the start ÷ the mean slope
        if float(folds.max()) * width[0] <= 16:
            break
    t = scale * growth
    values *= np.exp(-delta * t)
    inside = values[:, :-1] * (growth[:, :-1] + 1) * (0.5 * width[:, None] * weight).ravel()
    return np.asarray(values[:, -1] + delta * (scale * reach)[:, 0] * inside.sum(axis=1))


def by_history(function: Callable[[Floats, Floats], Floats], x: ArrayLike, T: ArrayLike) -> Floats:
    """Return function(x, T) elementwise, computed once for each distinct pair: customers share far fewer.

    The function may return several rows, each with an entry per pair.
    """
    repeats, observed = np.broadcast_arrays(np.asarray(x, float), np.asarray(T, float))
    shape = repeats.shape
    repeats, observed = repeats.ravel(), observed.ravel()
    if repeats.size < 2:
        values, place = function(repeats, observed), np.zeros(repeats.size, np.intp)
    else:
        x_values, x_codes = distinct(repeats, 1.0)
        T_values, T_codes = distinct(observed, 7.0)
        pair = x_codes * T_values.size + T_codes
        used, place = _places(pair, x_values.size * T_values.size)
        values = function(x_values[used // T_values.size], T_values[used % T_values.size])
    return np.asarray(values[..., place].reshape((*values.shape[:-1], *shape)))


def _places(pair: NDArray[np.intp], cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the sorted distinct numbers below `cells`, and the place of each number among them."""
    if cells > _LARGEST_GRID:
        return np.unique(pair, return_inverse=True)
    seen = np.zeros(cells, bool)
    seen[pair] = True
    used = np.flatnonzero(seen)
    place = np.zeros(cells, np.intp)
    place[used] = np.arange(used.size)
    return used, place[pair]
