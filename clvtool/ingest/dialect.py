"""How a text table is written: encoding, line ends, delimiter, header. Judged from its bytes; no file is opened."""

from __future__ import annotations

import codecs
import csv
import io
import re
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from clvtool.errors import InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
VOTERS = 200
"""Records that decide on the delimiter."""

_LETTER = rb"[A-Za-z\xc0-\xff]"
_CENTRAL = re.compile(
    b"|".join(
        (
            _LETTER + rb"[\xb9\xbf\x9f]",  # ą ż ź in a word, where Windows-1252 has ¹ ¿ Ÿ
            rb"[A-Zabe-jln-z\xc0-\xff]\xb3|\xb3[a-z\xb9\xe0-\xff]",  # ł, where it has ³; dm³ and m³ are in use
            rb"\x9c[bklmpwz\xe6]",  # ś, where it has œ
            rb"[\xa3\xa5\xaf\x8c][A-Z\xd3]|\xa3[a-z\xf3]",  # Ł Ą Ż Ś, where it has £ ¥ ¯ Œ
            rb"[\x9a\x9e][a-z]|[a-z][\x9a\x9e\x9d]|\x8f",  # š ž ť Ź
            rb"K\xe8(?![a-z])",  # Kč
        )
    )
)
"""Signs of Windows-1250, the Central European encoding, that make no sense in Windows-1252, the Western one."""
_HIGH = re.compile(rb"[\x80-\xff]+")
_MOST_LOOKS = 100_000
"""Places with letters beyond ASCII after which a file without Central European ones is taken for a Western one."""
_NOT_CENTRAL = frozenset(b"\x81\x83\x88\x90\x98")
_NOT_WESTERN = frozenset(b"\x81\x8d\x8f\x90\x9d")


def check_encoding(name: str) -> None:
    """Raise UsageError when there is no text encoding of that name."""
    try:
        "".encode(name)  # which base64 and the like refuse
        codecs.getincrementaldecoder(name)
    except (LookupError, UnicodeError):
        raise UsageError(
            f"there is no encoding {name!r}", did_you_mean(name, ["utf-8", "utf-16", "windows-1250", "windows-1252"])
        ) from None


def modern_encoding(label: str, head: bytes) -> str | None:
    """Return the Unicode encoding of a file's first bytes, None where they are none; InputError for no text at all."""
    for bom, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if head.startswith(bom):
            return name
    if b"\0" in head or head.startswith((b"%PDF", b"\x89PNG")):
        raise InputError(
            f"{label} is binary, not a table that can be read",
            "text with NUL bytes in it can be cleaned (tr -d '\\000'); UTF-16 without a mark: --encoding utf-16-le",
        )
    return "utf-8" if is_utf_8(head) else None


def is_utf_8(head: bytes) -> bool:
    """Return whether the first bytes of a file, that may be cut within a letter, are UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def legacy_encoding(chunks: Iterable[bytes]) -> str:
    """Return the encoding of one byte a letter for which the bytes of a whole file speak."""
    central, seen, looked = False, b"", 0
    for chunk in chunks:
        seen += bytes(set(chunk.translate(None, seen)))
        for high in _HIGH.finditer(chunk) if not central and looked < _MOST_LOOKS else ():
            looked += 1
            central = _CENTRAL.search(chunk[max(high.start() - 1, 0) : high.end() + 1]) is not None
            if central or looked == _MOST_LOOKS:
                break
    if central and not _NOT_CENTRAL & set(seen):
        return "windows-1250"
    return "latin-1" if _NOT_WESTERN & set(seen) else "windows-1252"


def has_lone_cr(head: bytes) -> bool:
    """Return whether lines end, or some of them, as on an old Macintosh."""
    return re.search(rb"\r[^\n]", head) is not None


def header_of(
    label: str, sample: str, delimiter: str | None = None, *, cut: bool = False
) -> tuple[str, list[str], int]:
    """Return delimiter, header and the number of lines above it, from the beginning of a file's text.

    `cut` says that the file goes on behind the sample. Raises InputError where there is no header, or one that is not
    whole, UsageError for a delimiter of more than one byte.
    """
    lines = list(io.StringIO(sample, newline=""))
    skip = 0
    while skip < len(lines) and not lines[skip].strip():
        skip += 1
    named = lines[skip].strip("\r\n ") if skip < len(lines) else ""
    if re.fullmatch(r"(?i)sep=.?", named):
        delimiter = delimiter or named[len("sep=") :] or "\t"
        skip += 1
        while skip < len(lines) and not lines[skip].strip():
            skip += 1
    if skip == len(lines):
        raise InputError(f"{label} has nothing but blank lines at its beginning" if cut else f"{label} is empty")
    by_name = {name: sign for sign, name in DELIMITERS.items()} | {"\\t": "\t"}
    delimiter = _vote(lines[skip:]) if delimiter is None else by_name.get(delimiter, delimiter)
    if len(delimiter.encode()) != 1 or delimiter in '"\r\n':
        raise UsageError(
            f"a delimiter is one character, not {delimiter!r}", f"there is: {', '.join(DELIMITERS.values())}"
        )
    reader = csv.reader(lines[skip:], delimiter=delimiter)
    try:
        header = next(reader)
    except csv.Error:
        header = []
    end = skip + reader.line_num
    if "".join(lines[skip:end]).count('"') % 2:
        raise InputError(f"the header line of {label} has a quotation mark that is not closed")
    if not header or (cut and end == len(lines)):
        raise InputError(f"the header line of {label} is too long to be one", f"it begins with {lines[skip][:40]!r}")
    return delimiter, [name.strip().strip("\ufeff") for name in header], skip


def distinct(header: Iterable[str], reserved: Iterable[str] = ()) -> tuple[str, ...]:
    """Return column names that are not empty, not repeated and not reserved."""
    names: list[str] = []
    taken = set(reserved)
    counts: dict[str, int] = {}  # where to go on counting: ten thousand columns may have the same name
    for place, written in enumerate(header, start=1):
        base = name = written or f"column_{place}"
        while name in taken:
            counts[base] = counts.get(base, 1) + 1
            name = f"{base}_{counts[base]}"
        taken.add(name)
        names.append(name)
    return tuple(names)


def _vote(lines: list[str]) -> str:
    """Return the delimiter under which the most records have as many fields as the header (quotes respected)."""

    def score(delimiter: str) -> tuple[float, int]:
        widths: list[int] = []
        with suppress(csv.Error):  # a cell too long for this module: the records above it vote
            widths.extend(len(record) for record in islice(csv.reader(lines, delimiter=delimiter), VOTERS) if record)
        if not widths or widths[0] < 2:
            return 0.0, 0
        return sum(width == widths[0] for width in widths) / len(widths), widths[0]

    return max(DELIMITERS, key=score)
