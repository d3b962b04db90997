"""From a log-likelihood to a fit: the part that is the same for every model.

A model brings its `Form` (its name and blocks of parameters) and its log-likelihood with gradient and Hessian by the
papers' parameters; `maximum_likelihood` returns a finished, frozen `Fit`. Nothing here is random: a fit depends on
the data and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from math import exp, sqrt
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from clvtool.errors import FitError
from clvtool.models.newton import LEVEL, PRECISE, ROUGH, End, Objective, Optimum, Point, maximise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from clvtool.models.histories import Floats
    from clvtool.models.scales import Coordinate, Scale

Figures = TypeVar("Figures", "float", "Floats")
"""One figure, or an array of them."""
_WELL_KNOWN = 0.5  # standard error of a coordinate (a log or log odds)
_HIGHER = 1e-7  # log-likelihood by which another maximum must be higher to be preferred
_PART = 0.3  # of the largest part of a direction, below which a coordinate goes unnamed


@dataclass(frozen=True, slots=True)
class Form:
    """What identifies a model: its name, the unit of its scale parameters, and its parameters in blocks.

    `facts` are the facts of a fit that predictions need besides the parameters.
    """

    name: str
    unit: str
    scales: tuple[Scale, ...]
    facts: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the parameters, in the order of the papers."""
        return tuple(chain.from_iterable(scale.names for scale in self.scales))

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """Return the coordinates of all blocks."""
        return tuple(chain.from_iterable(scale.coordinates for scale in self.scales))

    def split(self, vector: Floats) -> list[tuple[Scale, Floats]]:
        """Return each block with its part of a vector over all of them."""
        sizes = [len(scale.names) for scale in self.scales]
        return list(zip(self.scales, np.split(vector, np.cumsum(sizes)[:-1]), strict=True))

    def theta(self, parameters: Sequence[float]) -> Floats:
        """Return the coordinates of the parameters."""
        return np.concatenate([scale.theta(part) for scale, part in self.split(np.asarray(parameters, float))])

    def natural(self, theta: Floats) -> tuple[Floats, Floats, Floats]:
        """Return parameters (k), their Jacobian (k × k) and their second derivatives (k × k × k) at coordinates."""
        size, at = theta.size, 0
        values, jacobian, curvature = np.empty(size), np.zeros((size, size)), np.zeros((size, size, size))
        for scale, part in self.split(theta):
            block = slice(at, at + part.size)
            values[block], jacobian[block, block], curvature[block, block, block] = scale.natural(part)
            at += part.size
        return values, jacobian, curvature

    def in_coordinates(self, log_likelihood: Objective) -> Objective:
        """Return the log-likelihood as a function of the coordinates, with its derivatives by them."""

        def objective(theta: Floats) -> Point:
            values, jacobian, curvature = self.natural(theta)
            value, gradient, hessian = log_likelihood(values)
            bend = (gradient[:, None, None] * curvature).sum(axis=0)
            return Point(value, _apply(jacobian.T, gradient), _sandwich(jacobian.T, hessian) + bend)

        return objective


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A finished maximum-likelihood fit; what a model file stores and what the models predict from.

    - `parameters`: by the papers' names, times in `unit` ('weeks' or 'money'), money in the currency of the data
    - `std_errors`: None where the data do not determine the parameter (then `warnings` says so in words)
    - `covariance`: of the parameters, in their order (k × k); zero in directions that are fixed at a limit
    - `gradient_norm`: largest slope of the log-likelihood left, over the coordinates that are not fixed
    - `flat`: directions in which the log-likelihood has no top: combinations of parameters that ran to a limit or that
      the data say nothing about. Empty: its Hessian is negative definite
    - `facts`: figures of the data that belong to the fit (for example `repeat_purchases`)
    - `warnings`: sentences for the user
    """

    model: str
    parameters: Mapping[str, float]
    std_errors: Mapping[str, float | None]
    covariance: Floats
    log_likelihood: float
    n_customers: int
    unit: str
    converged: bool
    gradient_norm: float
    facts: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    flat: tuple[str, ...] = ()


def maximum_likelihood(
    form: Form,
    log_likelihood: Objective,
    *,
    starts: Iterable[Sequence[float]],
    n_customers: int,
    facts: Mapping[str, float],
    pilot: Objective | None = None,
) -> Fit:
    """Fit a model: the first start from which the search converges decides; the others are for failure and doubt.

    `log_likelihood` maps the parameters, in the order of `form.names`, to a `Point`; `starts` are parameters;
    `pilot` is the log-likelihood of a small part of the data, whose maximum is a start better than any other.
    A search that fails from every start gives a fit with `converged` False, no standard errors and a warning.
    """
    coordinates = form.coordinates
    objective = form.in_coordinates(log_likelihood)
    tried: list[Optimum] = []
    begin = [form.theta(start) for start in starts]
    few = form.in_coordinates(pilot) if pilot else objective
    for at, theta in enumerate(begin):
        if pilot is None:
            optimum = maximise(objective, theta, coordinates, PRECISE)
            optimum = _highest(objective, optimum, begin[at + 1 :], coordinates, PRECISE)
        else:
            rough = maximise(few, theta, coordinates, ROUGH)
            rough = _highest(few, rough, begin[at + 1 :], coordinates, ROUGH)
            optimum = maximise(objective, _off_the_stops(rough, coordinates, theta), coordinates, PRECISE)
        tried.append(optimum)
        if optimum.converged:
            return _finish(form, optimum, n_customers, facts, ())
    if not any(np.isfinite(optimum.point.value) for optimum in tried):
        raise FitError(
            f"{form.name} has no finite likelihood for these {n_customers} customers from any of {len(tried)} starts"
        )
    best = max((optimum for optimum in tried if np.isfinite(optimum.point.value)), key=lambda one: one.point.value)
    warning = (
        f"the fit did not converge: from each of {len(tried)} starts a slope was left, "
        f"{np.abs(best.point.gradient).max():.2g} at the best; its parameters have no standard errors"
    )
    return _finish(form, best, n_customers, facts, (warning,))


def _highest(
    objective: Objective, found: Optimum, starts: Sequence[Floats], coordinates: Sequence[Coordinate], tolerance: float
) -> Optimum:
    """Return the highest maximum in sight: where data say little, there may be others, at or near the stops.

    So a model does not end below one that is nested in it. Where all coordinates are determined well (as by any large
    data set that is not at a stop), there is nothing to look for.
    """
    if not found.converged:
        return found
    if found.free.size == len(coordinates):
        variances = np.linalg.inv(-found.point.hessian).diagonal()
        if float(variances.max()) < _WELL_KNOWN**2:
            return found
    places = list(starts)
    for index, coordinate in enumerate(coordinates):
        for side in (-1.2, 1.2) if np.isfinite(coordinate.leap) else ():
            theta = found.theta.copy()
            theta[index] = side * coordinate.leap
            places.append(theta)
    best = found
    for theta in places:
        other = maximise(objective, theta, coordinates, tolerance)
        if other.converged and other.point.value > best.point.value + _HIGHER:
            best = other
    return best


def _off_the_stops(pilot: Optimum, coordinates: Sequence[Coordinate], start: Floats) -> Floats:
    """Return the pilot's maximum as a start: on a stop, there is no slope to find the way back."""
    if not pilot.converged:
        return start
    leap = np.array([coordinate.leap for coordinate in coordinates])
    return np.clip(pilot.theta, -leap, leap)


