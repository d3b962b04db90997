"""Fitted models as a text to keep: versioned JSON, complete enough to predict from, small enough to read.

Nothing here touches a disk; `report` writes the text and `ingest` reads it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from clvtool.errors import DataError
from clvtool.models import effects_file
from clvtool.models.fitting import Fit
from clvtool.models.registry import MODELS, module

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clvtool.models.histories import Floats

VERSION = 1
WITH_EFFECTS = 2
"""The version of a file with covariates, so that a clvtool that knows none does not predict without them."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """What a model file holds: fits by name of the model, and the data they belong to."""

    fits: Mapping[str, Fit]
    fingerprint: str
    currency: str | None
    as_of: date | None


def dumps(fits: Iterable[Fit], *, fingerprint: str, currency: str | None, as_of: date | None) -> str:
    """Return the text of a model file for fits to one body of data.

    `fingerprint` identifies the data, `as_of` is the date up to which they were observed,
    None where they have no dates. The same fits give the same
    bytes. Numbers are written with all their digits, so that a model from a file predicts exactly as before.
    """
    fits = list(fits)
    content = {
        "clvtool_model": WITH_EFFECTS if any(fit.covariates for fit in fits) else VERSION,
        "fingerprint": fingerprint,
        "currency": currency,
        "as_of": None if as_of is None else as_of.isoformat(),
        "models": {fit.model: _plain(fit) for fit in fits},
    }
    return _readable(content) + "\n"


def _readable(content: Mapping[str, Any], depth: int = 1) -> str:
    """Return an object as JSON, one line for each thing said of a model: neither a screen nor a page a model."""

    def written(value: Any) -> str:
        if isinstance(value, dict) and depth < 3:
            return _readable(value, depth + 1)
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    space = " " * depth
    lines = [f"{space}{json.dumps(key, ensure_ascii=False)}: {written(value)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n" + space[1:] + "}"


def loads(text: str) -> ModelFile:
    """Return what a model file holds, from its text.

    Raises DataError when the text is no model file, was written by a newer version, or is damaged.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("the model file is not JSON", hint="expected: a file written with --save") from error
    if not isinstance(content, dict) or "clvtool_model" not in content:
        raise DataError("the file is JSON, but no model file of clvtool", hint="expected: a file written with --save")
    version = content["clvtool_model"]
    if version not in {VERSION, WITH_EFFECTS} or isinstance(version, bool):
        newer = isinstance(version, int) and version > WITH_EFFECTS
        raise DataError(
            f"the model file has version {version!r}; this clvtool reads versions {VERSION} and {WITH_EFFECTS}",
            hint="it is from a newer clvtool: use that one, or fit the model again" if newer else "fit the model again",
        )
    try:
        return ModelFile(
            fits={name: _fit(name, plain) for name, plain in content["models"].items()},
            fingerprint=str(content["fingerprint"]),
            currency=None if content["currency"] is None else str(content["currency"]),
            as_of=None if content["as_of"] is None else date.fromisoformat(content["as_of"]),
        )
    except KeyError as error:
        raise DataError(f"the model file is damaged: {error} is missing", hint="fit the model again") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"the model file is damaged: {error}", hint="fit the model again") from error


def _plain(fit: Fit) -> dict[str, Any]:
    """Return a fit as JSON values."""
    if fit.covariates:
        base, effects = effects_file.plain(fit)
        return _plain(base) | effects
    return {
        "unit": fit.unit,
        "n_customers": fit.n_customers,
        "log_likelihood": fit.log_likelihood,
        "parameters": dict(fit.parameters),
        "std_errors": dict(fit.std_errors),
        "covariance": fit.covariance[np.triu_indices(len(fit.parameters))].tolist(),
        "converged": fit.converged,
        "gradient_norm": fit.gradient_norm,
        "flat": list(fit.flat),
        "facts": dict(fit.facts),
        "warnings": list(fit.warnings),
    }


def _fit(name: str, plain: Mapping[str, Any]) -> Fit:
    """Return the fit of a model from JSON values. Raises ValueError, TypeError or KeyError when they are not right."""
    if name not in MODELS:
        raise ValueError(f"there is no model {name!r}")
    parameters = {str(key): float(value) for key, value in plain["parameters"].items()}
    if not parameters or not all(isfinite(value) and value > 0 for value in parameters.values()):
        raise ValueError(f"the parameters of {name} must be positive numbers")
    covariance = _square(np.array(plain["covariance"], float), len(parameters))
    if covariance is None:
        raise ValueError(f"the covariance of {name} does not match its parameters")
    form = module(name).FORM
    if tuple(parameters) != form.names:
        raise ValueError(f"the parameters of {name} are {', '.join(form.names)}, not {', '.join(parameters)}")
    if plain["unit"] != form.unit:
        raise DataError(
            f"the model file has {name} in {plain['unit']}, and this clvtool predicts in {form.unit}",
            hint="fit the model again",
        )
    facts = {str(key): value for key, value in plain["facts"].items()}
    for fact in form.facts:
        if not isfinite(float(facts[fact])):
            raise ValueError(f"{fact} of {name} is no number")
    covariance.flags.writeable = False
    errors = {key: plain["std_errors"][key] for key in parameters}
    fit = Fit(
        model=name,
        parameters=parameters,
        std_errors={key: None if error is None else float(error) for key, error in errors.items()},
        covariance=covariance,
        log_likelihood=float(plain["log_likelihood"]),
        n_customers=int(plain["n_customers"]),
        unit=str(plain["unit"]),
        converged=bool(plain["converged"]),
        gradient_norm=float(plain["gradient_norm"]),
        facts=facts,
        warnings=tuple(str(warning) for warning in plain["warnings"]),
        flat=tuple(str(direction) for direction in plain["flat"]),
    )
    return effects_file.restored(fit, plain) if "covariates" in plain else fit


def _square(upper: Floats, size: int) -> Floats | None:
    """Return the symmetric matrix of this upper triangle, given row by row; None where it is no such triangle."""
    if upper.shape != (size * (size + 1) // 2,) or not np.isfinite(upper).all():
        return None
    matrix = np.empty((size, size))
    rows, columns = np.triu_indices(size)
    matrix[rows, columns] = matrix[columns, rows] = upper
    return matrix
