"""The manual page: made from the help, up to date, and taken by the formatter without a warning."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from clvtool.cli.main import COMMANDS
from clvtool.cli.manual import roff

PAGE = Path(__file__).parents[2] / "docs" / "clvtool.1"


def test_the_page_in_docs_is_up_to_date():
    body = PAGE.read_text().partition('.\\" ]]]\n')[2].partition('.\\" [[[end]]]')[0]
    assert body == roff()  # if not: make docs


def test_every_command_and_every_option_stands_in_it_once_for_each_place(clvtool):
    page = roff().replace("\\-", "-")
    for _, name in COMMANDS:
        assert page.count(f".SS clvtool {name}\n") == 1
        for option in re.findall(r" (--[a-z-]+)", clvtool(name, "--help")[1]):
            assert f"\\fB{option}\\fR" in page or option == "--help"
    assert page.count("\\fB--encoding\\fR") == 2  # shared options are told once, for orders and for surveys
    assert page.count("\\fB--config\\fR") == 1


def test_nothing_in_it_is_a_command_of_roff_by_accident():
    # text begins no line with a dot or an apostrophe, and all signs are ASCII
    assert roff().isascii()
    known = {".TH", ".SH", ".SS", ".PP", ".TP", ".IP", ".B", ".br", ".nf", ".fi"}
    assert {line.split()[0] for line in roff().splitlines() if line[:1] in {".", "'"}} <= known


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_takes_it_without_a_warning():
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-c", str(PAGE)],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    assert done.stderr == ""
    told = re.sub(r".\x08", "", done.stdout)  # bold is a letter struck twice
    assert "--horizon DURATION" in told
    assert "lifespan is 1 ÷ churn" in told
    assert "EXIT STATUS" in told
