"""Time retention, cohorts and RFM against DuckDB, and compare every figure: `python benchmarks/measures.py`.

Ours is `clvtool COMMAND FILE -o OURS.csv` as a whole process; the peer reads the same file in SQL and writes the same
columns. Both tables are then compared row by row. Exit code 1: a row differs, or a contestant failed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import peers

COMMANDS = {
    "retention": ["retention"],
    "cohorts": ["cohorts"],
    "segment rfm": ["segment", "--scheme", "rfm"],
}
COLUMNS = {
    "retention": 'period, start, new, new_lost, lost, returned, "end"',
    "cohorts": "cohort, size, age, active, orders, revenue",
    "segment rfm": "customer_id, r, f, m, recency_days, orders, revenue",
}
TYPES = {"revenue": "DECIMAL(38,4)", "customer_id": "VARCHAR", "period": "VARCHAR", "cohort": "VARCHAR"}
LOG = """CREATE TEMP VIEW log AS SELECT customer_id, order_date::DATE AS day, amount
         FROM read_csv('{path}', types = {{'amount': 'DECIMAL(18,4)', 'customer_id': 'VARCHAR'}})"""
DAYS = """CREATE TEMP TABLE days AS SELECT customer_id, day, count(*) AS orders, sum(amount) AS amount
          FROM log GROUP BY customer_id, day"""
MONTHS = """CREATE TEMP TABLE months AS
            SELECT row_number() OVER (ORDER BY month) AS place, month::DATE AS month, last_day(month::DATE) AS ends
            FROM (SELECT unnest(generate_series(date_trunc('month', min(day)), max(day), INTERVAL 1 MONTH)) AS month
                  FROM days)"""
SQL = {
    # the window: the smallest whole number of days that holds 90 % of the gaps, at most half of the log; then stays as
    # islands of months at whose ends a customer is active
    "retention": [
        """CREATE TEMP TABLE span AS
           WITH gaps AS (SELECT day - lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS gap FROM days),
                counts AS (SELECT gap, count(*) AS n FROM gaps WHERE gap IS NOT NULL GROUP BY gap),
                running AS (SELECT gap, sum(n) OVER (ORDER BY gap) AS within, sum(n) OVER () AS every FROM counts)
           SELECT least((SELECT min(gap) FROM running WHERE within * 10 >= every * 9),
                        (SELECT (max(day) - min(day) + 1) // 2 FROM days))::INTEGER AS w""",
        """CREATE TEMP TABLE bought AS
           WITH last AS (SELECT customer_id, date_trunc('month', day)::DATE AS month, max(day) AS day
                         FROM days GROUP BY ALL),
                first AS (SELECT customer_id, min(month) AS month FROM last GROUP BY customer_id)
           SELECT l.customer_id, m.place,
                  datediff('month', (SELECT min(month) FROM months), l.day + w)
                      AS until, f.month = l.month AS is_first
           FROM last l JOIN months m USING (month) JOIN first f USING (customer_id), span""",
        """CREATE TEMP TABLE stays AS
           WITH seen AS (SELECT * FROM bought WHERE until >= place),
                marked AS (SELECT *, coalesce(place > 1 + max(until) OVER (PARTITION BY customer_id ORDER BY place
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS begins FROM seen),
                islands AS (SELECT *, sum(begins::INT) OVER (PARTITION BY customer_id ORDER BY place) AS island
                            FROM marked)
           SELECT min(place) AS begin, max(until) AS done, bool_or(is_first) AS is_new
           FROM islands GROUP BY customer_id, island""",
        """CREATE TEMP TABLE answer AS
           WITH came AS (SELECT begin AS place, count(*) FILTER (is_new) AS new,
                                count(*) FILTER (NOT is_new) AS returned FROM stays GROUP BY begin),
                went AS (SELECT done + 1 AS place, count(*) AS lost FROM stays GROUP BY done),
                firsts AS (SELECT place, count(*) AS first FROM bought WHERE is_first GROUP BY place),
                flows AS (SELECT place, month, coalesce(new, 0) AS new,
                                 coalesce(first, 0) - coalesce(new, 0) AS new_lost,
                                 coalesce(lost, 0) AS lost, coalesce(returned, 0) AS returned
                          FROM months LEFT JOIN came USING (place) LEFT JOIN went USING (place)
                               LEFT JOIN firsts USING (place)),
                ended AS (SELECT *, sum(new + returned - lost) OVER (ORDER BY place) AS "end" FROM flows)
           SELECT strftime(month, '%Y-%m') AS period, coalesce(lag("end") OVER (ORDER BY place), 0) AS start,
                  new, new_lost, lost, returned, "end" FROM ended""",
    ],
    "cohorts": [
        """CREATE TEMP TABLE answer AS
           WITH first AS (SELECT customer_id, date_trunc('month', min(day))::DATE AS month
                          FROM days GROUP BY customer_id),
                sizes AS (SELECT month, count(*) AS size FROM first GROUP BY month),
                cells AS (SELECT f.month, datediff('month', f.month, d.day) AS age,
                                 count(DISTINCT d.customer_id) AS active, sum(d.orders) AS orders,
                                 sum(d.amount) AS revenue
                          FROM days d JOIN first f USING (customer_id) GROUP BY ALL),
                every AS (SELECT c.month, (a.place - c.place)::BIGINT AS age
                          FROM months c JOIN months a ON a.place >= c.place)
           SELECT strftime(every.month, '%Y-%m') AS cohort, coalesce(size, 0) AS size, every.age,
                  coalesce(active, 0) AS active, coalesce(orders, 0) AS orders, coalesce(revenue, 0) AS revenue
           FROM every LEFT JOIN sizes USING (month)
                LEFT JOIN cells ON cells.month = every.month AND cells.age = every.age""",
    ],
    "segment rfm": [
        """CREATE TEMP TABLE answer AS
           WITH c AS (SELECT customer_id, max(day) AS last, count(*) AS days, sum(orders) AS orders,
                             sum(amount) AS revenue FROM days GROUP BY customer_id),
                n AS (SELECT count(*) AS n, max(last) AS as_of FROM c)
           SELECT customer_id,
                  1 + 5 * (rank() OVER (ORDER BY last) - 1) // n AS r,
                  1 + 5 * (rank() OVER (ORDER BY days) - 1) // n AS f,
                  1 + 5 * (rank() OVER (ORDER BY revenue) - 1) // n AS m,
                  as_of - last AS recency_days, orders, revenue FROM c, n""",
    ],
}


