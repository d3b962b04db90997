"""MBG/CNBD-k: as MBG/NBD, but customers buy regularly (see `regular_model`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from clvtool.models.fitting import Form
from clvtool.models.regular_model import RegularModel, fit_regular
from clvtool.models.scales import leaving_chance, stage_rate

if TYPE_CHECKING:
    from clvtool.models.histories import Histories

FORM = Form("mbg-cnbd-k", unit="weeks", scales=(stage_rate("r", "alpha"), leaving_chance("a", "b")), facts=("k",))


@dataclass(frozen=True, slots=True)
class MbgCnbdK(RegularModel):
    """A fitted MBG/CNBD-k (see `PurchaseModel` for arguments and units)."""

    FIRST: ClassVar[int] = 1


def fit(histories: Histories, log_gaps: float) -> MbgCnbdK:
    """Fit the MBG/CNBD-k to purchase histories by maximum likelihood, k included.

    `log_gaps` is the sum over customers of ln(weeks between one purchase day and the next). A maximum at a limit is a
    fit too: its `warnings` say so in words. Raises FitError when there is nothing to fit: no customers, or no repeat
    purchase.
    """
    return MbgCnbdK(fit_regular(FORM, MbgCnbdK.FIRST, histories, log_gaps))
