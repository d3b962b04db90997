"""Covariates that do not change, such as the channel of the first order: what they do to buying and to leaving.

Customers of equal covariates are a cell; within a cell a purchase model holds as it is. Between cells, two of its
coordinates move (see `scales`): the log of the mean purchase rate by γ'z (so α becomes α e^(−γ'z)), and that of mean
leaving by δ'z: the log odds of a/(a+b) with a + b as it was, or the log of s/β (so β becomes β e^(−δ'z)).
z is 1 for the level of each column that a customer has, and 0 else; the first level of a column is its reference.

So the likelihood is a sum over cells, and its derivatives are those of the plain model, moved and added up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.registry import module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvtool.models.fitting import Fit, Form
    from clvtool.models.histories import Floats

DIGITS = 4
"""Significant digits of a covariance of effects, in a fit as in its file."""
RATE, LEAVING = "rate: ", "leaving: "
"""How the names of effects begin; the column and the level follow."""
AT_RATE, AT_LEAVING = 0, 2
"""The coordinates that move: the mean rate of buying, and mean leaving."""


@dataclass(frozen=True, slots=True)
class Column:
    """A covariate: its name and its levels, the reference first."""

    name: str
    levels: tuple[str, ...]

    @property
    def effects(self) -> tuple[str, ...]:
        """Return the levels that have an effect, as text."""
        return tuple(f"{self.name}={level}" for level in self.levels[1:])


def effect_names(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the names of the effects among the parameters of a fit: on the rate, then on leaving."""
    return tuple(kind + effect for kind in (RATE, LEAVING) for column in columns for effect in column.effects)


def design(columns: Sequence[Column], places: Sequence[int]) -> Floats:
    """Return z of customers with these levels: 1 for each level they have, references left out."""
    rows = [np.eye(len(column.levels))[place, 1:] for column, place in zip(columns, places, strict=True)]
    return np.concatenate(rows) if rows else np.zeros(0)


def base_of(fit: Fit, size: int) -> Fit:
    """Return the fit of customers of all reference values: the first `size` parameters, without the effects."""
    names = list(fit.parameters)[:size]
    return replace(
        fit,
        parameters={name: fit.parameters[name] for name in names},
        std_errors={name: fit.std_errors[name] for name in names},
        covariance=fit.covariance[:size, :size],
        covariates=(),
    )


def with_effects(base: Fit, columns: tuple[Column, ...], effects: list[float], rows: list[list[float]]) -> Fit:
    """Return the fit with effects, whose covariances are rounded; one without variance is not determined."""
    names, size = effect_names(columns), len(base.parameters)
    covariance = np.zeros((size + len(names),) * 2)
    covariance[:size, :size] = base.covariance
    for place, row in enumerate(rows, start=size):
        kept = [float(f"{value:.{DIGITS}g}") for value in row[: place + 1]]
        covariance[place, : place + 1] = covariance[: place + 1, place] = kept
    covariance.flags.writeable = False
    variances = covariance.diagonal().tolist()[size:]
    errors = [sqrt(variance) if variance > 0 else None for variance in variances]
    return replace(
        base,
        parameters={**base.parameters, **dict(zip(names, effects, strict=True))},
        std_errors={**base.std_errors, **dict(zip(names, errors, strict=True))},
        covariance=covariance,
        covariates=columns,
    )


def for_cell(fit: Fit, levels: Sequence[str]) -> Fit:
    """Return the plain fit that holds for customers of these levels, one for each column.

    Its covariance is that of the moved parameters. Raises KeyError for a level that the fit does not know.
    """
    places = []
    for column, level in zip(fit.covariates, levels, strict=True):
        if level not in column.levels:
            raise KeyError(column.name)
        places.append(column.levels.index(level))
    form: Form = module(fit.model).FORM
    size = len(form.names)
    way = lift(design(fit.covariates, places), size)
    values = np.array(list(fit.parameters.values()))
    at_reference = form.theta(values[:size].tolist())
    _, before, _ = form.natural(at_reference)
    moved, after, _ = form.natural(at_reference + (way[:, size:] * values[size:]).sum(axis=1))
    if not way[:, size:].any():
        moved = values[:size]  # to the last bit
    back = way.copy()
    back[:, :size] = np.linalg.inv(before)
    slopes = np.einsum("ij,jk->ik", after, back)
    covariance = np.einsum("ij,jk,lk->il", slopes, fit.covariance, slopes)
    covariance.flags.writeable = False
    errors = np.sqrt(np.maximum(covariance.diagonal(), 0)).tolist()
    return replace(
        fit,
        parameters=dict(zip(form.names, moved.tolist(), strict=True)),
        std_errors={
            key: None if fit.std_errors[key] is None else error for key, error in zip(form.names, errors, strict=True)
        },
        covariance=covariance,
        covariates=(),
    )


def lift(z: Floats, size: int) -> Floats:
    """Return the derivatives of a cell's coordinates by those of the whole fit (size × size + 2 effects a column)."""
    way = np.zeros((size, size + 2 * z.size))
    way[:, :size] = np.eye(size)
    way[AT_RATE, size : size + z.size] = z
    way[AT_LEAVING, size + z.size :] = z
    return way
