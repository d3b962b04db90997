"""Orders written in any dialect, with what must be read of them: nothing here is the code of the reader, or like it."""

import gzip
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

COLUMNS = ("order", "customer", "date", "amount", "note")
WORDS = {
    "English": ("Order ID", "Customer ID", "Order Date", "Amount"),
    "plain": ("order_id", "customer_id", "date", "amount"),
    "Polish": ("Numer zamówienia", "Klient", "Data zamówienia", "Kwota"),
    "German": ("Bestellnummer", "Kundennummer", "Bestelldatum", "Betrag"),
    "French": ("Numéro de commande", "Client", "Date de commande", "Montant"),
    "Spanish": ("Número de pedido", "Cliente", "Fecha de pedido", "Importe"),
}
WRITTEN = {
    "as it is": lambda word: word,
    "upper": lambda word: word.upper(),
    "lower": lambda word: word.lower(),
    "underscores": lambda word: word.replace(" ", "_"),
    "spaces": lambda word: f" {word}  ",
    "no width": lambda word: f"\u200b{word[:3]}\u200d{word[3:]}\u200f",  # Unicode only
}
TOTALS = ("Razem", "Suma", "Total", "Gesamt", "SUMME:")
MANY = Decimal(1000)


def grouped(amount: Decimal, comma: str, point: str, *, cents: bool = True) -> str:
    text = f"{amount:,.2f}" if cents else f"{amount:,.2f}".removesuffix(".00")
    return text.translate(str.maketrans(",.", comma + point))


MONEY = {
    "1234.50": lambda amount: f"{amount:.2f}",
    "1234,50": lambda amount: f"{amount:.2f}".replace(".", ","),
    "1,234.50": lambda amount: grouped(amount, ",", "."),
    "1.234,50": lambda amount: grouped(amount, ".", ","),
    "1 234,50": lambda amount: grouped(amount, " ", ","),
    "1'234.50": lambda amount: grouped(amount, "'", "."),
    "1\u202f234,50 €": lambda amount: grouped(amount, "\u202f", ",") + " €",  # Unicode only
    "1\u00a0234,50 zł": lambda amount: grouped(amount, "\u00a0", ",") + " zł",  # not in Windows-1252
    "1.234,50 EUR": lambda amount: grouped(amount, ".", ",") + " EUR",
    "PLN 1234,50": lambda amount: f"PLN {amount:.2f}".replace(".", ","),
    "$1,234.50": lambda amount: f"{'-' if amount < 0 else ''}${grouped(abs(amount), ',', '.')}",
    "(1,234.50)": lambda amount: f"({grouped(-amount, ',', '.')})" if amount < 0 else grouped(amount, ",", "."),
    "1.234,50-": lambda amount: grouped(abs(amount), ".", ",") + ("-" if amount < 0 else ""),
    # without cents where there are none, 1,234 may be all that there is to see
    "1,234": lambda amount: grouped(amount, ",", ".", cents=False),
    "1.234": lambda amount: grouped(amount, ".", ",", cents=False),
}
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DAYS = {
    "iso": lambda at: at.strftime("%Y-%m-%d"),
    "iso time": lambda at: at.strftime("%Y-%m-%d %H:%M:%S"),
    "iso offset": lambda at: at.strftime("%Y-%m-%dT%H:%M:%S+02:00"),
    "iso zulu": lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.125Z"),
    "shopify": lambda at: at.strftime("%Y-%m-%d %H:%M:%S -0500"),
    "year first": lambda at: at.strftime("%Y/%m/%d"),
    "digits": lambda at: at.strftime("%Y%m%d"),
    "d.m.Y": lambda at: at.strftime("%d.%m.%Y"),
    "d.m.Y, time": lambda at: at.strftime("%d.%m.%Y, %H:%M"),
    "short d.m.Y": lambda at: f"{at.day}.{at.month}.{at.year}",
    "d.m.y": lambda at: at.strftime("%d.%m.%y"),
    "d/m/Y": lambda at: at.strftime("%d/%m/%Y"),
    "m/d/Y": lambda at: at.strftime("%m/%d/%Y"),
    "m/d/Y time": lambda at: f"{at.month}/{at.day}/{at.year} {at:%I:%M %p}",
    "d/m/y": lambda at: at.strftime("%d/%m/%y"),
    "m/d/y": lambda at: at.strftime("%m/%d/%y %H:%M"),
    "d-m-Y": lambda at: at.strftime("%d-%m-%Y"),
    "Mon d, Y": lambda at: f"{MONTHS[at.month - 1]} {at.day:02}, {at.year}, {at:%I:%M:%S %p}",
    "mail": lambda at: f"{MONTHS[at.month - 1]}".join([at.strftime("Thu, %d "), at.strftime(" %Y %H:%M:%S +0000")]),
    "d-Mon-Y": lambda at: f"{at.day}-{MONTHS[at.month - 1]}-{at.year}",
    "unix": lambda at: str(int(at.replace(tzinfo=UTC).timestamp())),
    "unix ms": lambda at: str(int(at.replace(tzinfo=UTC).timestamp() * 1000)),
}
EITHER_FIRST = {"d/m/Y", "m/d/Y", "m/d/Y time", "d/m/y", "m/d/y", "d-m-Y"}
"""Styles in which another shop writes the month where this one writes the day."""

