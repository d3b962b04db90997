"""The optimiser: Newton's method with exact derivatives, within a trust region and between stops.

It climbs the log-likelihood of one of our models: two to four coordinates of size one, smooth, sometimes with a
plateau that leads to a maximum at infinity (see `scales`). On the way there it leaps to the stop and looks whether the
slope still points outwards: then this is the maximum, and the coordinate is fixed. A coordinate in which the function
does not change at all (for instance because another has run to its stop) is fixed at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from clvtool.models.histories import Floats
    from clvtool.models.scales import Coordinate

PRECISE = 1e-14  # squared distance to the maximum, in standard errors
ROUGH = 1e-4
_MOST_STEPS = 100
_FLAT = 1e-7  # in units of log-likelihood: a coordinate that changes it less is not determined at all
LEVEL = _FLAT * 1e-3  # curvature that counts as none
_WIDEST = 8.0  # trust region


class Point(NamedTuple):
    """A function with its gradient and Hessian at a place."""

    value: float
    gradient: Floats
    hessian: Floats


Objective: TypeAlias = Callable[["Floats"], Point]


class End(IntEnum):
    """Where a coordinate ended."""

    INTERIOR = 0
    LOW = 1
    HIGH = 2
    FLAT = 3


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """Where the climb ended: coordinates, the function there, how each coordinate ended, and whether it is a maximum.

    `converged` means: the Newton step that is left is shorter than 1e-7 standard errors, and the Hessian is negative
    definite, both over the coordinates that are not fixed.
    """

    theta: Floats
    point: Point
    ends: tuple[End, ...]
    converged: bool
    steps: int

    @property
    def free(self) -> NDArray[np.intp]:
        """Return the indices of the coordinates that are not fixed."""
        return np.flatnonzero([end is End.INTERIOR for end in self.ends])


def maximise(objective: Objective, start: Floats, coordinates: Sequence[Coordinate], tolerance: float) -> Optimum:
    """Climb from `start` to a maximum of `objective` between the stops of the coordinates."""
    return _Climb(objective, start, coordinates).run(tolerance)


class _Climb:
    """One climb: the place, the function there, and what was learnt about the coordinates on the way."""

    def __init__(self, objective: Objective, start: Floats, coordinates: Sequence[Coordinate]) -> None:
        self.objective = objective
        self.low = np.array([coordinate.low for coordinate in coordinates])
        self.high = np.array([coordinate.high for coordinate in coordinates])
        self.leap = np.array([coordinate.leap for coordinate in coordinates])
        self.theta = np.clip(start, self.low, self.high)
        self.point = objective(self.theta)
        self.flat = np.zeros(start.size, bool)
        self.leapt = np.zeros(start.size, bool)
        self.radius = 1.0

    def run(self, tolerance: float) -> Optimum:
        """Step until what is left is below the tolerance."""
        steps, done = 0, False
        while steps < _MOST_STEPS and np.isfinite(self.point.value):
            steps += 1
            self._fix_flat()
            self._return_from_leap()
            free = np.flatnonzero(self._free())
            step, left, definite = _newton_step(
                self.point.gradient[free], self.point.hessian[np.ix_(free, free)], self.radius
            )
            if left <= tolerance:
                done = definite
                break
            if not self._step(free, step):
                break
            self._leap()
        self._forget_stops()
        return Optimum(self.theta, self.point, self._ends(), done, steps)

    def _free(self) -> NDArray[np.bool_]:
        """Return which coordinates can move: those not flat, and not at a stop with a slope that points outwards."""
        slack = 1e-14 * abs(self.point.value) + 1e-14  # rounding of the gradient: at a stop it may be all there is
        down = (self.theta <= self.low) & (self.point.gradient <= slack)
        up = (self.theta >= self.high) & (self.point.gradient >= -slack)
        return np.asarray(~(down | up | self.flat))

    def _ends(self) -> tuple[End, ...]:
        """Return how each coordinate stands now."""
        ends = np.full(self.theta.size, End.INTERIOR)
        ends[(self.theta <= self.low) & ~self._free()] = End.LOW
        ends[(self.theta >= self.high) & ~self._free()] = End.HIGH
        ends[self.flat] = End.FLAT
        return tuple(End(end) for end in ends)

    def _fix_flat(self) -> None:
        """Fix, at 0, coordinates without any influence."""
        influence = np.maximum(np.abs(self.point.gradient), np.abs(self.point.hessian).max(axis=1))
        for index in np.flatnonzero(self._free() & (influence < _FLAT)).tolist():
            if not self._fix_if_flat(index):  # flat here only, at the end of a plateau
                self._look_at_stop(index)

    def _forget_stops(self) -> None:
        """Fix, at 0, coordinates that ran to a stop but have lost all influence since another ran to its own."""
        for index in np.flatnonzero((self.theta <= self.low) | (self.theta >= self.high)).tolist():
            self._fix_if_flat(index)

    def _fix_if_flat(self, index: int) -> bool:
        """Fix a coordinate at 0 if the function is the same there."""
        theta = self.theta.copy()
        theta[index] = 0.0
        point = self.objective(theta)
        if abs(point.value - self.point.value) > _FLAT:
            return False
        self.flat[index] = True
        self.theta, self.point = theta, point
        return True

    def _return_from_leap(self) -> None:
        """Go back from a stop where the slope has come to point inwards: the maximum is on the plateau before it."""
        back = self.leapt & self._free() & ((self.theta <= self.low) | (self.theta >= self.high))
        if back.any():
            self.theta = np.where(back, np.sign(self.theta) * self.leap, self.theta)
            self.point = self.objective(self.theta)
            self.radius = 1.0

    def _leap(self) -> None:
        """Look at the stop of each coordinate that climbs beyond the point where it is as good as there."""
        climbing = (np.abs(self.theta) > self.leap) & (self.theta * self.point.gradient > 0) & self._free()
        for index in np.flatnonzero(climbing & ~self.leapt).tolist():
            self._look_at_stop(index)

    def _look_at_stop(self, index: int) -> None:
        """Go to the stop on this side, once, if the function is no lower there and does not rise from there inwards."""
        self.leapt[index] = True
        theta = self.theta.copy()
        theta[index] = self.high[index] if theta[index] > 0 else self.low[index]
        before = self.theta, self.point
        self.theta, self.point = theta, self.objective(theta)
        if self.point.value < before[1].value - self._noise() or self._free()[index]:
            self.theta, self.point = before

    def _noise(self) -> float:
        """Return how far rounding may move the function."""
        return 1e-13 * abs(self.point.value) + 1e-12

    def _step(self, free: NDArray[np.intp], step: Floats) -> bool:
        """Try the step, shorten the trust region until one is good, and take it; False when none is."""
        for _ in range(60):
            theta = self.theta.copy()
            theta[free] += step
            theta = np.clip(theta, self.low, self.high)
            moved = theta - self.theta
            promised = float((self.point.gradient * moved).sum() + 0.5 * _quadratic(self.point.hessian, moved))
            point = self.objective(theta)
            gained = point.value - self.point.value
            length = float(np.sqrt((moved * moved).sum()))
            if np.isfinite(point.value) and gained >= 0.05 * max(promised, 0.0) - self._noise():
                if gained > 0.75 * promised:
                    self.radius = min(_WIDEST, max(self.radius, 2 * length))
                self.theta, self.point = theta, point
                return True
            self.radius = length / 4
            if self.radius < 1e-12:
                break
            step = _newton_step(self.point.gradient[free], self.point.hessian[np.ix_(free, free)], self.radius)[0]
        return False


def _quadratic(hessian: Floats, step: Floats) -> float:
    """Return step' · hessian · step."""
    return float((step[:, None] * hessian * step).sum())


