"""How far the parameters of a fit may be off, as a handful of fits to predict from instead of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.fitting import principal_axes

if TYPE_CHECKING:
    from clvtool.models.fitting import Fit

_SURE = 0.03  # a standard error of a log parameter, below which what is predicted of one customer changes by < 0.1 %
_FARTHEST = 1.5  # of a log parameter: beyond, the data say nothing, and a model moved there would be absurd


def sigma_points(fit: Fit) -> list[Fit]:
    """Return fits that stand for the uncertainty of the parameters: the mean over them is that over the parameters.

    Two on each principal axis of the covariance of the log parameters, √k standard errors to either side of k
    parameters (an unscented transform: exact to the second order). The fit alone where it is that well known.
    """
    axes = principal_axes(fit)
    if all(float(np.abs(axis).max()) < _SURE for axis in axes):
        return [fit]
    values = np.array(list(fit.parameters.values()))
    found = []
    for axis in axes:
        step = axis * len(axes) ** 0.5
        step *= min(1.0, _FARTHEST / float(np.abs(step).max()))
        found += [
            replace(fit, parameters=dict(zip(fit.parameters, (values * np.exp(way * step)).tolist(), strict=True)))
            for way in (1, -1)
        ]
    return found
