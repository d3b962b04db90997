"""Customer lifetime value by four methods, with the figures it is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clvtool.errors import FitError
from clvtool.metrics.activity import Balance, Calendar, Window, active_window, balance, calendar
from clvtool.metrics.customers import UNIT, Customers, customers
from clvtool.metrics.disagreement import sentences, why_null
from clvtool.metrics.methods import Inputs, Methods, methods
from clvtool.metrics.moments import added, group_moments
from clvtool.metrics.orderlog import OrderLog, Policies, order_log
from clvtool.metrics.payback import payback
from clvtool.metrics.predictive import Histories, Prediction, histories, new_customers, predict_new
from clvtool.metrics.remarks import of_the_run
from clvtool.metrics.valuation import DEFINITIONS, Valuation
from clvtool.periods import DAYS
from clvtool.result import Result
from clvtool.stats import Estimate, Moments, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

TOTAL = "(total)"


@dataclass(frozen=True, slots=True)
class _Group:
    """Everything about one group of customers, or about all of them."""

    moments: Moments
    shop: Moments
    refunds: int  # ten-thousandths
    chosen: NDArray[np.bool_]
    prediction: Prediction | None
    why_not: str


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is the same for every group of a run."""

    log: OrderLog
    found: Customers
    cal: Calendar
    window: Window
    flows: Balance
    given: Valuation

    @property
    def margin_known(self) -> bool:
        return self.given.margin is not None or self.log.has_cost


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
    frame = _Frame(log, found, cal, window, flows, given)
    groups = _groups(frame)
    rows: list[dict[str, Any]] = []
    remarks = [*notes, *log.notes, *of_the_run(log, found, cal, window, groups[0].moments, given)]
    for place, group in enumerate(groups):
        labels = dict(zip(log.groups, found.groups[place - 1] if place else [TOTAL] * len(log.groups), strict=True))
        metrics, said = _metrics(frame, group)
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


def _groups(frame: _Frame) -> list[_Group]:
    """Return the total and then every group."""
    import numpy as np

    log, found, given = frame.log, frame.found, frame.given
    seen = histories(found, _days(log.as_of))
    fresh = new_customers(
        found, _days(log.first_day), frame.window.mean_days(given.period), log_from_start=given.log_from_start
    )
    columns = _columns(frame, fresh)
    total, parts = group_moments(columns, found.group, len(found.groups))
    others = found.outside
    own = {name: columns[name] for name in ("orders", "revenue")}
    _, identified = group_moments(own, found.group, len(found.groups))
    outside = {"orders": others["is_order"].to_numpy().astype(np.int64), "revenue": others["amount"].to_numpy()}
    guest_total, guest_parts = group_moments(outside, _places(found, others.select(log.groups)), len(found.groups))
    own_total, _ = group_moments(own, np.zeros(found.n, np.int64), 1)
    everyone = np.ones(found.n, bool)
    given_back, given_back_by = _refunds(frame)
    groups = [_group(frame, total, added(own_total, guest_total), given_back, everyone, seen, fresh)]
    if log.groups:
        for place, moments in enumerate(parts):
            shop = added(identified[place], guest_parts[place])
            groups.append(_group(frame, moments, shop, given_back_by[place], found.group == place, seen, fresh))
    return groups


def _places(found: Customers, rows: pl.DataFrame) -> NDArray[np.int64]:
    """Return the group of each row of group columns."""
    import numpy as np

    if not rows.width:
        return np.zeros(found.outside.height, np.int64)
    place_of = {names: place for place, names in enumerate(found.groups)}
    return np.array([place_of[row] for row in rows.iter_rows()], np.int64)


def _group(
    frame: _Frame,
    moments: Moments,
    shop: Moments,
    refunds: int,
    chosen: NDArray[np.bool_],
    seen: Histories,
    fresh: NDArray[np.bool_],
) -> _Group:
    prediction, why_not = None, ""
    among = chosen & fresh
    if not frame.log.has_amount:
        why_not = "there is no column with money"
    elif among.any():
        try:
            first = moments["first_value"] / moments["fresh"]
            prediction = predict_new(seen, among, first, frame.given.horizon, frame.given.discount)
        except FitError as error:
            why_not = error.message
    else:
        why_not = "there are no customers"
    return _Group(moments, shop, refunds, chosen, prediction, why_not)


def _columns(frame: _Frame, fresh: NDArray[np.bool_]) -> dict[str, NDArray[np.int64]]:
    """Return what every customer contributes to each sum."""
    import numpy as np

    log, found, cal, window, flows = frame.log, frame.found, frame.cal, frame.window, frame.flows
    orders = found.is_order.astype(np.int64)
    if cal.whole:
        low, high = _days(cal.periods[cal.whole.start].first), _days(cal.periods[cal.whole.stop - 1].last)
        inside = (found.day >= low) & (found.day <= high)
    else:
        inside = np.zeros(len(found.day), bool)
    on_first = found.day == found.first[found.code]
    as_of, days = _days(log.as_of), int(window.mean_days(cal.unit))
    beyond = np.maximum(np.minimum(found.last + days - 1, as_of) - found.first + 1 - days, 0)
    whole_orders = found.total(orders)
    columns = {
        "orders": whole_orders,
        "revenue": found.total(found.amount),
        "repeaters": (whole_orders >= 2).astype(np.int64),
        "period_orders": found.total(orders, inside),
        "period_revenue": found.total(found.amount, inside),
        "period_cost": found.total(found.cost, inside),
        "start": flows.start,
        "end": flows.end,
        "lost": flows.lost,
        "returned": flows.returned,
        "beyond": beyond,
        "gone": (as_of - found.last >= days).astype(np.int64),
        "fresh": fresh.astype(np.int64),
        "first_value": np.where(fresh, found.total(found.amount, on_first), 0),
    }
    return columns


