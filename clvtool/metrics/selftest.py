"""Published figures of the models, reproduced on the machine at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import ClvtoolError
from clvtool.result import Result

if TYPE_CHECKING:
    import polars as pl

DEFINITIONS = {
    "published": "as printed, or as found by several other solvers (source)",
    "difference": "ours - published",
    "source": "published: in a paper, or in the tests or documentation of another package; own maximum: by several "
    "solvers from several starts",
    "tolerance": "largest difference that is right: half a unit of the last printed digit; 0.1 % where the figure was "
    "printed from a fit that was stopped early; a millionth (or half a unit of the last digit), or 0.0001 of a "
    "log-likelihood, for an own maximum",
}
TITLE = "Published figures, and the same figures on this machine"


def selftest(text: str) -> Result:
    """Return `model quantity published ours difference ok source tolerance`, one row a published figure.

    `text` is that of the packed CDNOW sample (`models/cdnow.csv`).
    """
    import polars as pl

    from clvtool.models.reference import checks

    rows = [
        (one.model, one.quantity, one.published, one.ours, one.difference, one.ok, one.source, one.within)
        for one in checks(text)
    ]
    schema = {
        "model": pl.String,
        "quantity": pl.String,
        "published": pl.Float64,
        "ours": pl.Float64,
        "difference": pl.Float64,
        "ok": pl.Boolean,
        "source": pl.String,
        "tolerance": pl.Float64,
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    wrong = _wrong(table)
    said = f"all {table.height} figures are right" if not wrong else f"{wrong} of {table.height} figures are wrong"
    data = (
        "the models of buying and of money are fitted to the CDNOW sample, 2,357 customers up to 1997-09-30, times in "
        "weeks; bg-bb to 11,104 donors over six years; sbg and bdw to two groups of 1,000 contracts over seven years"
    )
    return Result(name="selftest", title=TITLE, table=table, screen=table, notes=(said, data), definitions=DEFINITIONS)


def require_all(result: Result) -> None:
    """Raise an error, a bug of the program or of what it runs on, when a figure is wrong."""
    wrong = _wrong(result.table)
    if wrong:
        raise ClvtoolError(
            f"{wrong} of {result.table.height} figures are not as published",
            "please report the rows that are not ok, with the versions of Python and numpy",
        )


def _wrong(table: pl.DataFrame) -> int:
    return int((~table["ok"]).sum())
