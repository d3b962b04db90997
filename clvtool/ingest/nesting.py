"""How deep the columns of a Parquet file lie in each other, from its footer: a thousand levels would crash the reader.

The footer is in Thrift's compact form; only its list of columns is looked at, which stands almost at the beginning.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from clvtool.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LEVELS = 200
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_SCHEMA = 2
"""Number of the field of the footer that lists the columns, each before those inside it."""
_CHILDREN = 5
"""Number of the field of a column that says how many are inside it."""


def check_nesting(label: str, footer: bytes) -> None:
    """Raise InputError for columns too deep in each other; what else is wrong with a footer is not decided here."""
    with suppress(IndexError, RecursionError):
        if _levels(footer) > MOST_LEVELS:
            raise InputError(
                f"{label} has columns nested more than {MOST_LEVELS} levels deep", "orders are a flat table"
            )


def _levels(footer: bytes) -> int:
    thrift, inside, deepest = _Thrift(footer), list[int](), 0
    for field, kind in thrift.fields():
        if (field, kind) != (_SCHEMA, _LIST):
            thrift.skip(kind)
            continue
        for _ in range(thrift.list_size()[0]):
            children = 0
            for part, form in thrift.fields():
                if part == _CHILDREN:
                    children = thrift.number()
                else:
                    thrift.skip(form)
            while inside and not inside[-1]:  # how many columns are still to come on each level
                inside.pop()
            if inside:
                inside[-1] -= 1
            if children > 0:
                inside.append(children)
            deepest = max(deepest, len(inside))
        break
    return deepest


class _Thrift:
    """A place in bytes of Thrift's compact form. Bytes that end too soon are an IndexError."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def byte(self) -> int:
        self.place += 1
        return self.data[self.place - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def number(self) -> int:
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield number and type of each field of a structure; whoever asks reads or skips its value."""
        field = 0
        while header := self.byte():
            field = field + (header >> 4) if header >> 4 else self.number()
            yield field, header & 15

    def list_size(self) -> tuple[int, int]:
        """Return how many values of which type a list has."""
        header = self.byte()
        return (self.varint() if header >> 4 == 15 else header >> 4), header & 15

    def skip(self, kind: int) -> None:
        if kind in {_TRUE, _FALSE}:  # the type is the value
            return
        if kind == _BYTE:
            self.place += 1
        elif kind == _DOUBLE:
            self.place += 8
        elif kind == _BINARY:
            size = self.varint()
            self.place += size
        elif kind in {_LIST, _SET}:
            size, inner = self.list_size()
            for _ in range(size):
                self.skip(_BYTE if inner in {_TRUE, _FALSE} else inner)
        elif kind == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner)
        else:
            self.varint()
