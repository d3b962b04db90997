"""Methods 1 to 3 from typed numbers, without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.metrics.methods import Inputs, methods
from clvtool.metrics.valuation import DEFINITIONS
from clvtool.result import Result

if TYPE_CHECKING:
    from clvtool.metrics.valuation import Valuation


def compute_typed(aov: float | None, frequency: float | None, churn: float | None, given: Valuation) -> Result:
    """Return methods 1 to 3 for an average order value, a purchase frequency, and a churn rate or a lifespan.

    All are in one period unit. Lifespan is 1 ÷ churn where it is not given. Raises UsageError for what is missing.
    """
    import polars as pl

    typed_lifespan = None if given.lifespan in {"churn", "observed"} else float(given.lifespan)
    for flag, number in (("--aov", aov), ("--frequency", frequency)):
        if number is None:
            raise UsageError(f"{flag} is missing", "for example: clvtool compute --aov 200 --frequency 4 --lifespan 5")
        if number < 0:
            raise UsageError(f"{flag} {number:g} is below 0")
    if churn is None and typed_lifespan is None:
        raise UsageError("--lifespan or --churn is missing", "a lifespan in periods, or the churn rate per period")
    if churn is not None and not 0 < churn <= 1:
        raise UsageError(f"--churn {churn:g} is not a rate above 0 and up to 1", "5 % a period is --churn 0.05")
    assert aov is not None and frequency is not None  # noqa: S101, PT018 - the loop above refused both
    lifespan = typed_lifespan if typed_lifespan is not None else 1 / (churn or 1.0)
    net_churn = churn if churn is not None else 1 / lifespan
    margin = 1.0 if given.margin is None else given.margin
    values = methods(
        Inputs(aov, frequency, aov * frequency, margin, net_churn, lifespan), given.horizon.in_units(given.period)
    )
    unit = given.period
    words = {"horizon": str(given.horizon), "basis": "revenue" if given.margin is None else "margin"}
    rows = [
        ("aov", aov, "money"),
        ("purchase_frequency", frequency, f"per {unit}"),
        ("customer_value", aov * frequency, f"money per {unit}"),
        ("margin_rate", margin, "rate"),
        ("net_churn_rate", net_churn, "rate"),
        ("lifespan", lifespan, f"{unit}s"),
        ("clv_average_lifespan", values.average_lifespan, "money"),
        ("clv_average_lifespan_horizon", values.average_lifespan_horizon, "money"),
        ("clv_revenue_based", values.revenue_based, "money"),
        ("clv_comprehensive", values.comprehensive, "money"),
    ]
    if given.cac is not None and values.comprehensive is not None:
        rows += [("cac", given.cac, "money"), ("clv_to_cac_comprehensive", values.comprehensive / given.cac, "ratio")]
    if given.sensitivity and values.average_lifespan is not None:
        change = aov * frequency / (1 / lifespan + 0.01) - values.average_lifespan
        rows += [
            ("clv_change_per_churn_point", change, "money"),
            ("clv_change_per_aov_percent", values.average_lifespan * 0.01, "money"),
            ("clv_change_per_frequency_percent", values.average_lifespan * 0.01, "money"),
        ]
    typed = {"aov", "purchase_frequency", "margin_rate", "net_churn_rate", "lifespan"}
    table = pl.DataFrame(
        {
            "metric": [metric for metric, _, _ in rows],
            "value": [value for _, value, _ in rows],
            "unit": [name for _, _, name in rows],
            "ci_low": [None] * len(rows),
            "ci_high": [None] * len(rows),
            "n": [None] * len(rows),
            "definition": [
                "as given" if metric in typed else DEFINITIONS[metric].format_map(words) for metric, _, _ in rows
            ],
        },
        schema={
            "metric": pl.String,
            "value": pl.Float64,
            "unit": pl.String,
            "ci_low": pl.Float64,
            "ci_high": pl.Float64,
            "n": pl.Int64,
            "definition": pl.String,
        },
    )
    note = "computed from typed numbers; the predictive method needs an order log"
    return Result("compute", "Customer lifetime value", table, (note,))
