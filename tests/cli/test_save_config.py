"""What `inspect --save-config` writes leads to the same run: the same bytes without finding anything out again."""

import json
import tomllib
from pathlib import Path

import pytest

from clvtool.cli.main import COMMANDS

KNOWN = Path(__file__).parents[1] / "exports"
SHOPIFY = (Path(__file__).parents[1] / "ingest" / "data" / "shopify_header.csv").read_text().strip().split(",")


def polish() -> bytes:
    """Return a Polish export in Windows-1250: decimal commas, NBSP thousands, a day with a clock, statuses in words."""
    lines = ["Numer zamówienia;Data;Klient;Email;Ilość;Kwota PLN;Status"]
    for place in range(40):
        name = ["żółw", "łoś", "śledź"][place % 3]
        amount = f"1\u00a0{200 + place},50 zł" if place % 2 else f"{90 + place},25 zł"
        status = "anulowane" if place % 7 == 3 else "opłacone"
        day = f"{place % 28 + 1:02d}.{place % 9 + 1:02d}.2024, 14:05"
        lines.append(f"Z{place};{day};{name};{place % 11}@example.com;{place % 4 + 1};{amount};{status}")
    return ("\r\n".join(lines) + "\r\n").encode("cp1250")


def shopify() -> bytes:
    """Return a Shopify export of orders with two lines each, the second without the order's cells."""
    rows = [",".join(SHOPIFY)]
    for place in range(30):
        total = {
            "Total": f"{20 + place}.50",
            "Currency": "EUR",
            "Financial Status": "paid" if place % 5 else "refunded",
        }
        order = {"Name": f"#{1000 + place}", "Email": f"{place % 8}@example.com"}
        line = {"Lineitem quantity": "1", "Lineitem name": "tea", "Lineitem price": "9.00"}
        line["Created at"] = f"2024-{place % 6 + 1:02d}-{place % 27 + 1:02d} 09:50:26 +0200"
        rows += [",".join((order | line | own).get(name, "") for name in SHOPIFY) for own in (total, {})]
    return ("\n".join(rows) + "\n").encode()


def online_retail() -> bytes:
    """Return lines with quantity and price, ids with .0 behind them, American dates and cancelled invoices."""
    rows = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    for place in range(60):
        back = place % 9 == 4
        number, quantity = f"{'C' if back else ''}{536000 + place // 2}", -1 if back else place % 5 + 1
        day, customer = (
            f"{place % 6 + 1}/{place % 15 + 13}/2011 8:26",
            "" if place % 7 == 6 else f"{17000 + place % 13}.0",
        )
        rows.append(f"{number},S{place % 4},MUG,{quantity},{day},{place % 3 + 1}.25,{customer},France")
    return ("\n".join(rows) + "\n").encode()


def plain() -> bytes:
    """Return whole amounts and ISO dates: nothing shows a decimal sign."""
    rows = "".join(f"c{place % 9},2024-{place % 8 + 1:02d}-{place % 27 + 1:02d},{place + 5}\n" for place in range(40))
    return f"customer_id,order_date,amount\n{rows}".encode()


def tabs() -> bytes:
    """Return a tab-separated file in UTF-16 with its first byte mark."""
    rows = "".join(f"c{place % 9}\t{place % 28 + 1}/{place % 12 + 1}/2024\t1.{place:03d},00 €\n" for place in range(40))
    return f"Kunde\tDatum\tBetrag\n{rows}".encode("utf-16")


EXPORTS = {
    # file, options it cannot do without, and what must be saved
    "polish": (
        polish,
        [],
        {
            "profile": "plain",
            "encoding": "cp1250",
            "delimiter": ";",
            "decimal": ",",
            "date_format": "DD.MM.YYYY",
            "currency": None,
            "map": {
                "order_id": "Numer zamówienia",
                "order_date": "Data",
                "customer_name": "Klient",
                "email": "Email",
                "quantity": "Ilość",
                "amount": "Kwota PLN",
                "status": "Status",
            },
        },
    ),
    "shopify": (shopify, [], {"profile": "shopify", "date_format": "YYYY-MM-DD", "decimal": "."}),
    "online_retail": (online_retail, [], {"profile": "online-retail", "date_format": "MM/DD/YYYY", "decimal": "."}),
    "plain": (plain, [], {"profile": "plain", "encoding": "utf-8", "delimiter": ",", "date_format": "YYYY-MM-DD"}),
    "tabs": (tabs, [], {"delimiter": "tab", "encoding": "utf-16", "date_format": "DD/MM/YYYY"}),
    "cents": (plain, ["--minor-units", "--map", "amount=amount"], {"minor_units": True}),
}


