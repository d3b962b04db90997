"""Which source column means what: header words of many shops, and the profiles of known exports, all as data."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from shlex import quote
from typing import TYPE_CHECKING

from clvtool.errors import DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROLES: dict[str, str] = {
    "order_id": (
        "order id|order|order number|order no|order nr|order ref|order reference|invoice|invoice id|invoice no|"
        "invoice number|transaction id|purchase id|receipt number|numer zamowienia|nr zamowienia|id zamowienia|"
        "zamowienie|numer|bestellnummer|bestell nr|bestellung|auftragsnummer|rechnungsnummer|numero de commande|"
        "n de commande|commande|numero de pedido|no de pedido|pedido|id pedido|id de pedido|id commande"
    ),
    "customer_id": (
        "customer id|customer|customer no|customer number|customer nr|client id|client|user id|buyer id|buyer|"
        "account id|cust id|id klienta|klient|klient id|numer klienta|nr klienta|kundennummer|kunden nr|kunden id|"
        "kunde|id client|numero client|id cliente|id de cliente|cliente|numero de cliente|identyfikator klienta"
    ),
    "email": (
        "email|e mail|email address|customer email|billing email|buyer email|adres email|adres e mail|"
        "e mail adresse|courriel|adresse email|adresse e mail|correo|correo electronico"
    ),
    "phone": "phone|phone number|customer phone|billing phone|telefon|numer telefonu|telephone|telefono|telefonnummer",
    "order_date": (
        "order date|date|created|created at|created on|purchase date|purchased at|invoice date|transaction date|"
        "date created|created utc|created date utc|order created at|ordered at|sale date|data zamowienia|data|"
        "data zakupu|data zlozenia|bestelldatum|datum|kaufdatum|rechnungsdatum|date de commande|date commande|"
        "date d achat|fecha|fecha de pedido|fecha de compra"
    ),
    "order_total": (
        "total|order total|grand total|total amount|total price|order value|order amount|total paid|amount paid|"
        "suma|kwota zamowienia|wartosc zamowienia|razem|gesamt|gesamtbetrag|gesamtsumme|montant total|total commande|"
        "importe total|total pedido"
    ),
    "amount": (
        "amount|revenue|sales|net revenue|n revenue|line amount|line total|spend|value|price paid|kwota|kwota pln|"
        "wartosc|betrag|umsatz|montant|importe"
    ),
    "quantity": (
        "quantity|qty|units|items|lineitem quantity|ilosc|liczba sztuk|menge|anzahl|quantite|cantidad|unidades"
    ),
    "unit_price": "unit price|price|item price|lineitem price|cena|cena jednostkowa|preis|einzelpreis|prix|"
    "prix unitaire|precio|precio unitario",
    "line_discount": "line discount|lineitem discount|discount per line",
    "cost": "cost|total cost|cogs|cost of goods|cost of goods sold|line cost|koszt|koszt zakupu|kosten|cout|coste",
    "unit_cost": "unit cost|cost price|purchase price|cost per item|cena zakupu|einkaufspreis|prix d achat|"
    "precio de coste",
    "margin": "",  # only when asked for: a column of that name may as well hold rates
    "currency": "currency|order currency|currency code|waluta|wahrung|devise|moneda",
    "status": (
        "status|order status|payment status|state|financial status|status zamowienia|stan|bestellstatus|statut|estado"
    ),
    "cancelled_at": "cancelled at|canceled at|data anulowania",
    "refunded_amount": "refunded amount|amount refunded|refund amount|total refunded|kwota zwrotu",
    "product_id": "product id|sku|stock code|stockcode|item id|product code|lineitem sku|id produktu|kod produktu|"
    "artikelnummer",
    "product_name": (
        "product|product name|item|item name|description|lineitem name|produkt|nazwa produktu|produktname|artikel|"
        "produit|producto"
    ),
    "category": "category|product category|product type|kategoria|kategorie|categorie|categoria",
}
"""Role → header words, as `normal` writes them. A column may be claimed by one role only."""

NEAR = 0.7
"""How like a header word a column name must be to be proposed for it."""
LINE_ROLES = ("quantity", "unit_price", "line_discount", "product_id", "product_name", "category")
"""Roles that only exist per order line: where one is there, two equal rows can be two real lines."""

_NOBODY = ("", "0", "0.0", "guest", "gast", "gosc", "gość", "none", "null", "nan", "n/a", "-")
NOBODY = sorted({form for word in _NOBODY for form in (word, word.upper(), word.capitalize())} | {"NaN"})
"""What stands for no customer."""

NAMES = frozenset(("customer", "client", "buyer", "klient", "kunde", "cliente"))
"""Header words that may as well stand over names: they are no identity beside a column of e-mail addresses."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A known export: by which headers it is recognised, and what differs from the common header words."""

    name: str
    signature: tuple[str, ...]
    roles: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    refund_prefix: str = ""  # an order id that begins with it is a cancellation
    adjustment_prefix: str = ""  # an order id that begins with it is bookkeeping, no order
    anonymous: bool = False  # it tells no customers apart: all its orders are those of guests
    note: str = ""


