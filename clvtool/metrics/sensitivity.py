"""What a change of churn, order value or frequency does to a customer's value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.methods import plain

if TYPE_CHECKING:
    from clvtool.metrics.methods import Inputs, Methods

POINT = 0.01


def sensitivity(inputs: Inputs | None, values: Methods) -> dict[str, float | None]:
    """Return how method 1 changes with churn (one point more) and with AOV or frequency (1 % more), all else equal."""
    of_churn = of_percent = None
    if inputs is not None and inputs.lifespan is not None and values.average_lifespan is not None:
        value = plain(values.average_lifespan)
        of_churn = plain(inputs.customer_value) / (1 / plain(inputs.lifespan) + POINT) - value
        of_percent = value * 0.01
    return {
        "clv_change_per_churn_point": of_churn,
        "clv_change_per_aov_percent": of_percent,
        "clv_change_per_frequency_percent": of_percent,
    }
