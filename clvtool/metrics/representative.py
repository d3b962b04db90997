"""Whether those who answered are like all customers: shares by segment, and the figure as if they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvtool.errors import UsageError
from clvtool.metrics.groups import TOTAL
from clvtool.metrics.joined import HEADLINES
from clvtool.metrics.voices import match, scores_of
from clvtool.result import Result
from clvtool.stats import chi_square_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from clvtool.metrics.buyers import Buyers
    from clvtool.metrics.joined import Answer
    from clvtool.metrics.kinds import Kinds

STRATIFIED = "(post-stratified)"
FEW = 5
"""Answers to be expected of a segment below which the chi-square test is not exact."""
COUNTS = ("customers", "n")
SHARES = ("customer_share", "answer_share", "ratio", "response_rate")
DEFINITIONS = {
    "customers": "customers of the base",
    "n": "of these who answered, each once, with the latest answer",
    "customer_share": "customers ÷ all customers",
    "answer_share": "n ÷ all who answered",
    "ratio": "answer_share ÷ customer_share: above 1 a segment is heard more than it is large",
    "response_rate": "n ÷ customers",
}


def representative(
    answers: pl.DataFrame, kinds: Kinds, people: Buyers, answer: Answer, *, notes: Sequence[str] = ()
) -> Result:
    """Return one row for all, one for the figure as if every segment were heard by its size, and one a segment.

    Columns: the segment columns of the base, COUNTS, SHARES, and the figure of the question with its interval.
    Raises UsageError where the base has no segments, and as `joined.match` does.
    """
    import numpy as np
    import polars as pl

    if not people.labels:
        raise UsageError("--base compares segments of customers, and none are named", "add --by COLUMN of the base")
    found = match(answers, people)
    known = found.place >= 0
    segment = people.segment[found.place[known]]
    size = np.bincount(people.segment, minlength=len(people.segments)).tolist()
    heard = np.bincount(segment, minlength=len(people.segments)).tolist()
    keys = [f"segment_{place}" for place in range(len(people.labels))]
    columns = [pl.Series(key, [people.segments[one][place] for one in segment]) for place, key in enumerate(keys)]
    scores = scores_of(found)
    weight = np.array(size)[segment] / np.array(heard)[segment]
    by_segment = answer(scores.with_columns(columns), by=keys).table
    stratified = answer(scores.with_columns(weight=pl.Series(weight))).table.row(0, named=True)
    figure = HEADLINES[kinds.question][:3]
    told = {row[: len(keys)]: row[len(keys) :] for row in by_segment.select(*keys, *figure).iter_rows()}
    whole, answered = sum(size), sum(heard)
    width = len(keys)

    def row(name: tuple[str, ...], own: int, n: int) -> dict[str, Any]:
        share, said = own / whole, n / answered
        figures = dict(zip(figure, told.get(name, (None,) * 3), strict=True))
        shares = dict(zip(SHARES, (share, said, said / share, n / own), strict=True))
        return dict(zip(keys, name, strict=True)) | {"customers": own, "n": n} | shares | figures

    rows = [row((TOTAL,) * width, whole, answered)]
    rows.append(dict.fromkeys(keys, STRATIFIED) | {name: stratified[name] for name in figure})
    rows += [row(name, own, n) for name, own, n in zip(people.segments, size, heard, strict=True) if own]
    schema: dict[str, Any] = dict.fromkeys(keys, pl.String) | dict.fromkeys(COUNTS, pl.Int64)
    schema |= dict.fromkeys((*SHARES, *figure), pl.Float64)
    heads = [f"{label}_group" if label in {*COUNTS, *SHARES, *figure} else label for label in people.labels]
    test, said = _tested(size, heard)
    raw = rows[0][figure[0]]
    style = HEADLINES[kinds.question][3]
    ends = " to ".join(format(stratified[name], style) for name in figure[1:])
    said.append(
        f"{figure[0]} {format(raw, style)} as answered, {format(stratified[figure[0]], style)} ({ends}) if every "
        "segment were heard by its size"
    )
    mute = [own for own, n in zip(size, heard, strict=True) if own and not n]
    if mute:
        said.append(f"{len(mute)} segments with {sum(mute):,} customers did not answer: they are left out of that")
    definitions = DEFINITIONS | {
        figure[0]: f"that of the answers; {STRATIFIED}: each answer weighted by customers ÷ n of its segment"
    }
    return Result(
        name=f"{kinds.question}_base",
        title=f"{kinds.question.upper()}: those who answered and all customers",
        table=pl.DataFrame(rows, schema=schema).rename(dict(zip(keys, heads, strict=True))),
        notes=(*notes, *people.notes, *found.notes(people.as_of), *said),
        as_of=people.as_of,
        definitions=definitions,
        extra={"matched": found.counts, "test": test},
    )


def _tested(size: Sequence[int], heard: Sequence[int]) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the chi-square test of answering against segment, and what there is to say of it."""
    pairs = [(own, n) for own, n in zip(size, heard, strict=True) if own]
    rate = sum(heard) / sum(size)
    if len(pairs) < 2 or rate == 1:
        return None, ["there is nothing to test: one segment, or everybody answered"]
    value = sum((n - own * rate) ** 2 / (own * rate * (1 - rate)) for own, n in pairs)
    freedom = len(pairs) - 1
    p = chi_square_tail(value, freedom)
    verdict = "answer at different rates" if p < 0.05 else "show no sure difference in who answers"
    said = [f"segments {verdict}: chi-square {value:.2f}, {freedom} degrees of freedom, p = {p:.2g}"]
    few = sum(own * min(rate, 1 - rate) < FEW for own, _ in pairs)
    if few:
        said.append(f"{few} segments are so small that fewer than {FEW} answers were to be expected: the test is rough")
    return {"chi_square": value, "freedom": freedom, "p_value": p}, said
