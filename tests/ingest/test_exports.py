"""One small export of every known platform: the orders and the account written beside it by hand are what is read.

`tests/exports/NAME.expected.json` was written before the reader was run; header lines are those of the platforms, and
the people are invented. One expectation changed since: `Kwota PLN` names the currency of its cells (amounts of different
currencies are never added, so a header that names one must count), which polish-orders did not expect at first.
"""

import csv
import io
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from ingest_checks import check_account, check_rejects

from clvtool.errors import DataError
from clvtool.ingest.inspect import inspect
from clvtool.ingest.profiles import PROFILES
from clvtool.ingest.read import Orders, read_orders
from clvtool.ingest.reading import Reading, ReadOptions
from clvtool.ingest.recognise import recognise
from clvtool.ingest.words import ROLES, compact, listed, normal

FOLDER = Path(__file__).parents[1] / "exports"
REAL = Path(__file__).parents[3] / "shared" / "data" / "headers"
EXPECTED = {path.name.removesuffix(".expected.json"): path for path in sorted(FOLDER.glob("*.expected.json"))}
EXPORTS = {path.stem: path for path in sorted(FOLDER.iterdir()) if path.suffix != ".json"}
HEADERS = {
    "shopify": "shopify_orders_export_header.csv",
    "stripe-charges": "stripe_charges_header.csv",
    "woocommerce-analytics": "woocommerce_analytics_orders_header.csv",
}
ANONYMOUS = [name for name, path in EXPECTED.items() if '"warning"' in path.read_text(encoding="utf-8")]


@pytest.fixture(params=EXPORTS)
def name(request):
    return request.param


@pytest.fixture
def expected(name):
    return json.loads(EXPECTED[name].read_text(encoding="utf-8"))


def records(name, expected) -> list[list[str]]:
    """Return header and rows as the csv module sees them."""
    text = EXPORTS[name].read_bytes().decode(expected.get("encoding", "utf-8-sig"))
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=expected.get("delimiter", ",")))


def book(orders: Orders) -> list[list[str | None]]:
    """Return the orders as the expectations have them."""
    names = ["order_id", "customer_id", "order_date", "kind", "amount", "currency"]
    rows = orders.table.select(name for name in names if name in orders.table.columns).iter_rows(named=True)
    found = [[row["order_id"], row["customer_id"], str(row["order_date"]), row["kind"]] for row in rows]
    money = [[f"{row['amount']:.2f}", row.get("currency")] for row in orders.table.iter_rows(named=True)]
    return sorted((one + more for one, more in zip(found, money, strict=True)), key=repr)


def read(path, reading=None) -> Orders:
    return read_orders([str(path)], ReadOptions(), reading=reading, trace=True)


def test_every_export_has_its_expectation_and_every_profile_an_export():
    assert set(EXPORTS) == set(EXPECTED)
    told = {json.loads(path.read_text(encoding="utf-8"))["profile"] for path in EXPECTED.values()}
    assert told == {"plain", *(profile.name for profile in PROFILES)}


def test_the_orders_and_the_account_are_those_written_by_hand(name, expected):
    reading = Reading()
    orders = read(EXPORTS[name], reading)
    assert book(orders) == sorted(expected["orders"], key=repr)
    assert {reason: one.rows for reason, one in reading.set_aside.items()} == expected["set_aside"]
    assert (reading.rows_read, reading.rows_used) == (expected["rows_read"], expected["rows_used"])
    check_rejects(orders)


def test_the_rows_are_as_many_as_the_csv_module_finds(name, expected):
    rows = records(name, expected)
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) - 1 == expected["rows_read"]
    check_account(read(EXPORTS[name]).reading, len(rows) - 1)


def test_the_order_of_the_rows_does_not_matter(name, expected, tmp_path):
    # all exports have an order id on every row, so no row depends on its neighbours
    header, *rows = records(name, expected)
    random.Random(name).shuffle(rows)
    path = tmp_path / "shuffled.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter=expected.get("delimiter", ",")).writerows([header, *rows])
    orders = read(path)
    assert book(orders) == sorted(expected["orders"], key=repr)
    assert {reason: one.rows for reason, one in orders.reading.set_aside.items()} == expected["set_aside"]


