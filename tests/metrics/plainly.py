"""The definitions once more, by loops over customers, days and periods: slow, and independent of the program.

Money is exact (Decimal or Fraction); nothing here imports the program.
"""

import math
from collections import defaultdict
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

DAY = timedelta(days=1)
LENGTH = {"day": 1, "week": 7, "month": 365.25 / 12, "quarter": 365.25 / 4, "year": 365.25}
MOVEMENTS = ("start", "new", "new_lost", "lost", "returned", "returned_lost", "end")


def name_of(day, unit):
    """Return the name of the calendar period of a day."""
    year, week, _ = day.isocalendar()
    return {
        "day": str(day),
        "week": f"{year}-W{week:02}",
        "month": f"{day.year}-{day.month:02}",
        "quarter": f"{day.year}-Q{(day.month + 2) // 3}",
        "year": f"{day.year}",
    }[unit]


def periods(first, last, unit):
    """Return (name, first day, last day) of all periods from the one of a day to the one of another, day by day."""
    day = first
    while name_of(day - DAY, unit) == name_of(first, unit):
        day -= DAY
    found = []
    while day <= last or name_of(day, unit) == found[-1][0]:
        if found and name_of(day, unit) == found[-1][0]:
            found[-1][2] = day
        else:
            found.append([name_of(day, unit), day, day])
        day += DAY
    return [tuple(period) for period in found]


def purchases(rows):
    """Return customer -> sorted days with an order."""
    days = defaultdict(set)
    for row in rows:
        if row["kind"] == "order" and row["who"] != "-":
            days[row["who"]].add(row["day"])
    return {who: sorted(some) for who, some in days.items()}


