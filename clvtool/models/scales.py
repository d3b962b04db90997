"""The coordinates a fit moves in: means and shapes instead of the papers' parameters.

The parameters of the papers are all positive and strongly tied to each other (r with alpha, a with b). A fit moves in
coordinates without bounds instead: the mean of a mixing distribution, and its shape. There, a maximum at the border of
what is possible (nobody leaves, all customers share one rate) is *one* coordinate that runs off to one side.
Each coordinate therefore says how far it may run, and, in words, what it means that it ran there.

A `Scale` is one block of a model's parameters with their coordinates. Four blocks cover the models here; a model
lists the blocks it is made of.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import exp, inf, log
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from clvtool.models.histories import Floats

SHAPE_LIMIT = log(1e8)  # of a shape: all customers alike (sd below 0.01 % of the mean) or, at 1e-8, utterly unlike
CHANCE_LIMIT = 35.0  # of log odds: a chance below 1e-15
MEAN_LIMIT = 60.0  # of a log mean: a stop, never a finding
LEAP = log(1e3)  # beyond this shape (or these log odds), a fit that still climbs looks at the limit itself
RATE_LEAP = log(1e4)  # a log rate of leaving so low (once in 200 years) or high that a fit looks at the limit

_NOWHERE = "the likelihood grows without end towards impossible values: the data do not determine this model"


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One coordinate of a fit: its stops, from where to leap to them, and the sentence for a fit that ends there.

    The sentences may name the parameters of the model, `{mean}`, `{share}` and `{days}` (see `Scale.words`). `name`
    says which combination of parameters moves along the coordinate.
    """

    low: float
    high: float
    leap: float = inf
    at_low: str = _NOWHERE
    at_high: str = _NOWHERE
    name: str = ""


class Natural(NamedTuple):
    """The parameters at a point, with their first and second derivatives by the coordinates of the block.

    `values` (k), `jacobian` (k × k, by coordinate in the second place), `curvature` (k × k × k).
    """

    values: Floats
    jacobian: Floats
    curvature: Floats


@dataclass(frozen=True, slots=True)
class Scale(ABC):
    """A block of parameters `names`, as many `coordinates`, and the way between them."""

    names: tuple[str, ...]
    coordinates: tuple[Coordinate, ...]

    @abstractmethod
    def natural(self, theta: Floats) -> Natural:
        """Return the parameters at the coordinates `theta`, with derivatives."""

    @abstractmethod
    def theta(self, values: Floats) -> Floats:
        """Return the coordinates of the (positive) parameters `values`."""

    def words(self, theta: Floats) -> dict[str, str]:
        """Return what the sentences of the coordinates may name besides the parameters."""
        mean = exp(theta[0])
        return {"mean": f"{mean:.4g}", "days": f"{7 / mean:.3g}"}


@dataclass(frozen=True, slots=True)
class LogScale(Scale):
    """Parameters whose logarithms are linear in the coordinates: log values = weights @ theta."""

    weights: tuple[tuple[float, ...], ...]

    def natural(self, theta: Floats) -> Natural:
        """Return the parameters at the coordinates `theta`, with derivatives."""
        weights = np.array(self.weights)
        values = np.exp((weights * theta).sum(axis=1))
        jacobian = values[:, None] * weights
        return Natural(values, jacobian, jacobian[:, :, None] * weights[:, None, :])

    def theta(self, values: Floats) -> Floats:
        """Return the coordinates of the (positive) parameters `values`."""
        return np.linalg.solve(np.array(self.weights), np.log(values))


@dataclass(frozen=True, slots=True)
class BetaScale(Scale):
    """The two parameters of a beta distribution: log odds of its mean a/(a+b), and log of its size a+b."""

    def natural(self, theta: Floats) -> Natural:
        """Return (a, b) at the coordinates `theta`, with derivatives."""
        size = exp(theta[1])
        mean, rest = _shares(theta[0])
        a, b = size * mean, size * rest
        slope = size * mean * rest
        bend = slope * (rest - mean)
        return Natural(
            np.array([a, b]),
            np.array([[slope, a], [-slope, b]]),
            np.array([[[bend, slope], [slope, a]], [[-bend, -slope], [-slope, b]]]),
        )

    def theta(self, values: Floats) -> Floats:
        """Return the coordinates of the positive (a, b)."""
        a, b = values
        return np.array([log(a) - log(b), log(a + b)])

    def words(self, theta: Floats) -> dict[str, str]:
        """Return the mean as a share in percent."""
        return {"share": f"{100 * _shares(theta[0])[0]:.3g} %"}


def _shares(log_odds: float) -> tuple[float, float]:
    """Return p and 1 − p at these log odds, both to full relative accuracy."""
    small = exp(-abs(log_odds))
    return (1 / (1 + small), small / (1 + small)) if log_odds > 0 else (small / (1 + small), 1 / (1 + small))


def _together(shape: str, rate: str) -> str:
    return f"{shape} and {rate} with {shape} ÷ {rate} fixed"


def purchase_rate(shape: str, rate: str) -> Scale:
    """Return the block of gamma-distributed purchase rates (per week): log of mean shape/rate, log of shape."""
    return _buying_rate(shape, rate, "buy at one rate, one purchase")


