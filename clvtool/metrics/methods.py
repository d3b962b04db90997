"""The formulas of methods 1 to 3, written once for plain numbers and for estimates that carry their variance along.

Everything is per period: customer value = average order value × purchase frequency. Lifespan is in periods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from clvtool.stats import Estimate

Number: TypeAlias = "float | Estimate"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the methods take, all in one period unit; what is unknown is None."""

    aov: Number
    frequency: Number
    customer_value: Number
    margin: Number | None
    net_churn: Number | None
    lifespan: Number | None


@dataclass(frozen=True, slots=True)
class Methods:
    """Methods 1 to 3, and method 1 cut at a horizon; None where they are not defined."""

    average_lifespan: Number | None = None
    average_lifespan_horizon: Number | None = None
    revenue_based: Number | None = None
    comprehensive: Number | None = None


def methods(given: Inputs, horizon: float) -> Methods:
    """Return what a customer is worth by methods 1 to 3.

    1. average lifespan: customer value × lifespan (revenue).
       Cut at a horizon of H periods: customer value × (1 − (1 − c)^H) ÷ c with c = 1 ÷ lifespan.
    2. revenue-based: customer value × margin ÷ net churn of the same period.
    3. comprehensive: average order value × lifespan × frequency × margin.
    """
    value, margin, net_churn, lifespan = given.customer_value, given.margin, given.net_churn, given.lifespan
    by_churn: Number | None = None
    if margin is not None and net_churn is not None and plain(net_churn) > 0:
        by_churn = value * margin / net_churn
    return Methods(
        average_lifespan=None if lifespan is None else value * lifespan,
        average_lifespan_horizon=None if lifespan is None else _cut(value, lifespan, horizon),
        revenue_based=by_churn,
        comprehensive=None if lifespan is None or margin is None else given.aov * lifespan * given.frequency * margin,
    )


def _cut(value: Number, lifespan: Number, horizon: float) -> Number:
    if plain(lifespan) <= 1:  # gone within the first period
        return value * lifespan
    churn = 1.0 / lifespan
    return value * (1.0 - (1.0 - churn) ** horizon) / churn


def plain(number: Number) -> float:
    """Return a figure without its variance."""
    return number.value if isinstance(number, Estimate) else number
