"""MBG/NBD: as BG/NBD, but a customer may also leave after the first purchase.

Batislam, Denizel, Filiztekin (2007), Empirical validation and comparison of models for customer base analysis,
International Journal of Research in Marketing 24-3. So a customer of one purchase is not certain to be active.
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

FORM = Form("mbg-nbd", unit="weeks", scales=(purchase_rate("r", "alpha"), leaving_chance("a", "b")))


@dataclass(frozen=True, slots=True)
class MbgNbd(LeavingModel):
    """A fitted MBG/NBD (see `PurchaseModel` for arguments and units)."""

    FIRST: ClassVar[int] = 1


def log_likelihood(histories: Histories) -> Objective:
    """Return the log-likelihood of these histories as a function of (r, α, a, b)."""
    return LeavingLikelihood.of(histories, MbgNbd.FIRST).log_likelihood


def fit(histories: Histories) -> MbgNbd:
    """Fit the MBG/NBD to purchase histories by maximum likelihood.

    A maximum at a limit is a fit too: its `warnings` say so in words. Raises FitError when there is nothing to fit: no
    customers, or no repeat purchase.
    """
    return MbgNbd(fit_leaving(FORM, log_likelihood, histories))
