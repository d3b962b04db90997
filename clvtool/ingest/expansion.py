"""How far a small file may grow when it is unpacked: a few kilobytes can hold more than any memory does.

Logs of orders are packed 3:1 to 20:1, the most regular ones 50:1; a file made to do harm 1000:1 and more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

ALWAYS_BYTES = 1 << 30
"""Nothing is said of what unpacks to less: any machine bears it."""
MOST_TIMES = 100
ROW_BYTES = 32
"""What a row costs beside its bytes: a gigabyte of empty lines is a billion rows."""


def check_expansion(label: str, packed: int, chunks: Iterable[bytes]) -> None:
    """Raise InputError for a compressed file that unpacks to too much; `packed` is its own size.

    `chunks` are its unpacked bytes, none of which is kept; no more of them are asked for than may be.
    """
    limit, size = _limit(packed), 0
    for chunk in chunks:
        size += len(chunk) + ROW_BYTES * chunk.count(b"\n")
        if size > limit:
            raise _too_much(label, "a shell can unpack it first: gzip -dc FILE | clvtool … -")


def check_rows(label: str, packed: int, rows: int) -> None:
    """Raise InputError for a Parquet file that says of itself that it has too many rows for its size."""
    if rows * ROW_BYTES > _limit(packed):
        raise _too_much(label, "if it is right, write it as CSV first")


def _limit(packed: int) -> int:
    return max(ALWAYS_BYTES, MOST_TIMES * packed)


def _too_much(label: str, way_out: str) -> InputError:
    return InputError(
        f"{label} unpacks to more than {MOST_TIMES} times its size and more than {ALWAYS_BYTES >> 30} GiB",
        f"that is no log of orders, but may be meant to do harm; {way_out}",
    )