PROFILES: tuple[Profile, ...] = (
    Profile(
        "shopify",
        ("name", "financial status", "lineitem quantity", "created at"),
        roles={
            "order_id": "name",
            "email": "email",
            "phone": "phone",
            "order_date": "created at",
            "order_total": "total",
            "status": "financial status",
            "cancelled_at": "cancelled at",
            "refunded_amount": "refunded amount",
        },
        ignore=("billing phone", "shipping phone", "receipt number", "id"),
        note="one row a line item; the order's own cells stand on its first row only; refunds have no date of their "
        "own, so they stand on the order's day",
    ),
    Profile(
        "online-retail",
        ("stockcode", "description", "quantity", "country"),
        roles={
            "order_id": "invoiceno|invoice",
            "customer_id": "customerid|customer id",
            "order_date": "invoicedate",
            "unit_price": "unitprice|price",
            "product_id": "stockcode",
        },
        refund_prefix="C",
        adjustment_prefix="A",
        note="invoices that begin with C are cancellations, with A bad-debt adjustments",
    ),
    Profile(
        "woocommerce-analytics",
        ("n revenue formatted", "customer type", "items sold"),
        ignore=("customer",),
        anonymous=True,
        note="it names customers, but does not number them: an export of orders with billing_email tells them apart",
    ),
)


@dataclass(frozen=True, slots=True)
class HeaderMap:
    """What was understood of a header: role → source column, and the profile that said so."""

    columns: dict[str, str]
    profile: Profile | None

    def get(self, role: str) -> str | None:
        """Return the source column of a role, or None."""
        return self.columns.get(role)


def normal(header: str) -> str:
    """Return a header in lower case without diacritics and punctuation, words parted by one space."""
    text = unicodedata.normalize("NFKD", header.replace("ł", "l").replace("Ł", "L")).casefold()
    kept = "".join(sign if sign.isalnum() else " " for sign in text if not unicodedata.combining(sign))
    return " ".join(kept.split())


_BY_WORD = {word: role for role, words in ROLES.items() for word in words.split("|") if word}
_BY_WORD |= {word.replace(" ", ""): role for word, role in _BY_WORD.items()}


def understand(
    header: Sequence[str],
    given: Mapping[str, str],
    profile_name: str | None = None,
    words: Sequence[str] | None = None,
) -> HeaderMap:
    """Return which source column has which role.

    `words` is the header as written, where `header` gave repeated names a number. `given` (role → source column) wins
    over everything. Raises UsageError for a role or profile that does not exist, DataError for a column that is not
    there, and where two columns claim one role.
    """
    profile = _profile(header, profile_name)
    columns: dict[str, str] = {}
    for role, name in given.items():
        if role not in ROLES:
            known = _BY_WORD.get(normal(role))
            hint = f"did you mean {known}?" if known else did_you_mean(role, ROLES)
            raise UsageError(f"--map {role}={name}: there is no column meaning {role!r}", hint)
        columns[role] = _find(header, name)
    taken = set(columns.values())
    by_word: dict[str, str] = dict(_BY_WORD)
    own_roles = profile.roles if profile else {}
    if profile:
        by_word = {word: role for word, role in by_word.items() if role not in own_roles}
        by_word |= {word: role for role, own in own_roles.items() for word in own.split("|")}
        by_word = {word: role for word, role in by_word.items() if word not in profile.ignore}
    claims: dict[str, list[str]] = {}
    for name, word in zip(header, words or header, strict=True):
        claimed = by_word.get(normal(word))
        if claimed is not None and claimed not in columns and name not in taken:
            claims.setdefault(claimed, []).append(name)
    for role, names in claims.items():
        if len(names) > 1:
            raise DataError(
                f"columns {' and '.join(repr(name) for name in names)} look like {role}",
                f"say which one it is: --map {role}={quote(names[0])}",
            )
        columns[role] = names[0]
    if "email" in columns and "customer_id" not in given and normal(columns.get("customer_id", "")) in NAMES:
        del columns["customer_id"]
    return HeaderMap(columns, profile)


def missing(role: str, header: Sequence[str], mapping: HeaderMap) -> DataError:
    """Return the error for a role that no column has, with the nearest of the headers that mean nothing else."""
    from difflib import SequenceMatcher

    free = [name for name in header if name not in mapping.columns.values()]
    likeness = {
        name: max(SequenceMatcher(None, word, normal(name)).ratio() for word in ROLES[role].split("|")) for name in free
    }
    near = max(likeness, key=lambda name: likeness[name], default="")
    near = near if likeness.get(near, 0) >= NEAR else ""
    found = f"found: {', '.join(header[:20])}{' …' if len(header) > 20 else ''}"
    meant = f"; did you mean {near!r}?" if near else "."
    known = f" This is {mapping.profile.name}: {mapping.profile.note}." if mapping.profile else ""
    what = {"customer_id": "customer (id, e-mail or phone)", "order_date": "order date"}.get(role, role)
    way_out = f" Say it with --map {role}={quote(near or 'COLUMN')}"
    return DataError(f"no column for the {what}", found + meant + known + way_out)


def _find(header: Sequence[str], name: str) -> str:
    if name in header:
        return name
    folded = {normal(column): column for column in header}
    if normal(name) in folded:
        return folded[normal(name)]
    raise DataError(f"there is no column {name!r}", did_you_mean(name, header))


def _profile(header: Sequence[str], name: str | None) -> Profile | None:
    if name is not None:
        for profile in PROFILES:
            if profile.name == name:
                return profile
        if name == "plain":
            return None
        known = ["plain", *(profile.name for profile in PROFILES)]
        raise UsageError(f"there is no profile {name!r}", did_you_mean(name, known))
    words = {normal(column) for column in header}
    return next((profile for profile in PROFILES if set(profile.signature) <= words), None)
