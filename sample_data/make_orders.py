"""Write orders.csv, the order lines of an invented coffee shop: `python make_orders.py [FILE]`.

The file is the same to the byte on every machine. `random()` is the one method of the generator whose numbers Python
promises to keep, so everything else is built upon it, and money is counted in whole cents.

Who buys when follows the BG/NBD story: a customer buys at random at a rate of their own, and after each repeat
purchase may leave for good, with a chance of their own. What they spend follows the Gamma-Gamma story: each has a
level of their own, and their orders scatter around it. Rates, chances and levels depend on how the customer was won.
"""

import csv
import sys
from bisect import bisect_right
from datetime import date, timedelta
from itertools import accumulate
from math import log
from pathlib import Path
from random import Random

SEED = 2026
FIRST_DAY, LAST_DAY = date(2024, 7, 1), date(2026, 6, 30)
DAYS = (LAST_DAY - FIRST_DAY).days + 1
SEASON = {11: 1.15, 12: 1.45, 1: 0.9, 7: 0.92, 8: 0.92}  # how busy a month is; the others are 1

CUSTOMERS = 2800
NO_BIRTH_DATE = 0.20  # share of customers
GUEST_ORDERS = 0.05  # share of all orders: no customer id
CANCELLED_ORDERS = 0.02
FREE_SAMPLES = 12  # orders at amount 0
RETURNED_ORDERS = 0.022  # sent back whole
RETURNED_LINES = 0.022  # of the other lines: sent back, or some pieces of it
OTHER_CHANNEL = 0.08  # share of repeat orders that come by the newsletter, however the customer was won
LINES_PER_ORDER = {1: 0.50, 2: 0.32, 3: 0.18}
COUNTRIES = {"PL": 0.46, "DE": 0.24, "CZ": 0.14, "GB": 0.10, "SK": 0.06}

# Of each channel: share of the customers won, mean days between purchases, mean chance to leave after a repeat
# purchase, mean money per order.
CHANNELS = {
    "organic": (0.30, 80, 0.10, 52.0),
    "newsletter": (0.16, 60, 0.08, 58.0),
    "google_ads": (0.24, 110, 0.16, 48.0),
    "social": (0.18, 150, 0.24, 40.0),
    "marketplace": (0.12, 190, 0.30, 36.0),
}
SPEND_SHAPE = 6  # how evenly one customer spends: the p of the Gamma-Gamma model
LEVEL_SHAPE = 4  # how alike the customers' levels are: its q

# Of each product: category, price and cost in cents, days that one purchase lasts (0: not used up).
PRODUCTS = {
    "Aurora Espresso 250g": ("coffee", 890, 490, 21),
    "Lowland Blend 500g": ("coffee", 1290, 760, 30),
    "Mountain Filter Roast 1kg": ("coffee", 2690, 1560, 45),
    "Night Train Decaf 250g": ("coffee", 990, 560, 28),
    "Morning Mist Green 100g": ("tea", 740, 330, 40),
    "Old Harbour Black 200g": ("tea", 1180, 540, 60),
    "Paper Filters 100 pcs": ("supplies", 490, 210, 60),
    "Descaler 2 pcs": ("supplies", 1090, 480, 90),
    "Grinder Cleaner 430g": ("supplies", 1690, 820, 120),
    "Pourover Dripper": ("brewing", 2490, 1320, 0),
    "French Press 1l": ("brewing", 3490, 1980, 0),
    "Hand Grinder": ("brewing", 7900, 4900, 0),
    "Gooseneck Kettle": ("brewing", 10900, 7300, 0),
    "Stoneware Mug": ("tableware", 1490, 640, 0),
    "Espresso Cups 4 pcs": ("tableware", 2990, 1390, 0),
    "Travel Flask": ("tableware", 3290, 1750, 0),
}
MOST_PIECES = {"coffee": 8, "tea": 6, "supplies": 3, "brewing": 1, "tableware": 4}  # in one line
STAPLES = [name for name, (category, *_) in PRODUCTS.items() if category in {"coffee", "tea"}]
SAMPLE = ("Taster Sachet", "coffee", 0, 65)  # name, category, price, cost of what a free sample holds

COLUMNS = (
    "order_id,order_date,customer_id,birth_date,status,channel,country,product,category,quantity,unit_price,amount,cost"
)

rng = Random(SEED)


def chance(share):
    return rng.random() < share


def below(n):
    """Return a whole number 0 .. n − 1."""
    return int(rng.random() * n)


def pick(weights):
    """Return a key of `weights`, each as often as its weight says."""
    at = rng.random() * sum(weights.values())
    return list(weights)[min(bisect_right(list(accumulate(weights.values())), at), len(weights) - 1)]


def gamma(shape, mean):
    """Return a gamma variate of whole-numbered shape: a sum of exponential ones."""
    return sum(-log(1 - rng.random()) for _ in range(shape)) * mean / shape


def beta(mean):
    """Return a beta variate of that mean with a = 1: most chances are small, some are large."""
    return 1 - (1 - rng.random()) ** (mean / (1 - mean))


# The shop's own clock runs faster on busy days: BUSY[i] is its time at the end of day i.
BUSY = list(accumulate(SEASON.get((FIRST_DAY + timedelta(i)).month, 1.0) for i in range(DAYS)))


