"""From columns of the orders to covariates of customers: levels, a reference, and rare values put together.

A customer's value is that of the first order, as groups have it. Values of fewer than 30 customers, and those beyond
the ten most frequent, are one level: "(other)". The reference is the most frequent level of which somebody bought
again, so that there is something to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError
from clvtool.metrics.orderlog import NO_GROUPS
from clvtool.models.covariate_fit import Cell
from clvtool.models.covariates import Column
from clvtool.models.registry import AUTO, WITH_COVARIATES, module

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.partition import Partition
    from clvtool.metrics.predictive import Histories
    from clvtool.models.by_cell import ByCell
    from clvtool.models.fitting import Fit
    from clvtool.models.purchases import PurchaseModel

OTHER = "(other)"
FEWEST = 30
"""Customers of a level of its own; below, its effect would mean nothing."""
MOST = 10
"""Levels of a column besides "(other)"; each has two effects."""


@dataclass(frozen=True, slots=True)
class Coded:
    """Customers in cells of equal covariates: the cell of each, and what the notes must say."""

    columns: tuple[Column, ...]
    cells: tuple[Cell, ...]
    cell: NDArray[np.int64]
    notes: tuple[str, ...]


def refuse_model(name: str) -> None:
    """Raise UsageError for a model that takes no covariates."""
    if name == AUTO:
        raise UsageError("--covariate needs a model by name", f"--model NAME, one of: {', '.join(WITH_COVARIATES)}")
    module(name)
    if name not in WITH_COVARIATES:
        raise UsageError(f"{name} takes no --covariate", f"models that do: {', '.join(WITH_COVARIATES)}")


def refuse_columns(names: Sequence[str]) -> None:
    """Raise UsageError for a column that cannot be a covariate."""
    for name in names:
        if name in NO_GROUPS:
            raise UsageError(f"--covariate {name} tells no customers apart", "name a column such as channel or country")


def refuse_other_columns(fit: Fit, names: Sequence[str]) -> None:
    """Raise UsageError for columns, if any, that are not those a fit was made with."""
    own = [column.name for column in fit.covariates]
    if names and set(names) != set(own):
        raise UsageError(
            f"--covariate {','.join(names)}: {fit.model} of the model file was fitted "
            + (f"with {','.join(own)}" if own else "without covariates"),
            "leave --covariate out: the file says which columns it needs",
        )


def coded(names: Sequence[str], groups: Partition, seen: Histories) -> Coded:
    """Return the covariates `names` of customers, whose values `groups` has; `seen` are their histories.

    Raises DataError for a column that has not two levels.
    """
    import numpy as np

    from clvtool.models.histories import Histories as Collapsed

    counts, back = (
        np.bincount(groups.customer, weights=weights, minlength=len(groups)).astype(np.int64)
        for weights in (None, seen.x > 0)
    )
    columns, places, notes = [], [], []
    for at, name in enumerate(names):
        of_group = [values[at] for values in groups.names]
        column, said = _column(name, _sums(of_group, counts), _sums(of_group, back))
        columns.append(column)
        notes += said
        spot = {level: place for place, level in enumerate(column.levels)}
        places.append([spot.get(value, spot.get(OTHER, -1)) for value in of_group])
    if groups.varying:
        notes.append(
            f"{groups.varying:,} customers have orders with different values of {', '.join(names)}: that of the first "
            "counts"
        )
    occupied = np.flatnonzero(counts)
    combinations = sorted({tuple(column[group] for column in places) for group in occupied.tolist()})
    number = {combination: place for place, combination in enumerate(combinations)}
    of_group_cell = np.array(
        [number.get(tuple(column[group] for column in places), -1) for group in range(len(groups))]
    )
    cell = of_group_cell[groups.customer]
    cells = []
    for place, combination in enumerate(combinations):
        some = cell == place
        cells.append(Cell(combination, Collapsed.from_arrays(seen.x[some], seen.t_x[some], seen.T[some])))
    return Coded(tuple(columns), tuple(cells), cell, tuple(notes))


def levels_of(columns: Sequence[Column], groups: Partition) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the levels of every group as a fit knows them, and what to say about values that it does not know.

    Raises DataError for a value that the fit does not know where it has no level "(other)".
    """
    import numpy as np

    counts = np.bincount(groups.customer, minlength=len(groups))
    known, unknown = [], dict.fromkeys((column.name for column in columns), 0)
    for values, customers in zip(groups.names, counts.tolist(), strict=True):
        levels = []
        for column, value in zip(columns, values, strict=True):
            if value not in column.levels:
                if customers and OTHER not in column.levels:
                    raise DataError(
                        f"{column.name} has a value that the model was not fitted to",
                        f"it knows: {', '.join(column.levels)}. Fit a model to these orders",
                    )
                unknown[column.name] += customers
            levels.append(value if value in column.levels else OTHER if OTHER in column.levels else column.levels[0])
        known.append(tuple(levels))
    return known, [
        f"{customers:,} customers have a value of {name} that is {OTHER} to the model"
        for name, customers in unknown.items()
        if customers
    ]


