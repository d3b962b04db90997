"""The real `main` with one command of ours, for tests that need a process of their own.

fake_program.py shop INPUT [--rows N] [output options]; what INPUT is decides what happens.
"""

import sys
import time
from datetime import date
from types import ModuleType
from typing import Annotated

import typer

from clvtool.cli.main import main
from clvtool.cli.output import Deliver
from clvtool.report.files import write_atomically


def shop(
    work: Annotated[str, typer.Argument(metavar="INPUT", help="What to do [ok, slow].")],
    deliver: Deliver,
    rows: Annotated[int, typer.Option(help="How many rows.")] = 3,
) -> None:
    """Say what the customers of a shop [or two] are worth.

    clvtool shop sample_data/orders.csv --rows 12 --format json --limit 3 -q
    """
    if work == "slow":  # half a file is written when the test presses Ctrl-C

        def write_slowly(stream):
            stream.write(b"half")
            stream.flush()
            typer.echo("started")
            time.sleep(60)

        write_atomically(deliver.output, write_slowly)

    import polars as pl

    from clvtool.result import Result

    customers = pl.DataFrame({"customer_id": range(rows), "name": ["Ann [red]"] * rows, "churn_rate": [0.125] * rows})
    deliver(Result("shop", "Customers", customers, notes=("made up",), as_of=date(2024, 3, 31)))


if __name__ == "__main__":
    module = ModuleType("clvtool.cli.shop")
    module.shop = shop
    sys.modules[module.__name__] = module
    sys.exit(main(commands=[("Value", "shop")]))
