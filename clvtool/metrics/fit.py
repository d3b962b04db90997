"""Models of buying, leaving and spending, fitted to an order log."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from clvtool.errors import FitError
from clvtool.metrics.customers import customers
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.predictive import Histories, histories
from clvtool.models.registry import module
from clvtool.periods import day_number
from clvtool.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.models.fitting import Fit

MONEY = "gamma-gamma"
"""The model of spending; all others are models of buying and leaving, and need no money."""
USUAL = ("bg-nbd", MONEY)
"""What is fitted when no model is named."""
DEFINITIONS = {
    "estimate": "maximum-likelihood estimate; times in weeks, money in the currency of the orders",
    "std_error": "from the curvature of the log-likelihood at its maximum",
    "ci_low": "interval on the log scale, so that a positive parameter has positive bounds",
    "ci_high": "interval on the log scale, so that a positive parameter has positive bounds",
}


def fit(
    orders: pl.DataFrame,
    names: Sequence[str] = (),
    policies: Policies | None = None,
    *,
    level: float = 0.95,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return `model parameter estimate std_error ci_low ci_high` for each model asked for, or for the usual two.

    All customers of the log are used. `extra["models"]` has name, log-likelihood, n, unit, convergence and warnings of
    each; `metadata["model"]` is the text of a model file. Raises FitError when a model cannot be fitted, UsageError for
    one that does not exist.
    """
    import polars as pl

    from clvtool.models import file
    from clvtool.models.fitting import confidence_interval

    wanted = [name for name in names or USUAL if module(name)]
    log = order_log(orders, policies or Policies())
    seen = histories(customers(log), day_number(log.as_of))
    if not names and not log.has_amount:
        wanted.remove(MONEY)
        notes = [*notes, f"there is no amount column: {MONEY} is left out"]
    fits = [fit_model(name, seen, has_amount=log.has_amount) for name in dict.fromkeys(wanted)]
    rows = []
    for one in fits:
        for parameter, estimate in one.parameters.items():
            bounds = confidence_interval(one, parameter, level) or (None, None)
            rows.append((one.model, parameter, estimate, one.std_errors[parameter], *bounds))
    columns = ("model", "parameter", "estimate", "std_error", "ci_low", "ci_high")
    schema = {name: pl.String if name in {"model", "parameter"} else pl.Float64 for name in columns}
    models = [
        {
            "name": one.model,
            "log_likelihood": one.log_likelihood,
            "n_customers": one.n_customers,
            "unit": one.unit,
            "converged": one.converged,
            "warnings": list(one.warnings),
        }
        for one in fits
    ]
    used = "all customers are used; compute leaves out those who may be older than the log, as a note there says"
    return Result(
        name="fit",
        title="Fitted models",
        table=pl.DataFrame(rows, schema=schema, orient="row"),
        notes=(*notes, *log.notes, *(words for one in fits for words in in_words(one)), used),
        as_of=log.as_of,
        currency=currency,
        definitions=DEFINITIONS,
        extra={"models": models},
        metadata={"model": file.dumps(fits, fingerprint=fingerprint(seen), currency=currency, as_of=log.as_of)},
    )


def fit_model(name: str, seen: Histories, *, has_amount: bool) -> Fit:
    """Return a model fitted to the histories of all customers. Raises FitError when it cannot be."""
    from clvtool.models.histories import Histories as Collapsed

    model = module(name)
    if name != MONEY:
        purchases: Fit = model.fit(Collapsed.from_arrays(seen.x, seen.t_x, seen.T)).fit
        return purchases
    if not has_amount:
        raise FitError(f"{name} needs money: there is no amount column", "say it with --map amount=COLUMN")
    again = seen.x > 0
    spending: Fit = model.fit(seen.x[again], seen.m[again]).fit
    return spending


def in_words(one: Fit) -> list[str]:
    """Return how a fit ended, and its warnings."""
    ended = f"log-likelihood {one.log_likelihood:.4f}, {one.n_customers:,} customers"
    said = f"{one.model}: {ended}, {'converged' if one.converged else 'not converged'}"
    return [said, *(f"{one.model}: {warning}" for warning in one.warnings)]


def fingerprint(seen: Histories) -> str:
    """Return a short digest of the histories, the same for any order of the customers and whatever their names."""
    import numpy as np

    order = np.lexsort((seen.m, seen.T, seen.t_x, seen.x))
    digest = hashlib.sha256()
    for column in (seen.x, seen.t_x, seen.T, seen.m):
        digest.update(np.ascontiguousarray(column[order]).tobytes())
    return digest.hexdigest()[:16]
