"""How a value looks to a reader: the text of every cell of a table, by the name of its column or by its unit.

| what                             | looks like                  | known by                                     |
| -------------------------------- | --------------------------- | -------------------------------------------- |
| rate, share                      | `5.3%`, `0.42%` below 1 %   | `_rate`, `_share`; unit `rate`, `share`      |
| change of a rate or share        | `+1.3 pp`                   | `delta_…_rate`, `difference_…_share`         |
| p-value                          | `0.0312`, `<0.0001`         | `p_value`, `p_benchmark`                     |
| days                             | `31`, `30.5`                | `_days`; unit `days`                         |
| money                            | `1,234.50`                  | Decimal, a word of money; unit `money`       |
| count                            | `1,234`                     | integer column; unit `customers`, `orders`…  |
| anything else                    | about four digits           |                                              |
| undefined                        | `–`                         | null, NaN, infinite                          |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from clvtool.result import Result

Number = int | float | Decimal
Formatter = Callable[[Number], str]

UNDEFINED = "–"
BOUNDS = ("ci_low", "ci_high")
MONEY_WORDS = {"amount", "aov", "arpu", "cac", "clv", "cost", "ltv", "money", "mrr", "price", "profit", "revenue"}
MONEY_WORDS |= {"spend", "value"}
MONEYLESS_WORDS = {"count", "index", "lift", "rank", "ratio", "score"}  # `clv_cac_ratio` is no money
COUNT_UNITS = {"answers", "customers", "items", "lines", "orders", "purchases", "responses", "rows", "subscriptions"}
TESTS = {"p_value", "p_benchmark"}
LABELS = {"year", "line", "row"}  # whole numbers that name a thing: 2024, not 2,024

# Control characters could move the cursor, colour the terminal or turn the direction of writing, and signs of no width
# make two ids look alike: they are shown as the pictures of themselves, or as the replacement character where they have
# none. The two joiners stay: Persian and Indian scripts, and many emoji, are not right without them.
_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_PICTURES |= dict.fromkeys([*range(0x80, 0xA0), *range(0x2028, 0x202F), *range(0x2060, 0x2070)], 0xFFFD)
_PICTURES |= dict.fromkeys([0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF], 0xFFFD)
_PICTURES |= dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)  # the bytes of a file name that are no text


@dataclass(frozen=True, slots=True)
class Column:
    """A column as a reader sees it: `right` aligned, or text that `wraps`; `money` whose currency no unit tells.

    `levels` say of its cells how high they are among all that are coloured by value, 0 to 1.
    """

    name: str
    cells: list[str]
    right: bool = False
    wraps: bool = False
    money: bool = False
    levels: list[float | None] | None = None


def visible(text: str) -> str:
    """Return the text with its control characters made visible."""
    return text if text.isprintable() else text.translate(_PICTURES)


def columns(result: Result) -> list[Column]:
    """Return the columns of a result in printing order, without `definition`, which is told under the table."""
    table = result.table
    units = table["unit"].to_list() if "unit" in table.columns else None
    shown: list[Column] = []
    borrowed: Formatter | None = None  # a bound without a unit looks like the figure before it
    for series in table:
        name = series.name
        if name == "definition":
            continue
        if name == "unit" and units is not None:
            shown.append(Column(visible(name), [_unit_cell(unit, result.currency) for unit in units], wraps=True))
        elif not series.dtype.is_numeric():
            shown.append(_text_column(series))
        elif units is not None and _follows_unit(series):
            cells = [_cell(value, _by_unit(unit)) for value, unit in zip(series.to_list(), units, strict=True)]
            shown.append(Column(visible(name), cells, right=True))
        else:
            values = series.to_list()
            formatter = borrowed if name in BOUNDS and borrowed else _by_name(_of_figure(series, table), values)
            borrowed = formatter
            cells = [_cell(value, formatter) for value in values]
            shown.append(Column(visible(name), cells, right=True, money=formatter is _money))
    return shown


def figure(value: Number, unit: str) -> str:
    """Return the text of a value that is measured in a unit."""
    return _cell(value, _by_unit(unit))


def definitions(result: Result) -> list[tuple[str, str]]:
    """Return (name, meaning) of every figure shown, each pair once, in the order of the table."""
    pairs: dict[tuple[str, str], None] = {}
    table = result.table
    if "definition" in table.columns:
        key = "metric" if "metric" in table.columns else table.columns[0]
        for name, meaning in zip(table[key].to_list(), table["definition"].to_list(), strict=True):
            if meaning:
                pairs[visible(str(name)), visible(meaning)] = None
    named = {name for name, _ in pairs}
    for name, meaning in result.definitions.items():
        if name not in named:
            pairs[visible(name), visible(meaning)] = None
    return list(pairs)


def _text_column(series: pl.Series) -> Column:
    import polars as pl

    name, values = visible(series.name), series.to_list()
    if series.dtype == pl.Boolean:
        return Column(name, [UNDEFINED if value is None else "yes" if value else "no" for value in values])
    if series.dtype.is_temporal():
        return Column(name, [UNDEFINED if value is None else str(value) for value in values])
    return Column(name, [UNDEFINED if value is None else visible(str(value)) for value in values], wraps=True)


def _cell(value: Number | None, formatter: Formatter) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return UNDEFINED
    if isinstance(value, float) and abs(value) >= 1e15:  # beyond the digits that a float has
        return f"{value:.3e}"
    return formatter(value)


def _unit_cell(unit: Any, currency: str | None) -> str:
    """Return the unit, with the currency in place of the word money where it is known."""
    if unit is None:
        return UNDEFINED
    words = [currency if word == "money" and currency else word for word in str(unit).split(" ")]
    return visible(" ".join(words))


def _of_figure(series: pl.Series, table: pl.DataFrame) -> pl.Series:
    """Return a bound of a rate or share, such as `csat_low`, under the name of that figure: it looks like it."""
    stem, _, end = series.name.rpartition("_")
    units = ("rate", "share")
    names = [stem if stem in units else f"{stem}_{unit}" for unit in units if end in {"low", "high"}]
    return next((series.rename(name) for name in names if name in table.columns), series)


def _words(name: str) -> list[str]:
    return name.casefold().split("_")


def _follows_unit(series: pl.Series) -> bool:
    """Tell whether a numeric column of a table with units is measured in the unit of its row."""
    if series.name == "value" or series.name in BOUNDS:
        return True
    return not series.dtype.is_integer() and _suffix(series.name) is None


def _suffix(name: str) -> Formatter | None:
    first, last = _words(name)[0], _words(name)[-1]
    if last in ("rate", "share"):
        return _points if first in ("delta", "difference") else _percent
    if last == "days":
        return _days
    if name.startswith("p_"):
        return _p_value if name in TESTS else _probability
    return None


def _by_unit(unit: str | None) -> Formatter:
    kind = (unit or "").split(" ")[0]
    if kind in ("rate", "share"):
        return _percent
    if kind == "days":
        return _days
    if kind == "money":
        return _money
    return _count if kind in COUNT_UNITS else _number


def _by_name(series: pl.Series, values: Sequence[Number | None]) -> Formatter:
    """Return one formatter for a whole column, so that its decimal points stand under each other."""
    name, words = series.name, set(_words(series.name))
    sizes = [size for size in (abs(float(value)) for value in values if value is not None) if math.isfinite(size)]
    suffix = _suffix(name)
    if suffix is _percent:
        return _fixed(_percent_digits(min((size for size in sizes if size), default=1.0)), percent=True)
    if suffix is _days:
        return _fixed(0 if all(size.is_integer() for size in sizes) else 1)
    if suffix is not None:
        return suffix
    if series.dtype.is_integer():
        return str if _words(name)[-1] == "id" or name in LABELS else _whole
    if series.dtype.is_decimal() or (words & MONEY_WORDS and not words & MONEYLESS_WORDS):
        return _money
    return _four_digits(sizes)


def _four_digits(sizes: Iterable[float]) -> Formatter:
    """Return fixed decimals that give the middle value four digits, unless the sizes lie too far apart."""
    nonzero = [size for size in sizes if size]
    if all(size.is_integer() for size in nonzero):
        return _whole
    if max(nonzero) / min(nonzero) > 1000:
        return _number
    digits = 3 - math.floor(math.log10(sorted(nonzero)[len(nonzero) // 2]))
    return _fixed(min(max(digits, 1), 9))


def _fixed(digits: int, *, percent: bool = False) -> Formatter:
    style = f"{{:,.{digits}%}}" if percent else f"{{:,.{digits}f}}"
    return lambda value: _unsigned_zero(style.format(value))


def _percent_digits(size: float) -> int:
    return 1 if size == 0 or size >= 0.01 else 2


def _percent(value: Number) -> str:
    return _fixed(_percent_digits(abs(float(value))), percent=True)(value)


def _days(value: Number) -> str:
    return _fixed(0 if float(value).is_integer() else 1)(value)


def _money(value: Number) -> str:
    return _unsigned_zero(f"{value:,.2f}")


def _whole(value: Number) -> str:
    return _unsigned_zero(f"{value:,.0f}")


def _count(value: Number) -> str:
    """Return a whole number; an expected count below 100 keeps one decimal."""
    return _whole(value) if abs(float(value)) >= 100 or float(value).is_integer() else f"{value:,.1f}"


def _probability(value: Number) -> str:
    return f"{value:.4f}" if value == 0 or abs(float(value)) >= 0.0001 else f"{float(value):.1e}"


def _p_value(value: Number) -> str:
    """Return how often chance alone gives as much: nobody needs to know how small a very small one is."""
    return f"{value:.4f}" if value >= 0.0001 else "<0.0001"


def _points(value: Number) -> str:
    """Return the difference of two rates, with its sign, in percentage points."""
    points = f"{float(value) * 100:+.1f}"
    return f"{points if points.strip('+-0.') else '0.0'} pp"


def _number(value: Number) -> str:
    """Return about four digits of a value on its own."""
    size = abs(float(value))
    if size.is_integer():
        return _whole(value)
    if size < 1e-4:
        return f"{float(value):.3e}"
    return _fixed(max(3 - math.floor(math.log10(size)), 1))(value)


def _unsigned_zero(text: str) -> str:
    """Return the text without the minus sign of a number that rounds to zero."""
    return text[1:] if text.startswith("-") and not text.strip("-0.,%") else text