def purchase_days(channel):
    """Return the day numbers of one customer's purchases, the first one first (a day may come twice)."""
    _, gap, leaving, _ = CHANNELS[channel]
    rate, p_leave = gamma(1, 1 / gap), beta(leaving)
    now = rng.random() * BUSY[-1]
    days = []
    while now < BUSY[-1]:
        days.append(bisect_right(BUSY, now))
        if len(days) > 1 and chance(p_leave):
            break
        now += gamma(1, 1 / rate)
    return days


def basket(day, spend, favourites, last_bought):
    """Return the lines (product, quantity) of an order: favourites that have run out first, then other things."""
    lines = {}
    wanted = pick(LINES_PER_ORDER)
    due = [name for name in favourites if day - last_bought.get(name, -DAYS) >= PRODUCTS[name][3]][-wanted:]
    for left in range(wanted, 0, -1):
        budget = spend / left
        others = [name for name in PRODUCTS if PRODUCTS[name][1] <= 1.2 * budget and name not in {*lines, *favourites}]
        choice = due or others or STAPLES
        name = choice.pop(0) if due else choice[below(len(choice))]
        category, price, *_ = PRODUCTS[name]
        lines[name] = min(max(1, round(budget / price)), MOST_PIECES[category])
        last_bought[name] = day
        spend -= lines[name] * price
    return list(lines.items())


def order(day, person, channel, lines):
    return {"day": day, "person": person, "channel": channel, "lines": lines}


def orders_of_customers():
    """Return the orders of all customers, who are numbered in the order of their first purchase."""
    histories = []
    for _ in range(CUSTOMERS):
        channel = pick({name: share for name, (share, *_) in CHANNELS.items()})
        histories.append((purchase_days(channel), channel))
    orders = []
    for number, (days, channel) in enumerate(sorted(histories, key=lambda history: history[0][0]), start=1):
        born = date(1955, 1, 1) + timedelta(below(365 * 50))
        person = (f"C{number:05d}", "" if chance(NO_BIRTH_DATE) else born.isoformat(), pick(COUNTRIES))
        level = CHANNELS[channel][3] * 100 * (LEVEL_SHAPE - 1) / LEVEL_SHAPE / gamma(LEVEL_SHAPE, 1)
        favourites, last_bought = ["Paper Filters 100 pcs", STAPLES[below(len(STAPLES))]][chance(0.5) :], {}
        for i, day in enumerate(days):
            via = "newsletter" if i and chance(OTHER_CHANNEL) else channel
            orders.append(order(day, person, via, basket(day, gamma(SPEND_SHAPE, level), favourites, last_bought)))
        if number % (CUSTOMERS // FREE_SAMPLES) == 0:  # a free sample a month after the first order, or on the last day
            orders.append(order(min(days[0] + 30, DAYS - 1), person, channel, [(SAMPLE[0], 1)]))
    return orders


def orders_of_guests(n):
    """Return `n` orders without a customer, on days drawn by how busy they are."""
    guests = []
    for _ in range(n):
        day, channel = bisect_right(BUSY, rng.random() * BUSY[-1]), pick({"organic": 1, "google_ads": 1, "social": 1})
        lines = basket(day, gamma(SPEND_SHAPE, CHANNELS[channel][3] * 100), [], {})
        guests.append(order(day, ("", "", pick(COUNTRIES)), channel, lines))
    return guests


def row(number, day, status, line, sold):
    """Return one row of the file; a refund has a negative quantity."""
    (customer, birth_date, country), (name, quantity) = sold["person"], line
    category, price, cost = PRODUCTS.get(name, SAMPLE[1:])[:3]
    money = [f"{cents / 100:.2f}" for cents in (price, quantity * price, quantity * cost)]
    day = (FIRST_DAY + timedelta(day)).isoformat()
    product = [name, category, quantity, *money]
    return [f"O-{number}", day, customer, birth_date, status, sold["channel"], country, *product]


def rows_of(number, sold):
    """Return the rows of an order, then those of what came back until the last day."""
    day, lines = sold["day"], sold["lines"]
    free = lines[0][0] == SAMPLE[0]
    if not free and chance(CANCELLED_ORDERS):
        return [row(number, day, "cancelled", line, sold) for line in lines]
    rows = [row(number, day, "completed", line, sold) for line in lines]
    whole, back = chance(RETURNED_ORDERS), day + 3 + below(28)
    for name, quantity in lines:
        if not free and back < DAYS and (whole or chance(RETURNED_LINES)):
            rows.append(row(number, back, "refunded", (name, -quantity if whole else -1 - below(quantity)), sold))
    return rows


def main():
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("orders.csv")
    orders = orders_of_customers()
    orders += orders_of_guests(round(len(orders) * GUEST_ORDERS / (1 - GUEST_ORDERS)))
    orders.sort(key=lambda sold: sold["day"])  # stable: orders of one day keep the order in which they were made
    rows = [one for number, sold in enumerate(orders, start=100001) for one in rows_of(number, sold)]
    rows.sort(key=lambda fields: fields[1])  # a refund stands among the rows of its own day
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS.split(","))
        writer.writerows(rows)
    print(f"{target.name}: {len(rows)} rows")


if __name__ == "__main__":
    main()
