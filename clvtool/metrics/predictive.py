"""Method 4: what a new customer will be worth, from fitted models of buying, leaving and spending."""

from __future__ import annotations

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
    """What the models see of each customer: repeat purchase days, recency, age, money per repeat day."""

    x: NDArray[np.int64]
    t_x: NDArray[np.int64]
    T: NDArray[np.int64]
    m: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Method 4 and its parts; all money is revenue, before any margin."""

    value: float
    variance: float
    undiscounted: float
    first_value: float
    purchases: float
    order_value: float
    spend_ratio: float
    customers: int
    bg_nbd: BgNbd
    gamma_gamma: GammaGamma
    notes: tuple[str, ...]


def histories(found: Customers, as_of: int) -> Histories:
    """Return x, t_x, T and m of every customer; `m` is the net money after the first purchase day ÷ x, or 0."""
    import numpy as np

    x = found.occasions - 1
    later = found.total(found.amount, found.day > found.first[found.code])
    m = np.divide(later / UNIT, x, out=np.zeros(found.n), where=x > 0)
    return Histories(x, found.last - found.first, as_of - found.first, m)


def new_customers(found: Customers, first_day: int, window_days: float, *, log_from_start: bool) -> NDArray[np.bool_]:
    """Return who certainly was new when first seen: not in the first `window_days` days of the log.

    All, when the log begins with the shop, or when fewer than 200 customers would be left.
    """
    import numpy as np

    if log_from_start:
        return np.ones(found.n, bool)
    fresh = found.first >= first_day + window_days
    return fresh if fresh.sum() >= FEWEST_OTHERS else np.ones(found.n, bool)


def predict_new(
    seen: Histories, among: NDArray[np.bool_], first_value: Estimate, horizon: Duration, discount: float
) -> Prediction:
    """Return the value of a new customer over a horizon at an annual discount rate.

    mean net money of the first purchase day + discounted expected further purchases (BG/NBD) × expected money per
    repeat purchase (Gamma-Gamma). Raises FitError, with the reason in numbers, when there is too little to fit.
    """
    from clvtool.models import bg_nbd, gamma_gamma
    from clvtool.models.fitting import derived_variance
    from clvtool.models.histories import Histories as Collapsed
    from clvtool.models.purchases import weekly_delta

    x, m = seen.x[among], seen.m[among]
    repeaters = int((x > 0).sum())
    if repeaters < FEWEST_REPEATERS:
        raise FitError(f"{repeaters} of {len(x)} customers bought again; the models need {FEWEST_REPEATERS}")
    purchases = bg_nbd.fit(Collapsed.from_arrays(x, seen.t_x[among], seen.T[among]))
    spending = gamma_gamma.fit(x[x > 0], m[x > 0])
    notes = [*purchases.fit.warnings, *spending.fit.warnings]
    weighted = float((x * m).sum() / x.sum())
    weeks, delta = horizon.days / 7, weekly_delta(discount)
    expected = purchases.discounted_expected_purchases(weeks, delta)
    expected_variance = derived_variance(
        lambda moved: bg_nbd.BgNbd(moved).discounted_expected_purchases(weeks, delta), purchases.fit
    )
    mean = spending.population_mean()
    if mean is None:
        order_value, order_variance = weighted, 0.0
        notes.append("the mean money per repeat purchase takes the place of the spending model's mean")
    else:
        order_value = mean
        order_variance = derived_variance(
            lambda moved: gamma_gamma.GammaGamma(moved).population_mean() or weighted, spending.fit
        )
    plain = float(purchases.expected_purchases(weeks))
    return Prediction(
        value=first_value.value + expected * order_value,
        variance=first_value.std_error**2 + order_value**2 * expected_variance + expected**2 * order_variance,
        undiscounted=first_value.value + plain * order_value,
        first_value=first_value.value,
        purchases=plain,
        order_value=order_value,
        spend_ratio=weighted / order_value,
        customers=len(x),
        bg_nbd=purchases,
        gamma_gamma=spending,
        notes=tuple(notes),
    )
