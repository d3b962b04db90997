"""How the tests of the reader read: every table that a test reads is also checked row by row against its account."""

import pytest
from ingest_checks import check_account, check_rejects, csv_rows

from clvtool.ingest.read import Orders, read_orders
from clvtool.ingest.reading import Reading, ReadOptions


@pytest.fixture
def write(tmp_path):
    """Write text (as UTF-8) or bytes to a new file and return its path."""

    def to(content: str | bytes, name: str = "orders.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return to


@pytest.fixture
def read(write):
    """Read texts as inputs of one table.

    Whatever is read: the rows are as many as the csv module finds below the header (blank lines too, as it does), each
    is used or set aside for one reason, and `rejects` shows exactly those set aside.
    """

    def do(*texts: str | bytes, delimiter: str = ",", above: int = 0, rows: int | None = None, **options) -> Orders:
        paths = [write(text, f"{place}.csv") for place, text in enumerate(texts, start=1)]
        reading = Reading()
        orders = read_orders(paths, ReadOptions(**options), reading=reading, trace=True)
        if rows is None:
            rows = sum(csv_rows(text, delimiter, above) for text in texts)
        check_account(reading, rows)
        check_rejects(orders)
        return orders

    return do
