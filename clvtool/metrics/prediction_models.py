"""Which fitted models to predict from: fits to the orders at hand, or those of a model file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import DataError, FitError, UsageError
from clvtool.metrics.choice import MONEY, fit_model
from clvtool.metrics.covariates import fit_with, refuse_model
from clvtool.metrics.fit import fingerprint, in_words
from clvtool.models.registry import PURCHASES, kind, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvtool.metrics.partition import Partition
    from clvtool.metrics.predictive import Histories
    from clvtool.models.file import ModelFile
    from clvtool.models.fitting import Fit

DEFAULT = "bg-nbd"


@dataclass(frozen=True, slots=True)
class Models:
    """The fits to predict from; `spending` is None where there is none, `notes` say why and what else to know."""

    buying: Fit
    spending: Fit | None
    notes: tuple[str, ...] = ()


def models_for(
    seen: Histories,
    model: str | None,
    saved: str | None,
    currency: str | None,
    *,
    has_amount: bool,
    covariates: Sequence[str] = (),
    groups: Partition | None = None,
) -> Models:
    """Return the models to predict from: those of `saved`, the text of a model file, or fits to these histories.

    `model` names the one of buying; `groups` has the values of the columns `covariates`. Raises FitError when it cannot
    be fitted, UsageError when the name says no model of buying, DataError for a model file that is not right for these
    orders.
    """
    if saved is None:
        return _fitted(seen, model, has_amount=has_amount, covariates=covariates, groups=groups)
    return _loaded(saved, model, seen, currency, has_amount=has_amount)


def covariates_of(saved: str | None, model: str | None) -> list[str]:
    """Return the columns that the model of buying in a model file needs; none without a file."""
    from clvtool.models import file

    return [] if saved is None else [column.name for column in _buying_of(file.loads(saved), model).covariates]


def _fitted(
    seen: Histories, model: str | None, *, has_amount: bool, covariates: Sequence[str], groups: Partition | None
) -> Models:
    """Return the models fitted to the histories.

    Raises FitError when the model of buying cannot be fitted, UsageError for one that is none.
    """
    if covariates:
        refuse_model(model or DEFAULT)
    name = require(model or DEFAULT, PURCHASES)
    if covariates and groups is not None:
        buying, notes = fit_with(covariates, name, groups, seen)
    else:
        buying, notes = fit_model(name, seen, has_amount=has_amount), ()
    said = (*notes, *in_words(buying))
    if not has_amount:
        return Models(buying, None, said)
    try:
        spending = fit_model(MONEY, seen, has_amount=has_amount)
    except FitError as error:
        return Models(buying, None, (*said, f"figures of expected money are empty: {error.message}"))
    return Models(buying, spending, (*said, *in_words(spending)))


def _loaded(saved: str, model: str | None, seen: Histories, currency: str | None, *, has_amount: bool) -> Models:
    """Return the models of a file.

    Raises DataError for a file that is not right for these orders, UsageError for a model that it does not have.
    """
    from clvtool.models import file

    content = file.loads(saved)
    buying = _buying_of(content, model)
    spending = content.fits.get(MONEY) if has_amount else None
    said = in_words(buying)
    if spending is not None:
        if currency is not None and content.currency is not None and currency != content.currency:
            raise DataError(
                f"the orders are in {currency}, the model file in {content.currency}",
                "fit a model to these orders, or put them into one currency with --rates",
            )
        if currency != content.currency:
            said.append("only one of orders and model file names its currency: they are taken to be in the same one")
        said += in_words(spending)
    elif has_amount:
        said.append(f"figures of expected money are empty: the model file has no {MONEY}")
    if content.fingerprint != fingerprint(seen):
        said.append(f"the models were fitted to other data, up to {content.as_of}")
    return Models(buying, spending, tuple(said))


def _buying_of(content: ModelFile, model: str | None) -> Fit:
    """Return the model of buying of a model file, by its name or the only one."""
    there = [name for name in content.fits if kind(name) == PURCHASES]
    if model is not None and require(model, PURCHASES) not in there:
        raise UsageError(f"the model file has no {model}", f"it has: {', '.join(content.fits)}")
    if not there:
        raise DataError("the model file has no model of buying", f"fit one and save it, such as --model {DEFAULT}")
    if model is None and len(there) > 1:
        raise UsageError(f"the model file has several models of buying: {', '.join(there)}", "choose one with --model")
    return content.fits[model or there[0]]
