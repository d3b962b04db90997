"""`clvtool inspect`: what was understood of a file, and what happened to every row."""

from pathlib import Path
from typing import Annotated

import typer

from clvtool.cli.options import Inputs, Reading
from clvtool.cli.output import Deliver
from clvtool.report.progress import working


def inspect(
    inputs: Inputs,
    reading: Reading,
    deliver: Deliver,
    save_config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what was understood to FILE, ready to edit; clvtool.toml is read."),
    ] = None,
) -> None:
    """Show what was understood of a file, orders or a survey, and what happened to every row.

    clvtool inspect sample_data/orders.csv
    clvtool inspect sample_data/orders.csv --rejects rejects.csv
    clvtool inspect sample_data/survey.csv
    clvtool inspect sample_data/orders.csv --save-config clvtool.toml
    """
    from clvtool.errors import DataError
    from clvtool.ingest.answers import Answers
    from clvtool.ingest.inspect import inspect as answer

    with working("reading", quiet=deliver.quiet):
        result, read = answer(inputs, reading.options(), trace=reading.rejects is not None, settings=deliver.settings())
        reading.finish(read)
    problems = result.table.filter(result.table["section"] == "problem")
    if reading.strict and problems.height:
        raise DataError(f"--strict: {problems['value'][0]}", problems["detail"][0] or "")
    if save_config is not None:
        from clvtool.cli.save import save_config as save

        save(save_config, deliver.context, read.reading, "survey" if isinstance(read, Answers) else "reading")
    deliver(result)
