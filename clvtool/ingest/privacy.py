"""--hash-ids: customers told apart without being named, and no personal columns."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from clvtool.errors import UsageError
from clvtool.ingest.words import normal

if TYPE_CHECKING:
    import polars as pl

    from clvtool.ingest.columns import HeaderMap
    from clvtool.ingest.reading import Reading

PERSONAL_ROLES = ("customer_id", "email", "phone", "customer_name")
HASH_BYTES = 16
_IMPERSONAL = frozenset(
    normal(
        "product products item items lineitem sku category brand vendor variant quantity produkt produktu "
        "kategoria ilosc type typ group grupa segment tier country kraj land pays pais region channel kanal source "
        "zrodlo medium campaign kampania utm coupon discount rabat status state kind currency waluta payment platnosc "
        "store shop sklep location warehouse device platform language locale plan subscription amount total subtotal "
        "tax taxes shipping fee price revenue net gross margin cost risk refunded"
    ).split()
)
"""A column is kept only if its header has one of these words, which speak of goods, money or many customers at once"""
_PERSONAL = frozenset(
    normal(
        "name email mail phone telephone telefon mobile surname imie nazwisko street address address1 address2 adres "
        "ulica zip postcode kod note notes comment message uwagi to"
    ).split()
)
"""and none of these, which may speak of one; `product name` and the like are exempt."""
_OF_GOODS = frozenset(("product", "item", "lineitem", "produkt", "produktu"))


def is_personal(header: str, mapping: HeaderMap) -> bool:
    """Return whether a column may say who somebody is, by its header: in doubt, it may."""
    words = set(normal(header).split())
    own = {name for role in PERSONAL_ROLES for name in mapping.sources(role)}
    return header in own or not words & _IMPERSONAL or bool(words & _PERSONAL and not words & _OF_GOODS)


def hidden(orders: pl.DataFrame, salt: str | None, reading: Reading) -> pl.DataFrame:
    """Return ORDERS with a keyed hash (BLAKE2b, 32 hexadecimal digits) for each customer id, where there is a salt.

    The same salt gives the same customer the same hash, in any file; without the salt nobody can try names out. The
    samples of personal columns are taken out of what was noted.
    """
    import polars as pl

    if salt is None:
        return orders
    key = hashlib.blake2b(salt.encode()).digest()
    known = orders["customer_id"].drop_nulls().unique()
    hashes = [hashlib.blake2b(one.encode(), key=key, digest_size=HASH_BYTES).hexdigest() for one in known]
    hashed = pl.DataFrame({"customer_id": known, "hashed": pl.Series(hashes, dtype=pl.String)})
    reading.facts = [
        replace(fact, detail=None) if fact.section.startswith("columns") and fact.item in PERSONAL_ROLES else fact
        for fact in reading.facts
    ]
    reading.add("identity", "hashed", detail="customers by a keyed hash; only columns that name nobody are kept")
    table = orders.join(hashed, on="customer_id", how="left", maintain_order="left")
    return table.with_columns(customer_id="hashed").drop("hashed")


def check_hashing(salt: str | None, *, trace: bool) -> None:
    """Raise UsageError for a salt that hides nothing, and where raw rows are to be written."""
    if salt is not None and not salt.strip():
        raise UsageError("--hash-ids: the salt is empty", "any secret text will do; keep it for the next run")
    if salt and trace:
        raise UsageError("--rejects writes rows as they are, and --hash-ids asks that nobody be named", "leave one out")
