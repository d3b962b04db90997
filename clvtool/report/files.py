"""A Result in a file: the old file or the whole new one, never half of one."""

from __future__ import annotations

import errno
import io
import os
import stat
import zlib
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from clvtool.errors import OutputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clvtool.result import Result

FORMATS = {
    ".csv": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".md": "markdown",
    ".markdown": "markdown",
    ".parquet": "parquet",
}
DESCRIPTORS = {"/dev/stdout": 1, "/dev/stderr": 2}  # opened anew, they would cut off the file that `>>` appends to
REASONS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.EISDIR: "it is a directory",
    errno.ELOOP: "its symbolic links lead in a circle",
    errno.ENOSPC: "no space left on the device",
    errno.EDQUOT: "the disk quota is used up",
}


def format_of(path: Path) -> str:
    """Return the format that the extension of the path names; a device or a pipe without one gets CSV."""
    known = FORMATS.get(path.suffix.casefold())
    if known:
        return known
    if str(path) in DESCRIPTORS or (not path.suffix and _is_special(path)):
        return "csv"
    hint = did_you_mean(path.suffix, FORMATS) if path.suffix else f"there is: {', '.join(FORMATS)}"
    raise UsageError(f"{path} has no extension that names a format", f"{hint}; or say which with --format")


def check_target(path: Path) -> None:
    """Raise OutputError if it is plain before any work that the path cannot be written."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "")
        if not _target(path).parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "")
    except OSError as error:
        raise _output_error(path, error) from error


def write_text(text: str, path: Path) -> None:
    """Write a text to a file, whole or not at all. Raises OutputError when it cannot be written."""

    def writer(stream: BinaryIO) -> None:
        stream.write(text.encode())

    write_atomically(path, writer)


def write_result(result: Result, path: Path, format: str | None = None, *, spreadsheet_safe: bool = False) -> None:  # noqa: A002 (the word of the command line)
    """Write the result to the path, in the format given or else the one its extension names."""
    pieces = encoded(result, format or format_of(path), spreadsheet_safe=spreadsheet_safe)

    write_atomically(path, lambda stream: stream.writelines(pieces))


def encoded(result: Result, format: str, *, spreadsheet_safe: bool = False) -> Iterator[bytes]:  # noqa: A002 (as above)
    """Yield the bytes of the result in a format, in pieces."""
    from clvtool.report import text

    if format == "csv":
        return text.csv(result, spreadsheet_safe=spreadsheet_safe)
    if format == "parquet":
        return _parquet(result)
    if format == "table":
        return _table(result)
    return {"json": text.json_object, "ndjson": text.ndjson, "markdown": text.markdown}[format](result)


def write_atomically(path: Path, writer: Callable[[BinaryIO], None]) -> None:
    """Let `writer` fill the file, which takes its place at once when it is complete.

    On any failure, and on Ctrl-C, the file that was there stays as it was. A symbolic link is written through.
    A device or a pipe is written directly. What a killed process left behind, the next writer of the same file clears
    away. Raises OutputError if the file cannot be written; a pipe that its reader closed stays a BrokenPipeError.
    """
    try:
        if str(path) in DESCRIPTORS:
            with os.fdopen(os.dup(DESCRIPTORS[str(path)]), "wb") as stream:
                writer(stream)
        elif _is_special(path):
            with path.open("wb") as stream:
                writer(stream)
        else:
            _replace(_target(path), writer)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _output_error(path, error) from error


def _replace(target: Path, writer: Callable[[BinaryIO], None]) -> None:
    before = target.stat() if target.exists() else None
    if before and stat.S_ISDIR(before.st_mode):
        raise IsADirectoryError(errno.EISDIR, "")
    if before and not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, "")  # a write-protected file is not to be swapped for a new one
    temporary = target.with_name(f"{_prefix(target)}{os.urandom(6).hex()}.tmp")
    try:  # the name is known before the file is there, so that no Ctrl-C comes between it and its removal
        with _locked(temporary) as stream:
            writer(stream)
            stream.flush()
            if before:
                with suppress(OSError):  # the file of another owner keeps what it can
                    os.fchmod(stream.fileno(), stat.S_IMODE(before.st_mode))
            os.fsync(stream.fileno())
            temporary.replace(target)  # while the lock is held: see _remove_leftovers
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _remove_leftovers(target)


def _locked(temporary: Path) -> BinaryIO:
    """Return a new file that is locked for as long as it is open."""
    while True:
        stream = os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "wb")
        with suppress(OSError):  # a file system without locks
            flock(stream, LOCK_EX)
        if os.fstat(stream.fileno()).st_nlink:
            return stream
        stream.close()  # another writer took it for a leftover before the lock was there


def _remove_leftovers(target: Path) -> None:
    """Remove the temporary files of killed writers of the target: those that nobody holds locked."""
    for leftover in target.parent.glob(f"{_prefix(target)}*.tmp"):
        with suppress(OSError):
            descriptor = os.open(leftover, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                flock(descriptor, LOCK_EX | LOCK_NB)
                leftover.unlink()
            finally:
                os.close(descriptor)


def _prefix(target: Path) -> str:
    return f".clvtool-{zlib.crc32(os.fsencode(target.name)):08x}-"  # short, however long the name


def _target(path: Path) -> Path:
    """Return the file that a path leads to through symbolic links, be it there or not."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _is_special(path: Path) -> bool:
    """Tell whether the path is a device, a pipe, or something else of the system's that is no regular file."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _output_error(path: Path, error: OSError) -> OutputError:
    folder = Path(os.path.realpath(path)).parent
    if error.errno == errno.ENOENT and not folder.is_dir():
        return OutputError(f"{path} cannot be written: there is no directory {folder}", "create it first")
    reason = REASONS.get(error.errno or 0) or error.strerror or str(error)
    if error.errno == errno.EISDIR:
        hint = f"name a file in it, such as {path / 'result.csv'}"
    else:
        hint = "choose another place with -o; a file that was there is as it was"
    return OutputError(f"{path} cannot be written: {reason}", hint)


def _parquet(result: Result) -> Iterator[bytes]:
    """Yield one Parquet file, whose metadata key `clvtool` tells in JSON what the columns cannot."""
    import json

    from clvtool.report.text import about, as_json

    buffer = io.BytesIO()  # Polars on our own stream would hide the reason of a failing write
    told = json.dumps(as_json(about(result)), ensure_ascii=False, allow_nan=False)
    result.table.write_parquet(buffer, metadata={"clvtool": told, **result.metadata})
    yield buffer.getvalue()


def _table(result: Result) -> Iterator[bytes]:
    from clvtool.report.table import lines

    yield "".join(f"{line}\n" for line, _ in lines(result, 80, elastic=True)).encode()
