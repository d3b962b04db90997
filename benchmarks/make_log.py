"""Make the synthetic order log that the benchmarks read: `python benchmarks/make_log.py --rows 1M --log plain`.

The buyers follow BG/NBD (rates gamma r .75, α 40 days; chance to leave after a repeat purchase beta a .8, b 6) and
Gamma-Gamma (p 6.25, q 3.74, γ 15.44), first seen on days spread evenly over 730. A purchase has 1 to 3 lines, 1.68 on
average, and each line is a row. Three logs hold the same purchases:

plain   ordered by time, every row with an order id of its own, ids are numbers
lines   ordered by time, the lines of a purchase share their order id
hard    as `lines`, but shuffled, and with ids of 18 characters

A file in `benchmarks/data/` is kept until this script changes.
"""

import argparse
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

SEED = 20240701
DATA = Path(__file__).parent / "data"
LOGS = ("plain", "lines", "hard")
SIZES = {"1M": 1_000_000, "10M": 10_000_000, "30M": 30_000_000}

DAYS = 730
FIRST_MOMENT = datetime(2023, 1, 1)  # noqa: DTZ001 - a shop's wall clock
R, ALPHA, A, B = 0.75, 40.0, 0.8, 6.0
P, Q, GAMMA = 6.25, 3.74, 15.44
LINES = (0.50, 0.32, 0.18)  # shares of purchases with 1, 2, 3 lines
CUSTOMERS_PER_ROW = 0.125  # a little more than the 0.12 that come out: the surplus is cut off
CHANNELS = ("organic", "newsletter", "google_ads", "social", "marketplace")
PRODUCTS = 500


@dataclass(frozen=True)
class Purchases:
    """Purchases of customers 0, 1, 2 ..., each customer's in the order of time.

    `customer` int, `time` in days since the first moment of the log, `money` in whole cents.
    """

    customer: np.ndarray
    time: np.ndarray
    money: np.ndarray


def simulate(customers, rng):
    """Return the purchases of that many customers."""
    rate = rng.gamma(R, 1 / ALPHA, customers)
    p_leave = rng.beta(A, B, customers)
    mean_money = rng.gamma(Q, 1 / GAMMA, customers)  # ν: money per purchase is gamma(p, ν)
    now = rng.random(customers) * DAYS
    buying = np.arange(customers)
    who, when = [buying], [now.copy()]
    while buying.size:
        now[buying] += rng.exponential(1.0, buying.size) / rate[buying]
        buying = buying[now[buying] < DAYS]
        who.append(buying)
        when.append(now[buying])
        buying = buying[rng.random(buying.size) >= p_leave[buying]]
    customer = np.concatenate(who)
    order = np.argsort(customer, kind="stable")
    customer, time = customer[order], np.concatenate(when)[order]
    money = rng.gamma(P, 1.0, customer.size) / mean_money[customer]
    return Purchases(customer, time, np.maximum(1, np.rint(money * 100)).astype(np.int64))


def names(n, prefix, rng):
    """Return `n` different 18-character ids."""
    letters = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
    tails = letters[rng.integers(0, letters.size, (n, 18 - len(prefix)), dtype=np.uint8)]
    ids = pl.Series(tails.view(f"S{18 - len(prefix)}").ravel(), dtype=pl.Binary).cast(pl.String)
    if ids.n_unique() < n:
        raise RuntimeError("two random ids are equal: choose another seed")
    return prefix + ids


def make(rows, log):
    """Return the log as a frame of exactly `rows` rows."""
    rng = np.random.default_rng(SEED)
    bought = simulate(int(rows * CUSTOMERS_PER_ROW), rng)
    line_count = rng.choice(np.arange(1, len(LINES) + 1), bought.customer.size, p=LINES)
    purchase = np.repeat(np.arange(bought.customer.size), line_count)[:rows]
    if purchase.size < rows:
        raise RuntimeError(f"{purchase.size:,} rows came out, not {rows:,}: raise CUSTOMERS_PER_ROW")
    purchase = purchase[np.argsort(bought.time[purchase], kind="stable")]
    customer = bought.customer[purchase]
    cents = -(-bought.money[purchase] // line_count[purchase])  # the purchase's money in equal parts, rounded up
    order = np.arange(rows) if log == "plain" else np.cumsum(np.diff(purchase, prepend=purchase[0]) != 0)
    channel = rng.integers(0, len(CHANNELS), customer.max() + 1)
    seconds = (bought.time[purchase] * 86400).astype(np.int64)
    columns = {
        "order_id": pl.Series(order + 100_000_001),
        "customer_id": pl.Series(customer + 1_000_001),
        "order_date": pl.Series(seconds * 1_000_000).cast(pl.Duration("us")) + FIRST_MOMENT,
        "amount": pl.Series(cents / 100),
        "channel": pl.Series(CHANNELS, dtype=pl.Enum(CHANNELS)).gather(channel[customer]),
        "product": pl.Series([f"P{i:04d}" for i in range(PRODUCTS)]).gather(rng.integers(0, PRODUCTS, rows)),
        "quantity": pl.Series(rng.integers(1, 4, rows)),
    }
    if log == "hard":
        columns["order_id"] = names(order.max() + 1, "ord_", rng).gather(order)
        columns["customer_id"] = names(customer.max() + 1, "cus_", rng).gather(customer)
        return pl.DataFrame(columns)[rng.permutation(rows)]
    return pl.DataFrame(columns)


def count_lines(path):
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 22), b""))


def ensure(size, log):
    """Return the path of the log, made if it is not there."""
    path, rows = DATA / f"{log}-{size}.csv", SIZES[size]
    if path.exists() and path.stat().st_mtime > Path(__file__).stat().st_mtime:
        return path
    DATA.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".part")
    make(rows, log).write_csv(unfinished, datetime_format="%Y-%m-%d %H:%M:%S", float_precision=2)
    if (found := count_lines(unfinished) - 1) != rows:
        raise RuntimeError(f"{unfinished} has {found:,} rows, not {rows:,}")
    unfinished.rename(path)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", choices=SIZES, default="1M")
    parser.add_argument("--log", choices=LOGS, default="plain")
    chosen = parser.parse_args()
    print(ensure(chosen.rows, chosen.log))


if __name__ == "__main__":
    main()
