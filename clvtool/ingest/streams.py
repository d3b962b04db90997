"""Bytes: of a file or a pipe, compressed or not, and kept in a temporary file where they come only once."""

from __future__ import annotations

import errno
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from clvtool.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SAMPLE_BYTES = 1 << 20
CHUNK_BYTES = 1 << 22


class Spool:
    """A temporary file without a name: gone with the last Source that holds it, and when the process ends, however."""

    def __init__(self, chunks: Iterable[bytes] = ()) -> None:
        """Write the chunks into a new file."""
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this object
        for chunk in chunks:
            self.file.write(chunk)
        self.file.flush()

    @property
    def path(self) -> str:
        """Return a path under which this process can open the file."""
        return f"/dev/fd/{self.file.fileno()}"

    def __del__(self) -> None:
        if hasattr(self, "file"):  # there may have been no room for one
            self.file.close()


@contextmanager
def readable(label: str) -> Iterator[None]:
    """Say of an input that it cannot be read, and why."""
    try:
        yield
    except (OSError, EOFError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise  # no fault of the input: there is no room for a temporary file
        reason = getattr(error, "strerror", None) or "it is damaged or not what its first bytes say"
        raise InputError(f"{label} cannot be read: {reason}") from None


def open_bytes(path: str) -> IO[bytes]:
    """Open a plain, gzip or zstd file as its uncompressed bytes."""
    raw = Path(path).open("rb")  # noqa: SIM115 - the caller closes it
    raw.seek(0)  # /dev/fd may share its position with the descriptor it was made from
    magic = raw.read(4)
    raw.seek(0)
    compression = "gzip" if magic[:2] == b"\x1f\x8b" else "zstd" if magic == b"\x28\xb5\x2f\xfd" else None
    if compression is None:
        return raw
    import pyarrow as pa

    stream: IO[bytes] = pa.CompressedInputStream(raw, compression)
    return stream


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a stream piece by piece."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def head_of(label: str, path: str) -> bytes:
    """Return the first bytes of an input, uncompressed."""
    with readable(label), open_bytes(path) as stream:
        return stream.read(SAMPLE_BYTES)
