import numpy as np
import pytest

from clvtool.models import bg_nbd, nbd, pareto_nbd
from clvtool.models.counts import Counts
from clvtool.models.histories import Histories


@pytest.fixture(scope="module")
def histories(cdnow):
    return Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T)


@pytest.fixture(scope="module")
def fitted(histories):
    return nbd.fit(histories)


def test_the_fit_is_our_own_maximum(fitted):
    # found with several solvers
    assert fitted.fit.parameters == pytest.approx({"r": 0.3847661, "alpha": 12.0720225}, rel=1e-6)
    assert fitted.fit.log_likelihood == pytest.approx(-9763.657615, abs=1e-4)
    assert fitted.fit.converged


def test_a_larger_model_never_ends_below_the_one_nested_in_it(histories, fitted):
    for model in (bg_nbd, pareto_nbd):
        assert model.fit(histories).fit.log_likelihood > fitted.fit.log_likelihood


def test_gradient_and_hessian_are_those_of_finite_differences():
    counts = Counts.of(Histories.from_arrays([0, 1, 2, 7, 40], [0, 7, 33, 200, 361], [50, 200, 300, 210, 900]))
    place = np.array([0.4, 12.0])
    point = counts.log_likelihood(*place)
    for index in range(2):
        step = np.zeros(2)
        step[index] = 1e-5 * place[index]
        ahead, behind = counts.log_likelihood(*(place + step)), counts.log_likelihood(*(place - step))
        assert point.gradient[index] == pytest.approx((ahead.value - behind.value) / (2 * step[index]), rel=1e-6)
        np.testing.assert_allclose(
            point.hessian[index], (ahead.gradient - behind.gradient) / (2 * step[index]), rtol=1e-6
        )


def test_predictions_by_hand(fitted):
    # (r+x)/(α+T) a week: (0.3847661 + 2)/(12.0720225 + 38) · 10 = 0.476267; silence ((α+T)/(α+T+10))^(r+x)
    outlook = fitted.outlook(10, 0.0, 2, 30, 38)
    assert float(outlook.p_alive) == 1
    assert float(outlook.purchases) == pytest.approx(0.476267, rel=1e-5)
    assert float(outlook.discounted) == pytest.approx(float(outlook.purchases), rel=1e-14)
    assert float(outlook.p_none) == pytest.approx((50.0720225 / 60.0720225) ** 2.3847661, rel=1e-6)
