"""Time clvtool against its peers on the same data, in turn, and check that they agree: `python benchmarks/run.py`.

Every contestant runs once, then every one again, `--repeat` times: a slow minute of the machine hits all alike. Wall
time and peak memory are those of the whole process. Exit code 1: an answer disagrees, or a contestant failed.
"""

import argparse
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from statistics import median

import models
import peers

EACH = ("us-predict", "lifetimes-clv")  # a value for every customer
CLOSE_VALUE = 0.03  # relative, between the sums of the two: lifetimes counts months of 30 days
FLOATING = 1e-9  # relative, for the revenue of contestants that add floats


def agree(name, key, value, expected):
    if key == "revenue" and name.startswith("pandas"):
        return abs(float(value) / float(expected) - 1) <= FLOATING
    return Decimal(value) == Decimal(expected)


def disagreements(runs):
    """Compare every figure of every run with the first contestant that tells it; revenue must be exact to the cent."""
    expected, faults = {}, []
    for name, measured in runs.items():
        for key in ("customers", "orders", "purchase_days", "revenue"):
            for value in {run.answer[key] for run in measured if key in run.answer}:
                teller, right = expected.setdefault(key, (name, value))
                if not agree(name, key, value, right):
                    faults.append(f"{key}: {teller} {right}, {name} {value}")
    values = {name: float(runs[name][0].answer["value"]) for name in EACH if runs.get(name)}
    if len(values) == len(EACH) and abs(values[EACH[0]] / values[EACH[1]] - 1) > CLOSE_VALUE:
        faults.append(f"value of all customers: {values}")
    return faults


def race(path, names, repeat, peer_python):
    """Return the runs of each contestant, and a fault for each that failed (it takes no further part)."""
    with path.open("rb") as file:  # into the page cache, for the first contestant as for the others
        while file.read(1 << 20):
            pass
    runs, faults = {name: [] for name in names}, []
    for _ in range(repeat):
        for name in list(runs):
            try:
                runs[name].append(peers.run(name, path, peer_python))
            except RuntimeError as error:
                faults.append(f"{name} failed: {error}")
                del runs[name]
    return runs, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", choices=("1M", "10M", "30M"), default="1M")
    parser.add_argument("--log", nargs="+", choices=("plain", "lines", "hard"), default=["plain", "lines"])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--customers", type=int, help="for the fits; default 1,000,000, with --rows 1M 100,000")
    parser.add_argument("--only", help=f"names with commas between: {', '.join((*peers.NAMES, 'models'))}")
    parser.add_argument("--peer-python", type=Path, default=peers.PEER_PYTHON, help="interpreter that has the peers")
    chosen = parser.parse_args()
    wanted = chosen.only.split(",") if chosen.only else [*peers.NAMES, "models"]
    if unknown := set(wanted) - {*peers.NAMES, "models"}:
        parser.error(f"no such contestant: {', '.join(sorted(unknown))}")
    if not chosen.peer_python.exists():
        parser.error(f"no {chosen.peer_python}: benchmarks/README.md says how to install the peers")
    names = [name for name in peers.NAMES if name in wanted]

    print(peers.machine())
    faults = []
    for log in chosen.log if names else ():
        made = [sys.executable, Path(__file__).with_name("make_log.py"), "--rows", chosen.rows, "--log", log]
        path = Path(subprocess.run(made, check=True, capture_output=True, text=True).stdout.strip())
        runs, failed = race(path, names, chosen.repeat, chosen.peer_python)
        faults += [f"{log}: {fault}" for fault in (*failed, *disagreements(runs))]
        rows = [
            (
                "value of each" if name in EACH else "whole process",
                name,
                [run.seconds for run in done],
                median(run.megabytes for run in done),
            )
            for name, done in runs.items()
        ]
        title = f"\n{log}, {chosen.rows} rows, {path.stat().st_size / 1e6:.0f} MB, {chosen.repeat} runs each"
        print(peers.table(title, rows), flush=True)
    if "models" in wanted:
        customers = chosen.customers or (100_000 if chosen.rows == "1M" else 1_000_000)
        print()
        rows, wrong = models.compare(customers, chosen.repeat, chosen.peer_python)
        faults += wrong
        print(peers.table(f"\n{customers:,} customers, {chosen.repeat} runs each", rows))
    print()
    return peers.verdict(faults)


if __name__ == "__main__":
    sys.exit(main())
