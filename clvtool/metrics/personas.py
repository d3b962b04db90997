"""What the customers of each segment are like: how many, what they are worth, what they have more of than others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.customers import UNIT
from clvtool.metrics.groups import TOTAL
from clvtool.metrics.partition import NO_GROUP
from clvtool.metrics.standing import money
from clvtool.stats import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.standing import Standing

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FEWEST = 5
"""Customers of a segment that have a value, for it to be one of theirs."""
LEVEL = 0.95
FIGURES = {
    "customers": "customers in the segment",
    "customer_share": "share of all customers",
    "orders": "their orders",
    "revenue": "their net revenue",
    "revenue_share": "share of the net revenue of all customers",
    "margin": "their net revenue less costs",
    "margin_share": "share of the margin of all customers",
    "clv": "what they are expected to bring in",
    "clv_share": "share of what all customers are expected to bring in",
    "budget_share": "suggested share of a budget: in proportion to clv, nothing where that is below 0",
    "median_recency_days": "median of days since the last purchase",
    "median_orders": "median of orders per customer",
    "median_revenue": "median of net revenue per customer",
}


def personas(now: Standing, names: Sequence[str], places: NDArray[np.int64]) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return one row a segment, all customers first, and what the columns mean; empty segments have their row.

    The columns are FIGURES, and of weekday and each group column of the log the value that is over-represented most,
    with its lift. A share of a total that is not above 0 is null.
    """
    import numpy as np
    import polars as pl

    figures = _figures(now, places)
    every = pl.DataFrame(
        {"place": range(-1, len(names)), "segment": [TOTAL, *names]}, schema_overrides={"place": pl.Int64}
    )
    counts = pl.col("customers", "orders", *(name for name in ("revenue", "margin", "clv") if name in figures.columns))
    table = every.join(figures, on="place", how="left").sort("place").with_columns(counts.fill_null(0))
    shares = {"customers": "customer_share", "revenue": "revenue_share", "margin": "margin_share", "clv": "clv_share"}
    if "clv" in table.columns:
        hoped = np.maximum(table["clv"].to_numpy(), 0)
        whole = hoped[1:].sum()
        own = hoped / whole if whole else np.full(len(hoped), np.nan)
        own[0] = 1.0 if whole else np.nan
        table = table.with_columns(pl.Series("budget_share", own).fill_nan(None))
    for name, share in shares.items():
        if name in table.columns:
            own, whole = table[name].to_numpy(), table[name][0]
            # not in Polars, which multiplies by 1 ÷ whole: 6 of 10 would be 0.6000000000000001
            table = table.with_columns(pl.Series(share, own / whole if whole > 0 else [None] * len(own), pl.Float64))
            if name != "customers":
                table = table.with_columns(money(table[name].to_numpy()).alias(name))
    if "median_revenue" in table.columns:
        medians = [None if value is None else value / UNIT for value in table["median_revenue"]]
        table = table.with_columns(pl.Series("median_revenue", medians, dtype=pl.Float64))
    means = {name: meaning for name, meaning in FIGURES.items() if name in table.columns}
    table = table.select("segment", *means)
    looked_at = _labels(now)
    first = looked_at[0][0]
    for name, values, labels in looked_at:
        column = f"{name}_group" if name in table.columns else name
        told, lifts = _over_represented(places, labels, len(names), values)
        table = table.with_columns(
            pl.Series(column, [None, *told], dtype=pl.String),
            pl.Series(f"{column}_lift", [None, *lifts], dtype=pl.Float64),
        )
        means[column] = (
            "the value on the first order that is most over-represented in the segment: held by at least "
            f"{FEWEST} of its customers, and by more than chance gives at {LEVEL:.0%} for all values together"
            if name == first
            else f"likewise as {first}"
        )
        means[f"{column}_lift"] = f"share of the segment's customers with that {name} ÷ share of all customers with it"
    return table, means


def _figures(now: Standing, places: NDArray[np.int64]) -> pl.DataFrame:
    """Return the counts, sums (money in ten-thousandths) and medians per place; place -1 is everybody."""
    import polars as pl

    columns = {"place": places, "recency": now.recency, "count": now.orders}
    aggregates = {
        "customers": pl.len().cast(pl.Int64),
        "orders": pl.col("count").sum(),
        "median_recency_days": pl.col("recency").median(),
        "median_orders": pl.col("count").median(),
    }
    if now.log.has_amount:
        columns["money"] = now.revenue
        aggregates["revenue"] = pl.col("money").sum()
        aggregates["median_revenue"] = pl.col("money").median()
        if now.log.has_cost:
            columns["earned"] = now.revenue - now.found.total(now.found.cost)
            aggregates["margin"] = pl.col("earned").sum()
        if now.coming is not None:
            columns["coming"] = now.coming
            aggregates["clv"] = pl.col("coming").sum()
    table = pl.DataFrame(columns)
    whole = table.select(pl.lit(-1, pl.Int64).alias("place"), **aggregates)
    return pl.concat([whole, table.group_by("place").agg(**aggregates)])


def _labels(now: Standing) -> list[tuple[str, Sequence[str], NDArray[np.int64]]]:
    """Return name, values and each customer's value (its place among them) of weekday and of every group column."""
    import numpy as np

    groups = now.found.groups
    found: list[tuple[str, Sequence[str], NDArray[np.int64]]] = []
    for column, name in enumerate(now.log.groups):
        values, place = np.unique([own[column] for own in groups.names], return_inverse=True)
        found.append((name, values.tolist(), place[groups.customer]))
    monday = 3  # days are counted from 1970-01-01, a Thursday
    return [*found, ("weekday", WEEKDAYS, (now.found.first + monday) % 7)]


def _over_represented(
    places: NDArray[np.int64], labels: NDArray[np.int64], segments: int, values: Sequence[str]
) -> tuple[list[str | None], list[float | None]]:
    """Return for each segment the value with the highest lift among those that are surely over-represented, and it.

    Surely is: more customers than its share of all customers p gives by chance, n·p + z √(n·p·(1 - p)), which is where
    Wilson's interval of the share lies above p; z is for all values together (Bonferroni).
    """
    import numpy as np

    size = len(values)
    held = np.bincount(places * size + labels, minlength=segments * size).reshape(segments, size)
    share = held.sum(axis=0) / max(len(places), 1)
    z = normal_quantile(1 - (1 - LEVEL) / size)
    told: list[str | None] = []
    lifts: list[float | None] = []
    for own in held:
        n = int(own.sum())
        sure = (own >= FEWEST) & (own - n * share > z * np.sqrt(n * share * (1 - share)))
        sure &= np.array([value != NO_GROUP for value in values])
        lift = np.zeros(size)
        lift[sure] = own[sure] / n / share[sure]
        best = int(lift.argmax())  # of equal ones the first: the smallest text
        told.append(values[best] if sure.any() else None)
        lifts.append(float(lift[best]) if sure.any() else None)
    return told, lifts
