"""Files that the program wrote itself, to be read again: small texts."""

from __future__ import annotations

from pathlib import Path

from clvtool.errors import InputError
from clvtool.ingest.names import near_file
from clvtool.ingest.streams import readable

MOST_BYTES = 1 << 20


def read_text(path: str) -> str:
    """Return the text of a file. Raises InputError when there is none, or it is larger than a mebibyte."""
    with readable(path):
        if not Path(path).exists():
            raise InputError(f"{path} does not exist", near_file(path, (".json",)))
        with Path(path).open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InputError(f"{path} is larger than a model file can be", "expected: a file written with --save")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8", "expected: a file written with --save") from None
