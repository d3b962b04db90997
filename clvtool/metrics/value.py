"""Customer lifetime value by four methods, with the figures it is made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from clvtool.metrics.activity import active_window, balance, calendar
from clvtool.metrics.customers import UNIT, customers
from clvtool.metrics.disagreement import disagreement
from clvtool.metrics.figures import ratio
from clvtool.metrics.groups import Group, Run, groups_of
from clvtool.metrics.lines import COLUMNS, Lines, table
from clvtool.metrics.methods import Methods, methods, plain
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.payback import payback
from clvtool.metrics.remarks import of_the_group, of_the_run
from clvtool.metrics.sensitivity import sensitivity
from clvtool.metrics.valuation import Valuation
from clvtool.result import Result
from clvtool.stats import Estimate, median_ranks, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.metrics.methods import Number
    from clvtool.metrics.predictive import Prediction


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
    given = valuation or Valuation()
    policies = policies or Policies()
    log = order_log(orders, policies, by)
    del orders
    found = customers(log)
    log = log.without_events()
    window = active_window(found, log, given.active_window)
    cal = calendar(log, given.period)
    run = Run(log, found, cal, window, balance(found, cal, window), given)
    groups = groups_of(run)
    words = _words(run, policies)
    # a group column may be named like a column of the table
    labels = [f"{name}_group" if name in COLUMNS else name for name in log.groups]
    rows: list[dict[str, Any]] = []
    remarks = [*notes, *log.notes, *of_the_run(run, groups[0].moments)]
    for group in groups:
        metrics, said = _metrics(run, group, words)
        rows += [dict(zip(labels, group.name, strict=True)) | metric for metric in metrics]
        prefix = f"{', '.join(group.name)}: " if group is not groups[0] else ""
        remarks += [prefix + remark for remark in said]
    return Result(
        name="compute",
        title="Customer lifetime value",
        table=table(rows, labels),
        notes=tuple(dict.fromkeys(remarks)),
        as_of=log.as_of,
        currency=currency,
    )


def _words(run: Run, policies: Policies) -> dict[str, str]:
    """Return what stands in the definitions."""
    given, log = run.given, run.log
    unit = given.period
    if given.margin is not None:
        margin = "as given with --margin"
    elif log.has_cost:
        margin = f"(revenue - cost) ÷ revenue of identified customers, complete {unit}s (whole log if there are none)"
    else:
        margin = "1, as neither costs nor --margin are known: values are revenue"
    active = "customers active at start + at end"
    lifespans = {"churn": "lifespan", "observed": "observed lifespan"}
    return {
        "period": unit,
        "horizon": str(given.horizon),
        "discount": f"{given.discount * 100:g} %",
        "basis": "margin" if given.margin is not None or log.has_cost else "revenue",
        "margin": margin,
        "lifespan": lifespans.get(given.lifespan, f"lifespan as given ({given.lifespan} {unit}s)"),
        "customer_periods": f"Σ customers who bought in the {unit}" if run.window.days is None else f"Σ ({active}) ÷ 2",
        "less_refunds": " less all refunds" if policies.refunds == "net" else ", refunds ignored",
    }


def _metrics(run: Run, group: Group, words: dict[str, str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows of one group, and remarks on them."""
    given, unit, money = run.given, run.given.period, run.log.has_amount
    m, shop, found = group.moments, group.shop, group.figures
    lines = Lines(given.level, words)
    orders, at_start = shop.sums["orders"], m.sums["start"]
    lines.add("customers", m.n, "customers", m.n)
    lines.add("orders", orders, "orders", orders)
    lines.add("revenue", shop.sums["revenue"] if money else None, "money", orders)
    lines.add("refunds", group.refunds / UNIT if money else None, "money")
    lines.estimate("aov", ratio(shop["revenue"], shop["orders"]) if money else None, "money", orders, log_scale=True)
    lines.estimate("purchase_frequency", found.frequency, f"per {unit}", m.n, log_scale=True)
    lines.estimate("customer_value", found.customer_value, f"money per {unit}", m.n, log_scale=True)
    lines.estimate("margin_rate", found.margin if money else None, "rate", m.n)
    lines.add("active_window", run.window_days, "days")
    lines.estimate("retention_rate", found.retention, "rate", at_start)
    lines.estimate("churn_rate", found.churn, "rate", at_start)
    lines.estimate("net_churn_rate", found.net_churn, "rate", at_start)
    lines.estimate("lifespan", found.lifespan, f"{unit}s", at_start, log_scale=True)
    lines.estimate("observed_lifespan", found.observed, f"{unit}s", m.sums["gone"], log_scale=True)
    lines.estimate("repeat_rate", m["repeaters"] / m.n if m.n else None, "rate", m.n)
    _historic(group, lines, money=money)
    inputs = found.inputs
    values = methods(inputs, given.horizon.in_units(unit)) if inputs is not None else Methods()
    lines.estimate("clv_average_lifespan", values.average_lifespan, "money", m.n, log_scale=True)
    lines.estimate("clv_average_lifespan_horizon", values.average_lifespan_horizon, "money", m.n, log_scale=True)
    lines.estimate("clv_revenue_based", values.revenue_based, "money", m.n, log_scale=True)
    lines.estimate("clv_comprehensive", values.comprehensive, "money", m.n, log_scale=True)
    new = None if isinstance(group.new, str) else group.new
    predicted, bounds = (None, None) if new is None or found.margin is None else _earned(found.margin, new, given.level)
    lines.add("clv_predictive", predicted, "money", new.customers if new else 0, bounds)
    remarks = [*of_the_group(run, group), *disagreement(values, new, given.horizon, found.expected, unit)]
    if given.cac is not None:
        remarks += _cac(run, group, lines, values, predicted, bounds)
    if given.sensitivity:
        changes = sensitivity(inputs, values)
        for metric, change in changes.items():
            lines.add(metric, change, "money")
    return lines.rows, remarks