def stage_rate(shape: str, rate: str) -> Scale:
    """Return the block of gamma-distributed rates of the stages of a purchase (per week)."""
    return _buying_rate(shape, rate, "buy at one rate, one of the k stages of a purchase")


def _buying_rate(shape: str, rate: str, what: str) -> Scale:
    return LogScale(
        (shape, rate),
        (
            Coordinate(-MEAN_LIMIT, MEAN_LIMIT, name=f"{shape} ÷ {rate}"),
            Coordinate(
                -SHAPE_LIMIT,
                SHAPE_LIMIT,
                LEAP,
                at_low=f"nearly all purchases come from hardly any customers ({shape} runs to 0)",
                at_high=f"all customers {what} every {{days}} days while they are active: the "
                f"data show no difference between them ({shape} and {rate} run to infinity with {shape} ÷ {rate} = "
                "{mean} a week, and have no standard error)",
                name=_together(shape, rate),
            ),
        ),
        ((0, 1), (-1, 1)),
    )


def leaving_chance(leave: str, stay: str) -> Scale:
    """Return the block of beta-distributed chances of leaving: log odds of the mean, log of the size leave + stay."""
    return BetaScale(
        (leave, stay),
        (
            Coordinate(
                -CHANCE_LIMIT,
                CHANCE_LIMIT,
                LEAP,
                at_low="the data show no customer leaving: the chance of leaving is 0, everybody counts as active, "
                f"and predictions grow with time without levelling off ({leave} runs to 0, {stay} has no meaning)",
                at_high="every customer leaves at the first chance: the chance of leaving is 100 % "
                f"({stay} runs to 0, {leave} has no meaning)",
                name=f"{leave} ÷ ({leave} + {stay})",
            ),
            Coordinate(
                -SHAPE_LIMIT,
                SHAPE_LIMIT,
                LEAP,
                at_low=f"customers leave at the first chance ({{share}} of them) or never, with nothing in between "
                f"({leave} and {stay} run to 0)",
                at_high=f"all customers share one chance of leaving, {{share}}: the data show no difference between "
                f"them ({leave} and {stay} run to infinity, and have no standard error)",
                name=f"{leave} + {stay} with {leave} ÷ ({leave} + {stay}) fixed",
            ),
        ),
    )


def buying_chance(buy: str, skip: str) -> Scale:
    """Return the block of beta-distributed chances to buy at an opportunity: log odds of the mean, log of the size."""
    return BetaScale(
        (buy, skip),
        (
            Coordinate(
                -CHANCE_LIMIT,
                CHANCE_LIMIT,
                LEAP,
                at_high="customers buy at every opportunity until they leave: the chance to buy is 100 % "
                f"({skip} runs to 0, {buy} has no meaning)",
            ),
            Coordinate(
                -SHAPE_LIMIT,
                SHAPE_LIMIT,
                LEAP,
                at_low=f"customers buy at every opportunity ({{share}} of them) or at none ({buy} and {skip} run to 0)",
                at_high=f"all customers share one chance to buy, {{share}}: the data show no difference between them "
                f"({buy} and {skip} run to infinity, and have no standard error)",
            ),
        ),
    )


def churn_chance(leave: str, stay: str) -> Scale:
    """Return the block of beta-distributed churn rates of contracts: log odds of the mean, log of the size."""
    return BetaScale(
        (leave, stay),
        (
            Coordinate(
                -CHANCE_LIMIT,
                CHANCE_LIMIT,
                LEAP,
                at_low=f"nobody left: the churn rate is 0, and the curve stays at 100 % ({leave} runs to 0, {stay} has "
                "no meaning)",
                at_high=f"everybody leaves in the first period: the churn rate is 100 % ({stay} runs to 0, {leave} has "
                "no meaning)",
            ),
            Coordinate(
                -SHAPE_LIMIT,
                SHAPE_LIMIT,
                LEAP,
                at_low=f"customers leave in the first period ({{share}} of them) or never, with nothing in between "
                f"({leave} and {stay} run to 0)",
                at_high=f"all customers share one churn rate, {{share}} a period at first: the data show no difference "
                f"between them ({leave} and {stay} run to infinity, and have no standard error)",
            ),
        ),
    )


def leaving_rate(shape: str, rate: str) -> Scale:
    """Return the block of gamma-distributed rates of leaving (per week): log of mean shape/rate, log of shape."""
    return LogScale(
        (shape, rate),
        (
            Coordinate(
                -CHANCE_LIMIT,
                CHANCE_LIMIT,
                RATE_LEAP,
                at_low="the data show no customer leaving: the rate of leaving is 0, everybody counts as active, and "
                f"predictions grow with time without levelling off ({shape} ÷ {rate} runs to 0)",
                at_high=f"every customer leaves right after the first purchase ({shape} ÷ {rate} runs to infinity)",
                name=f"{shape} ÷ {rate}",
            ),
            Coordinate(
                -SHAPE_LIMIT,
                SHAPE_LIMIT,
                LEAP,
                at_low=f"customers leave at once or never, with nothing in between ({shape} and {rate} run to 0)",
                at_high="all customers leave at one rate, after {days} days on average: the data show no difference "
                f"between them ({shape} and {rate} run to infinity with {shape} ÷ {rate} = {{mean}} a week, and have "
                "no standard error)",
                name=_together(shape, rate),
            ),
        ),
        ((0, 1), (-1, 1)),
    )
