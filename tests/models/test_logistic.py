"""Ridge logistic regression against its definition: the gradient of what is maximised is 0, by plain loops."""

import math

import numpy as np
import pytest

from clvtool.models.logistic import fit


def data(n=400, seed=1):
    draw = np.random.default_rng(seed)
    figures = draw.normal(size=(n, 3)) * [1.0, 10.0, 0.1] + [0.0, 50.0, -3.0]
    chance = 1 / (1 + np.exp(-(0.5 + figures[:, 0] - 0.1 * (figures[:, 1] - 50))))
    return figures, draw.random(n) < chance


def test_the_slope_of_the_penalised_likelihood_is_nought():
    # d/dβ of Σ ln P(outcome) − ½ β² at the estimates, over standardised figures
    figures, outcome = data()
    found = fit(figures, outcome)
    beta = [found.intercept, *found.coefficients]
    means = [sum(column) / len(outcome) for column in figures.T.tolist()]
    deviations = [
        math.sqrt(sum((value - mean) ** 2 for value in column) / len(outcome))
        for column, mean in zip(figures.T.tolist(), means, strict=True)
    ]
    slope = [-value for value in beta]
    for row, yes in zip(figures.tolist(), outcome.tolist(), strict=True):
        rows = [1.0] + [(value - mean) / sd for value, mean, sd in zip(row, means, deviations, strict=True)]
        chance = 1 / (1 + math.exp(-sum(b * value for b, value in zip(beta, rows, strict=True))))
        slope = [total + (yes - chance) * value for total, value in zip(slope, rows, strict=True)]
    assert slope == pytest.approx([0] * 4, abs=1e-8)


def test_it_finds_what_was_put_in():
    # log odds 0.5 + x₁ − 0.1 (x₂ − 50): per deviation 1, −1, and 0 for the third
    figures, outcome = data(n=40_000)
    found = fit(figures, outcome)
    assert found.coefficients == pytest.approx([1, -1, 0], abs=4 * found.std_errors.max())
    assert found.std_errors == pytest.approx([0.0145] * 3, rel=0.3)
    assert found.probability(figures).mean() == pytest.approx(outcome.mean(), abs=1e-3)


def test_units_and_origins_of_the_figures_change_nothing():
    figures, outcome = data()
    one, other = fit(figures, outcome), fit(figures * [7, 0.1, 1000] + [3, -8, 1], outcome)
    assert other.coefficients == pytest.approx(one.coefficients, rel=1e-9)
    assert other.probability(figures * [7, 0.1, 1000] + [3, -8, 1]) == pytest.approx(one.probability(figures))


@pytest.mark.parametrize("outcome", [[True] * 50, [False] * 50, [False] * 25 + [True] * 25])
def test_outcomes_that_are_all_alike_or_told_apart_without_fail_end_in_finite_numbers(outcome):
    found = fit(np.arange(50.0)[:, None], np.array(outcome))
    assert np.isfinite([found.intercept, *found.coefficients, *found.std_errors]).all()
    chance = found.probability(np.arange(50.0)[:, None])
    assert ((chance > 0.5) == outcome).all()


def test_a_figure_that_does_not_vary_has_no_part():
    figures, outcome = data()
    figures[:, 2] = 0.1
    found = fit(figures, outcome)
    assert found.coefficients[2] == found.std_errors[2] == 0
    assert np.isfinite(found.probability(figures + np.array([0, 0, 5]))).all()
