"""Reasons: which columns hold them, what stands between several in a cell, spellings of one reason."""

import csv
import random

import pytest

from clvtool.errors import DataError, UsageError
from clvtool.ingest.answers import Asked
from clvtool.ingest.choices import Choices, Chosen, read_choices
from clvtool.ingest.inspect import inspect
from clvtool.ingest.reading import ReadOptions
from clvtool.ingest.separators import parts_of, separator


@pytest.fixture
def survey(tmp_path):
    def to(rows: list[list[str]], name: str = "exit.csv") -> str:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        return str(path)

    return to


def read(path: str, *columns: str, sign: str | None = None, shown: str | None = None, **more) -> Choices:
    asked = Asked(reasons=True, **more)
    return read_choices([path], ReadOptions(), asked, Chosen(tuple(columns), sign, shown))


def named(choices: Choices, column: str = "cell") -> list[list[str]]:
    """Return the reasons of every row."""
    places = choices.answers.table[column].to_list()
    return [[] if place is None else list(choices.cells[place]) for place in places]


def column(*cells: str, header: str = "reason") -> list[list[str]]:
    return [["id", header], *([str(place), cell] for place, cell in enumerate(cells))]


@pytest.mark.parametrize("sign", ["; ", ", ", "|", "\n", " ;"])
def test_the_sign_between_reasons_is_found(survey, sign):
    cells = [["Price"], ["Price", "Quality"], ["Quality", "Delivery"], ["Delivery"], ["Delivery", "Price"]]
    choices = read(survey(column(*(sign.join(cell) for cell in cells))))
    assert named(choices) == cells
    assert any("3 of 5 answers name several reasons" in note for note in choices.answers.reading.warnings)


def test_a_comma_within_an_option_is_text_where_semicolons_separate(survey):
    cells = ["Price, also of parts; Quality", "Quality", "Price, also of parts", "Quality; Delivery", "Delivery"]
    choices = read(survey(column(*cells)))
    assert named(choices)[0] == ["Price, also of parts", "Quality"]


def test_a_comma_in_single_choices_is_text_and_said(survey):
    # "late" and "too dear" stand nowhere else, and the same texts come again and again
    choices = read(survey(column(*["Delivery, late", "Price, too dear", "Quality"] * 3)))
    assert named(choices)[:3] == [["Delivery, late"], ["Price, too dear"], ["Quality"]]
    assert any("--separator ," in note for note in choices.answers.reading.warnings)


def test_a_comma_that_may_be_either_is_an_error_that_names_the_option(survey):
    # one of the two parts of the first cell stands elsewhere, the other one does not
    path = survey(column("Price, Delivery", "Price", "Quality"))
    with pytest.raises(DataError, match="comma") as found:
        read(path)
    assert "--separator" in found.value.hint
    assert named(read(path, sign=","))[0] == ["Price", "Delivery"]
    assert named(read(path, sign="none"))[0] == ["Price, Delivery"]


def test_two_signs_that_both_separate_are_an_error(survey):
    path = survey(column("Price; Quality", "Price, Quality", "Price, Delivery; Quality", "Delivery, Price", "Delivery"))
    with pytest.raises(DataError, match="which of"):
        read(path)


def test_a_separator_that_is_none_is_refused(survey):
    with pytest.raises(UsageError, match="not a sign"):
        read(survey(column("a", "b")), sign="and")


def test_the_sign_does_not_depend_on_how_often_or_in_which_order():
    # 200 lists of one to three of five options, whatever the sign is
    draw = random.Random(5)
    options = ["Price", "Quality", "Delivery, late", "Support", "Other"]
    cells = [draw.sample(options, draw.randint(1, 3)) for _ in range(200)]
    for sign in ("; ", "|", "\n"):
        times = {sign.join(cell): 1 + len(cell) for cell in cells}
        found = separator(times, None, "reason")
        assert found == sign.strip(" ")
        assert separator(dict(reversed(times.items())), None, "reason") == found
        assert all(parts_of(sign.join(cell), found) == cell for cell in cells)


def test_spellings_of_one_reason_are_one_and_counted(survey):
    # four answers, the commonest spelling twice: two are spelled in another way
    choices = read(survey(column("Too expensive", "too  expensive", "Too expensive", "TOO EXPENSIVE.", "Quality")))
    assert named(choices) == [["Too expensive"]] * 4 + [["Quality"]]
    assert any("2 answers spell a reason" in note for note in choices.answers.reading.warnings)


def test_no_reason_is_none(survey):
    choices = read(survey(column("Price", "", "n/a", "-", "Price")))
    assert named(choices) == [["Price"], [], [], [], ["Price"]]


