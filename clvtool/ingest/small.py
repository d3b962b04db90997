"""Small tables beside the orders, such as exchange rates: any file that the reader takes, looked at as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.opening import open_sources
from clvtool.ingest.reading import ReadOptions
from clvtool.ingest.source import collect
from clvtool.ingest.words import normal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl


def small_table(
    path: str, needed: Mapping[str, Sequence[str]], further: Mapping[str, Sequence[str]]
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return the columns of a file as stripped text under our names, and the header each of them has in the file.

    `needed` and `further` say per column of ours which headers mean it, in any letter case; the first that is there
    counts. Raises DataError where a needed one is not there.
    """
    import polars as pl

    source = open_sources([path], ReadOptions())[0]
    known = {normal(name): name for name in source.header}
    found = {}
    for name, words in (*needed.items(), *further.items()):
        header = next((known[normal(word)] for word in words if normal(word) in known), None)
        if header is not None:
            found[name] = header
        elif name in needed:
            raise DataError(f"{path} has no column {name!r}", f"found: {', '.join(source.header)}")
    text = {name: pl.col(header).cast(pl.String).str.strip_chars() for name, header in found.items()}
    return collect(source, source.scan().select(**text)), found