def _sums(values: Sequence[str], counts: NDArray[np.int64]) -> dict[str, int]:
    """Return how many customers have each value."""
    total: dict[str, int] = {}
    for value, count in zip(values, counts.tolist(), strict=True):
        total[value] = total.get(value, 0) + count
    return total


def _column(name: str, customers: dict[str, int], back: dict[str, int]) -> tuple[Column, list[str]]:
    """Return a column with its levels, and sentences about what was put together and what nobody did."""
    found = {value: count for value, count in customers.items() if count}
    if len(found) < 2:
        raise DataError(f"{name} is the same for all customers: it can have no effect", "leave it out of --covariate")
    order = sorted(found, key=lambda value: (-found[value], value))
    kept = [value for value in order if found[value] >= FEWEST and value != OTHER][:MOST]
    rest = [value for value in order if value not in kept]
    if not kept:
        raise DataError(
            f"{name} has {len(found):,} values and none of them has {FEWEST} customers",
            "put values into fewer groups in the file, such as years into decades",
        )
    notes = []
    levels = kept + [OTHER] * bool(rest)
    count = {value: found[value] for value in kept} | {OTHER: sum(found[value] for value in rest)}
    again = {value: back[value] for value in kept} | {OTHER: sum(back[value] for value in rest)}
    reference = next((level for level in levels if again[level]), levels[0])
    if rest:
        were = "1 value" if len(rest) == 1 else f"{len(rest):,} values"
        notes.append(
            f"{name}: {OTHER} is {were} of {count[OTHER]:,} customers together, each of fewer than {FEWEST} or not "
            f"among the {MOST} most frequent"
        )
    notes += [
        f"none of the {count[level]:,} customers of {name}={level} bought again: whether they left or buy more rarely, "
        "the data do not say"
        for level in levels
        if not again[level]
    ]
    return Column(name, (reference, *(level for level in levels if level != reference))), notes


def fit_with(names: Sequence[str], model: str, groups: Partition, seen: Histories) -> tuple[Fit, tuple[str, ...]]:
    """Return the model fitted with the covariates `names`, and what the notes must say of them."""
    from clvtool.metrics.choice import fit_model
    from clvtool.models.covariate_fit import fit_covariates

    refuse_model(model)
    cells = coded(names, groups, seen)
    plain = fit_model(model, seen, has_amount=False)
    return fit_covariates(model, cells.columns, cells.cells, plain), cells.notes


def predicting(fit: Fit, groups: Partition) -> tuple[PurchaseModel | ByCell, list[str]]:
    """Return what predicts the customers of these groups from a fit, with or without covariates, and notes.

    Raises DataError for a value that the fit does not know.
    """
    from clvtool.models.by_cell import ByCell
    from clvtool.models.registry import fitted

    if not fit.covariates:
        return fitted(fit), []
    cells, notes = levels_of(fit.covariates, groups)
    return ByCell.of(fit, cells, groups.customer), notes
