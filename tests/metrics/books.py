"""Order books for tests: small ones written down as text, and random ones."""

import csv
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from clvtool.errors import FitError
from clvtool.metrics.value import compute
from clvtool.schema import ORDERS, dtype

NAMES = {"id": "order_id", "who": "customer_id", "day": "order_date"}
CDNOW = Path(__file__).parents[2] / "sample_data" / "cdnow.csv"


def book(text):
    """Return the ORDERS table of a text: names of columns, then a row an order; `-` is null.

    A row is a refund where its amount is negative, unless a column `kind` says what it is.
    """
    header, *lines = [line.split() for line in text.strip().splitlines()]
    return frame([dict(zip(header, line, strict=True)) for line in lines])


def frame(rows):
    """Return the ORDERS table of dictionaries of texts, as `book` writes them."""
    columns = {}
    for name in rows[0]:
        values = [None if row[name] == "-" else row[name] for row in rows]
        column = NAMES.get(name, name)
        if column == "order_date":
            values = [value if isinstance(value, date) else date.fromisoformat(value) for value in values]
        elif column in {"amount", "cost"}:
            values = [None if value is None else Decimal(value) for value in values]
        columns[column] = pl.Series(column, values, dtype(ORDERS[column]) if column in ORDERS else pl.String)
    if "kind" not in columns:
        amounts = columns.get("amount")
        refunds = [False] * len(rows) if amounts is None else [(amount or 0) < 0 for amount in amounts]
        columns["kind"] = pl.Series(
            ["refund" if refund else "order" for refund in refunds], dtype=dtype(ORDERS["kind"])
        )
    return pl.DataFrame(columns)


def figures(result, *group):
    """Return metric -> value of one group of a result (of the total, where there are groups and none is named)."""
    keys = result.table.columns[: result.table.columns.index("metric")]
    wanted = group or ("(total)",) * len(keys)
    rows = result.table.filter(
        pl.lit(value=True), *(pl.col(key) == name for key, name in zip(keys, wanted, strict=True))
    )
    return dict(rows.select("metric", "value").iter_rows())


def intervals(result):
    """Return metric -> (ci_low, ci_high) of a result without groups."""
    return {metric: (low, high) for metric, low, high in result.table.select("metric", "ci_low", "ci_high").iter_rows()}


def said(result, words):
    """Return the notes of a result that have these words in them."""
    return [note for note in result.notes if words in note]


def without_models(monkeypatch):
    """Let method 4 be, for tests that are about the rest: fitting takes most of the time."""

    def refuse(*_):
        raise FitError("not now")

    monkeypatch.setattr("clvtool.metrics.groups.predict_new", refuse)


def cdnow_rows():
    """Return the rows of the CDNOW sample as (customer, day, amount)."""
    with CDNOW.open(encoding="utf-8", newline="") as file:
        return [
            (row["customer_id"], date.fromisoformat(row["order_date"]), Decimal(row["amount"]))
            for row in csv.DictReader(file)
        ]


def cdnow():
    """Return the CDNOW sample as ORDERS."""
    return frame([{"who": who, "day": day, "amount": amount} for who, day, amount in cdnow_rows()])


def random_book(random, customers=12, days=200, refunds=0.1, guests=0.05, groups="abc"):
    """Return random orders as dictionaries: who, day, kind, amount, cost, channel."""
    rows = []
    for number in range(customers):
        day = random.randrange(days)
        while day < days:
            refund = random.random() < refunds
            amount = Decimal(random.randrange(1, 10000)).scaleb(-2)
            rows.append(
                {
                    "who": "-" if random.random() < guests else f"c{number:03}",
                    "day": date(2023, 11, 20) + timedelta(days=day),
                    "kind": "refund" if refund else "order",
                    "amount": -amount if refund else amount,
                    "cost": "0" if refund else str(amount / 4),
                    "channel": random.choice(groups),
                }
            )
            day += random.choice([0, 1, 2, 5, 10, 30, 60, 100])
    if not any(row["kind"] == "order" for row in rows):
        rows[0] |= {"kind": "order", "amount": abs(rows[0]["amount"])}
    return rows


def simulated(seed, customers=400, days=730, *, lifetime=250.0, gap=40.0, spread=0.6):
    """Return ORDERS of customers who are alike in law and independent.

    Everyone arrives on some day of the log, buys about every `gap` days (gamma-distributed rates) and leaves after
    exponential `lifetime` days; each has an own mean amount (lognormal), independent of all that.
    """
    random = np.random.default_rng(seed)
    start = random.integers(0, days, customers)
    rate = random.gamma(2, 0.5, customers) / gap
    alive = np.minimum(random.exponential(lifetime, customers), days - 1 - start)
    again = random.poisson(rate * alive)
    who = np.concatenate([np.arange(customers), np.repeat(np.arange(customers), again)])
    later = np.repeat(start, again) + np.floor(random.random(again.sum()) * np.repeat(alive, again)).astype(int)
    mean = random.lognormal(3, spread, customers)
    cents = np.round(random.gamma(4, mean[who] / 4) * 100).astype(np.int64)
    return orders_of(who, np.concatenate([start, later]), cents)


def orders_of(who, days, cents):
    """Return ORDERS of arrays: number of the customer, days since 1 January 2024, amount."""
    return pl.DataFrame(
        {
            "customer_id": pl.Series(who).cast(pl.String),
            "order_date": pl.Series(days + 19723).cast(pl.Int32).cast(pl.Date),
            "kind": pl.Series(np.full(len(who), "order")).cast(dtype(ORDERS["kind"])),
            "amount": (pl.Series(cents).cast(pl.Decimal(18, 2)) / 100).cast(pl.Decimal(18, 4)),
        }
    )


def computed(text, valuation=None, policies=None, **more):
    """Return the result of `compute` for a book written down as text."""
    return compute(book(text), valuation, policies, **more)