def test_a_column_an_option(survey):
    # what stands there says yes, unless it says no; the option is what the names do not share
    rows = [["id", "Why do you leave?: Price", "Why do you leave?: Other (please say)"]]
    rows += [["1", "Price", ""], ["2", "", "they moved"], ["3", "yes", "x"], ["4", "no", "0"]]
    choices = read(survey(rows))
    assert named(choices) == [["Price"], ["Other (please say)"], ["Price", "Other (please say)"], []]
    assert named(read(survey(rows), "Why do you leave?")) == named(choices)
    squares = [["id", "Why? [Price]", "Why? [Quality (of beans)]"], ["1", "Yes", "Yes"]]
    assert named(read(survey(squares), "Why? [Price]", "Why? [Quality (of beans)]")) == [
        ["Price", "Quality (of beans)"]
    ]
    flags = [["id", "left_price", "left_quality"], ["1", "1", "0"], ["2", "TRUE", "FALSE"], ["3", "1", "1"]]
    assert named(read(survey(flags), "left_price", "left_quality")) == [["price"], ["price"], ["price", "quality"]]


def test_surveymonkey_has_its_options_in_the_second_row(survey):
    rows = [
        ["Respondent ID", "Collector ID", "End Date", "Email Address", "Why are you leaving us?", "", ""],
        ["", "", "", "", "Too expensive", "Poor quality", "Other (please specify)"],
        ["11", "7", "2025-01-03 10:00:00", "a@example.com", "Too expensive", "", ""],
        ["12", "7", "2025-01-04 10:00:00", "b@example.com", "Too expensive", "Poor quality", ""],
        ["13", "7", "2025-01-05 10:00:00", "c@example.com", "", "", "I moved away"],
    ]
    choices = read(survey(rows))
    assert named(choices) == [["Too expensive"], ["Too expensive", "Poor quality"], ["Other (please specify)"]]


@pytest.mark.parametrize(
    "header", ["Reason for leaving", "Powód odejścia", "Kündigungsgrund", "Motif", "motivo de baja"]
)
def test_the_column_is_found_by_its_word(survey, header):
    choices = read(survey(column("Price", "Price", "Quality", header=header)))
    assert named(choices) == [["Price"], ["Price"], ["Quality"]]


def test_a_question_about_leaving_is_found_where_its_answers_recur(survey):
    # the second question asks too, but everybody writes something else
    rows = [["id", "Why are you leaving?", "Why was that so?"]]
    rows += [[str(place), ["Price", "Quality"][place % 2], f"because of {place}"] for place in range(8)]
    assert named(read(survey(rows)))[:2] == [["Price"], ["Quality"]]


def test_two_columns_that_may_hold_reasons_are_an_error_that_names_them(survey):
    path = survey([["id", "reason", "churn reason"], ["1", "a", "b"], ["2", "a", "b"]])
    with pytest.raises(DataError, match="'reason', 'churn reason'") as found:
        read(path)
    assert "--column" in found.value.hint


def test_no_column_with_reasons_is_an_error(survey):
    with pytest.raises(DataError, match="no column with reasons"):
        read(survey([["id", "town"], ["1", "Gdynia"]]))


def test_what_people_wrote_is_no_choice(survey):
    with pytest.raises(DataError, match="what people wrote"):
        read(survey(column(*(f"story {place}" for place in range(600)))))


def test_who_was_shown_what(survey):
    # a list as in the reasons, or yes and no
    rows = [["id", "reason", "seen"], ["1", "Price", "price;Quality"], ["2", "", "Quality"], ["3", "Quality", ""]]
    choices = read(survey(rows), shown="seen")
    assert named(choices, "shown") == [["Price", "Quality"], ["Quality"], []]
    rows = [["id", "reason", "seen"], ["1", "Price", "yes"], ["2", "", "no"], ["3", "Quality", ""]]
    assert read(survey(rows), shown="seen").answers.table["shown"].to_list() == [True, False, False]


def test_money_is_exact_and_what_is_none_is_set_aside(survey):
    rows = [["id", "reason", "revenue"], ["1", "Price", "0.10"], ["2", "Price", "0.20"], ["3", "Price", "much"]]
    answers = read(survey(rows), value="revenue").answers
    assert [str(value) for value in answers.table["value"]] == ["0.1000", "0.2000"]
    assert answers.reading.set_aside["bad_amount"].rows == 1


def test_inspect_knows_a_file_of_reasons(survey):
    result, _ = inspect([survey(column("Price", "Price", "Quality"))], ReadOptions())
    rows = {(row["section"], row["item"]): row for row in result.table.iter_rows(named=True)}
    assert rows["source", "table"]["value"] == "survey"
    assert (rows["answers", "with_reasons"]["value"], rows["answers", "with_reasons"]["rows"]) == ("reason", 3)