TELLING = {"cp1250": ("żółw", "Łódź", "ładny"), "cp1252": ("Größe, œuvre", "£5", "¿Qué?")}
"""Words by which a person would tell the encoding, too."""


@dataclass(frozen=True)
class Order:
    """One order; `order` is its number."""

    order: str
    customer: str
    at: datetime
    amount: Decimal
    note: str


@dataclass(frozen=True)
class Book:
    """A file with orders, and how it is written."""

    orders: list[Order]
    dialect: dict[str, Any]
    blanks: tuple[int, ...]  # before which order (or at the end) there is a line with nothing in it
    headers: tuple[int, ...]  # ... or the header again
    total: str  # the word in a last row of totals; none if empty
    note: str  # a word in a note of the first order that tells the encoding

    def texts(self, style: str) -> list[str]:
        """Return every amount in the file as it is written."""
        amounts = [order.amount for order in self.orders]
        return [MONEY[style](amount) for amount in (*amounts, *([sum(amounts)] if self.total else []))]


LETTERS = st.characters(categories=("Ll", "Lu"), max_codepoint=0x17F)
ASCII = st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
ENCODINGS = {
    # name → (encoding of the bytes, letters in it, whether the reader is told)
    "utf-8": ("utf-8", LETTERS, False),
    "utf-8 with a mark": ("utf-8-sig", LETTERS, False),
    "utf-16": ("utf-16", LETTERS, False),
    "utf-16 big end first": ("utf-16-be", LETTERS, False),
    "cp1250 found": ("cp1250", ASCII, False),
    "cp1252 found": ("cp1252", ASCII, False),
    "cp1250 given": ("cp1250", st.characters(codec="cp1250", categories=("Ll", "Lu")), True),
    "cp1252 given": ("cp1252", st.characters(codec="cp1252", categories=("Ll", "Lu")), True),
}


