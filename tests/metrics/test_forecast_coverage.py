"""Do the intervals hold what they promise? Shops drawn from the assumptions of the models, and what they do next."""

from datetime import date, timedelta

import numpy as np
import pytest

from clvtool.metrics.ahead import look_ahead
from clvtool.metrics.customers import UNIT
from clvtool.metrics.prediction_models import models_for
from clvtool.metrics.predictive import Histories
from clvtool.periods import periods_after

AS_OF, PAST = date(2024, 12, 31), 500  # days of the log
AHEAD = periods_after(AS_OF, "month", 3)
EDGES = np.array([0, *((one.last - AS_OF).days for one in AHEAD)])  # days after the day of the analysis
LEVEL = 0.9


def shop(random, customers):
    """Draw (customer, day, money) of a shop; day 0 is the day of the analysis, and the log goes on after it.

    New customers come as a Poisson process, buy at rates Gamma(2, 0.2 a week), leave after a purchase with a chance
    Beta(1, 6), and spend Gamma(4, ν) a time, ν ~ Gamma(6, 40).
    """
    n = random.poisson(customers * (PAST + EDGES[-1]) / PAST)
    came = random.integers(-PAST + 1, EDGES[-1] + 1, n)
    rate, leave = random.gamma(2, 0.1, n) / 7, random.beta(1, 6, n)
    rows = [(np.arange(n), came)]
    now, active = came.astype(float), np.arange(n)
    while active.size:
        now[active] += random.exponential(1 / rate[active])
        active = active[now[active] <= EDGES[-1]]
        rows.append((active, np.ceil(now[active]).astype(int)))
        active = active[random.random(active.size) >= leave[active]]
    who, day = (np.concatenate(column) for column in zip(*rows, strict=True))
    keys = np.unique((who * 10_000) + day + PAST)  # one purchase a day
    who, day = keys // 10_000, keys % 10_000 - PAST
    worth = random.gamma(6, 1 / 40, n)
    return who, day, random.gamma(4, 1 / worth[who])


def seen_by(who, day, money):
    """Return the histories of those who have come by day 0."""
    past = day <= 0
    who, day, money = who[past], day[past], money[past]
    _, first, x = np.unique(who, return_index=True, return_counts=True)
    last = first + x - 1
    later = np.add.reduceat(money, first) - money[first]
    m = np.divide(later, x - 1, out=np.zeros(x.size), where=x > 1)
    return Histories(
        x - 1,
        day[last] - day[first],
        -day[first],
        m,
        np.rint(money[first] * UNIT).astype(int),
        np.rint(later * UNIT).astype(int),
        np.zeros(1, int),
    )


def happened(who, day, money, begin, end):
    """Return orders, buyers, money and new customers of the days begin+1 to end."""
    inside = (day > begin) & (day <= end)
    first = day[np.unique(who, return_index=True)[1]]
    return {
        "orders": inside.sum(),
        "active": np.unique(who[inside]).size,
        "revenue": money[inside].sum(),
        "new": ((first > begin) & (first <= end)).sum(),
    }


def coverage(runs, customers):
    """Return by figure how often the interval held the third month, and all three months together."""
    hits = {name: np.zeros(2) for name in ("orders", "active", "revenue", "new")}
    for seed in range(runs):
        log = shop(np.random.default_rng(seed), customers)
        seen = seen_by(*log)
        models = models_for(seen, "bg-nbd", None, None, has_amount=True)
        ahead = look_ahead(seen, models, AS_OF - timedelta(days=PAST - 1), AS_OF, AHEAD, "month", None)
        real = [happened(*log, EDGES[2], EDGES[3]), happened(*log, 0, EDGES[3])]
        for name, (_, low, high) in ahead.figures(LEVEL).items():
            hits[name] += [low[place] <= real[place - 2][name] <= high[place] for place in (2, 3)]
    return {name: values / runs for name, values in hits.items()}


def test_intervals_hold_in_most_of_a_few_shops():
    # of 20 intervals at 90 %, 13 or fewer hold with a chance of 1 in 400
    for name, shares in coverage(20, 300).items():
        assert (shares >= 0.65).all(), name


@pytest.mark.slow
def test_intervals_hold_what_they_promise():
    # three standard errors of 600 runs are 3.7 points
    for name, shares in coverage(600, 300).items():
        assert (np.abs(shares - LEVEL) < 0.037).all(), (name, shares)
