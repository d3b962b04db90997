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
_PERSONAL = frozenset(
    normal(
        "name names email mail phone telephone telefon mobile firstname lastname surname forename imie nazwisko klient "
        "vorname nachname nom prenom nombre apellido street address address1 address2 adres ulica strasse rue calle "
        "adresse direccion zip postcode postal kod plz ip birth birthday birthdate dob urodzenia geburtsdatum note "
        "notes comment comments uwagi nip pesel vat iban card customer client buyer recipient odbiorca"
    ).split()
)
"""A column whose header has one of these words may say who somebody is."""
_HARMLESS = frozenset(
    normal(
        "product item lineitem sku category gift produkt produktu type typ group grupa segment country kraj channel "
        "kanal"
    ).split()
)
"""A header with one of these words speaks of goods, or of many customers at once."""


def is_personal(header: str, mapping: HeaderMap) -> bool:
    """Return whether a column may say who somebody is, by its header."""
    words = set(normal(header).split())
    own = {name for role in PERSONAL_ROLES for name in mapping.sources(role)}
    return header in own or bool(words & _PERSONAL and not words & _HARMLESS)


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
    reading.add("identity", "hashed", detail="customers by a keyed hash; personal columns are left out")
    table = orders.join(hashed, on="customer_id", how="left", maintain_order="left")
    return table.with_columns(customer_id="hashed").drop("hashed")


def check_hashing(salt: str | None, *, trace: bool) -> None:
    """Raise UsageError for a salt that hides nothing, and where raw rows are to be written."""
    if salt is not None and not salt.strip():
        raise UsageError("--hash-ids: the salt is empty", "any secret text will do; keep it for the next run")
    if salt and trace:
        raise UsageError("--rejects writes rows as they are, and --hash-ids asks that nobody be named", "leave one out")
