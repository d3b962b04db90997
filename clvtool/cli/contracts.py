"""The options of `fit` for retention tables."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clvtool.cli.options import Counting, Reading
from clvtool.errors import UsageError
from clvtool.models.registry import AUTO, CONTRACTS, kind

if TYPE_CHECKING:
    from clvtool.result import Result

PANEL = "Retention tables (sbg, bdw)"

ByGroup = Annotated[
    str | None, typer.Option(metavar="COL", help="A fit for each value of this column.", rich_help_panel=PANEL)
]
ByCohort = Annotated[
    str | None,
    typer.Option(
        metavar="COL", help="Tables of several cohorts, told apart by this column: one fit.", rich_help_panel=PANEL
    ),
]
AtStart = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Customers at the start (of each cohort) where the table has shares.", rich_help_panel=PANEL
    ),
]
CurveInstead = Annotated[
    bool,
    typer.Option("--curve", help="The fitted curve, a row a period, in place of parameters.", rich_help_panel=PANEL),
]
Periods = Annotated[
    int | None,
    typer.Option(metavar="N", help="How far the curve goes; without it, as far as the table.", rich_help_panel=PANEL),
]

PerYear = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="Annual discount rate: the curve says how many further periods a customer is worth.",
        rich_help_panel=PANEL,
    ),
]
Length = Annotated[
    Literal["day", "week", "month", "quarter", "year"] | None,
    typer.Option(
        metavar="day|week|month|quarter|year",
        help="Length of a period, for --discount, where the header of its column does not say it.",
        rich_help_panel=PANEL,
    ),
]


@dataclass(frozen=True)
class Contracts:
    """What to do with a retention table."""

    by: str | None
    cohort: str | None
    customers: int | None
    curve: bool
    periods: int | None
    discount: float | None
    period: str | None

    def among(self, models: list[str], *, comparing: bool, saving: bool) -> list[str]:
        """Return the models of contracts among these. Raises UsageError for what does not go together."""
        found = [name for name in models if name != AUTO and kind(name) == CONTRACTS]
        given = [field.name for field in fields(self) if getattr(self, field.name)]
        if not found and given:
            raise UsageError(f"--{given[0]} is for retention tables", "add --model sbg or --model bdw, or leave it out")
        if found and comparing:
            raise UsageError(f"--model {found[0]} takes no part in comparisons", "leave out --compare and its options")
        if found and len(found) < len(models):
            raise UsageError(
                f"--model {found[0]} reads a retention table, the other models read orders", "fit them one by one"
            )
        if found and saving and self.by is not None:
            raise UsageError("--save with --by: a model file holds one fit of a model", "leave one of them out")
        return found

    def fit(self, inputs: list[str], models: list[str], reading: Reading, counting: Counting, level: float) -> "Result":
        """Return the answer for a retention table."""
        from clvtool.ingest.retention_table import read_retention
        from clvtool.metrics.contracts import Cohort, fit_contracts

        if counting != Counting():
            raise UsageError(
                "--as-of, --where, --refunds and --zero-orders are about orders, not about a retention table",
                "leave it out",
            )
        if reading.strict or reading.rejects:
            raise UsageError(
                "--strict and --rejects are about orders: no row of a retention table is set aside", "leave it out"
            )
        curves, unit, notes = read_retention(inputs, reading.options(), by=self.by, cohort=self.cohort)
        return fit_contracts(
            [Cohort(curve.group, curve.alive, curve.shares) for curve in curves],
            models,
            by=self.by,
            customers=self.customers,
            periods=self.periods,
            curve=self.curve,
            discount=self._per_period(unit),
            level=level,
            notes=notes,
        )

    def _per_period(self, unit: str | None) -> float | None:
        """Return the discount rate per period of the table."""
        from clvtool.periods import DAYS

        if self.discount is None:
            return None
        if not 0 < self.discount < 100:
            raise UsageError(f"--discount {self.discount:g} is not a rate above 0", "10 % a year is --discount 0.10")
        length = self.period or unit
        if length is None:
            raise UsageError("--discount is a rate per year, and how long a period is, is not known", "--period month")
        return float((1 + self.discount) ** (DAYS[length] / DAYS["year"]) - 1)
