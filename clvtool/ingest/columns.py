"""Which column of a source means what: understood from its header, by the profiles and the common header words."""

from __future__ import annotations

from dataclasses import dataclass, field
from shlex import quote
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError, did_you_mean
from clvtool.ingest.recognise import recognise
from clvtool.ingest.vocabulary import ORDERS
from clvtool.ingest.words import CURRENCIES, IDENTITY, NAMES, compact, listed, normal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from clvtool.ingest.profiles import Profile
    from clvtool.ingest.vocabulary import Vocabulary

NEAR = 0.7
"""How like a header word a column name must be to be proposed for it."""
SPOKEN = {
    "customer_id": "customer (id, e-mail or phone)",
    "order_date": "order date",
    "answer_date": "day of the answer",
}


@dataclass(frozen=True, slots=True)
class HeaderMap:
    """What was understood of a header: role → source column, and the profile that said so."""

    columns: dict[str, str]
    profile: Profile | None = None
    why: str = ""  # it is this profile, or none
    instead: dict[str, str] = field(default_factory=dict)
    """Role → the column that says it better in the rows in which the first of these columns is filled."""
    aside: tuple[tuple[str, str, str], ...] = ()  # column, words, reason: a row with such a word there is set aside
    vocabulary: Vocabulary = ORDERS

    def get(self, role: str) -> str | None:
        """Return the source column of a role, or None."""
        return self.columns.get(role)

    def sources(self, role: str) -> list[str]:
        """Return all source columns of a role, the one that goes before the others first."""
        return [by_role[role] for by_role in (self.instead, self.columns) if role in by_role]

    def meant(self) -> set[str]:
        """Return the columns that say anything."""
        by_role = {name for role in self.columns for name in self.sources(role)}
        return by_role | {name for name, *_ in self.aside}


def understand(
    header: Sequence[str],
    given: Mapping[str, str],
    profile_name: str | None = None,
    words: Sequence[str] | None = None,
    vocabulary: Vocabulary = ORDERS,
) -> HeaderMap:
    """Return which source column has which role.

    `words` is the header as written, where `header` gave repeated names a number. `given` (role → source column) wins
    over everything. Raises UsageError for a role or profile that does not exist, DataError for a column that is not
    there, and where two columns claim one role.
    """
    written = dict(zip(header, map(compact, words or header), strict=True))
    profile, why = recognise(words or header, profile_name, vocabulary)
    roles, by_word = vocabulary.roles, vocabulary.by_word
    columns = _given(header, given, vocabulary)
    alone = profile is not None and profile.alone
    own = ({} if alone else {role: roles[role] for role in vocabulary.chosen}) | dict(profile.roles if profile else {})
    ignored = listed(profile.ignore) if profile else []
    claims = {role: _first(said, written, columns.values()) for role, said in own.items() if role not in columns}
    of_profile = {*ignored, *(word for said in own.values() for word in listed(said))}
    free = {name: word for name, word in written.items() if name not in columns.values() and word not in of_profile}
    common = {name: by_word.get(word) for name, word in free.items() if not alone}
    marked = {name: by_word.get(_unmarked(name)) for name, role in common.items() if role is None}
    for by_column in (common, marked):  # `Total EUR` is the total where there is no `Total`
        claimed = {*columns, *own, *(role for role, names in claims.items() if names)}
        for name, role in by_column.items():
            if role is not None and role not in claimed:
                claims.setdefault(role, []).append(name)
    for role, names in claims.items():
        if len(names) > 1 and role not in vocabulary.chosen:
            raise DataError(
                f"columns {' and '.join(repr(name) for name in names)} look like {role}",
                f"say which one it is: --map {role}={quote(names[0])}",
            )
        if names:
            columns[role] = names[0]
    if "email" in columns and "customer_id" not in given and normal(columns.get("customer_id", "")) in NAMES:
        columns.setdefault("customer_name", columns.pop("customer_id"))
    columns = {role: columns[role] for role in roles if role in columns}
    rules = vocabulary.aside if profile is None else profile.aside
    aside = tuple((name, said, reason) for where, said, reason in rules for name in _first(where, written))
    instead = {} if profile is None else _instead(profile, written, given)
    return HeaderMap(columns, profile, why, instead, aside, vocabulary)


def missing(role: str, header: Sequence[str], mapping: HeaderMap) -> DataError:
    """Return the error for a role that no column has, with the nearest of the headers that mean nothing else."""
    from difflib import SequenceMatcher

    free = [name for name in header if name not in mapping.columns.values()]
    likeness = {
        name: max(
            SequenceMatcher(None, word, normal(name)).ratio() for word in mapping.vocabulary.roles[role].split("|")
        )
        for name in free
    }
    near = max(likeness, key=lambda name: likeness[name], default="")
    near = near if likeness.get(near, 0) >= NEAR else ""
    found = f"found: {', '.join(header[:20])}{' …' if len(header) > 20 else ''}"
    meant = f"; did you mean {near!r}?" if near else "."
    way_out = f" Say it with --map {role}={quote(near or 'COLUMN')}"
    what = SPOKEN.get(role, role)
    known = f" This is {mapping.profile.name}: {mapping.profile.note}." if mapping.profile else ""
    return DataError(f"no column for the {what}", found + meant + known + way_out)


def anonymous(mapping: HeaderMap) -> str:
    """Return what to do about an export that may be without customers and is; nothing for any other."""
    if mapping.profile is None or not mapping.profile.guests or set(mapping.columns) & set(IDENTITY):
        return ""
    name = mapping.get("customer_name")
    names = f"; or let names do as customers: --map customer_id={quote(name)}" if name else ""
    return f"{mapping.profile.name}: {mapping.profile.guests}{names}"


def _given(header: Sequence[str], given: Mapping[str, str], vocabulary: Vocabulary) -> dict[str, str]:
    """Return the columns that the user named."""
    columns = {}
    for role, name in given.items():
        if role not in vocabulary.roles:
            known = vocabulary.by_word.get(compact(role))
            hint = f"did you mean {known}?" if known else did_you_mean(role, vocabulary.roles)
            raise UsageError(f"--map {role}={name}: there is no column meaning {role!r}", hint)
        columns[role] = find_column(header, name)
    return columns


def find_column(header: Sequence[str], name: str) -> str:
    """Return the column of that name, in any spelling; raise DataError where there is none."""
    if name in header:
        return name
    folded = {normal(column): column for column in header}
    if normal(name) in folded:
        return folded[normal(name)]
    raise DataError(f"there is no column {name!r}", did_you_mean(name, header))


def _first(said: str, written: Mapping[str, str], taken: Iterable[str] = ()) -> list[str]:
    """Return the columns of the first of these words that stands in the header."""
    for word in listed(said):
        names = [name for name, own in written.items() if own == word and name not in taken]
        if names:
            return names
    return []


def _unmarked(name: str) -> str:
    """Return a header word without the currency behind it."""
    *words, last = normal(name).split() or [""]
    return "".join(words) if last in CURRENCIES else ""


def _instead(profile: Profile, written: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the better columns where all of them are there, as they go together, and the user named none himself."""
    found = {role: _first(said, written) for role, said in profile.instead.items()}
    if set(found) & set(given) or not all(found.values()):
        return {}
    return {role: names[0] for role, names in found.items()}