def window_of(rows, as_of, first_day):
    """Return `auto`: the smallest whole number of days that holds 90 % of the gaps, at most half of the log."""
    gaps = sorted((later - day).days for days in purchases(rows).values() for day, later in pairwise(days))
    if len(gaps) < 30:
        return None
    window = 1
    while 10 * sum(gap <= window for gap in gaps) < 9 * len(gaps):
        window += 1
    return min(window, ((as_of - first_day).days + 1) // 2)


def active(days, window, end, begin):
    """Return whether a customer is active at the end of day `end` of a period that begins on `begin`."""
    if window is None:
        return any(begin <= day <= end for day in days)
    return any(end - (window - 1) * DAY <= day <= end for day in days)


def movement(days, window, period, before):
    """Return what a customer is counted as in a period; `before` is the period before, or None."""
    _, begin, end = period
    at_start = active(days, window, begin - DAY, before[1] if before else begin - DAY)
    at_end = active(days, window, end, begin)
    bought = any(begin <= day <= end for day in days)
    found = dict.fromkeys(MOVEMENTS, 0)
    found["start"], found["end"] = int(at_start), int(at_end)
    if begin <= days[0] <= end:
        found["new" if at_end else "new_lost"] = 1
    elif at_start and not at_end:
        found["lost"] = 1
    elif at_end and not at_start:
        found["returned"] = 1
    elif bought and not at_start:
        found["returned_lost"] = 1
    return found


def is_complete(period, first_day, as_of, silence):
    """Return whether the log covers a period whole; it may begin late by its silence and a tenth of the period."""
    late, length = (first_day - period[1]).days, (period[2] - period[1]).days + 1
    return period[2] <= as_of and late <= silence and 10 * late <= length


def log_of(rows):
    """Return first day, last day with an order, and the most days in a row without one between them."""
    days = sorted({row["day"] for row in rows if row["kind"] == "order"})
    return days[0], days[-1], max([(later - day).days - 1 for day, later in pairwise(days)], default=1) - 1


def contributions(rows, unit, window, margin=None, started=None):
    """Return per customer what it adds to each sum, and in which complete periods somebody was active at the start.

    `started` are such periods, where they are those of a larger group.
    """
    first_day, as_of, silence = log_of(rows)
    all_periods = periods(first_day, as_of, unit)
    whole = [place for place, period in enumerate(all_periods) if is_complete(period, first_day, as_of, silence)]
    days_of = purchases(rows)
    moves = {
        who: [
            movement(days, window, period, all_periods[place - 1] if place else None)
            for place, period in enumerate(all_periods)
        ]
        for who, days in days_of.items()
    }
    if started is None:
        started = {place for place in whole if any(own[place]["start"] for own in moves.values())}
    length = round(LENGTH[unit]) if window is None else window
    found = {}
    for who, days in days_of.items():
        own = [row for row in rows if row["who"] == who and row["day"] >= days[0]]
        inside = [row for row in own if whole and all_periods[whole[0]][1] <= row["day"] <= all_periods[whole[-1]][2]]
        until = min(days[-1] + (length - 1) * DAY, as_of)
        found[who] = {
            "orders": sum(row["kind"] == "order" for row in own),
            "revenue": sum((Fraction(row["amount"]) for row in own), Fraction(0)),
            "period_orders": sum(row["kind"] == "order" for row in inside),
            "period_revenue": sum((Fraction(row["amount"]) for row in inside), Fraction(0)),
            "period_cost": sum((Fraction(row.get("cost", 0)) for row in inside), Fraction(0)),
            "start": sum(moves[who][place]["start"] for place in whole),
            "end": sum(moves[who][place]["end"] for place in whole),
            "lost": sum(moves[who][place]["lost"] for place in whole),
            "returned": sum(moves[who][place]["returned"] for place in whole if place in started),
            "beyond": max((until - days[0]).days + 1 - length, 0),
            "gone": int((as_of - days[-1]).days >= length),
        }
        spans = Fraction(found[who]["start"] + found[who]["end"], 2)
        found[who]["spans"] = Fraction(found[who]["end"]) if window is None else spans
        found[who]["net"] = found[who]["lost"] - found[who]["returned"]
    return found, length


def table(rows, unit="month", window=None, horizon=12.0):
    """Return every figure of `compute` but method 4, with no orders of guests among the rows."""
    each, length = contributions(rows, unit, window)
    n = len(each)
    total = {name: sum(own[name] for own in each.values()) for name in next(iter(each.values()))}
    values = sorted(own["revenue"] for own in each.values())

    def over(top, bottom):
        return total[top] / Fraction(total[bottom]) if total[bottom] else None

    frequency, value, net = over("period_orders", "spans"), over("period_revenue", "spans"), over("net", "start")
    lifespan = 1 / net if net is not None and net > 0 else None
    observed = over("beyond", "gone")
    cut = None
    if lifespan is not None:
        cut = float(value) * (1 - (1 - float(net)) ** horizon) / float(net)
    best = sum(values[-math.ceil(Fraction(n, 5)) :])
    return {
        "customers": n,
        "orders": total["orders"],
        "revenue": total["revenue"],
        "aov": over("revenue", "orders"),
        "purchase_frequency": frequency,
        "customer_value": value,
        "active_window": length,
        "retention_rate": None if over("lost", "start") is None else 1 - over("lost", "start"),
        "churn_rate": over("lost", "start"),
        "net_churn_rate": net,
        "lifespan": lifespan,
        "observed_lifespan": None if observed is None else (length + observed) / Fraction(LENGTH[unit]),
        "repeat_rate": Fraction(sum(own["orders"] >= 2 for own in each.values()), n),
        "historic_value_mean": total["revenue"] / Fraction(n),
        "historic_value_median": (values[(n - 1) // 2] + values[n // 2]) / 2,
        "top20_revenue_share": best / total["revenue"] if total["revenue"] > 0 else None,
        "clv_average_lifespan": None if lifespan is None else value * lifespan,
        "clv_average_lifespan_horizon": cut,
        "clv_revenue_based": None if net is None or net <= 0 else value / net,
        "clv_comprehensive": None
        if lifespan is None
        else over("period_revenue", "period_orders") * frequency * lifespan,
    }
