"""What the customers, and those who will come, are expected to buy in each of the next periods."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from clvtool.errors import FitError, UsageError
from clvtool.metrics.activity import check as check_period
from clvtool.metrics.ahead import TOTAL, look_ahead
from clvtool.metrics.customers import customers
from clvtool.metrics.forecast_check import DEFINITIONS as OF_CHECK
from clvtool.metrics.forecast_check import actual, after_cutoff, check, held_out, too_little
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.metrics.prediction_models import models_for
from clvtool.metrics.predictive import histories
from clvtool.metrics.remarks import beyond_the_log, left_out, of_groups
from clvtool.periods import DAYS, Period, day_number, period_of, periods_after, periods_between
from clvtool.result import Plot, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    import polars as pl

    from clvtool.metrics.ahead import Ahead
    from clvtool.metrics.customers import Customers
    from clvtool.metrics.forecast_check import Check
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.metrics.predictive import Histories

LONGEST_YEARS = 10
MOST_PERIODS = 400
DEFINITIONS = {
    "period": (
        "calendar {period}; {total}: all of them together, in which a buyer counts once; (rest): what is left of a "
        "{period} that has begun (whole: no)"
    ),
    "orders": "expected purchase days: what a customer buys on one day counts once",
    "orders_low": "interval at {level:g} %: chance, the parameters of the models, and how many new customers come",
    "revenue": (
        "purchase days × expected money of each (Gamma-Gamma); the first purchase day of new customers at the mean "
        "of those so far, {first}"
    ),
    "active_customers": "customers expected to buy in the {period}",
    "new_customers": "customers expected to buy for the first time",
    "existing_orders": "of these, those of customers who have bought up to {as_of}; new_orders: those of the others",
}
ON_SCREEN = (
    *("period", "orders", "orders_low", "orders_high", "revenue", "revenue_low", "revenue_high"),
    *("active_customers", "new_customers", "existing_orders", "new_orders"),
)
OF_GROUPS = ("groups: the models are fitted to all customers; groups differ by who is in them and by how many come",)
SEASONS = "seasons, campaigns and changes of price or range are not in the models, nor in the intervals"


def forecast(
    orders: pl.DataFrame,
    periods: int = 12,
    policies: Policies | None = None,
    *,
    period: str = "month",
    by: Sequence[str] = (),
    model: str | None = None,
    saved: str | None = None,
    new_customers: float | None = None,
    level: float = 0.95,
    cutoff: date | None = None,
    backtest: bool = False,
    currency: str | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Return one row a calendar period after the day of the analysis, and one of all together; per group with `by`.

    What is left of a period that has begun comes first, before `periods` whole ones. Models are fitted, or come from
    `saved`, as in `predict`; new customers come as lately, or `new_customers` in each period. `extra["holdout"]` is a
    forecast from an earlier day beside what happened (see `forecast_check`), which is the table with `backtest`.
    Raises UsageError for a horizon or cut-off out of range, FitError when a model cannot be fitted.
    """
    _check(periods, period, new_customers, level)
    if by and (backtest or new_customers is not None):
        name = "--backtest" if backtest else "--new-customers"
        raise UsageError(f"{name} is about all customers, --by about groups of them", "leave one of them out")
    policies = policies or Policies()
    log = order_log(orders, policies, by)
    spans = held_out(log, period, periods) if cutoff is None else after_cutoff(log, period, cutoff)
    if backtest and not spans:
        raise UsageError(_too_short(log, period), "shorter periods, such as --period week, or --cutoff DATE")
    found = customers(log)
    log = log.without_events()
    seen = histories(found, day_number(log.as_of))
    models = models_for(seen, model, saved, currency, has_amount=log.has_amount)
    checked: Check | None = None
    verdict = _too_short(log, period)
    if spans:
        try:
            checked = check(orders, policies, found, log, spans, period, models.buying.model, level)
            verdict = checked.words
        except FitError as error:
            if backtest or cutoff is not None:
                raise
            verdict = too_little(error, spans[0].first - timedelta(days=1))
    del orders
    about = [*notes, *log.notes, *left_out(log, found)]
    if not log.has_amount:
        about.append("there is no column with money: revenue is empty")
    if checked is not None and backtest:
        words = {"cutoff": checked.cutoff, "level": level * 100}
        return Result(
            name="forecast",
            title=f"A forecast up to {checked.cutoff}, and what happened",
            table=checked.table,
            notes=(*about, *checked.notes, verdict, SEASONS),
            as_of=log.as_of,
            currency=currency,
            definitions={name: text.format_map(words) for name, text in OF_CHECK.items()},
        )
    upcoming = periods_after(log.as_of, period, periods)
    ahead = look_ahead(seen, models, log.first_day, log.as_of, upcoming, period, new_customers)
    whole = ahead.table(level)
    table = _with_groups(whole, seen, found, log, lambda part: look_ahead(
        part, models, log.first_day, log.as_of, upcoming, period, None
    ).table(level))  # fmt: skip
    return Result(
        name="forecast",
        title=f"Forecast by {period}",
        table=table,
        notes=(
            *about,
            *of_groups(log, found),
            *(OF_GROUPS if log.groups else ()),
            *models.notes,
            *_running(found, log, upcoming, period),
            ahead.arrivals.words,
            *beyond_the_log(log, (upcoming[-1].last - log.as_of).days, "the forecast"),
            verdict,
            SEASONS,
        ),
        as_of=log.as_of,
        currency=currency,
        definitions=_definitions(ahead, log, level),
        extra={"holdout": checked.as_json() if checked else None},
        screen=_on_screen(table),
        plot=_plot(found, log, whole, period, has_money=models.spending is not None),
    )


