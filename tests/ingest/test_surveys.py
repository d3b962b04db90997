"""One small export of every survey platform, and plain files in five languages: the answers and the account written
beside each by hand are what is read.

`tests/surveys/NAME.expected.json` was written before the reader was run; the header lines are those of the platforms,
and the people are invented.
"""

import csv
import io
import json
import random
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from ingest_checks import check_rejects

from clvtool.errors import DataError, UsageError
from clvtool.ingest.answers import Answers, Asked, read_answers
from clvtool.ingest.inspect import inspect
from clvtool.ingest.reading import Reading, ReadOptions
from clvtool.ingest.survey_words import SCORES, SURVEY_ROLES
from clvtool.ingest.surveys import SURVEY, SURVEY_PROFILES
from clvtool.ingest.words import listed, normal
from clvtool.schema import Scale

FOLDER = Path(__file__).parents[1] / "surveys"
EXPECTED = {path.name.removesuffix(".expected.json"): path for path in sorted(FOLDER.glob("*.expected.json"))}
SURVEYS = {path.stem: path for path in sorted(FOLDER.iterdir()) if path.suffix != ".json"}
SCALES = {"nps": Scale(0, 10), "csat": Scale(1, 5), "ces": Scale(1, 5, high_is_good=False)}
COLUMNS = ("answer_id", "customer_id", "answer_date", "score", "comment")
DIALECTS = {"plain-french": ("latin-1", ";"), "plain-polish": ("cp1250", ";"), "plain-german": ("utf-8", "\t")}


@pytest.fixture(params=SURVEYS)
def name(request):
    return request.param


@pytest.fixture
def expected(name):
    return json.loads(EXPECTED[name].read_text(encoding="utf-8"))


def asked_of(expected, **more) -> Asked:
    return Asked(expected["question"], SCALES[expected["question"]], missing=tuple(expected.get("missing", ())), **more)


def read(path, asked: Asked | None = None, options: ReadOptions | None = None, **more) -> Answers:
    """Read a survey; every row of it is used or set aside for one reason, and the rejects show exactly the latter."""
    answers = read_answers([str(path)], options, asked, trace=True, **more)
    aside = sum(one.rows for one in answers.reading.set_aside.values())
    assert answers.reading.rows_read == answers.reading.rows_used + aside
    assert answers.reading.rows_used == answers.table.height
    check_rejects(answers)
    return answers


def book(answers: Answers) -> list[list]:
    table = answers.table
    cells = {name: table[name].to_list() if name in table.columns else [None] * table.height for name in COLUMNS}
    cells["answer_date"] = [day if day is None else str(day) for day in cells["answer_date"]]
    return sorted((list(row) for row in zip(*cells.values(), strict=True)), key=repr)


def aside(answers: Answers) -> dict[str, int]:
    return {reason: one.rows for reason, one in answers.reading.set_aside.items()}


def test_every_survey_has_its_expectation_and_every_platform_a_survey():
    assert set(SURVEYS) == set(EXPECTED)
    told = {json.loads(path.read_text(encoding="utf-8"))["profile"] for path in EXPECTED.values()}
    assert told == {"survey", *(profile.name for profile in SURVEY_PROFILES)}


def test_the_answers_and_the_account_are_those_written_by_hand(name, expected):
    answers = read(SURVEYS[name], asked_of(expected))
    assert book(answers) == sorted(expected["answers"], key=repr)
    assert aside(answers) == expected["set_aside"]
    assert answers.reading.rows_read == expected["rows_read"]
    assert answers.score == expected["score"]
    assert set(expected["others"]) <= set(answers.table.columns)
    assert answers.reading.sources[0].heads == expected["heads"]


def test_inspect_knows_a_survey_and_says_which(name, expected):
    result, read_ = inspect([str(SURVEYS[name])], ReadOptions())
    assert isinstance(read_, Answers)
    facts = {(row["section"], row["item"]): row for row in result.table.iter_rows(named=True)}
    assert facts["source", "table"]["value"] == "survey"
    assert facts["source", "profile"]["value"] == expected["profile"]
    assert facts["rows", "read"]["rows"] == expected["rows_read"]
    assert not any(section == "problem" for section, _ in facts)


