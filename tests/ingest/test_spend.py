"""--spend: any dialect of a small table, and what is wrong with one."""

import pytest

from clvtool.errors import DataError
from clvtool.ingest.spend import read_spend


@pytest.fixture
def write(tmp_path):
    def to(text):
        path = tmp_path / "spend.csv"
        path.write_text(text)
        return str(path)

    return to


@pytest.mark.parametrize(
    "text",
    [
        "date,channel,spend\n2024-01-31,ads,1234.5\n",
        "Datum;Channel;Spend\n31.01.2024;ads;1.234,50 €\n;;\n",
        'Day\tCHANNEL\tCost\n01/31/2024\tads\t"$1,234.50"\n',
    ],
)
def test_dates_and_money_in_any_dialect(text, write):
    table = read_spend(write(text), ["channel"])
    assert table.columns == ["day", "spend", "channel"]
    # 31 January 2024 is day 19753; money in ten-thousandths
    assert table.rows() == [(19753, 12_345_000, "ads")]


def test_groups_that_the_file_does_not_have_are_left_out(write):
    assert read_spend(write("date,spend\n2024-01-31,5\n"), ["channel"]).columns == ["day", "spend"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("date,channel\n2024-01-31,ads\n", "no column 'spend'"),
        ("channel,spend\nads,5\n", "no column 'date'"),
        ("date,spend\nsoon,5\n", "no spend: soon, 5"),
        ("date,spend\n2024-01-31,much\n2024-01-30,5\n", "no spend: 2024-01-31, much"),
        ("date,spend\n2024-01-31,-5\n", "no spend"),
        ("date,spend\n", "no row"),
    ],
)
def test_a_row_that_is_no_spend_is_refused(text, words, write):
    with pytest.raises(DataError, match=words):
        read_spend(write(text), [])
