"""How many new customers will come: as many as lately, or as many as the user says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from clvtool.metrics.customers import UNIT
from clvtool.periods import DAYS, day_number, period_of, periods_between

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from clvtool.metrics.predictive import Histories
    from clvtool.models.newcomers import Arrivals
    from clvtool.periods import Period

LATELY = 184
"""Days of the longest half of a year."""


def arrivals(
    seen: Histories, first_day: date, as_of: date, ahead: Sequence[Period], unit: str, given: float | None
) -> Arrivals:
    """Return the new customers of the periods ahead: `given` in each whole period, or as many a day as lately.

    Lately is the complete periods of the last half year, but no more than the later half of the log, as those first
    seen early in a log may be older than it.
    """
    import numpy as np

    from clvtool.models.newcomers import Arrivals

    lengths = [(period.last - period.first).days + 1 for period in ahead]
    begins = np.cumsum([0, *lengths[:-1]])
    money = np.sort(seen.first) / UNIT  # in one order, whatever that of the customers
    mean = float(money.mean())
    values = {
        "first_value": mean,
        "first_square": float((money**2).mean()),
        "first_variance": float(money.var()) / max(len(money) - 1, 1),
    }
    if given is not None:
        whole = [period_of(period.first, unit) for period in ahead]
        per_day = [given / ((period.last - period.first).days + 1) for period in whole]
        words = f"new customers: {given:g} in each {unit}, as given"
        return Arrivals(np.repeat(per_day, lengths), begins, 0.0, 0.0, **values, words=words)
    spans, names = _lately(first_day, as_of, unit)
    came = day_number(as_of) - seen.T
    counts = [int(((came >= begin) & (came <= end)).sum()) for begin, end in spans]
    days = [end - begin + 1 for begin, end in spans]
    rate = sum(counts) / sum(days)
    dispersion = 1.0
    if rate and len(counts) > 1:
        off = sum((count - rate * length) ** 2 / (rate * length) for count, length in zip(counts, days, strict=True))
        dispersion = max(1.0, off / (len(counts) - 1))
    words = f"new customers: {rate * DAYS[unit]:,.4g} per {unit}, as in {names} ({sum(counts):,} in {sum(days)} days)"
    if (as_of - first_day).days < 2 * LATELY:
        words += "; in a log this short some of them may be older customers"
    uncertainty = dispersion / sum(counts) if rate else 0.0
    return Arrivals(np.full(sum(lengths), rate), begins, dispersion, uncertainty, **values, words=words)


def _lately(first_day: date, as_of: date, unit: str) -> tuple[list[tuple[int, int]], str]:
    """Return the first and last days of the periods that tell how many come, and what they are called."""
    reach = min(LATELY, max((as_of - first_day).days // 2, 1))
    begin = as_of - timedelta(days=reach - 1)
    whole = [one for one in periods_between(begin, as_of, unit) if one.first >= begin and one.last <= as_of]
    if not whole:
        return [(day_number(begin), day_number(as_of))], f"the {reach} days up to {as_of}"
    spans = [(day_number(one.first), day_number(one.last)) for one in whole]
    names = whole[0].label if len(whole) == 1 else f"{whole[0].label} to {whole[-1].label}"
    return spans, names
