"""Models of buying, leaving and spending, fitted to an order log."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from clvtool.errors import FitError, UsageError
from clvtool.metrics import comparison as compares
from clvtool.metrics.choice import MONEY, Cuts, choose, compared, fit_model, fit_named
from clvtool.metrics.customers import customers
from clvtool.metrics.opportunities import fit_opportunities, opportunities
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.predictive import FEWEST_REPEATERS, Histories, histories
from clvtool.models.registry import AUTO, COMPARED, OPPORTUNITIES, kind, module
from clvtool.periods import day_number
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.metrics.choice import Choice
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.models.fitting import Fit

DEFINITIONS = {
    "estimate": "maximum-likelihood estimate; times in weeks, money in the currency of the orders",
    "std_error": "from the curvature of the log-likelihood at its maximum",
    "ci_low": "interval on the log scale, so that a positive parameter has positive bounds",
    "ci_high": "interval on the log scale, so that a positive parameter has positive bounds",
}
ALL_USED = "all customers are used; compute leaves out those who may be older than the log, as a note there says"


def fit(
    orders: pl.DataFrame,
    names: Sequence[str] = (),
    policies: Policies | None = None,
    cuts: Cuts | None = None,
    *,
    opportunity: str | None = None,
    level: float = 0.95,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return `model parameter estimate std_error ci_low ci_high` for each model asked for.

    Without a name, or with `auto`: the model of buying that does best on hold-outs (`cuts` says where), and that of
    spending where there is money. All customers of the log are used. `extra["models"]` has name, log-likelihood, n,
    unit, convergence and warnings of each, `extra["comparison"]` the rows of `compare_models`; `metadata["model"]` is
    the text of a model file. `opportunity` (week, month, year) is for bg-bb. Raises FitError when a model cannot be
    fitted, UsageError for one that does not exist or reads no orders.
    """
    from clvtool.models import file

    wanted = [name for name in dict.fromkeys(names) if name == AUTO or module(name)]
    auto = wanted in ([], [AUTO])
    if AUTO in wanted and not auto:
        raise UsageError(f"--model {AUTO} goes alone", f"leave out --model {AUTO}, or the others")
    if not auto and cuts is not None and cuts != Cuts():
        raise UsageError("--cutoff and --holdout are for comparing models", f"take --model {AUTO}, or --compare")
    log = order_log(orders, policies or Policies())
    del orders
    found = customers(log)
    log = log.without_events()
    as_of = day_number(log.as_of)
    seen = histories(found, as_of)
    extra: dict[str, Any] = {}
    said: list[str] = []
    if auto:
        choice = choose(found, seen, log, cuts or Cuts())
        spending, why = spending_where_money(seen, log)
        fits = [choice.fit, *spending]
        said = [*choice.notes, *why]
        extra = _compared(choice)
    else:
        fits = []
        for name in wanted:
            if kind(name) == OPPORTUNITIES:
                counted = opportunities(found, as_of, opportunity)
                said += counted.in_words()
                fits.append(fit_opportunities(name, counted))
            else:
                fits.append(fit_named(name, seen, has_amount=log.has_amount))
    used = [ALL_USED] if any(kind(one.model) != OPPORTUNITIES for one in fits) else []
    return Result(
        name="fit",
        title="Fitted models",
        table=_table(fits, level),
        notes=(*notes, *log.notes, *said, *(words for one in fits for words in in_words(one)), *used),
        as_of=log.as_of,
        currency=currency,
        definitions=DEFINITIONS,
        extra={"models": [model_in_json(one) for one in fits], **extra},
        metadata={"model": file.dumps(fits, fingerprint=fingerprint(seen), currency=currency, as_of=log.as_of)},
    )


