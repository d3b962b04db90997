"""Reasons for leaving: by hand, by a plain loop, and what must not change."""

import random
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from clvtool.errors import DataError, UsageError
from clvtool.metrics.reasons import reasons
from clvtool.stats import wilson

CELLS = [("Price",), ("Price", "Delivery"), ("Delivery",), ("Quality", "Price")]
BOOK = pl.DataFrame(
    {
        "cell": pl.Series([0, 0, 1, 2, 3, None], dtype=pl.Int64),
        "channel": ["web", "web", "shop", "shop", "shop", "web"],
        "answer_date": [date(2025, 1, 5), date(2025, 2, 5), date(2025, 1, 9), None, date(2025, 3, 1), date(2025, 1, 2)],
        "value": pl.Series(["10.10", "5", "20", None, "0.05", "99"], dtype=pl.Decimal(18, 4)),
    }
)
"""Five respondents with reasons: Price ×4, Delivery ×2, Quality ×1; one without any."""


def rows(result, **where) -> list[dict]:
    found = result.table.iter_rows(named=True)
    return [row for row in found if all(row[name] == value for name, value in where.items())]


def test_a_book_by_hand():
    result = reasons(BOOK, CELLS)
    assert result.table["reason"].to_list() == ["(total)", "Price", "Delivery", "Quality"]
    assert result.table["n"].to_list() == [5, 4, 2, 1]
    assert result.table["respondents"].to_list() == [5] * 4
    assert result.table["share"].to_list() == [None, 0.8, 0.4, 0.2]
    price = rows(result, reason="Price")[0]
    assert (price["share_low"], price["share_high"]) == wilson(0.8, 5, 0.95)
    # 10.10 + 5 + 20 + 0.05, 20 (and one unknown), 0.05, of 35.15; the 99 of who named nothing counts nowhere
    assert result.table["value_lost"].to_list() == [Decimal(text) for text in ("35.15", "35.15", "20", "0.05")]
    assert rows(result, reason="Delivery")[0]["value_share"] == pytest.approx(20 / 35.15)
    said = " ".join(result.notes)
    assert "1 of 6 rows name no reason" in said
    assert "add up to more than 1" in said
    assert "1 of those who name a reason have no value" in said


def test_single_choices_add_up_to_1_and_nothing_is_said_of_several():
    result = reasons(BOOK.with_columns(cell=pl.Series([0, 0, 2, 2, 2, None], dtype=pl.Int64)), CELLS)
    assert sum(row["share"] for row in rows(result)[1:] if row["n"]) == pytest.approx(1)
    assert not any("more than 1" in note for note in result.notes)


def test_shares_of_those_who_saw_the_reason():
    # Price was shown to the first four, Delivery to the last three, and the third named it unseen; Quality to nobody
    # but the fifth, who named it unseen, as Price
    cells = [*CELLS, ("Price",), ("Delivery",), ("Price", "Delivery")]
    shown = pl.Series([4, 4, 4, 6, 5, 5], dtype=pl.Int64)
    result = reasons(BOOK.with_columns(shown=shown), cells)
    told = {row["reason"]: (row["n"], row["shown"]) for row in rows(result)}
    assert told == {"(total)": (5, 6), "Price": (4, 5), "Delivery": (2, 4), "Quality": (1, 1)}
    assert rows(result, reason="Price")[0]["share"] == 0.8
    assert rows(result, reason="(total)")[0]["share"] == pytest.approx(5 / 6)
    assert any("3 reasons were named" in note for note in result.notes)


def test_shares_of_those_who_saw_the_question():
    shown = pl.Series([True, True, True, False, True, True])
    result = reasons(BOOK.with_columns(shown=shown), CELLS)
    # all but the fourth, who answered all the same and so has seen it
    assert {row["shown"] for row in rows(result)} == {6}
    assert rows(result, reason="Delivery")[0]["share"] == pytest.approx(2 / 6)


