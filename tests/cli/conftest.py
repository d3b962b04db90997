"""The program in an empty directory, without settings of the one who runs the tests."""

import os

import pytest

from clvtool.cli.main import main


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Go to an empty directory."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("CLVTOOL_"):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def clvtool(capsys):
    """Run the program; return (exit code, stdout, stderr)."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        return code, *capsys.readouterr()

    return run
