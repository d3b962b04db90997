"""Completion by the shell: the options of the program that print or install its script."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

Shell = Literal["bash", "zsh", "fish"]
VARIABLE = "_CLVTOOL_COMPLETE"
"""By which the script asks the program for what can stand next."""


def show(context: typer.Context, shell: Shell | None) -> None:
    """Print the script of a shell and end."""
    if shell is None or context.resilient_parsing:
        return
    from typer.completion import get_completion_script  # type: ignore[attr-defined] # it only passes it on

    sys.stdout.write(get_completion_script(prog_name="clvtool", complete_var=VARIABLE, shell=shell) + "\n")
    raise typer.Exit


def install(context: typer.Context, shell: Shell | None) -> None:
    """Write the script where the shell looks for it, say where that is, and end. Raises OutputError."""
    if shell is None or context.resilient_parsing:
        return
    from typer.completion import install as write  # type: ignore[attr-defined] # likewise

    from clvtool.errors import OutputError

    try:
        _, path = write(shell=shell, prog_name="clvtool", complete_var=VARIABLE)
    except OSError as error:
        raise OutputError(
            f"the completion of {shell} cannot be written: {error.strerror}",
            f"put it where your shell reads it: clvtool --show-completion {shell}",
        ) from None
    sys.stdout.write(f"{path} is written; a new {shell} completes clvtool\n")
    raise typer.Exit


ShowCompletion = Annotated[
    Shell | None,
    typer.Option(
        "--show-completion",
        metavar="SHELL",
        help="Print the completion script of bash, zsh or fish.",
        callback=show,
        is_eager=True,
    ),
]
InstallCompletion = Annotated[
    Shell | None,
    typer.Option(
        "--install-completion",
        metavar="SHELL",
        help="Put it where that shell looks for it.",
        callback=install,
        is_eager=True,
    ),
]
