"""The options that say which segments there are, for every command that has some."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from clvtool.cli.options import Discount, Horizon
from clvtool.errors import UsageError

if TYPE_CHECKING:
    from clvtool.metrics.schemes import Choice

PANEL = "Segments"


@dataclass(frozen=True)
class Segmenting:
    """Which segments: the scheme, and its bounds."""

    scheme: Annotated[
        Literal["rfm", "tiers", "abc", "lifecycle"],
        typer.Option(
            metavar="rfm|tiers|abc|lifecycle",
            help="By recency, frequency and money; by revenue in tiers, or as 80/15/5; by the customer's own rhythm.",
            rich_help_panel=PANEL,
        ),
    ] = "rfm"
    segments: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Names for rfm: TOML with [[segment]], name, and r, f, m as [from, to].",
            rich_help_panel=PANEL,
        ),
    ] = None
    tiers: Annotated[
        str,
        typer.Option(
            metavar="N|VALUE,...",
            help="3 to 5 tiers of equal size, or the lowest revenue of each but the last.",
            rich_help_panel=PANEL,
        ),
    ] = "4"

    tiers_by: Annotated[
        Literal["revenue", "clv"],
        typer.Option(
            metavar="revenue|clv",
            help="Tiers go by revenue so far, or by what customers are expected to bring in within --horizon.",
            rich_help_panel=PANEL,
        ),
    ] = "revenue"
    horizon: Horizon = "12m"
    discount: Discount = 0.10

    def choice(self) -> "Choice":
        """Return the scheme as the metrics take it, with the names of the file where one is given."""
        from clvtool.metrics.schemes import Choice
        from clvtool.metrics.valuation import Valuation
        from clvtool.periods import duration

        valuation = Valuation(horizon=duration(self.horizon), discount=self.discount)
        rest: dict[str, Any] = {"tiers_by": self.tiers_by, "valuation": valuation}
        if self.segments is None:
            return Choice(self.scheme, self.tiers, **rest)
        if self.scheme != "rfm":
            raise UsageError(f"--segments names the segments of rfm, and not of {self.scheme}", "leave one of them out")
        from clvtool.ingest.bounds import read_bounds

        return Choice(self.scheme, self.tiers, read_bounds(str(self.segments)), str(self.segments), **rest)
