"""Fitting the effects of covariates: one search over all cells, from where the plain model has its maximum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from clvtool.errors import DataError, FitError
from clvtool.models.covariates import AT_LEAVING, LEAVING, RATE, Column, base_of, design, lift, with_effects
from clvtool.models.fitting import Form, maximum_likelihood
from clvtool.models.histories import together
from clvtool.models.newton import Point
from clvtool.models.registry import module
from clvtool.models.scales import CHANCE_LIMIT, LEAP, Coordinate, Natural, Scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvtool.models.fitting import Fit
    from clvtool.models.histories import Floats, Histories
    from clvtool.models.newton import Objective


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """Customers of equal covariates: the place of their level in each column, and their histories."""

    places: tuple[int, ...]
    histories: Histories


@dataclass(frozen=True, slots=True)
class _Effect(Scale):
    """One effect: it is its own coordinate."""

    def natural(self, theta: Floats) -> Natural:
        """Return the effect itself."""
        return Natural(theta, np.ones((1, 1)), np.zeros((1, 1, 1)))

    def theta(self, values: Floats) -> Floats:
        """Return the effect itself."""
        return values

    def words(self, theta: Floats) -> dict[str, str]:
        """Return nothing: the sentences of an effect name its level."""
        del theta
        return {}


class _Moved(Form):
    """A form whose log-likelihood comes as a function of the coordinates."""

    __slots__ = ()

    def in_coordinates(self, log_likelihood: Objective) -> Objective:
        """Return the log-likelihood as it is."""
        return log_likelihood


def fit_covariates(name: str, columns: Sequence[Column], cells: Sequence[Cell], plain: Fit) -> Fit:
    """Fit the model `name` with the effects of these columns; `plain` is its fit to all customers without them.

    The parameters are those of the model for customers of all reference levels, then the effects on the rate, then
    those on leaving (`rate: channel=web`, `leaving: channel=web`). An effect at a limit, such as that of a level of
    which nobody bought again, is a fit too, and said in words. Where nobody leaves whom the effects on leaving are
    measured against, another level becomes the reference.
    Raises DataError when columns say the same about customers, FitError when the search does not converge.
    """
    _require_apart(columns, np.array([design(columns, cell.places) for cell in cells]))
    fit = _search(name, columns, cells, plain)
    if not _without_reference(fit):
        return fit
    for at, column in enumerate(columns):
        other = _search(name, *_recoded(columns, cells, at), plain)
        if not _without_reference(other):
            first, second = (f"{column.name}={level}" for level in column.levels[:2])
            said = f"the data show no customer of {first} leaving: effects are measured against {second} instead"
            return replace(other, warnings=(said, *other.warnings))
    raise FitError(
        f"{name} cannot measure effects on leaving: the data show no customer of the reference "
        f"({', '.join(f'{column.name}={column.levels[0]}' for column in columns)}) leaving",
        "leave a column out of --covariate",
    )


def _search(name: str, columns: Sequence[Column], cells: Sequence[Cell], plain: Fit) -> Fit:
    """Return the fit with effects against the first level of each column. Raises FitError when there is none."""
    base: Form = module(name).FORM
    levels = [effect for column in columns for effect in column.effects]
    top = base.theta(list(plain.parameters.values()))
    leap = np.array([coordinate.leap for coordinate in base.coordinates])  # on a stop there is no slope to start from
    fit = maximum_likelihood(
        _Moved(base.name, base.unit, (*base.scales, *_scales(levels))),
        log_likelihood(name, columns, cells),
        starts=[
            [*base.natural(np.clip(top, -most, most))[0], *np.zeros(2 * len(levels))]
            for most in (leap, np.minimum(leap, 2))
        ],
        n_customers=plain.n_customers,
        facts=plain.facts,
        doubt=False,
    )
    if not fit.converged:
        raise FitError(
            f"{name} does not converge with {', '.join(column.name for column in columns)}: these "
            f"{plain.n_customers:,} customers do not determine {len(levels)} effects on buying and as many on leaving",
            "leave a column out of --covariate, or join levels of few customers in the file",
        )
    size = len(base.names)
    rows = fit.covariance.tolist()[size:]
    return with_effects(base_of(fit, size), tuple(columns), list(fit.parameters.values())[size:], rows)


def _without_reference(fit: Fit) -> bool:
    """Return whether nobody of the reference leaves, and others do: effects are then differences to minus infinity."""
    form: Form = module(fit.model).FORM
    here = form.theta(list(fit.parameters.values())[: len(form.names)])[AT_LEAVING]
    known = any(name.startswith(LEAVING) and error is not None for name, error in fit.std_errors.items())
    return known and bool(here < -0.8 * CHANCE_LIMIT)


def _recoded(columns: Sequence[Column], cells: Sequence[Cell], at: int) -> tuple[list[Column], list[Cell]]:
    """Return the same with the first two levels of one column in each other's place."""
    first, second, *rest = columns[at].levels
    swapped = [
        replace(column, levels=(second, first, *rest)) if place == at else column
        for place, column in enumerate(columns)
    ]
    swap = {0: 1, 1: 0}
    return swapped, [
        replace(cell, places=(*cell.places[:at], swap.get(cell.places[at], cell.places[at]), *cell.places[at + 1 :]))
        for cell in cells
    ]


