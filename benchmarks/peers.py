"""What each contestant does with the log, and how a process of its own is measured.

`python benchmarks/peers.py NAME FILE` does the work of one contestant and prints its answer as JSON; `run.py` starts
that as a process, so that start, imports, reading and peak memory all count.

us             clvtool compute FILE --format json: the account of all rows, purchase days, models, every headline
us-predict     clvtool predict FILE -o FILE.parquet: the value of every customer over 12 months
duckdb         rows to orders by order id, orders to one row a customer: purchase days, first, last, revenue
duckdb-plain   rows to one row a customer, order ids not looked at
pandas         as duckdb
pandas-plain   as duckdb-plain
lifetimes      read, one row a customer, fit BG/NBD and Gamma-Gamma
lifetimes-clv  the same, and 12 months' value of each customer, into Parquet
read           Polars adds up three columns: what reading alone costs
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median

PEER_PYTHON = Path(__file__).parent.parent / ".venv-bench" / "bin" / "python"
OURS = ("us", "us-predict")
USED = ["order_id", "customer_id", "order_date", "amount"]


@dataclass(frozen=True)
class Measured:
    """One run of a process: wall seconds, peak resident MiB, and the JSON object it printed, fractions as Decimal."""

    seconds: float
    megabytes: float
    answer: dict


def measure(command):
    """Run a command and return what it took.

    The peak is the kernel's for the child (Linux counts in KiB). A child's peak begins with its parent's size, so the
    measuring process must stay small: it imports no library.
    """
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        printed = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if child.returncode:
        raise RuntimeError(f"exit code {child.returncode}: {' '.join(map(str, command))}")
    return Measured(seconds, usage.ru_maxrss / 1024, json.loads(printed, parse_float=Decimal))


def machine():
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return f"{cores} cores, {sys.platform}, Python {sys.version.split()[0]}, load before the runs {load:.1f}"


def table(title, rows):
    """Return the lines (work, who, seconds of all runs, megabytes) as text; `× us` is their median over ours."""
    ours = {work: median(seconds) for work, who, seconds, _ in rows if who in OURS}
    lines = [title, f"{'work':24}{'who':16}{'median s':>10}{'fastest':>10}{'slowest':>10}{'× us':>8}{'peak MiB':>10}"]
    for work, who, seconds, megabytes in rows:
        ratio = f"{median(seconds) / ours[work]:.2f}" if work in ours else "-"
        times = "".join(f"{value:10.3f}" for value in (median(seconds), min(seconds), max(seconds)))
        lines.append(f"{work:24}{who:16}{times}{ratio:>8}{megabytes:10.0f}")
    return "\n".join(lines)


def verdict(faults):
    """Print what disagrees and return the exit code."""
    print("\n".join(f"DISAGREE {fault}" for fault in faults) or "the answers agree")
    return 1 if faults else 0


def duckdb_customers(path, per_order):
    """Answer by one SQL statement; the aggregate by day is faster there than count(distinct day)."""
    import duckdb

    source = f"""(SELECT order_id, customer_id, order_date::DATE AS day, amount
                  FROM read_csv('{path}', types = {{'amount': 'DECIMAL(18,4)'}}))"""
    orders = f"""(SELECT any_value(customer_id) AS customer_id, min(day) AS day, sum(amount) AS amount
                  FROM {source} GROUP BY order_id)"""
    days = f"""(SELECT customer_id, day, count(*) AS orders, sum(amount) AS amount
                FROM {orders if per_order else source} GROUP BY customer_id, day)"""
    with duckdb.connect() as shop:
        shop.execute(
            f"""CREATE TABLE customers AS
                SELECT customer_id, count(*) AS purchase_days, min(day) AS first_day, max(day) AS last_day,
                       sum(orders) AS orders, sum(amount) AS revenue
                FROM {days} GROUP BY customer_id"""
        )
        totals = shop.execute("SELECT count(*), sum(orders), sum(revenue), sum(purchase_days) FROM customers")
        customers, orders, revenue, purchase_days = totals.fetchone()
    answer = {"customers": customers, "revenue": str(revenue), "purchase_days": int(purchase_days)}
    return answer | ({"orders": int(orders)} if per_order else {})


def duckdb(path):
    return duckdb_customers(path, per_order=True)


def duckdb_plain(path):
    return duckdb_customers(path, per_order=False)


def read_by_pandas(path, columns):
    """Read by the Arrow engine, which takes a fifth of the default engine's time."""
    import pandas as pd

    return pd.read_csv(path, usecols=columns, parse_dates=["order_date"], engine="pyarrow")


