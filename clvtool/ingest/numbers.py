"""How numbers are written: decimal sign, thousands, currency marks, signs; decided from all values of a column."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clvtool.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

SCALE = 4
_SPACES = "\u00a0\u202f\u2009 '’"
_MARK = (
    r"(?:[A-Za-z]{3}|(?:US|CA|AU|NZ|HK|A|C|R|S)?[$€£¥₽₴₺₹₩]"
    r"|[Zz][łl]|Z[ŁL]|Kč|kr\.?|Ft|Fr\.?|Rs\.?|лв\.?|грн\.?|руб\.?)"
)
"""Currency codes and signs, before or behind the number."""
_DECORATED = re.compile(
    rf"^(?P<open>\()?\s*(?P<minus>[-+−–])?\s*{_MARK}?\s*(?P<minus2>[-+−–])?\s*"
    rf"(?P<number>[0-9.,][0-9.,{_SPACES}]*?)\s*{_MARK}?\s*(?P<close>\))?(?P<minus3>[-−])?$"
)
_DOTTED = r"^\D*(?:kr|Fr|Rs|лв|грн|руб)\."
"""A mark with a dot before the number: what its dot belongs to has to go with it."""
_AROUND = string.ascii_letters + "złŁčлвгрнуб" + "$€£¥₽₴₺₹₩" + "+-−–()" + " \t\u00a0\u202f\u2009"
"""Whatever may stand around the digits."""


def _written(decimal: str) -> str:
    """Return the pattern of a number with this decimal sign and whatever may stand around it."""
    t, d = re.escape("," if decimal == "." else "."), re.escape(decimal)
    number = rf"(?:\d{{1,3}}(?:[{t}{_SPACES}]\d{{3}})+|\d+)?(?:{d}\d*)?"
    inner = rf"\s*[-+−–]?\s*{_MARK}?\s*[-+−–]?\s*{number}\s*{_MARK}?\s*"
    return rf"^(?:\({inner}\)|{inner})[-−]?$"


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """A way of writing numbers. `plain` is what a machine writes: digits, an optional decimal sign, nothing else."""

    decimal: str = "."
    plain: bool = True

    @property
    def name(self) -> str:
        """Return the style in words."""
        return f"decimal {'point' if self.decimal == '.' else 'comma'}{'' if self.plain else ', with signs around it'}"

    def parse(self, column: pl.Expr) -> pl.Expr:
        """Return the stripped column as Decimal(18, 4), null where a value does not keep to the style."""
        import polars as pl

        money = pl.Decimal(18, SCALE)
        if self.plain and self.decimal == ".":
            return column.cast(money, strict=False)
        if self.plain:
            number = column.str.replace(",", ".", literal=True).cast(money, strict=False)
            return pl.when(~column.str.contains(".", literal=True)).then(number)
        # a pattern that takes groups out costs thirty times one that only says yes or no
        kept = column.str.contains(_written(self.decimal))
        digits = column.str.replace(_DOTTED, "").str.strip_suffix(".").str.strip_chars(_AROUND)
        digits = digits.str.replace_all(rf"[{'.' if self.decimal == ',' else ','}{_SPACES}]", "")
        size = digits.str.replace(self.decimal, ".", literal=True).cast(money, strict=False)
        minus = column.str.contains("[-−–(]")
        return pl.when(kept).then(pl.when(minus).then(-size).otherwise(size)).cast(money)

    def parse_float(self, column: pl.Expr) -> pl.Expr:
        """Return the stripped column as a binary fraction, for what is no money; null for what is no plain number."""
        import polars as pl

        return column.str.replace(self.decimal, ".", literal=True).cast(pl.Float64, strict=False)

    def is_rounded(self, column: pl.Expr, *, exactly: bool = True) -> pl.Expr:
        """Return where a value loses decimals; not `exactly`: where it has more of them than are kept, be they zeros.

        The latter costs a plain column next to nothing.
        """
        if self.plain and not exactly:
            return (column.str.len_bytes() - column.str.find(self.decimal, literal=True) > SCALE + 1).fill_null(
                value=False
            )
        return column.str.contains(rf"{re.escape(self.decimal)}\d{{{SCALE}}}\d*[1-9]").fill_null(value=False)


PLAIN = NumberStyle()
_MARKS = {"zł": "PLN", "zl": "PLN", "€": "EUR", "£": "GBP", "kč": "CZK", "ft": "HUF", "₽": "RUB", "₴": "UAH"} | {
    "₺": "TRY",
    "₹": "INR",
    "₩": "KRW",
}
_CURRENCIES = {form: code for mark, code in _MARKS.items() for form in (mark, mark.upper(), mark.capitalize())}


def currency_of(column: pl.Expr) -> pl.Expr:
    """Return the currency written beside a number; a sign that several currencies share stays that sign."""
    import polars as pl

    around = column.str.strip_chars("0123456789.,+-−–()" + _SPACES)
    mark = around.str.replace(r"\s*[\d.,].*$", "").replace(_CURRENCIES)  # there may be one on each side
    return pl.when(mark != "").then(mark)


def number_style(values: Iterable[str], column: str, decimal: str | None = None) -> NumberStyle:
    """Decide the style from the values of a column (any order, repeats do not matter).

    A single separator before exactly three digits says nothing by itself: `1,234` is one thousand or one and a bit.
    Raises DataError when nothing settles it, or when the values contradict each other.
    """
    plain = {".": True, ",": True}
    evidence: dict[str, str] = {}
    unclear: list[str] = []
    for value in sorted({raw.strip() for raw in values}):
        if re.fullmatch(r"[-+]?\d+", value):
            continue
        match = _DECORATED.match(value)
        if not match:
            continue
        number = re.sub(f"[{_SPACES}]", "", match["number"])
        plain = {sign: found and _is_plain(value, sign) for sign, found in plain.items()}
        found = _decimal_sign(number)
        if found == "?":
            unclear.append(value)
        elif found:
            evidence.setdefault(found, value)
    if decimal is not None and (evidence or unclear):
        return NumberStyle(decimal, plain=plain[decimal])
    if len(evidence) > 1:
        raise DataError(
            f"column {column!r} mixes decimal points and decimal commas: {evidence['.']!r} and {evidence[',']!r}",
            "say which it is: --decimal . or --decimal ,",
        )
    if not evidence and unclear:
        shown = ", ".join(repr(value) for value in unclear[:3])
        raise DataError(
            f"column {column!r} can be read two ways: {shown} may be thousands or decimals",
            "say which sign is the decimal one: --decimal . or --decimal ,",
        )
    sign = next(iter(evidence), ".")
    return NumberStyle(sign, plain=plain[sign])


def _is_plain(value: str, decimal: str) -> bool:
    return re.fullmatch(rf"[-+]?\d*{re.escape(decimal)}?\d*", value) is not None


def _decimal_sign(number: str) -> str:
    """Return the decimal sign that a value proves, `?` where it could be either, or nothing."""
    dots, commas = number.count("."), number.count(",")
    if dots and commas:
        return "." if number.rindex(".") > number.rindex(",") else ","
    if dots + commas == 0:
        return ""
    sign = "." if dots else ","
    other = "," if dots else "."
    if dots + commas > 1:
        return other
    whole, _, part = number.partition(sign)
    if len(part) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0"):
        return "?"
    return sign
