"""Surveys in, ANSWERS and the account of their reading out: the second door of this package."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.ingest.account import describe_profile, describe_rows, describe_source, nothing_left
from clvtool.ingest.cells import aside_cells, identity_cell
from clvtool.ingest.columns import HeaderMap, find_column, understand
from clvtool.ingest.heads import with_heads
from clvtool.ingest.opening import open_sources
from clvtool.ingest.plan import CODES, Plan, as_text
from clvtool.ingest.privacy import check_hashing, hidden
from clvtool.ingest.questions import find_comment, find_score
from clvtool.ingest.read import ROW_SPACE, extra_names, naming, own_extras, renamed, spelled_alike
from clvtool.ingest.reading import Reading, ReadOptions
from clvtool.ingest.reasons import good_rows, set_reason
from clvtool.ingest.repeats import chosen_answers
from clvtool.ingest.rows import Rows, row_checks, row_rules, settled, stripped_cells, with_reason, without_empties
from clvtool.ingest.scores import check_change, codes, require_likely, require_scale, score_column
from clvtool.ingest.source import Source, collect
from clvtool.ingest.surveys import SURVEY
from clvtool.ingest.unchanged import unchanged
from clvtool.ingest.understood import understood
from clvtool.schema import ANSWERS, Scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

CONSUMED = (*ANSWERS, "email", "phone")
"""Roles whose source column becomes a canonical column, and so is no extra column."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of a survey: the score of which question (none: only the answers), and whose answers count."""

    question: str = ""  # nps, csat or ces
    scale: Scale = field(default_factory=lambda: Scale(0, 10))
    score: str | None = None
    weight: str | None = None
    value: str | None = None
    missing: tuple[str, ...] = ()
    answers: str = "all"  # or the latest, or the first, of each respondent; "any": all, and it need not be said
    reasons: bool = False  # no score is asked for, but what was chosen: further columns have it

    @property
    def counted(self) -> bool:
        """Return whether answers are counted, with a score or by their reasons."""
        return bool(self.question) or self.reasons


@dataclass(slots=True)
class Answers:
    """ANSWERS with the account of its reading.

    `table` has the canonical columns that the sources have (`customer_id` always), the extra columns under their source
    names, and nothing else. `score` is the source column of the score, `mappings` say of each source what it means.
    """

    table: pl.DataFrame
    reading: Reading = field(default_factory=Reading)
    score: str = ""
    mappings: tuple[HeaderMap, ...] = ()


def read_answers(
    inputs: Sequence[str],
    options: ReadOptions | None = None,
    asked: Asked | None = None,
    *,
    extras: Iterable[str] | None = None,
    reading: Reading | None = None,
    trace: bool = False,
    opened: Sequence[Source] | None = None,
) -> Answers:
    """Read inputs (paths, patterns, `-`) as one ANSWERS table.

    `extras` are the further source columns wanted (None: all of them), named in any letter case. A `reading` that is
    handed in is filled as far as the reading gets. `opened` are the inputs, where somebody has opened them before. With
    `trace`, `reading.traced` says of every row that is set aside why.
    Raises InputError, DataError and UsageError as the errors module says.
    """
    options, asked = options or ReadOptions(), asked or Asked()
    reading = reading if reading is not None else Reading()
    if not inputs:
        raise UsageError("there is no INPUT", "name a file, or - for standard input")
    check_hashing(options.hash_ids, trace=trace)
    wanted = None if extras is None else list(extras)
    sources = opened or open_sources(inputs, options)
    with unchanged(sources):
        return _read(sources, options, asked, wanted, reading, trace=trace)


def _read(
    sources: Sequence[Source],
    options: ReadOptions,
    asked: Asked,
    wanted: list[str] | None,
    reading: Reading,
    *,
    trace: bool,
) -> Answers:
    import polars as pl

    if trace:
        reading.traced = {}
    sources = [with_heads(source, SURVEY, options.profile) for source in sources]
    names = extra_names(sources, wanted, ANSWERS)
    several = len(sources) > 1
    tables: list[pl.DataFrame] = []
    spelling: dict[str, str] = {}
    mappings: list[HeaderMap] = []
    for place, source in enumerate(sources, start=1):
        number = place if several else None
        with naming(source, number) if several else nullcontext():
            describe_source(source, number, reading)
            mapping = _understand(source, options, asked, reading)
            mappings.append(mapping)
            describe_profile(mapping, len(source.header), number, reading)
            own = own_extras(source.header, mapping, names, CONSUMED, nameless=options.hash_ids is not None)
            part = _rows(source, mapping, options, own, timed=asked.answers in {"latest", "first"})
            if trace:
                numbered = part.table.with_columns(row=pl.int_range(pl.len(), dtype=pl.UInt64) + place * ROW_SPACE)
                part = replace(part, table=numbered)
            describe_rows(part, number, reading)
            reading.understood = (*reading.understood, understood(part))
            reading.sources = (*reading.sources, part.source)
            tables.append(_scored(_good(spelled_alike(part, spelling), options, reading), mapping, asked))
    table = pl.concat(tables, how="diagonal") if several else tables[0]
    del tables
    if table.is_empty():
        raise nothing_left(reading, sources[0].label if not several else "the input")
    table = _plausible(table, reading)
    score = mappings[0].columns.get("score", "")
    if asked.question:
        check_change(table, asked.scale, score, reading)
        require_likely(table["score"], asked.scale, score)
    if asked.answers != "any" and (asked.counted or asked.answers != "all"):
        table = chosen_answers(table, asked.answers, reading)
    reading.rows_used = table.height
    table = hidden(table, options.hash_ids, reading).drop("row", "time", strict=False)
    return Answers(renamed(table, ANSWERS), reading, score, tuple(mappings))


