"""Orders as opportunities: calendar periods after the first, with an order or without."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from clvtool.errors import UsageError
from clvtool.metrics.customers import customers
from clvtool.metrics.fit import fit
from clvtool.metrics.opportunities import opportunities
from clvtool.metrics.orderlog import Policies, order_log
from clvtool.periods import day_number, period_of


def counted(rows, unit, as_of):
    table = pl.DataFrame(
        {"customer_id": [who for who, _ in rows], "order_date": [date.fromisoformat(day) for _, day in rows]}
    ).with_columns(kind=pl.lit("order"))
    as_of = date.fromisoformat(as_of)
    found = customers(order_log(table, Policies(as_of=as_of)))
    seen = opportunities(found, day_number(as_of), unit)
    return {tuple(one) for one in zip(seen.x.tolist(), seen.t_x.tolist(), seen.n.tolist(), strict=True)}, seen.without


def test_months_by_hand():
    rows = [
        # a: first in January, so February to June are five opportunities; bought in March (twice) and May
        ("a", "2024-01-31"), ("a", "2024-01-31"), ("a", "2024-03-01"), ("a", "2024-03-31"), ("a", "2024-05-05"),
        ("b", "2024-02-10"), ("b", "2024-02-20"),  # twice in the first month only: none of four
        ("c", "2024-06-01"), ("c", "2024-06-30"),  # no opportunity yet
    ]  # fmt: skip
    assert counted(rows, "month", "2024-06-30") == ({(2, 4, 5), (0, 0, 4)}, 1)
    # June is not over on its 29th day: it counts for nobody
    assert counted(rows, "month", "2024-06-29") == ({(2, 4, 4), (0, 0, 3)}, 1)


def test_an_order_in_a_period_that_is_not_over_does_not_count():
    rows = [("a", "2020-12-31"), ("a", "2021-01-01"), ("a", "2023-03-03")]
    assert counted(rows, "year", "2023-06-30") == ({(1, 1, 2)}, 0)
    assert counted(rows, "year", "2023-12-31") == ({(2, 3, 3)}, 0)


def test_weeks_begin_on_monday():
    # Sunday 7 January 2024, and the Monday after it
    rows = [("a", "2024-01-07"), ("a", "2024-01-08"), ("b", "2024-01-08"), ("b", "2024-01-14")]
    assert counted(rows, "week", "2024-01-21") == ({(1, 1, 2), (0, 0, 1)}, 0)


@pytest.mark.parametrize("unit", ["week", "month", "year"])
def test_random_orders_are_counted_as_a_plain_loop_counts_them(unit):
    random = np.random.default_rng(5)
    days = np.datetime64("2021-01-01") + random.integers(0, 1200, 400)
    rows = [(f"c{who}", str(day)) for who, day in zip(random.integers(0, 60, 400), days, strict=True)]
    as_of = date(2024, 5, 20)
    by_customer = {}
    for who, day in rows:
        if date.fromisoformat(day) <= as_of:
            by_customer.setdefault(who, []).append(date.fromisoformat(day))
    expected, without = set(), 0
    for bought in by_customer.values():
        chances, at = [], period_of(min(bought), unit)
        while True:
            at = period_of(date.fromordinal(at.last.toordinal() + 1), unit)
            if at.last > as_of:
                break
            chances.append(any(at.first <= day <= at.last for day in bought))
        without += not chances
        if chances:
            places = [place for place, used in enumerate(chances, start=1) if used]
            expected.add((len(places), max(places, default=0), len(chances)))
    assert counted(rows, unit, "2024-05-20") == (expected, without)


def test_the_unit_must_be_said():
    table = pl.DataFrame({"customer_id": ["a"], "order_date": [date(2024, 1, 1)], "kind": ["order"]})
    with pytest.raises(UsageError) as caught:
        fit(table, ["bg-bb"])
    assert caught.value.hint.startswith("--opportunity")
