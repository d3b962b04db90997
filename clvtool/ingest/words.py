"""The header words of many shops, in five languages, as data: which word means what."""

from __future__ import annotations

import unicodedata

ROLES: dict[str, str] = {
    "order_id": (
        "order id|order|order number|order no|order nr|order ref|order reference|invoice|invoice id|invoice no|"
        "invoice number|transaction id|purchase id|receipt number|"
        "numer zamowienia|nr zamowienia|id zamowienia|zamowienie|numer|nr faktury|numer faktury|"
        "bestellnummer|bestell nr|bestell id|bestellung|auftragsnummer|auftrag|rechnungsnummer|"
        "numero de commande|numero commande|n de commande|n commande|no de commande|commande|id commande|"
        "reference commande|numero de facture|"
        "numero de pedido|n de pedido|no de pedido|numero pedido|pedido|id pedido|id de pedido|id del pedido|"
        "numero de factura"
    ),
    "customer_id": (
        "customer id|customer|customer no|customer number|customer nr|client id|client|user id|buyer id|buyer|"
        "account id|cust id|"
        "id klienta|klient|klient id|numer klienta|nr klienta|identyfikator klienta|id uzytkownika|kupujacy|"
        "kundennummer|kunden nr|kunden id|kunde|kaufer|"
        "id client|numero client|numero de client|n client|identifiant client|acheteur|"
        "id cliente|id de cliente|id del cliente|cliente|numero de cliente|n de cliente|comprador"
    ),
    "email": (
        "email|e mail|email address|customer email|customer email address|billing email|buyer email|"
        "adres email|adres e mail|email klienta|e mail klienta|"
        "e mail adresse|mail adresse|kunden e mail|"
        "courriel|adresse email|adresse e mail|email client|"
        "correo|correo electronico|email del cliente|direccion de correo electronico"
    ),
    "phone": (
        "phone|phone number|customer phone|billing phone|mobile phone|"
        "telefon|numer telefonu|nr telefonu|telefon klienta|telefonnummer|telephone|numero de telephone|"
        "telefono|numero de telefono"
    ),
    "customer_name": (
        "customer name|customer full name|client name|buyer name|billing name|billing full name|bill to name|full name|"
        "imie i nazwisko|imie i nazwisko klienta|nazwa klienta|nazwisko i imie|"
        "kundenname|name des kunden|nom du client|nom client|nom et prenom|"
        "nombre del cliente|nombre cliente|nombre y apellidos"
    ),
    "order_date": (
        "order date|date|created|created at|created on|created date|purchase date|purchased at|invoice date|"
        "transaction date|date created|created utc|created date utc|order created at|ordered at|sale date|"
        "data zamowienia|data|data zakupu|data zlozenia|data zlozenia zamowienia|data utworzenia|data sprzedazy|"
        "bestelldatum|datum|kaufdatum|rechnungsdatum|auftragsdatum|bestellt am|"
        "date de commande|date commande|date de la commande|date d achat|date de creation|"
        "fecha|fecha de pedido|fecha del pedido|fecha pedido|fecha de compra|fecha de creacion"
    ),
    "order_total": (
        "total|order total|grand total|total amount|total price|order value|order amount|total paid|amount paid|"
        "suma|suma zamowienia|suma brutto|kwota zamowienia|wartosc zamowienia|wartosc brutto|kwota brutto|razem|"
        "razem brutto|do zaplaty|"
        "gesamt|gesamtbetrag|gesamtsumme|gesamtpreis|bestellsumme|bestellwert|rechnungsbetrag|summe|"
        "montant total|total commande|total de la commande|montant de la commande|total ttc|montant ttc|"
        "importe total|total pedido|total del pedido|importe del pedido|precio total"
    ),
    "amount": (
        "amount|revenue|sales|net revenue|n revenue|line amount|line total|spend|value|price paid|"
        "kwota|wartosc|wartosc pozycji|betrag|umsatz|positionsbetrag|montant|montant ligne|importe|importe linea"
    ),
    "quantity": (
        "quantity|qty|units|items|lineitem quantity|ilosc|liczba sztuk|sztuk|menge|anzahl|stuckzahl|"
        "quantite|qte|cantidad|unidades"
    ),
    "unit_price": (
        "unit price|price|item price|lineitem price|cena|cena jednostkowa|cena brutto|preis|einzelpreis|stuckpreis|"
        "prix|prix unitaire|precio|precio unitario"
    ),
    "line_discount": "line discount|lineitem discount|discount per line",
    "cost": "cost|total cost|cogs|cost of goods|cost of goods sold|line cost|koszt|koszt zakupu|kosten|cout|coste",
    "unit_cost": (
        "unit cost|cost price|purchase price|cost per item|cena zakupu|einkaufspreis|prix d achat|precio de coste"
    ),
    "kind": "",  # only where convert wrote it
    "margin": "",  # only when asked for: a column of that name may as well hold rates
    "currency": "currency|order currency|currency code|order currency code|waluta|wahrung|devise|moneda|divisa",
    "status": (
        "status|order status|payment status|order state|payment state|financial status|"
        "status zamowienia|stan|stan zamowienia|"
        "bestellstatus|auftragsstatus|statut|statut de la commande|statut commande|etat|etat de la commande|"
        "estado|estado del pedido|estado de pedido"
    ),
    "cancelled_at": "cancelled at|canceled at|data anulowania|storniert am|date d annulation|fecha de cancelacion",
    "refunded_amount": (
        "refunded amount|amount refunded|refund amount|total refunded|order refund amount|kwota zwrotu|zwrocono|"
        "erstattungsbetrag|erstatteter betrag|montant rembourse|importe reembolsado"
    ),
    "product_id": (
        "product id|sku|stock code|item id|product code|lineitem sku|id produktu|kod produktu|artikelnummer|"
        "reference produit|codigo de producto"
    ),
    "product_name": (
        "product|product name|item|item name|description|lineitem name|produkt|nazwa produktu|produktname|artikel|"
        "produit|nom du produit|producto|nombre del producto"
    ),
    "category": "category|product category|product type|kategoria|kategorie|categorie|categoria",
}
"""Role → header words, as `normal` writes them. A column may be claimed by one role only."""

