"""Plain order logs: columns in any order and language, columns that are missing, and files that are no table."""

import os

import pytest
from ingest_checks import aside, book

from clvtool.errors import DataError, InputError, UsageError
from clvtool.ingest.inspect import inspect
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import ReadOptions

ANN_AND_BOB = [
    ("1", "ann", "2024-01-05", "order", "12.50"),
    ("2", "bob", "2024-02-06", "order", "7.00"),
]


def test_the_columns_come_in_any_order(read):
    # the four plain columns, last to first: roles are found by header, not by place
    orders = read("amount,order_date,customer_id,order_id\n12.50,2024-01-05,ann,1\n7,2024-02-06,bob,2\n")
    assert book(orders) == ANN_AND_BOB


@pytest.mark.parametrize(
    "header",
    [
        "Order ID,Customer ID,Order Date,Amount",
        "ORDER_ID,CUSTOMER_ID,ORDER_DATE,AMOUNT",
        "OrderId,CustomerId,OrderDate,Revenue",
        "Order #,Customer No.,Created at,Order total",
        "Numer zamówienia,Klient,Data zamówienia,Kwota",
        "NR ZAMÓWIENIA,ID KLIENTA,DATA ZAKUPU,WARTOŚĆ",
        "Zamówienie,Adres e-mail,Data złożenia,Suma",
        "Bestellnummer,Kundennummer,Bestelldatum,Betrag",
        "Bestell-Nr.,E-Mail-Adresse,Kaufdatum,Gesamtbetrag",
        "N° de commande,Client,Date de commande,Montant",
        "Numéro de commande,Courriel,Date d'achat,Montant total",
        "Número de pedido,Cliente,Fecha,Importe",
        "Nº de pedido,Correo electrónico,Fecha de compra,Importe total",
    ],
)
def test_header_words_of_many_shops_are_understood(read, header):
    # diacritics, case, punctuation and spaces do not matter
    orders = read(f"{header}\n1,ann,2024-01-05,12.50\n2,bob,2024-02-06,7\n")
    assert book(orders) == ANN_AND_BOB


def test_without_order_ids_each_row_is_an_order(read):
    # ann's two equal rows stay two: nothing says that they are one order
    orders = read("customer_id,order_date,amount\nann,2024-01-05,5\nann,2024-01-05,5\nbob,2024-01-06,7\n")
    assert book(orders) == [
        ("ann", "2024-01-05", "order", "5.00"),
        ("ann", "2024-01-05", "order", "5.00"),
        ("bob", "2024-01-06", "order", "7.00"),
    ]


def test_columns_with_no_meaning_for_us_stay_as_text(read):
    # 007 must not become a number: it is a campaign code
    orders = read('customer_id,order_date,amount,Campaign,note\nann,2024-01-05,5,007,\nbob,2024-01-06,7,8," x "\n')
    assert orders.table.sort("customer_id").select("Campaign", "note").rows() == [("007", None), ("8", "x")]


def test_an_extra_column_named_like_a_canonical_one_says_that_it_is_the_sources(read):
    # `kind` of the source is not our kind; and there may even be a source_kind
    orders = read("customer_id,order_date,kind,source_kind\nann,2024-01-05,gift,own\n")
    assert orders.table.row(0, named=True)["kind"] == "order"
    assert orders.table.row(0, named=True)["source_kind"] == "gift"
    assert orders.table.row(0, named=True)["source_source_kind"] == "own"


def test_an_amount_is_not_required(read):
    # models of purchases alone need a customer and a date
    assert book(read("customer_id,order_date\nann,2024-01-05\n")) == [("ann", "2024-01-05", "order")]


def test_map_says_what_a_column_means_and_beats_the_header_words(read):
    # `Amount` looks like the amount, but the shop says it is `Net paid`
    text = "who,when,Amount,Net paid\nann,2024-01-05,100,80\nbob,2024-02-06,50,40\n"
    orders = read(text, mapping={"customer_id": "who", "order_date": "WHEN", "amount": "net paid"})
    assert book(orders) == [("ann", "2024-01-05", "order", "80.00"), ("bob", "2024-02-06", "order", "40.00")]
    assert "Amount" in orders.table.columns


def test_one_column_can_mean_two_things_when_the_user_says_so(read):
    text = "mail,when\nAnn@Example.com,2024-01-05\n"
    orders = read(text, mapping={"customer_id": "mail", "email": "mail", "order_date": "when"})
    assert book(orders) == [("Ann@Example.com", "2024-01-05", "order")]


def test_map_to_a_meaning_or_column_that_does_not_exist(write):
    path = write("customer,date,amount\nann,2024-01-05,5\n")
    with pytest.raises(UsageError, match="customer_idd") as wrong_meaning:
        read_orders([path], ReadOptions(mapping={"customer_idd": "customer"}))
    assert "customer_id" in wrong_meaning.value.hint
    with pytest.raises(DataError, match="'Kunden'") as wrong_column:
        read_orders([path], ReadOptions(mapping={"customer_id": "Kunden"}))
    assert "customer, date, amount" in wrong_column.value.hint


