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
    "bg-cnbd-k": ("clvtool.models.bg_cnbd_k", "BgCnbdK"),
    "mbg-cnbd-k": ("clvtool.models.mbg_cnbd_k", "MbgCnbdK"),
    "nbd": ("clvtool.models.nbd", "Nbd"),
    "gamma-gamma": ("clvtool.models.gamma_gamma", "GammaGamma"),
    "bg-bb": ("clvtool.models.bg_bb", "BgBb"),
    "sbg": ("clvtool.models.sbg", "Sbg"),
    "bdw": ("clvtool.models.bdw", "Bdw"),
}
PURCHASES, MONEY, OPPORTUNITIES, CONTRACTS = "purchases", "money", "opportunities", "contracts"
KINDS: dict[str, str] = {
    PURCHASES: "is fitted to orders, and says who buys and who has left",
    MONEY: "is fitted to orders, and says what is spent, not whether somebody buys",
    OPPORTUNITIES: "counts in which of the periods of --opportunity a customer bought, not when",
    CONTRACTS: "is fitted to a retention table (period, share or count alive), and says how long customers stay",
}
"""What models are fitted to, and what they answer."""
_OTHERS = {"gamma-gamma": MONEY, "bg-bb": OPPORTUNITIES, "sbg": CONTRACTS, "bdw": CONTRACTS}
WITH_COVARIATES = ("bg-nbd", "mbg-nbd", "pareto-nbd")
"""The models whose coordinates can move with covariates; their modules have `log_likelihood`."""

COMPARED = ("bg-nbd", "mbg-nbd", "pareto-nbd", "nbd")
"""Models of buying that are fitted to the same histories: `auto` takes one of them. The first is the usual one."""
AUTO = "auto"


def module(name: str) -> ModuleType:
    """Return the module of a model, which has its `fit`. Raises UsageError for a name that is not in MODELS."""
    kind(name)
    return import_module(MODELS[name][0])


def kind(name: str) -> str:
    """Return the kind of a model, of KINDS. Raises UsageError for a name that is not in MODELS."""
    if name not in MODELS:
        raise UsageError(f"there is no model {name!r}", hint=did_you_mean(name, MODELS))
    return _OTHERS.get(name, PURCHASES)


def of_kind(wanted: str) -> list[str]:
    """Return the models of one kind."""
    return [name for name in MODELS if kind(name) == wanted]


def require(name: str, wanted: str) -> str:
    """Return the name of a model of the kind that is wanted. Raises UsageError for one of another kind."""
    if name == AUTO:
        raise UsageError("only fit chooses a model", "fit --save FILE keeps the one it takes, for --load FILE")
    if kind(name) != wanted:
        raise UsageError(f"--model {name} {KINDS[kind(name)]}", f"such as --model {of_kind(wanted)[0]}")
    return name


def is_regular(name: str) -> bool:
    """Return whether a model is fitted to the gaps between purchases, too."""
    return name.endswith("cnbd-k")


def fitted(fit: Fit) -> Any:
    """Return the fitted model (BgNbd, GammaGamma, …) that predicts from this fit, for example one from a file.

    Raises DataError for a fit with covariates: customers then differ by cell (see `by_cell`).
    """
    if fit.covariates:
        columns = ", ".join(column.name for column in fit.covariates)
        raise DataError(f"the model was fitted with covariates ({columns}): only predict takes them")
    return getattr(module(fit.model), MODELS[fit.model][1])(fit)
