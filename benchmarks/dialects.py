"""Time clvtool on the same orders in other dialects: `python benchmarks/dialects.py --rows 10M`.

The files are those of make_dialects.py. Every run is a process; all run in turn, `--repeat` times. The slow parser
reads a million rows at most. Exit code 1: a figure differs between dialects of the same orders.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median

import peers

FILES = ("plain", "polish", "lines", "shopify", "tolerant")
SAME = (("plain", "polish"), ("lines", "shopify"))
SIZES = {"1M": 1_000_000, "10M": 10_000_000, "30M": 30_000_000}
TOLERANT_ROWS = 1_000_000
COMPARED = ("customers", "orders", "revenue", "clv_comprehensive")


def made(name, size):
    """Make the file in a process of its own: the peak of a measured process begins with the size of this one."""
    make = [sys.executable, Path(__file__).with_name("make_dialects.py"), "--rows", size, "--file", name]
    return Path(subprocess.run(make, check=True, capture_output=True, text=True).stdout.strip())


def ours(path):
    run = peers.measure([sys.executable, "-m", "clvtool", "compute", path, "--format", "json"])
    figures = {row["metric"]: row["value"] for row in run.answer["rows"]}
    return run.seconds, run.megabytes, tuple(figures[name] for name in COMPARED)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", choices=SIZES, default="1M")
    parser.add_argument("--repeat", type=int, default=3)
    chosen = parser.parse_args()
    paths = {name: made(name, chosen.rows) for name in FILES}
    print(peers.machine())
    runs = {name: [] for name in FILES}
    for _ in range(chosen.repeat):
        for name in FILES:
            runs[name].append(ours(paths[name]))
    base = median(seconds for seconds, *_ in runs["plain"])
    print(f"\n{'file':12}{'MB':>8}{'median s':>10}{'× plain':>10}{'peak MiB':>10}")
    for name in FILES:
        seconds = median(seconds for seconds, *_ in runs[name])
        size, peak = paths[name].stat().st_size / 1e6, median(peak for _, peak, _ in runs[name])
        print(f"{name:12}{size:8.0f}{seconds:10.2f}{seconds / base:10.2f}{peak:10.0f}")
    speed = min(SIZES[chosen.rows], TOLERANT_ROWS) / median(seconds for seconds, *_ in runs["tolerant"])
    print(f"\nthe slow parser: {speed:,.0f} rows a second, all included")
    answers = {name: {answer for *_, answer in found} for name, found in runs.items()}
    faults = [f"{a} {answers[a]}, {b} {answers[b]}" for a, b in SAME if len(answers[a] | answers[b]) > 1]
    return peers.verdict(faults)


if __name__ == "__main__":
    sys.exit(main())
