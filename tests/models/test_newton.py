from math import exp

import numpy as np
import pytest

from clvtool.models.newton import PRECISE, End, Point, maximise
from clvtool.models.scales import Coordinate

FREE = Coordinate(-60, 60)
SHAPE = Coordinate(-18, 18, leap=7)


def test_a_parabola_is_climbed_in_one_step_and_recognised_in_the_next():
    # −(u−1)² − 3 (v+2)²
    def parabola(theta):
        u, v = theta
        return Point(-((u - 1) ** 2) - 3 * (v + 2) ** 2, np.array([-2 * (u - 1), -6 * (v + 2)]), np.diag([-2.0, -6.0]))

    top = maximise(parabola, np.array([0.5, -1.5]), [FREE, FREE], PRECISE)
    assert top.converged
    assert top.steps == 2
    assert top.theta == pytest.approx([1, -2])
    assert top.ends == (End.INTERIOR, End.INTERIOR)


def test_a_start_where_the_function_bends_upwards_still_leads_to_the_top():
    # ln of a normal curve plus a little: convex away from the top; Newton's own step would go downhill
    def bell(theta):
        u = theta[0]
        value = exp(-u * u / 2)
        return Point(value, np.array([-u * value]), np.array([[(u * u - 1) * value]]))

    top = maximise(bell, np.array([3.0]), [FREE], PRECISE)
    assert top.converged
    assert top.theta[0] == pytest.approx(0, abs=1e-7)


def test_the_saddle_between_two_tops_is_left():
    # −(u² − 1)² − v² starts exactly on its saddle (0, 0), where the gradient is 0
    def tops(theta):
        u, v = theta
        return Point(
            -((u * u - 1) ** 2) - v * v,
            np.array([-4 * u * (u * u - 1), -2 * v]),
            np.array([[4 - 12 * u * u, 0], [0, -2.0]]),
        )

    top = maximise(tops, np.zeros(2), [FREE, FREE], PRECISE)
    assert top.converged
    assert abs(top.theta[0]) == pytest.approx(1)


def plateau(theta):
    """Rise forever towards 0 as u grows: −e^−u − (v − 1)²."""
    u, v = theta
    return Point(-exp(-u) - (v - 1) ** 2, np.array([exp(-u), -2 * (v - 1)]), np.array([[-exp(-u), 0.0], [0.0, -2.0]]))


def test_a_maximum_at_infinity_is_a_stop_and_the_other_coordinates_are_right():
    top = maximise(plateau, np.zeros(2), [SHAPE, FREE], PRECISE)
    assert top.converged
    assert top.ends == (End.HIGH, End.INTERIOR)
    assert top.theta == pytest.approx([18, 1])
    assert top.free.tolist() == [1]
    assert top.steps < 15  # it leaps from 7 instead of walking to 18


def test_a_top_on_the_way_to_the_stop_is_not_overrun():
    # the top is at u = 9, beyond the point from where the stop is looked at, and higher than the stop
    def hill(theta):
        u = theta[0]
        return Point(-((u - 9) ** 2) / 10, np.array([-(u - 9) / 5]), np.array([[-0.2]]))

    top = maximise(hill, np.array([0.0]), [SHAPE], PRECISE)
    assert top.converged
    assert top.ends == (End.INTERIOR,)
    assert top.theta[0] == pytest.approx(9)


def test_a_coordinate_without_influence_is_fixed_at_0():
    def flat(theta):
        u = theta[0]
        return Point(-(u * u), np.array([-2 * u, 0.0]), np.diag([-2.0, 0.0]))

    top = maximise(flat, np.array([1.0, 5.0]), [FREE, SHAPE], PRECISE)
    assert top.converged
    assert top.ends == (End.INTERIOR, End.FLAT)
    assert top.theta.tolist() == pytest.approx([0, 0])


def test_a_function_that_is_not_a_number_beyond_a_point_is_climbed_up_to_there():
    # ln u + ln(2 − u) from u = 0.1: a full step would leave (0, 2)
    def logs(theta):
        u = theta[0]
        if not 0 < u < 2:
            return Point(float("nan"), np.array([np.nan]), np.array([[np.nan]]))
        return Point(
            float(np.log(u) + np.log(2 - u)),
            np.array([1 / u - 1 / (2 - u)]),
            np.array([[-1 / u**2 - 1 / (2 - u) ** 2]]),
        )

    top = maximise(logs, np.array([1.999]), [FREE], PRECISE)
    assert top.converged
    assert top.theta[0] == pytest.approx(1)


def test_a_slope_without_end_is_not_called_a_maximum():
    def slope(theta):
        return Point(float(theta[0]), np.array([1.0]), np.array([[0.0]]))

    top = maximise(slope, np.array([0.0]), [Coordinate(-1e9, 1e9)], PRECISE)
    assert not top.converged
