"""Customer lifetime value by four methods, with the figures it is made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from clvtool.metrics.activity import active_window, balance, calendar
from clvtool.metrics.customers import UNIT, customers
from clvtool.metrics.disagreement import sentences, why_null
from clvtool.metrics.groups import Group, Run, day_number, groups_of
from clvtool.metrics.methods import Inputs, Methods, methods
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.payback import payback
from clvtool.metrics.remarks import of_the_run
from clvtool.metrics.valuation import DEFINITIONS, Valuation
from clvtool.periods import DAYS
from clvtool.result import Result
from clvtool.stats import Estimate, Moments, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.metrics.predictive import Prediction

TOTAL = "(total)"


def compute(
    orders: pl.DataFrame,
    valuation: Valuation | None = None,
    policies: Policies | None = None,
    *,
    by: Sequence[str] = (),
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return the base metrics and CLV by four methods of an ORDERS table.

    One row a metric: `metric value unit ci_low ci_high n definition`, the group columns of `by` before them, the
    total first. Undefined figures are null, with a note that says why.
    """
    import numpy as np
    import polars as pl

    given = valuation or Valuation()
    log = order_log(orders, policies or Policies(), by)
    found = customers(log)
    window = active_window(found, log, given.active_window)
    cal = calendar(log, found.bought, given.period)
    flows = balance(found, cal, window)
    run = Run(log, found, cal, window, flows, given)
    groups = groups_of(run)
    rows: list[dict[str, Any]] = []
    remarks = [*notes, *log.notes, *of_the_run(log, found, cal, window, groups[0].moments, given)]
    for place, group in enumerate(groups):
        labels = dict(zip(log.groups, found.groups[place - 1] if place else [TOTAL] * len(log.groups), strict=True))
        metrics, said = _metrics(run, group)
        rows += [labels | metric for metric in metrics]
        prefix = f"{', '.join(labels.values())}: " if log.groups and place else ""
        remarks += [prefix + remark for remark in said]
    schema = {
        **dict.fromkeys(log.groups, pl.String),
        "metric": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
        "ci_low": pl.Float64,
        "ci_high": pl.Float64,
        "n": pl.Int64,
        "definition": pl.String,
    }
    assert np.isfinite([row["value"] for row in rows if row["value"] is not None]).all()  # noqa: S101
    return Result(
        name="compute",
        title="Customer lifetime value",
        table=pl.DataFrame(rows, schema=schema),
        notes=tuple(dict.fromkeys(remarks)),
        as_of=log.as_of,
        currency=currency,
    )