def _with_groups(
    whole: pl.DataFrame,
    seen: Histories,
    found: Customers,
    log: OrderLog,
    answer: Callable[[Histories], pl.DataFrame],
) -> pl.DataFrame:
    """Return the table of all customers and, below it, that of each group, from fits to all customers."""
    import polars as pl

    if not log.groups:
        return whole
    labels = [f"{name}_group" if name in whole.columns else name for name in log.groups]
    parts = [((TOTAL,) * len(labels), whole)]
    parts += [
        (name, answer(seen.only(found.groups.customer == place))) for place, name in enumerate(found.groups.names)
    ]
    return pl.concat(
        part.select(*(pl.lit(text).alias(label) for label, text in zip(labels, name, strict=True)), pl.all())
        for name, part in parts
    )


def _on_screen(table: pl.DataFrame) -> pl.DataFrame:
    """Return the columns for people; what is left of a period that has begun is marked."""
    import polars as pl

    rest = ~pl.col("whole") & (pl.col("period") != TOTAL)
    marked = table.with_columns(period=pl.col("period") + pl.when(rest).then(pl.lit(" (rest)")).otherwise(pl.lit("")))
    return marked.select(*table.columns[: table.columns.index("period")], *ON_SCREEN)


def _definitions(ahead: Ahead, log: OrderLog, level: float) -> dict[str, str]:
    words = {
        "period": ahead.unit,
        "total": TOTAL,
        "level": level * 100,
        "as_of": log.as_of,
        "first": f"{ahead.arrivals.first_value:,.2f}",
    }
    return {name: text.format_map(words) for name, text in DEFINITIONS.items() if name != "revenue" or log.has_amount}


def _too_short(log: OrderLog, unit: str) -> str:
    return f"there is no hold-out check: no complete {unit} lies in the last third of the log ({log.days} days)"


def _check(periods: int, period: str, new_customers: float | None, level: float) -> None:
    check_period(period, "period")
    most = min(MOST_PERIODS, int(LONGEST_YEARS * DAYS["year"] / DAYS[period]))
    if not 1 <= periods <= most:
        raise UsageError(f"--periods {periods}: a forecast has 1 to {most} {period}s")
    if new_customers is not None and not 0 <= new_customers <= 1e9:
        raise UsageError(f"--new-customers {new_customers:g} is no number of customers", "it is per period, 0 or more")
    if not 0 < level < 1:
        raise UsageError(f"--level {level:g} is not between 0 and 1", "95 % is --level 0.95")


def _running(found: Customers, log: OrderLog, upcoming: Sequence[Period], unit: str) -> list[str]:
    """Say what the first row holds where a period has begun, and what has been bought in it so far."""
    rest = upcoming[0]
    begun = period_of(rest.first, unit)
    if rest == begun:
        return []
    so_far = actual(found, [Period(begun.label, begun.first, log.as_of)], has_amount=log.has_amount)
    days = (rest.last - rest.first).days + 1
    money = "" if so_far["revenue"][0] is None else f" and revenue of {so_far['revenue'][0]:,.2f}"
    said = (
        f"{rest.label} is not over: its row is what is left of it, {days} day{'' if days == 1 else 's'} from "
        f"{rest.first} on; up to {log.as_of} it had {so_far['orders'][0]:,} purchase days{money}"
    )
    return [said]


def _plot(found: Customers, log: OrderLog, table: pl.DataFrame, unit: str, *, has_money: bool) -> Plot:
    """Return the curve of revenue (without money: of orders) in the complete periods so far, and as expected."""
    import polars as pl

    name = "revenue" if has_money else "orders"
    rows = table.filter((pl.col("period") != TOTAL) & pl.col("whole"))
    past = [one for one in periods_between(log.first_day, log.as_of, unit) if one.last <= log.as_of][1:]
    past = past[-2 * rows.height :]
    seen = actual(found, past, has_amount=has_money)[name][:-1] if past else []
    begun = [None] * len(seen)
    return Plot(
        f"{name} by {unit}",
        [*(one.label for one in past), *rows["period"]],
        {"expected": [*begun, *rows[name]], "so far": [*seen, *([None] * rows.height)]},
        "money" if has_money else "orders",
        {"expected": ([*begun, *rows[f"{name}_low"]], [*begun, *rows[f"{name}_high"]])},
    )