@pytest.mark.parametrize(
    ("header", "both", "role"),
    [
        ("Customer ID,Client,Date,Amount", ("'Customer ID'", "'Client'"), "customer_id"),
        ("Customer ID,Date,Order date,Amount", ("'Date'", "'Order date'"), "order_date"),
        ("Customer ID,Date,Amount,Revenue", ("'Amount'", "'Revenue'"), "amount"),
        # the same name twice is no better than two names: the first must not win
        ("Customer ID,Date,Amount,Amount", ("'Amount'", "'Amount_2'"), "amount"),
    ],
)
def test_two_columns_with_one_meaning_are_an_error_that_names_both(write, header, both, role):
    path = write(f"{header}\nann,2024-01-05,5,6\n")
    with pytest.raises(DataError) as error:
        read_orders([path])
    assert all(name in error.value.message for name in both)
    assert f"--map {role}=" in error.value.hint


def test_the_user_settles_which_of_two_columns_it_is(read):
    text = "Customer ID,Date,Amount,Amount\nann,2024-01-05,5,6\n"
    assert book(read(text, mapping={"amount": "Amount_2"})) == [("ann", "2024-01-05", "order", "6.00")]


def test_subtotal_is_not_the_total(read):
    # both contain "total"; Subtotal (100) leaves shipping and tax out, so Total (123) is what was paid
    text = "Order ID,Customer ID,Date,Subtotal,Total\n1,ann,2024-01-05,100,123\n"
    assert book(read(text)) == [("1", "ann", "2024-01-05", "order", "123.00")]


def test_no_customer_column(write):
    # the hint says what was found, the nearest free column, and how to say it; order_id, though alike, is taken
    path = write("order_id,order_date,amount,Custmer\n1,2024-01-05,5,ann\n")
    with pytest.raises(DataError, match="no column for the customer") as error:
        read_orders([path])
    assert "found: order_id, order_date, amount, Custmer" in error.value.hint
    assert "did you mean 'Custmer'?" in error.value.hint
    assert "--map customer_id=Custmer" in error.value.hint


def test_no_customer_column_and_nothing_like_one(write):
    path = write("order_id,order_date,amount,x\n1,2024-01-05,5,ann\n")
    with pytest.raises(DataError) as error:
        read_orders([path])
    assert "did you mean" not in error.value.hint
    assert "--map customer_id=COLUMN" in error.value.hint


def test_no_date_column(write):
    path = write("customer_id,Ordre date,amount\nann,2024-01-05,5\n")
    with pytest.raises(DataError, match="no column for the order date") as error:
        read_orders([path])
    assert "--map order_date='Ordre date'" in error.value.hint


@pytest.mark.parametrize("text", ["customer_id,order_date,amount\n", "customer_id,order_date,amount"])
def test_a_header_alone_is_no_data(write, text):
    with pytest.raises(DataError, match="a header but no row"):
        read_orders([write(text)])


def test_a_header_alone_beside_a_full_file_does_not_matter(read):
    # a month without orders, exported like the others
    orders = read("customer_id,order_date,amount\n", "customer_id,order_date,amount\nann,2024-01-05,5\n")
    assert book(orders) == [("ann", "2024-01-05", "order", "5.00")]


def test_no_usable_rows_is_an_error_with_the_account(write):
    # one date nobody can read, one row without a date, one blank row
    path = write("customer_id,order_date,amount\nann,soon,5\nbob,,5\n,,\n")
    with pytest.raises(DataError, match="no usable rows: 3 read") as error:
        read_orders([path])
    for part in ("1 bad_date", "1 missing_date", "1 blank_row"):
        assert part in error.value.message


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", b"\xef\xbb\xbf", b"\xff\xfe", b"sep=;\n"])
def test_an_empty_file(write, content):
    with pytest.raises(InputError, match=r"orders\.csv is empty"):
        read_orders([write(content)])


def test_a_missing_file_and_one_of_nearly_that_name(write, tmp_path):
    write("a,b\n", "orders_2024.csv")
    with pytest.raises(InputError, match=r"order_2024\.csv does not exist") as error:
        read_orders([str(tmp_path / "order_2024.csv")])
    assert "orders_2024.csv" in error.value.hint


def test_a_missing_directory(tmp_path):
    with pytest.raises(InputError, match="does not exist") as error:
        read_orders([str(tmp_path / "nowhere" / "orders.csv")])
    assert "there is no directory" in error.value.hint


