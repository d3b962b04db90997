"""What the customers of each cohort cost to win, when they have paid it back, and how much more they are worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError
from clvtool.metrics.cells import sums
from clvtool.metrics.coming import expected_values
from clvtool.metrics.customers import UNIT
from clvtool.metrics.standing import money
from clvtool.metrics.valuation import Valuation
from clvtool.periods import Duration, day_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.activity import Calendar
    from clvtool.metrics.cohort_cube import Cube
    from clvtool.metrics.cohort_tables import Shape
    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog

MEANINGS = {
    "spend": "acquisition spend dated in the {period} of the cohort, for the group of the row",
    "cac": "cost of acquiring a customer: spend ÷ customers of the cohort",
    "payback_age": "first age in {period}s at which cumulative margin per customer reaches cac; empty: not yet",
    "clv": (
        "margin per customer so far, plus what the model expects within {horizon} (BG/NBD × Gamma-Gamma, discounted)"
    ),
    "clv_cac_ratio": "clv ÷ cac; 3 is a common reference",
}
COLUMNS = tuple(MEANINGS)
MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Spend:
    """What was spent on winning customers: `table` has `day spend` (days since 1970-01-01, ten-thousandths).

    Its other columns are texts that say whom it was spent on. Horizon and discount say how far the value of customers
    is looked ahead.
    """

    table: pl.DataFrame
    horizon: Duration = field(default_factory=lambda: Duration(12, "month"))
    discount: float = 0.10


@dataclass(frozen=True, slots=True)
class Worth:
    """What each customer is worth, margin so far and to come; `each` is None where no model can be fitted."""

    each: NDArray[np.float64] | None
    notes: tuple[str, ...]


def worth(log: OrderLog, found: Customers, spend: Spend, margin: float | None) -> Worth:
    """Return what the customers are worth; with it, why that is not known or what it is made of.

    Raises DataError where there is no money.
    """
    if not log.has_amount:
        raise DataError("--spend asks what customers bring in, and there is no column with money", "leave it out")
    valuation = Valuation(horizon=spend.horizon, discount=spend.discount, margin=margin)
    coming, notes = expected_values(found, log, valuation)
    if coming is None:
        return Worth(None, tuple(notes))
    so_far = found.total(found.amount - found.cost if margin is None else found.amount) / UNIT
    return Worth(so_far * (1.0 if margin is None else margin) + coming, tuple(notes))


def acquisition(
    by_period: Cube,
    cube: Cube,
    shape: Shape,
    cal: Calendar,
    found: Customers,
    spend: Spend,
    value: Worth,
    by: Sequence[str],
    cohort_by: str | None,
) -> tuple[pl.DataFrame, list[str]]:
    """Return one row a group and cohort: its columns, `cohort size`, those of COLUMNS; and remarks.

    Where cohorts are no periods, spend and customers are those of the periods that the log covers whole.
    """
    import numpy as np
    import polars as pl

    wanted = [cohort_by] if cohort_by is not None else list(by)
    if cohort_by is not None and cohort_by not in spend.table.columns:
        raise DataError(f"--spend has no column {cohort_by!r}", "without it, nobody knows whom the money was spent on")
    spent, told, remarks = _spent(spend, wanted, found.groups.names if wanted else (), cal)
    acquired = by_period.size
    place, group = cal.places(found.first).astype(np.int64), found.groups.customer
    if cohort_by is not None:
        whole = np.isin(np.arange(len(cal.periods)), cal.whole)
        spent, acquired = ((values[1:] * whole).sum(axis=1)[None] for values in (spent, acquired))
        told = np.asarray((told[1:] & whole).any(axis=1))[None]
        place, group = np.where(whole[place], group, acquired.size), np.zeros(found.n, np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        cac = np.where(told & (acquired > 0), spent / UNIT / acquired, np.nan)
        each = _mean_value(value, place, group, acquired, has_total=bool(wanted) and cohort_by is None)
        ratio = np.where(cac > 0, each / cac, np.nan)
        earned = cube.cumulative if cube.earned is None else cube.earned
        so_far = np.where(cube.seen & (cube.observed > 0), earned / UNIT / cube.observed, -np.inf)
    reached = so_far >= cac[:, :, None]  # no comparison with NaN holds
    age = np.where(reached.any(axis=2), reached.argmax(axis=2), -1)
    columns: dict[str, Any] = shape.columns(len(shape.cohorts))
    columns |= {"cohort": list(shape.cohorts) * len(shape.names), "size": cube.size.ravel()}
    columns["spend"] = pl.select(pl.when(pl.Series(told.ravel())).then(money(spent.ravel()))).to_series()
    columns["cac"] = pl.Series(cac.ravel()).fill_nan(None)
    columns["payback_age"] = pl.select(pl.when(pl.Series(age.ravel() >= 0)).then(pl.Series(age.ravel()))).to_series()
    columns["clv"] = pl.Series(each.ravel()).fill_nan(None)
    columns["clv_cac_ratio"] = pl.Series(ratio.ravel()).fill_nan(None)
    if cube.earned is None:
        remarks.append("neither costs nor --margin are known: payback and clv are of revenue, not of profit")
    return pl.DataFrame(columns), [*remarks, *value.notes]


def _mean_value(
    value: Worth,
    place: NDArray[np.int64],
    group: NDArray[np.int64],
    acquired: NDArray[np.int64],
    *,
    has_total: bool,
) -> NDArray[np.float64]:
    """Return the mean value of the customers of each group and cohort, NaN where it is not known."""
    import numpy as np

    if value.each is None:
        return np.full(acquired.shape, np.nan)
    groups, count = acquired.shape[0] - has_total, acquired.shape[1]
    inside = place < count
    flat = (group * count + place)[inside]
    total = np.bincount(flat, weights=value.each[inside], minlength=groups * count).reshape(groups, count)
    if has_total:
        total = np.concatenate([total.sum(axis=0, keepdims=True), total])
    return np.asarray(np.where(acquired > 0, total / acquired, np.nan))


def _spent(
    spend: Spend, groups: Sequence[str], names: Sequence[tuple[str, ...]], cal: Calendar
) -> tuple[NDArray[np.int64], NDArray[np.bool_], list[str]]:
    """Return the money by group (the total first) and period, whether anything is told of it, and remarks."""
    import numpy as np
    import polars as pl

    table, count = spend.table, len(cal.periods)
    first, last = day_number(cal.periods[0].first), day_number(cal.periods[-1].last)
    inside = table.filter(pl.col("day").is_between(first, last))
    remarks = []
    if inside.height < table.height:
        outside = (int(table["spend"].sum()) - int(inside["spend"].sum())) / UNIT
        remarks.append(f"spend of {outside:,.2f} is dated outside of the periods of the log, and does not count")
    period = cal.places(inside["day"].to_numpy()).astype(np.int64)
    row = np.zeros(inside.height, np.int64)
    lacking = [name for name in groups if name not in table.columns]
    if lacking:
        remarks.append(f"the spend has no column {lacking[0]!r}: groups have no cac")
    size = 1 + len(names)
    spent, told = np.zeros((size, count), np.int64), np.zeros((size, count), bool)
    amount = inside["spend"].to_numpy().astype(np.int64)
    spent[0] = sums(period, amount, count)
    told[0, period] = True
    if groups and not lacking:
        places = {name: number for number, name in enumerate(names, start=1)}
        keys = list(inside.select(groups).iter_rows())
        row = np.array([places.get(key, 0) for key in keys], np.int64)
        known = row > 0
        spent += sums(row[known] * count + period[known], amount[known], size * count).reshape(size, count)
        told[row[known], period[known]] = True
        unknown = sorted({", ".join(map(str, key)) for key in keys if key not in places})
        if unknown:
            rest = len(unknown) - MOST_NAMED
            named = ", ".join(unknown[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
            remarks.append(f"no customer was first seen with {named}: that spend is in the total alone")
    return spent, told, remarks
