import math
from math import comb

import mpmath
import numpy as np
import pytest

from clvtool.stats import (
    Estimate,
    Moments,
    chi_square_tail,
    exact_moments,
    median_ranks,
    normal_quantile,
    student_quantile,
    trend,
    wilson,
)

SUMS = np.array([3.0, 7.0, 2.0])


def moments_of(sums):
    covariance = np.array([[0.4, 0.1, 0.0], [0.1, 0.9, -0.2], [0.0, -0.2, 0.3]])
    return Moments(50, ("a", "b", "c"), dict(zip("abc", sums, strict=True)), covariance)


@pytest.mark.parametrize(
    "formula",
    [
        lambda m: m["a"] + m["b"],
        lambda m: m["a"] - m["b"],
        lambda m: 5 - m["a"],
        lambda m: m["a"] + 1.5,
        lambda m: 1.5 + m["a"],
        lambda m: m["a"] - 1,
        lambda m: m["a"] * m["b"],
        lambda m: 3 * m["a"],
        lambda m: m["a"] / m["b"],
        lambda m: m["a"] / 4,
        lambda m: 2 / m["a"],
        lambda m: m["a"] ** 2.5,
        lambda m: m["a"] * (1 - (1 - m["c"] / m["b"]) ** 12) / (m["c"] / m["b"]),
        lambda m: (m["a"] + m["b"]) / 2 * m["c"] / (m["a"] - m["c"]) ** 0.5,
    ],
)
def test_gradients_against_finite_differences(formula):
    m = moments_of(SUMS)
    found = formula(m)
    assert found.value == pytest.approx(formula(dict(zip("abc", SUMS, strict=True))))
    for place in range(3):
        step = np.zeros(3)
        step[place] = 1e-6
        ahead, behind = (formula(dict(zip("abc", SUMS + sign * step, strict=True))) for sign in (1, -1))
        slope = (ahead - behind) / 2e-6
        assert found.gradient[place] == pytest.approx(slope, rel=1e-6, abs=1e-8)
    assert found.std_error == pytest.approx(math.sqrt(found.gradient @ m.covariance @ found.gradient))


def test_division_rounds_once():
    # 1 × (1 ÷ 49) × 49 is not 1 in binary; a quotient of sums has to be what dividing the sums gives
    m = Moments(9, ("a", "b"), {"a": 50.0, "b": 3.0}, np.eye(2))
    assert (m["a"] / m["b"]).value == 50 / 3


def test_exact_moments_against_numpy():
    source = np.random.default_rng(1)
    values = source.integers(-1000, 1000, (400, 3))
    values[:, 2] += values[:, 0]
    sums = [int(total) for total in values.sum(axis=0)]
    products = [[int(product) for product in row] for row in values.T @ values]
    found = exact_moments(400, ("x", "y", "z"), sums, products, (1, 10, 1))
    scaled = values / np.array([1, 10, 1])
    # the covariance of sums of 400 is 400 times that of one
    np.testing.assert_allclose(found.covariance, 400 * np.cov(scaled.T), rtol=1e-12)
    assert list(found.sums.values()) == pytest.approx(scaled.sum(axis=0))


def test_exact_moments_keep_their_digits():
    # values around 10^9 that differ by 1: in float64 the difference of the sums of squares would be lost
    values = [10**9 + k % 2 for k in range(1000)]
    found = exact_moments(1000, ("x",), [sum(values)], [[sum(value * value for value in values)]], (1,))
    assert found.covariance[0, 0] == pytest.approx(1000 * 250 / 999, rel=1e-14)


def test_clusters_not_rows():
    # Ten customers with 5 equal orders each: what is uncertain is the ten, as if each had ordered once
    each = [4, 8, 15, 16, 23, 42, 7, 9, 11, 5]
    revenue, orders = [5 * amount for amount in each], [5] * 10
    products = [
        [sum(a * b for a, b in zip(some, others, strict=True)) for others in (revenue, orders)]
        for some in (revenue, orders)
    ]
    m = exact_moments(10, ("revenue", "orders"), [sum(revenue), 50], products, (1, 1))
    aov = m["revenue"] / m["orders"]
    assert aov.std_error == pytest.approx(np.std(each, ddof=1) / math.sqrt(10))


def test_intervals():
    figure = Estimate(10.0, np.array([1.0]), np.array([[4.0]]), 30)
    z = normal_quantile(0.95)
    assert z == pytest.approx(1.959963984540054)
    assert figure.interval(0.95) == pytest.approx((10 - 2 * z, 10 + 2 * z))
    assert figure.interval(0.95, log_scale=True) == pytest.approx((10 * math.exp(-z / 5), 10 * math.exp(z / 5)))
    below = Estimate(-10.0, np.array([1.0]), np.array([[4.0]]), 30)
    assert below.interval(0.95, log_scale=True) == below.interval(0.95)  # there is no logarithm


