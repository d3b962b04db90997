"""Methods 1 to 3 from typed numbers, without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.metrics.lines import Lines, table
from clvtool.metrics.methods import Inputs, methods, plain
from clvtool.metrics.sensitivity import sensitivity
from clvtool.metrics.valuation import MOST
from clvtool.result import Result

if TYPE_CHECKING:
    from clvtool.metrics.valuation import Valuation


ROUNDING = 0.05
"""A typed churn rate and a typed lifespan may be rounded: 0.33 and 3 agree."""


def compute_typed(aov: float | None, frequency: float | None, churn: float | None, given: Valuation) -> Result:
    """Return methods 1 to 3 for an average order value, a purchase frequency, and a churn rate or a lifespan.

    All are in one period unit. Lifespan is 1 ÷ churn where it is not given, and churn 1 ÷ lifespan. Raises UsageError
    for what is missing or makes no sense.
    """
    aov, frequency = _amount("--aov", aov), _amount("--frequency", frequency)
    typed_lifespan = None if given.lifespan in {"churn", "observed"} else float(given.lifespan)
    if churn is not None and not 0 < churn <= 1:
        raise UsageError(f"--churn {churn:g} is not a rate above 0 and up to 1", "5 % a period is --churn 0.05")
    if churn is None and typed_lifespan is None:
        raise UsageError("--lifespan or --churn is missing", "a lifespan in periods, or the churn rate per period")
    if churn is not None and typed_lifespan is not None and abs(churn * typed_lifespan - 1) > ROUNDING:
        raise UsageError(
            f"--lifespan {typed_lifespan:g} and --churn {churn:g} contradict each other: 1 ÷ churn is {1 / churn:g}",
            "give one of them",
        )
    lifespan = typed_lifespan or 1 / (churn or 1.0)
    net_churn = churn or 1 / lifespan
    margin = 1.0 if given.margin is None else given.margin
    inputs = Inputs(aov, frequency, aov * frequency, margin, net_churn, lifespan)
    values = methods(inputs, given.horizon.in_units(given.period))
    unit, as_given = given.period, "as given"
    words = {
        "period": unit,
        "horizon": str(given.horizon),
        "basis": "revenue" if given.margin is None else "margin",
        "lifespan": "lifespan",
    }
    lines = Lines(given.level, words)
    lines.add("aov", aov, "money", definition=as_given)
    lines.add("purchase_frequency", frequency, f"per {unit}", definition=as_given)
    lines.add("customer_value", aov * frequency, f"money per {unit}", definition="AOV × purchase frequency")
    no_margin = "1, as no --margin is given: values are revenue"
    lines.add("margin_rate", margin, "rate", definition=no_margin if given.margin is None else as_given)
    lines.add("net_churn_rate", net_churn, "rate", definition="1 ÷ lifespan" if churn is None else as_given)
    lines.add("lifespan", lifespan, f"{unit}s", definition="1 ÷ churn" if typed_lifespan is None else as_given)
    for metric, value in (
        ("clv_average_lifespan", values.average_lifespan),
        ("clv_average_lifespan_horizon", values.average_lifespan_horizon),
        ("clv_revenue_based", values.revenue_based),
        ("clv_comprehensive", values.comprehensive),
    ):
        lines.add(metric, None if value is None else plain(value), "money")
    if given.cac is not None and values.comprehensive is not None:
        lines.add("cac", given.cac, "money")
        lines.add("clv_to_cac_comprehensive", plain(values.comprehensive) / given.cac, "ratio")
    if given.sensitivity:
        for metric, change in sensitivity(inputs, values).items():
            lines.add(metric, change, "money")
    note = "computed from typed numbers; the predictive method needs an order log"
    return Result("compute", "Customer lifetime value", table(lines.rows), (note,))


def _amount(flag: str, number: float | None) -> float:
    if number is None:
        raise UsageError(f"{flag} is missing", "for example: clvtool compute --aov 200 --frequency 4 --lifespan 5")
    if not 0 <= number <= MOST:
        raise UsageError(f"{flag} {number:g} is not a number of 0 or more")
    return number