def test_the_order_of_the_rows_and_the_columns_does_not_matter(name, expected, tmp_path):
    encoding, delimiter = DIALECTS.get(name, ("utf-8", ","))
    text = SURVEYS[name].read_bytes().decode(encoding)
    header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    heads, rows = rows[: expected["heads"]], rows[expected["heads"] :]
    random.Random(name).shuffle(rows)
    table = [header, *heads, *rows]
    places = list(range(len(header)))
    if not heads:  # a column without a header of its own belongs to the one before it
        random.Random(name).shuffle(places)
    path = tmp_path / "shuffled.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([row[place] for place in places] for row in table)
    answers = read(path, asked_of(expected))
    assert book(answers) == sorted(expected["answers"], key=repr)
    assert aside(answers) == expected["set_aside"]


@pytest.mark.parametrize("name", ["delighted", "plain-german", "qualtrics"], indirect=False)
def test_parquet_and_json_lines_say_the_same(name, tmp_path):
    expected = json.loads(EXPECTED[name].read_text(encoding="utf-8"))
    encoding, delimiter = DIALECTS.get(name, ("utf-8", ","))
    text = SURVEYS[name].read_bytes().decode(encoding)
    header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    table = pl.DataFrame([dict(zip(header, row, strict=True)) for row in rows])
    if name == "delighted":  # with types of their own
        table = table.with_columns(pl.col("score", "created_at").cast(pl.Int64))
    table.write_parquet(tmp_path / "survey.parquet")
    table.write_ndjson(tmp_path / "survey.jsonl")
    for file in ("survey.parquet", "survey.jsonl"):
        answers = read(tmp_path / file, asked_of(expected))
        assert book(answers) == sorted(expected["answers"], key=repr)
        assert aside(answers) == expected["set_aside"]


def test_a_workbook_with_two_header_rows(tmp_path):
    xlsxwriter = pytest.importorskip("xlsxwriter")
    pytest.importorskip("fastexcel")
    expected = json.loads(EXPECTED["surveymonkey"].read_text(encoding="utf-8"))
    path = tmp_path / "survey.xlsx"
    book_ = xlsxwriter.Workbook(str(path))
    sheet = book_.add_worksheet()
    rows = csv.reader(io.StringIO(SURVEYS["surveymonkey"].read_text(), newline=""))
    for place, row in enumerate(rows):
        sheet.write_row(place, 0, row)
    book_.close()
    answers = read(path, asked_of(expected))
    assert book(answers) == sorted(expected["answers"], key=repr)
    assert set(expected["others"]) <= set(answers.table.columns)


