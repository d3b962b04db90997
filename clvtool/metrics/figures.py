"""The figures that methods 1 to 3 are made of, as estimates, from the sums over a group of customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.metrics.methods import Inputs
from clvtool.periods import DAYS

if TYPE_CHECKING:
    from clvtool.metrics.activity import Window
    from clvtool.metrics.methods import Number
    from clvtool.metrics.valuation import Valuation
    from clvtool.stats import Estimate, Moments


@dataclass(frozen=True, slots=True)
class Figures:
    """Rates per period over complete periods; None where there is nothing to divide by, or no money in the log.

    `lifespan` is by net churn, `observed` the observed one, `expected` the one that methods 1 and 3 take.
    """

    aov: Estimate | None
    frequency: Estimate | None
    customer_value: Estimate | None
    margin: Number | None
    retention: Estimate | None
    churn: Estimate | None
    net_churn: Estimate | None
    lifespan: Estimate | None
    observed: Estimate | None
    expected: Number | None

    @property
    def inputs(self) -> Inputs | None:
        """Return what the methods take; None where no customer bought in a complete period."""
        if self.aov is None or self.frequency is None or self.customer_value is None:
            return None
        return Inputs(self.aov, self.frequency, self.customer_value, self.margin, self.net_churn, self.expected)


def figures(m: Moments, window: Window, given: Valuation, *, has_amount: bool, has_cost: bool) -> Figures:
    """Return the figures of a group of customers."""
    spans = m["end"] if window.days is None else (m["start"] + m["end"]) / 2
    net_churn = ratio(m["lost"] - m["returned"], m["start"])
    lifespan = 1.0 / net_churn if net_churn is not None and net_churn.value > 0 else None
    days = window.whole_days(given.period)
    observed = (m["beyond"] / m["gone"] + days) / DAYS[given.period] if m.sums["gone"] else None
    expected: Number | None
    if given.lifespan == "churn":
        expected = lifespan
    else:
        expected = observed if given.lifespan == "observed" else float(given.lifespan)
    churn = ratio(m["lost"], m["start"])
    return Figures(
        aov=ratio(m["period_revenue"], m["period_orders"]) if has_amount else None,
        frequency=ratio(m["period_orders"], spans),
        customer_value=ratio(m["period_revenue"], spans) if has_amount else None,
        margin=_margin(m, given, has_cost=has_amount and has_cost),
        retention=None if churn is None else 1.0 - churn,
        churn=churn,
        net_churn=net_churn,
        lifespan=lifespan,
        observed=observed,
        expected=expected,
    )


def _margin(m: Moments, given: Valuation, *, has_cost: bool) -> Number | None:
    """Return the margin as given, or by the costs of the complete periods; of the whole log when these have none."""
    if given.margin is not None:
        return given.margin
    if not has_cost:
        return 1.0
    for revenue, cost in (("period_revenue", "period_cost"), ("revenue", "cost")):
        if m.sums[revenue] > 0:
            return 1.0 - m[cost] / m[revenue]
    return None


def ratio(top: Estimate, bottom: Estimate) -> Estimate | None:
    """Return a sum ÷ another; None where there is nothing to divide by."""
    return top / bottom if bottom.value else None
