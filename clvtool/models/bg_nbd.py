"""BG/NBD: customers buy at gamma-distributed rates and may leave after each repeat purchase.

Fader, Hardie, Lee (2005), "Counting your customers" the easy way, Marketing Science 24-2. While active, a customer buys
at the rate λ ~ Gamma(r, α) a week; after each repeat purchase the customer leaves with the chance p ~ Beta(a, b).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from clvtool.models.fitting import Form
from clvtool.models.leaving_likelihood import LeavingLikelihood
from clvtool.models.leaving_model import LeavingModel, fit_leaving
from clvtool.models.scales import leaving_chance, purchase_rate

if TYPE_CHECKING:
    from clvtool.models.histories import Histories
    from clvtool.models.newton import Objective

FORM = Form("bg-nbd", unit="weeks", scales=(purchase_rate("r", "alpha"), leaving_chance("a", "b")))


@dataclass(frozen=True, slots=True)
class BgNbd(LeavingModel):
    """A fitted BG/NBD (see `PurchaseModel` for arguments and units)."""

    FIRST: ClassVar[int] = 0


def log_likelihood(histories: Histories) -> Objective:
    """Return the log-likelihood of these histories as a function of (r, α, a, b)."""
    return LeavingLikelihood.of(histories, BgNbd.FIRST).log_likelihood


def fit(histories: Histories) -> BgNbd:
    """Fit the BG/NBD to purchase histories by maximum likelihood (equation (6) of the paper).

    A maximum at a limit (nobody leaves; all customers share one rate or one chance) is a fit too: its `warnings`
    say so in words. Raises FitError when there is nothing to fit: no customers, or no repeat purchase.
    """
    return BgNbd(fit_leaving(FORM, log_likelihood, histories))
