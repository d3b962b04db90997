"""Tables for a terminal."""

import io
from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from clvtool.report.table import lines, print_table, wrap
from clvtool.result import Result

VALUE = Result(
    "compute",
    "Customer lifetime value",
    pl.DataFrame(
        {
            "metric": ["aov", "churn_rate", "customers"],
            "value": [1234.5678, 0.0523, 99.0],
            "ci_low": [1000.0, 0.04, None],
            "ci_high": [1500.0, 0.06, None],
            "unit": ["money", "rate", "customers"],
            "definition": ["net revenue ÷ orders", "lost ÷ start", None],
        }
    ),
    notes=("one note that is long enough to be wrapped at eighty columns, so that its second line is moved in",),
    as_of=date(2024, 3, 31),
    currency="EUR",
)


def drawn(result, width=80, **options):
    return [text for text, _ in lines(result, width, **options)]


def test_the_whole_table():
    assert drawn(VALUE) == [
        "Customer lifetime value",
        "as of 2024-03-31",
        "",
        "metric         value    ci_low   ci_high  unit",
        "───────────────────────────────────────────────────",
        "aov         1,234.57  1,000.00  1,500.00  EUR",
        "churn_rate      5.2%      4.0%      6.0%  rate",
        "customers         99         –         –  customers",
        "",
        "aov — net revenue ÷ orders",
        "churn_rate — lost ÷ start",
        "",
        "note: one note that is long enough to be wrapped at eighty columns, so that its",
        "      second line is moved in",
    ]


def test_a_currency_that_no_unit_tells_stands_above_the_table():
    orders = pl.DataFrame({"customer_id": ["C1"], "revenue": [12.5]})
    assert drawn(Result("r", "Orders", orders, currency="PLN"))[1] == "money in PLN"
    assert drawn(Result("r", "Orders", orders.select("customer_id"), currency="PLN"))[1] == ""


def test_text_wraps_before_a_header_is_cut():
    table = pl.DataFrame({"reason": ["a reason of several words"], "a_header_of_thirty_characters_": [1]})
    # 30 cells for the header and 2 between leave 18 for the text
    assert drawn(Result("r", "R", table), 50)[2:] == [
        "reason              a_header_of_thirty_characters_",
        "──────────────────────────────────────────────────",
        "a reason of                                      1",
        "several words",
    ]


def test_what_cannot_stand_in_the_width_becomes_blocks():
    table = pl.DataFrame({"first_long_header": [1], "second_long_header": ["a text that wraps in its block"]})
    assert drawn(Result("r", "R", table), 36)[2:] == [
        "── 1 ───────────────────────────────",
        "first_long_header:  1",
        "second_long_header: a text that",
        "                    wraps in its",
        "                    block",
    ]


def test_off_a_terminal_the_table_grows_instead():
    # a file or a pipe has no width: the headers decide
    table = pl.DataFrame({f"a_column_with_a_long_header_{n}": [n] for n in range(9)})
    assert drawn(Result("r", "R", table), elastic=True)[2] == "  ".join(table.columns)


def test_groups_are_parted_by_a_line():
    table = pl.DataFrame({"channel": ["all", "all", "web", "web"], "metric": ["a", "b"] * 2})
    rule = "───────────────"
    assert drawn(Result("r", "R", table))[3:] == [
        rule, "all      a", "all      b", rule, "web      a", "web      b",
    ]  # fmt: skip


@pytest.mark.parametrize("first", [["a", "b", "c", "d"], ["a", "b", "a", "b"], ["a", "a", "a", "a"]])
def test_what_is_no_group_is_not_parted(first):
    table = pl.DataFrame({"channel": first, "metric": ["a", "b"] * 2})
    assert sum(line.startswith("─") for line in drawn(Result("r", "R", table))) == 1


def test_the_limit_says_what_is_left_out_and_how_to_see_it():
    customers = Result("r", "R", pl.DataFrame({"customer_id": range(1234)}))
    text = drawn(customers, limit=50)
    assert text[-1] == "… 1,184 more rows: see all with --limit 1234, or save them with -o FILE.csv"
    assert len(text) == 2 + 2 + 50 + 1
    assert drawn(customers, limit=1234)[-1].strip() == "1233"


