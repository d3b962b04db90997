from itertools import product

import mpmath
import numpy as np
import pytest

from clvtool.models import leaving
from clvtool.models.leaving import purchases_before_leaving


def textbook(y, rho, a, beta, digits=120):
    """(C/(a−1)) · (1 − (1−z)^ρ ₂F₁(ρ, β; C; z)), C = a + β − 1: Fader, Hardie, Lee (2005), equations (9) and (10)."""
    with mpmath.workdps(digits):
        y, rho, a, beta = (mpmath.mpf(one) for one in (y, rho, a, beta))
        if a == 1:  # 0/0 there; the function is smooth
            a += mpmath.mpf(10) ** -60
        z, C = y / (1 + y), a + beta - 1
        return float(C / (a - 1) * (1 - (1 - z) ** rho * mpmath.hyp2f1(rho, beta, C, z)))


def summed(y, rho, a, beta):
    """The sum over the number of purchases with 30 digits: for what the textbook form cannot do in finite time."""
    with mpmath.workdps(30):
        y, rho, a, beta = (mpmath.mpf(one) for one in (y, rho, a, beta))
        z, probability, survival, survivals, total, n = y / (1 + y), (1 + y) ** -rho, mpmath.mpf(1), 0, 0, 0
        while True:
            probability *= (rho + n) / (n + 1) * z
            survivals += survival
            total += probability * survivals
            survival *= (beta + n) / (a + beta + n)
            n += 1
            ratio = (rho + n) / (n + 1) * z
            if ratio < 1 and probability * survivals < mpmath.mpf(10) ** -20 * (1 - ratio) * total:
                return float(total)


CHANCES = [0.01, 0.8, 0.9999, 1.0, 1 + 1e-9, 1.01, 3.0]


@pytest.mark.parametrize("a", CHANCES)
def test_expectation_agrees_with_the_textbook_in_120_digits_also_around_a_equal_to_1(a):
    # new and old customers; from t = a ten-millionth of T to ten times α + T
    for y, (rho, beta) in product([1e-7, 1e-3, 0.3, 2.0, 10.0], [(0.243, 2.426), (3.24, 5.43), (0.01, 0.02)]):
        assert purchases_before_leaving(y, rho, a, beta) == pytest.approx(textbook(y, rho, a, beta), rel=1e-12)


@pytest.mark.parametrize("x", [300, 2000, 20_000])
@pytest.mark.parametrize("a", [0.3, 1.0, 2.5])
def test_expectation_agrees_for_frequent_buyers(x, a):
    for y in (1e-4, 0.02, 0.5):
        if y * x > 2000:
            continue  # seconds of 30-digit arithmetic
        assert purchases_before_leaving(y, x + 0.25, a, x + 2.4) == pytest.approx(
            summed(y, x + 0.25, a, x + 2.4), rel=1e-12
        )


def test_both_ways_to_the_expectation_agree_over_a_wide_grid():
    grid = np.array(
        list(product([1e-6, 0.01, 1.0, 8.0], [0.05, 1.0, 20.0], [0.02, 2.4, 30.0, 1e8])),
    )
    y, rho, beta = grid.T.copy()
    for a in (1e-3, 0.5, 1.0, 4.0, 1e3, 1e7):
        np.testing.assert_allclose(
            leaving._integral_over_chances(y, rho, a, beta),  # noqa: SLF001 (both are exact: neither is the fallback)
            leaving._sum_over_purchases(y, rho, a, beta),  # noqa: SLF001
            rtol=1e-12,
        )


def test_one_chance_for_all_is_the_limit_of_a_narrow_distribution():
    # p = 0.2 for everybody: (1 − (1 + 0.2 y)^−ρ) / 0.2; a + β = 1e10 has a standard deviation of 4e-6
    for y, rho in [(0.5, 3.0), (20.0, 0.25), (5.0, 4000.0)]:
        expected = (1 - (1 + 0.2 * y) ** -rho) / 0.2
        assert purchases_before_leaving(y, rho, 2e9, 8e9) == pytest.approx(expected, rel=1e-9)


def test_one_rate_for_all_is_the_limit_of_many_purchases_in_much_time():
    # ρ = 1e8, y = 3e-8: a Poisson process with 3 purchases expected; then 3 is what a customer who never leaves buys
    with mpmath.workdps(30):
        expected = mpmath.quad(
            lambda p: (1 - mpmath.exp(-3 * p)) / p * p ** mpmath.mpf("0.5") * (1 - p) ** mpmath.mpf("1.5"), [0, 0.5, 1]
        ) / mpmath.beta(1.5, 2.5)
    assert purchases_before_leaving(3e-8, 1e8, 1.5, 2.5) == pytest.approx(float(expected), rel=1e-7)
    assert purchases_before_leaving(3e-8, 1e8, 1e-15, 2.5) == pytest.approx(3.0, rel=1e-12)


def test_no_time_brings_no_purchases_and_more_time_never_fewer():
    y = np.concatenate([[0.0], np.geomspace(1e-9, 1e5, 200)])
    for rho, a, beta in [(0.2, 0.8, 2.4), (30.0, 0.05, 31.0), (900.0, 4.0, 900.0)]:
        expected = purchases_before_leaving(y, rho, a, beta)
        assert expected[0] == 0
        assert (np.diff(expected) > 0).all()
        assert (expected[1:] < rho * y[1:]).all()  # leaving costs purchases


def test_shapes_are_broadcast():
    assert purchases_before_leaving(0.5, 1.0, 0.8, 2.0).shape == ()
    assert purchases_before_leaving(np.ones((3, 1)), np.ones(4), 0.8, 2.0).shape == (3, 4)
    assert purchases_before_leaving(np.ones(0), 1.0, 0.8, 2.0).shape == (0,)
