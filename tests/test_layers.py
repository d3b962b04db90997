"""The rules of docs/ARCHITECTURE.md on who may import whom, read from the syntax trees."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "clvtool"
BASE = {"errors", "schema", "result", "periods", "stats"}
ALLOWED = {
    "ingest": BASE | {"ingest"},
    "models": BASE | {"models"},
    "metrics": BASE | {"models", "metrics"},
    "report": {"errors", "result", "schema", "report"},
    "cli": BASE | {"ingest", "metrics", "models", "report", "cli"},
}
HEAVY = {"polars", "numpy", "scipy", "pyarrow"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def layer(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Return the modules that a file imports when it runs: what stands under TYPE_CHECKING is for readers only."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if top_only and isinstance(child, ast.FunctionDef):
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module:
                found.update(f"{child.module}.{alias.name}" for alias in child.names)
            visit(child)

    visit(ast.parse(path.read_text()))
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_layers_below_it(path):
    own = layer(path)
    allowed = ALLOWED.get(own, BASE | {"cli"} if own == "__main__" else BASE) | {"__version__"}
    used = {name.split(".")[1] for name in imports(path) if name.startswith("clvtool.")}
    assert used <= allowed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_report_and_cli_know_the_terminal(path):
    used = {name.split(".")[0] for name in imports(path)}
    if layer(path) not in {"report", "cli"}:
        assert not used & {"typer", "rich", "click"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_heavy_is_imported_before_a_command_runs(path):
    # the models may import numpy at their top: they are themselves imported inside functions only
    if layer(path) != "models":
        assert not {name.split(".")[0] for name in imports(path, top_only=True)} & HEAVY


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_below_cli_reads_the_clock_or_the_environment(path):
    if layer(path) in {"cli", "report"}:
        return
    text = path.read_text()
    assert ".today(" not in text
    assert ".now(" not in text
    assert "os.environ" not in text
    assert "time.time" not in text


def test_the_layers_of_the_table_above_are_the_folders_there_are():
    # a new folder must say whom it may import
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ALLOWED)