def _historic(group: Group, lines: Lines, *, money: bool) -> None:
    import numpy as np

    m = group.moments
    mean = median = share = bounds = None
    if money and m.n:
        values = np.sort(group.revenue)
        mean = m["revenue"] / m.n
        median = (int(values[(m.n - 1) // 2]) + int(values[m.n // 2])) / (2 * UNIT)
        ranks = median_ranks(m.n, lines.level)
        bounds = (int(values[ranks[0]]) / UNIT, int(values[ranks[1]]) / UNIT) if ranks else None
        whole = int(values.sum())
        share = int(values[-math.ceil(m.n / 5) :].sum()) / whole if whole > 0 else None
    lines.estimate("historic_value_mean", mean, "money", m.n, log_scale=True)
    lines.add("historic_value_median", median, "money", m.n, bounds)
    lines.add("top20_revenue_share", share, "rate", m.n)


def _earned(margin: Number, new: Prediction, level: float) -> tuple[float, tuple[float, float] | None]:
    """Return method 4 with its margin, and its interval on the log scale."""
    value = new.value * plain(margin)
    if new.variance is None or new.value <= 0:
        return value, None
    relative = new.variance / new.value**2
    if isinstance(margin, Estimate) and margin.value and margin.std_error is not None:
        relative += (margin.std_error / margin.value) ** 2
    spread = math.exp(normal_quantile(level) * math.sqrt(relative))
    low, high = sorted((value / spread, value * spread))
    return value, (low, high)


def _cac(
    run: Run,
    group: Group,
    lines: Lines,
    values: Methods,
    predicted: float | None,
    bounds: tuple[float, float] | None,
) -> list[str]:
    given, n, unit = run.given, group.moments.n, run.given.period
    cac = given.cac or math.inf
    comprehensive = values.comprehensive
    lines.add("cac", cac, "money")
    lines.estimate(
        "clv_to_cac_comprehensive", None if comprehensive is None else comprehensive / cac, "ratio", n, log_scale=True
    )
    interval = None if bounds is None else (bounds[0] / cac, bounds[1] / cac)
    lines.add("clv_to_cac_predictive", None if predicted is None else predicted / cac, "ratio", n, interval)
    if not run.log.has_amount or not n:
        lines.add("cac_payback", None, f"{unit}s", n)
        return []
    rate = given.margin if given.margin is not None else (None if run.log.has_cost else 1.0)
    age, customers_then, best = payback(run.found, group.members, run.as_of, unit, cac, rate)
    lines.add("cac_payback", age, f"{unit}s", customers_then)
    if age is not None:
        return []
    return [f"CAC of {cac:,.2f} is not earned back within the log: mean cumulative margin reaches {best:,.2f} at most"]
