"""Sums of products: exact, for any size of the numbers."""

import random
from fractions import Fraction

import numpy as np
import pytest
from books import figures, frame, intervals

from clvtool.metrics.moments import group_moments
from clvtool.metrics.value import compute


def by_fractions(columns, units):
    """Return n, sums and covariance of the sums over some units, exactly."""
    n = len(units)
    values = [[Fraction(int(column[k])) for k in units] for column in columns]
    sums = [sum(some) for some in values]
    covariance = [
        [
            Fraction(n, n - 1) * sum((a - sums[i] / n) * (b - sums[j] / n) for a, b in zip(some, others, strict=True))
            for j, others in enumerate(values)
        ]
        for i, some in enumerate(values)
    ]
    return n, sums, covariance


@pytest.mark.parametrize("largest", [1, 10**3, 2**18 - 1, 2**18, 2**36, 10**13, 2**60, 2**63 - 1])
def test_against_fractions(largest):
    # 2^18 is where numbers are cut into pieces; beyond 2^42 or so products of hundreds of them outgrow 128 bits' margin
    source = random.Random(largest)
    columns = {
        "orders": np.array([source.randrange(5) for _ in range(300)]),
        "a": np.array([source.randrange(-largest, largest + 1) for _ in range(300)]),
        "b": np.array([source.randrange(largest + 1) for _ in range(300)]),
    }
    group = np.array([source.randrange(3) for _ in range(300)])
    for place, moments in enumerate(group_moments(columns, group, 3)):
        n, sums, covariance = by_fractions(list(columns.values()), np.flatnonzero(group == place))
        assert moments.n == n
        assert list(moments.sums.values()) == [float(total) for total in sums]
        assert moments.covariance.tolist() == [[float(value) for value in row] for row in covariance]


def test_large_numbers_that_hardly_differ():
    # 2^48 - 1 and 2^48 - 2 in turn: all pieces are as large as they get, and what varies is the very last bit
    values = (1 << 48) - 1 - np.arange(300) % 2
    (moments,) = group_moments({"a": values}, np.zeros(300, np.int64), 1)
    assert moments.covariance[0, 0] == pytest.approx(300 * 300 / 4 / 299, rel=1e-15)  # n/(n-1) × n/4


def test_more_units_than_one_chunk(monkeypatch):
    monkeypatch.setattr("clvtool.metrics.moments._CHUNK", 64)
    source = np.random.default_rng(1)
    columns = {"a": source.integers(-(10**9), 10**9, 1000), "b": source.integers(0, 3, 1000)}
    (moments,) = group_moments(columns, np.zeros(1000, np.int64), 1)
    _, sums, covariance = by_fractions(list(columns.values()), range(1000))
    assert list(moments.sums.values()) == [float(total) for total in sums]
    assert moments.covariance.tolist() == [[float(value) for value in row] for row in covariance]


def test_money_is_in_ten_thousandths():
    (moments,) = group_moments({"revenue": np.array([10_000, 30_000])}, np.zeros(2, np.int64), 1)
    assert moments.sums["revenue"] == 4
    # 1 and 3: mean 2, n/(n-1) Σ(s - mean)² = 2 × 2
    assert moments.covariance.tolist() == [[4]]


def test_groups_without_units():
    empty, one = group_moments({"a": np.array([7])}, np.array([1]), 2)
    assert (empty.n, empty.sums["a"]) == (0, 0)
    assert (one.n, one.sums["a"]) == (1, 7)
    assert np.isnan(one.covariance).all()
    assert one["a"].interval(0.95) is None


def test_halves_add_up_to_the_whole():
    # partition safety: counts and sums add up, and so do raw second moments
    source = np.random.default_rng(2)
    columns = {"a": source.integers(0, 10**7, 500), "b": source.integers(0, 100, 500)}
    whole, *halves = (
        *group_moments(columns, np.zeros(500, np.int64), 1),
        *group_moments(columns, np.arange(500) % 2, 2),
    )
    assert sum(half.n for half in halves) == whole.n

    def raw(moments):
        sums = np.array(list(moments.sums.values()))
        return moments.covariance * (moments.n - 1) / moments.n + np.outer(sums, sums) / moments.n

    np.testing.assert_allclose(raw(halves[0]) + raw(halves[1]), raw(whole), rtol=1e-12)


def test_huge_amounts_keep_their_interval():
    # 30 trillion and 3 cents: squares of such money in ten-thousandths do not fit into 64 bits
    amounts = ["30000000000000.01", "0.03", "60000000000000.07"]
    rows = [{"who": f"c{k}", "day": "2024-01-01", "amount": amount} for k, amount in enumerate(amounts)]
    result = compute(frame(rows))
    values = [Fraction(amount) for amount in amounts]
    mean = sum(values) / 3
    error = float(sum((value - mean) ** 2 for value in values) / 6) ** 0.5  # of a mean of 3
    assert figures(result)["aov"] == float(mean)
    low, high = intervals(result)["aov"]
    assert low * high == pytest.approx(float(mean) ** 2)  # on the log scale
    assert np.log(high / low) / 2 == pytest.approx(1.959963984540054 * error / float(mean))