def pandas_customers(path, per_order):
    rows = read_by_pandas(path, USED if per_order else USED[1:])
    if per_order:
        rows = rows.groupby("order_id", sort=False).agg({"customer_id": "first", "order_date": "min", "amount": "sum"})
    rows["day"] = rows["order_date"].dt.normalize()
    days = rows.groupby(["customer_id", "day"], sort=False, as_index=False).agg(
        orders=("amount", "size"), amount=("amount", "sum")
    )
    customers = days.groupby("customer_id").agg(
        purchase_days=("day", "size"),
        first_day=("day", "min"),
        last_day=("day", "max"),
        orders=("orders", "sum"),
        revenue=("amount", "sum"),
    )
    answer = {
        "customers": len(customers),
        "revenue": float(customers["revenue"].sum()),
        "purchase_days": int(customers["purchase_days"].sum()),
    }
    return answer | ({"orders": int(customers["orders"].sum())} if per_order else {})


def pandas(path):
    return pandas_customers(path, per_order=True)


def pandas_plain(path):
    return pandas_customers(path, per_order=False)


def lifetimes_models(path, with_value):
    from lifetimes import BetaGeoFitter, GammaGammaFitter
    from lifetimes.utils import summary_data_from_transaction_data

    rows = read_by_pandas(path, USED[1:])
    customers = summary_data_from_transaction_data(
        rows, "customer_id", "order_date", monetary_value_col="amount", freq="D"
    )
    purchases = BetaGeoFitter().fit(customers["frequency"], customers["recency"], customers["T"])
    returning = customers[(customers["frequency"] > 0) & (customers["monetary_value"] > 0)]
    money = GammaGammaFitter().fit(returning["frequency"], returning["monetary_value"])
    answer = {
        "customers": len(customers),
        "purchase_days": int(customers["frequency"].sum()) + len(customers),
        "bg_nbd": dict(purchases.params_),
        "gamma_gamma": dict(money.params_),
    }
    if with_value:
        customers["value"] = money.customer_lifetime_value(
            purchases,
            customers["frequency"],
            customers["recency"],
            customers["T"],
            customers["monetary_value"],
            time=12,
            discount_rate=1.10 ** (1 / 12) - 1,
            freq="D",
        )
        with tempfile.TemporaryDirectory() as folder:
            customers.to_parquet(f"{folder}/value.parquet")
        answer["value"] = float(customers["value"].sum())
    return answer


def lifetimes(path):
    return lifetimes_models(path, with_value=False)


def lifetimes_clv(path):
    return lifetimes_models(path, with_value=True)


def us_predict(path):
    """Ours, seen from outside: the wrapper adds some hundredths of a second."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "value.parquet"
        subprocess.run([sys.executable, "-m", "clvtool", "predict", path, "-o", target, "-q"], check=True)
        import polars as pl

        values = pl.scan_parquet(target).select(pl.len(), pl.col("clv").sum()).collect()
    return {"customers": values["len"].item(), "value": float(values["clv"].item())}


def read(path):
    import polars as pl

    columns = [
        pl.col("customer_id").cast(pl.String).str.len_bytes().sum(),
        pl.col("order_date").str.len_bytes().sum(),
        pl.col("amount").cast(pl.Decimal(18, 4)).sum(),
    ]
    sums = pl.scan_csv(path, infer_schema=False).select(columns).collect(engine="streaming")
    return {"revenue": str(sums["amount"].item())}


WORKS = {
    "us-predict": us_predict,
    "duckdb": duckdb,
    "duckdb-plain": duckdb_plain,
    "pandas": pandas,
    "pandas-plain": pandas_plain,
    "lifetimes": lifetimes,
    "lifetimes-clv": lifetimes_clv,
    "read": read,
}
NAMES = ("us", *WORKS)


def run(name, path, peer_python):
    """Run one contestant on the log as a process and return what it took; ours runs in the present interpreter."""
    if name not in OURS:
        return measure([peer_python, __file__, name, path])
    if name == "us-predict":
        return measure([sys.executable, __file__, name, path])
    ours = measure([sys.executable, "-m", "clvtool", "compute", path, "--format", "json"])
    figures = {row["metric"]: row["value"] for row in ours.answer["rows"]}
    picked = {name: figures[name] for name in ("customers", "orders", "revenue")}
    return Measured(ours.seconds, ours.megabytes, picked)


if __name__ == "__main__":
    print(json.dumps(WORKS[sys.argv[1]](Path(sys.argv[2]))))
