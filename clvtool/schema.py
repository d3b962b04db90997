"""The canonical tables, as plain data: what every command works on, whatever the export looked like.

ORDERS has one row per order *or refund event*, not netted, and every extra column of the source as text.
LINES has one row per order line. ANSWERS has one row per answer to a survey, and every extra column of the source as
text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

MONEY_SCALE = 4
KINDS = ("order", "refund")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a canonical table: its type in words and its meaning."""

    type: str  # text, date, money, kind, number, score or weight
    meaning: str


ORDERS: dict[str, Column] = {
    "order_id": Column("text", "the shop's number; empty where there is none, or `(refunded 1)` to link a refund"),
    "customer_id": Column("text", "who bought; empty for a guest"),
    "order_date": Column("date", "day of the order, or of the refund"),
    "kind": Column("kind", "order or refund"),
    "amount": Column("money", "what was paid; negative for a refund"),
    "cost": Column("money", "what the goods cost the shop"),
    "currency": Column("text", "currency of amount and cost, upper case"),
}

LINES: dict[str, Column] = {
    "order_id": Column("text", "the order the line belongs to"),
    "line": Column("number", "place of the line in its order, by product, quantity and amount"),
    "product_id": Column("text", "the shop's number of the product"),
    "product_name": Column("text", "name of the product"),
    "category": Column("text", "category of the product"),
    "quantity": Column("money", "pieces; negative when they came back"),
    "unit_price": Column("money", "price of one piece"),
    "amount": Column("money", "quantity × unit price less discount, or the line's own amount"),
}

ANSWERS: dict[str, Column] = {
    "answer_id": Column("text", "the platform's number of the answer"),
    "customer_id": Column("text", "who answered, as in ORDERS; empty where nobody is named"),
    "answer_date": Column("date", "day of the answer; empty where there is none"),
    "score": Column("score", "what was answered on the scale; empty where the question was left out"),
    "weight": Column("weight", "how much the answer counts; above or at 0"),
    "value": Column("money", "money that goes with the answer, such as the ticket; negative where it was given back"),
    "comment": Column("text", "what was written beside the score"),
}


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale of a score: both ends belong to it. `typed` says that the user named it."""

    low: int
    high: int
    high_is_good: bool = True
    typed: bool = False

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{self.low}-{self.high}"


def dtype(column: Column) -> pl.DataType:
    """Return the Polars type of a canonical column."""
    import polars as pl

    types: dict[str, pl.DataType] = {
        "text": pl.String(),
        "date": pl.Date(),
        "money": pl.Decimal(18, MONEY_SCALE),
        "kind": pl.Enum(KINDS),
        "number": pl.Int64(),
        "score": pl.Int16(),
        "weight": pl.Float64(),
    }
    return types[column.type]
