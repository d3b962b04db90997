"""Terms of one and two words that separate the comments of two groups of respondents.

The measure is the log-odds ratio with an informative Dirichlet prior of Monroe, Colaresi and Quinn, "Fightin' Words"
(Political Analysis 16, 2008), equations 15 to 22: with y the comments of a group that have the term, n the sum of y
over all terms, and a the prior: as many mentions as the smaller group has, PRIOR at most, spread over the terms as all
comments have them,

    d = ln (y1 + a)/(n1 + A - y1 - a) - ln (y2 + a)/(n2 + A - y2 - a)     A = sum of all a
    z = d / sqrt(1/(y1 + a) + 1/(y2 + a))

A comment counts once for a term, however often it has it. One and two words are told apart as two vocabularies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clvtool.errors import DataError, UsageError
from clvtool.metrics.stop_words import ALL
from clvtool.result import Result
from clvtool.stats import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

PRIOR = 500.0
"""Mentions that the prior is worth at most: it draws rare terms to no difference, and must not outweigh the data."""
LEAST = 3
"""Comments that a term is in at least, in both groups together."""
MOST_WORDS = 20_000
"""Of the words of all comments the commonest are looked at, and pairs of these: so memory is bounded."""
MOST_TERMS = 20
"""Terms that are shown of each group."""
EXAMPLES = 3
PIECE = 100_000
"""Comments that are taken apart at a time."""
WORD = r"[\p{L}\p{N}]+(?:['’][\p{L}]+)*|[^\p{L}\p{N}\s'’]+"
"""A word, or what parts words: no pair goes over a comma or a full stop."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Two groups of respondents by their scores, both ends belonging to them, and how they are called."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    low_name: str
    high_name: str


def terms(answers: pl.DataFrame, sides: Sides, *, level: float = 0.95, notes: Sequence[str] = ()) -> Result:
    """Return the terms that separate the comments of two groups: those of the low scores first, by falling z.

    Columns: `group` that has the term more often, `term`, `z`, `log_odds` (above 0: more often with the low scores),
    the number of comments with the term in either group, and `examples`: ids of answers with it, the newest first.
    Only terms whose z is beyond the quantile of `level` are shown, at most MOST_TERMS a group.
    Raises DataError without comments of both groups.
    """
    import polars as pl

    if not 0 < level < 1:
        raise UsageError(f"--level {level:g} is not between 0 and 1", "95 % is --level 0.95")
    if "comment" not in answers.columns:
        raise DataError("no column has comments", "name it: --map comment=COLUMN")
    ids = next((name for name in ("answer_id", "customer_id") if _filled(answers, name)), None)
    texts = _texts(answers, sides, ids)
    sizes = {side: texts.filter(pl.col("side") == side)["times"].sum() for side in (0, 1)}
    for side, name in enumerate((sides.low_name, sides.high_name)):
        if not sizes[side]:
            raise DataError(f"no comment of {name}", "terms are those that separate two groups, so both must have some")
    known = _known(texts)
    found = _judged(texts, known, normal_quantile(level))
    names = (f"n_{_column(sides.low_name)}", f"n_{_column(sides.high_name)}")
    shown = found.filter(pl.col("beyond"))
    chosen = pl.concat(
        shown.filter(pl.col("z") * sign > 0).sort(pl.col("z") * -sign, "term").head(MOST_TERMS) for sign in (1, -1)
    )
    group = pl.when(pl.col("z") > 0).then(pl.lit(sides.low_name)).otherwise(pl.lit(sides.high_name))
    table = chosen.select(group.alias("group"), "term", "z", "log_odds", pl.col("y0").alias(names[0]), y1="y1")
    table = table.rename({"y1": names[1]})
    by_chance, beyond = (1 - level) * found.height, found["beyond"].sum()
    much = f"where {by_chance:,.0f} would have by chance alone"
    said = [
        f"{sizes[0]:,} comments of {sides.low_name}, {sizes[1]:,} of {sides.high_name}",
        f"{beyond:,} of {found.height:,} terms have a z beyond ±{normal_quantile(level):.2f}, {much}",
    ]
    if ids is None:
        said.append("no column tells answers apart, so there are no examples: --map answer_id=COLUMN names one")
    else:
        table = table.with_columns(_examples(texts, known, chosen).alias("examples"))
    last = answers["answer_date"].max() if _filled(answers, "answer_date") else None
    return Result(
        name="terms",
        title=f"Terms that separate comments of {sides.low_name} from those of {sides.high_name}",
        table=table,
        notes=(*notes, *said),
        as_of=last,  # type: ignore[arg-type] # of a column of days
        definitions={
            "group": "who uses the term more often",
            "z": f"log_odds ÷ its standard error; above 0 for {sides.low_name}",
            "log_odds": "log-odds ratio with an informative prior (Monroe, Colaresi and Quinn 2008)",
            names[0]: f"comments of {sides.low_name} with the term",
            names[1]: f"comments of {sides.high_name} with the term",
            "examples": "answers of that group with the term, the newest first",
        },
    )