def test_a_directory(tmp_path):
    # what it holds is read; nothing says of this file that it is a table
    (tmp_path / "notes.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(InputError, match="has no tables") as error:
        read_orders([str(tmp_path)])
    assert ".csv" in error.value.hint


def test_a_pattern_reads_what_it_matches_in_the_order_of_names(write, tmp_path):
    write("customer_id,order_date\nbob,2024-01-06\n", "orders_2.csv")
    write("customer_id,order_date\nann,2024-01-05\n", "orders_1.csv")
    assert read_orders([str(tmp_path / "orders_*.csv")]).table["customer_id"].to_list() == ["ann", "bob"]


def test_a_name_that_is_a_pattern_too_is_the_file_of_that_name(write, tmp_path):
    write("customer_id,order_date\nann,2024-01-05\n", "orders[1].csv")
    assert read_orders([str(tmp_path / "orders[1].csv")]).table.height == 1


def test_a_pattern_that_matches_nothing(tmp_path):
    with pytest.raises(InputError, match="no file matches"):
        read_orders([str(tmp_path / "*.csv")])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(write):
    path = write("customer_id,order_date\nann,2024-01-05\n")
    os.chmod(path, 0)  # noqa: PTH101
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read_orders([path])


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n",
        b"\x89PNG\r\n\x1a\n....",
        b"customer_id,order_date\n\0\0\0",
        b"PAR1 and nothing more",
        b"\x1f\x8b and no gzip",
        b"\x28\xb5\x2f\xfd and no zstd",
    ],
)
def test_binary_and_damaged_files_are_named_with_a_reason(write, content):
    with pytest.raises(InputError, match=r"orders\.csv (is binary|cannot be read: )"):
        read_orders([write(content)])


def test_inspect_shows_a_data_error_as_a_problem(write):
    # it is the command that one runs to find out what is wrong
    result, orders = inspect([write("order_id,order_date\n1,2024-01-05\n")], ReadOptions())
    problem = result.table.filter(result.table["section"] == "problem").row(0, named=True)
    assert "no column for the customer" in problem["value"]
    assert "--map customer_id=" in problem["detail"]
    assert orders.table.is_empty()


WOOCOMMERCE = (
    "Date,Order #,N. Revenue (formatted),Status,Customer,Customer type,Product(s),Items sold,Coupon(s),N. Revenue\n"
    "2024-01-05 10:00:00,7,12.50 zł,completed,Ann A.,new,1× Tea,1,,12.5\n"
    "2024-01-09 10:00:00,7,-2.50 zł,completed,Ann A.,new,1× Tea,-1,,-2.5\n"
    "2024-01-06 10:00:00,8,9.00 zł,cancelled,Bob B.,new,1× Tea,1,,9\n"
)


def test_an_export_that_numbers_no_customers_is_one_of_guests_with_a_warning(write):
    # names are no identity; the warning says which other export has one, and how to take the names all the same
    result, orders = inspect([write(WOOCOMMERCE)], ReadOptions())
    assert book(orders) == [
        ("7", None, "2024-01-05", "order", "12.50"),
        ("7", None, "2024-01-09", "refund", "-2.50"),
    ]
    warning = " ".join(result.table.filter(section="warning")["value"])
    for part in (
        "no column tells customers apart",
        "woocommerce-analytics",
        "billing_email",
        "--map customer_id=Customer",
    ):
        assert part in warning


def test_names_as_customers_when_the_user_says_so(read):
    orders = read(WOOCOMMERCE, mapping={"customer_id": "Customer"})
    assert orders.table["customer_id"].unique().to_list() == ["Ann A."]


def test_the_date_header_of_stripe(read):
    text = "id,Created date (UTC),Amount,Amount Refunded,Currency,Status,Customer ID\nch_1,2024-01-05 10:00,5,2,pln,Paid,c1\n"
    orders = read(text, mapping={"order_id": "id"})
    assert book(orders) == [
        ("ch_1", "c1", "2024-01-05", "order", "5.00"),
        ("ch_1", "c1", "2024-01-05", "refund", "-2.00"),
    ]


def test_no_inputs():
    with pytest.raises(UsageError, match="there is no INPUT"):
        read_orders([])


def test_a_row_lacks_fields_at_its_end(read):
    # the spreadsheet left trailing empty cells out: a note may be missing, a date may not
    orders = read("customer_id,order_date,amount,note\nann,2024-01-05,5\nbob\n")
    assert book(orders) == [("ann", "2024-01-05", "order", "5.00")]
    assert aside(orders) == {"missing_date": 1}


def test_an_error_says_which_of_several_inputs_it_is_about(write):
    # as when yesterday's result lies among the exports
    paths = [write("customer_id,date,amount\nann,2024-01-05,5\n", "a.csv"), write("metric,value\naov,5\n", "b.csv")]
    with pytest.raises(DataError, match=r"b\.csv: no column for the customer"):
        read_orders(paths)
    with pytest.raises(DataError, match=r"^no column for the customer"):
        read_orders(paths[1:])
