"""The effects of covariates in a model file, in as few bytes as they need.

A model with covariates is written as the plain model of customers of all reference values, and beside it `covariates`
(columns and levels), `effects` (in the order of `effect_names`, all digits) and `effect_covariances`: for each effect
its covariances with the parameters and with the effects up to itself, a row of text.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from clvtool.models.covariates import DIGITS, Column, base_of, effect_names, with_effects
from clvtool.models.registry import WITH_COVARIATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clvtool.models.fitting import Fit


def plain(fit: Fit) -> tuple[Fit, dict[str, Any]]:
    """Return the plain fit of customers of all reference values, and the effects as JSON values."""
    size = len(fit.parameters) - len(effect_names(fit.covariates))
    base = base_of(fit, size)
    rows = fit.covariance.tolist()[size:]
    return base, {
        "covariates": {column.name: list(column.levels) for column in fit.covariates},
        "effects": " ".join(map(repr, list(fit.parameters.values())[size:])),
        "effect_covariances": [
            " ".join(f"{value:.{DIGITS}g}" for value in row[: size + place + 1]) for place, row in enumerate(rows)
        ],
    }


def restored(base: Fit, content: Mapping[str, Any]) -> Fit:
    """Return the fit with effects from the plain one and JSON values. Raises ValueError when they do not fit."""
    if base.model not in WITH_COVARIATES:
        raise ValueError(f"{base.model} takes no covariates")
    columns = tuple(Column(name, tuple(map(str, levels))) for name, levels in content["covariates"].items())
    effects = [float(value) for value in content["effects"].split()]
    rows = [[float(value) for value in row.split()] for row in content["effect_covariances"]]
    count, size = len(effect_names(columns)), len(base.parameters)
    if len(effects) != count or [len(row) for row in rows] != list(range(size + 1, size + count + 1)):
        raise ValueError(f"the effects of {base.model} do not match its covariates")
    if not all(map(isfinite, (*effects, *(value for row in rows for value in row)))):
        raise ValueError(f"the effects of {base.model} must be numbers")
    return with_effects(base, columns, effects, rows)
