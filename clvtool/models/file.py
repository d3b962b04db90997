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
from clvtool.models.fitting import Fit
from clvtool.models.registry import MODELS, module

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """What a model file holds: fits by name of the model, and the data they belong to."""

    fits: Mapping[str, Fit]
    fingerprint: str
    currency: str | None
    as_of: date


def dumps(fits: Iterable[Fit], *, fingerprint: str, currency: str | None, as_of: date) -> str:
    """Return the text of a model file for fits to one body of data.

    `fingerprint` identifies the data, `as_of` is the date up to which they were observed. The same fits give the same
    bytes. Numbers are written with all their digits, so that a model from a file predicts exactly as before.
    """
    content = {
        "clvtool_model": VERSION,
        "fingerprint": fingerprint,
        "currency": currency,
        "as_of": as_of.isoformat(),
        "models": {fit.model: _plain(fit) for fit in fits},
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


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
    if version != VERSION:
        raise DataError(
            f"the model file has version {version!r}; this clvtool reads version {VERSION}",
            hint="fit the model again, or use the version of clvtool that wrote the file",
        )
    try:
        return ModelFile(
            fits={name: _fit(name, plain) for name, plain in content["models"].items()},
            fingerprint=str(content["fingerprint"]),
            currency=None if content["currency"] is None else str(content["currency"]),
            as_of=date.fromisoformat(content["as_of"]),
        )
    except KeyError as error:
        raise DataError(f"the model file is damaged: {error} is missing", hint="fit the model again") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"the model file is damaged: {error}", hint="fit the model again") from error


def _plain(fit: Fit) -> dict[str, Any]:
    """Return a fit as JSON values."""
    return {
        "unit": fit.unit,
        "n_customers": fit.n_customers,
        "log_likelihood": fit.log_likelihood,
        "parameters": dict(fit.parameters),
        "std_errors": dict(fit.std_errors),
        "covariance": fit.covariance.tolist(),
        "converged": fit.converged,
        "gradient_norm": fit.gradient_norm,
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
    covariance = np.array(plain["covariance"], float)
    if covariance.shape != (len(parameters), len(parameters)) or not np.isfinite(covariance).all():
        raise ValueError(f"the covariance of {name} does not match its parameters")
    form = module(name).FORM
    if tuple(parameters) != form.names:
        raise ValueError(f"the parameters of {name} are {', '.join(form.names)}, not {', '.join(parameters)}")
    if plain["unit"] != form.unit:
        raise ValueError(f"the unit of {name} is {plain['unit']!r}, and this clvtool predicts in {form.unit}")
    facts = {str(key): value for key, value in plain["facts"].items()}
    for fact in form.facts:
        if not isfinite(float(facts[fact])):
            raise ValueError(f"{fact} of {name} is no number")
    covariance.flags.writeable = False
    errors = {key: plain["std_errors"][key] for key in parameters}
    return Fit(
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
    )
