"""What covariates do to buying and to leaving: the answer of `fit --covariate`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.metrics.choice import MONEY, fit_named
from clvtool.metrics.covariates import coded, refuse_columns, refuse_model
from clvtool.metrics.customers import customers
from clvtool.metrics.fit import DEFINITIONS, fingerprint, in_words, model_in_json, spending_where_money
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.predictive import histories
from clvtool.periods import day_number
from clvtool.result import Result
from clvtool.stats import chi_square_tail, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.metrics.covariates import Coded
    from clvtool.models.covariates import Column
    from clvtool.models.fitting import Fit

COLUMNS = ("model", "parameter", "estimate", "std_error", "ci_low", "ci_high", "ratio", "meaning")
MEANINGS = {
    "parameter": "those of the model are of customers of all reference values; rate: and leaving: are effects of a "
    "value against the reference of its column, on the logarithm of the purchase rate and on leaving",
    "ci_low": "interval on the log scale; of an effect: estimate - z * std_error",
    "ci_high": "interval on the log scale; of an effect: estimate + z * std_error",
    "ratio": "exp(estimate): how many times the purchase rate, or the odds (Pareto/NBD: the rate) of leaving, of the "
    "reference",
    "meaning": "an effect in words; a factor is named where its interval leaves 1 out",
}


USUAL = "bg-nbd"
"""The model of buying where none is named; that of money is fitted beside it where there is any."""


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """A test: a fit with the columns against one without them.

    `freedom` is the number of effects that are left out; those on which nothing in the data depends do not count.
    """

    model: str
    columns: tuple[str, ...]
    statistic: float
    freedom: int

    @property
    def p_value(self) -> float:
        """Return the probability of such a gain, or a larger one, if the columns had no effect."""
        return chi_square_tail(self.statistic, self.freedom) if self.freedom else 1.0

    def in_words(self) -> str:
        """Return the test as a sentence."""
        shown = "< 0.0001" if self.p_value < 1e-4 else f"= {self.p_value:.4f}"
        return (
            f"{self.model}: likelihood-ratio test of {' and '.join(self.columns)}: chi-square {self.statistic:.2f}, "
            f"{self.freedom} degrees of freedom, p {shown}"
        )


def effects(
    orders: pl.DataFrame,
    columns: Sequence[str],
    names: Sequence[str] = (),
    policies: Policies | None = None,
    *,
    level: float = 0.95,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return the parameters of each model with the effects of `columns` among them (see `COLUMNS`).

    Without `names`, the model is BG/NBD, and that of money where there is any; a model of money is fitted as it is.
    `extra["tests"]` has the likelihood-ratio tests: of all columns together and, where there are several, of each.
    Raises UsageError for a model that takes no covariates, DataError for a column that is not there or has no two
    levels, FitError when a model cannot be fitted.
    """
    import polars as pl

    from clvtool.models import file

    wanted = list(dict.fromkeys(names or [USUAL]))
    for name in wanted:
        if name != MONEY:
            refuse_model(name)
    refuse_columns(columns)
    log = order_log(orders, policies or Policies(), columns)
    del orders
    found = customers(log)
    seen = histories(found, day_number(log.as_of))
    cells = coded(log.groups, found.groups, seen)
    fits, tests = [], []
    for name in wanted:
        plain = fit_named(name, seen, has_amount=log.has_amount)
        if name == MONEY:
            fits.append(plain)
            continue
        whole, said = tested(name, cells, plain)
        fits.append(whole)
        tests += said
    spending, why = ([], []) if names else spending_where_money(seen, log)
    fits += spending
    table = pl.DataFrame(
        [row for one in fits for row in _rows(one, level)],
        schema={name: pl.String if name in {"model", "parameter", "meaning"} else pl.Float64 for name in COLUMNS},
        orient="row",
    )
    return Result(
        name="fit",
        title="Fitted models with covariates",
        table=table,
        screen=table.select("model", "parameter", "estimate", "meaning", "std_error", "ci_low", "ci_high", "ratio"),
        notes=(
            *notes,
            *log.notes,
            *dict.fromkeys(
                f"{column.name}: the reference is {column.levels[0]}" for one in fits for column in one.covariates
            ),
            *cells.notes,
            *why,
            *(test.in_words() for test in tests),
            *(words for one in fits for words in in_words(one)),
        ),
        as_of=log.as_of,
        currency=currency,
        definitions=DEFINITIONS | MEANINGS,
        extra={
            "models": [
                model_in_json(one)
                | {"covariates": [{"column": column.name, "levels": list(column.levels)} for column in one.covariates]}
                for one in fits
            ],
            "tests": [
                {
                    "model": test.model,
                    "columns": list(test.columns),
                    "statistic": test.statistic,
                    "degrees_of_freedom": test.freedom,
                    "p_value": test.p_value,
                }
                for test in tests
            ],
        },
        metadata={"model": file.dumps(fits, fingerprint=fingerprint(seen), currency=currency, as_of=log.as_of)},
    )


