"""Models of contracts, fitted to retention tables: parameters, and the curve that follows from them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clvtool.errors import UsageError
from clvtool.models.registry import CONTRACTS, module, require
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from clvtool.models.contracts import ContractModel, Renewals
    from clvtool.models.fitting import Fit

ASSUMED = 1000
"""Customers that a table of shares is taken to have where their number is not said."""
SIZELESS = (
    f"shares of an unknown number of customers: no standard errors, and log-likelihoods as of {ASSUMED:,}; "
    "--customers N says how many"
)
PARAMETERS = {
    "estimate": "maximum-likelihood estimate",
    "std_error": "from the curvature of the log-likelihood at its maximum",
    "ci_low": "interval on the log scale, so that a positive parameter has positive bounds",
    "ci_high": "interval on the log scale, so that a positive parameter has positive bounds",
}
CURVE = {
    "period": "periods since the contract began",
    "observed_share": "share of customers still there at the end of the period; empty where nobody has seen it yet",
    "survival_share": "the same by the model",
    "retention_rate": "by the model: of those there after the period before, the share that renewed",
    "residual_periods": "further periods that a customer still there is worth just before a renewal: the next one in "
    "full, later ones discounted (DERL)",
}


@dataclass(frozen=True, slots=True)
class Cohort:
    """What is left of customers who began together after 0, 1, 2, … periods: counts, or shares of an unknown number."""

    group: str | None
    alive: tuple[float, ...]
    shares: bool


@dataclass(frozen=True, slots=True)
class _Fitted:
    group: str | None
    model: ContractModel
    observed: tuple[float, ...]


def fit_contracts(
    cohorts: Sequence[Cohort],
    names: Sequence[str],
    *,
    by: str | None = None,
    customers: int | None = None,
    periods: int | None = None,
    curve: bool = False,
    discount: float | None = None,
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> Result:
    """Return `model parameter estimate std_error ci_low ci_high` for each model, one fit a group with `by`.

    With `curve` the table has a row a period instead (see `CURVE`), up to `periods`, or as far as the longest cohort.
    Cohorts of one group are fitted together. `discount` is a rate per period, and adds what is to come. Shares count
    for `customers` each; without it there are no standard errors. `extra` has the fits and their curves;
    `metadata["model"]` is the text of a model file. Raises FitError where there are too few periods to fit.
    """
    from clvtool.models import file

    if customers is not None and customers < 1:
        raise UsageError(f"--customers {customers}: there must be at least one", "such as --customers 1000")
    if periods is not None and not 1 <= periods <= 10_000:
        raise UsageError(f"--periods {periods} is not between 1 and 10,000", "such as --periods 12")
    shares = any(cohort.shares for cohort in cohorts)
    if customers is not None and not shares:
        raise UsageError("--customers is for tables of shares; this one has counts", "leave it out")
    size = (customers or ASSUMED) if shares else 1
    wanted = [require(name, CONTRACTS) for name in dict.fromkeys(names)]
    fits = [
        _fit(group, name, [tuple(size * one for one in cohort.alive) for cohort in cohorts if cohort.group == group])
        for group in dict.fromkeys(cohort.group for cohort in cohorts)
        for name in wanted
    ]
    if shares and customers is None:
        fits = [replace(one, model=replace(one.model, fit=_without_size(one.model.fit))) for one in fits]
        notes = [*notes, SIZELESS]
    last = periods or max(len(cohort.alive) for cohort in cohorts) - 1
    curves = _curves(fits, last, discount)
    parameters = _parameters(fits, level)
    table = curves if curve else parameters
    name = by if by is not None and by not in table.columns else "group"
    table = table.drop("group") if by is None else table.rename({"group": name})
    text = file.dumps([one.model.fit for one in fits], fingerprint=_fingerprint(cohorts), currency=None, as_of=None)
    return Result(
        name="fit",
        title="Retention curves" if curve else "Fitted models",
        table=table,
        notes=(*notes, *(words for one in fits for words in _in_words(one))),
        definitions={name: text for name, text in (CURVE if curve else PARAMETERS).items() if name in table.columns},
        extra={"models": [_plain(one) for one in fits], "curve": (curves if by else curves.drop("group")).to_dicts()},
        metadata={} if by is not None else {"model": text},
    )


def _fit(group: str | None, name: str, alive: list[tuple[float, ...]]) -> _Fitted:
    from clvtool.models.contracts import Renewals

    renewals = Renewals.of(alive)
    model: ContractModel = module(name).fit(renewals)
    return _Fitted(group, model, _observed(alive, renewals))


def _observed(cohorts: list[tuple[float, ...]], renewals: Renewals) -> tuple[float, ...]:
    """Return the observed share still there after 0, 1, … periods; of unequal cohorts, the rates of renewal chained."""
    import numpy as np

    if len({len(cohort) for cohort in cohorts}) == 1:
        left = np.sum(cohorts, axis=0)
        return tuple((left / left[0]).tolist())
    rates = renewals.stayed / (renewals.stayed + renewals.left)
    return tuple(np.append(1.0, rates.cumprod()).tolist())


def _without_size(fit: Fit) -> Fit:
    import numpy as np

    return replace(fit, std_errors=dict.fromkeys(fit.parameters), covariance=np.zeros_like(fit.covariance))


def _parameters(fits: Sequence[_Fitted], level: float) -> pl.DataFrame:
    import polars as pl

    from clvtool.models.fitting import confidence_interval

    rows = []
    for one in fits:
        fit = one.model.fit
        for parameter, estimate in fit.parameters.items():
            bounds = confidence_interval(fit, parameter, level) or (None, None)
            rows.append((one.group, fit.model, parameter, estimate, fit.std_errors[parameter], *bounds))
    texts = dict.fromkeys(("group", "model", "parameter"), pl.String)
    schema = texts | dict.fromkeys(("estimate", "std_error", "ci_low", "ci_high"), pl.Float64)
    return pl.DataFrame(rows, schema=schema, orient="row")


def _curves(fits: Sequence[_Fitted], last: int, discount: float | None) -> pl.DataFrame:
    import polars as pl

    parts = []
    for one in fits:
        seen = [*one.observed, *[None] * last][: last + 1]
        further = {} if discount is None else {"residual_periods": one.model.residual(last, discount)}
        parts.append(
            pl.DataFrame(
                {
                    "group": pl.Series([one.group] * (last + 1), dtype=pl.String),
                    "model": one.model.fit.model,
                    "period": range(last + 1),
                    "observed_share": pl.Series(seen, dtype=pl.Float64),
                    "survival_share": one.model.survival(last),
                    "retention_rate": pl.Series([None, *one.model.retention(last).tolist()], dtype=pl.Float64),
                    **further,
                }
            )
        )
    return pl.concat(parts)


def _plain(one: _Fitted) -> Mapping[str, Any]:
    from clvtool.metrics.fit import model_in_json

    return ({} if one.group is None else {"group": one.group}) | model_in_json(one.model.fit)


def _in_words(one: _Fitted) -> list[str]:
    from clvtool.metrics.fit import in_words

    return [words if one.group is None else f"{one.group}, {words}" for words in in_words(one.model.fit)]


def _fingerprint(cohorts: Sequence[Cohort]) -> str:
    return hashlib.sha256(repr([cohort.alive for cohort in cohorts]).encode()).hexdigest()[:16]