def _finish(
    form: Form, optimum: Optimum, n_customers: int, facts: Mapping[str, float], warnings: tuple[str, ...]
) -> Fit:
    """Return the fit that the search has found, in the papers' parameters."""
    names = form.names
    values, jacobian, _ = form.natural(optimum.theta)
    free = optimum.free
    covariance = np.zeros((values.size, values.size))
    if optimum.converged and free.size:
        inside = np.linalg.inv(-optimum.point.hessian[np.ix_(free, free)])
        covariance = _sandwich(jacobian[:, free], 0.5 * (inside + inside.T))
        covariance = 0.5 * (covariance + covariance.T)
    covariance.flags.writeable = False
    fixed = np.setdiff1d(np.arange(values.size), free)
    known = optimum.converged & ~(jacobian[:, fixed] != 0).any(axis=1)
    errors = {
        name: sqrt(variance) if sure else None
        for name, variance, sure in zip(names, covariance.diagonal().tolist(), known.tolist(), strict=True)
    }
    return Fit(
        model=form.name,
        parameters=dict(zip(names, values.tolist(), strict=True)),
        std_errors=errors,
        covariance=covariance,
        log_likelihood=float(optimum.point.value),
        n_customers=n_customers,
        unit=form.unit,
        converged=optimum.converged,
        gradient_norm=float(np.abs(optimum.point.gradient[free]).max()) if free.size else 0.0,
        facts=dict(facts),
        warnings=(*_words(form, optimum), *warnings),
        flat=tuple(_flat(form, optimum)),
    )


