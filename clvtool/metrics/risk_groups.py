"""How many customers are at which risk, and how much money: all together, and per group of customers."""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, Any

from clvtool.metrics.groups import TOTAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.partition import Partition

FIGURES = {
    "customers": "customers at this risk",
    "customer_share": "share of the customers of the group",
    "expected_churn": "customers of these who are expected to buy nothing: the sum of their p_churn",
    "late_share": "share of these who are late for their usual gap",
    "value_at_risk": "sum of the value_at_risk of these (see the table of customers)",
    "value_at_risk_share": "share of the value at risk of the group",
}

LESS = ("late_share", "expected_churn", "value_at_risk_share")
"""Columns that a terminal may leave out, the last one first."""


def risk_groups(
    table: pl.DataFrame,
    risk: NDArray[np.int64],
    names: Sequence[str],
    groups: Partition,
    labels: Sequence[str],
    meaning: str,
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return one row a band of risk, all of them first, then the highest; the group columns before, the total first.

    `table` has `p_churn days_late value_at_risk` of each customer, `risk` the place of the band among `names`. Also
    returned is what the columns mean. Shares of nothing are null.
    """
    import numpy as np
    import polars as pl

    columns = {name: table[name].to_numpy() for name in ("p_churn", "value_at_risk", "days_late")}
    whole = [(TOTAL,) * len(labels)]
    parts = [np.arange(len(risk))]
    if labels:
        whole += groups.names
        order = np.argsort(groups.customer, kind="stable")
        parts += np.split(order, np.cumsum(np.bincount(groups.customer, minlength=len(groups)))[:-1])
    rows: list[dict[str, Any]] = []
    for name, members in zip(whole, parts, strict=True):
        if not len(members) and labels:
            continue  # a group of guests alone
        every = _figures(columns, members)
        for place in range(len(names), -1, -1):
            one = every if place == len(names) else _figures(columns, members[risk[members] == place])
            rows.append(
                dict(zip(labels, name, strict=True))
                | {"risk": TOTAL if place == len(names) else names[place]}
                | one
                | {
                    "customer_share": _share(one["customers"], every["customers"]),
                    "value_at_risk_share": _share(one["value_at_risk"], every["value_at_risk"]),
                }
            )
    types = dict.fromkeys(FIGURES, pl.Float64()) | {"customers": pl.Int64()}
    heads = {label: f"{label}_group" if label in {"risk", *FIGURES} else label for label in labels}
    schema = dict.fromkeys([*labels, "risk"], pl.String()) | types
    shown = pl.DataFrame(rows, schema=schema).rename(heads)
    return shown, {"risk": meaning} | FIGURES


def sums_on_screen(table: pl.DataFrame) -> list[str]:
    """Return the columns in the order of use: those that do not fit on a terminal are left out."""
    return [*(name for name in table.columns if name not in LESS), *LESS]


def _figures(columns: dict[str, NDArray[np.float64]], members: NDArray[np.int64]) -> dict[str, Any]:
    """Return the sums over some customers; added up exactly, so that their order is no matter."""
    import numpy as np

    late, value = columns["days_late"][members], columns["value_at_risk"][members]
    return {
        "customers": len(members),
        "expected_churn": fsum(columns["p_churn"][members].tolist()),
        "late_share": None if not len(members) or np.isnan(late).any() else int((late > 0).sum()) / len(members),
        "value_at_risk": None if np.isnan(value).any() else fsum(value.tolist()),
    }


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None
