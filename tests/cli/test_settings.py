"""Which value an option has: typed, from the environment, from the config file, built in, in this order."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

import pytest
import typer

from clvtool.cli.main import main
from clvtool.cli.output import Deliver

ORDERS = "customer_id,order_date,amount\n" + "".join(
    f"{name},2024-{month:02d}-10,{amount}\n" for name in "abcd" for month, amount in ((1, 5), (2, 7), (5, 9))
)


@pytest.fixture
def options(monkeypatch, capsys):
    """Run a command with one option of each type; return what it got."""
    got: dict[str, object] = {}

    def try_it(
        *,
        deliver: Deliver,
        word: Annotated[str, typer.Option()] = "default",
        share: Annotated[float, typer.Option()] = 0.5,
        flag: Annotated[bool, typer.Option("--flag")] = False,
        many: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE")] = None,
        choice: Annotated[Literal["red", "green", "blue", "grey"], typer.Option()] = "red",
    ) -> None:
        """Try it."""
        got.update(word=word, share=share, flag=flag, many=many, choice=choice, limit=deliver.limit)

    def other(*, deliver: Deliver, only_here: Annotated[int, typer.Option()] = 1) -> None:
        """Do something else."""

    for name, function in (("try_it", try_it), ("other", other)):
        module = ModuleType(f"clvtool.cli.{name}")
        setattr(module, name, function)
        monkeypatch.setitem(sys.modules, module.__name__, module)

    def run(*words, command="try-it"):
        code = main([command, *words], commands=[("Value", "try_it"), ("Value", "other")])
        _, err = capsys.readouterr()
        assert code == 0, err
        return got

    run.fails = lambda *words: (
        main(["try-it", *words], commands=[("V", "try_it"), ("V", "other")]),
        capsys.readouterr().err,
    )
    return run


FILE = """\
[try-it]
word = "file"
share = 0.25
flag = true
choice = "green"
many = ["a=file", "b=file"]
"""
STEPS = {
    # option: built in, file, variable and what it gives, flag and what it gives
    "word": ("default", "file", "variable", "variable", ["--word", "typed"], "typed"),
    "share": (0.5, 0.25, "0.75", 0.75, ["--share", "1"], 1.0),
    "choice": ("red", "green", "blue", "blue", ["--choice", "grey"], "grey"),
    "many": (None, ["a=file", "b=file"], 'a=1, "b=2, 3"', ["a=1", "b=2, 3"], ["--many", "c=typed"], ["c=typed"]),
}


@pytest.mark.parametrize("option", STEPS)
def test_a_flag_outweighs_the_environment_that_the_file_that_what_is_built_in(option, options, here, monkeypatch):
    built_in, in_file, variable, from_variable, flag, typed = STEPS[option]
    assert options()[option] == built_in
    (here / "clvtool.toml").write_text(FILE)
    assert options()[option] == in_file
    monkeypatch.setenv(f"CLVTOOL_{option.upper()}", variable)
    assert options()[option] == from_variable
    assert options(*flag)[option] == typed


def test_a_flag_too_can_be_turned_on_and_off_at_every_step(options, here, monkeypatch):
    assert options()["flag"] is False
    (here / "clvtool.toml").write_text("[try_it]\nflag = true\n")
    assert options()["flag"] is True
    monkeypatch.setenv("CLVTOOL_FLAG", "0")
    assert options()["flag"] is False
    assert options("--flag")["flag"] is True


def test_the_table_of_a_command_outweighs_the_shared_one_wherever_it_stands(options, here):
    for text in ("[output]\nlimit = 3\n[try-it]\nlimit = 5\n", "[try-it]\nlimit = 5\n[output]\nlimit = 3\n"):
        (here / "clvtool.toml").write_text(text)
        assert options()["limit"] == 5


def test_an_empty_variable_says_nothing(options, monkeypatch):
    monkeypatch.setenv("CLVTOOL_WORD", "")
    assert options()["word"] == "default"


def test_what_is_for_another_command_is_no_matter(options, here, monkeypatch):
    monkeypatch.setenv("CLVTOOL_ONLY_HERE", "nonsense")
    (here / "clvtool.toml").write_text("[other]\nonly_here = 3\n[output]\nlimit = 2\n")
    assert options()["limit"] == 2


def test_dashes_numbers_days_and_tables_may_be_written_as_they_come(options, here):
    # a day and a number need no quotation marks, a repeatable NAME=VALUE may be a table, a single text needs no list
    for word, expected in (("2024-12-31", "2024-12-31"), ("90", "90"), ("0.25", "0.25")):
        (here / "clvtool.toml").write_text(f"[try-it]\nword = {word}\n[try-it.many]\nx = 1\ny = 'two'\n")
        assert (options()["word"], options()["many"]) == (expected, ["x=1", "y=two"])
    (here / "clvtool.toml").write_text("[other]\nonly-here = 3\n[try-it]\nmany = 'a=1'\n")
    assert options()["many"] == ["a=1"]


def test_which_file_is_read(options, here, monkeypatch):
    (here / "clvtool.toml").write_text("[try-it]\nword = 'usual'\n")
    (here / "b.toml").write_text("[try-it]\nword = 'b'\n")
    (here / "c.toml").write_text("\ufeff[try-it]\nword = 'c'\n", encoding="utf-8")
    assert options()["word"] == "usual"
    assert options("--config", "/dev/null")["word"] == "default"
    monkeypatch.setenv("CLVTOOL_CONFIG", "b.toml")
    assert options()["word"] == "b"
    assert options("--config", "c.toml")["word"] == "c"
    monkeypatch.setenv("CLVTOOL_CONFIG", "/dev/null")
    assert options()["word"] == "default"


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ("[try-it]\nwrd = 'x'", "there is no 'wrd' in [try-it]", "did you mean word?"),
        ("[try-it]\nonly_here = 1", "there is no 'only_here' in [try-it]", "it belongs below [other]"),
        ("[tri-it]\nword = 'x'", "there is no table [tri-it]", "did you mean try_it?"),
        ("[try-it]\nconfig = 'x'", "there is no 'config' in [try-it]", ""),
        ("word = 'x'", "word stands in no table", "write it below [try_it]"),
        ("output = 'x'", "output is a table of options", "write [output]"),
        ("[try-it]\nshare = 'half'", "share in [try-it] is no number", "write share = 1"),
        ("[try-it]\nshare = true", "share in [try-it] is no number", ""),
        ("[output]\nlimit = 1.5", "limit in [output] is no whole number", ""),
        ("[output]\nlimit = -1", "invalid value for '--limit'", "limit in [output] of clvtool.toml"),
        ("[try-it]\nflag = 'yes'", "flag in [try-it] is neither true nor false", "write flag = true"),
        ("[try-it]\nword = ['x']", "word in [try-it] is no text", "write word ="),
        ("[try-it]\nmany = 3", "many in [try-it] is no list of texts", "NAME = 'VALUE'"),
        ("[try-it.many]\nx = [1]", "many in [try-it] is no list of texts", ""),
        ("[try-it]\nchoice = 'gren'", "choice in [try-it] is 'gren'", "did you mean green"),
        ("[try-it]\nchoice = green", "is not TOML", "quotation marks"),
        ("[other]\nonly_here = 'x'", "only_here in [other] is no whole number", ""),
    ],
)
def test_what_a_file_must_not_say_is_2_with_file_key_and_way_out(text, told, hint, options, here):
    (here / "clvtool.toml").write_text(text)
    code, err = options.fails()
    assert code == 2
    assert "clvtool.toml" in err
    error, _, way_out = err.partition("hint: ")
    assert told in error
    assert hint in way_out


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5000, "[output]\nlimit = " + "9" * 5000, "[[reading]]", "[reading.map.map]\nx = 1", "[reading.profile]", "'' = 1"],
)  # fmt: skip
def test_hostile_files_are_refused_in_one_sentence(text, options, here):
    (here / "clvtool.toml").write_text(text)
    code, err = options.fails()
    assert code == 2
    assert err.startswith("error: clvtool.toml")


def test_bytes_that_are_no_text_are_no_config(options, here):
    (here / "clvtool.toml").write_bytes(b"[try-it]\nword = '\xb9'\n")
    code, err = options.fails()
    assert (code, "clvtool.toml is not TOML: it is not UTF-8" in err) == (2, True)


def test_a_config_file_that_is_not_there_is_3_with_its_near_neighbour(options, here, monkeypatch):
    (here / "shop.toml").write_text("")
    code, err = options.fails("--config", "shp.toml")
    assert (code, "did you mean shop.toml?" in err) == (3, True)
    monkeypatch.setenv("CLVTOOL_CONFIG", "gone.toml")
    code, err = options.fails()
    assert (code, "CLVTOOL_CONFIG names it" in err) == (3, True)


@pytest.mark.parametrize(
    ("option", "value"),
    [("SHARE", "half"), ("FLAG", "perhaps"), ("CHOICE", "gren"), ("LIMIT", "-1"), ("FORMAT", "xml")],
)
def test_a_bad_value_in_the_environment_is_2_and_names_the_variable(option, value, options, monkeypatch):
    monkeypatch.setenv(f"CLVTOOL_{option}", value)
    code, err = options.fails()
    assert (code, f"it was set by CLVTOOL_{option}\n" in err) == (2, True), err


BAD = {
    # option of compute → a value that only the command itself finds bad
    "horizon": "soon",
    "discount": "1.5",
    "as_of": "31.12.2024",
    "level": "95",
    "lifespan": "long",
    "active_window": "never",
    "map": "client=x",
    "profile": "shoppify",
    "encoding": "utf-9",
    "delimiter": ";;",
    "date_format": "DD/MM",
    "tz": "Mars/Base",
    "where": "channel",
    "cac": "-1",
    "metric": "clv_best",
    "margin": "50%",
}


@pytest.mark.parametrize("option", BAD)
def test_every_bad_value_is_traced_to_the_variable_it_came_from(option, clvtool, here, monkeypatch):
    (here / "orders.csv").write_text(ORDERS)
    monkeypatch.setenv(f"CLVTOOL_{option.upper()}", BAD[option])
    code, out, err = clvtool("compute", "orders.csv")
    assert (code, out) == (2, ""), err
    assert f"it was set by CLVTOOL_{option.upper()}" in err


def test_a_column_that_the_file_lacks_is_traced_to_the_config(clvtool, here):
    (here / "orders.csv").write_text(ORDERS)
    (here / "clvtool.toml").write_text("[reading.map]\nproduct_id = 'Towar'\n")
    code, _, err = clvtool("compute", "orders.csv")
    assert code == 4
    assert "there is no column 'Towar'" in err
    assert "it was set by map in [reading] of clvtool.toml" in err


def test_settings_are_told_at_v_and_are_facts_of_inspect(clvtool, here, monkeypatch):
    (here / "orders.csv").write_text(ORDERS)
    (here / "clvtool.toml").write_text(
        "[reading]\ndecimal = '.'\n[compute]\nhorizon = '24m'\n[counting]\nrefunds = 'net'\n"
    )
    monkeypatch.setenv("CLVTOOL_DELIMITER", ",")
    monkeypatch.setenv("CLVTOOL_HORIZN", "12m")
    _, out, err = clvtool("compute", "orders.csv", "-v", "--refunds", "ignore")
    assert "note: from clvtool.toml: reading.decimal, compute.horizon\n" in err
    assert "note: from the environment: CLVTOOL_DELIMITER\n" in err
    assert "note: CLVTOOL_HORIZN is not read; did you mean CLVTOOL_HORIZON?\n" in err
    assert "clvtool.toml" not in out
    # in a pipe, and without -v, stderr stays empty; at a terminal it is told, but with -q
    assert clvtool("compute", "orders.csv", "--format", "json")[2] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "note: from clvtool.toml: reading.decimal" in clvtool("compute", "orders.csv", "--format", "json")[2]
    assert clvtool("compute", "orders.csv", "-q")[2] == ""
    rows = json.loads(clvtool("inspect", "orders.csv", "--format", "json")[1])["rows"]
    assert [(row["item"], row["value"], row["detail"]) for row in rows if row["section"] == "setting"] == [
        ("reading.decimal", ".", "config file"),
        ("CLVTOOL_DELIMITER", ",", "environment"),
    ]


def test_errors_are_json_where_the_config_asks_for_json(clvtool, here):
    (here / "clvtool.toml").write_text("[output]\nformat = 'json'\n")
    code, _, err = clvtool("compute", "missing.csv")
    assert (code, json.loads(err)["exit_code"]) == (3, 3)


def test_a_converted_file_needs_no_reading_and_refuses_only_what_is_typed(clvtool, here, monkeypatch):
    (here / "orders.csv").write_text(ORDERS)
    assert clvtool("convert", "orders.csv", "-o", "orders.parquet")[0] == 0
    plain = clvtool("compute", "orders.parquet", "--format", "json")
    (here / "clvtool.toml").write_text(
        "[reading]\nencoding = 'cp1250'\ndecimal = ','\ndate_format = 'DD/MM/YYYY'\ncurrency = 'PLN'\nprofile = 'shopify'\n"
        "minor_units = true\nkeep_status = ['x']\nrejects = 'rejects.csv'\n[reading.map]\namount = 'Kwota'\n"
    )
    monkeypatch.setenv("CLVTOOL_DELIMITER", ";")
    for command in ("compute", "inspect", "convert"):
        assert clvtool(command, "orders.parquet")[0] == 0
    assert clvtool("compute", "orders.parquet", "--format", "json") == plain
    assert not Path("rejects.csv").exists()
    for typed in (["--decimal", ","], ["--map", "amount=amount"], ["--rejects", "r.csv"], ["--margin", "amount"]):
        code, _, err = clvtool("compute", "orders.parquet", *typed)
        assert code == 2
        assert "converted" in err
