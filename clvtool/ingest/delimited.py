"""Text with delimiters: encoding, delimiter and header of a CSV file, and its text in UTF-8 where it is in another."""

from __future__ import annotations

import codecs
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from clvtool.errors import InputError
from clvtool.ingest import dialect
from clvtool.ingest.source import SURPLUS, Source, not_text
from clvtool.ingest.streams import SAMPLE_BYTES, Spool, chunks_of, head_of, open_bytes, readable

if TYPE_CHECKING:
    from collections.abc import Iterator


def with_encoding(source: Source, encoding: str | None) -> Source:
    """Return a source of text as UTF-8, from the encoding that is given or that its bytes show."""
    head = head_of(source.label, source.path)
    found = encoding or dialect.modern_encoding(source.label, head)
    if found is None:
        return with_legacy_encoding(source)
    same = codecs.lookup(found).name == "utf-8" and not head.startswith(codecs.BOM_UTF8)
    return replace(source, encoding="utf-8") if same and not dialect.has_lone_cr(head) else _spooled(source, found)


def with_header(source: Source, delimiter: str | None) -> Source:
    """Return a source of text with its delimiter and header."""
    head = head_of(source.label, source.path)
    if not dialect.is_utf_8(head):
        raise not_text(source)
    sample, cut = head.decode("utf-8", "ignore"), len(head) == SAMPLE_BYTES
    delimiter, words, skip = dialect.header_of(source.label, sample, delimiter, cut=cut)
    header = dialect.distinct(words, SURPLUS)
    return replace(source, delimiter=delimiter, header=header, words=tuple(words), skip_lines=skip)


def with_legacy_encoding(source: Source) -> Source:
    """Read a source that is not UTF-8 as text of the one-byte encoding for which all its bytes speak."""
    with readable(source.label), open_bytes(source.path) as stream:
        encoding = dialect.legacy_encoding(chunks_of(stream))
    note = f"the text is not UTF-8; its bytes look like {encoding} (--encoding settles it)"
    return _spooled(replace(source, notes=(*source.notes, note)), encoding)


def _spooled(source: Source, encoding: str) -> Source:
    """Write the source anew as UTF-8 with Unix line ends."""
    decoder = codecs.getincrementaldecoder(encoding)()

    def text(stream: IO[bytes]) -> Iterator[bytes]:
        first, held = True, ""
        for chunk in chunks_of(stream):
            part = held + decoder.decode(chunk)
            held = "\r" if part.endswith("\r") else ""
            if "\r" in part:
                part = part.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
            yield (part.removeprefix("\ufeff") if first else part).encode()
            first = False
        yield (held.replace("\r", "\n") + decoder.decode(b"", final=True)).encode()

    try:
        with readable(source.label), open_bytes(source.path) as stream:
            spool = Spool(text(stream))
    except UnicodeError as error:
        raise InputError(
            f"{source.label} is not {encoding}: {getattr(error, 'reason', error)}",
            "name its encoding: --encoding windows-1250 (Central European) or windows-1252 (Western)",
        ) from None
    return replace(source, path=spool.path, encoding=codecs.lookup(encoding).name, spool=spool)
