"""A dataclass as a bundle of options, so that the signature of a command stays short.

@dataclass(frozen=True)
class Place:
    x: Annotated[int, typer.Option(help="How far to the right.")] = 0
    y: Annotated[int, typer.Option(help="How far up.")] = 0

def walk(place: Place) -> None: ...     # is, on the command line: walk --x N --y N
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable


def spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with each dataclass among its parameters replaced by the fields of that dataclass."""
    declared = signature(function, eval_str=True)
    bundles: dict[str, Any] = {
        name: given.annotation for name, given in declared.parameters.items() if is_dataclass(given.annotation)
    }
    flat: list[Parameter] = []
    for name, given in declared.parameters.items():
        flat += _fields(bundles[name]) if name in bundles else [given.replace(kind=Parameter.KEYWORD_ONLY)]

    @wraps(function)
    def command(**values: Any) -> Any:
        for name, bundle in bundles.items():
            values[name] = bundle(**{field.name: values.pop(field.name) for field in fields(bundle)})
        return function(**values)

    command.__signature__ = declared.replace(parameters=flat)  # type: ignore[attr-defined] # what inspect reads
    command.__annotations__ = {given.name: given.annotation for given in flat}
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
