"""What `compute` is asked for, and what each of its figures means."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from clvtool.errors import UsageError, did_you_mean
from clvtool.metrics.activity import check
from clvtool.periods import Duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvtool.result import Result

MOST = 1e15
"""No amount of money, rate or number of periods that is typed can be larger."""
DEFINITIONS = {
    "customers": "customers with at least one order",
    "orders": "orders not cancelled and not refunded in full, guests' included",
    "revenue": "money of all orders{less_refunds}, guests' included; n = orders",
    "refunds": "money given back, also for orders refunded in full",
    "aov": "average order value: revenue ÷ orders, whole log, guests included; n = orders",
    "purchase_frequency": (
        "orders of identified customers ÷ customer-periods, complete {period}s; customer-periods = {customer_periods}"
    ),
    "customer_value": "revenue of identified customers ÷ customer-periods, complete {period}s (AOV × frequency)",
    "margin_rate": "{margin}",
    "active_window": "days for which a customer counts as active after a purchase",
    "retention_rate": "customers kept ÷ customers active at the start (n), pooled over complete {period}s",
    "churn_rate": "customers lost ÷ customers active at the start (n), pooled over complete {period}s",
    "net_churn_rate": (
        "(lost - returned) ÷ active at the start (n), pooled over complete {period}s: who comes back is not gone"
    ),
    "lifespan": "1 ÷ net churn rate",
    "observed_lifespan": (
        "window + Σ(active days beyond each customer's first window, returns bridged) ÷ customers gone (n)"
    ),
    "repeat_rate": "customers with two orders or more ÷ customers",
    "historic_value_mean": "mean net revenue of a customer over the whole log",
    "historic_value_median": "median net revenue of a customer over the whole log",
    "top20_revenue_share": "share of customers' net revenue that comes from the best 20 % of them",
    "clv_average_lifespan": "1 average lifespan: customer value × {lifespan}; basis revenue",
    "clv_average_lifespan_horizon": (
        "1 cut at {horizon}: customer value × (1 - (1 - c)^H) ÷ c, c = 1 ÷ {lifespan}; basis revenue"
    ),
    "clv_revenue_based": "2 revenue-based: customer value × margin ÷ net churn rate; basis {basis}",
    "clv_comprehensive": (
        "3 comprehensive: AOV × {lifespan} × purchase frequency × margin, complete {period}s; basis {basis}"
    ),
    "clv_predictive": (
        "4 predictive: a new customer over {horizon} at {discount} a year: first purchase + expected further purchases "
        "(BG/NBD) × expected money each (Gamma-Gamma), × margin; basis {basis}; n = customers fitted"
    ),
    "cac": "cost of acquiring a customer, as given",
    "clv_to_cac_comprehensive": "clv_comprehensive ÷ CAC; 3 is a common reference",
    "clv_to_cac_predictive": "clv_predictive ÷ CAC; 3 is a common reference",
    "cac_payback": (
        "first age, in {period}s after the first order, at which mean cumulative margin per customer reaches CAC; "
        "n = customers seen at that age"
    ),
    "clv_change_per_churn_point": "change of clv_average_lifespan when churn (1 ÷ {lifespan}) rises by one point",
    "clv_change_per_aov_percent": "change of clv_average_lifespan when AOV rises by 1 %",
    "clv_change_per_frequency_percent": "change of clv_average_lifespan when purchase frequency rises by 1 %",
}


@dataclass(frozen=True, slots=True)
class Valuation:
    """How value is computed. `margin` is a rate, or None for the cost column."""

    period: str = "month"
    active_window: str = "auto"
    horizon: Duration = field(default_factory=lambda: Duration(12, "month"))
    discount: float = 0.10
    margin: float | None = None
    lifespan: str = "churn"
    level: float = 0.95
    cac: float | None = None
    sensitivity: bool = False
    log_from_start: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        check(self.period, self.active_window)
        if not 0 < self.level < 1:
            raise UsageError(f"--level {self.level:g} is not between 0 and 1")
        if self.discount <= -1 or not math.isfinite(self.discount):
            raise UsageError(f"--discount {self.discount:g} is no annual rate", "10 % a year is --discount 0.10")
        if self.discount >= 1:
            raise UsageError(
                f"--discount {self.discount:g} is {self.discount:.0%} a year", "10 % a year is --discount 0.10"
            )
        check_margin(self.margin)
        if self.cac is not None and not 0 < self.cac <= MOST:
            raise UsageError(f"--cac {self.cac:g} is no amount of money above 0")
        if self.lifespan not in {"churn", "observed"} and not _positive(self.lifespan):
            raise UsageError(f"--lifespan {self.lifespan}: not churn, observed or a number of {self.period}s above 0")


def check_margin(margin: float | None) -> None:
    """Refuse a margin that is no share of revenue."""
    if margin is not None and not -10 <= margin <= 1:
        raise UsageError(f"--margin {margin:g} is no share of revenue", "25 % is --margin 0.25")


def _positive(text: str) -> bool:
    try:
        return 0 < float(text) <= MOST
    except ValueError:
        return False


def only(result: Result, metrics: Sequence[str]) -> Result:
    """Return the result with the rows of these metrics, in the order of the table; all when none is named.

    Raises UsageError for a metric that is not in the table.
    """
    if not metrics:
        return result
    known = result.table["metric"].unique(maintain_order=True).to_list()
    for name in metrics:
        if name not in known:
            raise UsageError(f"there is no metric {name!r}", did_you_mean(name, known))
    return replace(result, table=result.table.filter(result.table["metric"].is_in(list(metrics))))
