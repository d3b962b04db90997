"""Texts that come with the program."""

from __future__ import annotations

from importlib.resources import files


def packed(name: str) -> str:
    """Return the text of a file in the package, such as `models/cdnow.csv`."""
    return files("clvtool").joinpath(*name.split("/")).read_text(encoding="utf-8")
