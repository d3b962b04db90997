"""Why the methods differ: the difference between method 1 and method 4 taken apart into computed causes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.metrics.methods import plain

if TYPE_CHECKING:
    from clvtool.metrics.methods import Methods, Number
    from clvtool.metrics.predictive import Prediction
    from clvtool.periods import Duration

SPEND_TOLERANCE = 0.10


def causes(lifetime: float, cut: float, new: Prediction) -> dict[str, float]:
    """Return what turns method 1 into method 4, in money; the parts add up to the whole difference.

    `horizon`: method 1 counts a whole lifespan, method 4 stops. `spending`: the mean of the spending model against the
    mean that weighs customers by their purchases. `left truncation`: method 4 without against with the customers who
    may have been customers before the log. `new customers`: method 1 is about all customers, method 4 about new ones.
    `discount`: money later is worth less.
    """
    spending = new.purchases * new.order_value * (1 - new.spend_ratio)
    with_older = new.undiscounted_with_older
    truncation = 0.0 if with_older is None else new.undiscounted - with_older
    return {
        "horizon": cut - lifetime,
        "spending": spending,
        "new customers": new.undiscounted - cut - spending - truncation,
        "discount": new.value - new.undiscounted,
    } | ({} if with_older is None else {"left truncation": truncation})


def disagreement(
    values: Methods, new: Prediction | None, horizon: Duration, lifespan: Number | None, unit: str
) -> list[str]:
    """Return how far methods 1 and 4 are apart (as revenue) and by what, the largest cause first."""
    all_of_it, cut = values.average_lifespan, values.average_lifespan_horizon
    if new is None or all_of_it is None or cut is None or lifespan is None:
        return []
    lifetime = plain(all_of_it)
    parts = sorted(causes(lifetime, plain(cut), new).items(), key=lambda part: -abs(part[1]))
    words = {
        "horizon": f"horizon ({horizon} against a lifespan of {plain(lifespan):.1f} {unit}s)",
        "spending": "spending (customers who buy often do not spend the average)",
        "left truncation": "left truncation (those who may be customers from before the log are left out)",
        "new customers": "new customers (method 1 averages all customers, method 4 a new one)",
        "discount": "discount",
    }
    gap = new.value - lifetime
    share = f"{abs(gap) / lifetime:.0%} " if lifetime > 0 else ""
    found = [
        f"before margin, clv_predictive ({new.value:,.2f}) is {share}{'below' if gap < 0 else 'above'} "
        f"clv_average_lifespan ({lifetime:,.2f}). Main driver: {parts[0][0]}. The difference of {gap:+,.2f} is "
        + "; ".join(f"{words[name]} {change:+,.2f}" for name, change in parts)
    ]
    if abs(new.spend_ratio - 1) > SPEND_TOLERANCE:
        found.append(
            f"money per purchase depends on how often customers buy: the purchase-weighted mean is "
            f"{new.spend_ratio:.2f} × the model's mean, beyond ±10 %, so clv_predictive is biased"
        )
    return found