def _metrics(frame: _Frame, group: _Group) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows of one group, and remarks on them."""
    given, unit = frame.given, frame.given.period
    m = group.moments
    lines = _Lines(given.level, _words(frame))
    money = frame.log.has_amount
    lines.add("customers", m.n, "customers", m.n)
    lines.add("orders", round(group.shop.sums["orders"]), "orders", round(group.shop.sums["orders"]))
    lines.add("revenue", group.shop.sums["revenue"] if money else None, "money", round(group.shop.sums["orders"]))
    lines.add("refunds", group.refunds / UNIT if money else None, "money", None)
    lines.estimate(
        "aov", _ratio(group.shop, "revenue", "orders") if money else None, "money", group.shop.sums["orders"]
    )
    inputs, figures = _inputs(frame, m)
    lines.estimate("purchase_frequency", figures["frequency"], f"per {unit}", m.n)
    lines.estimate("customer_value", figures["customer_value"] if money else None, f"money per {unit}", m.n)
    lines.estimate("margin_rate", figures["margin"] if money else None, "rate", m.sums["period_orders"])
    lines.add("active_window", frame.window.mean_days(unit), "days", None)
    at_start = m.sums["start"]
    lines.estimate("retention_rate", figures["retention"], "rate", at_start)
    lines.estimate("churn_rate", figures["churn"], "rate", at_start)
    lines.estimate("net_churn_rate", figures["net_churn"], "rate", at_start)
    lines.estimate("lifespan", figures["churn_lifespan"], f"{unit}s", at_start, log_scale=True)
    lines.estimate("observed_lifespan", figures["observed"], f"{unit}s", m.sums["gone"], log_scale=True)
    lines.estimate("repeat_rate", _ratio(m, "repeaters", None), "rate", m.n)
    _historic(frame, group, lines, money=money)
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
        _cac(frame, group, lines, values, predicted[0])
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
            low = max(low, 0.0) if metric != "net_churn_rate" and metric != "margin_rate" else low
        known = n > 1
        self.rows.append(self.row(metric, value.value, low if known else None, high if known else None, unit, n))


def _words(frame: _Frame) -> dict[str, str]:
    return {
        "horizon": str(frame.given.horizon),
        "discount": f"{frame.given.discount * 100:g} %",
        "basis": "margin" if frame.margin_known else "revenue",
    }


def _ratio(m: Moments, top: str, bottom: str | None) -> Estimate | None:
    """Return a sum ÷ another, or ÷ n; None where that is 0."""
    if bottom is None:
        return m[top] / m.n if m.n else None
    return m[top] / m[bottom] if m.sums[bottom] else None


def _inputs(frame: _Frame, m: Moments) -> tuple[Inputs[Any] | None, dict[str, Any]]:
    """Return what methods 1 to 3 take (None without a complete period), and the figures shown beside them."""
    given, log, window = frame.given, frame.log, frame.window
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


def _historic(frame: _Frame, group: _Group, lines: _Lines, *, money: bool) -> None:
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
    values = np.sort(frame.found.total(frame.found.amount)[group.chosen])
    lines.estimate("historic_value_mean", _ratio(m, "revenue", None), "money", m.n)
    middle = (int(values[(m.n - 1) // 2]) + int(values[m.n // 2])) / 2 / UNIT
    half = normal_quantile(lines.level) * math.sqrt(m.n) / 2
    low, high = math.floor(m.n / 2 - half), math.ceil(m.n / 2 + half)
    bounds = (int(values[low]) / UNIT, int(values[high]) / UNIT) if low >= 0 and high < m.n else (None, None)
    lines.rows.append(lines.row("historic_value_median", middle, bounds[0], bounds[1], "money", m.n))
    best = int(values[m.n - math.ceil(m.n / 5) :].sum())
    whole = int(values.sum())
    lines.add("top20_revenue_share", best / whole if whole > 0 else None, "rate", m.n)


def _refunds(frame: _Frame) -> tuple[int, list[int]]:
    """Return the money given back, of all and by the group of the customer (a guest's: of the refund itself)."""
    import polars as pl

    found, log = frame.found, frame.log
    if not log.has_amount or log.refunds.is_empty():
        return 0, [0] * len(found.groups)
    money = pl.col("amount").to_physical().cast(pl.Int64).sum()
    total = -int(log.refunds.select(money).item())
    if not log.groups:
        return total, [total]
    owners = pl.DataFrame({"customer_id": found.ids, "group": found.group})
    sums = [0] * len(found.groups)
    known = log.refunds.join(owners, on="customer_id", how="inner").group_by("group").agg(money)
    for place, amount in known.iter_rows():
        sums[place] -= amount
    place_of = {names: place for place, names in enumerate(found.groups)}
    unknown = log.refunds.join(owners, on="customer_id", how="anti").group_by(log.groups).agg(money)
    for *names, amount in unknown.iter_rows():
        place = place_of.get(tuple("(none)" if name is None else str(name) for name in names))
        if place is not None:
            sums[place] -= amount
    return total, sums


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


def _cac(frame: _Frame, group: _Group, lines: _Lines, values: Methods[Any], predicted: float | None) -> None:
    given = frame.given
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
    rate = given.margin if given.margin is not None else (None if frame.log.has_cost else 1.0)
    if group.chosen.any() and frame.log.has_amount:
        age, seen, _ = payback(frame.found, group.chosen, _days(frame.log.as_of), given.period, cac, rate)
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


def _days(day: date) -> int:
    return (day - type(day)(1970, 1, 1)).days
