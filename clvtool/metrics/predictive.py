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
    from clvtool.periods import Duration
    from clvtool.stats import Estimate

FEWEST_REPEATERS = 30
FEWEST_OTHERS = 200


@dataclass(frozen=True, slots=True)
class Histories:
    """What the models see of each customer: repeat purchase days, recency, age, money per repeat day.

    `later` is the net money after the first purchase day of those who came back (ten-thousandths): x · m.
    """

    x: NDArray[np.int64]
    t_x: NDArray[np.int64]
    T: NDArray[np.int64]
    m: NDArray[np.float64]
    later: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Method 4 and its parts; all money is revenue, before any margin.

    `purchases`: expected further purchases within the horizon, undiscounted; `order_value`: expected money of each;
    `spend_ratio`: mean money of the repeat purchases observed ÷ `order_value`; 1 where the one stands for the other.
    `variance` is None where a fit did not converge or the spending model has no mean.
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


def histories(found: Customers, as_of: int) -> Histories:
    """Return x, t_x, T and m of every customer; `m` is the net money after the first purchase day ÷ x, or 0."""
    import numpy as np

    x = found.occasions - 1
    later = np.where(x > 0, found.total(found.amount, found.day > found.first[found.code]), 0)
    m = np.divide(later / UNIT, x, out=np.zeros(found.n), where=x > 0)
    return Histories(x, found.last - found.first, as_of - found.first, m, later)


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
    seen: Histories, among: NDArray[np.int64], first_value: Estimate, horizon: Duration, discount: float
) -> Prediction:
    """Return the value of a new customer over a horizon at an annual discount rate, from the customers `among`.

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
        raise FitError(f"{repeaters:,} of {len(x):,} customers bought again; the models need {FEWEST_REPEATERS}")
    purchases = bg_nbd.fit(Collapsed.from_arrays(x, seen.t_x[among], seen.T[among]))
    spending = gamma_gamma.fit(x[x > 0], m[x > 0])
    notes = [*purchases.fit.warnings, *spending.fit.warnings]
    weighted = int(seen.later[among].sum()) / UNIT / int(x.sum())
    weeks, delta = horizon.days / 7, weekly_delta(discount)
    expected = purchases.discounted_expected_purchases(weeks, delta)
    expected_variance = derived_variance(
        lambda moved: bg_nbd.BgNbd(moved).discounted_expected_purchases(weeks, delta), purchases.fit
    )
    mean = spending.population_mean()
    spend_ratio = 1.0
    if mean is None:
        order_value, order_variance = weighted, 0.0
        notes.append("the mean money per repeat purchase takes the place of the spending model's mean")
    else:
        order_value, spend_ratio = mean, weighted / mean
        order_variance = derived_variance(
            lambda moved: gamma_gamma.GammaGamma(moved).population_mean() or weighted, spending.fit
        )
    plain = float(purchases.expected_purchases(weeks))
    sure = purchases.fit.converged and spending.fit.converged and mean is not None
    first_error = first_value.std_error if sure else None
    further = order_value**2 * expected_variance + expected**2 * order_variance
    return Prediction(
        value=first_value.value + expected * order_value,
        variance=None if first_error is None else first_error**2 + further,
        undiscounted=first_value.value + plain * order_value,
        first_value=first_value.value,
        purchases=plain,
        order_value=order_value,
        spend_ratio=spend_ratio,
        customers=len(x),
        notes=tuple(notes),
    )