def _metrics(run: Run, group: Group) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows of one group, and remarks on them."""
    given, unit = run.given, run.given.period
    m = group.moments
    lines = _Lines(given.level, _words(run))
    money = run.log.has_amount
    lines.add("customers", m.n, "customers", m.n)
    lines.add("orders", round(group.shop.sums["orders"]), "orders", round(group.shop.sums["orders"]))
    lines.add("revenue", group.shop.sums["revenue"] if money else None, "money", round(group.shop.sums["orders"]))
    lines.add("refunds", group.refunds / UNIT if money else None, "money", None)
    lines.estimate(
        "aov", _ratio(group.shop, "revenue", "orders") if money else None, "money", group.shop.sums["orders"]
    )
    inputs, figures = _inputs(run, m)
    lines.estimate("purchase_frequency", figures["frequency"], f"per {unit}", m.n)
    lines.estimate("customer_value", figures["customer_value"] if money else None, f"money per {unit}", m.n)
    lines.estimate("margin_rate", figures["margin"] if money else None, "rate", m.sums["period_orders"])
    lines.add("active_window", run.window.mean_days(unit), "days", None)
    at_start = m.sums["start"]
    lines.estimate("retention_rate", figures["retention"], "rate", at_start)
    lines.estimate("churn_rate", figures["churn"], "rate", at_start)
    lines.estimate("net_churn_rate", figures["net_churn"], "rate", at_start)
    lines.estimate("lifespan", figures["churn_lifespan"], f"{unit}s", at_start, log_scale=True)
    lines.estimate("observed_lifespan", figures["observed"], f"{unit}s", m.sums["gone"], log_scale=True)
    lines.estimate("repeat_rate", _ratio(m, "repeaters", None), "rate", m.n)
    _historic(run, group, lines, money=money)
    values = methods(inputs, given.horizon.in_units(unit)) if inputs is not None and money else Methods(*[None] * 4)
    lines.estimate("clv_average_lifespan", values.average_lifespan, "money", m.n, log_scale=True)
    lines.estimate("clv_average_lifespan_horizon", values.average_lifespan_horizon, "money", m.n, log_scale=True)
    lines.estimate("clv_revenue_based", values.revenue_based, "money", m.n, log_scale=True)
    lines.estimate("clv_comprehensive", values.comprehensive, "money", m.n, log_scale=True)
    predicted = _predicted(figures["margin"], group.prediction, given.level)
    lines.rows.append(
        lines.row("clv_predictive", *predicted, "money", group.prediction.customers if group.prediction else 0)
    )
    remarks = why_null(inputs, figures, group.why_not, money=money)
    if values.average_lifespan is not None and group.prediction is not None:
        remarks += sentences(
            _number(values.average_lifespan),
            _number(values.average_lifespan_horizon),
            group.prediction,
            given.horizon,
            _number(inputs.lifespan) if inputs else None,
            unit,
        )
    if group.prediction is not None:
        remarks += group.prediction.notes
    if given.cac is not None:
        _cac(run, group, lines, values, predicted[0])
    if given.sensitivity:
        _sensitivity(inputs, values, lines)
    return lines.rows, remarks


class _Lines:
    """Collects the rows of the table."""

    def __init__(self, level: float, words: dict[str, str]) -> None:
        self.level = level
        self.words = words
        self.rows: list[dict[str, Any]] = []

    def row(
        self, metric: str, value: float | None, low: float | None, high: float | None, unit: str, n: float | None
    ) -> dict[str, Any]:
        return {
            "metric": metric,
            "value": value,
            "unit": unit,
            "ci_low": low,
            "ci_high": high,
            "n": None if n is None else round(n),
            "definition": DEFINITIONS[metric].format_map(self.words),
        }

    def add(self, metric: str, value: float | None, unit: str, n: float | None) -> None:
        self.rows.append(self.row(metric, value, None, None, unit, n))

    def estimate(
        self, metric: str, value: Estimate | float | None, unit: str, n: float, *, log_scale: bool = False
    ) -> None:
        if not isinstance(value, Estimate):
            self.add(metric, value, unit, n)
            return
        low, high = value.interval(self.level, log_scale=log_scale)
        if unit == "rate":
            high = min(high, 1.0)
            low = max(low, 0.0) if metric not in {"net_churn_rate", "margin_rate"} else low
        known = n > 1
        self.rows.append(self.row(metric, value.value, low if known else None, high if known else None, unit, n))


def _words(run: Run) -> dict[str, str]:
    return {
        "horizon": str(run.given.horizon),
        "discount": f"{run.given.discount * 100:g} %",
        "basis": "margin" if run.margin_known else "revenue",
    }


def _ratio(m: Moments, top: str, bottom: str | None) -> Estimate | None:
    """Return a sum ÷ another, or ÷ n; None where that is 0."""
    if bottom is None:
        return m[top] / m.n if m.n else None
    return m[top] / m[bottom] if m.sums[bottom] else None


def _inputs(run: Run, m: Moments) -> tuple[Inputs[Any] | None, dict[str, Any]]:
    """Return what methods 1 to 3 take (None without a complete period), and the figures shown beside them."""
    given, log, window = run.given, run.log, run.window
    unit_days = DAYS[given.period]
    spans = m["end"] if window.days is None else (m["start"] + m["end"]) / 2
    has_time = spans.value > 0
    margin: Estimate | float = given.margin if given.margin is not None else 1.0
    if given.margin is None and log.has_cost and m.sums["period_revenue"]:
        margin = 1.0 - m["period_cost"] / m["period_revenue"]
    net = (m["lost"] - m["returned"]) / m["start"] if m.sums["start"] else None
    observed = None
    if m.sums["gone"]:
        observed = (m["beyond"] / m["gone"] + int(window.mean_days(given.period))) / unit_days
    from_churn = 1.0 / net if net is not None and net.value > 0 else None
    if given.lifespan == "churn":
        lifespan: Estimate | float | None = from_churn
    else:
        lifespan = observed if given.lifespan == "observed" else float(given.lifespan)
    figures: dict[str, Any] = {
        "frequency": m["period_orders"] / spans if has_time else None,
        "customer_value": m["period_revenue"] / spans if has_time else None,
        "margin": margin,
        "retention": 1.0 - m["lost"] / m["start"] if m.sums["start"] else None,
        "churn": m["lost"] / m["start"] if m.sums["start"] else None,
        "net_churn": net,
        "churn_lifespan": from_churn,
        "observed": observed,
    }
    if not has_time or not m.sums["period_orders"]:
        return None, figures
    aov = m["period_revenue"] / m["period_orders"]
    return Inputs(aov, figures["frequency"], figures["customer_value"], margin, net, lifespan), figures


def _historic(run: Run, group: Group, lines: _Lines, *, money: bool) -> None:
    import numpy as np

    m = group.moments
    if not money or not m.n:
        for metric, unit in (
            ("historic_value_mean", "money"),
            ("historic_value_median", "money"),
            ("top20_revenue_share", "rate"),
        ):
            lines.add(metric, None, unit, m.n)
        return
    values = np.sort(run.found.total(run.found.amount)[group.chosen])
    lines.estimate("historic_value_mean", _ratio(m, "revenue", None), "money", m.n)
    middle = (int(values[(m.n - 1) // 2]) + int(values[m.n // 2])) / 2 / UNIT
    half = normal_quantile(lines.level) * math.sqrt(m.n) / 2
    low, high = math.floor(m.n / 2 - half), math.ceil(m.n / 2 + half)
    bounds = (int(values[low]) / UNIT, int(values[high]) / UNIT) if low >= 0 and high < m.n else (None, None)
    lines.rows.append(lines.row("historic_value_median", middle, bounds[0], bounds[1], "money", m.n))
    best = int(values[m.n - math.ceil(m.n / 5) :].sum())
    whole = int(values.sum())
    lines.add("top20_revenue_share", best / whole if whole > 0 else None, "rate", m.n)


def _predicted(
    margin: Estimate | float, prediction: Prediction | None, level: float
) -> tuple[float | None, float | None, float | None]:
    """Return method 4 with its margin, and its interval on the log scale."""
    if prediction is None:
        return None, None, None
    rate = _number(margin)
    relative = prediction.variance / prediction.value**2
    if isinstance(margin, Estimate) and margin.value:
        relative += (margin.std_error / margin.value) ** 2
    value = prediction.value * rate
    spread = math.exp(normal_quantile(level) * math.sqrt(relative))
    low, high = sorted((value / spread, value * spread))
    return value, low, high


def _cac(run: Run, group: Group, lines: _Lines, values: Methods[Any], predicted: float | None) -> None:
    given = run.given
    cac = given.cac or 0.0
    lines.add("cac", cac, "money", None)
    comprehensive = values.comprehensive
    lines.estimate(
        "clv_to_cac_comprehensive",
        None if comprehensive is None else comprehensive / cac,
        "ratio",
        group.moments.n,
        log_scale=True,
    )
    lines.add("clv_to_cac_predictive", None if predicted is None else predicted / cac, "ratio", group.moments.n)
    rate = given.margin if given.margin is not None else (None if run.log.has_cost else 1.0)
    if group.chosen.any() and run.log.has_amount:
        age, seen, _ = payback(run.found, group.chosen, day_number(run.log.as_of), given.period, cac, rate)
    else:
        age, seen = None, 0
    lines.add("cac_payback", age, f"{given.period}s", seen)


def _sensitivity(inputs: Inputs[Any] | None, values: Methods[Any], lines: _Lines) -> None:
    value = values.average_lifespan
    if inputs is None or value is None:
        change_of_churn = percent = None
    else:
        churn = 1.0 / _number(inputs.lifespan)
        change_of_churn = _number(inputs.customer_value) / (churn + 0.01) - _number(value)
        percent = _number(value) * 0.01
    lines.add("clv_change_per_churn_point", change_of_churn, "money", None)
    lines.add("clv_change_per_aov_percent", percent, "money", None)
    lines.add("clv_change_per_frequency_percent", percent, "money", None)


def _number(value: Estimate | float | None) -> float:
    if value is None:
        raise ValueError("no value")
    return value.value if isinstance(value, Estimate) else value
