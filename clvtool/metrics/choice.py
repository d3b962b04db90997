"""Which model of buying: the one asked for, or the one that does best on purchases it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import DataError, FitError
from clvtool.metrics.comparison import told
from clvtool.metrics.cutoffs import windows
from clvtool.metrics.holdout import Comparison, compare
from clvtool.models.registry import COMPARED, PURCHASES, is_regular, module, require

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.metrics.predictive import Histories
    from clvtool.models.fitting import Fit
    from clvtool.periods import Duration

MONEY = "gamma-gamma"
"""The model of spending; all others are models of buying and leaving, and need no money."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where the log is cut for a hold-out, and how long that lasts; empty: see `cutoffs.windows`."""

    cutoffs: tuple[date, ...] = ()
    holdout: Duration | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The model taken, how it compared with the others (None where they were not compared), and what to say of it."""

    fit: Fit
    comparison: Comparison | None
    notes: tuple[str, ...]


def compared(found: Customers, log: OrderLog, cuts: Cuts, names: Sequence[str] = COMPARED) -> Comparison:
    """Return how the models do on the hold-outs of the log.

    Raises UsageError for cut-offs outside it, DataError when it is too short, FitError when nothing can be fitted.
    """
    return compare(found, names, windows(log.first_day, log.as_of, cuts.cutoffs, cuts.holdout))


def choose(found: Customers, seen: Histories, log: OrderLog, cuts: Cuts) -> Choice:
    """Return the model of buying to take, fitted to the whole log: the best on the hold-outs, see `Comparison.ranked`.

    Where nothing can be compared, and where the best cannot be fitted to the whole log, it is the next that can be.
    Raises FitError when none can.
    """
    comparison, said = None, []
    order: Sequence[str] = COMPARED
    try:
        comparison = compared(found, log, cuts)
        order = [one.name for one in comparison.ranked]
    except (DataError, FitError) as error:
        said.append(f"the models of buying are not compared: {error.message}")
    reasons = []
    for name in order:
        try:
            fit = fit_model(name, seen, has_amount=log.has_amount)
        except FitError as error:
            reasons.append(f"{name} is not taken: {error.message}")
            continue
        if not fit.converged and name != order[-1]:
            reasons.append(f"{name} is not taken: its fit does not converge")
            continue
        if comparison is None:
            said.append(f"{name} is taken without a comparison")
        else:
            said += told(comparison, name)
        return Choice(fit, comparison, (*said, *reasons))
    raise FitError(
        f"no model of buying can be fitted: {reasons[0].partition(': ')[2]}", "take a longer period, or more customers"
    )


def fit_named(name: str, seen: Histories, *, has_amount: bool) -> Fit:
    """Return the model asked for by name, fitted. Raises FitError with the reason, and the model that could be."""
    try:
        return fit_model(name, seen, has_amount=has_amount)
    except FitError as error:
        for other in (*COMPARED, MONEY):
            try:
                fit_model(other, seen, has_amount=has_amount)
            except FitError:
                continue
            could = f"{other} can be fitted: --model {other}"
            break
        else:
            could = "no other model can be fitted to these orders either"
        raise FitError(error.message, f"{error.hint}; {could}" if error.hint else could) from None


def fit_model(name: str, seen: Histories, *, has_amount: bool) -> Fit:
    """Return a model fitted to the histories of all customers. Raises FitError when it cannot be."""
    from clvtool.models.histories import Histories as Collapsed

    model = module(name if name == MONEY else require(name, PURCHASES))
    if name != MONEY:
        collapsed = Collapsed.from_arrays(seen.x, seen.t_x, seen.T)
        purchases: Fit = (model.fit(collapsed, seen.log_gaps) if is_regular(name) else model.fit(collapsed)).fit
        return purchases
    if not has_amount:
        raise FitError(f"{name} needs money: there is no amount column", "say it with --map amount=COLUMN")
    again = seen.x > 0
    spending: Fit = model.fit(seen.x[again], seen.m[again]).fit
    return spending
