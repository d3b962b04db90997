"""What each customer is expected to bring in, for answers that need it beside their own figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clvtool.errors import FitError
from clvtool.metrics.customers import UNIT
from clvtool.metrics.valuation import Valuation

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clvtool.metrics.orderlog import Policies
    from clvtool.metrics.standing import Standing


def expected_values(
    orders: pl.DataFrame, policies: Policies, valuation: Valuation, ids: pl.Series
) -> tuple[NDArray[np.float64] | None, list[str]]:
    """Return the value to come of the customers `ids` as `predict` has it, or None with the reason."""
    import polars as pl

    from clvtool.metrics.predict import predict

    try:
        found = predict(orders, valuation, policies).table.select("customer_id", "clv", "reason")
    except FitError as error:
        return None, [f"clv is empty: {error.message}"]
    if found["clv"].null_count():
        return None, ["clv is empty: no model of money can be fitted; clvtool predict says why"]
    table = pl.DataFrame({"customer_id": ids}).join(found, on="customer_id", how="left", maintain_order="left")
    return table["clv"].to_numpy(), []


def with_expected(
    now: Standing, orders: pl.DataFrame, policies: Policies, valuation: Valuation | None, *, required: bool
) -> tuple[Standing, list[str]]:
    """Return the standing with the value to come of each customer, and a remark where there is none.

    Raises FitError for that where it is `required`.
    """
    import numpy as np

    policies = replace(policies, as_of=now.log.as_of)
    coming, notes = expected_values(orders, policies, valuation or Valuation(), now.found.ids)
    if coming is not None:
        return replace(now, coming=np.rint(coming * UNIT).astype(np.int64)), notes
    if required:
        told = notes[0].replace("clv is empty", "--tiers-by clv has nothing to go by")
        raise FitError(told, "take --tiers-by revenue")
    return now, notes
