"""CSV, JSON, ndjson and Markdown."""

import csv as reader
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvtool.report import text
from clvtool.result import Result

ORDERS = Result(
    "orders",
    "Orders | all",
    pl.DataFrame(
        {
            "name": ['Zoë, "Z"', "a|b\nc", None],
            "amount": [Decimal("1234.5"), Decimal("99999999999.1234"), None],
            "churn_rate": [0.1 + 0.2, float("nan"), float("inf")],
            "order_date": [date(2024, 1, 2)] * 3,
            "seen": [datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)] * 3,
        },
        schema_overrides={"amount": pl.Decimal(18, 4)},
    ),
    notes=("first | note", "second"),
    as_of=date(2024, 3, 31),
    currency="EUR",
    definitions={"amount": "net of refunds"},
    extra={"parameters": {"r": Decimal("0.2426"), "loglik": float("nan"), "rows": (1, 2)}},
)  # fmt: skip


def written(writer, *arguments, **options):
    return b"".join(writer(*arguments, **options)).decode()


def test_csv_has_raw_values_exact_money_and_nothing_for_undefined():
    assert written(text.csv, ORDERS) == (
        "name,amount,churn_rate,order_date,seen\n"
        '"Zoë, ""Z""",1234.5000,0.30000000000000004,2024-01-02,2024-01-02T03:04:05+00:00\n'
        '"a|b\nc",99999999999.1234,,2024-01-02,2024-01-02T03:04:05+00:00\n'
        ",,,2024-01-02,2024-01-02T03:04:05+00:00\n"
    )


def test_json_is_one_object_with_numbers_as_numbers():
    assert written(text.json_object, ORDERS) == (
        "{\n"
        '"title": "Orders | all",\n'
        '"as_of": "2024-03-31",\n'
        '"currency": "EUR",\n'
        '"notes": ["first | note", "second"],\n'
        '"definitions": {"amount": "net of refunds"},\n'
        '"rows": [\n'
        '{"name":"Zoë, \\"Z\\"","amount":1234.5,"churn_rate":0.30000000000000004,'
        '"order_date":"2024-01-02","seen":"2024-01-02T03:04:05+00:00"},\n'
        '{"name":"a|b\\nc","amount":99999999999.1234,"churn_rate":null,'
        '"order_date":"2024-01-02","seen":"2024-01-02T03:04:05+00:00"},\n'
        '{"name":null,"amount":null,"churn_rate":null,'
        '"order_date":"2024-01-02","seen":"2024-01-02T03:04:05+00:00"}\n'
        "],\n"
        '"parameters": {"r": 0.2426, "loglik": null, "rows": [1, 2]}\n'
        "}\n"
    )


def test_ndjson_is_the_rows_alone():
    assert [json.loads(line) for line in written(text.ndjson, ORDERS).splitlines()] == json.loads(
        written(text.json_object, ORDERS)
    )["rows"]


def test_markdown_escapes_what_would_end_a_cell():
    assert written(text.markdown, ORDERS) == (
        "### Orders \\| all\n\n"
        "As of 2024-03-31.\n\n"
        "| name | amount | churn_rate | order_date | seen |\n"
        "| --- | ---: | ---: | --- | --- |\n"
        '| Zoë, "Z" | 1,234.50 | 30.0% | 2024-01-02 | 2024-01-02 03:04:05+00:00 |\n'
        "| a\\|b␊c | 99,999,999,999.12 | – | 2024-01-02 | 2024-01-02 03:04:05+00:00 |\n"
        "| – | – | – | 2024-01-02 | 2024-01-02 03:04:05+00:00 |\n"
        "\n- **amount** — net of refunds\n"
        "\n- first \\| note\n- second\n"
    )


def test_no_rows_still_have_a_header():
    nothing = Result("n", "N", pl.DataFrame(schema={"a": pl.String, "b": pl.Float64}))
    assert written(text.csv, nothing) == "a,b\n"
    assert written(text.csv, nothing, spreadsheet_safe=True) == "a,b\n"
    assert written(text.ndjson, nothing) == ""
    assert written(text.json_object, nothing) == (
        '{\n"title": "N",\n"as_of": null,\n"currency": null,\n"notes": [],\n"rows": []\n}\n'
    )
    assert written(text.markdown, nothing) == "### N\n\n| a | b |\n| --- | ---: |\n"


def test_pieces_join_without_a_seam(monkeypatch):
    # the rows of a large table are written some at a time: the header once, the commas between
    monkeypatch.setattr(text, "ROWS", 2)
    five = Result("f", "F", pl.DataFrame({"n": range(5)}))
    assert written(text.csv, five) == "n\n0\n1\n2\n3\n4\n"
    assert [row["n"] for row in json.loads(written(text.json_object, five))["rows"]] == [0, 1, 2, 3, 4]
    assert written(text.ndjson, five).count("\n") == 5


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical])
def test_text_that_begins_a_formula_is_disarmed_for_spreadsheets(dtype):
    names = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "x=1", "", None]
    table = pl.DataFrame({"=head": pl.Series(names, dtype=dtype), "amount": [-1.5] * 9})
    rows = list(
        reader.reader(io.StringIO(written(text.csv, Result("r", "R", table), spreadsheet_safe=True), newline=""))
    )
    assert rows[0] == ["'=head", "amount"]
    assert [row[0] for row in rows[1:]] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "x=1", "", ""]
    # a negative number is a number and stays one
    assert {row[1] for row in rows[1:]} == {"-1.5"}


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(st.lists(st.tuples(TEXTS, st.floats(), st.decimals(-(10**10), 10**10, places=4)), min_size=1))
def test_what_is_written_is_what_a_reader_gets(rows):
    table = pl.DataFrame(
        rows, schema={"name": pl.String, "lift": pl.Float64, "amount": pl.Decimal(18, 4)}, orient="row"
    )
    result = Result("r", "R", table)

    def refuse(word):
        raise AssertionError(word)  # NaN and Infinity are no JSON

    finite = [(name, lift if abs(lift) < float("inf") else None, float(amount)) for name, lift, amount in rows]
    told = json.loads(written(text.json_object, result), parse_constant=refuse)["rows"]
    assert [tuple(row.values()) for row in told] == finite
    back = list(reader.reader(io.StringIO(written(text.csv, result), newline="")))[1:]
    assert [(name, float(lift) if lift else None, Decimal(amount)) for name, lift, amount in back] == [
        (name, lift, row[2]) for (name, lift, _), row in zip(finite, rows, strict=True)
    ]