def test_inspect_names_the_profile_and_says_why(name, expected):
    result, _ = inspect([str(EXPORTS[name])], ReadOptions())
    facts = {(row["section"], row["item"]): row for row in result.table.iter_rows(named=True)}
    assert facts["source", "profile"]["value"] == expected["profile"]
    why = facts["source", "profile"]["detail"]
    assert why.startswith("no known export" if expected["profile"] == "plain" else "sure: all ")
    assert not any(section == "problem" for section, _ in facts)


def test_only_the_warnings_that_must_be(name, expected):
    # an export without customers says what to add; nothing else is strange about any of them
    warnings = read(EXPORTS[name]).reading.warnings
    told = [warning for warning in warnings if not warning.startswith("the text is not UTF-8")]
    assert [expected.get("warning", "") in warning for warning in told] == ([True] if "warning" in expected else [])


@pytest.mark.parametrize("name", ANONYMOUS)
def test_an_export_without_customers_ends_customer_commands_with_what_to_add(name, expected, tmp_path):
    # a raw export and a converted one; and names do as customers where the user says so
    reading = read(EXPORTS[name]).reading
    for one in (reading, Reading.from_json(reading.to_json())):
        with pytest.raises(DataError, match="no column tells customers apart") as error:
            one.require_customers()
        assert expected["warning"] in error.value.hint


@pytest.mark.parametrize(
    ("name", "column", "customers"),
    [
        ("woocommerce-analytics", "Customer", {"Anna Nowak", "Ben Bury", "Cid Moss"}),
        ("prestashop", "Customer", {"A. Nowak", "B. Bury"}),
        ("magento-default-columns", "Bill-to Name", {"Anna Nowak", "Ben Bury"}),
    ],
)
def test_names_are_customers_where_the_user_says_so(name, column, customers):
    assert column in read(EXPORTS[name]).reading.anonymous
    orders = read_orders([str(EXPORTS[name])], ReadOptions(mapping={"customer_id": column}))
    assert set(orders.table["customer_id"]) == customers
    orders.reading.require_customers()


@pytest.mark.parametrize(("name", "file"), HEADERS.items())
@pytest.mark.skipif(not REAL.exists(), reason="the real headers are not here")
def test_the_headers_are_the_real_ones(name, file):
    assert EXPORTS[name].read_bytes().split(b"\n")[0].rstrip() == (REAL / file).read_bytes().strip()


def test_the_reference_lists_every_profile():
    text = (Path(__file__).parents[2] / "docs" / "COMMANDS.md").read_text(encoding="utf-8")
    assert all(profile.name in text for profile in PROFILES)


def test_no_header_word_means_two_things():
    words = Counter((word, role) for role, said in ROLES.items() for word in set(listed(said)))
    assert max(words.values()) == 1
    assert len({word for word, _ in words}) == len(words)
    assert all(word == normal(word) for said in ROLES.values() for word in said.split("|"))
    assert "subtotal" not in {word for word, _ in words}


def test_profiles_are_written_in_known_words():
    for profile in PROFILES:
        assert set(profile.roles) | set(profile.instead) <= set(ROLES)
        said = [*profile.signature, *profile.roles.values(), *profile.instead.values(), profile.ignore]
        assert all(word == normal(word) for words in said for word in words.split("|"))


def test_no_header_is_that_of_two_profiles(name, expected):
    there = {compact(word) for word in records(name, expected)[0]}
    complete = [profile.name for profile in PROFILES if all(there & set(listed(words)) for words in profile.signature)]
    assert complete == [expected["profile"]] * (expected["profile"] != "plain")


def test_the_nearest_export_is_named_with_what_it_lacks():
    profile, why = recognise(["id", "Amount", "Amount Refunded", "Created (UTC)", "Converted Amount"])
    assert profile is None
    assert "nearest is stripe" in why
    assert "'captured', 'mode'" in why
