"""Make the log of make_log.py in another dialect: `python benchmarks/make_dialects.py --rows 1M --file polish`.

plain      the log `plain`
polish     the same: semicolons, decimal commas, 31.12.2024 14:05, Windows-1250, Polish headers
lines      the log `lines`: the lines of an order share its id
shopify    the same as Shopify exports it: 79 columns, the order's own cells on its first line only
tolerant   the first million rows of `plain`, and in the middle a quotation mark that is not closed
"""

import argparse
from pathlib import Path

import make_log
import polars as pl

POLISH = {
    "Numer zamówienia": "order_id",
    "Klient": "customer_id",
    "Data": "order_date",
    "Kwota": "amount",
    "Źródło": "channel",
    "Nazwa produktu": "product",
    "Ilość": "quantity",
}
SHOPIFY = (
    (Path(__file__).parents[1] / "tests" / "ingest" / "data" / "shopify_header.csv").read_text().strip().split(",")
)
TOLERANT_ROWS = 1_000_000


def polish(source, path):
    text = pl.scan_csv(source, infer_schema=False)
    date = pl.col("order_date").str.to_datetime("%Y-%m-%d %H:%M:%S").dt.strftime("%d.%m.%Y %H:%M")
    amount = pl.col("amount").str.replace(".", ",", literal=True)
    unfinished = path.with_suffix(".utf-8")
    named = [pl.col(column).alias(name) for name, column in POLISH.items()]
    text.with_columns(order_date=date, amount=amount).select(named).sink_csv(unfinished, separator=";")
    with unfinished.open(encoding="utf-8") as read, path.open("w", encoding="cp1250") as write:
        while chunk := read.read(1 << 22):
            write.write(chunk)
    unfinished.unlink()


def shopify(source, path):
    rows = pl.read_csv(source, infer_schema=False)
    first = pl.col("order_id").is_first_distinct()
    total = pl.col("amount").cast(pl.Decimal(18, 2)).sum().over("order_id").cast(pl.String)
    cells = {
        "Name": pl.format("#{}", "order_id"),
        "Email": pl.format("{}@example.com", "customer_id"),
        "Financial Status": pl.when(first).then(pl.lit("paid")),
        "Currency": pl.when(first).then(pl.lit("EUR")),
        "Total": pl.when(first).then(total),
        "Created at": pl.format("{} +0200", "order_date"),
        "Lineitem quantity": pl.lit("1"),
        "Lineitem name": pl.col("product"),
        "Lineitem price": pl.col("amount"),
        "Source": pl.col("channel"),
    }
    rows.select(cells.get(name, pl.lit(None, pl.String)).alias(name) for name in SHOPIFY).write_csv(path)


def tolerant(source, path):
    with source.open("rb") as read, path.open("wb") as write:
        for place, line in zip(range(TOLERANT_ROWS + 1), read, strict=False):
            write.write(line.replace(b",P", b',"P', 1) if place == TOLERANT_ROWS // 2 else line)


MADE = {"polish": (polish, "plain"), "shopify": (shopify, "lines"), "tolerant": (tolerant, "plain")}


def ensure(name, size):
    """Return the path of the file, made if it is not there."""
    if name not in MADE:
        return make_log.ensure(size, name)
    make, log = MADE[name]
    source, path = make_log.ensure(size, log), make_log.DATA / f"{name}-{size}.csv"
    if not path.exists() or path.stat().st_mtime < max(source.stat().st_mtime, Path(__file__).stat().st_mtime):
        unfinished = path.with_suffix(".part")
        make(source, unfinished)
        unfinished.rename(path)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", choices=make_log.SIZES, default="1M")
    parser.add_argument("--file", choices=("plain", "lines", *MADE), default="polish")
    chosen = parser.parse_args()
    print(ensure(chosen.file, chosen.rows))


if __name__ == "__main__":
    main()
