"""Data at the border of what a purchase model can say: every model ends in words and with finite numbers."""

import numpy as np
import pytest
from simulated import simulate, simulate_in_time

from clvtool.errors import FitError
from clvtool.models import bg_nbd, mbg_nbd, nbd, pareto_nbd
from clvtool.models.fitting import confidence_interval
from clvtool.models.histories import Histories
from clvtool.models.newton import PRECISE, maximise

MODELS = {"bg-nbd": bg_nbd, "mbg-nbd": mbg_nbd, "pareto-nbd": pareto_nbd, "nbd": nbd}
LEAVING = [name for name in MODELS if name != "nbd"]


def usable(model, histories):
    """Check that the fit, and what it says of these customers and of others, is finite and within its bounds."""
    fit = model.fit
    assert all(np.isfinite(value) and value > 0 for value in fit.parameters.values())
    assert np.isfinite(fit.covariance).all()
    assert np.isfinite(fit.log_likelihood)
    for name, error in fit.std_errors.items():
        interval = confidence_interval(fit, name)
        assert (error is None) == (interval is None)
        # where a parameter is not known, a sentence says so
        assert error is not None or fit.warnings
    histories = histories.every(1 + histories.x.size // 100)
    others = [(0, 0, 0), (0, 0, 4000), (1, 1, 1), (3, 3, 4000), (20_000, 20_000, 20_100)]
    x, t_x, T = (
        np.append(ours, theirs)
        for ours, theirs in zip((histories.x, histories.t_x, histories.T), zip(*others, strict=True), strict=True)
    )
    for horizon in (1 / 7, 52.0, 520.0):
        outlook = model.outlook(horizon, 0.002, x, t_x / 7, T / 7)
        for figure in outlook:
            assert np.isfinite(figure).all()
            assert (figure >= 0).all()
        assert (outlook.p_alive <= 1).all()
        assert (outlook.p_none <= 1).all()
        assert (outlook.discounted <= outlook.purchases * (1 + 1e-12)).all()
    new = model.expected_purchases([0.0, 1.0, 52.0, 5200.0])
    assert np.isfinite(new).all()
    assert (np.diff(new) >= 0).all()


def fit(name, x, t_x, T):
    histories = Histories.from_arrays(x, t_x, T)
    model = MODELS[name].fit(histories)
    usable(model, histories)
    return model


# --- nobody leaves, all leave alike, all buy alike ---


@pytest.mark.parametrize("name", LEAVING)
def test_no_customer_leaves(name):
    # everybody has bought yesterday, however long ago they began
    T = np.arange(100, 900, 4)
    x = T // np.tile([20, 40, 80, 10], 50)
    model = fit(name, x, T - 1, T)
    assert model.fit.converged
    assert any("no customer leaving" in warning for warning in model.fit.warnings)
    assert model.p_alive(x, (T - 1) / 7, T / 7).min() > 0.999999
    # nothing is gained over the model in which nobody leaves
    assert model.fit.log_likelihood == pytest.approx(fit("nbd", x, T - 1, T).fit.log_likelihood, abs=1e-5)


@pytest.mark.parametrize("name", ["bg-nbd", "mbg-nbd"])
def test_all_customers_leave_with_one_chance(name):
    random = np.random.default_rng(4)
    x, t_x, T = simulate(4, 3000, random.gamma(0.8, 0.05, 3000), 0.15, 600)
    if name == "mbg-nbd":
        gone = random.random(3000) < 0.15
        x, t_x = np.where(gone, 0, x), np.where(gone, 0, t_x)
    fitted = fit(name, x, t_x, T).fit
    assert fitted.converged
    a, b = fitted.parameters["a"], fitted.parameters["b"]
    assert a / (a + b) == pytest.approx(0.15, abs=0.03)
    # by chance the data show a small difference between customers, or none: then words say so
    assert a + b > 10
    assert (fitted.std_errors["a"] is None) == any("share one chance" in warning for warning in fitted.warnings)


def test_all_customers_leave_at_one_rate():
    # a rate of leaving of 1/150 a day for everybody; of several shops, some show no difference at all
    said = 0
    for seed in range(3):
        rate = np.random.default_rng([seed, 1]).gamma(3, 1 / 30, 700)
        fitted = fit("pareto-nbd", *simulate_in_time(seed, 700, rate, 1 / 150, 900)).fit
        assert fitted.converged
        assert fitted.parameters["s"] / fitted.parameters["beta"] == pytest.approx(7 / 150, rel=0.25)
        said += any("all customers leave at one rate" in warning for warning in fitted.warnings)
    assert said


@pytest.mark.parametrize("name", MODELS)
def test_all_customers_buy_at_one_rate(name):
    T = np.random.default_rng(5).integers(60, 700, 800)
    fitted = fit(name, T // 50, T // 50 * 50, T).fit
    assert fitted.converged
    assert any("all customers buy at one rate, one purchase every 5" in warning for warning in fitted.warnings)
    assert (fitted.std_errors["r"], fitted.std_errors["alpha"]) == (None, None)


@pytest.mark.parametrize("name", LEAVING)
@pytest.mark.parametrize("size", [1e6, 1e9, 1e12, 1e15])
def test_large_shapes_make_no_maximum_that_does_not_exist(name, size, cdnow):
    # betaln cancels there: an optimiser "found" +298,588; towards the limit the likelihood only levels off
    histories = Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T)
    likelihood = MODELS[name].log_likelihood(histories)
    top = MODELS[name].fit(histories).fit
    r, alpha, leave, stay = top.parameters.values()
    for one, near in (
        ((r, alpha, leave * size, stay * size), (r, alpha, leave * 1e5, stay * 1e5)),
        ((r * size, alpha * size, leave, stay), (r * 1e5, alpha * 1e5, leave, stay)),
    ):
        point = likelihood(np.array(one))
        assert np.isfinite(point.gradient).all()
        assert np.isfinite(point.hessian).all()
        assert point.value == pytest.approx(likelihood(np.array(near)).value, rel=1e-4)
        assert point.value < top.log_likelihood


# --- little to go by ---


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("T", "words"),
    [
        ([10, 20, 40], r"each of the 3 customers bought on one day only.*at most 40 days"),
        ([0, 0, 0], r"each of the 3 customers bought on one day only.*at most 0 days"),  # all bought on the last day
        ([7], r"each of the 1 customers"),
    ],
)
def test_buyers_of_one_purchase_cannot_be_fitted(name, T, words):
    with pytest.raises(FitError, match=words) as caught:
        MODELS[name].fit(Histories.from_arrays([0] * len(T), [0] * len(T), T))
    assert caught.value.exit_code == 5
    assert caught.value.hint


