"""How dates are written, decided from all values of a column."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

_MONTH = r"[A-Za-z]{3,9}\.?"
_STYLES: tuple[tuple[str, str, str], ...] = (
    # name, pattern of the date part, format
    ("YYYY-MM-DD", r"^(\d{4}-\d{1,2}-\d{1,2})(?:[T ].*)?$", "%Y-%m-%d"),
    ("YYYY/MM/DD", r"^(\d{4}/\d{1,2}/\d{1,2})(?:[T ].*)?$", "%Y/%m/%d"),
    ("YYYY.MM.DD", r"^(\d{4}\.\d{1,2}\.\d{1,2})(?:[T ].*)?$", "%Y.%m.%d"),
    ("YYYYMMDD", r"^((?:19|20)\d{6})(?:[T ].*)?$", "%Y%m%d"),
    ("DD.MM.YYYY", r"^(\d{1,2}\.\d{1,2}\.\d{4})(?:[ ,T].*)?$", "%d.%m.%Y"),
    ("DD/MM/YYYY", r"^(\d{1,2}/\d{1,2}/\d{4})(?:[ ,T].*)?$", "%d/%m/%Y"),
    ("MM/DD/YYYY", r"^(\d{1,2}/\d{1,2}/\d{4})(?:[ ,T].*)?$", "%m/%d/%Y"),
    ("DD-MM-YYYY", r"^(\d{1,2}-\d{1,2}-\d{4})(?:[ ,T].*)?$", "%d-%m-%Y"),
    ("MM-DD-YYYY", r"^(\d{1,2}-\d{1,2}-\d{4})(?:[ ,T].*)?$", "%m-%d-%Y"),
    ("DD.MM.YY", r"^(\d{1,2}\.\d{1,2}\.\d{2})(?:[ ,T].*)?$", "%d.%m.%y"),
    ("DD/MM/YY", r"^(\d{1,2}/\d{1,2}/\d{2})(?:[ ,T].*)?$", "%d/%m/%y"),
    ("MM/DD/YY", r"^(\d{1,2}/\d{1,2}/\d{2})(?:[ ,T].*)?$", "%m/%d/%y"),
    ("Mon DD, YYYY", rf"^({_MONTH} \d{{1,2}}, \d{{4}})(?:[ ,T].*)?$", "%B %d, %Y"),
    ("DD Mon YYYY", rf"^(?:[A-Za-z]{{3}}, )?(\d{{1,2}} {_MONTH} \d{{4}})(?:[ ,T].*)?$", "%d %B %Y"),
    ("DD-Mon-YYYY", rf"^(\d{{1,2}}-{_MONTH}-\d{{4}})(?:[ ,T].*)?$", "%d-%B-%Y"),
    ("unix seconds", r"^(\d{10})(?:\.0*)?$", "s"),
    ("unix milliseconds", r"^(\d{13})$", "ms"),
)
_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,]\d+)?\s*([AaPp][Mm])?"
_OFFSET = r":\d{2}(?:[.,]\d+)?\s*(?:[AaPp][Mm])?\s*(?:(Z|UTC|GMT)|([+-])(\d{2}):?(\d{2})?)$"
"""Behind a time of day only: the end of 07-10-2025 is no offset."""
TIME_OF_DAY = r"[ T,]*\d{1,2}:\d{2}.*$"


@dataclass(frozen=True, slots=True)
class DateStyle:
    """A way of writing dates; `pattern` takes out the date part, `format` reads it.

    `fixed` promises that the date is the first ten signs, which are read several times faster than by pattern.
    """

    name: str
    pattern: str
    format: str
    fixed: bool = False

    def parse(self, column: pl.Expr, tz: str | None = None) -> pl.Expr:
        """Return the stripped column as Date, null where a value does not keep to the style.

        Without `tz` the date is the one on the wall clock, whatever offset stands behind it; with it, values that
        carry an offset are converted to that zone first.
        """
        import polars as pl

        if self.format in {"s", "ms"}:
            number = column.str.extract(self.pattern, 1).cast(pl.Int64, strict=False)
            moment = pl.from_epoch(number, time_unit="s" if self.format == "s" else "ms")
            if tz:
                moment = moment.dt.replace_time_zone("UTC").dt.convert_time_zone(tz)
            return moment.dt.date()
        if self.fixed:
            wall = column.str.head(10).str.to_date(self.format, strict=False)
        else:
            part = column.str.extract(self.pattern, 1)
            if "%B" in self.format:  # which takes Jan and January, but neither Jan. nor Sept
                part = part.str.replace(".", "", literal=True).str.replace("Sept(?:ember)?", "Sep")
            wall = part.str.to_date(self.format, strict=False)
        return wall if tz is None else self._in_zone(column, wall, tz)

    def second(self, column: pl.Expr) -> pl.Expr:
        """Return the second of the day, on the wall clock, of the stripped column; 0 where no time stands there."""
        import polars as pl

        if self.format in {"s", "ms"}:
            number = column.str.extract(self.pattern, 1).cast(pl.Int64, strict=False)
            return (number // (1000 if self.format == "ms" else 1) % 86_400).fill_null(0)
        clock = column.str.extract_groups(_CLOCK)
        return _minutes(clock) * 60 + clock.struct.field("3").cast(pl.Int64).fill_null(0)

    def _in_zone(self, column: pl.Expr, wall: pl.Expr, tz: str) -> pl.Expr:
        import polars as pl

        offset = column.str.extract_groups(_OFFSET)
        east = pl.when(offset.struct.field("2") == "-").then(-1).otherwise(1)
        beyond = offset.struct.field("4").cast(pl.Int64).fill_null(0)
        minutes = (offset.struct.field("3").cast(pl.Int64) * 60 + beyond) * east
        minutes = pl.when(offset.struct.field("1").is_not_null()).then(0).otherwise(minutes)
        moment = wall.cast(pl.Datetime("us")) + pl.duration(
            minutes=_minutes(column.str.extract_groups(_CLOCK)) - minutes
        )
        return (
            pl.when(minutes.is_null())
            .then(wall)
            .otherwise(moment.dt.replace_time_zone("UTC").dt.convert_time_zone(tz).dt.date())
        )


def _minutes(clock: pl.Expr) -> pl.Expr:
    """Return the minute of the day of the groups of a clock; 0 where there is none."""
    import polars as pl

    hour = clock.struct.field("1").cast(pl.Int64).fill_null(0)
    half = clock.struct.field("4").str.to_lowercase()
    hour = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + pl.when(half == "pm").then(12).otherwise(0))
    return hour * 60 + clock.struct.field("2").cast(pl.Int64).fill_null(0)


_ALL = {name: DateStyle(name, pattern, form) for name, pattern, form in _STYLES}
_FULL_WIDTH = {
    style.format: re.sub("%[dm]", r"\\d\\d", re.escape(style.format).replace("%Y", r"\d{4}"))
    for style in _ALL.values()
    if re.fullmatch("%[Ymd]([-/.])%[md]\\1%[Ymd]", style.format)
}
"""Format → pattern of a date of ten signs."""
ISO = DateStyle("YYYY-MM-DD", _ALL["YYYY-MM-DD"].pattern, "%Y-%m-%d", fixed=True)


def date_style(values: Iterable[str], column: str, given: str | None = None) -> DateStyle | None:
    """Decide the style from the values of a column: the one that reads the most of them.

    Returns None when no value looks like a date. Raises DataError where day-first and month-first read the values
    equally well, or where some values can only be one and some only the other.
    """
    texts = sorted({value.strip() for value in values if value.strip()})
    if given is not None:
        return _quick(_given(given), texts)
    read = {name: [text for text in texts if _reads(style, text)] for name, style in _ALL.items()}
    most = max((len(found) for found in read.values()), default=0)
    if most == 0:
        return None
    best = [name for name, found in read.items() if len(found) == most]
    for name in best:
        twin = name.translate(str.maketrans("DM", "MD"))
        if twin == name or twin not in read:
            continue
        only, other = set(read[name]) - set(read[twin]), set(read[twin]) - set(read[name])
        if only and other:
            raise DataError(
                f"column {column!r} mixes day-first and month-first dates: {min(only)!r} and {min(other)!r}",
                f"say which it is: --date-format {name} or --date-format {twin}; the other rows are then set aside",
            )
        if not only and not other:
            shown = ", ".join(repr(text) for text in read[name][:3])
            raise DataError(
                f"column {column!r} can be read two ways: {shown} may be day-first or month-first",
                f"say which it is: --date-format {name} or --date-format {twin}",
            )
    return _quick(_ALL[best[0]], texts)


def _quick(style: DateStyle, texts: Iterable[str]) -> DateStyle:
    """Return the quick way to read dates where all of them are of full width."""
    if style.format not in _FULL_WIDTH:
        return style
    short = (text for text in texts if _reads(style, text) and not re.match(_FULL_WIDTH[style.format], text))
    return style if next(short, None) is not None else replace(style, fixed=True)


def _given(name: str) -> DateStyle:
    if "%" in name:
        _check_pattern(name)
        return DateStyle(name, r"^(.*)$", name)
    for known, style in _ALL.items():
        if known.casefold() == name.casefold():
            return style
    raise UsageError(f"there is no date format {name!r}", f"there is: {', '.join(_ALL)}, or a pattern such as %d.%m.%Y")


def _check_pattern(name: str) -> None:
    """Raise UsageError for a pattern by which a day cannot be told: it must read what it writes."""
    import polars as pl

    moment = datetime(2024, 1, 31, 14, 5, 6, tzinfo=UTC)
    try:
        days = pl.Series([moment.strftime(name)]).str.to_date(name, strict=False).to_list()
    except (pl.exceptions.PolarsError, ValueError):
        days = []
    if days != [moment.date()]:
        raise UsageError(f"no day can be read with the date format {name!r}", "write it as %d.%m.%Y or %m/%d/%y %H:%M")


def _reads(style: DateStyle, text: str) -> bool:
    match = re.match(style.pattern, text)
    if not match:
        return False
    if style.format in {"s", "ms"}:
        return True
    if "%B" in style.format or style.format == "%Y%m%d":
        return True
    numbers = [int(number) for number in re.findall(r"\d+", match[1])]
    order = [part for part in re.findall(r"%([a-zA-Z])", style.format) if part in "dm"]
    day_month = numbers[1:3] if style.format.startswith("%Y") else numbers[:2]
    by_part = dict(zip(order, day_month, strict=True))
    return bool(1 <= by_part["m"] <= 12 and 1 <= by_part["d"] <= 31)
