"""Method 4: what a new customer will be worth, from fitted models of buying, leaving and spending."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import FitError
from clvtool.metrics.customers import UNIT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.models.bg_nbd import BgNbd
    from clvtool.models.gamma_gamma import GammaGamma
    from clvtool.periods import Duration
    from clvtool.stats import Estimate

FEWEST_REPEATERS = 30
FEWEST_OTHERS = 200


@dataclass(frozen=True, slots=True)
class Histories:
    """What the models see of each customer: repeat purchase days, recency, age, money per repeat day.

    `later` is the net money after the first purchase day of those who came back, x · m; `first` is all other net money:
    that of the first purchase day, and refunds after it to customers who never came back (ten-thousandths).
    """

    x: NDArray[np.int64]
    t_x: NDArray[np.int64]
    T: NDArray[np.int64]
    m: NDArray[np.float64]
    first: NDArray[np.int64]
    later: NDArray[np.int64]
    gaps: NDArray[np.int64]

    @property
    def log_gaps(self) -> float:
        """Return the sum of ln(weeks) over all gaps, the same in any order of the customers."""
        return math.fsum(many * math.log(days / 7) for days, many in enumerate(self.gaps.tolist()) if many)

    def only(self, who: NDArray[np.bool_]) -> Histories:
        """Return those of some of the customers, without their gaps: they are for what is fitted to all."""
        return Histories(
            self.x[who], self.t_x[who], self.T[who], self.m[who], self.first[who], self.later[who], self.gaps[:0]
        )


@dataclass(frozen=True, slots=True)
class Prediction:
    """Method 4 and its parts; all money is revenue, before any margin.

    `purchases`: expected further purchases within the horizon, undiscounted; `order_value`: expected money of each;
    `spend_ratio`: mean money of the repeat purchases observed ÷ `order_value`.
    `variance` is None where it is not known. `undiscounted_with_older` is `undiscounted` from all customers, where
    the rest leaves those out who may have been customers before the log.
    """

    value: float
    variance: float | None
    undiscounted: float
    first_value: float
    purchases: float
    order_value: float
    spend_ratio: float
    customers: int
    notes: tuple[str, ...]
    undiscounted_with_older: float | None = None


def histories(found: Customers, as_of: int) -> Histories:
    """Return x, t_x, T and m of every customer; `m` is the net money after the first purchase day ÷ x, or 0."""
    import numpy as np

    x = found.occasions - 1
    after = found.day > np.repeat(found.first, np.diff(np.append(found.begins, len(found.code))))
    later = np.where(x > 0, found.total(found.amount, after), 0)
    m = np.divide(later / UNIT, x, out=np.zeros(found.n), where=x > 0)
    first = found.total(found.amount) - later
    gaps = np.bincount(np.diff(found.bought)[found.buyer[1:] == found.buyer[:-1]], minlength=1)
    return Histories(x, found.last - found.first, as_of - found.first, m, first, later, gaps)


def new_customers(
    found: Customers, first_day: int, window: int, group: NDArray[np.int64], *, log_from_start: bool
) -> NDArray[np.bool_]:
    """Return who certainly was new when first seen: not in the first `window` days of the log.

    All, when the log begins with the shop; all of a group that would be left with fewer than 200 customers.
    """
    import numpy as np

    if log_from_start:
        return np.ones(found.n, bool)
    late = found.first >= first_day + window
    enough = np.bincount(group[late], minlength=int(group.max(initial=0)) + 1) >= FEWEST_OTHERS
    return late | ~enough[group]


def predict_new(
    seen: Histories,
    among: NDArray[np.int64],
    first_value: Estimate,
    repeat_value: Estimate,
    horizon: Duration,
    discount: float,
) -> Prediction:
    """Return the value of a new customer over a horizon at an annual discount rate, from the customers `among`.

    Mean net money of the first purchase day + discounted expected further purchases (BG/NBD) × expected money per
    repeat purchase (Gamma-Gamma; where that has no mean, the mean observed). `first_value` and `repeat_value` are the
    observed means of these customers. Raises FitError, with the reason in numbers, when there is too little to fit.
    """
    from clvtool.models import bg_nbd, gamma_gamma
    from clvtool.models.fitting import derived_variance
    from clvtool.models.purchases import weekly_delta

    purchases, spending = _fitted(seen, among)
    notes = [*purchases.fit.warnings, *spending.fit.warnings]
    weeks, delta = horizon.days / 7, weekly_delta(discount)
    expected = purchases.discounted_expected_purchases(weeks, delta)
    expected_variance = derived_variance(
        lambda moved: bg_nbd.BgNbd(moved).discounted_expected_purchases(weeks, delta), purchases.fit
    )
    order_value, order_error = spending.population_mean(), repeat_value.std_error
    if order_value is None:
        order_value = repeat_value.value
        notes.append("the mean money per repeat purchase takes the place of the spending model's mean")
    else:
        variance = derived_variance(
            lambda moved: gamma_gamma.GammaGamma(moved).population_mean() or repeat_value.value, spending.fit
        )
        order_error = math.sqrt(variance)
    plain = float(purchases.expected_purchases(weeks))
    sure = purchases.fit.converged and spending.fit.converged
    money_variance = _variance(first_value, repeat_value, expected, order_error) if sure else None
    return Prediction(
        value=first_value.value + expected * order_value,
        variance=None if money_variance is None else money_variance + order_value**2 * expected_variance,
        undiscounted=first_value.value + plain * order_value,
        first_value=first_value.value,
        purchases=plain,
        order_value=order_value,
        spend_ratio=repeat_value.value / order_value if order_value else 1.0,
        customers=len(among),
        notes=tuple(notes),
    )


def undiscounted(seen: Histories, among: NDArray[np.int64], horizon: Duration) -> float:
    """Return the value of a new customer over a horizon, undiscounted, as `predict_new` does."""
    purchases, spending = _fitted(seen, among)
    order_value = spending.population_mean()
    if order_value is None:
        order_value = int(seen.later[among].sum()) / UNIT / int(seen.x[among].sum())
    first_value = int(seen.first[among].sum()) / UNIT / len(among)
    further = float(purchases.expected_purchases(horizon.days / 7))
    return first_value + further * order_value


def _fitted(seen: Histories, among: NDArray[np.int64]) -> tuple[BgNbd, GammaGamma]:
    from clvtool.models import bg_nbd, gamma_gamma
    from clvtool.models.histories import Histories as Collapsed

    x, m = seen.x[among], seen.m[among]
    again = x > 0
    repeaters = int(again.sum())
    if repeaters < FEWEST_REPEATERS:
        raise FitError(f"{repeaters:,} of {len(x):,} customers bought again; the models need {FEWEST_REPEATERS}")
    purchases = bg_nbd.fit(Collapsed.from_arrays(x, seen.t_x[among], seen.T[among]))
    return purchases, gamma_gamma.fit(x[again], m[again])


def _variance(first: Estimate, repeat: Estimate, times: float, order_error: float | None) -> float | None:
    """Return the variance of first purchase + times × order value; None where it is not known.

    Customers whose first purchase is dear spend more later, too: the two means are taken to be as correlated as the
    observed ones.
    """
    together = first.covariance_with(repeat)
    if first.std_error is None or together is None or not repeat.std_error or order_error is None:
        return None
    together *= order_error / repeat.std_error
    return first.std_error**2 + 2 * times * together + (times * order_error) ** 2
