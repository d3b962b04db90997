"""The options that several commands share: how to read the input, and what counts."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clvtool.cli.run import run_of
from clvtool.errors import UsageError
from clvtool.ingest.profiles import PROFILES

if TYPE_CHECKING:
    from clvtool.ingest.read import Orders
    from clvtool.ingest.reading import ReadOptions
    from clvtool.ingest.rejects import Read
    from clvtool.metrics.orderlog import Policies

READING = "Reading the input"
COUNTING = "What counts"

INPUT = typer.Argument(
    metavar="INPUT",
    help="Files with orders: CSV, TSV, JSON lines, plain or .gz or .zst; Excel workbooks, SQLite databases, "
    "Parquet; patterns, directories; - for standard input. Several are read as one table.",
    show_default=False,
)
Inputs = Annotated[list[str], INPUT]
By = Annotated[str | None, typer.Option(metavar="COL[,COL]", help="Also for each group of customers.")]
Period = Annotated[
    Literal["day", "week", "month", "quarter", "year"],
    typer.Option(metavar="day|week|month|quarter|year", help="Unit of all rates."),
]
ActiveWindow = Annotated[
    str,
    typer.Option(
        metavar="DAYS|period|auto",
        help="How long a customer is active after a purchase; auto covers 90 % of the gaps between purchases.",
    ),
]
Margin = Annotated[
    str | None,
    typer.Option(
        metavar="RATE|COL", help="Margin as a share of revenue, or the column with the margin of each row in money."
    ),
]
Level = Annotated[float, typer.Option(metavar="SHARE", help="Level of all intervals.")]
LogFromStart = Annotated[
    bool, typer.Option("--log-from-start", help="The log begins with the shop: nobody in it is an older customer.")
]

Horizon = Annotated[str, typer.Option(metavar="DURATION", help="How far to look ahead: 90d 12w 12m 1y.")]
Discount = Annotated[float, typer.Option(metavar="RATE", help="Annual discount rate.")]


@dataclass(frozen=True)
class FileReading:
    """How to read any kind of table; everything not said is found out from the content."""

    map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="MEANING=COLUMN",
            help="Which column means what, such as customer_id=Client. Repeatable.",
            rich_help_panel=READING,
        ),
    ] = None
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"The export it is: plain, {', '.join(profile.name for profile in PROFILES)}.",
            rich_help_panel=READING,
        ),
    ] = None
    sheet: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The sheet of a workbook or table of a database; also as book.xlsx?sheet=NAME, file.db?table=NAME.",
            rich_help_panel=READING,
        ),
    ] = None
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Such as utf-8 or windows-1250.", rich_help_panel=READING)
    ] = None
    delimiter: Annotated[
        str | None, typer.Option(metavar="SIGN", help="The sign between columns.", rich_help_panel=READING)
    ] = None
    decimal: Annotated[
        Literal[".", ","] | None,
        typer.Option(metavar="SIGN", help="The decimal sign: . or ,", rich_help_panel=READING),
    ] = None
    date_format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="Such as DD/MM/YYYY or %d.%m.%Y.", rich_help_panel=READING),
    ] = None
    tz: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="Convert times that carry an offset to this zone, such as Europe/Warsaw. Without it the date is the "
            "one on the clock.",
            rich_help_panel=READING,
        ),
    ] = None
    hash_ids: Annotated[
        str | None,
        typer.Option(
            metavar="SALT",
            help="Customers by a keyed hash, and no personal columns. SALT is any secret text.",
            rich_help_panel=READING,
        ),
    ] = None
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="End with an error (4) when any row has to be set aside.", rich_help_panel=READING
        ),
    ] = False

    rejects: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the rows that are set aside, with line and reason, to FILE (.csv, .json, .parquet ...).",
            rich_help_panel=READING,
        ),
    ] = None

    context: typer.Context = field(default=None, compare=False)  # type: ignore[assignment] # None: no command line

    def finish(self, orders: "Read") -> None:
        """Write the rejects, and refuse set-aside rows where that was asked for."""
        if self.rejects is not None and orders.reading.traced is not None:
            from clvtool.ingest.rejects import rejects
            from clvtool.report.files import write_result

            write_result(rejects(orders), self.rejects)
        orders.reading.require_all(strict=self.strict)

    def options(self) -> "ReadOptions":
        """Return the options as the reader takes them."""
        from clvtool.ingest.reading import ReadOptions

        return ReadOptions(
            mapping=dict(pair(text, "--map") for text in self.map or []),
            profile=self.profile,
            sheet=self.sheet,
            encoding=self.encoding,
            delimiter=self.delimiter,
            decimal=self.decimal,
            date_format=self.date_format,
            tz=_zone(self.tz),
            hash_ids=self.hash_ids,
            untyped=self._untyped(),
        )

    def _untyped(self) -> frozenset[str]:
        """Return the options whose values come from the environment or a config file, as they came."""
        run = run_of(self.context)
        names = (one.option for one in run.in_force())
        return frozenset(name for name in names if getattr(self, name, None) == run.option(name))


@dataclass(frozen=True)
class Reading(FileReading):
    """How to read orders."""

    minor_units: Annotated[
        bool, typer.Option("--minor-units", help="Amounts are in hundredths (cents).", rich_help_panel=READING)
    ] = False
    currency: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="Keep only this currency; with --rates, the one to tell all in.",
            rich_help_panel=READING,
        ),
    ] = None
    rates: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Put several currencies into one: a table of currency, rate and, where rates change, date.",
            rich_help_panel=READING,
        ),
    ] = None
    keep_status: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD",
            help="Keep orders with this status, though it means that there was no sale. Repeatable.",
            rich_help_panel=READING,
        ),
    ] = None
    match_refunds: Annotated[
        bool,
        typer.Option(
            "--match-refunds",
            help="Pair refunds that name no order with the order they mirror: same customer, same money.",
            rich_help_panel=READING,
        ),
    ] = False

    def orders(self, inputs: list[str], extras: list[str] | None) -> "Orders":
        """Return the inputs as ORDERS of known customers; write the rejects, refuse set-aside rows where asked for."""
        from clvtool.ingest.read import read_orders

        orders = read_orders(inputs, self.options(), extras=extras, trace=self.rejects is not None)
        self.finish(orders)
        orders.reading.require_customers()
        return orders

    def options(self) -> "ReadOptions":
        """Return the options as the reader takes them."""
        return replace(
            super().options(),
            minor_units=self.minor_units,
            currency=self.currency,
            keep_status=tuple(self.keep_status or []),
            match_refunds=self.match_refunds,
            rates=None if self.rates is None else str(self.rates),
        )


@dataclass(frozen=True)
class Counting:
    """What counts: the day of the analysis, the rows kept, refunds, orders at amount 0."""

    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="The day the analysis stands at; later orders and refunds are set aside. Without it: the last "
            "order's day.",
            rich_help_panel=COUNTING,
        ),
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COL=VALUE", help="Keep only rows with this value. Repeatable.", rich_help_panel=COUNTING),
    ] = None
    refunds: Annotated[
        Literal["net", "ignore"],
        typer.Option(metavar="net|ignore", help="Take refunds off, or ignore them.", rich_help_panel=COUNTING),
    ] = "net"
    zero_orders: Annotated[
        Literal["keep", "drop"],
        typer.Option(metavar="keep|drop", help="Orders at amount 0 count as orders, or not.", rich_help_panel=COUNTING),
    ] = "keep"

    def policies(self) -> "Policies":
        """Return the policies as the metrics take them."""
        from clvtool.metrics.orderlog import Policies
        from clvtool.periods import day

        return Policies(
            as_of=day(self.as_of, "--as-of") if self.as_of else None,
            where=tuple(pair(text, "--where") for text in self.where or []),
            refunds=self.refunds,
            zero_orders=self.zero_orders,
        )

    def columns(self) -> list[str]:
        """Return the columns that --where names."""
        return [pair(text, "--where")[0] for text in self.where or []]


def names(text: str | None) -> list[str]:
    """Return the column names of an option such as --by country,channel."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def margin_of(text: str | None) -> tuple[float | None, str | None]:
    """Return the rate or the column that --margin says."""
    if text is None:
        return None, None
    try:
        return float(text), None
    except ValueError:
        if text.strip().endswith("%"):
            raise UsageError(f"--margin {text}: write it as a share", "25 % is --margin 0.25") from None
        return None, text


def pair(text: str, option: str) -> tuple[str, str]:
    """Return what stands on either side of the = of an option such as --where COL=VALUE."""
    left, sign, right = text.partition("=")
    if not sign or not left.strip():
        raise UsageError(f"{option} {text}: there is no = in it", f"write {option} NAME=VALUE")
    return left.strip(), right.strip()


def _zone(name: str | None) -> str | None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if name is None:
        return None
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"there is no time zone {name!r}", "write it as Europe/Warsaw") from None
    return name
