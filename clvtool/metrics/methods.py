"""The formulas of methods 1 to 3, written once for plain numbers and for estimates that carry their variance along.

Everything is per period: customer value = average order value × purchase frequency. Lifespan is in periods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from clvtool.stats import Estimate

Number = TypeVar("Number", float, Estimate)


@dataclass(frozen=True, slots=True)
class Inputs(Generic[Number]):
    """What the methods take, all in one period unit; `net_churn` and `lifespan` may be unknown."""

    aov: Number
    frequency: Number
    customer_value: Number
    margin: Number
    net_churn: Number | None
    lifespan: Number | None


@dataclass(frozen=True, slots=True)
class Methods(Generic[Number]):
    """Methods 1 to 3, and method 1 cut at a horizon; None where they are not defined."""

    average_lifespan: Number | None
    average_lifespan_horizon: Number | None
    revenue_based: Number | None
    comprehensive: Number | None


def methods(given: Inputs[Number], horizon: float) -> Methods[Number]:
    """Return what a customer is worth by methods 1 to 3.

    1. average lifespan: customer value × lifespan (revenue).
       Cut at a horizon of H periods: customer value × (1 − (1 − c)^H) ÷ c with c = 1 ÷ lifespan.
    2. revenue-based: customer value × margin ÷ net churn of the same period.
    3. comprehensive: average order value × lifespan × frequency × margin.
    """
    return Methods(
        average_lifespan=None if given.lifespan is None else given.customer_value * given.lifespan,
        average_lifespan_horizon=_cut(given, horizon),
        revenue_based=None
        if given.net_churn is None or _value(given.net_churn) <= 0
        else given.customer_value * given.margin / given.net_churn,
        comprehensive=None if given.lifespan is None else given.aov * given.lifespan * given.frequency * given.margin,
    )


def _cut(given: Inputs[Number], horizon: float) -> Number | None:
    if given.lifespan is None:
        return None
    if _value(given.lifespan) <= 1:  # gone within the first period
        return given.customer_value * given.lifespan
    churn = 1.0 / given.lifespan
    cut: Number = given.customer_value * (1.0 - (1.0 - churn) ** horizon) / churn
    return cut


def _value(number: float | Estimate) -> float:
    return number.value if isinstance(number, Estimate) else number
