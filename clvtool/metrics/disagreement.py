"""Why the methods differ: the difference between method 1 and method 4 taken apart into computed causes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clvtool.metrics.methods import Inputs
    from clvtool.metrics.predictive import Prediction
    from clvtool.periods import Duration

SPEND_TOLERANCE = 0.10


def causes(lifetime: float, cut: float, prediction: Prediction) -> dict[str, float]:
    """Return what turns method 1 into method 4, in money; the parts add up to the whole difference.

    `horizon`: method 1 counts a whole lifespan, method 4 stops. `spending`: the mean of the spending model against the
    mean that weighs customers by their purchases. `new customers`: method 1 is about all customers, method 4 about new
    ones. `discount`: money later is worth less.
    """
    weighted = prediction.order_value * prediction.spend_ratio
    spending = prediction.purchases * (prediction.order_value - weighted)
    return {
        "horizon": cut - lifetime,
        "new customers": prediction.undiscounted - cut - spending,
        "spending": spending,
        "discount": prediction.value - prediction.undiscounted,
    }


def sentences(
    lifetime: float, cut: float, prediction: Prediction, horizon: Duration, lifespan: float | None, unit: str
) -> list[str]:
    """Return how far methods 1 and 4 are apart (as revenue) and by what, the largest cause first."""
    parts = sorted(causes(lifetime, cut, prediction).items(), key=lambda part: -abs(part[1]))
    words = {
        "horizon": f"horizon (a lifespan of {lifespan or 0:.1f} {unit}s against {horizon})",
        "new customers": "new customers (method 1 averages all customers, method 4 a new one)",
        "spending": "spending (customers who buy often do not spend the average)",
        "discount": "discount",
    }
    gap = prediction.value - lifetime
    share = abs(gap) / lifetime if lifetime > 0 else 0.0
    side = "below" if gap < 0 else "above"
    said = "; ".join(f"{words[name]} {change:+,.2f}" for name, change in parts)
    found = [
        (
            f"before margin, clv_predictive is {share:.0%} {side} clv_average_lifespan ({gap:+,.2f}). "
            f"Main driver: {parts[0][0]}. {said}"
        )
    ]
    if abs(prediction.spend_ratio - 1) > SPEND_TOLERANCE:
        found.append(
            f"money per purchase depends on how often customers buy: the purchase-weighted mean is "
            f"{prediction.spend_ratio:.2f} × the model's mean, beyond ±10 %, so clv_predictive is biased"
        )
    return found


def why_null(inputs: Inputs[Any] | None, figures: dict[str, Any], why_not: str, *, money: bool) -> list[str]:
    """Return why figures are empty."""
    if not money:
        return ["there is no column with money: figures in money are empty"]
    found = []
    if inputs is None:
        found.append("no complete period with customers in it: methods 1 to 3 are empty (try a shorter --period)")
    elif figures["net_churn"] is None:
        found.append("no customer was active at the start of a complete period: churn and methods 1 to 3 are empty")
    elif figures["net_churn"].value <= 0:
        found.append(
            f"net churn is {figures['net_churn'].value:.4f}: at least as many came back as left, so there is no "
            "lifespan by churn (--lifespan observed or a number settles it)"
        )
    if why_not:
        found.append(f"clv_predictive is empty: {why_not}")
    return found