def test_groups_are_tested_against_all_others():
    result = reasons(BOOK, CELLS, by=["channel"])
    # Price: web 2 of 2, shop 2 of 3; so web is 1/3 above shop, and shop 1/3 below web
    assert [row["difference_share"] for row in rows(result, reason="Price")] == [
        None,
        pytest.approx(-1 / 3),
        pytest.approx(1 / 3),
    ]
    assert all(0 <= row["p_value"] <= 1 for row in rows(result) if row["p_value"] is not None)
    total = rows(result, channel="(total)")
    for name in ("n", "respondents", "value_lost"):
        for place, row in enumerate(total):
            assert row[name] == sum(rows(result, reason=row["reason"])[one][name] for one in (1, 2)), (place, name)


def test_periods_have_changes_and_trends():
    result = reasons(BOOK, CELLS, period="month")
    price = rows(result, reason="Price")
    # January: 2 of 2, February 1 of 1, March 1 of 1; the undated one is told
    assert [(row["period"], row["n"], row["respondents"]) for row in price] == [
        ("2025-01", 2, 2),
        ("2025-02", 1, 1),
        ("2025-03", 1, 1),
    ]
    assert [row["delta_share"] for row in rows(result, reason="Delivery")] == [None, -0.5, 0]
    assert any(note.startswith("Price: trend") for note in result.notes)
    assert any("1 rows have no date" in note for note in result.notes)


def test_weights_are_free_of_scale_and_shares_go_by_them():
    weights = pl.Series([3.0, 1.0, 1.0, 1.0, 2.0, 7.0])
    one, other = (reasons(BOOK.with_columns(weight=weights * factor), CELLS) for factor in (1, 250))
    assert one.table.equals(other.table)
    # Price 3 + 1 + 1 + 2 of 8; (8)² ÷ (9 + 1 + 1 + 1 + 4) = 4
    assert rows(one, reason="Price")[0]["share"] == pytest.approx(7 / 8)
    assert rows(one, reason="Price")[0]["n_effective"] == pytest.approx(4)


def test_a_plain_loop_finds_the_same_whatever_the_order():
    draw = random.Random(11)
    options = ["a", "b", "c", "d"]
    cells = [tuple(sorted(draw.sample(options, draw.randint(1, 3)))) for _ in range(20)]
    table = pl.DataFrame(
        {
            "cell": pl.Series([draw.choice([None, *range(20)]) for _ in range(500)], dtype=pl.Int64),
            "town": [draw.choice(["x", "y", None]) for _ in range(500)],
            "answer_date": [date(2025, draw.randint(1, 6), 3) for _ in range(500)],
            "value": pl.Series([draw.randint(0, 900) for _ in range(500)]).cast(pl.Decimal(18, 4)) / 100,
        }
    ).with_columns(pl.col("value").cast(pl.Decimal(18, 4)))
    result = reasons(table, cells, by=["town"], period="month")
    for row in rows(result):
        mine = [
            one
            for one in table.iter_rows(named=True)
            if one["cell"] is not None
            and row["town"] in {"(total)", one["town"] or "(none)"}
            and row["period"] == f"{one['answer_date']:%Y-%m}"
        ]
        named = [one for one in mine if row["reason"] in {"(total)", *cells[one["cell"]]}]
        assert (row["n"], row["respondents"]) == (len(named), len(mine))
        assert row["value_lost"] == sum(one["value"] for one in named)
    assert reasons(table.reverse(), cells, by=["town"], period="month").table.equals(result.table)


def test_a_column_of_the_same_name_as_a_figure_keeps_apart():
    result = reasons(BOOK.rename({"channel": "reason"}), CELLS, by=["reason"])
    assert result.table.columns[:2] == ["reason_group", "reason"]


def test_bad_input():
    with pytest.raises(DataError, match="has a reason"):
        reasons(BOOK.filter(pl.col("cell").is_null()), CELLS)
    with pytest.raises(UsageError, match="--level"):
        reasons(BOOK, CELLS, level=95)
    with pytest.raises(DataError, match="day of the answer"):
        reasons(BOOK.drop("answer_date"), CELLS, period="month")
    with pytest.raises(DataError, match="no column"):
        reasons(BOOK, CELLS, by=["chanel"])
