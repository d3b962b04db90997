"""What has to be said about a run of `compute` beside its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.predictive import new_customers
from clvtool.periods import DAYS

if TYPE_CHECKING:
    from clvtool.metrics.activity import Calendar, Window
    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.metrics.valuation import Valuation
    from clvtool.stats import Moments

APART = 0.25


def of_the_run(
    log: OrderLog, found: Customers, cal: Calendar, window: Window, total: Moments, given: Valuation
) -> list[str]:
    """Return remarks on guests, refunds, the window, completeness, lifespan, truncation, margin and groups."""
    return [
        *_left_out(log, found),
        *_time(cal, window, total),
        *_lifespan(log, window, total, given),
        *_truncation(log, found, window, given),
        *_money(log, given),
        *_grouping(log, found),
    ]


def _left_out(log: OrderLog, found: Customers) -> list[str]:
    remarks = []
    all_orders = int((log.events["kind"] == "order").sum())
    without = int(found.outside["is_order"].sum())
    if without:
        remarks.append(
            f"{without:,} of {all_orders:,} orders ({without / all_orders:.1%}) have no customer: they count in "
            "orders, revenue, refunds and aov only"
        )
    if found.refund_only:
        remarks.append(f"{found.refund_only:,} customers have refunds but no order; they are no customers here")
    if found.early_refunds:
        remarks.append(
            f"{found.early_refunds:,} refunds are dated before their customer's first order; they count in revenue only"
        )
    return remarks


def _time(cal: Calendar, window: Window, total: Moments) -> list[str]:
    remarks = []
    length = f"the {cal.unit} itself" if window.days is None else f"{window.days} days"
    back = f"; {total.sums['returned'] / total.sums['lost']:.1%} of the lost came back" if total.sums["lost"] else ""
    remarks.append(f"active window: {length} ({window.source}){back}")
    periods = cal.periods
    partial = [period.label for place, period in enumerate(periods) if place not in cal.whole]
    if partial:
        whole = f"{periods[cal.whole.start].label} to {periods[cal.whole.stop - 1].label}" if cal.whole else "none"
        remarks.append(f"complete {cal.unit}s: {whole}; not complete, so in no rate: {', '.join(partial[:4])}")
    return remarks


def _lifespan(log: OrderLog, window: Window, total: Moments, given: Valuation) -> list[str]:
    sums = total.sums
    net = (sums["lost"] - sums["returned"]) / sums["start"] if sums["start"] else 0.0
    if net <= 0:
        return []
    unit, lifespan = given.period, 1 / net
    length = ((log.as_of - log.first_day).days + 1) / DAYS[unit]
    remarks = []
    if lifespan > length:
        remarks.append(f"lifespan of {lifespan:.1f} {unit}s is longer than the log ({length:.1f}): extrapolated")
    if sums["gone"]:
        observed = (int(window.mean_days(unit)) + sums["beyond"] / sums["gone"]) / DAYS[unit]
        if abs(lifespan / observed - 1) > APART:
            remarks.append(
                f"lifespan by churn ({lifespan:.1f} {unit}s) and observed ({observed:.1f}) differ by more than 25 %: "
                "churn is not constant over a customer's life"
            )
    return remarks


def _truncation(log: OrderLog, found: Customers, window: Window, given: Valuation) -> list[str]:
    if given.log_from_start:
        return []
    first_day = (log.first_day - type(log.first_day)(1970, 1, 1)).days
    days = window.mean_days(given.period)
    old = int((found.first < first_day + days).sum())
    used = new_customers(found, first_day, days, log_from_start=False)
    fate = "all are kept in method 4, for too few others remain" if used.all() else "method 4 is fitted without them"
    return [
        (
            f"{old:,} customers were first seen in the first {days:.0f} days of the log and may be older; {fate} "
            "(--log-from-start says that the log begins with the shop)"
        )
    ]


def _money(log: OrderLog, given: Valuation) -> list[str]:
    if given.margin is None and not log.has_cost and log.has_amount:
        return ["no cost column and no --margin: all values are revenue, not profit"]
    return []


def _grouping(log: OrderLog, found: Customers) -> list[str]:
    if not log.groups or not found.varying:
        return []
    names = ", ".join(log.groups)
    return [
        (f"{found.varying:,} customers have orders with different {names}; each is counted where the first order was")
    ]
