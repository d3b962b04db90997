"""`clvtool convert`: the canonical table of any export."""

from typing import Annotated, Literal

import typer

from clvtool.cli.options import Inputs, Reading
from clvtool.cli.output import Deliver
from clvtool.report.progress import working


def convert(
    inputs: Inputs,
    reading: Reading,
    deliver: Deliver,
    table: Annotated[
        Literal["orders", "lines"],
        typer.Option(metavar="orders|lines", help="One row an order or refund, or one row an order line."),
    ] = "orders",
) -> None:
    """Write the canonical orders of any export, which every command reads and answers the same; or its order lines.

    clvtool convert sample_data/orders.csv -o orders.parquet
    clvtool convert sample_data/orders.csv --table lines --format csv
    """
    from clvtool.ingest.convert import convert as answer

    with working("converting", quiet=deliver.quiet):
        result, orders = answer(inputs, reading.options(), table, trace=reading.rejects is not None)
        reading.finish(orders)
    deliver(result)
