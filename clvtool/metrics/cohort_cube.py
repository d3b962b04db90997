"""Cohorts × ages: exact figures of what the customers of each period of first orders did at every age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.metrics.ages import rolling_age
from clvtool.metrics.cells import cells, sums

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.activity import Calendar
    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog


@dataclass(frozen=True, slots=True)
class Cube:
    """Exact figures by group × cohort × age; the total of all groups comes first. Money in ten-thousandths.

    `size` is group × cohort. `seen` and `complete` are cohort × age: the age has begun, and is over for everybody.
    `observed` are the customers that a cell is about: its cohort, or, in a cube over all periods, those of them who
    have been seen that long. `cumulative` and `earned` are their revenue and margin up to that age.
    """

    size: NDArray[np.int64]
    observed: NDArray[np.int64]
    active: NDArray[np.int64]
    orders: NDArray[np.int64]
    amount: NDArray[np.int64]
    margin: NDArray[np.int64] | None
    cumulative: NDArray[np.int64]
    earned: NDArray[np.int64] | None
    seen: NDArray[np.bool_]
    complete: NDArray[np.bool_]


def cube_of(
    log: OrderLog,
    found: Customers,
    cal: Calendar,
    known: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    *,
    rolling: bool,
    margin: float | None,
) -> Cube:
    """Return the figures of all cohorts; `known` are the `seen` and `complete` of the cube, for as many ages as wanted.

    Ages are counted by the calendar, or from each customer's own first day on. `margin` is a rate; None takes costs.
    """
    import numpy as np

    seen, complete = known
    count, ages = seen.shape
    groups = len(found.groups)
    own = cal.places(found.first).astype(np.int64)
    first = found.first[found.code]
    age = rolling_age(first, found.day, cal.unit) if rolling else cal.places(found.day) - own[found.code]
    done = cells(found, age)
    cohort = found.groups.customer * count + own
    inside = done.place < ages
    place = np.where(inside, cohort[done.customer] * ages + done.place, groups * count * ages)

    def added(values: NDArray[np.int64]) -> NDArray[np.int64]:
        parts = sums(place, values, groups * count * ages).reshape(groups, count, ages)
        return np.concatenate([parts.sum(axis=0, keepdims=True), parts]) if log.groups else parts

    size = np.bincount(cohort, minlength=groups * count).reshape(groups, count)
    amount, earned = added(done.amount), None
    if log.has_amount and margin is not None:
        earned = np.rint(amount * margin).astype(np.int64)
    elif log.has_amount and log.has_cost:
        earned = amount - added(done.cost)
    size = np.concatenate([size.sum(axis=0, keepdims=True), size]) if log.groups else size
    return Cube(
        size=size,
        observed=np.repeat(size[:, :, None], ages, axis=2),
        active=added((done.orders > 0).astype(np.int64)),
        orders=added(done.orders),
        amount=amount,
        margin=earned,
        cumulative=np.cumsum(amount, axis=-1),
        earned=None if earned is None else np.cumsum(earned, axis=-1),
        seen=seen,
        complete=complete,
    )


def over_periods(cube: Cube) -> Cube:
    """Return a cube whose cohorts are the groups of another one, over all its periods that are complete at an age."""
    import numpy as np

    def added(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray((values[1:] * cube.complete).sum(axis=1))[None]

    observed = added(cube.observed)
    return Cube(
        size=cube.size[1:].sum(axis=1)[None],
        observed=observed,
        active=added(cube.active),
        orders=added(cube.orders),
        amount=added(cube.amount),
        margin=None if cube.margin is None else added(cube.margin),
        cumulative=added(cube.cumulative),
        earned=None if cube.earned is None else added(cube.earned),
        seen=observed[0] > 0,
        complete=observed[0] > 0,
    )
