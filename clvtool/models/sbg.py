"""sBG: customers under contract leave at the end of a period with a chance of their own.

Fader & Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21-1: shifted
beta-geometric. The chance to leave is Beta(α, β) over customers and the same for a customer in every period; that
retention rates rise with age is then those with high chances having left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clvtool.models.contracts import ContractModel, LogRetention, Renewals, fit_contracts
from clvtool.models.fitting import Form
from clvtool.models.scales import churn_chance

if TYPE_CHECKING:
    from clvtool.models.histories import Floats

FORM = Form("sbg", unit="periods", scales=(churn_chance("alpha", "beta"),))


@dataclass(frozen=True, slots=True)
class Sbg(ContractModel):
    """A fitted sBG."""

    def log_retention(self, periods: int) -> Floats:
        """Return ln[(β+t−1)/(α+β+t−1)] for t = 1, 2, …, equation (8) of the paper."""
        return log_retention(np.array([*self.fit.parameters.values()]), periods).value


def log_retention(parameters: Floats, periods: int) -> LogRetention:
    """Return ln[(β+t−1)/(α+β+t−1)] with derivatives by (α, β), in which nothing cancels at large α + β."""
    alpha, beta = parameters.tolist()
    stay = beta + np.arange(periods)
    both = alpha + stay
    ratio = alpha / stay
    square = 1 / (both * both)
    return LogRetention(
        -np.log1p(ratio),
        np.stack([-1 / both, ratio / both]),
        np.stack([np.stack([square, square]), np.stack([square, -ratio * (both + stay) / stay * square])]),
    )


def fit(renewals: Renewals) -> Sbg:
    """Fit the sBG to renewals by maximum likelihood.

    A maximum at a limit (nobody left, all share one churn rate) is a fit too: its `warnings` say so in words. Raises
    FitError where customers could leave in fewer than 2 periods.
    """
    return Sbg(fit_contracts(FORM, renewals, log_retention, [(1, 1), (5, 5), (0.2, 0.2)]))