def _filled(answers: pl.DataFrame, name: str) -> bool:
    return name in answers.columns and answers[name].count() > 0


def _column(name: str) -> str:
    return name.replace(" ", "_")


def _texts(answers: pl.DataFrame, sides: Sides, ids: str | None) -> pl.DataFrame:
    """Return the different comments in the order of their text: `comment side times ids`, side 2 for all others.

    `ids` are the newest EXAMPLES of the answers that have the comment.
    """
    import polars as pl

    side = (
        pl.when(pl.col("score").is_in(sides.low)).then(0).when(pl.col("score").is_in(sides.high)).then(1).otherwise(2)
    )
    day = ["answer_date"] if "answer_date" in answers.columns else []
    rows = answers.lazy().filter(pl.col("comment").is_not_null() & pl.col("score").is_not_null())
    grouped = rows.with_columns(side=side).group_by("comment", "side")
    sums = {"times": pl.len().cast(pl.Int64)}
    if ids is not None:
        newest = pl.struct(*(pl.col(name) for name in day), id=pl.col(ids)) if day else pl.struct(id=pl.col(ids))
        keys = [*(pl.col(name) for name in day), pl.col(ids)]
        ranked = newest.sort_by(keys, descending=[*([True] * len(day)), False], nulls_last=True)
        sums["ids"] = ranked.filter(ranked.struct.field("id").is_not_null()).head(EXAMPLES)
    return grouped.agg(**sums).sort("comment", "side").collect(engine="streaming")


def _words(texts: pl.DataFrame) -> pl.DataFrame:
    """Return every word of the comments in its order: `row place word key`; key is null for what is no word to count.

    Words are alike without accents and letter case.
    """
    import polars as pl

    words = texts.select("row", word=pl.col("comment").str.to_lowercase().str.extract_all(WORD))
    words = words.explode("word", empty_as_null=False, keep_nulls=False)
    plain = (
        pl.col("word")
        .str.normalize("NFKD")
        .str.replace_all(r"\p{M}", "")
        .str.replace_many(["ł", "ß", "’"], ["l", "ss", "'"])
    )
    words = words.with_columns(key=plain, place=pl.int_range(pl.len()))
    kept = pl.col("key").str.contains(r"^\p{L}") & (pl.col("key").str.len_chars() > 1) & ~pl.col("key").is_in(ALL)
    return words.with_columns(key=pl.when(kept).then("key"))


