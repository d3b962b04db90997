"""--segments: a table of bounds from a TOML file, as it stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clvtool.errors import DataError, InputError


def read_bounds(path: str) -> list[dict[str, Any]]:
    """Return the tables `[[segment]]` of a file; what they mean is checked where they are used.

    Raises InputError when it cannot be read, DataError when it is not TOML or has no such table.
    """
    import tomllib

    try:
        document = tomllib.loads(Path(path).read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise DataError(f"{path} is not TOML: {reason}", 'text stands in quotation marks: name = "loyal"') from None
    found = document.pop("segment", None)
    if document or not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise DataError(f"{path} is no list of segments", "each stands below a line [[segment]]")
    return found
