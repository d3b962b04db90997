"""What becomes of an order of which status: the words of many shops, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.ingest.words import normal

if TYPE_CHECKING:
    from clvtool.ingest.profiles import Profile

_STATUS_WORDS: dict[str, str] = {
    "cancelled": "cancelled|canceled|cancelled by customer|anulowane|anulowana|anulowany|anulowano|"
    "storniert|abgebrochen|annule|annulee|cancelado|cancelada|anulado|anulada",
    "voided": "voided|void",
    "failed": "failed|declined|rejected|blocked|error|payment error|odrzucone|nieudane|blad platnosci|"
    "fehlgeschlagen|abgelehnt|zahlungsfehler|fehler bei der bezahlung|echoue|echouee|refuse|refusee|"
    "erreur de paiement|fallido|fallida|rechazado|error en pago|error de pago",
    "pending": (
        "pending|pending payment|payment pending|awaiting payment|awaiting bank wire payment|awaiting check payment|"
        "on hold|holded|unpaid|uncaptured|requires payment method|requires action|requires confirmation|"
        "requires capture|"
        "oczekujace|oczekuje|oczekuje na platnosc|oczekuje na wplate|oczekiwanie na platnosc|oczekiwanie na przelew|"
        "nieoplacone|niezaplacone|"
        "ausstehend|unbezahlt|warten auf zahlung|warten auf zahlungseingang|zahlung ausstehend|"
        "en attente|en attente de paiement|en attente du paiement|en attente de virement|"
        "pendiente|pendiente de pago|en espera de pago"
    ),
    "draft": "draft|checkout draft|incomplete|abandoned|expired|szkic|porzucone|entwurf|brouillon|borrador",
    "test": "test",
    "refunded": "refunded|fully refunded|returned|zwrot|zwrocone|zwrocono|zwrocony|erstattet|zuruckerstattet|"
    "rembourse|remboursee|reembolsado|reembolsada|devuelto",
}
_BEFORE = ("", "wc ")
"""What may stand before a status word: WooCommerce keeps them so."""
STATUS_REASONS: dict[str, str] = {
    before + word: reason for reason, words in _STATUS_WORDS.items() for word in words.split("|") for before in _BEFORE
}
"""Status word, as `normal` writes it → what happens to the order. `refunded` keeps it, with its refund beside it."""
_SALES = (
    "paid|partially paid|partially refunded|authorized|captured|succeeded|success|completed|complete|fulfilled|"
    "partially fulfilled|unfulfilled|shipped|partially shipped|unshipped|delivered|processing|closed|done|ok|"
    "awaiting fulfillment|awaiting shipment|awaiting pickup|payment accepted|remote payment accepted|"
    "processing in progress|"
    "oplacone|zaplacone|platnosc zaakceptowana|zrealizowane|wyslane|dostarczone|odebrane|zakonczone|w realizacji|"
    "w trakcie realizacji|przygotowanie w toku|do wyslania|przyjete|nowe|nowe zamowienie|nowe zamowienia|"
    "bezahlt|zahlung eingegangen|versendet|versandt|abgeschlossen|geliefert|zugestellt|in bearbeitung|"
    "paye|payee|paiement accepte|expedie|expediee|livre|livree|termine|terminee|en cours de preparation|"
    "pagado|pagada|pago aceptado|enviado|entregado|completado|en preparacion"
)
SALES = frozenset(before + word for word in _SALES.split("|") for before in _BEFORE)
"""Status words that say that there was a sale."""
_BEGINNINGS = tuple(
    word
    for word, reason in STATUS_REASONS.items()
    if reason in {"cancelled", "voided", "failed"} or (reason == "pending" and " " in word.removeprefix("wc "))
)
"""Words that more may follow: `anulowane przez klienta`; but `oczekuje na odbiór` was paid."""


def status_reason(status: str, profile: Profile | None = None) -> str | None:
    """Return what happens to an order of this status; `anulowane przez klienta` is `anulowane`. None: it is a sale."""
    word = normal(status)
    if profile and word in profile.statuses:
        return profile.statuses[word]
    if word in STATUS_REASONS:
        return STATUS_REASONS[word]
    begins = next((known for known in _BEGINNINGS if word.startswith(f"{known} ")), None)
    return None if begins is None else STATUS_REASONS[begins]
