"""Whether a file is a result that the program wrote of a survey, or a survey itself."""

from __future__ import annotations

from pathlib import Path

from clvtool.ingest.streams import readable

HEAD_BYTES = 1 << 16


def is_result(path: str, column: str) -> bool:
    """Return whether a file has the column that only results have; a file that cannot be opened is none."""
    import polars as pl

    if path == "-" or not Path(path).is_file():
        return False
    with readable(path), Path(path).open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if head[:4] == b"PAR1":
        try:
            return column in pl.scan_parquet(path).collect_schema().names()
        except pl.exceptions.PolarsError:
            return False
    first, _, _ = head.partition(b"\n")
    own = head if head.lstrip()[:1] == b"{" else first
    return column.encode() in own
