"""What was found out about an input, as the options that would say so: then the next run need not find it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvtool.ingest.dialect import DELIMITERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvtool.ingest.rows import Rows


def understood(part: Rows) -> dict[str, Any]:
    """Return option → value for one source; `map` is role → column. What its rows do not show is left out.

    Two things are left out too: roles that have a better column in some rows, as only the profile can say that; and the
    currency, as that option would set other ones aside, where without it they are an error.
    """
    import polars as pl

    plan, source = part.plan, part.source
    columns = plan.mapping.columns
    profile = plan.mapping.profile
    found: dict[str, Any] = {"profile": profile.name if profile else plan.mapping.vocabulary.plain}
    if source.kind == "csv":
        named = DELIMITERS.get(source.delimiter, source.delimiter)
        found |= {"encoding": source.encoding, "delimiter": named if named == "tab" else source.delimiter}
    signs = plan.decimal_signs()
    if len(signs) == 1:
        found["decimal"] = signs.pop()
    if plan.day in columns and source.schema()[columns[plan.day]] == pl.String:
        found["date_format"] = plan.dates.name
    return found | {"map": {role: name for role, name in columns.items() if role not in plan.mapping.instead}}


def in_common(each: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Return what is the same for all sources, and what is not, as one value a source (None: it shows nothing).

    Of `map`, both hold single columns, as `map` and as `map.ROLE`.
    """
    flat = [
        {**{name: value for name, value in one.items() if name != "map"}, **_by_role(one.get("map", {}))}
        for one in each
    ]
    names = list(dict.fromkeys(name for one in flat for name in one))
    values = {name: [one.get(name) for one in flat] for name in names}
    same = {name: found[0] for name, found in values.items() if len(set(found)) == 1}
    mapping = {name.partition(".")[2]: column for name, column in same.items() if name.startswith("map.")}
    plain = {name: value for name, value in same.items() if not name.startswith("map.")}
    return plain | {"map": mapping}, {name: found for name, found in values.items() if name not in same}


def _by_role(columns: dict[str, str]) -> dict[str, str]:
    return {f"map.{role}": column for role, column in columns.items()}
