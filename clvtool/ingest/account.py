"""What was understood of an input and what happened to its rows, as facts that `inspect` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.dialect import DELIMITERS
from clvtool.ingest.plan import ASIDE
from clvtool.ingest.reading import REASONS
from clvtool.ingest.statuses import SALES, status_reason
from clvtool.ingest.words import normal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvtool.ingest.columns import HeaderMap
    from clvtool.ingest.reading import Aside, Reading
    from clvtool.ingest.rows import Rows
    from clvtool.ingest.source import Source


MOST_STATUSES = 50
MOST_UNKNOWN = 5


def describe_source(source: Source, place: int | None, reading: Reading) -> None:
    """Note how a source is written."""
    section = _section("source", place)
    reading.add(section, "kind", source.kind)
    if source.kind == "csv":
        reading.add(section, "encoding", source.encoding)
        reading.add(section, "delimiter", DELIMITERS.get(source.delimiter, source.delimiter))
    if source.part:
        reading.add(section, "sheet", source.part)
    reading.add(section, "columns", len(source.header))
    for note in source.notes:
        reading.warnings.append(note)


def describe_profile(mapping: HeaderMap, width: int, place: int | None, reading: Reading) -> None:
    """Note which known export it is, how sure that is and why, and of how many of its columns it says the meaning."""
    profile = mapping.profile
    told = [mapping.why, f"{len(mapping.meant())} of {width} columns have a meaning"]
    told += [profile.note] if profile and profile.note else []
    reading.add(
        _section("source", place),
        "profile",
        profile.name if profile else mapping.vocabulary.plain,
        detail="; ".join(told),
    )


def describe_rows(part: Rows, place: int | None, reading: Reading, keep_status: Sequence[str] = ()) -> None:
    """Note which source column became what, how its values are written, and three of them."""
    section = _section("source", place)
    mapping = part.plan.mapping
    reading.add(section, "rows", rows=part.table.height + len(part.source.given_up))
    reading.correct(section, "encoding", part.source.encoding)  # a byte far down may have shown it
    for note in part.source.notes:
        if note not in reading.warnings:
            reading.warnings.append(note)
    section = _section("columns", place)
    for role in mapping.columns:
        style = ""
        if role in part.plan.numbers:
            style = part.plan.numbers[role].name
        elif role == mapping.vocabulary.day:
            style = part.plan.dates.name
        elif role in part.plan.float_ids:
            style = "numbers read as 17850.0 are 17850"
        reading.add(
            section,
            role,
            ", else ".join(mapping.sources(role)),
            detail=f"{style}{': ' if style else ''}{' | '.join(part.plan.samples.get(role, []))}",
        )
    others = [name for name in part.source.header if name not in mapping.meant()]
    if others:
        reading.add(section, "others", len(others), detail=f"kept for --by and --where: {', '.join(others)}")
    _describe_statuses(part, _section("statuses", place), reading, {normal(word) for word in keep_status})
    if part.rounded:
        reading.add("orders", "rounded", rows=part.rounded, detail="amounts with more than 4 decimals, rounded to 4")
        reading.warnings.append(f"{part.rounded} rows have amounts with more than 4 decimals; they were rounded")


def _describe_statuses(part: Rows, section: str, reading: Reading, kept: set[str]) -> None:
    """Note how every status is taken, and warn of words that are not known: their orders count."""
    profile = part.plan.mapping.profile
    for name, words, said in part.plan.mapping.aside:
        if ASIDE + said in part.table.columns and part.table[ASIDE + said].any():
            reading.add(
                section, f"{name}: {words.replace('|', ', ')}", "set aside", rows=int(part.table[ASIDE + said].sum())
            )
    if "status" not in part.table.columns:
        return
    counts = part.table["status"].drop_nulls().value_counts().sort("count", "status", descending=[True, False])
    unknown = []
    for status, rows in counts.head(MOST_STATUSES).iter_rows():
        reason = None if normal(status) in kept else status_reason(status, profile)
        taken = "set aside" if reason in REASONS else "an order and its refund" if reason else "an order"
        strange = reason is None and normal(status) not in SALES | kept
        reading.add(section, status, taken, rows=rows, detail="not a word that is known" if strange else None)
        if strange:
            unknown.append(f"{status} ({rows})")
    if unknown:
        reading.warnings.append(f"status not known, so its orders count: {', '.join(unknown[:MOST_UNKNOWN])}")


def nothing_left(reading: Reading, what: str) -> DataError:
    """Return the error for an input of which no row can be used, with its account."""
    if not reading.rows_read:
        return DataError(f"{what} has a header but no row below it")
    reasons = ", ".join(f"{aside.rows} {reason}" for reason, aside in sorted_aside(reading))
    return DataError(
        f"no usable rows: {reading.rows_read} read, all set aside ({reasons})",
        "see them with: clvtool inspect FILE --rejects rejects.csv",
    )


def notes_of(reading: Reading) -> list[str]:
    """Return the account in one sentence, and the warnings."""
    aside = sum(one.rows for one in reading.set_aside.values())
    reasons = ", ".join(f"{one.rows:,} {reason}" for reason, one in sorted_aside(reading))
    account = f"{reading.rows_read:,} rows read, {reading.rows_used:,} used"
    return [f"{account}, {aside:,} set aside: {reasons}" if aside else account, *reading.warnings]


def sorted_aside(reading: Reading) -> list[tuple[str, Aside]]:
    """Return what was set aside, in the order of REASONS."""
    return [(reason, reading.set_aside[reason]) for reason in REASONS if reason in reading.set_aside]


def _section(name: str, place: int | None) -> str:
    return name if place is None else f"{name} {place}"
