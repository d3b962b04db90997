"""--hash-ids: customers stay apart, and nobody can be named from what comes out."""

import hashlib
import json

import pytest
from ingest_checks import book

from clvtool.errors import UsageError
from clvtool.ingest.convert import convert
from clvtool.ingest.read import METADATA_KEY, read_orders
from clvtool.ingest.reading import ReadOptions
from clvtool.metrics.value import compute

TEXT = """\
order_id,customer_id,Billing Name,Email,Phone,Shipping Street,date,amount,channel,Product name
1,ann-7,Ann Archer,ann@example.com,+48 600 100 200,Long Lane 1,2024-01-05,10,web,tea
2,bob-8,Bob Baker,bob@example.com,+48 600 100 201,Long Lane 2,2024-01-06,20,shop,cup
3,ann-7,Ann Archer,ann@example.com,+48 600 100 200,Long Lane 1,2024-02-07,30,web,tea
4,,,,,,2024-02-08,5,web,tea
"""
NAMES = ("ann-7", "ann@", "bob", "archer", "baker", "@", "600 100", "lane")


def test_the_hash_is_the_keyed_one_that_is_documented(write):
    key = hashlib.blake2b(b"salt").digest()
    expected = {who: hashlib.blake2b(who.encode(), key=key, digest_size=16).hexdigest() for who in ("ann-7", "bob-8")}
    found = [row[:2] for row in book(read_orders([write(TEXT)], ReadOptions(hash_ids="salt")))]
    assert found == [("1", expected["ann-7"]), ("2", expected["bob-8"]), ("3", expected["ann-7"]), ("4", None)]


def test_nobody_can_be_named_from_a_converted_file(write):
    result, orders = convert([write(TEXT)], ReadOptions(hash_ids="salt"))
    written = (
        json.dumps(result.table.rows(), default=str) + result.metadata[METADATA_KEY] + str(orders.reading.warnings)
    )
    assert [name for name in NAMES if name in written.casefold()] == []
    # what says nothing about persons stays
    assert result.table.columns[-2:] == ["channel", "Product name"]


def test_the_figures_are_the_same(write):
    path = write(TEXT)
    plain, hashed = (
        read_orders([path], ReadOptions(hash_ids=salt), extras=["channel"]).table for salt in (None, "salt")
    )
    assert compute(hashed, by=["channel"]).table.equals(compute(plain, by=["channel"]).table)


def test_another_salt_gives_other_hashes(write):
    one, other = (
        {row[1] for row in book(read_orders([write(TEXT)], ReadOptions(hash_ids=salt)))} - {None} for salt in ("a", "b")
    )
    assert len(one) == len(other) == 2
    assert not one & other


@pytest.mark.parametrize(("salt", "trace", "message"), [("", False, "the salt is empty"), ("s", True, "--rejects")])
def test_what_would_hide_nothing_is_refused(write, salt, trace, message):
    with pytest.raises(UsageError, match=message):
        read_orders([write(TEXT)], ReadOptions(hash_ids=salt), trace=trace)


def test_personal_columns_make_no_groups(write):
    # but those that speak of many customers at once do
    text = TEXT.replace("channel", "customer type")
    options = ReadOptions(hash_ids="salt")
    assert "customer type" in read_orders([write(text)], options, extras=["customer type"]).table.columns
    with pytest.raises(UsageError, match="leaves the column 'Billing Name' out"):
        read_orders([write(text)], options, extras=["billing name"])
