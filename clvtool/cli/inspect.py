"""`clvtool inspect`: what was understood of a file, and what happened to every row."""

from clvtool.cli.options import Inputs, Reading
from clvtool.cli.output import Deliver
from clvtool.report.progress import working


def inspect(inputs: Inputs, reading: Reading, deliver: Deliver) -> None:
    """Show what was understood of a file, and what happened to every row.

    clvtool inspect sample_data/orders.csv
    clvtool inspect sample_data/orders.csv --rejects rejects.csv
    """
    from clvtool.errors import DataError
    from clvtool.ingest.inspect import inspect as answer

    with working("reading", quiet=deliver.quiet):
        result, orders = answer(inputs, reading.options(), trace=reading.rejects is not None)
        reading.finish(orders)
    problems = result.table.filter(result.table["section"] == "problem")
    if reading.strict and problems.height:
        raise DataError(f"--strict: {problems['value'][0]}", problems["detail"][0] or "")
    deliver(result)
