"""Likelihoods and predictions of single histories against 60 digits and more, over a wide grid.

The papers' formulas stand here as they are printed, in arithmetic that can afford to cancel; ours has 16 digits.
"""

from itertools import product

import mpmath
import numpy as np
import pytest

from clvtool.models import bg_nbd, mbg_nbd, pareto_nbd
from clvtool.models.fitting import Fit
from clvtool.models.histories import Histories
from clvtool.models.registry import fitted

# x, and days to the last purchase and to the end: new, silent since long, of yesterday, very frequent
HISTORIES = [
    (0, 0, 0),
    (0, 0, 3000),
    (1, 1, 2),
    (7, 200, 201),
    (7, 30, 900),
    (300, 400, 410),
    (2000, 2000, 2001),
    (20_000, 20_000, 20_000),
    (20_000, 20_000, 20_003),
]
SHAPES = [0.01, 1 - 1e-9, 1.0, 1 + 1e-9, 2.5, 40.0]  # a, or s
AHEAD = [1e-6, 1e-3, 0.5, 52.0]  # weeks: from half a second to a year


def leaving_chance(first, r, alpha, a, b, x, t, T):
    """Return the likelihood of having stayed and of having left after the last purchase: equation (6) of BG/NBD."""
    n = x + first
    rate = mpmath.rf(r, x) * alpha**r
    stays = mpmath.rf(b, n) / mpmath.rf(a + b, n)
    left = stays * a / (b + n - 1) if n else mpmath.mpf(0)
    return rate * stays / (alpha + T) ** (r + x), rate * left / (alpha + t) ** (r + x)


def purchases_of_leaving_chance(first, r, alpha, a, b, x, T, ahead):
    """Return the expected purchases of who is active: equation (10) of BG/NBD without its denominator."""
    if a == 1:  # 0/0 there; the function is smooth
        a += mpmath.mpf(10) ** -50
    rho, beta = r + x, b + x + first
    z, c = ahead / (alpha + T + ahead), a + beta - 1
    return c / (a - 1) * (1 - (1 - z) ** rho * mpmath.hyp2f1(rho, beta, c, z))


def leaving_rate(r, alpha, s, beta, x, t, T):
    """Return the same under Pareto/NBD: stayed until T, or left at some time since t."""
    A = r + x + s

    def tail(u):
        if alpha >= beta:
            return (alpha + u) ** -A / A * mpmath.hyp2f1(A, s + 1, A + 1, (alpha - beta) / (alpha + u))
        return (beta + u) ** -A / A * mpmath.hyp2f1(A, r + x, A + 1, (beta - alpha) / (beta + u))

    start = mpmath.rf(r, x) * alpha**r * beta**s
    return start * (alpha + T) ** -(r + x) * (beta + T) ** -s, start * s * (tail(t) - tail(T))


def purchases_of_leaving_rate(r, alpha, s, beta, x, T, ahead):
    """Return the expected purchases of who is active: rate × expected time until leaving."""
    if s == 1:
        s += mpmath.mpf(10) ** -40
    return (r + x) * (beta + T) / ((alpha + T) * (s - 1)) * (1 - ((beta + T) / (beta + T + ahead)) ** (s - 1))


MODELS = {
    "bg-nbd": (bg_nbd, (0.25, 4.4, None, 2.4), lambda *all_: leaving_chance(0, *all_), lambda *all_: purchases_of_leaving_chance(0, *all_)),
    "mbg-nbd": (mbg_nbd, (0.5, 6.2, None, 1.6), lambda *all_: leaving_chance(1, *all_), lambda *all_: purchases_of_leaving_chance(1, *all_)),
    "pareto-nbd": (pareto_nbd, (0.55, 10.6, None, 11.7), leaving_rate, purchases_of_leaving_rate),
    "pareto-nbd, slow to buy": (pareto_nbd, (3.0, 300.0, None, 80.0), leaving_rate, purchases_of_leaving_rate),
}  # fmt: skip


def model_at(module, parameters):
    form = module.FORM
    values = dict(zip(form.names, parameters, strict=True))
    none = dict.fromkeys(form.names)
    return fitted(Fit(form.name, values, none, np.zeros((4, 4)), 0.0, 1, form.unit, converged=True, gradient_norm=0.0))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("history", HISTORIES)
def test_likelihood_p_alive_silence_and_expectation_keep_their_digits(name, history):
    module, (r, alpha, _, last), exact, purchases = MODELS[name]
    x, t_x, T = history
    for shape in SHAPES:
        with mpmath.workdps(90):
            at = [mpmath.mpf(one) for one in (r, alpha, shape, last)]
            weeks = [mpmath.mpf(days) / 7 for days in (t_x, T)]
            stayed, left = exact(*at, x, *weeks)
            alive = stayed / (stayed + left)
            silent = [sum(exact(*at, x, weeks[0], weeks[1] + ahead)) / (stayed + left) for ahead in AHEAD]
            expected = [alive * purchases(*at, x, weeks[1], mpmath.mpf(ahead)) for ahead in AHEAD]
            truth = float(mpmath.log(stayed + left))
        parameters = (r, alpha, shape, last)
        found = module.log_likelihood(Histories.from_arrays([x], [t_x], [T]))(np.array(parameters)).value
        assert found == pytest.approx(truth, rel=1e-12, abs=2e-10)
        model = model_at(module, parameters)
        args = (x, t_x / 7, T / 7)
        # an exponent (r + x) ln(…) has 16 digits before exp
        exactly = {"rel": 1e-13 * (1 + x) + 2e-10 * (module is pareto_nbd), "abs": 1e-300}
        assert float(model.p_alive(*args)) == pytest.approx(float(alive), **exactly)
        for ahead, none, mean in zip(AHEAD, silent, expected, strict=True):
            outlook = model.outlook(ahead, 0.0, *args)
            assert float(outlook.purchases) == pytest.approx(float(mean), **exactly)
            assert float(outlook.discounted) == pytest.approx(float(mean), **exactly)  # at no discount
            assert float(outlook.p_none) == pytest.approx(float(none), abs=1e-13 * (1 + x) + 2e-10)


@pytest.mark.parametrize("name", MODELS)
def test_expectations_are_smooth_where_the_textbook_divides_0_by_0(name):
    # from 1 − 1e-6 to 1 + 1e-6 the expectation is as good as linear in a or s: no digit may be lost on the way
    module, (r, alpha, _, last), _, _ = MODELS[name]
    steps = np.array([-1e-6, -1e-8, -1e-12, 0.0, 1e-15, 1e-12, 1e-8, 1e-6])
    for x, T, ahead in product((0, 5, 3000), (0.5, 500.0), (1e-3, 52.0)):
        values = [float(model_at(module, (r, alpha, 1 + step, last)).purchases_if_alive(ahead, x, T)) for step in steps]
        slope = (values[-1] - values[0]) / 2e-6
        np.testing.assert_allclose(values, values[3] + slope * steps, rtol=1e-11)