def test_several_files_are_one_table(tmp_path):
    (tmp_path / "a.csv").write_text("id klienta;Wynik NPS;Sklep\nK1;9;Kraków\n")
    (tmp_path / "b.csv").write_text("customer_id,score,sklep\nK2,3,Gdynia\n")
    answers = read_answers([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")], asked=Asked("nps"))
    assert book(answers) == [[None, "K1", None, 9, None], [None, "K2", None, 3, None]]
    assert answers.table["Sklep"].to_list() == ["Kraków", "Gdynia"]


# --- which column is the score -------------------------------------------------------------------------------------


@pytest.fixture
def survey(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "survey.csv"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("header", "row", "question", "found"),
    [
        ("nps,csat,ces", "9,4,2", "nps", "nps"),
        ("nps,csat,ces", "9,4,2", "csat", "csat"),
        ("nps,csat,ces", "9,4,2", "ces", "ces"),
        ("score,visits", "9,3", "nps", "score"),  # a word for any score goes before what numbers could mean
        ("Q7,name", "9,Anna", "nps", "Q7"),  # by content: the only column with numbers of the scale
        ("How likely are you to recommend us?,Why would you recommend us?", "9,Good tea", "nps", 0),
        ("Would you recommend us?,Rating", "yes,8", "nps", "Rating"),  # yes is no score
        ("How easy was it?,How satisfied are you?", "2,4", "ces", 0),
    ],
)
def test_the_score_is_found_by_name_question_or_content(header, row, question, found, survey):
    path = survey(f"{header}\n{row}\n")
    answers = read(path, Asked(question, SCALES[question]))
    assert answers.score == (header.split(",")[found] if isinstance(found, int) else found)


@pytest.mark.parametrize(
    "header", ["Q1,Q2", "score,rating", "recommend us today?,recommend us tomorrow?", "nps,NPS score"]
)
def test_two_candidates_are_an_error_that_names_both(header, survey):
    path = survey(f"{header}\n9,8\n10,2\n")
    with pytest.raises(DataError, match="2 columns may hold the score") as error:
        read(path, Asked("nps"))
    assert all(repr(name) in error.value.message for name in header.split(","))
    assert "--score" in error.value.hint
    assert read(path, Asked("nps", score=header.split(",")[1])).table["score"].to_list() == [8, 2]


def test_no_candidate_is_an_error_with_the_columns_there_are(survey):
    with pytest.raises(DataError, match="no column with scores from 0 to 10") as error:
        read(survey("town,comment\nGdynia,good\n"), Asked("nps"))
    assert "town, comment" in error.value.hint


def test_a_column_that_does_not_exist_is_named_with_its_near_neighbour(survey):
    with pytest.raises(DataError, match="there is no column 'npss'") as error:
        read(survey("nps,town\n9,Gdynia\n"), Asked("nps", score="npss"))
    assert "nps" in error.value.hint


# --- what a score may be -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "score"),
    [
        ("10", 10),
        ("10.0", 10),
        (" 7 ", 7),
        ("0", 0),
        ("10 - Extremely likely", 10),
        ("9 (bardzo prawdopodobne)", 9),
        ("0 = not at all", 0),
        ("Extremely likely - 10", 10),
        ("Sehr wahrscheinlich (10)", 10),
        ("8: likely", 8),
        ("", None),
        ("N/A", None),
        ("-", None),
    ],
)
def test_a_cell_and_its_score(cell, score, survey):
    answers = read(survey(f"town,nps\nx,5\ny,{cell}\n"), Asked("nps"))
    assert answers.table["score"].to_list() == [5, score]


@pytest.mark.parametrize("cell", ["9.5", "7/10", "10-12", "ten", "-1", "11", "2024-01-01", "1e1", "99999"])
def test_what_is_no_score_of_the_scale_is_an_error(cell, survey):
    with pytest.raises(DataError, match="1 scores in 'nps' are not whole numbers from 0 to 10"):
        read(survey(f"town,nps\nx,5\ny,{cell}\n"), Asked("nps"))


def test_scores_off_the_scale_are_counted_with_three_examples_and_both_ways_out(survey):
    rows = "".join(f"{score}\n" for score in [9] * 5 + [99] * 4 + [11] * 3 + [12, 13])
    with pytest.raises(DataError) as error:
        read(survey("nps,a\n" + rows.replace("\n", ",x\n")), Asked("nps"))
    # nine of fourteen; the commonest three
    assert "9 scores in 'nps'" in error.value.message
    assert "'99' (4), '11' (3), '12' (1)" in error.value.message
    assert "--missing 11,12,99" in error.value.hint
    assert "--scale 0-100" in error.value.hint


def test_codes_that_are_declared_are_no_answers(survey):
    answers = read(survey("nps,a\n9,x\n99,x\n11,x\n99.0,x\n"), Asked("nps", missing=("11", "99")))
    assert answers.table["score"].to_list() == [9, None, None, None]


def test_a_scale_from_1_to_10_is_refused_unless_it_is_named(survey):
    # no 0 among 30 answers, but five 1s
    path = survey("nps\n" + "1\n" * 5 + "9\n" * 25)
    with pytest.raises(DataError, match="looks like a scale from 1 to 10") as error:
        read(path, Asked("nps", Scale(0, 10)))
    assert "--scale 1-10" in error.value.hint
    assert "--scale 0-10" in error.value.hint
    for scale in (Scale(1, 10, typed=True), Scale(0, 10, typed=True)):
        assert read(path, Asked("nps", scale)).table["score"].count() == 30


def test_a_scale_from_1_to_5_is_refused_unless_it_is_named(survey):
    path = survey("score\n" + "5\n4\n3\n" * 4)
    with pytest.raises(DataError, match="none is above 5"):
        read(path, Asked("nps", Scale(0, 10)))
    assert read(path, Asked("nps", Scale(0, 10, typed=True))).table["score"].count() == 12


def test_a_scale_that_changes_at_a_date_is_named(survey):
    # 1 to 5 in January, 0 to 10 from 1 February on: no 6 or more among 30, then 20 of 40
    january = "".join(f"2025-01-{day:02d},{day % 5 + 1}\n" for day in range(1, 31))
    february = "".join(f"2025-02-{day % 20 + 1:02d},{(2, 9)[day % 2]}\n" for day in range(40))
    path = survey("date,nps\n" + january + february)
    with pytest.raises(DataError, match="above 5 begin on 2025-02-02") as error:
        read(path, Asked("nps"))
    assert "none of 32" in error.value.message  # with the two 2s of 1 February
    answers = read(path, Asked("nps", Scale(0, 10, typed=True)))
    assert any("2025-02-02" in warning for warning in answers.reading.warnings)


def test_a_scale_that_chance_may_have_made_is_none(survey):
    # twelve low answers at the beginning, then one in five is high: (4/5)^12 is 7 %
    rows = "".join(f"2025-01-{day:02d},{9 if day > 12 and day % 5 == 0 else 3}\n" for day in range(1, 29))
    assert read(survey("date,nps\n2025-01-01,0\n" + rows), Asked("nps")).table.height == 29


# --- whose answers count -------------------------------------------------------------------------------------------

TWICE = """customer_id,date,nps,comment
a,2025-01-01 09:00:00,2,first
a,2025-01-01 17:00:00,9,second
a,2025-02-01 09:00:00,,asked again
b,2025-01-05 12:00:00,7,only
,2025-01-06 12:00:00,5,nobody
,2025-01-06 12:00:00,4,nobody else
"""


@pytest.mark.parametrize(("which", "scores"), [("latest", [9, 7, 5, 4]), ("first", [2, 7, 5, 4])])
def test_one_answer_of_each_respondent(which, scores, survey):
    # the times of one day tell them apart; a row without a score does not replace an answer; nobody is no respondent
    answers = read(survey(TWICE), Asked("nps", answers=which))
    assert answers.table["score"].to_list() == scores
    assert aside(answers) == {"other_answer": 2}


@pytest.mark.parametrize(
    ("early", "late"),
    [
        ("01/25/2025 11:04:00 AM", "01/25/2025 06:31:00 PM"),  # 06 is later than 11
        ("1741946400", "1741950000"),
        ("2025-01-25T09:59", "2025-01-25T10:00"),
        ("2025-01-25 10:00:01", "2025-01-25 10:00:02"),
    ],
)
def test_times_of_one_day_are_told_apart_however_they_are_written(early, late, survey):
    for order in ([(early, 1), (late, 9)], [(late, 9), (early, 1)]):
        path = survey("customer_id,date,nps\n" + "".join(f"a,{when},{score}\n" for when, score in order))
        assert read(path, Asked("nps", answers="latest")).table["score"].to_list() == [9]
        assert read(path, Asked("nps", answers="first")).table["score"].to_list() == [1]


def test_all_answers_count_by_default_and_it_is_said(survey):
    answers = read(survey(TWICE), Asked("nps"))
    assert answers.table.height == 6
    assert any("3 answers are those of 2 respondents" in warning for warning in answers.reading.warnings)


def test_which_answer_is_the_latest_cannot_be_told_without_days_or_names(survey):
    with pytest.raises(DataError, match="day") as error:
        read(survey("customer_id,nps\na,5\na,6\n"), Asked("nps", answers="latest"))
    assert "answer_date" in error.value.hint
    with pytest.raises(DataError, match="respondent"):
        read(survey("date,nps\n2025-01-01,5\n"), Asked("nps", answers="first"))


# --- the rest ------------------------------------------------------------------------------------------------------


def test_money_beside_the_score_is_read_as_money_is(survey):
    # money given back is negative, none is none, and a row whose money cannot be read is set aside
    text = "Kunde;NPS;Bon\nk1;9;1.234,50\nk2;3;-12,00\nk3;10;\nk4;8;viel\n"
    answers = read(survey(text), Asked("nps", value="bon"))
    assert answers.table["value"].to_list() == [Decimal("1234.5"), Decimal(-12), None]
    assert aside(answers) == {"bad_amount": 1}
    assert "value" not in read(survey(text), Asked("nps")).table.columns


def test_weights_are_read_in_any_decimal_sign_and_bad_ones_set_aside(survey):
    text = "nps;w\n9;0,5\n8;1,25\n7;x\n6;\n5;-1\n4;0\n"
    answers = read(survey(text), Asked("nps", weight="w"))
    assert answers.table["weight"].to_list() == [0.5, 1.25, 0.0]
    assert aside(answers) == {"bad_weight": 3}


def test_dates_that_cannot_be_are_set_aside_and_missing_ones_kept(survey):
    answers = read(survey("date,nps\n2025-01-01,9\nsoon,8\n,7\n1970-01-01,6\n"), Asked("nps"))
    assert answers.table["score"].to_list() == [9, 7]
    assert aside(answers) == {"bad_date": 1, "implausible_date": 1}


def test_a_survey_without_a_question_is_read_as_it_is(survey):
    # what is no score is a column like any other
    answers = read(survey("customer_id,score,reason\na,9,price\nb,,late\n"))
    assert answers.table["source_score"].to_list() == ["9", None]
    assert answers.table["reason"].to_list() == ["price", "late"]


def test_respondents_can_be_hidden(survey):
    path = survey("email,nps,comment,country\nanna@example.com,9,call Anna,PL\n")
    answers = read_answers([str(path)], ReadOptions(hash_ids="salt"), Asked("nps"))
    assert answers.table.columns == ["score", "customer_id", "country"]
    assert len(answers.table["customer_id"][0]) == 32
    assert "Anna" not in repr(answers.reading)


def test_an_unknown_platform_is_an_error_with_those_that_are_known(survey):
    with pytest.raises(UsageError, match="no profile 'quatrics'") as error:
        read(survey("nps\n9\n"), Asked("nps"), ReadOptions(profile="quatrics"))
    assert "qualtrics" in error.value.hint


def test_empty_surveys_end_in_one_sentence(survey):
    with pytest.raises(DataError, match="header but no row"):
        read(survey("nps,a\n"), Asked("nps", score="nps"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("customer_id,order_date,amount\na,2025-01-01,5\n", "orders"),
        ("customer_id,order_date,amount,nps\na,2025-01-01,5,9\n", "orders"),  # an order with a score beside it
        ("customer_id,date,nps\na,2025-01-01,9\n", "survey"),
        ("date,How satisfied are you?\n2025-01-01,5\n", "survey"),
        ("customer_id,date,score\na,2025-01-01,9\n", "survey"),
        ("a,b\n1,2\n", "orders"),
    ],
)
def test_inspect_tells_orders_from_surveys_and_how_to_settle_it(text, kind, survey):
    result, _ = inspect([str(survey(text))], ReadOptions())
    row = next(row for row in result.table.iter_rows(named=True) if row["item"] == "table")
    assert row["value"] == kind
    assert "--profile" in row["detail"]
    settled, _ = inspect([str(survey(text))], ReadOptions(profile="survey"))
    assert settled.table["value"][0] == "survey"


def test_inspect_says_which_score_each_command_would_take(survey):
    result, _ = inspect([str(survey("date,Q1,Q2,town\n2025-01-01,9,5,Gdynia\n"))], ReadOptions(profile="survey"))
    scores = {row["item"]: row for row in result.table.iter_rows(named=True) if row["section"] == "scores"}
    assert "'Q1', 'Q2'" in scores["nps"]["detail"]  # both may be from 0 to 10
    assert (scores["csat"]["value"], scores["csat"]["detail"]) == ("Q2", "from 5 to 5")


def test_a_reading_of_a_survey_can_be_kept(survey):
    reading = read(survey(TWICE), Asked("nps")).reading
    assert Reading.from_json(reading.to_json()).rows_read == reading.rows_read


def test_no_header_word_of_surveys_means_two_things():
    words = [word for said in SURVEY_ROLES.values() for word in set(listed(said))]
    assert len(words) == len(set(words))
    scores = [word for said in SCORES.values() for word in set(listed(said))]
    assert len(scores) == len(set(scores))
    assert not set(words) & set(scores)
    assert all(word == normal(word) for said in (*SURVEY_ROLES.values(), *SCORES.values()) for word in said.split("|"))


def test_platforms_are_written_in_known_words():
    for profile in SURVEY_PROFILES:
        assert set(profile.roles) <= set(SURVEY.roles)
        said = [*profile.signature, *profile.roles.values()]
        assert all(word == normal(word) for words in said for word in words.split("|"))
