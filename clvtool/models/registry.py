"""The models by name: the one line that a new model adds outside its own file."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    from types import ModuleType

    from clvtool.models.fitting import Fit

# name: module and class of the fitted model. Names can be listed without importing any of them (nor numpy).
MODELS: dict[str, tuple[str, str]] = {
    "bg-nbd": ("clvtool.models.bg_nbd", "BgNbd"),
    "mbg-nbd": ("clvtool.models.mbg_nbd", "MbgNbd"),
    "pareto-nbd": ("clvtool.models.pareto_nbd", "ParetoNbd"),
    "nbd": ("clvtool.models.nbd", "Nbd"),
    "gamma-gamma": ("clvtool.models.gamma_gamma", "GammaGamma"),
}
WITH_COVARIATES = ("bg-nbd", "mbg-nbd", "pareto-nbd")
"""The models whose coordinates can move with covariates; their modules have `log_likelihood`."""

COMPARED = ("bg-nbd", "mbg-nbd", "pareto-nbd", "nbd")
"""Models of buying that are fitted to the same histories: `auto` takes one of them. The first is the usual one."""
AUTO = "auto"


def module(name: str) -> ModuleType:
    """Return the module of a model, which has its `fit`. Raises UsageError for a name that is not in MODELS."""
    if name not in MODELS:
        raise UsageError(f"there is no model {name!r}", hint=did_you_mean(name, MODELS))
    return import_module(MODELS[name][0])


def fitted(fit: Fit) -> Any:
    """Return the fitted model (BgNbd, GammaGamma, …) that predicts from this fit, for example one from a file.

    Raises DataError for a fit with covariates: customers then differ by cell (see `by_cell`).
    """
    if fit.covariates:
        columns = ", ".join(column.name for column in fit.covariates)
        raise DataError(f"the model was fitted with covariates ({columns}): only predict takes them")
    return getattr(module(fit.model), MODELS[fit.model][1])(fit)
