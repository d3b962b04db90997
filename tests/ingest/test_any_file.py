"""What must not change the orders of any file: the sequence of its rows, and the size of its amounts."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_checks import check_account, check_rejects, csv_rows

from clvtool.errors import DataError
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import Reading, ReadOptions

QUICK = settings(
    max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
NAMES = ("order_id", "customer_id", "order_date", "amount", "note")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("any")


# --- what must not change -----------------------------------------------------------------------------------------------

BOOKS = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", ""]),
        st.sampled_from(["ann", "bob", "0", ""]),
        st.sampled_from(["2024-01-05", "2024-01-06", "", "soon"]),
        st.sampled_from(["5", "7.25", "-3", "0", "", "x"]),
        st.sampled_from(["paid", "cancelled", "refunded", "", "pending"]),
        st.sampled_from(["tea", "cup", ""]),
    ),
    min_size=1,
    max_size=12,
)


@settings(QUICK, max_examples=25)
@given(rows=BOOKS, data=st.data(), lines=st.booleans())
def test_the_order_of_rows_changes_nothing_and_every_row_is_accounted_for(folder, rows, data, lines):
    # with a product column equal rows are kept, with a note they are duplicates; the money of orders, refunds and rows
    # set aside is the same however the rows are shuffled
    header = f"order_id,customer_id,date,amount,status,{'product' if lines else 'note'}"
    told = []
    for shown in (rows, data.draw(st.permutations(rows))):
        text = "\n".join([header, *(",".join(row) for row in shown), ""])
        path = folder / "book.csv"
        path.write_text(text)
        reading = Reading()
        try:
            orders = read_orders([str(path)], reading=reading, trace=True)
        except DataError as error:
            told.append(error.message)
            continue
        check_account(reading, csv_rows(text))
        check_rejects(orders)
        told.append((sorted(orders.table.rows(), key=repr), reading.set_aside))
    assert told[0] == told[1]


@settings(QUICK, max_examples=15)
@given(rows=BOOKS, factor=st.sampled_from([Decimal("0.5"), Decimal(3), Decimal(1000)]))
def test_money_times_k_is_orders_times_k(folder, rows, factor):
    # nothing in the reading hangs on how large the amounts are
    header = "order_id,customer_id,date,amount,status,product"
    sums = []
    for times in (Decimal(1), factor):
        scaled = [
            (*row[:3], str(Decimal(row[3]) * times) if row[3] not in ("", "x") else row[3], *row[4:]) for row in rows
        ]
        path = folder / "money.csv"
        path.write_text("\n".join([header, *(",".join(row) for row in scaled), ""]))
        try:
            table = read_orders([str(path)], ReadOptions(decimal=".")).table
        except DataError:
            return
        sums.append(
            sorted(
                ((row[0] or "", row[1], row[2]), row[3] / times)
                for row in table.select("order_id", "order_date", "kind", "amount").iter_rows()
            )
        )
    assert sums[0] == sums[1]
