"""Terms of comments: the formula by hand, counting by a plain loop, languages, and what must not change."""

import math
import random
from datetime import date

import polars as pl
import pytest

from clvtool.errors import DataError
from clvtool.metrics import terms as module
from clvtool.metrics.nps import SIDES
from clvtool.metrics.stop_words import ALL
from clvtool.metrics.terms import terms


def answers(*rows: tuple[int | None, str | None], **columns) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "answer_id": [f"A{place}" for place in range(len(rows))],
            "score": pl.Series([score for score, _ in rows], dtype=pl.Int16),
            "comment": [comment for _, comment in rows],
            **columns,
        }
    )


def found(result) -> dict[str, dict]:
    return {row["term"]: row for row in result.table.iter_rows(named=True)}


def test_the_formula_by_hand():
    # 30 detractors say late, 10 promoters say fresh, 5 of each say coffee, two passives say late: of 57 mentions
    # late is 32, fresh 10, coffee 15
    rows = [(2, "Late!")] * 30 + [(9, "Fresh")] * 10 + [(0, "coffee")] * 10 + [(10, "coffee")] * 5 + [(7, "late")] * 2
    got = found(terms(answers(*rows), SIDES))
    # the smaller group has 15 mentions, so the prior has 15
    a = 15 * 32 / 57
    gap = math.log((30 + a) / (40 + 15 - 30 - a)) - math.log(a / (15 + 15 - a))
    assert got["late"]["log_odds"] == pytest.approx(gap)
    assert got["late"]["z"] == pytest.approx(gap / math.sqrt(1 / (30 + a) + 1 / a))
    assert (got["late"]["n_detractors"], got["late"]["n_promoters"]) == (30, 0)
    assert got["late"]["group"] == "detractors"
    assert got["fresh"]["group"] == "promoters"
    assert got["fresh"]["z"] < 0


def test_a_comment_counts_once_for_a_term():
    rows = [(1, "late late late")] * 20 + [(9, "fresh fresh beans")] * 20
    got = found(terms(answers(*rows), SIDES))
    assert (got["late"]["n_detractors"], got["late late"]["n_detractors"]) == (20, 20)
    assert (got["fresh"]["n_promoters"], got["fresh beans"]["n_promoters"]) == (20, 20)


def test_pairs_stand_beside_each_other_without_stop_words_or_commas_between():
    rows = [(1, "parcel was lost, nobody answered")] * 60 + [(9, "great coffee")] * 60
    assert {"parcel", "lost", "nobody answered"} <= set(found(terms(answers(*rows), SIDES)))
    assert not {"parcel lost", "lost nobody", "was", "parcel was"} & set(found(terms(answers(*rows), SIDES)))


def test_accents_and_letter_case_do_not_part_words_and_the_common_spelling_is_shown():
    rows = [(1, "Opóźnienie")] * 12 + [(2, "opoznienie")] * 8 + [(3, "OPÓŹNIENIE")] * 3 + [(9, "pięknie")] * 20
    got = found(terms(answers(*rows), SIDES))
    assert got["opóźnienie"]["n_detractors"] == 23
    assert "opoznienie" not in got


def test_a_letter_written_as_two_signs_is_one():
    # é as one sign, and as e with an accent behind it
    rows = [(1, "caf\u00e9")] * 10 + [(2, "cafe\u0301")] * 10 + [(9, "miam")] * 20
    result = terms(answers(*rows), SIDES)
    assert [row["n_detractors"] for row in result.table.iter_rows(named=True) if row["z"] > 0] == [20]


@pytest.mark.parametrize("text", ["the and was", "i że który się", "und nicht das", "est dans les", "y los una"])
def test_stop_words_are_no_terms(text):
    rows = [(1, f"{text} xyz")] * 20 + [(9, "abc")] * 20
    single = {term for term in found(terms(answers(*rows), SIDES)) if " " not in term}
    assert single <= {"xyz", "abc", "nicht"}


def test_words_that_turn_the_meaning_are_kept():
    assert not {"not", "nie", "nicht", "pas", "no", "without", "never", "sin", "kein"} & (ALL - {"no"})


def test_examples_are_the_newest_of_the_group():
    days = [date(2025, 1, 1 + place) for place in range(10)]
    rows = [(1, "late")] * 4 + [(9, "late")] + [(9, "fresh")] * 5
    result = terms(answers(*rows, answer_date=days), SIDES, level=0.01)
    got = found(result)
    # the fifth is a promoter's, so the fourth is the newest of a detractor
    assert got["late"]["examples"] == "A3, A2, A1"
    assert got["fresh"]["examples"] == "A9, A8, A7"


def test_without_ids_there_are_no_examples_and_that_is_said():
    result = terms(answers(*[(1, "late")] * 20, *[(9, "fresh")] * 20).drop("answer_id"), SIDES)
    assert "examples" not in result.table.columns
    assert any("answer_id=COLUMN" in note for note in result.notes)


def drawn(n: int, seed: int) -> list[tuple[int, str]]:
    draw = random.Random(seed)
    words = ["late", "fresh", "parcel", "support", "coffee", "slow", "wrong", "nice", "cheap", "dear"]
    rows = []
    for _ in range(n):
        score = draw.randint(0, 10)
        weights = [4 if (score > 8) == (place % 2 == 1) else 1 for place in range(10)]
        rows.append((score, " ".join(draw.choices(words, weights, k=draw.randint(1, 6)))))
    return rows


def test_a_plain_loop_counts_the_same_in_pieces_and_in_any_order(monkeypatch):
    rows = drawn(400, 3)
    result = terms(answers(*rows), SIDES)
    for row in result.table.iter_rows(named=True):
        for name, low, high in (("n_detractors", 0, 6), ("n_promoters", 9, 10)):
            texts = [f" {text} " for score, text in rows if low <= score <= high]
            assert row[name] == sum(f" {row['term']} " in text for text in texts)
        assert abs(row["z"]) > 1.959
    assert terms(answers(*rows).reverse(), SIDES).table.equals(result.table)
    monkeypatch.setattr(module, "PIECE", 37)
    assert terms(answers(*rows), SIDES).table.equals(result.table)


def test_chance_finds_few_terms():
    # groups that draw the same words: of 100 terms some five would be beyond z by chance, and the prior leaves fewer
    draw = random.Random(8)
    words = [f"{first}{second}o" for first in "bcdfghjklm" for second in "aeiou"]
    rows = [(draw.choice([3, 9]), " ".join(draw.choices(words, k=5))) for _ in range(2000)]
    assert sum(" " not in term for term in found(terms(answers(*rows), SIDES))) <= 6


def test_bad_input():
    with pytest.raises(DataError, match="no column has comments"):
        terms(answers((1, "late")).drop("comment"), SIDES)
    with pytest.raises(DataError, match="no comment of promoters"):
        terms(answers((1, "late"), (9, None), (None, "fresh")), SIDES)


def test_nothing_in_common_is_an_empty_table():
    assert terms(answers((1, "a"), (9, "!!!")), SIDES).table.height == 0
