"""What has to be said about a run of `compute` beside its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.predictive import new_customers
from clvtool.periods import DAYS

if TYPE_CHECKING:
    from clvtool.metrics.activity import Calendar, Window
    from clvtool.metrics.customers import Customers
    from clvtool.metrics.figures import Figures
    from clvtool.metrics.groups import Group, Run
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.stats import Moments

APART = 0.25


def of_the_run(run: Run, total: Moments) -> list[str]:
    """Return remarks on guests, refunds, the window, completeness, truncation, margin and groups."""
    return [
        *_left_out(run.log, run.found),
        *of_time(run.window, run.cal, total.sums["lost"], total.sums["returned"]),
        *_truncation(run),
        *_money(run),
        *_alike(run),
        *of_groups(run.log, run.found),
    ]


def of_the_group(run: Run, group: Group) -> list[str]:
    """Return remarks on the lifespan, on the fits of method 4, and on why figures are empty."""
    found, new = group.figures, group.new
    fits = [f"clv_predictive is empty: {new}"] if isinstance(new, str) else list(new.notes)
    if not run.log.has_amount:
        fits = ["there is no column with money: figures in money are empty"]
    return [*_lifespan(run, found), *_no_rates(run, group), *_no_money(run, group), *fits]


def of_nobody(log: OrderLog, found: Customers) -> list[str]:
    """Say which orders and refunds a table of customers leaves out, as they belong to none."""
    remarks = []
    without = int(found.outside["is_order"].sum())
    if without:
        remarks.append(f"{without:,} of {log.orders:,} orders ({without / log.orders:.1%}) have no customer: left out")
    if found.refund_only or found.early_refunds:
        remarks.append(
            f"customers with refunds but no order: {found.refund_only:,}; refunds before their customer's first order: "
            f"{found.early_refunds:,}: left out"
        )
    return remarks


def _alike(run: Run) -> list[str]:
    """Say once that methods that are equal by construction are no independent witnesses."""
    if run.given.lifespan != "churn" or not run.log.has_amount:
        return []
    return [
        (
            "clv_revenue_based and clv_comprehensive are the same figure while lifespan is 1 ÷ net churn, and "
            "clv_average_lifespan is that figure before margin; --lifespan observed sets them apart"
        )
    ]


def _left_out(log: OrderLog, found: Customers) -> list[str]:
    remarks = []
    all_orders = log.orders
    without = int(found.outside["is_order"].sum())
    if without:
        remarks.append(
            f"{without:,} of {all_orders:,} orders ({without / all_orders:.1%}) have no customer: they count in "
            "orders, revenue, refunds and aov only"
        )
    if found.refund_only:
        remarks.append(
            f"customers with refunds but no order: {found.refund_only:,}; they are no customers here, and their "
            "refunds count in revenue, refunds and aov only"
        )
    if found.early_refunds:
        remarks.append(
            f"refunds dated before their customer's first order: {found.early_refunds:,}; they count in revenue, "
            "refunds and aov only"
        )
    return remarks


def of_time(window: Window, cal: Calendar, lost: float, returned: float) -> list[str]:
    """Say how long a customer is active after a purchase, who came back, and which periods are complete."""
    length = f"the {cal.unit} itself" if window.days is None else f"{window.days} days"
    back = f"; {returned / lost:.1%} of the lost came back" if lost else ""
    remarks = [f"active window: {length} ({window.source}){back}"]
    partial = [period.label for place, period in enumerate(cal.periods) if place not in cal.whole]
    if partial:
        whole = "none"
        if cal.whole:
            whole = f"{cal.periods[cal.whole.start].label} to {cal.periods[cal.whole[-1]].label}"
        remarks.append(f"complete {cal.unit}s: {whole}; not complete, so in no rate: {', '.join(partial)}")
    return remarks


def _truncation(run: Run) -> list[str]:
    if run.given.log_from_start:
        return []
    found, groups, days = run.found, run.found.groups, run.window_days
    old = int((found.first < run.first_day + days).sum())
    alone = groups.customer * 0
    new = new_customers(found, run.first_day, days, alone, log_from_start=False)
    fate = "all are kept in method 4, for too few others remain" if new.all() else "method 4 is fitted without them"
    if run.log.groups:
        new = new_customers(found, run.first_day, days, groups.customer, log_from_start=False)
        all_in = [", ".join(name) for place, name in enumerate(groups.names) if new[groups.customer == place].all()]
        if fate.startswith("method") and all_in:
            fate += f", but where too few others remain: {'; '.join(all_in)}"
    seen = f"{old:,} customers were first seen in the first {days} days of the log and may be older"
    return [f"{seen}; {fate} (--log-from-start says that the log begins with the shop)"]


def _money(run: Run) -> list[str]:
    log = run.log
    if run.given.margin is not None or not log.has_amount:
        return []
    if not log.has_cost:
        return ["no cost column and no --margin: all values are revenue, not profit"]
    if not log.costless:
        return []
    return [f"{log.costless:,} of {log.orders:,} orders have no cost; it counts as 0, so margins are too high"]


def left_out(log: OrderLog, found: Customers) -> list[str]:
    """Say which events belong to no customer."""
    without = int(found.outside["is_order"].sum())
    said = [f"{without:,} of {log.orders:,} orders have no customer and are left out"] if without else []
    if log.costless and log.has_cost:
        said.append(f"{log.costless:,} of {log.orders:,} orders have no cost: it counts as 0")
    return said


def beyond_the_log(log: OrderLog, days: float, ahead: str) -> list[str]:
    """Say that something `ahead`, of so many days, is further than the log goes back."""
    if days <= log.days:
        return []
    return [
        f"{ahead} is longer than the log ({log.days:,} days): extrapolated, as nothing in it tells who stays that long"
    ]


def of_groups(log: OrderLog, found: Customers) -> list[str]:
    """Say how many customers have orders of different groups."""
    varying = found.groups.varying
    if not varying:
        return []
    names = ", ".join(log.groups)
    return [f"customers with orders of different {names}: {varying:,}; each is counted where the first order was"]


def _lifespan(run: Run, found: Figures) -> list[str]:
    lifespan, observed, unit = found.lifespan, found.observed, run.given.period
    if lifespan is None:
        return []
    length = run.log.days / DAYS[unit]
    remarks = []
    if lifespan.value > length:
        remarks.append(f"lifespan of {lifespan.value:.1f} {unit}s is longer than the log ({length:.1f}): extrapolated")
    if observed is not None and abs(lifespan.value / observed.value - 1) > APART:
        remarks.append(
            f"lifespan by churn ({lifespan.value:.1f} {unit}s) and observed ({observed.value:.1f}) differ by more than "
            "25 %: churn is not constant over a customer's life"
        )
    return remarks


def _no_rates(run: Run, group: Group) -> list[str]:
    """Return why rates per period, lifespan and methods 1 to 3 are empty."""
    found, unit, which = group.figures, run.given.period, run.given.lifespan
    emptied = {"churn": "methods 1 to 3", "observed": "method 2"}.get(which, "method 2")
    remarks = []
    if not run.cal.whole:
        remarks.append(f"no complete {unit}: rates, lifespan and methods 1 to 3 are empty (try a shorter --period)")
    elif found.frequency is None:
        remarks.append(f"no customer in a complete {unit}: rates, lifespan and methods 1 to 3 are empty")
    elif found.net_churn is None:
        remarks.append(f"nobody was active at the start of a complete {unit}: churn, lifespan and {emptied} are empty")
    elif found.lifespan is None:
        settled = " (--lifespan observed or a number settles methods 1 and 3)" if which == "churn" else ""
        remarks.append(
            f"net churn is {found.net_churn.value:.4f}: at least as many came back as left, so lifespan and {emptied} "
            f"are empty{settled}"
        )
    if found.observed is None and group.moments.n:
        also = ", and methods 1 and 3" if which == "observed" and found.frequency is not None else ""
        remarks.append(f"nobody is gone at {run.log.as_of}: observed_lifespan is empty{also}")
    return remarks


def _no_money(run: Run, group: Group) -> list[str]:
    """Return why figures in money are empty beyond method 4."""
    if not run.log.has_amount:
        return []
    remarks = []
    found, m = group.figures, group.moments
    if not group.shop.sums["orders"]:
        remarks.append("there are no orders, only refunds: aov is empty")
    if found.frequency is not None and found.aov is None:
        remarks.append(f"no orders in a complete {run.given.period}: methods 1 to 3 are empty")
    if found.margin is None:
        remarks.append("there is no revenue to take a margin of: margin_rate and methods 2 to 4 are empty")
    if m.n and m.sums["revenue"] <= 0:
        remarks.append("customers' net revenue is not above 0: top20_revenue_share is empty")
    return remarks