LINE_ROLES = ("quantity", "unit_price", "line_discount", "product_id", "product_name", "category")
"""Roles that only exist per order line: where one is there, two equal rows can be two real lines."""

IDENTITY = ("customer_id", "email", "phone")
"""Roles that tell customers apart, in the order in which they are asked."""

CHOSEN = ("customer_name",)
"""Roles of no weight: of several columns the one whose word is listed first is taken, instead of an error."""

_NOBODY = ("", "0", "0.0", "guest", "gast", "gosc", "gość", "none", "null", "nan", "n/a", "#n/a", "-")
NOBODY = sorted({form for word in _NOBODY for form in (word, word.upper(), word.capitalize())} | {"NaN"})
"""What stands for no customer."""

NAMES = frozenset(("customer", "client", "buyer", "klient", "kunde", "cliente", "kupujacy", "kaufer")) | {
    "acheteur",
    "comprador",
}
"""Header words that may as well stand over names: they are no identity beside a column of e-mail addresses."""

_CODES = ("pln", "eur", "usd", "gbp", "chf", "czk", "huf", "ron", "sek", "nok", "dkk", "cad", "aud")
CURRENCIES = {code: code.upper() for code in _CODES} | {"zl": "PLN"}
"""What may stand behind a header word, as in `Total (EUR)` → the currency of its cells."""


def _unseen(sign: str) -> bool:
    """Tell whether a sign has no width of its own: an accent, a joiner, a mark of direction, a byte order mark."""
    return unicodedata.combining(sign) != 0 or unicodedata.category(sign) == "Cf"


def normal(header: str) -> str:
    """Return a header in lower case without diacritics, punctuation and signs of no width, one space between words."""
    text = unicodedata.normalize("NFKD", header.replace("ł", "l").replace("Ł", "L")).casefold()
    kept = "".join(sign if sign.isalnum() else " " for sign in text if not _unseen(sign))
    return " ".join(kept.split())


def compact(header: str) -> str:
    """Return a header as `normal` does, without spaces: `OrderID` is `Order ID`."""
    return normal(header).replace(" ", "")


def currency_named(header: str) -> str | None:
    """Return the currency that a header names behind its word."""
    _, _, last = normal(header).rpartition(" ")
    return CURRENCIES.get(last)


def listed(words: str) -> list[str]:
    """Return words parted by `|` in their compact form."""
    return [word.replace(" ", "") for word in words.split("|") if word]