def duckdb(work, path, target):
    import duckdb

    with duckdb.connect() as shop:
        for statement in (LOG.format(path=path), DAYS, MONTHS, *SQL[work]):
            shop.execute(statement)
        shop.execute(f"COPY answer TO '{target}' (HEADER)")
    return {}


def differing(work, ours, theirs):
    """Return how many rows of one table are not in the other, and how many ours has."""
    import duckdb

    def read(path):
        with Path(path).open() as file:
            header = file.readline().strip().split(",")
        kept = {name: kind for name, kind in TYPES.items() if name in header}
        # the future is empty in our table of cohorts, and no row in the other
        some = "WHERE active IS NOT NULL" if work == "cohorts" else ""
        return f"SELECT {COLUMNS[work]} FROM read_csv('{path}', types = {kept}) {some}"

    left, right = read(ours), read(theirs)
    both = f"({left} EXCEPT ALL {right}) UNION ALL ({right} EXCEPT ALL {left})"
    with duckdb.connect() as shop:
        counts = [shop.execute(f"SELECT count(*) FROM ({query})").fetchone()[0] for query in (both, left)]
    return {"differ": counts[0], "rows": counts[1]}


def race(work, path, repeat, peer_python, folder):
    """Return the rows of the table of times, and faults."""
    ours, theirs = folder / "ours.csv", folder / "theirs.csv"
    command = [sys.executable, "-m", "clvtool", *COMMANDS[work], str(path), "-q", "-o", str(ours)]
    # the shell says that it is done in JSON; its children's memory counts as its own
    shell = ["sh", "-c", '"$@" && echo "{}"', "sh", *command]
    contestants = {"us": shell, "duckdb": [peer_python, __file__, "--peer", work, str(path), str(theirs)]}
    runs = {name: [] for name in contestants}
    for _ in range(repeat):
        for name, words in contestants.items():
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
    parser.add_argument("--rows", choices=("1M", "10M", "30M"), default="1M")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer-python", type=Path, default=peers.PEER_PYTHON, help="interpreter that has DuckDB")
    parser.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--differ", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.peer or chosen.differ:
        print(json.dumps(duckdb(*chosen.peer) if chosen.peer else differing(*chosen.differ)))
        return 0
    made = [sys.executable, Path(__file__).with_name("make_log.py"), "--rows", chosen.rows, "--log", "plain"]
    path = Path(subprocess.run(made, check=True, capture_output=True, text=True).stdout.strip())
    print(peers.machine())
    rows, faults = [], []
    with tempfile.TemporaryDirectory() as folder:
        for work in COMMANDS:
            found, wrong = race(work, path, chosen.repeat, chosen.peer_python, Path(folder))
            rows += found
            faults += wrong
    print(
        peers.table(f"\nplain, {chosen.rows} rows, {path.stat().st_size / 1e6:.0f} MB, {chosen.repeat} runs each", rows)
    )
    print()
    return peers.verdict(faults)


if __name__ == "__main__":
    sys.exit(main())
