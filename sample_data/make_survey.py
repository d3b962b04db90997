"""Write survey.csv, what customers of the invented coffee shop answered: `python make_survey.py [FILE]`.

It goes with orders.csv, which is read: the same customers, asked ten days after some of their orders. As there, the
file is the same to the byte on every machine, for `random()` alone is used.

How content somebody is follows what happened to them and goes before what they do: it is lower after something had to
be sent back and for customers won by the marketplace, it differs from person to person, and those who are content buy
again more often (which orders.csv knows already, so contentment is drawn from the orders that follow). The scores are
contentment in steps, the effort is lower the later the order, as the shop learns, and the content and the cross answer
more often than those in between.
"""

import csv
import sys
from datetime import date, timedelta
from math import cos, log, pi, sqrt
from pathlib import Path
from random import Random

SEED = 2027
HERE = Path(__file__).parent
LAST_DAY = date(2026, 6, 30)
ASKED = 0.25  # share of the orders after which the customer is asked
WAIT_DAYS = 10
ANSWERED = (0.30, 0.09)  # chance to answer at middling contentment, and what one step away from it adds
COMMENTED = 0.35  # share of the answers with a comment
LATER_DAYS, LEAST_DAYS = 180, 45  # orders within so many days after the answer speak for contentment; if known

PERSON, NOISE = 0.8, 0.7  # how far people differ, and one person's answers
BY_CHANNEL = {"newsletter": 0.25, "organic": 0.15, "google_ads": 0.0, "social": -0.1, "marketplace": -0.5}
SENT_BACK, CAME_BACK = -1.5, 0.4  # after a return; for each later order, up to three
MIDDLE, USUAL = 2.2, 1.4  # later orders, where that is not known yet
NPS_STEPS = (-2.6, -2.3, -2.05, -1.8, -1.55, -1.3, -1.05, -0.65, -0.1, 0.45)  # contentment from which on it is 1 .. 10
CSAT_STEPS = (-2.1, -1.4, -0.6, 0.4)
CES_STEPS = (-1.9, -1.2, -0.5, 0.45)
LEARNED = 0.7  # what the shop gained in ease over the two years

PRAISE = (
    "Fresh beans and quick delivery",
    "Great coffee, will order again",
    "The aroma is wonderful",
    "Friendly support, thank you",
    "Fast delivery and careful packaging",
)
MIDDLING = (
    "Good coffee, delivery could be faster",
    "Fine, but a bit expensive",
    "The checkout took some time",
    "Coffee is good, packaging was damaged",
)
BLAME = (
    "Delivery was late and nobody answered",
    "The parcel arrived damaged",
    "Refund took three weeks",
    "Stale beans, very disappointed",
    "Wrong product, and the return was complicated",
    "Too expensive for this quality",
)
COLUMNS = ["answer_id", "survey_date", "customer_id", "channel", "country", "nps", "csat", "ces", "comment"]

rng = Random(SEED)


def normal():
    return sqrt(-2 * log(1 - rng.random())) * cos(2 * pi * rng.random())


def pick(texts):
    return texts[int(rng.random() * len(texts))]


def steps(bounds, value):
    """Return how many of the bounds a value has reached."""
    return sum(value >= bound for bound in bounds)


def histories():
    """Return of every known customer: channel and country of the first order, days of orders, days of returns."""
    found = {}
    with (HERE / "orders.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if not row["customer_id"] or row["status"] == "cancelled":
                continue
            day = date.fromisoformat(row["order_date"])
            one = found.setdefault(row["customer_id"], (row["channel"], row["country"], {}, []))
            if row["status"] == "refunded":
                one[3].append(day)
            else:
                one[2].setdefault(row["order_id"], day)
    return sorted(found.items())


def answers():
    """Return the rows without their numbers, by day."""
    rows = []
    for customer, (channel, country, orders, returns) in histories():
        person = PERSON * normal() + BY_CHANNEL[channel]
        for bought in orders.values():
            day = bought + timedelta(WAIT_DAYS)
            if rng.random() >= ASKED or day > LAST_DAY:
                continue
            days = min(LATER_DAYS, (LAST_DAY - day).days)
            later = sum(day < other <= day + timedelta(days) for other in orders.values())
            later = later * LATER_DAYS / days if days >= LEAST_DAYS else USUAL
            back = any(bought <= other <= day for other in returns)
            content = person + SENT_BACK * back + CAME_BACK * (min(later, 3) - MIDDLE) + NOISE * normal()
            row = [day.isoformat(), customer, channel, country]
            if rng.random() >= ANSWERED[0] + ANSWERED[1] * abs(content):
                rows.append([*row, "", "", "", ""])
                continue
            nps = steps(NPS_STEPS, content)
            csat = 1 + steps(CSAT_STEPS, content + 0.4 * normal())
            learned = LEARNED * (day - date(2024, 7, 1)).days / 730
            ces = 5 - steps(CES_STEPS, content - LEARNED + learned + 0.5 * normal())
            said = PRAISE if nps > 8 else MIDDLING if nps > 6 else BLAME
            rows.append([*row, nps, csat, ces, pick(said) if rng.random() < COMMENTED else ""])
    return sorted(rows, key=lambda row: row[:2])


def main():
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "survey.csv"
    rows = [[f"A-{number}", *row] for number, row in enumerate(answers(), start=50001)]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    print(f"{target.name}: {len(rows)} rows")


if __name__ == "__main__":
    main()