@pytest.mark.parametrize("export", EXPORTS)
def test_the_saved_config_leads_to_the_same_bytes(export, clvtool, here):
    content, options, expected = EXPORTS[export]
    Path("orders.csv").write_bytes(content())
    before = {form: clvtool("compute", "orders.csv", "--format", form, *options) for form in ("csv", "json")}
    lines = clvtool("convert", "orders.csv", "--format", "csv", *options)
    assert before["csv"][0] == lines[0] == 0, before["csv"][2]
    code, _, err = clvtool("inspect", "orders.csv", "--save-config", "clvtool.toml", *options)
    assert (code, err) == (0, "")
    saved = tomllib.loads(Path("clvtool.toml").read_text())
    assert list(saved) == ["reading", *[name for name in saved if name != "reading"]]
    assert {name: saved["reading"].get(name) for name in expected} == expected
    assert not any(table for name, table in saved.items() if name != "reading")
    assert clvtool("compute", "orders.csv", "--format", "csv") == before["csv"]
    assert clvtool("convert", "orders.csv", "--format", "csv") == lines
    # a note that asks for --encoding has been answered; all else is the same
    told, again = json.loads(before["json"][1]), json.loads(clvtool("compute", "orders.csv", "--format", "json")[1])
    told["notes"] = [note for note in told["notes"] if "--encoding settles it" not in note]
    assert again == told


@pytest.mark.parametrize("export", EXPORTS)
def test_saving_again_under_the_saved_config_writes_the_same(export, clvtool):
    content, options, _ = EXPORTS[export]
    Path("orders.csv").write_bytes(content())
    assert clvtool("inspect", "orders.csv", "--save-config", "clvtool.toml", *options)[0] == 0
    first = Path("clvtool.toml").read_bytes()
    assert clvtool("inspect", "orders.csv", "--save-config", "clvtool.toml")[0] == 0
    assert Path("clvtool.toml").read_bytes() == first


def test_a_file_that_shows_no_decimal_sign_fixes_none(clvtool):
    # 5, 6, 7: tomorrow's 5,50 is still free to be read as it is written
    Path("orders.csv").write_bytes(plain())
    clvtool("inspect", "orders.csv", "--save-config", "clvtool.toml")
    assert "decimal" not in tomllib.loads(Path("clvtool.toml").read_text())["reading"]


def test_two_columns_with_different_decimal_signs_fix_none(clvtool):
    rows = "".join(f"{n};c{n};2024-01-{n + 1:02d};1,50;2.{n}5\n" for n in range(1, 9))
    Path("orders.csv").write_text(f"order_id;customer_id;order_date;amount;cost\n{rows}")
    before = clvtool("compute", "orders.csv")
    clvtool("inspect", "orders.csv", "--save-config", "clvtool.toml")
    assert "decimal" not in tomllib.loads(Path("clvtool.toml").read_text())["reading"]
    assert clvtool("compute", "orders.csv") == before


@pytest.mark.parametrize("export", sorted(KNOWN.glob("*.csv")), ids=lambda path: path.stem)
def test_known_exports_are_read_the_same_by_their_saved_config(export, clvtool, here):
    # what a profile knows beyond the columns (better columns in some rows, words that set rows aside) holds too
    (here / "export.csv").write_bytes(export.read_bytes())
    before = clvtool("convert", "export.csv", "--format", "csv", "--config", "/dev/null")
    assert before[0] == 0
    assert clvtool("inspect", "export.csv", "--save-config", "clvtool.toml")[0] == 0
    assert clvtool("convert", "export.csv", "--format", "csv") == before


def test_rates_are_saved_and_a_salt_is_not(clvtool, here):
    (here / "rates.csv").write_text("currency,rate\nPLN,1\nEUR,4\n")
    (here / "export.csv").write_text("customer_id,date,amount,currency\nann,2024-01-05,10,EUR\nbob,2024-01-06,10,PLN\n")
    typed = ["--rates", "rates.csv", "--hash-ids", "pepper"]
    before = clvtool("compute", "export.csv", *typed, "--format", "csv")
    assert clvtool("inspect", "export.csv", *typed, "--save-config", "clvtool.toml")[0] == 0
    assert "pepper" not in (here / "clvtool.toml").read_text()
    assert clvtool("compute", "export.csv", "--format", "csv") == before


def test_a_salt_in_the_file_is_not_shown(clvtool, here):
    (here / "export.csv").write_text("customer_id,date,amount\nann,2024-01-05,10\n")
    (here / "clvtool.toml").write_text('[reading]\nhash_ids = "pepper"\n')
    _, shown, talk = clvtool("inspect", "export.csv", "--format", "csv", "-v")
    assert "(secret)" in shown
    assert "pepper" not in shown + talk


