"""The options that say which model of buying to predict from, for every command that does."""

from typing import Annotated

import typer

from clvtool.models.registry import PURCHASES, is_regular, of_kind


def _model(names: list[str]) -> typer.models.OptionInfo:
    told = f"Model of buying: {', '.join(names)}. Without it: bg-nbd, or the one in the file of --load."
    option: typer.models.OptionInfo = typer.Option(metavar="NAME", help=told)
    return option


Model = Annotated[str | None, _model(of_kind(PURCHASES))]
ModelByPeriod = Annotated[str | None, _model([name for name in of_kind(PURCHASES) if not is_regular(name)])]
"""Of those that tell a stretch of time that begins later."""
Load = Annotated[str | None, typer.Option(metavar="FILE", help="Take the models that fit --save wrote, and fit none.")]
