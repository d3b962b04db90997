"""Write exit.csv, why customers of the invented coffee shop left: `python make_exit.py [FILE]`.

It goes with orders.csv, which is read: customers who have not ordered for a while, asked once. As there, the file is
the same to the byte on every machine, for `random()` alone is used.

Each is shown six of eight reasons, in this order, and may name several. Which ones follows what happened: who sent
something back names quality or the return, who came by the marketplace the price, abroad the delivery; and delivery is
named less often from the second year on.
"""

import csv
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

SEED = 2028
HERE = Path(__file__).parent
LAST_DAY = date(2026, 6, 30)
SILENT_DAYS = 90  # without an order, after which the customer is asked
ANSWERED = 0.30
SHOWN = 6  # of the reasons
SECOND_YEAR = date(2025, 7, 1)

REASONS = (
    "Too expensive",
    "Found another shop",
    "Delivery takes too long",
    "Delivery costs, also for small parcels",
    "Quality of the coffee",
    "Trouble with a return",
    "Drink less coffee",
    "Too many e-mails",
)
USUAL = (0.28, 0.22, 0.16, 0.14, 0.10, 0.04, 0.15, 0.08)  # chance to name each
AFTER_RETURN = {4: 0.45, 5: 0.40}
MARKETPLACE = {0: 0.50, 1: 0.35}
ABROAD = {2: 0.35, 3: 0.30}
BETTER_DELIVERY = 0.4
COLUMNS = ["answer_id", "exit_date", "customer_id", "channel", "country", "shown", "reasons", "yearly_value"]

rng = Random(SEED)


def histories():
    """Return of every known customer: channel and country of the first order, days and amounts, any return."""
    found = {}
    with (HERE / "orders.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if not row["customer_id"] or row["status"] == "cancelled":
                continue
            one = found.setdefault(row["customer_id"], [row["channel"], row["country"], [], False])
            one[2].append((date.fromisoformat(row["order_date"]), Decimal(row["amount"])))
            one[3] = one[3] or row["status"] == "refunded"
    return sorted(found.items())


def shown_places():
    """Return which reasons are shown, in their order."""
    drawn = sorted((rng.random(), place) for place in range(len(REASONS)))
    return sorted(place for _, place in drawn[:SHOWN])


def answers():
    """Return the rows without their numbers, by day."""
    rows = []
    for customer, (channel, country, money, came_back) in histories():
        last = max(day for day, _ in money)
        day = last + timedelta(SILENT_DAYS + int(rng.random() * 30))
        if day > LAST_DAY or rng.random() >= ANSWERED:
            continue
        chances = dict(enumerate(USUAL))
        chances |= AFTER_RETURN if came_back else {}
        chances |= MARKETPLACE if channel == "marketplace" else {}
        chances |= ABROAD if country != "PL" else {}
        if day >= SECOND_YEAR:
            chances |= {2: chances[2] * BETTER_DELIVERY}
        places = shown_places()
        named = [REASONS[place] for place in places if rng.random() < chances[place]]
        value = sum((amount for bought, amount in money if bought > last - timedelta(365)), Decimal(0))
        shown = "; ".join(REASONS[place] for place in places)
        rows.append([day.isoformat(), customer, channel, country, shown, "; ".join(named), f"{max(value, 0):.2f}"])
    return sorted(rows, key=lambda row: row[:2])


def main():
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "exit.csv"
    rows = [[f"X-{number}", *row] for number, row in enumerate(answers(), start=70001)]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    print(f"{target.name}: {len(rows)} rows")


if __name__ == "__main__":
    main()
