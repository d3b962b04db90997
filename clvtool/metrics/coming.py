"""What each customer is expected to bring in, for answers that need it beside their own figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clvtool.errors import FitError
from clvtool.metrics.customers import UNIT
from clvtool.metrics.valuation import Valuation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clvtool.metrics.customers import Customers
    from clvtool.metrics.orderlog import OrderLog
    from clvtool.metrics.standing import Standing


def expected_values(
    found: Customers, log: OrderLog, valuation: Valuation
) -> tuple[NDArray[np.float64] | None, list[str]]:
    """Return the value to come of the customers of a log as `predict` has it, or None with the reason."""
    from clvtool.metrics.expected import expected
    from clvtool.metrics.prediction_models import models_for
    from clvtool.metrics.predictive import histories
    from clvtool.models.registry import fitted
    from clvtool.periods import day_number

    seen = histories(found, day_number(log.as_of))
    try:
        models = models_for(seen, None, None, None, has_amount=log.has_amount)
    except FitError as error:
        return None, [f"clv is empty: {error.message}"]
    clv = expected(found, seen, log, models, fitted(models.buying), valuation, residual=False).clv
    if clv is None:
        why = "no model of money can be fitted; clvtool predict says why"
        return None, [f"clv is empty: {why if log.has_amount else 'there is no column with money'}"]
    return clv, []


def with_expected(now: Standing, valuation: Valuation | None, *, required: bool) -> tuple[Standing, list[str]]:
    """Return the standing with the value to come of each customer, and a remark where there is none.

    Raises FitError for that where it is `required`.
    """
    import numpy as np

    coming, notes = expected_values(now.found, now.log, valuation or Valuation())
    if coming is not None:
        return replace(now, coming=np.rint(coming * UNIT).astype(np.int64)), notes
    if required:
        told = notes[0].replace("clv is empty", "--tiers-by clv has nothing to go by")
        raise FitError(told, "take --tiers-by revenue")
    return now, notes
