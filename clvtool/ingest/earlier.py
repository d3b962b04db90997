"""Results that the program wrote before, to be compared with: CSV, JSON, JSON lines or Parquet, as `-o` writes them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError, InputError
from clvtool.ingest.names import near_file
from clvtool.ingest.streams import readable

if TYPE_CHECKING:
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
