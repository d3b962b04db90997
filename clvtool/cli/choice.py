"""The options of a scheme of segments, as the metrics take them."""

from pathlib import Path
from typing import TYPE_CHECKING

from clvtool.errors import UsageError

if TYPE_CHECKING:
    from clvtool.metrics.schemes import Choice


def choice(scheme: str, tiers: str, segments: Path | None) -> "Choice":
    """Return the scheme that was asked for, with the names of a file where one is given."""
    from clvtool.metrics.schemes import Choice

    if segments is None:
        return Choice(scheme, tiers)
    if scheme != "rfm":
        raise UsageError(f"--segments names the segments of rfm, and not of {scheme}", "leave one of them out")
    from clvtool.ingest.bounds import read_bounds

    return Choice(scheme, tiers, read_bounds(str(segments)), str(segments))