def without(columns: Sequence[Column], cells: Sequence[Cell], at: int) -> tuple[list[Column], list[Cell]]:
    """Return columns and cells without the column at this place."""
    joined: dict[tuple[int, ...], list[Histories]] = {}
    for cell in cells:
        joined.setdefault((*cell.places[:at], *cell.places[at + 1 :]), []).append(cell.histories)
    rest = [column for place, column in enumerate(columns) if place != at]
    return rest, [Cell(places, together(some)) for places, some in joined.items()]


def _scales(levels: Sequence[str]) -> list[Scale]:
    """Return a block for each effect: on the rate, then on leaving."""
    said = (
        (
            RATE,
            "customers of {} hardly ever buy again: their purchase rate runs to 0, without a standard error",
            "customers of {} buy so much faster that the effect on their purchase rate runs to infinity",
        ),
        (
            LEAVING,
            "the data show no customer of {} leaving: their effect on leaving has no standard error",
            "customers of {} leave at once: their effect on leaving runs to infinity, and has no standard error",
        ),
    )
    return [
        _Effect((kind + level,), (Coordinate(-CHANCE_LIMIT, CHANCE_LIMIT, LEAP, *_texts(level, low, high)),))
        for kind, low, high in said
        for level in levels
    ]


def _texts(level: str, *sentences: str) -> list[str]:
    """Return the sentences with the level in them, safe to be formatted again."""
    return [sentence.format(level).replace("{", "{{").replace("}", "}}") for sentence in sentences]


def log_likelihood(name: str, columns: Sequence[Column], cells: Sequence[Cell]) -> Objective:
    """Return the log-likelihood of all cells as a function of the coordinates: the model's own, then the effects."""
    base: Form = module(name).FORM
    lifts = [lift(design(columns, cell.places), len(base.names)) for cell in cells]
    parts = [base.in_coordinates(module(name).log_likelihood(cell.histories)) for cell in cells]

    def objective(theta: Floats) -> Point:
        value, gradient, hessian = 0.0, np.zeros(theta.size), np.zeros((theta.size, theta.size))
        for part, way in zip(parts, lifts, strict=True):
            point = part((way * theta).sum(axis=1))
            value += point.value
            gradient += (way * point.gradient[:, None]).sum(axis=0)
            hessian += np.einsum("ki,kl,lj->ij", way, point.hessian, way)
        return Point(value, gradient, 0.5 * (hessian + hessian.T))

    return objective


def _require_apart(columns: Sequence[Column], rows: Floats) -> None:
    """Refuse columns of which one follows from the others: their effects cannot be told apart."""
    blocks = np.split(rows, np.cumsum([len(column.effects) for column in columns])[:-1], axis=1)

    def follows(some: Sequence[int]) -> bool:
        table = np.column_stack([np.ones(len(rows)), *(blocks[place] for place in some)])
        return bool(np.linalg.matrix_rank(table) < table.shape[1])

    every = range(len(columns))
    for some in (*combinations(every, 2), tuple(every)):
        if follows(some):
            named = " and ".join(columns[place].name for place in some)
            raise DataError(
                f"{named} cannot be told apart: customers who share a value of one share that of the other",
                "leave one of them out of --covariate",
            )
