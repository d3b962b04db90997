"""Customers drawn straight from the assumptions of BG/NBD, and of Pareto/NBD."""

import numpy as np


def simulate(seed, customers, rate, leave, longest):
    """Draw (x, t_x, T) in days: `rate` a day and the chance to `leave` after a repeat purchase, each a number or one
    per customer. Purchases are put on the next full day, one a day at most: choose rates far below one a day.
    """
    random = np.random.default_rng(seed)
    T = random.integers(1, longest + 1, customers)
    rate, leave = np.broadcast_to(rate, customers), np.broadcast_to(leave, customers)
    x, t_x, now = np.zeros(customers, int), np.zeros(customers, int), np.zeros(customers)
    active = np.arange(customers)
    while active.size:
        now[active] += random.exponential(1 / rate[active])
        active = active[now[active] < T[active]]
        day = np.ceil(now[active]).astype(int)
        x[active] += day > t_x[active]
        t_x[active] = day
        active = active[random.random(active.size) >= leave[active]]
    return x, t_x, T


def simulate_in_time(seed, customers, rate, leave, longest):
    """Draw (x, t_x, T) in days: rates a day of buying and of leaving; purchases on the next full day, one a day."""
    random = np.random.default_rng(seed)
    T = random.integers(1, longest + 1, customers)
    gone = random.exponential(1, customers) / np.maximum(leave, 1e-300)
    end = np.minimum(T, gone)
    x, t_x, now = np.zeros(customers, int), np.zeros(customers, int), np.zeros(customers)
    rate = np.broadcast_to(rate, customers)
    active = np.arange(customers)
    while active.size:
        now[active] += random.exponential(1 / rate[active])
        active = active[now[active] < end[active]]
        day = np.minimum(np.ceil(now[active]).astype(int), T[active])
        x[active] += day > t_x[active]
        t_x[active] = day
    return x, t_x, T
