import mpmath
import numpy as np
import pytest

from clvtool.models.special import (
    digamma_remainder,
    log_beta_deficit,
    log_gamma_remainder,
    log_rising,
    log_rising_ratio,
    more_than,
    trigamma,
)

ARGUMENTS = [1e-12, 1e-5, 0.1, 0.7, 1.0, 3.3, 11.999, 12.0, 13.0, 50.0, 1e4, 1e8, 1e12]


@pytest.mark.parametrize("z", ARGUMENTS)
def test_gamma_functions_agree_with_40_digits(z):
    with mpmath.workdps(40):
        exact = mpmath.mpf(z)
        stirling = (exact - 0.5) * mpmath.log(exact) - exact + mpmath.log(2 * mpmath.pi) / 2
        expected = [
            mpmath.loggamma(exact) - stirling,
            mpmath.digamma(exact) - mpmath.log(exact),
            mpmath.polygamma(1, exact),
        ]
    at = np.array([z])
    got = [log_gamma_remainder(at)[0], digamma_remainder(at)[0], trigamma(at)[0]]
    assert got[0] == pytest.approx(float(expected[0]), rel=1e-13, abs=1e-14)
    assert got[1] == pytest.approx(float(expected[1]), rel=1e-14)
    assert got[2] == pytest.approx(float(expected[2]), rel=1e-14)


@pytest.mark.parametrize("a", [1e-3, 0.7, 20.0, 1e9])
@pytest.mark.parametrize("b", [0.3, 5.0, 1e6])
def test_the_small_part_of_the_log_beta_function_agrees_with_50_digits(a, b):
    with mpmath.workdps(50):
        A, B = mpmath.mpf(a), mpmath.mpf(b)
        beta = mpmath.loggamma(A) + mpmath.loggamma(B) - mpmath.loggamma(A + B)
        expected = float(beta + A * mpmath.log(1 + B / A) + B * mpmath.log(1 + A / B))
    assert log_beta_deficit(np.array([a]), np.array([b]))[0] == pytest.approx(expected, rel=1e-13, abs=2e-14)


def test_how_many_have_more_than_i():
    # 3 customers have none, 2 have one, 0 have two, 4 have three: 6 more than 0, 4 more than 1, 4 more than 2
    assert more_than(np.array([3.0, 2.0, 0.0, 4.0])).tolist() == [6, 4, 4]


COUNTS = [0, 1, 5, 9, 9, 2, 300]


@pytest.mark.parametrize("r", [1e-6, 0.25, 40.0, 1e8])
def test_rising_factorials_agree_with_40_digits(r):
    tail = more_than(np.bincount(COUNTS).astype(float))
    got = log_rising(r, 3.0, tail)
    with mpmath.workdps(40):
        z = mpmath.mpf(r)
        value = sum(mpmath.loggamma(z + n) - mpmath.loggamma(z) - n * mpmath.log(3) for n in COUNTS)
        slope = sum(mpmath.digamma(z + n) - mpmath.digamma(z) for n in COUNTS)
        bend = sum(mpmath.polygamma(1, z + n) - mpmath.polygamma(1, z) for n in COUNTS)
    assert got.value == pytest.approx(float(value), rel=1e-13)
    assert got.gradient[0] == pytest.approx(float(slope), rel=1e-12)
    assert got.hessian[0, 0] == pytest.approx(float(bend), rel=1e-12)


@pytest.mark.parametrize(("a", "b"), [(0.8, 2.5), (1e-9, 3.0), (3.0, 1e-9), (1e7, 4e7), (2e11, 8e11)])
def test_beta_ratios_agree_with_60_digits_also_where_betaln_makes_maxima_that_do_not_exist(a, b):
    tail = more_than(np.bincount(COUNTS).astype(float))
    got = log_rising_ratio(a, b, tail)
    with mpmath.workdps(60):
        A, B = mpmath.mpf(a), mpmath.mpf(b)
        value = sum(
            mpmath.loggamma(B + n) - mpmath.loggamma(B) - mpmath.loggamma(A + B + n) + mpmath.loggamma(A + B)
            for n in COUNTS
        )
        both = sum(mpmath.digamma(A + B) - mpmath.digamma(A + B + n) for n in COUNTS)
        by_b = both + sum(mpmath.digamma(B + n) - mpmath.digamma(B) for n in COUNTS)
        both2 = sum(mpmath.polygamma(1, A + B) - mpmath.polygamma(1, A + B + n) for n in COUNTS)
        by_bb = both2 + sum(mpmath.polygamma(1, B + n) - mpmath.polygamma(1, B) for n in COUNTS)
    assert got.value == pytest.approx(float(value), rel=1e-13)
    np.testing.assert_allclose(got.gradient, [float(both), float(by_b)], rtol=1e-12)
    np.testing.assert_allclose(got.hessian, [[float(both2), float(both2)], [float(both2), float(by_bb)]], rtol=1e-12)
