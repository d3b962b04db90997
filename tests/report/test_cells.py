"""How values look."""

from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clvtool.report.cells import columns, definitions, visible
from clvtool.result import Result

NAN = float("nan")


def shown(name, values, dtype=None, **more):
    table = pl.DataFrame({name: pl.Series(values, dtype=dtype)} | more)
    return columns(Result("r", "R", table, currency="EUR"))[0].cells


@pytest.mark.parametrize(
    ("name", "values", "cells"),
    [
        ("churn_rate", [0.05261, 1.0, None, 0.0], ["5.3%", "100.0%", "–", "0.0%"]),
        # below one per cent one decimal would hide half of the figure: the whole column gets two
        ("reply_share", [0.0042, 0.5], ["0.42%", "50.00%"]),
        ("window_days", [31.0, 196.0], ["31", "196"]),
        ("window_days", [31.0, 30.51], ["31.0", "30.5"]),
        ("orders", [1234567, None], ["1,234,567", "–"]),
        # a whole number that names a thing is no quantity
        ("order_id", [1234567], ["1234567"]),
        ("year", [2024], ["2024"]),
        ("clv", [1234.5678, -0.001], ["1,234.57", "0.00"]),
        ("clv_cac_ratio", [3.14159], ["3.142"]),
        ("p_alive", [0.83421, 0.00001, 0.0], ["0.8342", "1.0e-05", "0.0000"]),
        # a change of rates is in percentage points, which 1.3 % would not say; +0.0 and -0.0 are no change
        ("delta_retention_rate", [0.0131, -0.2, 0.0004, None], ["+1.3 pp", "-20.0 pp", "0.0 pp", "–"]),
        ("difference_share", [-0.00001], ["0.0 pp"]),
        ("p_value", [0.03124, 1e-300, 0.0, 0.0001], ["0.0312", "<0.0001", "<0.0001", "0.0001"]),
        ("p_benchmark", [1.0, 3.2e-5], ["1.0000", "<0.0001"]),
        ("estimate", [0.24259, 4.41353, 0.79292, 2.42588], ["0.243", "4.414", "0.793", "2.426"]),
        # too far apart for common decimals: each has its own four digits
        ("estimate", [0.00012345, 4567.89], ["0.0001234", "4,567.9"]),
        # undefined is a dash, never nan
        ("lift", [NAN, float("inf"), 2.0], ["–", "–", "2"]),
        ("is_vip", [True, False, None], ["yes", "no", "–"]),
        ("first_date", [date(2024, 1, 2), None], ["2024-01-02", "–"]),
        ("seen", [datetime(2024, 1, 2, 3, 4, 5)], ["2024-01-02 03:04:05"]),  # noqa: DTZ001 (the clock on the wall)
        ("name", ["[red]x[/red]", "", None], ["[red]x[/red]", "", "–"]),
    ],
)
def test_the_name_of_a_column_decides(name, values, cells):
    assert shown(name, values) == cells


def test_decimals_are_money_to_the_cent_without_a_detour_over_floats():
    # as a float, 99999999999999.995 is ...99.98 or ...00.00: Decimal rounds it half to even
    assert shown("x", [Decimal("99999999999999.9949"), Decimal("-1234.5")], pl.Decimal(18, 4)) == [
        "99,999,999,999,999.99",
        "-1,234.50",
    ]


@pytest.mark.parametrize(
    ("unit", "value", "cell", "unit_cell"),
    [
        ("money", 1234.5678, "1,234.57", "EUR"),
        ("money per month", 2.0, "2.00", "EUR per month"),
        ("rate", 0.0523, "5.2%", "rate"),
        ("rate", 0.0023, "0.23%", "rate"),
        ("days", 196.0, "196", "days"),
        ("days", 30.51, "30.5", "days"),
        ("customers", 12345.0, "12,345", "customers"),
        ("customers", 12345.6, "12,346", "customers"),
        ("orders", 3.2, "3.2", "orders"),
        ("months", 11.76543, "11.77", "months"),
        ("per month", 0.31789, "0.3179", "per month"),
        ("ratio", 1234.567, "1,234.6", "ratio"),
        (None, 3.0, "3", "–"),
    ],
)
def test_the_unit_of_a_row_decides_over_value_and_interval(unit, value, cell, unit_cell):
    table = pl.DataFrame(
        {"metric": ["m"], "value": [value], "ci_low": [value], "ci_high": [None], "unit": [unit], "n": [12345]},
        schema_overrides={"ci_high": pl.Float64, "unit": pl.String},
    )
    cells = {column.name: column.cells[0] for column in columns(Result("r", "R", table, currency="EUR"))}
    # n is a count whatever the unit of the row is
    assert cells == {
        "metric": "m", "value": cell, "ci_low": cell, "ci_high": "–", "unit": unit_cell, "n": "12,345",
    }  # fmt: skip


def test_money_of_unknown_currency_is_called_money():
    table = pl.DataFrame({"metric": ["aov"], "value": [1.0], "unit": ["money"]})
    assert [column.cells for column in columns(Result("r", "R", table))] == [["aov"], ["1.00"], ["money"]]


def test_an_interval_without_unit_looks_like_the_figure_before_it():
    table = pl.DataFrame({"period": ["May"], "churn_rate": [0.05], "ci_low": [0.04], "ci_high": [0.06]})
    assert [column.cells[0] for column in columns(Result("r", "R", table))] == ["May", "5.0%", "4.0%", "6.0%"]


def test_definitions_are_told_once_per_metric_and_are_no_column():
    # two groups share their metrics: the reader needs each definition once
    table = pl.DataFrame({"by": ["a", "b"], "metric": ["aov", "aov"], "definition": ["revenue ÷ orders"] * 2})
    result = Result("r", "R", table, definitions={"aov": "shadowed by the table", "n": "customers"})
    assert [column.name for column in columns(result)] == ["by", "metric"]
    assert definitions(result) == [("aov", "revenue ÷ orders"), ("n", "customers")]


def test_without_a_metric_the_first_column_names_the_definition():
    table = pl.DataFrame({"kind": ["rows", None], "definition": ["all of them", None]})
    assert definitions(Result("r", "R", table)) == [("rows", "all of them")]


@given(st.text())
def test_no_control_character_reaches_the_terminal(text):
    # a name in a shop's data could otherwise clear the screen or colour the rest of the table
    assert not [c for c in visible(text) if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or c in "\u2028\u2029\u202e"]
    if text.isprintable():
        assert visible(text) == text


@given(st.floats(), st.sampled_from(["x", "x_rate", "x_days", "p_x", "amount"]))
@example(1.7e306, "x_rate")  # a hundred times that is infinite
def test_every_number_has_a_text(number, name):
    (cell,) = shown(name, [number])
    assert cell
    assert "nan" not in cell
    assert "inf" not in cell