@st.composite
def books(draw) -> Book:
    name = draw(st.sampled_from(sorted(ENCODINGS)))
    encoding, letters, told = ENCODINGS[name]

    def fits(text: str) -> bool:
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            return False
        return True

    language = draw(st.sampled_from([word for word, words in WORDS.items() if fits("".join(words))]))
    spelling = draw(st.sampled_from([way for way, written in WRITTEN.items() if fits(written("abcdef"))]))
    money = draw(st.sampled_from([style for style, written in MONEY.items() if fits(written(MANY))]))
    dialect = {
        "name": name,
        "encoding": encoding,
        "told": told,
        "words": tuple(WRITTEN[spelling](word) for word in WORDS[language]),
        "money": money,
        "day": draw(st.sampled_from(sorted(DAYS))),
        "delimiter": draw(st.sampled_from(",;\t|")),
        "end": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "quoting": draw(st.sampled_from(["all", "needed", "text"])),
        "columns": draw(st.permutations(COLUMNS)),
        "sep": draw(st.booleans()),
        "above": draw(st.integers(0, 2)),
        "packed": draw(st.sampled_from(["", "", "gzip", "zstd"])),
        "last_end": draw(st.booleans()),
        "blank": draw(st.sampled_from(["line", "spaces", "delimiters"])),
    }
    notes = st.text(st.one_of(st.sampled_from(' ,;|\t"\n1.-'), letters), max_size=12).map(str.strip)
    customers = st.one_of(st.text(letters, max_size=8).map("Q{}".format), st.integers(1, 99).map("{:05}".format))
    days = st.datetimes(datetime(2023, 6, 1), datetime(2024, 5, 31)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001
    amounts = st.decimals(-2000, 2_000_000, places=2) | st.integers(-3, 9).map(lambda number: number * MANY)
    few = draw(st.lists(st.tuples(customers, days, amounts, notes), min_size=1, max_size=6))
    orders = [Order(f"A{place}", *cells) for place, cells in enumerate(few)]
    places = st.lists(st.integers(0, len(orders)), max_size=2).map(tuple)
    # a total that is no number of the style could tell the style: it is written like the others
    total = draw(st.sampled_from(["", *TOTALS]))
    note = "" if told or encoding not in TELLING else draw(st.sampled_from(TELLING[encoding]))
    return Book(orders, dialect, draw(places), draw(places), total, note)


def written(book: Book) -> tuple[bytes, str, int]:
    """Return the file, its text from the header on, and how many rows stand below the header."""
    dialect, rows = book.dialect, []
    header = dict(zip(COLUMNS, (*dialect["words"], "note"), strict=True))
    for place in range(len(book.orders) + 1):
        rows += [None] * book.blanks.count(place) + [header] * book.headers.count(place)
        if place < len(book.orders):
            rows.append(_cells(book, place))
    if book.total:
        amount = MONEY[dialect["money"]](sum(order.amount for order in book.orders))
        rows.append({"order": book.total, "customer": "", "date": "", "amount": amount, "note": ""})
    end = dialect["end"]
    lines = [_line(book, row) for row in (header, *rows)]
    text = end.join(lines) + end
    if dialect["last_end"] is False and rows[-1] is not None:
        text = text.removesuffix(end)
    above = f"sep={dialect['delimiter']}{end}" * dialect["sep"] + end * dialect["above"]
    content = (above + text).encode(dialect["encoding"])
    if dialect["encoding"] == "utf-16-be":
        content = b"\xfe\xff" + content
    return _packed(content, dialect["packed"]), text, len(rows)


def _cells(book: Book, place: int) -> dict[str, str]:
    order = book.orders[place]
    return {
        "order": order.order,
        "customer": order.customer,
        "date": DAYS[book.dialect["day"]](order.at),
        "amount": MONEY[book.dialect["money"]](order.amount),
        "note": note_of(book, place),
    }


def note_of(book: Book, place: int) -> str:
    """Return the note beside an order as it must be read."""
    return " ".join(filter(None, [book.note if place == 0 else "", book.orders[place].note]))


def _line(book: Book, row: dict[str, str] | None) -> str:
    delimiter, quoting = book.dialect["delimiter"], book.dialect["quoting"]
    if row is None:
        return {"line": "", "spaces": "  ", "delimiters": delimiter * (len(COLUMNS) - 1)}[book.dialect["blank"]]
    return delimiter.join(_quoted(row[name], name, delimiter, quoting) for name in book.dialect["columns"])


def _quoted(cell: str, name: str, delimiter: str, quoting: str) -> str:
    must = any(sign in cell for sign in (delimiter, '"', "\n", "\r"))
    may = quoting == "all" or (quoting == "text" and name in {"customer", "note"})
    return '"' + cell.replace('"', '""') + '"' if must or may else cell


def _packed(content: bytes, way: str) -> bytes:
    import pyarrow as pa

    if way == "gzip":
        return gzip.compress(content, mtime=0)
    return bytes(pa.compress(content, codec="zstd", asbytes=True)) if way == "zstd" else content


def expected(book: Book) -> list[tuple[str, str, date, str, Decimal, str | None]]:
    """Return the orders as they must be read, sorted."""
    return sorted(
        (order.order, order.customer, order.at.date(), "refund" if order.amount < 0 else "order", order.amount, note)
        for place, order in enumerate(book.orders)
        for note in [note_of(book, place) or None]
    )


def ambiguous_dates(book: Book) -> bool:
    """Return whether every date of the file could as well have day and month the other way round."""
    return book.dialect["day"] in EITHER_FIRST and all(order.at.day <= 12 for order in book.orders)


def swapping_changes_nothing(book: Book) -> bool:
    return all(order.at.day == order.at.month for order in book.orders)


def ambiguous_money(book: Book) -> bool:
    """Return whether every amount of the file is a number with a decimal point and with a decimal comma, and not the same."""
    read = [(_number(text, ",", "."), _number(text, ".", ",")) for text in book.texts(book.dialect["money"])]
    return all(None not in both for both in read) and any(one != other for one, other in read)


def _number(text: str, comma: str, point: str) -> Decimal | None:
    digits = re.sub(r"[^0-9.,]", "", text)
    whole, _, cents = digits.partition(point)
    first, *groups = whole.split(comma)
    if point in digits and not cents.isdigit():
        return None
    if groups and (len(first) > 3 or first in {"", "0"} or any(len(group) != 3 for group in groups)):
        return None
    return Decimal(f"{''.join([first, *groups])}.{cents or 0}")