def compare_models(
    orders: pl.DataFrame,
    names: Sequence[str] = (),
    policies: Policies | None = None,
    cuts: Cuts | None = None,
    *,
    notes: Sequence[str] = (),
) -> Result:
    """Return how models of buying do on hold-outs (see `comparison.COLUMNS`), those named or all.

    Raises UsageError for cut-offs outside the log or a name that is no model of buying, DataError when the log is too
    short, FitError when no model can be fitted.
    """
    wanted = [name for name in dict.fromkeys(names) if name != AUTO and module(name)] or list(COMPARED)
    for name in wanted:
        if name not in COMPARED:
            raise UsageError(f"--compare does not know {name}", f"it compares models of buying: {', '.join(COMPARED)}")
    log = order_log(orders, policies or Policies())
    comparison = compared(customers(log), log, cuts or Cuts(), wanted)
    chosen = comparison.ranked[0].name
    table = compares.table(comparison, chosen)
    return Result(
        name="fit",
        title="Models of buying, judged by orders they have not seen",
        table=table,
        screen=table,
        notes=(*notes, *log.notes, *compares.told(comparison, chosen)),
        as_of=log.as_of,
        definitions={name: meaning for name, meaning in compares.COLUMNS.items() if meaning},
    )


def spending_where_money(seen: Histories, log: OrderLog) -> tuple[list[Fit], list[str]]:
    """Return the model of spending where there can be one, or why there is none."""
    if not log.has_amount:
        return [], [f"there is no amount column: {MONEY} is left out"]
    try:
        return [fit_model(MONEY, seen, has_amount=True)], []
    except FitError as error:
        return [], [f"{MONEY} is left out: {error.message}"]


def _compared(choice: Choice) -> dict[str, Any]:
    if choice.comparison is None:
        return {"comparison": []}
    return {"comparison": compares.rows(choice.comparison, choice.fit.model)}


def _table(fits: Sequence[Fit], level: float) -> pl.DataFrame:
    import polars as pl

    from clvtool.models.fitting import confidence_interval

    rows = []
    for one in fits:
        for parameter, estimate in one.parameters.items():
            bounds = confidence_interval(one, parameter, level) or (None, None)
            rows.append((one.model, parameter, estimate, one.std_errors[parameter], *bounds))
        if "k" in one.facts:
            rows.append((one.model, "k", one.facts["k"], None, None, None))
    columns = ("model", "parameter", "estimate", "std_error", "ci_low", "ci_high")
    schema = {name: pl.String if name in {"model", "parameter"} else pl.Float64 for name in columns}
    return pl.DataFrame(rows, schema=schema, orient="row")


def model_in_json(one: Fit) -> dict[str, Any]:
    """Return what JSON says of a fit besides its parameters."""
    return {
        "name": one.model,
        "log_likelihood": one.log_likelihood,
        "n_customers": one.n_customers,
        "unit": one.unit,
        "converged": one.converged,
        "gradient_norm": one.gradient_norm,
        "hessian": "flat" if one.flat else "definite",
        "flat_directions": list(one.flat),
        "warnings": list(one.warnings),
    }


def in_words(one: Fit) -> list[str]:
    """Return how a fit ended, and its warnings."""
    ended = f"log-likelihood {one.log_likelihood:.4f}, {one.n_customers:,} customers"
    hessian = f"Hessian flat along {'; '.join(one.flat)}" if one.flat else "Hessian definite"
    convergence = (
        f"{'converged' if one.converged else 'not converged'} (gradient norm {one.gradient_norm:.1g}, {hessian})"
    )
    return [
        f"{one.model}: {ended}, {convergence}",
        *(f"{one.model}: {warning}" for warning in (*one.warnings, *_too_few(one))),
    ]


def _too_few(one: Fit) -> list[str]:
    """Say that too few customers came back to learn from: where `compute` has no clv_predictive."""
    again = one.facts.get("repeat_customers", FEWEST_REPEATERS)
    if again >= FEWEST_REPEATERS:
        return []
    words = (
        f"only {again:,.0f} of {one.n_customers:,} customers bought again: the parameters mean little, nor does what"
    )
    return [f"{words} is predicted from them (compute asks for {FEWEST_REPEATERS})"]


def fingerprint(seen: Histories) -> str:
    """Return a short digest of the histories, the same for any order of the customers and whatever their names."""
    import numpy as np

    order = np.lexsort((seen.m, seen.T, seen.t_x, seen.x))
    digest = hashlib.sha256()
    for column in (seen.x, seen.t_x, seen.T, seen.m):
        digest.update(np.ascontiguousarray(column[order]).tobytes())
    return digest.hexdigest()[:16]