def _of_piece(texts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return which comment has which term, each once: `row first second`; second is null for terms of one word."""
    import polars as pl

    words = _words(texts).join(known.select("key", "word_id"), on="key", how="left", maintain_order="left")
    after = pl.when(pl.col("row") == pl.col("row").shift(-1)).then(pl.col("word_id").shift(-1))
    words = words.select("row", first="word_id", second=after).filter(pl.col("first").is_not_null())
    pairs = words.filter(pl.col("second").is_not_null())
    return pl.concat([words.with_columns(second=pl.lit(None, pl.UInt32)), pairs]).unique()


def _pieces(texts: pl.DataFrame) -> list[pl.DataFrame]:
    numbered = texts.with_row_index("row")
    return [numbered.slice(start, PIECE) for start in range(0, numbered.height, PIECE)]


def _known(texts: pl.DataFrame) -> pl.DataFrame:
    """Return the commonest words: `key word word_id`, with the spelling that they mostly have."""
    import polars as pl

    counts: pl.DataFrame | None = None
    for piece in _pieces(texts):
        words = _words(piece).filter(pl.col("key").is_not_null()).select("row", "key", "word").unique()
        own = words.join(piece.select("row", "times"), on="row").group_by("key", "word").agg(pl.col("times").sum())
        counts = own if counts is None else pl.concat([counts, own]).group_by("key", "word").agg(pl.col("times").sum())
    if counts is None:
        return pl.DataFrame(schema={"key": pl.String, "word": pl.String, "word_id": pl.UInt32})
    spelled = counts.sort("times", "word", descending=[True, False]).group_by("key", maintain_order=True)
    best = spelled.agg(pl.col("word").first(), pl.col("times").sum()).sort("times", "key", descending=[True, False])
    kept = best.filter(pl.col("times") >= LEAST).head(MOST_WORDS)
    return kept.select("key", "word").with_row_index("word_id")


def _judged(texts: pl.DataFrame, known: pl.DataFrame, far: float) -> pl.DataFrame:
    """Return every term with its counts, log-odds and z: `first second term y0 y1 log_odds z beyond`."""
    import polars as pl

    counts: list[pl.DataFrame] = []
    for piece in _pieces(texts):
        own = _of_piece(piece, known).join(piece.select("row", "side", "times"), on="row")
        sums = {f"y{side}": pl.col("times").filter(pl.col("side") == side).sum() for side in (0, 1, 2)}
        own = own.group_by("first", "second").agg(**sums)
        counts = [own if not counts else pl.concat([*counts, own]).group_by("first", "second").agg(pl.all().sum())]
    found = counts[0]
    pair = pl.col("second").is_not_null()
    total = {name: pl.col(name).sum().over(pair).cast(pl.Float64) for name in ("y0", "y1", "y2")}
    prior = pl.max_horizontal(1.0, pl.min_horizontal(PRIOR, total["y0"], total["y1"]))
    a = prior * (pl.col("y0") + pl.col("y1") + pl.col("y2")) / (total["y0"] + total["y1"] + total["y2"])

    def odds(name: str) -> pl.Expr:
        return (pl.col(name) + a) / (total[name] + prior - pl.col(name) - a)

    gap = odds("y0").log() - odds("y1").log()
    error = (1 / (pl.col("y0") + a) + 1 / (pl.col("y1") + a)).sqrt()
    found = found.with_columns(log_odds=gap, z=gap / error).filter(pl.col("y0") + pl.col("y1") >= LEAST)
    found = found.filter(pl.col("z").is_finite())  # it is not where there is one term only
    found = found.join(known.select(first="word_id", word="word"), on="first", how="left")
    found = found.join(known.select(second="word_id", behind="word"), on="second", how="left")
    term = pl.concat_str("word", "behind", separator=" ", ignore_nulls=True)
    return found.with_columns(term=term, beyond=pl.col("z").abs() > far).sort("term")


def _examples(texts: pl.DataFrame, known: pl.DataFrame, chosen: pl.DataFrame) -> pl.Series:
    """Return for each term the ids of the newest answers with it, of the group that has it more often."""
    import polars as pl

    wanted = chosen.select("first", "second", side=(pl.col("z") < 0).cast(pl.Int32))
    found: dict[tuple[Any, Any], list[dict[str, Any]]] = {}
    for piece in _pieces(texts):
        own = _of_piece(piece, known).join(piece.select("row", "side", "ids"), on="row")
        own = own.join(wanted, on=["first", "second", "side"], nulls_equal=True)
        for first, second, ids in own.select("first", "second", "ids").iter_rows():
            so_far = [*found.get((first, second), []), *ids]
            found[first, second] = sorted(so_far, key=_newest)[:EXAMPLES]
    lists = [found.get(key, []) for key in chosen.select("first", "second").iter_rows()]
    return pl.Series([", ".join(one["id"] for one in ids) for ids in lists], dtype=pl.String)


def _newest(one: dict[str, Any]) -> tuple[int, str]:
    day = one.get("answer_date")
    return -day.toordinal() if day is not None else 0, one["id"]