def _understand(source: Source, options: ReadOptions, asked: Asked, reading: Reading) -> HeaderMap:
    """Return what the columns mean, the score, the weight and the comment among them."""
    mapping = understand(source.header, options.mapping, options.profile, source.words, SURVEY)
    columns = dict(mapping.columns)
    if options.hash_ids is not None:  # they may name somebody
        columns = {role: name for role, name in columns.items() if role not in {"answer_id", "comment"}}
    if asked.question:
        columns["score"] = find_score(source, mapping, asked.question, asked.scale, asked.score, codes(asked.missing))
    else:
        columns.pop("score", None)
    for role, name in (("weight", asked.weight), ("value", asked.value)):
        if name is not None:
            columns[role] = find_column(source.header, name)
    taken = [name for name in ("score", "weight", "value") if name in columns]
    columns = {role: name for role, name in columns.items() if role in taken or name not in {columns[t] for t in taken}}
    mapping = replace(mapping, columns=columns)
    if "comment" not in columns and options.hash_ids is None:
        found, others = find_comment(source, mapping, columns.get("score"))
        if found is not None:
            columns["comment"] = found
        elif others:
            shown = ", ".join(repr(name) for name in others)
            reading.warnings.append(f"columns that may hold the comment: {shown}; --map comment=COLUMN names one")
    return replace(mapping, columns={role: columns[role] for role in SURVEY.roles if role in columns})


def _rows(source: Source, mapping: HeaderMap, options: ReadOptions, extras: list[str], *, timed: bool) -> Rows:
    """Return all rows of a source as `answer_id customer_id answer_date score weight value comment`, and `reason`.

    `timed` adds `time`, the second of the day.
    """

    def look(source: Source, plan: Plan, used: list[str]) -> pl.DataFrame:
        return _pass(source, plan, options, extras, used, timed=timed)

    return settled(source, mapping, options, look)


def _pass(
    source: Source, plan: Plan, options: ReadOptions, extras: list[str], used: list[str], *, timed: bool
) -> pl.DataFrame:
    import polars as pl

    stripped, columns = stripped_cells(source, plan, extras)
    texts = ["answer_id", "score", "comment"]
    cells = {role: columns[role] for role in texts if role in columns}
    cells["customer_id"] = identity_cell(columns)
    if plan.day in columns:
        cells[plan.day] = plan.dates.parse(columns[plan.day], options.tz)
        if timed:
            cells["time"] = plan.dates.second(columns[plan.day])
    numbers = {
        role: (plan.numbers[role].parse_float if role == "weight" else plan.numbers[role].parse)(columns[role])
        for role in used
    }
    cells |= numbers
    rules = row_rules(source, plan, columns, numbers, cells)
    if "weight" in numbers:
        rules["rule_bad_weight"] = ~(numbers["weight"] >= 0).fill_null(value=False)
    checks = row_checks(plan, columns, numbers)
    kept = {f"extra_{name}": pl.col(f"extra_{name}") for name in extras}
    aside = aside_cells(plan.mapping, options, source.schema())
    cells |= {name: pl.col(name) for name in aside}
    rows = source.scan().select(**stripped, **aside).select(**cells, **rules, **checks, **kept)
    table = without_empties(with_reason(collect(source, rows), list(rules)))
    return _with_blanks(table, source)


def _with_blanks(table: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Tell rows with nothing in them from rows in which only what was wanted is blank: all columns are looked at."""
    import polars as pl

    core = pl.all_horizontal(pl.col(name).is_null() for name in table.columns if name in ANSWERS)
    maybe = table.select(core & pl.col("reason").is_in([0, CODES["bad_weight"]])).to_series()
    if not maybe.any():
        return table
    schema = source.schema()
    cells = [as_text(name, schema).str.strip_chars().fill_null("") == "" for name in source.header]
    blank = collect(source, source.scan().select(pl.all_horizontal(cells))).to_series() & maybe
    return table.with_columns(reason=set_reason(pl.lit(blank), "blank_row"))


def _good(part: Rows, options: ReadOptions, reading: Reading) -> pl.DataFrame:
    """Return the rows that are answers; every other one is counted."""
    reading.rows_read += part.table.height + len(part.source.given_up)
    reading.put_aside(part.source.why_given_up, len(part.source.given_up))
    return good_rows(part, options, reading)[0]


def _scored(table: pl.DataFrame, mapping: HeaderMap, asked: Asked) -> pl.DataFrame:
    """Return the answers with their scores as numbers; raise DataError where some are not on the scale."""
    if not asked.question:
        return table
    cells, column = table["score"], mapping.columns["score"]
    scores, bad = score_column(cells, codes(asked.missing))
    require_scale(cells, scores, bad, asked.scale, column)
    return table.with_columns(scores.alias("score"))


def _plausible(table: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Set aside answers whose dates cannot be."""
    from clvtool.ingest.orders import implausible

    if "answer_date" not in table.columns:
        return table
    bad = implausible(table["answer_date"])
    if not bad.any():
        return table
    numbers = table.filter(bad)["row"] if "row" in table.columns else ()
    reading.put_aside("implausible_date", int(bad.sum()), 0, None, numbers)
    return table.filter(~bad)