def tested(name: str, cells: Coded, plain: Fit) -> tuple[Fit, list[LikelihoodRatio]]:
    """Return the fit with all columns, and its tests: against `plain`, and against the fit without each column."""
    from clvtool.models.covariate_fit import fit_covariates, without

    def test(columns: Sequence[Column], smaller: Fit) -> LikelihoodRatio:
        gain = max(0.0, 2 * (whole.log_likelihood - smaller.log_likelihood))
        return LikelihoodRatio(name, tuple(column.name for column in columns), gain, _freedom(whole, columns))

    whole = fit_covariates(name, cells.columns, cells.cells, plain)
    tests = [test(cells.columns, plain)]
    if len(cells.columns) > 1:
        for at, column in enumerate(cells.columns):
            tests.append(test([column], fit_covariates(name, *without(cells.columns, cells.cells, at), plain)))
    return whole, tests


def _freedom(whole: Fit, columns: Sequence[Column]) -> int:
    """Return how many effects these columns have; one without influence is at 0 and has no standard error."""
    from clvtool.models.covariates import effect_names

    own = effect_names([column for column in whole.covariates if column.name in {one.name for one in columns}])
    return sum(whole.std_errors[name] is not None or whole.parameters[name] != 0 for name in own)


def _rows(one: Fit, level: float) -> list[tuple[object, ...]]:
    """Return the rows of a fit: the model's parameters, then the effects."""
    from clvtool.models.covariates import LEAVING, RATE
    from clvtool.models.fitting import confidence_interval

    leaving = "leaves at {} times the rate of" if one.model == "pareto-nbd" else "odds of leaving {} times those of"
    effects = {
        kind + effect: (what, f"{column.name}={column.levels[0]}")
        for kind, what in ((RATE, "buys {} times as often as"), (LEAVING, leaving))
        for column in one.covariates
        for effect in column.effects
    }
    rows: list[tuple[object, ...]] = []
    for parameter, estimate in one.parameters.items():
        error = one.std_errors[parameter]
        if parameter in effects:
            figures = _effect(estimate, error, level, *effects[parameter])
        else:
            figures = (estimate, error, *(confidence_interval(one, parameter, level) or (None, None)), None, None)
        rows.append((one.model, parameter, *figures))
    return rows


def _effect(estimate: float, error: float | None, level: float, what: str, reference: str) -> tuple[object, ...]:
    """Return an effect as figures and in words; one that the data do not determine has no figures."""
    if error is None:
        return (None, None, None, None, None, "not determined by the data: see the notes")
    half = normal_quantile(level) * error
    low, high = estimate - half, estimate + half
    words = f"{what.format(f'{math.exp(estimate):.2f}')} {reference} ({math.exp(low):.2f} to {math.exp(high):.2f})"
    if low <= 0 <= high:
        words = f"no clear difference from {reference}"
    return estimate, error, low, high, math.exp(estimate), words