def _newton_step(gradient: Floats, hessian: Floats, radius: float) -> tuple[Floats, float, bool]:
    """Return the best step of at most `radius` on the local parabola, the squared Newton decrement, and definiteness.

    The decrement is the squared distance to the parabola's top in standard errors (infinite where there is no top).
    """
    if gradient.size == 0:
        return gradient, 0.0, True
    values, vectors = np.linalg.eigh(-hessian)
    along = (vectors * gradient[:, None]).sum(axis=0)
    definite = bool(values[0] > LEVEL)
    left = float((along * along / values).sum()) if definite else np.inf
    if definite and float(((along / values) ** 2).sum()) <= radius * radius:
        return (vectors * (along / values)).sum(axis=1), left, True
    if not along.any():
        return vectors[:, 0] * radius, left, definite
    # the step (−H + shift)⁻¹ g has length `radius` for one shift above −values[0]: bisect its logarithm
    size = float(np.sqrt((along * along).sum())) / radius
    low, high = max(0.0, -float(values[0])), max(0.0, -float(values[0])) + size
    for _ in range(60):
        shift = 0.5 * (low + high)
        length = float(((along / np.maximum(values + shift, 1e-100)) ** 2).sum())
        low, high = (shift, high) if length > radius * radius else (low, shift)
    return (vectors * (along / np.maximum(values + high, 1e-100))).sum(axis=1), left, definite
