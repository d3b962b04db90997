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
    "failed": "failed|declined|rejected|error|payment error|odrzucone|nieudane|fehlgeschlagen|abgelehnt|echoue|"
    "echouee|refuse|refusee|fallido|fallida|rechazado",
    "pending": (
        "pending|pending payment|awaiting payment|on hold|unpaid|oczekujace|oczekuje|oczekuje na platnosc|"
        "nieoplacone|niezaplacone|ausstehend|unbezahlt|en attente|en attente de paiement|pendiente|"
        "pendiente de pago"
    ),
    "draft": "draft|checkout draft|incomplete|abandoned|expired|szkic|porzucone|entwurf|brouillon|borrador",
    "test": "test",
    "refunded": "refunded|fully refunded|returned|zwrot|zwrocone|zwrocono|zwrocony|erstattet|zuruckerstattet|"
    "rembourse|remboursee|reembolsado|reembolsada|devuelto",
}
STATUS_REASONS: dict[str, str] = {
    before + word: reason
    for reason, words in _STATUS_WORDS.items()
    for word in words.split("|")
    for before in ("", "wc ")  # as WooCommerce keeps it
}
"""Status word, as `normal` writes it → what happens to the order. `refunded` keeps it, with its refund beside it."""
SALES = frozenset(
    [
        "paid",
        "partially paid",
        "partially refunded",
        "authorized",
        "captured",
        "succeeded",
        "success",
        "completed",
        "complete",
        "fulfilled",
        "partially fulfilled",
        "unfulfilled",
        "shipped",
        "delivered",
        "processing",
        "closed",
        "done",
        "ok",
        "oplacone",
        "zaplacone",
        "zrealizowane",
        "wyslane",
        "dostarczone",
        "zakonczone",
        "w realizacji",
        "przyjete",
        "bezahlt",
        "versendet",
        "abgeschlossen",
        "geliefert",
        "paye",
        "payee",
        "expediee",
        "livree",
        "terminee",
        "pagado",
        "pagada",
        "enviado",
        "entregado",
        "completado",
    ]
)
"""Status words that say that there was a sale."""
_BEGINNINGS = tuple(word for word, reason in STATUS_REASONS.items() if reason in {"cancelled", "voided", "failed"})


def status_reason(status: str, profile: Profile | None = None) -> str | None:
    """Return what happens to an order of this status; `anulowane przez klienta` is `anulowane`. None: it is a sale."""
    word = normal(status)
    if profile and word in profile.statuses:
        return profile.statuses[word]
    if word in STATUS_REASONS:
        return STATUS_REASONS[word]
    begins = next((known for known in _BEGINNINGS if word.startswith(f"{known} ")), None)
    return None if begins is None else STATUS_REASONS[begins]
