"""Discounted purchases without a horizon (DERT), against the papers and against other ways to the same integral."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest

from clvtool.errors import FitError
from clvtool.models import mbg_nbd, nbd, pareto_nbd
from clvtool.models.bg_nbd import BgNbd
from clvtool.models.histories import Histories
from clvtool.models.pareto_nbd import ParetoNbd
from clvtool.models.residual import residual_if_alive

PER_WEEK = 0.0027  # "15 % a year" in the paper


@pytest.fixture(scope="module")
def histories(cdnow):
    return Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T)


def test_pareto_nbd_gives_the_reference_values(cdnow, histories):
    found = pareto_nbd.fit(histories).discounted_residual_purchases(PER_WEEK, *cdnow.weeks)
    assert found[[0, 156, 1515]] == pytest.approx([6.482403, 86.930164, 86.024373], rel=2e-7)
    assert found.sum() == pytest.approx(7185.9729, rel=2e-7)


@pytest.mark.parametrize("s", [0.05, 0.6, 1.0, 1 + 1e-9, 3.5, 20.0])
@pytest.mark.parametrize("delta", [1e-5, 0.0027, 0.3])
def test_pareto_nbd_is_the_paper_s_closed_form(cdnow_purchases, s, delta):
    # (r+x)/(α+T) · (β+T) · ∫₀^∞ e^(−z w) (1+w)^(−s) dw = (r+x)/(α+T) · (β+T) · e^z z^(s−1) Γ(1−s, z), z = δ(β+T)
    parameters = {"r": 0.55, "alpha": 10.6, "s": s, "beta": 11.7}
    model = ParetoNbd(replace(cdnow_purchases.fit, parameters=parameters))
    for x, T in [(0, 0.0), (4, 38.0), (20_000, 400.0)]:
        with mpmath.workdps(40):
            z = mpmath.mpf(delta) * (mpmath.mpf("11.7") + T)
            time = (mpmath.mpf("11.7") + T) * mpmath.exp(z) * z ** (mpmath.mpf(s) - 1) * mpmath.gammainc(1 - s, z)
            expected = float((mpmath.mpf("0.55") + x) / (mpmath.mpf("10.6") + T) * time)
        found = model.discounted_residual_purchases(delta, x, T if x else 0.0, T) / model.p_alive(x, T if x else 0.0, T)
        assert float(found) == pytest.approx(expected, rel=1e-9)


def test_nbd_is_a_rate_without_end(cdnow, histories):
    # (r+x)/(α+T) purchases a week for ever: ÷ δ
    model = nbd.fit(histories)
    r, alpha = model.fit.parameters.values()
    x, t_x, T = cdnow.weeks
    found = model.discounted_residual_purchases(PER_WEEK, x, t_x, T)
    assert found == pytest.approx((r + x) / (alpha + T) / PER_WEEK, rel=1e-12)


@pytest.mark.parametrize("kind", ["bg-nbd", "mbg-nbd"])
def test_leaving_after_purchases_by_gauss_laguerre(kind, cdnow, cdnow_purchases, histories):
    # ∫₀^∞ e^(−u) E[Y(u/δ)] du with 128 nodes: an independent rule for the same integral
    model = cdnow_purchases if kind == "bg-nbd" else mbg_nbd.fit(histories)
    x, t_x, T = (column[::40] for column in cdnow.weeks)
    nodes, weights = np.polynomial.laguerre.laggauss(128)
    expected = sum(
        weight * model.conditional_expected_purchases(node / PER_WEEK, x, t_x, T)
        for node, weight in zip(nodes, weights, strict=True)
        if weight > 1e-25
    )
    assert model.discounted_residual_purchases(PER_WEEK, x, t_x, T) == pytest.approx(expected, rel=1e-7)


# E[₂F₁(1, a; a+β; −g/z) g/z] over g ~ Gamma(ρ, 1), ₂F₁ being the mean over p ~ Beta(a, β): by mpmath with 25 digits
EXACT = {
    (1000.0, 0.8, 2.0): (184.3120714537656, 69.59846122773168, 15.650141102126607),  # very many purchases
    (0.05, 2.0, 0.1): (0.378470774275398, 0.19938916635260373, 0.013095252019325434),  # hardly any, and then gone
    (0.25, 0.8, 2.4): (20.612720019917923, 4.185336322989786, 0.07651393213581993),
    (1.3, 0.8, 3.4): (58.44842088870029, 14.830442295222886, 0.38553578508229136),
    (10.2, 0.8, 12.5): (281.2600557021623, 78.82015701425884, 2.8672190708471),
    (60.0, 2.0, 40.0): (40.97490935925042, 39.85931984200023, 11.219818444285947),
}


@pytest.mark.parametrize("place", list(EXACT))
def test_leaving_after_purchases_to_the_last_digits(place):
    assert residual_if_alive(np.array([1e-4, 0.009, 3.0]), *place) == pytest.approx(EXACT[place], rel=1e-12)


def test_every_age_is_found_with_its_purchases(cdnow_purchases):
    # all at once and one by one
    x, t_x, T = np.array([3, 0, 3, 20_000, 0]), np.array([2.0, 0.0, 5.0, 390.0, 0.0]), np.array([7, 9, 5, 400, 0]) / 1.0
    together = cdnow_purchases.discounted_residual_purchases(PER_WEEK, x, t_x, T)
    alone = [
        float(cdnow_purchases.discounted_residual_purchases(PER_WEEK, *one)) for one in zip(x, t_x, T, strict=True)
    ]
    assert together == pytest.approx(alone, rel=1e-13)
    assert cdnow_purchases.discounted_residual_purchases(PER_WEEK, [], [], []).size == 0


@pytest.mark.parametrize("delta", [0.0, -0.1])
def test_without_a_discount_there_is_none(cdnow_purchases, delta):
    with pytest.raises(ValueError, match="needs a discount rate above 0"):
        cdnow_purchases.discounted_residual_purchases(delta, 1, 1.0, 2.0)


def test_where_nobody_was_seen_to_leave_there_is_none(cdnow_purchases):
    for model, parameters in (
        (BgNbd, {"r": 0.5, "alpha": 6.0, "a": 1e-15, "b": 2.0}),
        (ParetoNbd, {"r": 0.5, "alpha": 6.0, "s": 0.5, "beta": 1e15}),
    ):
        unending = model(replace(cdnow_purchases.fit, parameters=parameters))
        with pytest.raises(FitError, match="found no customer leaving"):
            unending.discounted_residual_purchases(PER_WEEK, 1, 1.0, 2.0)
