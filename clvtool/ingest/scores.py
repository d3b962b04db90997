"""Scores: what a cell says on a scale, and whether all of them can be on the scale that was asked for."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from clvtool.errors import DataError
from clvtool.ingest.survey_words import NO_SCORE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import polars as pl

    from clvtool.ingest.reading import Reading
    from clvtool.schema import Scale

EXAMPLES = 3
ENOUGH_ONES = 5
"""So many answers of 1 without any 0 come of a scale that begins at 1: where 0 can be chosen, it is chosen oftener."""
ENOUGH = 10
"""Answers after which it is strange that none is in the upper part of the scale."""
SURE = 1e-6
"""What chance may have made of a file is not called a change of scale."""
KNOWN = ((1, 5), (1, 7), (1, 10), (0, 10), (0, 100))
_NUMBER = re.compile(r"([-+]?\d{1,4})(?:[.,]0*)?")
_LABEL_BEHIND = re.compile(r"(\d{1,3})(?:\s*[-–—:=.()]+\s*|\s+)[^\d\s].*", re.DOTALL)
_LABEL_BEFORE = re.compile(r"\D*[^\d\s.,]\s*(?:[-–—:=(]\s*|\s)(\d{1,3})\)?", re.DOTALL)


def score_of(text: str) -> int | None:
    """Return the whole number that a cell says: `9`, `9.0`, `10 - Extremely likely`, `Not at all likely - 0`."""
    for pattern in (_NUMBER, _LABEL_BEHIND, _LABEL_BEFORE):
        found = pattern.fullmatch(text.strip())
        if found:
            return int(found[1])
    return None


def is_no_score(text: str, missing: Collection[str]) -> bool:
    """Return whether a cell says that there is no answer, by itself or because it was said (`missing`)."""
    return text.casefold() in NO_SCORE or text in missing or str(score_of(text)) in missing


def score_column(cells: pl.Series, missing: Collection[str]) -> tuple[pl.Series, pl.Series]:
    """Return the scores of stripped cells, and where a cell is neither a score nor blank."""
    import polars as pl

    scores = cells.cast(pl.Int16, strict=False)
    if missing:
        scores = scores.set(scores.cast(pl.String).is_in(list(missing)).fill_null(value=False), None)
    odd = cells.filter(scores.is_null()).drop_nulls().unique().to_list()
    said = {text: score_of(text) for text in odd if not is_no_score(text, missing)}
    if any(found is not None for found in said.values()):
        known = {text: found for text, found in said.items() if found is not None}
        labels = cells.replace_strict(known, default=None, return_dtype=pl.Int16)
        scores = scores.zip_with(scores.is_not_null(), labels)
    bad = [text for text, found in said.items() if found is None]
    return scores, cells.is_in(bad).fill_null(value=False) if bad else pl.repeat(value=False, n=len(cells), eager=True)


def require_scale(cells: pl.Series, scores: pl.Series, bad: pl.Series, scale: Scale, column: str) -> None:
    """Raise DataError with a count and three examples where cells are not on the scale."""
    off = bad | ~scores.is_between(scale.low, scale.high).fill_null(value=True)
    if not off.any():
        return
    counts = cells.filter(off).value_counts(name="n").sort("n", cells.name, descending=[True, False])
    shown = ", ".join(f"{text!r} ({count})" for text, count in counts.head(EXAMPLES).iter_rows())
    wide = next((ends for ends in KNOWN if _holds(ends, scores) and ends != (scale.low, scale.high)), None)
    codes_meant = dict.fromkeys(str(score_of(text) or text) for text in counts.head(EXAMPLES)[cells.name])
    hint = f"if that means no answer: --missing {','.join(sorted(codes_meant))}"
    if wide and not bad.any():
        hint = f"if that is the scale: --scale {wide[0]}-{wide[1]}; {hint}"
    raise DataError(
        f"{int(off.sum()):,} scores in {column!r} are not whole numbers from {scale.low} to {scale.high}: {shown}",
        f"{hint}; if it is another column: --score COLUMN",
    )


def _holds(ends: tuple[int, int], scores: pl.Series) -> bool:
    return bool(scores.is_between(*ends).fill_null(value=True).all())


def require_likely(scores: pl.Series, scale: Scale, column: str) -> None:
    """Raise DataError where nobody named the scale and the scores speak for a shorter one."""
    if scale.typed or not scores.count():
        return
    n, zeros, ones = scores.count(), int((scores == 0).sum()), int((scores == 1).sum())
    least, most = int(scores.min()), int(scores.max())  # type: ignore[arg-type] # there are some
    if (scale.low, scale.high) != (0, 10) or zeros:
        return
    shorter = 5 if most <= 5 else 7
    if most <= shorter and n >= ENOUGH:
        raise DataError(
            f"the scores in {column!r} go from {least} to {most}: of {n:,} answers none is above {shorter}, "
            f"so this looks like a scale from 1 to {shorter}",
            f"if they can go from 0 to 10: --scale 0-10; if it is another column: --score COLUMN; "
            f"satisfaction and effort have commands of their own: clvtool csat --scale 1-{shorter}, clvtool ces",
        )
    if ones >= ENOUGH_ONES:
        raise DataError(
            f"the scores in {column!r} go from {least} to {most}: of {n:,} answers none is 0, but {ones:,} are 1, "
            "so this looks like a scale from 1 to 10",
            "if it is one: --scale 1-10; if 0 could be chosen: --scale 0-10",
        )


def check_change(table: pl.DataFrame, scale: Scale, column: str, reading: Reading) -> None:
    """Say that scores are on a shorter scale up to some day, or from it; raise DataError where no scale was named."""
    import polars as pl

    if "answer_date" not in table.columns:
        return
    known = table.lazy().filter(pl.col("answer_date").is_not_null() & pl.col("score").is_not_null())
    tops = [top for top in (5, 7, 10) if scale.low < top < scale.high]
    seen = {f"above {top}": pl.col("score") > top for top in tops}
    if scale.low == 0:
        seen["of 0"] = pl.col("score") == 0
    days = known.group_by("answer_date").agg(n=pl.len(), **{name: where.sum() for name, where in seen.items()})
    by_day = days.sort("answer_date").collect(engine="streaming")
    for name in seen:
        told = _change(by_day, name)
        if told and scale.typed:
            reading.warnings.append(f"{column!r}: {told}; --scale {scale} is taken for all of them")
        elif told:
            raise DataError(
                f"the scale of {column!r} seems to change: {told}",
                f"compare the parts one by one; if the scale is the same all along: --scale {scale}",
            )


def _change(days: pl.DataFrame, name: str) -> str:
    """Return in words how scores of some size begin or stop at a day; nothing where chance may have done it."""
    import polars as pl

    hits = days.filter(pl.col(name) > 0)["answer_date"]
    if hits.is_empty():
        return ""
    first, last = hits[0], hits[-1]
    for where, word, day in (
        (pl.col("answer_date") < first, "begin", first),
        (pl.col("answer_date") > last, "end", last),
    ):
        without, rest = days.filter(where), days.filter(~where)
        n, others, hit = int(without["n"].sum()), int(rest["n"].sum()), int(rest[name].sum())
        if min(n, others) >= ENOUGH and n * math.log1p(-hit / (others + 1)) < math.log(SURE):
            around = "before" if word == "begin" else "after"
            return f"scores {name} {word} on {day} ({hit:,} of {others:,} answers), {around} it none of {n:,} is one"
    return ""


def codes(words: Iterable[str]) -> frozenset[str]:
    """Return the codes for no answer, numbers as they are counted: `99.0` is 99."""
    given = [word.strip() for word in words if word.strip()]
    return frozenset(given) | {str(score_of(word)) for word in given if score_of(word) is not None}
