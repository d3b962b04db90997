"""The CDNOW sample as the papers use it."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from clvtool.models import bg_nbd, gamma_gamma
from clvtool.models.histories import Histories

CDNOW = Path(__file__).parents[2] / "sample_data" / "cdnow.csv"
CALIBRATION_END = date(1997, 9, 30)


@dataclass(frozen=True)
class Customers:
    """One entry per customer, in the order of their ids; times in days; m is None-free (0 where x is 0)."""

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    m: np.ndarray
    held_out: np.ndarray  # purchase days after the end of calibration

    @property
    def weeks(self):
        return self.x, self.t_x / 7, self.T / 7


@pytest.fixture(scope="session")
def cdnow():
    spent = defaultdict(lambda: defaultdict(float))  # customer -> day -> money: orders of one day are one purchase
    with CDNOW.open(newline="") as file:
        for row in csv.DictReader(file):
            spent[row["customer_id"]][date.fromisoformat(row["order_date"])] += float(row["amount"])
    rows = []
    for _, days in sorted(spent.items()):
        seen = sorted(day for day in days if day <= CALIBRATION_END)
        first, *again = seen
        rows.append(
            (
                len(again),
                (seen[-1] - first).days,
                (CALIBRATION_END - first).days,
                sum(days[day] for day in again) / max(len(again), 1),
                len(days) - len(seen),
            )
        )
    return Customers(*(np.array(column) for column in zip(*rows, strict=True)))


@pytest.fixture(scope="session")
def cdnow_purchases(cdnow):
    return bg_nbd.fit(Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T))


@pytest.fixture(scope="session")
def cdnow_money(cdnow):
    return gamma_gamma.fit(cdnow.x, cdnow.m)
