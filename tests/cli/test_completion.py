"""Completion by the shell: a script for each shell, and what the script asks the program for."""

import subprocess
from pathlib import Path

import pytest

SHELLS = ["bash", "zsh", "fish"]


@pytest.fixture
def complete(clvtool, monkeypatch):
    """Return what a shell is offered for the last word of a line; help texts that come along are left out."""

    def do(shell: str, line: str) -> list[str]:
        monkeypatch.setenv("_CLVTOOL_COMPLETE", f"complete_{shell}")
        words = line.split(" ")
        monkeypatch.setenv("COMP_WORDS", "\n".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        code, out, err = clvtool()
        assert (code, err) == (0, "")
        if shell == "zsh":  # "word":"help" in brackets, a line each
            return [part.split('"')[1] for part in out.replace("((", "\n").splitlines() if part.startswith('"')]
        return [part.partition("\t")[0] for part in out.splitlines()]

    return do


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_options_and_choices_are_completed(shell, complete):
    assert complete(shell, "clvtool ins") == ["inspect"]
    assert {"--refunds", "--rejects"} <= set(complete(shell, "clvtool compute --re"))
    assert complete(shell, "clvtool compute --refunds n") == ["net"]
    assert complete(shell, "clvtool compute x.csv --period w") == ["week"]
    assert "--save-config" in complete(shell, "clvtool inspect --s")
    assert complete(shell, "clvtool --show-completion z") == ["zsh"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_broken_config_file_does_not_disturb_completion(shell, complete, here):
    (here / "clvtool.toml").write_text("[nonsense")
    assert complete(shell, "clvtool compute --refunds n") == ["net"]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_its_script(shell, clvtool):
    code, out, err = clvtool("--show-completion", shell)
    assert (code, err) == (0, "")
    assert f"_CLVTOOL_COMPLETE=complete_{shell}" in out
    assert "clvtool" in out


def test_bash_takes_its_script(clvtool, here):
    script = here / "script.sh"
    script.write_text(clvtool("--show-completion", "bash")[1])
    line = f"source {script}; complete -p clvtool"
    done = subprocess.run(["bash", "--norc", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == "complete -o default -F _clvtool_completion clvtool\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_installed_in_the_home_directory(shell, clvtool, here, monkeypatch):
    monkeypatch.setenv("HOME", str(here))
    code, out, err = clvtool("--install-completion", shell)
    assert (code, err) == (0, "")
    path = Path(out.split(" is written")[0])
    assert path.is_relative_to(here)
    assert "_CLVTOOL_COMPLETE" in path.read_text()


def test_a_home_that_cannot_be_written_is_3(clvtool, here, monkeypatch):
    (here / "file").write_text("")
    monkeypatch.setenv("HOME", str(here / "file"))
    code, out, err = clvtool("--install-completion", "bash")
    assert (code, out) == (3, "")
    assert "--show-completion bash" in err


def test_the_help_names_both_options_and_another_shell_is_refused(clvtool):
    out = clvtool("--help")[1]
    assert "--show-completion" in out
    assert "--install-completion" in out
    code, _, err = clvtool("--show-completion", "tcsh")
    assert (code, "'bash', 'zsh', 'fish'" in err) == (2, True)