def test_what_was_typed_is_saved_and_so_is_what_the_environment_said(clvtool, monkeypatch):
    Path("orders.csv").write_bytes(polish())
    monkeypatch.setenv("CLVTOOL_TZ", "Europe/Warsaw")
    words = ["--keep-status", "anulowane", "--strict", "--map", "customer_id=Klient"]
    assert clvtool("inspect", "orders.csv", "--save-config", "clvtool.toml", *words)[0] == 0
    saved = tomllib.loads(Path("clvtool.toml").read_text())["reading"]
    assert saved["keep_status"] == ["anulowane"]
    assert (saved["strict"], saved["tz"], saved["map"]["customer_id"]) == (True, "Europe/Warsaw", "Klient")


def test_the_comments_say_what_else_can_be_set_and_all_of_it_can(clvtool):
    # with every commented option uncommented the file is still TOML, and no key or type is refused
    Path("orders.csv").write_bytes(polish())
    clvtool("inspect", "orders.csv", "--save-config", "clvtool.toml")
    lines = Path("clvtool.toml").read_text().splitlines()
    assert "# found: anulowane: set aside (6 rows)" in lines
    assert any(line.startswith('# horizon = "12m"  # How far to look ahead') for line in lines)
    freed = [line.removeprefix("# ") if " = " in line else line for line in lines]
    kept = [line for line in freed if not line.startswith(("format", "output", "rejects", "save "))]
    Path("all.toml").write_text("\n".join(kept))
    own = {name for _, name in COMMANDS} - {"inspect", "selftest"}  # which have no options but the shared ones
    assert {"reading", "survey", "counting", "output", "segmenting", "comparing"} | own == set(
        tomllib.loads("\n".join(kept))
    )
    # the run fails at a value such as ZONE, but not at what the file may say
    code, _, err = clvtool("compute", "orders.csv", "--config", "all.toml")
    assert (code, "error: all.toml" in err) == (2, False)


def test_inputs_that_differ_share_what_they_have_in_common(clvtool):
    Path("a.csv").write_text("customer_id,order_date,amount\na,2024-01-05,5.25\nb,2024-02-05,6.50\n")
    Path("b.csv").write_text("customer_id;Data;amount\na;05.03.2024;7,25\nc;06.03.2024;8,50\n")
    before = clvtool("compute", "a.csv", "b.csv", "--format", "json")
    assert clvtool("inspect", "a.csv", "b.csv", "--save-config", "clvtool.toml")[0] == 0
    text = Path("clvtool.toml").read_text()
    saved = tomllib.loads(text)["reading"]
    assert saved == {
        "profile": "plain",
        "encoding": "utf-8",
        "map": {"customer_id": "customer_id", "amount": "amount"},
    }
    assert '# delimiter differs and is found out for each input: "," in input 1; ";" in input 2\n' in text
    assert '# order_date differs and is found out for each input: "order_date" in input 1; "Data" in input 2\n' in text
    assert clvtool("compute", "a.csv", "b.csv", "--format", "json") == before


def test_what_is_not_understood_is_not_saved(clvtool):
    Path("orders.csv").write_text('customer_id,order_date,amount\na,2024-01-05,"1,234"\n')
    code, out, err = clvtool("inspect", "orders.csv", "--save-config", "clvtool.toml")
    assert (code, out) == (4, "")
    assert "--decimal" in err
    assert not Path("clvtool.toml").exists()


def test_a_file_that_says_something_else_is_never_overwritten(clvtool):
    Path("orders.csv").write_bytes(plain())
    Path("mine.toml").write_text("[compute]\nhorizon = '24m'\n")
    code, out, err = clvtool("inspect", "orders.csv", "--save-config", "mine.toml")
    assert (code, out) == (3, "")
    assert "says something else" in err
    assert Path("mine.toml").read_text() == "[compute]\nhorizon = '24m'\n"


def test_a_converted_file_has_no_reading_to_save(clvtool):
    Path("orders.csv").write_bytes(plain())
    clvtool("convert", "orders.csv", "-o", "orders.parquet")
    code, _, err = clvtool("inspect", "orders.parquet", "--save-config", "clvtool.toml")
    assert (code, "name the raw export" in err) == (2, True)


def test_strange_column_names_come_back(clvtool):
    # quotes, a backslash, a bracket, a control character and a hash in the headers
    Path("orders.csv").write_text('"Kunde ""x"" \\ [a]\x7f # 1",order_date,amount\na,2024-01-05,5\nb,2024-01-06,5\n')
    name = 'Kunde "x" \\ [a]\x7f # 1'
    typed = ["--map", f"customer_id={name}"]
    assert clvtool("inspect", "orders.csv", "--save-config", "clvtool.toml", *typed)[0] == 0
    assert tomllib.loads(Path("clvtool.toml").read_text())["reading"]["map"]["customer_id"] == name
    assert clvtool("compute", "orders.csv")[0] == 0
