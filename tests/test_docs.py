"""The documents tell the truth: every example runs, every command is documented, the reference is up to date."""

import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from clvtool.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
NAMES = [name for _, name in COMMANDS]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def readme_lines() -> list[str]:
    lines = [line.split("  #")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(("make ", "# "))]


def help_examples() -> list[tuple[str, str]]:
    found = []
    for name in NAMES:
        documented = getattr(import_module(f"clvtool.cli.{name}"), name).__doc__ or ""
        found += [(name, line.strip()) for line in documented.splitlines() if line.strip().startswith("clvtool ")]
    return found


@pytest.fixture
def project(tmp_path):
    """An empty folder with the sample data in it, so that examples write nothing into the project."""
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    return tmp_path


def run(line: str, folder: Path) -> subprocess.CompletedProcess:
    program = f"{shlex.quote(sys.executable)} -m clvtool"
    command = re.sub(r"(^|\| )clvtool ", rf"\1{program} ", line).replace("python3 -m", f"{sys.executable} -m")
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("line", readme_lines())
def test_every_command_of_the_readme_runs(line, project):
    done = run(line, project)
    assert done.returncode == 0, done.stderr
    assert done.stdout or "-o " in line


@pytest.mark.parametrize(("name", "line"), help_examples())
def test_every_example_of_the_help_runs(name, line, project):
    done = run(line, project)
    assert done.returncode == 0, done.stderr
    assert line.startswith(f"clvtool {name} ")


def test_the_python_of_the_readme_runs(project):
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "clv_predictive" in done.stdout or "metric" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_an_example_and_stands_in_the_readme_and_the_reference(name):
    assert any(own == name for own, _ in help_examples())
    assert f"clvtool {name} " in README
    assert f"## clvtool {name}\n" in (ROOT / "docs" / "COMMANDS.md").read_text()


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "docs/ARCHITECTURE.md", "docs/CONTRIBUTING.md"])
def test_every_link_of_a_document_leads_somewhere(name):
    path = ROOT / name
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_every_file_that_the_architecture_names_is_there():
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    for name in set(re.findall(r"`([a-z/_]+\.py)`", text)):
        assert list(ROOT.glob(f"**/{name}")), name
