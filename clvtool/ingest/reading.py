"""How an input is to be read, and what was found out while reading it.

A `Reading` travels with the canonical table, also inside a converted file, so that every later run can say the same.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clvtool.ingest.source import Source

VERSION = 1

REASONS: dict[str, str] = {
    "blank_row": "nothing in the columns that matter",
    "too_many_fields": "more fields than the header has columns",
    "bad_quotes": "a quotation mark that is not closed",
    "bad_json": "a line that is no JSON object",
    "repeated_header": "the header line again",
    "bad_date": "a date that cannot be read",
    "bad_amount": "an amount that cannot be read, or is too large",
    "bad_quantity": "a quantity that cannot be read",
    "bad_price": "a price or discount that cannot be read",
    "bad_cost": "a cost that cannot be read",
    "bad_refund": "a refunded amount that cannot be read",
    "bad_weight": "a weight that cannot be read, or is missing or below 0",
    "missing_date": "no date",
    "missing_amount": "no amount",
    "implausible_date": "a date at or before 1970-01-01, or more than 366 days after nearly all others",
    "cancelled": "the order was cancelled",
    "voided": "the payment was voided",
    "failed": "the payment failed",
    "pending": "not paid yet",
    "draft": "never placed",
    "test": "a test order",
    "adjustment": "bookkeeping, not an order",
    "duplicate_row": "the same row of the same order again, in a file without order lines",
    "other_currency": "not the currency that was asked for",
    "missing_currency": "no currency, where others name one that was not asked for",
    "preview": "a preview of the survey, no answer",
    "spam": "marked as spam by the survey platform",
    "unfinished": "the respondent did not finish the survey",
    "other_answer": "another answer of the same respondent counts (--answers)",
}
"""Why a row is set aside; a row has the first reason that fits, in this order."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read: what the user said about the file. Everything not said is found out from the content."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    profile: str | None = None
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    date_format: str | None = None
    tz: str | None = None
    minor_units: bool = False
    currency: str | None = None
    keep_status: tuple[str, ...] = ()
    match_refunds: bool = False
    rates: str | None = None
    hash_ids: str | None = field(default=None, repr=False)
    untyped: frozenset[str] = frozenset()  # options that nobody gave for this input: standing settings of the shop

    def said(self) -> list[str]:
        """Return the options that were given for this input, as on the command line without their dashes."""
        given = ["map" if name == "mapping" else name for name, value in asdict(self).items() if value]
        return [name.replace("_", "-") for name in given if name != "untyped" and name not in self.untyped]


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of `inspect`."""

    section: str
    item: str
    value: str | None = None
    rows: int | None = None
    orders: int | None = None
    money: Decimal | None = None
    detail: str | None = None


@dataclass(slots=True)
class Aside:
    """What was set aside for one reason: rows, the orders they name, and the money on them."""

    rows: int = 0
    orders: int = 0
    money: Decimal = Decimal(0)


@dataclass(slots=True)
class Reading:
    """What was understood of the inputs and what happened to their rows.

    `rows_read` is counted by itself, `set_aside` by reason, `rows_used` over the orders that came of it: that they add
    up is a check, not a definition. `traced`, `sources` and `understood` are not
    kept in a converted file.
    """

    facts: list[Fact] = field(default_factory=list)
    rows_read: int = 0
    rows_used: int = 0
    set_aside: dict[str, Aside] = field(default_factory=dict)
    currency: str | None = None
    warnings: list[str] = field(default_factory=list)
    anonymous: str = ""  # where no column tells customers apart: what to do about it
    traced: dict[int, str] | None = None  # when asked for: number of a row → why it was set aside
    sources: tuple[Source, ...] = ()  # where the rows can be seen again
    understood: tuple[dict[str, Any], ...] = ()  # for each source, the options that say how it was read

    def add(self, section: str, item: str, value: object = None, **more: Any) -> None:
        """Note one fact."""
        self.facts.append(Fact(section, item, None if value is None else str(value), **more))

    def correct(self, section: str, item: str, value: str) -> None:
        """Say something else in a fact that was noted too early."""
        self.facts = [
            replace(fact, value=value) if (fact.section, fact.item) == (section, item) else fact for fact in self.facts
        ]

    def put_aside(
        self, reason: str, rows: int, orders: int = 0, money: Decimal | None = None, numbers: Iterable[int] = ()
    ) -> None:
        """Count rows that were set aside; `numbers` says which, where the rows are traced."""
        if self.traced is not None:
            self.traced.update(dict.fromkeys(numbers, reason))
        if rows:
            aside = self.set_aside.setdefault(reason, Aside())
            aside.rows += rows
            aside.orders += orders
            aside.money += money or 0

    def require_all(self, *, strict: bool) -> None:
        """Raise DataError when `strict` and any row was set aside."""
        if strict and self.set_aside:
            reasons = ", ".join(f"{aside.rows} {reason}" for reason, aside in self.set_aside.items())
            raise DataError(
                f"--strict: rows were set aside ({reasons})", "see them: clvtool inspect FILE --rejects FILE"
            )

    def require_customers(self) -> None:
        """Raise DataError where no column of the inputs tells customers apart."""
        if self.anonymous:
            raise DataError("no column tells customers apart, so there is nothing to say of them", self.anonymous)

    def to_json(self) -> str:
        """Return the reading as text for a converted file."""
        plain = asdict(replace(self, traced=None, sources=(), understood=()))
        del plain["traced"], plain["sources"], plain["understood"]
        return json.dumps({"version": VERSION, **plain}, ensure_ascii=False, default=str)

    @classmethod
    def from_json(cls, text: str) -> Reading:
        """Return the reading that `to_json` wrote; raise DataError for one of another version."""
        try:
            plain = json.loads(text)
            known = {VERSION: plain}[plain.pop("version")]
            plain["facts"] = [Fact(**fact | {"money": _money(fact["money"])}) for fact in plain["facts"]]
            plain["set_aside"] = {
                reason: Aside(**aside | {"money": Decimal(aside["money"])})
                for reason, aside in plain["set_aside"].items()
            }
            return cls(**known)
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            raise DataError(
                "the file was converted by another version of this program", "convert the raw export again"
            ) from None


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