def _flat(form: Form, optimum: Optimum) -> list[str]:
    """Return the directions without a top, in words: fixed coordinates, and where the Hessian has no curvature."""
    names = [coordinate.name for coordinate in form.coordinates]
    found = [name for name, end in zip(names, optimum.ends, strict=True) if end is not End.INTERIOR]
    free = optimum.free
    curvature = -optimum.point.hessian[np.ix_(free, free)]
    if optimum.converged or not np.isfinite(curvature).all():
        return found
    values, vectors = np.linalg.eigh(curvature)
    for value, vector in zip(values.tolist(), vectors.T, strict=True):
        if value <= LEVEL:
            parts = np.abs(vector) >= _PART * np.abs(vector).max()
            found.append(", ".join(names[index] for index in free[parts]))
    return found


def _words(form: Form, optimum: Optimum) -> list[str]:
    """Return a sentence for each coordinate that ran to a stop, or for a block that the data say nothing about."""
    said = []
    ends = iter(optimum.ends)
    for scale, theta in form.split(optimum.theta):
        block = [next(ends) for _ in scale.coordinates]
        words = scale.words(theta)
        for coordinate, end in zip(scale.coordinates, block, strict=True):
            if end in (End.LOW, End.HIGH):
                said.append((coordinate.at_low if end is End.LOW else coordinate.at_high).format_map(words))
        if End.FLAT in block and not {End.LOW, End.HIGH} & set(block):
            said.append(f"the data say nothing about {' and '.join(scale.names)}: their values are arbitrary")
    return said


def confidence_interval(fit: Fit, name: str, level: float = 0.95) -> tuple[float, float] | None:
    """Return the confidence interval of a parameter, taken on its logarithm so that both bounds are positive.

    None where the parameter has no standard error. Raises ValueError unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    error, value = fit.std_errors[name], fit.parameters[name]
    if error is None:
        return None
    from statistics import NormalDist  # as exact as scipy.special.ndtri, which takes 0.2 s to import

    width = NormalDist().inv_cdf(0.5 + level / 2) * error / value
    return value * exp(-width), value * exp(width)


def principal_axes(fit: Fit) -> list[Floats]:
    """Return the principal axes of the covariance of the log parameters, each one standard error long.

    Directions that are fixed at a limit, or known exactly, are left out.
    """
    values = np.array(list(fit.parameters.values()))
    spread, axes = np.linalg.eigh(fit.covariance / values[:, None] / values)
    found = [width * axis for width, axis in zip(np.sqrt(np.maximum(spread, 0)).tolist(), axes.T, strict=True)]
    return [axis for axis in found if float(np.abs(axis).max()) >= 1e-12]


def derived_variance(function: Callable[[Fit], Figures], fit: Fit) -> Figures:
    """Return the variance of any smooth figure (or array of them) derived from the parameters, by the delta method.

    `function` gets the fit with moved parameters: `lambda fit: float(BgNbd(fit).expected_purchases(52))`.
    The slopes are central differences along the principal axes, so that all parameters stay positive and parameters
    fixed at a limit stay there. A figure that needs two models has the sum of its variances over the two fits.
    """
    values = np.array(list(fit.parameters.values()))
    variance = 0 * function(fit)
    for axis in principal_axes(fit):
        share = 1e-4 / float(np.abs(axis).max())  # the largest move is a factor of exp(1e-4)
        ahead, behind = (
            function(replace(fit, parameters=dict(zip(fit.parameters, moved.tolist(), strict=True))))
            for moved in (values * np.exp(share * axis), values * np.exp(-share * axis))
        )
        variance += ((ahead - behind) / (2 * share)) ** 2
    return variance


def _apply(matrix: Floats, vector: Floats) -> Floats:
    """Return matrix · vector, in a fixed order of summation."""
    return np.asarray((matrix * vector).sum(axis=1))


def _sandwich(matrix: Floats, middle: Floats) -> Floats:
    """Return matrix · middle · matrix', in a fixed order of summation."""
    return np.asarray(np.einsum("ik,kl,jl->ij", matrix, middle, matrix))
