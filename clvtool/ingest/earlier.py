"""Results that the program wrote before, to be compared with: CSV, JSON, JSON lines or Parquet, as `-o` writes them."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError, InputError
from clvtool.ingest.names import near_file
from clvtool.ingest.streams import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

MOST_BYTES = 1 << 30
FORMS = (".csv", ".json", ".ndjson", ".parquet")
_WRITE = "expected: a file that the same command wrote with -o, as .csv, .json, .ndjson or .parquet"


def read_result(path: str) -> pl.DataFrame:
    """Return the rows of a result. Raises InputError when it cannot be read, DataError when it is none."""
    import polars as pl

    with readable(path):
        if not Path(path).exists():
            raise InputError(f"{path} does not exist", near_file(path, FORMS))
        if Path(path).stat().st_size > MOST_BYTES:
            raise InputError(f"{path} is larger than a result can be", _WRITE)
        content = Path(path).read_bytes()
    try:
        if content[:4] == b"PAR1":
            return pl.read_parquet(io.BytesIO(content))
        if content.lstrip()[:1] == b"{":
            return pl.DataFrame(_rows(content), infer_schema_length=None)
        if not content.strip():
            raise InputError(f"{path} is empty", _WRITE)
        return pl.read_csv(io.BytesIO(content), infer_schema_length=None)
    except (pl.exceptions.PolarsError, ValueError, TypeError, RecursionError):
        raise DataError(f"{path} is no result of this program", _WRITE) from None


def _rows(content: bytes) -> list[dict[str, Any]]:
    """Return the rows of a JSON object with the key `rows`, or of JSON lines."""
    text = content.decode("utf-8-sig")
    try:
        told = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    rows = told.get("rows", [told])
    return rows if isinstance(rows, list) else [told]


def segments_of(paths: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Return two files of segments as `segment -o` writes them; None where the inputs are something else.

    Such a file has `customer_id` and `segment` as its first columns. Raises DataError where only one of two is one.
    """
    if len(paths) != 2:
        return None
    known = [_begins_with_segments(path) for path in paths]
    if not any(known):
        return None
    if not all(known):
        other = paths[known.index(False)]
        raise DataError(f"{other} is no file of segments, and the other one is", "write it with clvtool segment -o")
    first, second = (read_result(path) for path in paths)
    return first, second


def _begins_with_segments(path: str) -> bool:
    import polars as pl

    if path == "-" or not Path(path).is_file():
        return False
    with readable(path), Path(path).open("rb") as stream:
        head = stream.read(1 << 12)
    if head[:4] == b"PAR1":
        try:
            return pl.scan_parquet(path).collect_schema().names()[:2] == ["customer_id", "segment"]
        except pl.exceptions.PolarsError:
            return False
    return re.search(rb'^customer_id,segment,|\{"customer_id":\s*"(?:[^"\\]|\\.)*",\s*"segment":', head) is not None