@pytest.mark.parametrize("name", MODELS)
def test_no_customers_cannot_be_fitted(name):
    with pytest.raises(FitError, match="no customers"):
        MODELS[name].fit(Histories.from_arrays([], [], []))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("x", "t_x", "T"),
    [
        # five customers
        ([0, 0, 1, 2, 0], [0, 0, 10, 30, 0], [50, 60, 40, 45, 10]),
        # every customer with one repeat purchase: on the last day, on the same day, at different times
        ([1, 1, 1, 1], [10, 30, 60, 5], [10, 30, 60, 5]),
        ([1, 1, 1, 1], [9, 9, 9, 9], [40, 40, 40, 40]),
        ([1, 1, 1, 1, 1], [5, 9, 14, 30, 80], [90, 80, 70, 60, 85]),
        # one repeat purchase among many customers; one customer alone
        ([0] * 99 + [1], [0] * 99 + [3], [*range(1, 100), 50]),
        ([1], [1], [1]),
        ([5], [30], [400]),
        # a log of a few days: no history lasts a week, some none at all
        ([1, 0, 0, 2, 0, 0, 1], [1, 0, 0, 2, 0, 0, 2], [1, 0, 1, 2, 2, 0, 3]),
        # most customers came on the last day: T = 0
        ([0] * 50 + [1, 3, 2], [0] * 50 + [20, 60, 90], [0] * 50 + [100, 90, 95]),
        # a purchase every day for 50 years among ordinary customers, and such customers alone
        ([20_000, 3, 0, 1], [20_000, 30, 0, 20], [20_010, 400, 300, 22]),
        ([20_000, 19_000], [20_000, 20_000], [20_000, 20_003]),
        ([18_000, 0, 0, 0], [18_250, 0, 0, 0], [18_250, 18_000, 10, 0]),
    ],
)
def test_data_that_say_little_give_finite_figures_and_words(name, x, t_x, T):
    model = fit(name, x, t_x, T)
    assert model.fit.converged
    # so few customers say next to nothing about how they differ: at least one coordinate is at its limit, or wide
    wide = any(error is not None and error > 0.3 * model.fit.parameters[key] for key, error in model.fit.std_errors.items())  # fmt: skip
    assert model.fit.warnings or wide


@pytest.mark.parametrize("name", LEAVING)
def test_the_start_of_a_search_does_not_decide_where_it_ends(name, cdnow):
    # a tenth of CDNOW: from starts far apart the maximum is the same
    histories = Histories.from_arrays(cdnow.x[::10], cdnow.t_x[::10], cdnow.T[::10])
    best = MODELS[name].fit(histories).fit
    form = MODELS[name].FORM
    objective = form.in_coordinates(MODELS[name].log_likelihood(histories))
    for start in ((0.05, 1.0, 0.1, 0.1), (3.0, 100.0, 2.0, 30.0), (1.0, 1.0, 1.0, 1.0)):
        found = maximise(objective, form.theta(start), form.coordinates, PRECISE)
        assert found.converged
        assert found.point.value == pytest.approx(best.log_likelihood, abs=1e-6)
