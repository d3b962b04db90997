"""The customer balance in few words: rates over all periods, their trend and spread, and why rates are empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvtool.metrics.moments import group_moments
from clvtool.stats import trend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from clvtool.metrics.balance_table import BalanceRun
    from clvtool.stats import Estimate, Moments

MOST_NAMED = 6


def summary(
    run: BalanceRun, names: Sequence[tuple[str, ...]], table: pl.DataFrame
) -> tuple[list[tuple[tuple[str, ...], dict[str, Any]]], list[str]]:
    """Return per group the pooled rates, trend and spread, and the same in words."""
    size = len(run.cal.periods)
    found, said = list[tuple[tuple[str, ...], dict[str, Any]]](), list[str]()
    for place, (name, pooled) in enumerate(zip(names, _rates_of_all(run), strict=True)):
        rows = table.slice(place * size, size)
        told: dict[str, Any] = dict(pooled)
        prefix = f"{', '.join(name)}: " if place else ""
        known = rows.with_row_index("place").filter(rows["retention_rate"].is_not_null())
        rates, unit = known["retention_rate"].to_list(), run.cal.unit
        line = trend(known["place"].to_list(), rates, run.level)
        told["direction"] = None if line is None else line.direction
        told |= {f"trend_{part}": None if line is None else getattr(line, part) for part in ("slope", "low", "high")}
        told["deviation"] = None if line is None else line.deviation
        found.append((name, told))
        words = [_in_words(pooled, unit)]
        if line is not None:
            low, high = min(rates), max(rates)
            labels = dict(zip(rates[::-1], known["period"].to_list()[::-1], strict=True))
            words.append(
                f"trend: {line.direction}, {line.slope * 100:+.2f} points a {unit} "
                f"({line.low * 100:+.2f} to {line.high * 100:+.2f}); spread: {low:.1%} ({labels[low]}) to {high:.1%} "
                f"({labels[high]}), standard deviation {line.deviation * 100:.1f} points over {line.n} {unit}s"
            )
        elif known.height:
            words.append(f"a trend needs three {unit}s with a rate, there are {known.height}")
        words += [text for text in _empty(rows, unit) if text not in said]  # what holds of all is said once
        said += [prefix + text for text in words]
    return found, said


def _rates_of_all(run: BalanceRun) -> list[dict[str, float | None]]:
    """Return the rates of the total and of every group over all complete periods, those of warm-up among them."""
    import numpy as np

    flows, parts = run.flows, run.found.groups
    columns = {"start": flows.start, "lost": flows.lost}
    total = group_moments(columns | {"returned": flows.returned}, np.zeros(run.found.n, np.int64), 1)
    apart: list[Moments] = []
    if run.log.groups:
        apart = group_moments(columns | {"returned": flows.returned_in_group}, parts.customer, len(parts))
    return [_rates(moments, run.level) for moments in (*total, *apart)]


def _rates(m: Moments, level: float) -> dict[str, float | None]:
    if not m.sums["start"]:
        return dict.fromkeys(("retention_rate", "retention_low", "retention_high", "net_churn_rate", "lifespan"))
    kept: Estimate = 1.0 - m["lost"] / m["start"]
    net = (m["lost"] - m["returned"]) / m["start"]
    low, high = kept.rate_interval(level) or (None, None)
    return {
        "retention_rate": kept.value,
        "retention_low": low,
        "retention_high": high,
        "net_churn_rate": net.value,
        "lifespan": 1 / net.value if net.value > 0 else None,
    }


def _in_words(pooled: Mapping[str, float | None], unit: str) -> str:
    kept, net, lifespan = (pooled[name] for name in ("retention_rate", "net_churn_rate", "lifespan"))
    low, high = pooled["retention_low"], pooled["retention_high"]
    if kept is None or net is None:
        return f"nobody was active at the start of a complete {unit}: there is no rate over all {unit}s"
    bounds = "" if low is None or high is None else f" ({low:.1%} to {high:.1%})"
    lasts = f"lifespan {lifespan:.1f} {unit}s" if lifespan is not None else "lifespan is not defined"
    return f"over all complete {unit}s: retention {kept:.1%}{bounds}, net churn {net:.1%}, {lasts}"


def _empty(rows: pl.DataFrame, unit: str) -> list[str]:
    """Return why rates are empty, beyond incomplete periods."""
    import polars as pl

    counted = rows.filter("complete")
    warm = counted.filter("warm_up")["period"].to_list()
    nobody = counted.filter(~pl.col("warm_up") & (pl.col("start") == 0))["period"].to_list()
    endless = counted.filter(pl.col("net_churn_rate") <= 0)["period"].to_list()
    said = []
    if warm:
        said.append(f"warm-up: the log is too young for rates of customers in {_named(warm)}")
    if nobody:
        said.append(f"nobody was active at the start of {_named(nobody)}: no rates")
    if endless:
        said.append(f"as many came back as left, or more, in {_named(endless)}: no lifespan for {unit}s like these")
    return said


def _named(labels: Sequence[str]) -> str:
    rest = len(labels) - MOST_NAMED
    return ", ".join(labels[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