def test_one_unit_has_no_interval():
    m = exact_moments(1, ("x",), [5], [[25]], (1,))
    assert m["x"].value == 5
    assert m["x"].std_error is None
    assert m["x"].interval(0.95) is None
    assert m["x"].rate_interval(0.95) is None


def test_wilson():
    # Wilson's bounds for 7 of 10, and published (Newcombe 1998, table I) for 81 of 263, 15 of 148, 0 of 20, 1 of 29
    for successes, trials, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(successes / trials, trials, 0.95) == pytest.approx((low, high), abs=5e-5)
    assert wilson(1.0, 10, 0.95)[1] == 1


def test_rate_interval_is_wilsons_for_independent_trials():
    # 30 of 100, each a unit of its own: n/(n-1) Σ(x - p)² ÷ n² = p(1 - p)/(n - 1), so the trials are 99
    m = exact_moments(100, ("hits", "one"), [30, 100], [[30, 30], [30, 100]], (1, 1))
    assert (m["hits"] / m["one"]).rate_interval(0.95) == pytest.approx(wilson(0.3, 99, 0.95))
    none = exact_moments(100, ("hits", "one"), [0, 100], [[0, 0], [0, 100]], (1, 1))
    assert (none["hits"] / none["one"]).rate_interval(0.95) == pytest.approx(wilson(0, 100, 0.95))


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_median_ranks_against_the_binomial(level):
    # The median lies between the values of rank low and high (from 0) unless low or fewer of n values are below it, or
    # above it. No narrower symmetric pair of ranks has the level, but for the normal approximation.
    for n in range(1, 200):
        below = [comb(n, k) / 2**n for k in range(n + 1)]
        ranks = median_ranks(n, level)
        if ranks is None:
            assert 1 - 2 * below[0] < level + 5e-3
            continue
        low, high = ranks
        assert high == n - 1 - low
        assert sum(below[low + 1 : high + 1]) >= level - 2e-3
        assert sum(below[low + 3 : high - 1]) < level


def test_median_ranks_of_ten():
    # textbook: the 2nd and the 9th of 10 sorted values hold the median with 97.9 %
    assert median_ranks(10, 0.95) == (1, 8)
    assert median_ranks(5, 0.95) is None


@pytest.mark.parametrize(
    ("level", "freedom", "quantile"),
    [
        # any printed table of Student's distribution
        (0.95, 1, 12.7062),
        (0.95, 2, 4.30265),
        (0.95, 3, 3.18245),
        (0.95, 4, 2.77645),
        (0.99, 5, 4.03214),
        (0.90, 10, 1.81246),
        (0.95, 30, 2.04227),
        (0.95, 1000, 1.96234),
    ],
)
def test_student_quantiles(level, freedom, quantile):
    assert student_quantile(level, freedom) == pytest.approx(quantile, rel=5e-6)


@pytest.mark.parametrize(
    ("value", "freedom", "tail"),
    [
        # any printed table of chi-square
        (3.841459, 1, 0.05),
        (5.991465, 2, 0.05),
        (6.634897, 1, 0.01),
        (16.812, 6, 0.01),
        (2.732637, 8, 0.95),
        (55.758479, 40, 0.05),
    ],
)
def test_chi_square_tails(value, freedom, tail):
    assert chi_square_tail(value, freedom) == pytest.approx(tail, rel=1e-4)


def test_chi_square_tails_against_25_digits():
    # the incomplete gamma function, from nothing to a tail that no double holds
    for value in (1e-12, 0.1, 3.0, 40.0, 700.0):
        for freedom in (1, 2, 3, 8, 31, 108):
            with mpmath.workdps(25):
                exact = float(mpmath.gammainc(mpmath.mpf(freedom) / 2, mpmath.mpf(value) / 2, regularized=True))
            assert chi_square_tail(value, freedom) == pytest.approx(exact, rel=1e-12)
    assert chi_square_tail(0, 3) == 1
    assert chi_square_tail(1e6, 3) == 0


def test_a_trend_needs_three_figures_and_knows_gaps():
    assert trend([0, 1], [1.0, 2.0], 0.95) is None
    # on the line y = 2x + 1, one period missing: the slope is 2 whatever is missing
    line = trend([0, 1, 3], [1.0, 3.0, 7.0], 0.95)
    assert (line.slope, line.low, line.high, line.direction) == (
        pytest.approx(2),
        pytest.approx(2),
        pytest.approx(2),
        "rising",
    )
