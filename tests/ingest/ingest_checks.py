"""What the tests of the reader count and compare for themselves, with the csv module and plain Python."""

import csv
import io
from collections import Counter
from decimal import Decimal

from clvtool.ingest.read import Orders
from clvtool.ingest.reading import Reading
from clvtool.ingest.rejects import rejects


def csv_rows(text: str | bytes, delimiter: str = ",", above: int = 0) -> int:
    """Count the records below the header, and below the lines above it, with the csv module."""
    text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    return sum(1 for _ in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) - 1 - above


def check_account(reading: Reading, rows: int) -> None:
    aside = {reason: one.rows for reason, one in reading.set_aside.items()}
    assert reading.rows_read == rows, aside
    assert reading.rows_read == reading.rows_used + sum(aside.values()), (reading.rows_used, aside)


def check_rejects(orders: Orders) -> None:
    found = Counter(rejects(orders).table["reason"].to_list())
    assert found == {reason: one.rows for reason, one in orders.reading.set_aside.items()}


def book(orders: Orders) -> list[tuple[str | None, ...]]:
    """Return the orders as (order id, customer, date, kind, amount), sorted; those that the source lacks are left out."""
    names = ["order_id", "customer_id", "order_date", "kind", "amount"]
    table = orders.table.select(name for name in names if name in orders.table.columns)
    return sorted((tuple(_shown(cell) for cell in row) for row in table.iter_rows()), key=repr)


def _shown(cell: object) -> str | None:
    if isinstance(cell, Decimal):
        return f"{cell:.2f}" if cell == round(cell, 2) else str(cell)
    return None if cell is None else str(cell)


def aside(orders: Orders) -> dict[str, int]:
    """Return how many rows were set aside for which reason."""
    return {reason: one.rows for reason, one in orders.reading.set_aside.items()}


def fact(reading: Reading, section: str, item: str) -> str | None:
    """Return the value of a fact that `inspect` shows."""
    return next(one.value for one in reading.facts if (one.section, one.item) == (section, item))
