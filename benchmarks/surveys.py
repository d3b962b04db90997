"""Time `nps` by group and month, and joined with orders, against DuckDB: `python benchmarks/surveys.py`.

The answers are made for the customers of the log `plain`: as many answers as the log has rows, one in twenty by
somebody who bought nothing, one in ten without a score. Ours is `clvtool nps FILE ... -o OURS.csv` as a whole process;
the peer reads the same files in SQL and writes the same columns. Both tables are then compared row by row. Exit code 1:
a row differs, or a contestant failed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import peers

SEED = 20250301
DATA = Path(__file__).parent / "data"
SIZES = {"1M": 1_000_000, "10M": 10_000_000}
WORKS = ("nps by month", "nps and orders")
READ_ANSWERS = """CREATE TEMP VIEW answers AS SELECT customer_id, answer_date::DATE AS day, nps, channel
                  FROM read_csv('{survey}', types = {{'customer_id': 'VARCHAR', 'nps': 'INTEGER'}})"""
READ_ORDERS = """CREATE TEMP VIEW log AS SELECT customer_id, order_date::DATE AS day, amount
                 FROM read_csv('{orders}', types = {{'amount': 'DECIMAL(18,4)', 'customer_id': 'VARCHAR'}})"""
KIND = """CASE WHEN {0} >= 9 THEN 'promoters' WHEN {0} >= 7 THEN 'passives' ELSE 'detractors' END"""
SQL = {
    "nps by month": [
        """CREATE TEMP TABLE cells AS
           SELECT channel, strftime(day, '%Y-%m') AS period, count(nps) AS n, count(*) AS rows,
                  count(*) FILTER (nps >= 9) AS promoters, count(*) FILTER (nps BETWEEN 7 AND 8) AS passives,
                  count(*) FILTER (nps <= 6) AS detractors
           FROM answers GROUP BY ALL""",
        """CREATE TEMP TABLE answer AS
           SELECT coalesce(channel, '(total)') AS channel, period, sum(n) AS n, sum(promoters) AS promoters,
                  sum(passives) AS passives, sum(detractors) AS detractors,
                  round(100 * (sum(promoters) - sum(detractors)) / sum(n), 6) AS nps,
                  round(sum(n) / sum(rows), 6) AS response_rate
           FROM cells GROUP BY GROUPING SETS ((channel, period), (period))""",
    ],
    "nps and orders": [
        """CREATE TEMP TABLE days AS SELECT customer_id, day, count(*) AS orders, sum(amount) AS amount
           FROM log GROUP BY customer_id, day""",
        "CREATE TEMP TABLE last AS SELECT max(day) AS as_of FROM days",
        """CREATE TEMP TABLE customers AS
           SELECT customer_id, sum(orders) AS orders, sum(amount) AS revenue, min(day) AS first,
                  coalesce(sum(amount) FILTER (day > as_of - 365), 0) AS year
           FROM days, last GROUP BY customer_id""",
        # the latest answer of each up to a day, of that day the one with the lowest score
        f"""CREATE TEMP MACRO latest(until) AS TABLE
            SELECT customer_id, said.day AS day, {KIND.format("-said.score")} AS kind
            FROM (SELECT customer_id, max({{'day': day, 'score': -nps}}) AS said FROM answers
                  WHERE nps IS NOT NULL AND customer_id IS NOT NULL AND day <= until GROUP BY customer_id)""",
        """CREATE TEMP TABLE answer AS
           WITH now AS (SELECT * FROM latest((SELECT as_of FROM last))),
                worth AS (SELECT kind, count(*) AS n, count(c.orders) AS customers, avg(c.revenue) AS revenue,
                                 avg(c.orders) AS orders, avg((c.orders >= 2)::INT) AS repeat_rate,
                                 sum(c.year) AS year
                          FROM now LEFT JOIN customers c USING (customer_id) GROUP BY kind),
                early AS (SELECT e.* FROM latest((SELECT as_of - 90 FROM last)) e JOIN customers c USING (customer_id)
                          WHERE c.first <= e.day),
                next AS (SELECT e.customer_id, any_value(e.kind) AS kind,
                                coalesce(bool_or(d.day > e.day AND d.day <= e.day + 90), false) AS back
                         FROM early e LEFT JOIN days d USING (customer_id) GROUP BY e.customer_id),
                stayed AS (SELECT kind, count(*) AS followed, avg(back::INT) AS retention_rate FROM next GROUP BY kind)
           SELECT kind AS "group", n, customers, round(revenue, 6) AS revenue, round(orders, 6) AS orders,
                  round(repeat_rate, 6) AS repeat_rate, round(retention_rate, 6) AS retention_rate, followed,
                  round(year, 4) AS last_year_revenue
           FROM worth JOIN stayed USING (kind)""",
    ],
}
OURS = {
    "nps by month": """SELECT channel, period, n, promoters, passives, detractors, round(nps, 6),
                              round(response_rate, 6) FROM read_csv('{path}')""",
    "nps and orders": """SELECT "group", n, customers, round(revenue, 6), round(orders, 6), round(repeat_rate, 6),
                                round(retention_rate, 6), followed, round(last_year_revenue, 4)
                         FROM read_csv('{path}') WHERE "group" NOT LIKE '(%'""",
}


def make(size):
    """Return the path of the answers, made if it is not there."""
    import numpy as np
    import polars as pl

    path, rows = DATA / f"survey-{size}.csv", SIZES[size]
    if path.exists() and path.stat().st_mtime > Path(__file__).stat().st_mtime:
        return path
    DATA.mkdir(exist_ok=True)
    rng = np.random.default_rng(SEED)
    customers = rows // 9
    who = rng.integers(0, customers, rows)
    patience = rng.normal(7.5, 1.5, customers)  # of each customer: scores of one are like each other
    score = np.clip(np.rint(patience[who] + rng.normal(0, 1.5, rows)), 0, 10).astype(np.int16)
    blank = rng.random(rows) < 0.1
    channels, countries = ("mail", "shop", "app", "phone"), ("PL", "DE", "CZ", "GB", "FR")
    known = rng.random(rows) >= 0.05
    day = np.datetime64("2023-01-01") + rng.integers(0, 740, rows)  # the log has 730 days
    pl.DataFrame(
        {
            "answer_id": np.arange(rows) + 1,
            "customer_id": np.where(known, who + 1_000_001, who + 900_000_001),
            "answer_date": pl.Series(day).cast(pl.Date),
            "nps": pl.Series(score).set(pl.Series(blank), None),
            "channel": pl.Series(channels).gather(rng.integers(0, len(channels), rows)),
            "country": pl.Series(countries).gather(rng.integers(0, len(countries), rows)),
        }
    ).write_csv(path)
    return path


def duckdb(work, survey, orders, target):
    import duckdb

    with duckdb.connect() as shop:
        for statement in (READ_ANSWERS.format(survey=survey), READ_ORDERS.format(orders=orders), *SQL[work]):
            shop.execute(statement)
        shop.execute(f"COPY answer TO '{target}' (HEADER)")
    return {}


def differing(work, ours, theirs):
    """Return how many rows of one table are not in the other, and how many ours has."""
    import duckdb

    left, right = OURS[work].format(path=ours), f"SELECT * FROM read_csv('{theirs}')"
    both = f"({left} EXCEPT ALL {right}) UNION ALL ({right} EXCEPT ALL {left})"
    with duckdb.connect() as shop:
        counts = [shop.execute(f"SELECT count(*) FROM ({query})").fetchone()[0] for query in (both, left)]
    return {"differ": counts[0], "rows": counts[1]}


def race(work, survey, orders, repeat, peer_python, folder):
    """Return the rows of the table of times, and faults."""
    ours, theirs = folder / "ours.csv", folder / "theirs.csv"
    more = ["--by", "channel", "--period", "month"] if work == "nps by month" else ["--orders", str(orders)]
    command = [sys.executable, "-m", "clvtool", "nps", str(survey), *more, "-q", "-o", str(ours)]
    # the shell says that it is done in JSON; its children's memory counts as its own
    shell = ["sh", "-c", '"$@" && echo "{}"', "sh", *command]
    peer = [peer_python, __file__, "--peer", work, str(survey), str(orders), str(theirs)]
    runs = {"us": [], "duckdb": []}
    for _ in range(repeat):
        for name, words in zip(runs, (shell, peer), strict=True):
            runs[name].append(peers.measure(words))
    found = peers.measure([peer_python, __file__, "--differ", work, str(ours), str(theirs)]).answer
    faults = [f"{work}: {found['differ']} rows differ"] if found["differ"] or not found["rows"] else []
    rows = [
        (work, name, [run.seconds for run in done], median(run.megabytes for run in done))
        for name, done in runs.items()
    ]
    return rows, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", choices=tuple(SIZES), default="1M")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer-python", type=Path, default=peers.PEER_PYTHON, help="interpreter that has DuckDB")
    parser.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--peer", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--differ", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.make:  # in a process of its own: the measuring one must stay small
        print(make(chosen.rows))
        return 0
    if chosen.peer or chosen.differ:
        print(json.dumps(duckdb(*chosen.peer) if chosen.peer else differing(*chosen.differ)))
        return 0
    survey, orders = (
        Path(subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True).stdout.strip())
        for words in (
            [__file__, "--make", "--rows", chosen.rows],
            [str(Path(__file__).with_name("make_log.py")), "--rows", chosen.rows, "--log", "plain"],
        )
    )
    print(peers.machine())
    rows, faults = [], []
    with tempfile.TemporaryDirectory() as folder:
        for work in WORKS:
            found, wrong = race(work, survey, orders, chosen.repeat, chosen.peer_python, Path(folder))
            rows += found
            faults += wrong
    print(peers.table(f"\n{chosen.rows} answers, {chosen.rows} rows of orders, {chosen.repeat} runs each", rows))
    print()
    return peers.verdict(faults)


if __name__ == "__main__":
    sys.exit(main())