def test_definitions_of_rows_left_out_are_left_out():
    assert "churn_rate — lost ÷ start" not in drawn(VALUE, limit=1)


def test_no_rows_are_said():
    assert drawn(replace(VALUE, table=VALUE.table.head(0), notes=()))[3:] == [
        "metric  value  ci_low  ci_high  unit",
        "(no rows)",
    ]
    assert drawn(Result("r", "R", pl.DataFrame())) == ["R", "", "(no rows)"]


def test_data_are_no_markup_and_no_escape_codes():
    table = pl.DataFrame({"na[b]me": ["[red]x[/red] :smile:", "\x1b[31mred\nnew"]})
    stream = io.StringIO()
    print_table(Result("r", "[bold]R", table, notes=("[link=x]",)), stream)
    assert "[red]x[/red] :smile:" in stream.getvalue()
    assert "␛[31mred␊new" in stream.getvalue()
    assert "[bold]R\n" in stream.getvalue()
    assert "note: [link=x]" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Mn", "Me", "Cf"]), max_size=60)


@given(st.lists(st.tuples(st.from_regex(r"[a-z_]{1,30}", fullmatch=True), WORDS), min_size=1, max_size=8),
       st.integers(20, 120))  # fmt: skip
def test_headers_are_whole_and_lines_fit_at_every_width(pairs, width):
    table = pl.DataFrame({name: [cell] for name, cell in pairs})
    text = drawn(Result("r", "R", table), width)
    assert all(any(name in line for line in text) for name in table.columns)
    # in blocks, a value keeps at least 16 cells beside the longest header
    widest = max(width, max(map(len, table.columns)) + 2 + 16)
    assert max(map(cell_len, text)) <= widest


@given(WORDS, st.integers(2, 40))
@example("0𠀀 0", 2)  # the middle character takes two cells
def test_wrapping_loses_nothing_but_blanks(text, width):
    pieces = wrap(text, width)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(cell_len(piece) <= width for piece in pieces)


@pytest.mark.parametrize(("width", "columns"), [(40, 5), (60, 7), (80, 10)])
def test_a_triangle_loses_its_last_columns_instead_of_becoming_blocks(width, columns):
    # cohort and size take 7 + 2 + 4 cells, each age 2 + 6 more: 13 + 3 · 8 = 37, 13 + 5 · 8 = 53, 13 + 8 · 8 = 77
    ages = {str(age): [0.5] for age in range(10)}
    table = pl.DataFrame(
        {"cohort": ["2024-01"], "size": [10], **{f"{name}_rate": cells for name, cells in ages.items()}}
    )
    result = Result("cohorts", "Cohorts", table, screen=table)
    text = drawn(result, width)
    header = next(line for line in text if line.startswith("cohort")).split()
    assert header == table.columns[: len(header)]
    assert all(len(line) <= width for line in text)
    assert len(header) == columns
    assert f"… {12 - columns} more columns" in " ".join(text)


def test_cells_are_coloured_by_value_where_there_is_colour(monkeypatch):
    # four values: the lowest is the lightest, the highest the darkest; undefined ones and other columns stay plain
    table = pl.DataFrame({"cohort": ["a", "b"], "0": [4.0, 3.0], "1": [1.0, None]})
    result = Result("cohorts", "Cohorts", table, shaded=("0", "1"))
    found = {text: style for text, style in lines(result, 80) if text.startswith(("a ", "b "))}
    spans = {text[begin:end].strip(): level for text, style in found.items() for begin, end, level in style}
    assert spans == {"4": 1.0, "3": 0.5, "1": 0.0}
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured, plain = io.StringIO(), io.StringIO()
    print_table(result, coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    print_table(result, plain)
    assert "\x1b[37;48;" in coloured.getvalue()
    assert "\x1b[37" not in plain.getvalue()
    assert [line.split() for line in plain.getvalue().splitlines() if "–" in line] == [["b", "3", "–"]]
