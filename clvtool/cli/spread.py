"""A dataclass as a bundle of options, so that the signature of a command stays short.

@dataclass(frozen=True)
class Place:
    x: Annotated[int, typer.Option(help="How far to the right.")] = 0
    y: Annotated[int, typer.Option(help="How far up.")] = 0

def walk(place: Place) -> None: ...     # is, on the command line: walk --x N --y N

In a config file the options of a bundle stand in the table `TABLE` of the class, or else in one of its name: [place].
A field `context` is the context of the run, the same for all bundles of a command.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable


def spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with each dataclass among its parameters replaced by the fields of that dataclass.

    Its attribute `tables` says of every field in which table of a config file it stands.
    """
    declared = signature(function, eval_str=True)
    bundles: dict[str, Any] = {
        name: given.annotation for name, given in declared.parameters.items() if is_dataclass(given.annotation)
    }
    flat: dict[str, Parameter] = {}
    tables: dict[str, str] = {}
    for name, given in declared.parameters.items():
        own = _fields(bundles[name]) if name in bundles else [given.replace(kind=Parameter.KEYWORD_ONLY)]
        flat |= {parameter.name: parameter for parameter in own}
        if name in bundles:
            table = getattr(bundles[name], "TABLE", bundles[name].__name__.lower())
            tables |= {parameter.name: table for parameter in own}

    @wraps(function)
    def command(**values: Any) -> Any:
        given = {name: value for name, value in values.items() if name in declared.parameters}
        for name, bundle in bundles.items():
            given[name] = bundle(**{field.name: values[field.name] for field in fields(bundle)})
        return function(**given)

    command.__signature__ = declared.replace(parameters=list(flat.values()))  # type: ignore[attr-defined] # what inspect reads
    command.__annotations__ = {given.name: given.annotation for given in flat.values()}
    command.tables = tables  # type: ignore[attr-defined] # what settings.py reads
    return command


def _fields(bundle: Any) -> list[Parameter]:
    hints = get_type_hints(bundle, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(bundle)
    ]
