"""What a purchase model needs to know about customers: (x, t_x, T), collapsed and in one canonical order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clvtool.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

_LONGEST_TABLE = 1 << 22  # a lookup table beyond four million entries costs more than the sort it replaces


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """The purchase histories of all customers, equal ones counted once.

    Four int64 arrays of one length, one entry per distinct history, sorted by (x, t_x, T):

    - `x`: repeat purchases, that is purchase days after the first,
    - `t_x`: days from the first purchase to the last (0 where x is 0),
    - `T`: days from the first purchase to the as-of date,
    - `count`: customers who share this history (≥ 1).

    A fit reads nothing else, so neither the order of the rows nor the names of the customers can change a bit of it.
    """

    x: Ints
    t_x: Ints
    T: Ints
    count: Ints

    @classmethod
    def from_arrays(cls, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Self:
        """Collapse one entry per customer (three arrays of one length; counts, days, days) to distinct histories.

        Raises DataError when a value is no whole number, a time runs backwards (t_x > T), or a count is negative.
        """
        columns = [whole(x, "x"), whole(t_x, "t_x"), whole(T, "T")]
        if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
            shapes = ", ".join(str(column.shape) for column in columns)
            raise DataError(f"x, t_x and T must be columns of one length, not {shapes}")
        _check(*columns)
        rows, count = _collapse(*columns)
        return cls(*rows, count)

    @property
    def n_customers(self) -> int:
        """Return the number of customers."""
        return int(self.count.sum())

    def every(self, step: int) -> Self:
        """Return every so-manyth distinct history, with its count: a small likeness of the whole."""
        return type(self)(self.x[::step], self.t_x[::step], self.T[::step], self.count[::step])


def together(some: Sequence[Histories]) -> Histories:
    """Return the histories of several groups of customers as those of one."""
    x, t_x, T = (
        np.concatenate([np.repeat(getattr(one, name), one.count) for one in some]) for name in ("x", "t_x", "T")
    )
    return Histories.from_arrays(x, t_x, T)


def whole(values: ArrayLike, name: str) -> Ints:
    """Return the values as int64, refusing fractions and missing values."""
    array = np.asarray(values)
    if array.dtype.kind in "iub" or array.size == 0:
        return array.astype(np.int64, copy=False)
    if array.dtype.kind == "f" and bool(np.isfinite(array).all()) and bool((array == np.rint(array)).all()):
        return array.astype(np.int64)
    raise DataError(f"{name} must hold whole numbers", hint="times are counted in days, never in rounded weeks")


def _check(x: Ints, t_x: Ints, T: Ints) -> None:
    """Refuse histories that cannot have happened."""
    for wrong, what in (
        (x < 0, "a negative number of repeat purchases"),
        (t_x < 0, "a last purchase before the first"),
        (t_x > T, "a last purchase after the as-of date"),
        ((x == 0) != (t_x == 0), "repeat purchases without time between first and last, or time without any"),
    ):
        bad = int(np.count_nonzero(wrong))
        if bad:
            raise DataError(
                f"{bad} of {x.size} purchase histories have {what}",
                hint="x counts purchase days after the first; t_x and T are days since the first purchase",
            )


def _collapse(x: Ints, t_x: Ints, T: Ints) -> tuple[tuple[Ints, Ints, Ints], Ints]:
    """Return the distinct rows in their order by (x, t_x, T), and how often each occurs."""
    if x.size == 0:
        return (x, t_x, T), x
    days = int(T.max()) + 1
    if (int(x.max()) + 1) * days * days >= 2**62:
        order = np.lexsort((T, t_x, x))
        x, t_x, T = x[order], t_x[order], T[order]
        new = (np.diff(x) != 0) | (np.diff(t_x) != 0) | (np.diff(T) != 0)
        starts = np.flatnonzero(np.concatenate(([True], new)))
        return (x[starts], t_x[starts], T[starts]), np.diff(starts, append=x.size)
    key = np.sort((x * days + t_x) * days + T)
    starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    rest, last = np.divmod(key[starts], days)
    first, middle = np.divmod(rest, days)
    return (first, middle, last), np.diff(starts, append=key.size)


def distinct(values: Floats, per_unit: float) -> tuple[Floats, NDArray[np.intp]]:
    """Return the sorted distinct values and, for each value, its place among them.

    Values that are whole multiples of 1/per_unit (days in weeks: 7) need no sorting: they are found in a table.
    """
    steps = np.rint(values * per_unit)
    if steps.size and steps.min() >= 0 and steps.max() < _LONGEST_TABLE and bool((steps / per_unit == values).all()):
        codes = steps.astype(np.intp)
        used = np.flatnonzero(np.bincount(codes))
        place = np.zeros(int(used[-1]) + 1, np.intp)
        place[used] = np.arange(used.size)
        return used / per_unit, place[codes]
    found, codes = np.unique(values, return_inverse=True)
    return found, codes.reshape(values.shape)
