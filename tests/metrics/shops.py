"""Simulated shops whose customers do what a model says, and what they do after the day of the analysis."""

import datetime as dt

import numpy as np
import polars as pl

AS_OF = dt.date(2025, 12, 31)
R, ALPHA, A, B = 0.75, 40.0, 0.8, 3.0  # buying and leaving, in days
P, Q, GAMMA = 6.25, 3.74, 15.44  # spending


def shop(seed, customers, *, days=730, ahead=182):
    """Return ORDERS up to AS_OF, and (number of the customer, purchase days, money) of the `ahead` days after it.

    BG/NBD and Gamma-Gamma: customers come in on any of the days; purchases of one day are one order. The future of all
    customers, zeros too, in the order of their ids.
    """
    random = np.random.default_rng(seed)
    rate = random.gamma(R, 1 / ALPHA, customers)
    leave = random.beta(A, B, customers)
    spending = random.gamma(Q, 1 / GAMMA, customers)
    now = random.integers(0, days, customers).astype(float)  # day 0 is the first of the log
    who, when = [np.arange(customers)], [now.copy()]
    active = np.arange(customers)
    while active.size:
        now[active] += random.exponential(1 / rate[active])
        active = active[now[active] < days + ahead]
        who.append(active)
        when.append(now[active])
        active = active[random.random(active.size) >= leave[active]]
    bought = pl.DataFrame({"who": np.concatenate(who), "day": np.floor(np.concatenate(when)).astype(int)})
    bought = bought.unique().sort("who", "day")
    bought = bought.with_columns(amount=pl.Series(random.gamma(P, 1 / spending[bought["who"].to_numpy()])).round(4))
    past, future = bought.filter(pl.col("day") < days), bought.filter(pl.col("day") >= days)
    orders = past.select(
        customer_id=pl.format("c{}", pl.col("who").cast(pl.String).str.zfill(6)),
        order_date=pl.lit(AS_OF - dt.timedelta(days=days - 1)) + pl.duration(days="day"),
        amount=pl.col("amount").cast(pl.Decimal(18, 4)),
        kind=pl.lit("order"),
    )
    made = np.bincount(future["who"], minlength=customers)
    spent = np.bincount(future["who"], weights=future["amount"], minlength=customers)
    return orders, made, spent
