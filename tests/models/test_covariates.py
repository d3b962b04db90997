"""Covariates: cells of one model whose mean rate and mean leaving differ."""

import json
from datetime import date

import numpy as np
import pytest
from simulated import simulate, simulate_in_time

from clvtool.errors import DataError, FitError
from clvtool.models import bg_nbd, file, mbg_nbd, pareto_nbd
from clvtool.models.by_cell import ByCell
from clvtool.models.covariate_fit import Cell, fit_covariates, log_likelihood, without
from clvtool.models.covariates import Column, design, for_cell
from clvtool.models.histories import Histories
from clvtool.models.leaving_likelihood import LeavingLikelihood
from clvtool.models.pareto_likelihood import ParetoLikelihood
from clvtool.models.registry import fitted

MODELS = {"bg-nbd": bg_nbd, "mbg-nbd": mbg_nbd, "pareto-nbd": pareto_nbd}
CHANNEL = Column("channel", ("web", "email", "shop"))
COUNTRY = Column("country", ("PL", "DE"))


def shop(seed, n, rate=(0.0, 0.5, 0.0), leave=(0.0, -0.8, 0.0), longest=1500, name="bg-nbd"):
    """Draw the channel of n customers, and their histories from a model with these effects of each channel."""
    random = np.random.default_rng([seed, 1])  # another stream than that of `simulate`
    z = random.integers(0, 3, n)
    rates = random.gamma(0.9, 1 / 90, n) * np.exp(np.array(rate)[z])
    if name == "pareto-nbd":
        leaving = random.gamma(2, 1 / 400, n) * np.exp(np.array(leave)[z])
        return z, simulate_in_time(seed, n, rates, leaving, longest)
    p = 1 / (1 + np.exp(-(np.log(0.8 / 3) + np.array(leave)[z])))
    chance = random.beta(3.8 * p, 3.8 * (1 - p))
    x, t_x, T = simulate(seed, n, rates, chance, longest)
    if name == "mbg-nbd":  # the first purchase is a chance to leave, too
        gone = random.random(n) < chance
        x, t_x = np.where(gone, 0, x), np.where(gone, 0, t_x)
    return z, (x, t_x, T)


def cells_of(codes, x, t_x, T):
    """Return the cells of customers whose levels are the columns of `codes`."""
    codes = np.atleast_2d(codes.T).T
    found = sorted(set(map(tuple, codes.tolist())))
    return [
        Cell(places, Histories.from_arrays(*(one[(codes == places).all(axis=1)] for one in (x, t_x, T))))
        for places in found
    ]


def plain(name, x, t_x, T):
    return MODELS[name].fit(Histories.from_arrays(x, t_x, T)).fit


def fit(name, columns, codes, histories):
    return fit_covariates(name, columns, cells_of(codes, *histories), plain(name, *histories))


@pytest.fixture(scope="module")
def large():
    z, histories = shop(1, 20_000)
    return z, histories, fit("bg-nbd", [CHANNEL], z, histories)


# --- the likelihood ---


@pytest.mark.parametrize("name", MODELS)
def test_the_likelihood_is_that_of_each_cell_with_its_own_parameters(name):
    z, histories = shop(2, 300)
    cells = cells_of(z, *histories)
    gamma, delta = np.array([0.4, -0.7]), np.array([-0.5, 0.3])
    r, alpha = 0.8, 12.0
    first = MODELS[name].FORM.theta((r, alpha, 0.9, 3.1))
    found = log_likelihood(name, [CHANNEL], cells)(np.concatenate([first, gamma, delta])).value
    expected = 0.0
    for cell, rate, leave in zip(cells, (0.0, *gamma), (0.0, *delta), strict=True):
        if name == "pareto-nbd":  # α e^(−γ), β e^(−δ)
            at = [r, alpha * np.exp(-rate), 0.9, 3.1 * np.exp(-leave)]
            expected += ParetoLikelihood.of(cell.histories).log_likelihood(np.array(at)).value
        else:  # odds of leaving × e^δ with a + b = 4
            odds = 0.9 / 3.1 * np.exp(leave)
            at = [r, alpha * np.exp(-rate), 4 * odds / (1 + odds), 4 / (1 + odds)]
            chance = 0 if name == "bg-nbd" else 1
            expected += LeavingLikelihood.of(cell.histories, chance).log_likelihood(np.array(at)).value
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_gradient_and_hessian_are_those_of_finite_differences(name):
    z, histories = shop(3, 200)
    codes = np.column_stack([z, np.arange(200) % 2])
    objective = log_likelihood(name, [CHANNEL, COUNTRY], cells_of(codes, *histories))
    place = np.array([-2.7, -0.2, -1.4, 1.3, 0.3, -0.1, 0.2, -0.4, 0.1, 0.5])
    point = objective(place)
    np.testing.assert_array_equal(point.hessian, point.hessian.T)
    for index in range(place.size):
        step = np.zeros(place.size)
        step[index] = 1e-5
        ahead, behind = objective(place + step), objective(place - step)
        assert point.gradient[index] == pytest.approx((ahead.value - behind.value) / 2e-5, rel=1e-6, abs=1e-6)
        np.testing.assert_allclose(
            point.hessian[index], (ahead.gradient - behind.gradient) / 2e-5, rtol=1e-6, atol=1e-5
        )


def test_z_is_one_for_each_level_but_the_references():
    assert design([CHANNEL, COUNTRY], (0, 0)).tolist() == [0, 0, 0]
    assert design([CHANNEL, COUNTRY], (2, 1)).tolist() == [0, 1, 1]


# --- fits ---


@pytest.mark.parametrize("name", MODELS)
def test_without_a_column_the_fit_is_the_plain_one(name):
    _, histories = shop(4, 1500)
    one = plain(name, *histories)
    again = fit_covariates(name, [], [Cell((), Histories.from_arrays(*histories))], one)
    assert again.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-9)
    for parameter, value in one.parameters.items():
        assert again.parameters[parameter] == pytest.approx(value, rel=1e-6)
        assert again.std_errors[parameter] == pytest.approx(one.std_errors[parameter], rel=1e-6)


def test_the_effects_of_a_simulated_shop_are_found_within_their_errors(large):
    _, _, found = large
    assert found.converged
    assert found.warnings == ()
    truth = {
        "r": 0.9,
        "alpha": 90 / 7,
        "a": 0.8,
        "b": 3.0,
        "rate: channel=email": 0.5,
        "rate: channel=shop": 0.0,
        "leaving: channel=email": -0.8,
        "leaving: channel=shop": 0.0,
    }
    assert list(found.parameters) == list(truth)
    for parameter, value in truth.items():
        # purchases on the next full day and one a day cost a little accuracy
        assert found.parameters[parameter] == pytest.approx(value, abs=4 * found.std_errors[parameter] + 0.02 * value)
    assert found.std_errors["rate: channel=email"] < 0.04


@pytest.mark.parametrize("name", ["mbg-nbd", "pareto-nbd"])
def test_the_effects_are_found_in_the_other_models_too(name):
    found = fit(name, [CHANNEL], *shop(2, 8000, name=name))
    for effect, value in zip(list(found.parameters)[4:], (0.5, 0.0, -0.8, 0.0), strict=True):
        assert found.parameters[effect] == pytest.approx(value, abs=3.5 * found.std_errors[effect] + 0.02)
        assert found.std_errors[effect] < 0.15


def test_intervals_of_effects_hold_the_truth_as_often_as_they_say():
    # 80 shops, four effects: 320 intervals of 95 %; 290 is four standard deviations below what is right
    inside = 0
    for seed in range(80):
        z, histories = shop(100 + seed, 700, longest=900)
        found = fit("bg-nbd", [CHANNEL], z, histories)
        for effect, truth in zip(list(found.parameters)[4:], (0.5, 0.0, -0.8, 0.0), strict=True):
            inside += abs(found.parameters[effect] - truth) < 1.96 * found.std_errors[effect]
    assert 290 <= inside <= 318


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_p_values_are_uniform_where_there_is_no_effect(name):
    # 300 shops whose channels are drawn by lot: p below 0.1, 0.5 and 0.9 in that share, ± 3.5 standard deviations
    from clvtool.stats import chi_square_tail

    p = []
    for seed in range(300):
        z, histories = shop(1000 + seed, 600, rate=(0, 0, 0), leave=(0, 0, 0), name=name)
        one = plain(name, *histories)
        whole = fit_covariates(name, [CHANNEL], cells_of(z, *histories), one)
        p.append(chi_square_tail(2 * (whole.log_likelihood - one.log_likelihood), 4))
    for level in (0.1, 0.5, 0.9):
        share = np.mean(np.array(p) < level)
        assert abs(share - level) < 3.5 * np.sqrt(level * (1 - level) / 300), (name, level, share)


@pytest.mark.parametrize("name", MODELS)
def test_another_reference_changes_signs_and_not_the_likelihood(name):
    z, histories = shop(5, 2500)
    one = fit(name, [CHANNEL], z, histories)
    other = fit(name, [Column("channel", ("email", "web", "shop"))], np.array([1, 0, 2])[z], histories)
    assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-8)
    for kind in ("rate: ", "leaving: "):
        web, email = f"{kind}channel=web", f"{kind}channel=email"
        assert other.parameters[web] == pytest.approx(-one.parameters[email], rel=1e-5)
        assert other.std_errors[web] == pytest.approx(one.std_errors[email], rel=1e-3)
    # the model of a cell is that of a fit which has it as reference, and so are its standard errors
    moved = for_cell(one, ["email"])
    assert not moved.covariates
    for parameter, value in moved.parameters.items():
        assert other.parameters[parameter] == pytest.approx(value, rel=1e-5)
        assert other.std_errors[parameter] == pytest.approx(moved.std_errors[parameter], rel=2e-3)
    assert dict(for_cell(one, ["web"]).parameters) == {key: one.parameters[key] for key in moved.parameters}


def test_a_larger_model_never_ends_below_the_one_nested_in_it(cdnow):
    # thirds of the customers of CDNOW, by lot: no effect, so little is gained, but nothing lost
    z = np.random.default_rng(1).integers(0, 3, cdnow.x.size)
    for name in MODELS:
        one = plain(name, cdnow.x, cdnow.t_x, cdnow.T)
        gain = fit(name, [CHANNEL], z, (cdnow.x, cdnow.t_x, cdnow.T)).log_likelihood - one.log_likelihood
        assert 0 <= gain < 10


def test_the_order_of_customers_changes_no_bit(large):
    z, histories, found = large
    order = np.random.default_rng(2).permutation(z.size)
    again = fit("bg-nbd", [CHANNEL], z[order], [column[order] for column in histories])
    assert again.parameters == found.parameters
    assert again.covariance.tobytes() == found.covariance.tobytes()


def test_a_column_left_out_joins_the_cells_that_it_told_apart():
    z, histories = shop(6, 900)
    cells = cells_of(np.column_stack([z, np.arange(900) % 2]), *histories)
    columns, joined = without([CHANNEL, COUNTRY], cells, 1)
    assert columns == [CHANNEL]
    for cell, expected in zip(joined, cells_of(z, *histories), strict=True):
        assert cell.places == expected.places
        for name in ("x", "t_x", "T", "count"):
            np.testing.assert_array_equal(getattr(cell.histories, name), getattr(expected.histories, name))


# --- limits: said in words ---


def usable(found):
    """Check that customers of every cell get figures one can use."""
    for level in found.covariates[0].levels:
        moved = for_cell(found, [level])
        assert all(np.isfinite(value) and value > 0 for value in moved.parameters.values())
        outlook = fitted(moved).outlook(52, 0.002, [0, 1, 3], [0, 2, 5], [0, 2, 80])
        for figure in outlook:
            assert np.isfinite(figure).all()
            assert (figure >= 0).all()
    assert all(np.isfinite(value) for value in found.parameters.values())
    assert np.isfinite(found.covariance).all()


@pytest.mark.parametrize("name", MODELS)
def test_a_level_of_which_nobody_bought_again_is_a_finding(name):
    z, (x, t_x, T) = shop(7, 900)
    x, t_x = np.where(z == 2, 0, x), np.where(z == 2, 0, t_x)
    found = fit(name, [CHANNEL], z, (x, t_x, T))
    assert any("channel=shop" in warning for warning in found.warnings)
    assert found.std_errors["rate: channel=shop"] is None
    assert found.std_errors["rate: channel=email"] is not None
    usable(found)
    # a year brings none of them back
    model = fitted(for_cell(found, ["shop"]))
    assert float(model.conditional_expected_purchases(52, 0, 0, 100)) < 0.01


def loyal(n):
    """Return histories of customers who have all bought lately: 20, 40, … days apart until the last day."""
    T = 100 + 4 * (np.arange(n) % 300)
    return T // np.resize([20, 40, 80, 10], n), T - 1, T


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("level", [0, 2])
def test_a_level_that_nobody_leaves_is_a_finding_also_as_the_reference(name, level):
    z, histories = shop(8, 900)
    some = z == level
    histories = [np.where(some, ours, theirs) for ours, theirs in zip(loyal(900), histories, strict=True)]
    found = fit(name, [CHANNEL], z, histories)
    who = f"channel={CHANNEL.levels[level]}"
    assert any(f"no customer of {who} leaving: their effect" in warning for warning in found.warnings)
    assert found.std_errors[f"leaving: {who}"] is None
    if level == 0:
        assert found.covariates[0].levels == ("email", "web", "shop")
        assert "measured against channel=email instead" in found.warnings[0]
    usable(found)
    model = fitted(for_cell(found, [CHANNEL.levels[level]]))
    assert float(model.p_alive(3, 20, 40)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_where_nobody_leaves_at_all_there_are_effects_on_the_rate_alone(name):
    z = np.arange(900) % 3
    found = fit(name, [CHANNEL], z, loyal(900))
    assert any("no customer leaving" in warning for warning in found.warnings)
    assert any("say nothing about leaving: channel=email: its value" in warning for warning in found.warnings)
    assert found.std_errors["leaving: channel=email"] is None
    assert found.std_errors["rate: channel=email"] is not None
    usable(found)


@pytest.mark.parametrize("name", MODELS)
def test_five_customers_are_fitted_with_words_or_refused_in_words(name):
    histories = ([0, 0, 1, 2, 0], [0, 0, 10, 30, 0], [50, 60, 40, 45, 10])
    histories = [np.array(column) for column in histories]
    try:
        found = fit(name, [COUNTRY], np.array([0, 1, 1, 0, 0]), histories)
    except FitError as error:
        assert "these 5 customers do not determine" in error.message
        assert error.hint
    else:
        assert found.warnings
        usable(found)


def test_columns_that_say_the_same_are_refused_by_name():
    z, histories = shop(9, 300)
    code = np.minimum(z, 1)
    size = Column("size", ("small", "big"))
    for codes, columns, named in (
        ([code, code], [COUNTRY, size], "country and size"),
        ([z, code], [CHANNEL, size], "channel and size"),  # one is a coarser form of the other
        ([z, code, np.arange(300) % 2], [CHANNEL, size, COUNTRY], "channel and size"),
        # no pair alone: z = 0 where both others are 0
        ([np.array([0, 1, 1, 2])[np.arange(300) % 4], *np.divmod(np.arange(300) % 4, 2)], [CHANNEL, size, COUNTRY], ""),
    ):
        with pytest.raises(DataError, match=f"{named}.* cannot be told apart") as caught:
            fit("bg-nbd", columns, np.column_stack(codes), histories)
        assert caught.value.exit_code == 4
        assert caught.value.hint


# --- predictions and files ---


def test_each_customer_is_predicted_by_the_model_of_the_cell(large):
    z, histories, found = large
    cells = [(level,) for level in CHANNEL.levels]
    model = ByCell.of(found, cells, z)
    weeks = histories[0], histories[1] / 7, histories[2] / 7
    outlook = model.outlook(52, 0.002, *weeks)
    alive = model.p_alive(*weeks)
    for place in range(3):
        some = z == place
        alone = fitted(for_cell(found, cells[place])).outlook(52, 0.002, *(column[some] for column in weeks))
        for ours, theirs in zip(outlook, alone, strict=True):
            np.testing.assert_array_equal(ours[some], theirs)
        np.testing.assert_array_equal(alive[some], alone.p_alive)
    # of equal histories, those who buy more often and leave less are expected to buy more
    new = ByCell.of(found, cells, np.arange(3)).outlook(52, 0.002, np.zeros(3), np.zeros(3), np.zeros(3))
    assert new.purchases[1] > 1.5 * new.purchases[0]


def test_a_level_that_the_fit_does_not_know_is_an_error(large):
    with pytest.raises(KeyError, match="channel"):
        for_cell(large[2], ["fax"])


def test_a_fit_with_covariates_is_not_taken_for_a_plain_one(large):
    with pytest.raises(DataError, match=r"fitted with covariates \(channel\)"):
        fitted(large[2])


def text_of(*fits):
    return file.dumps(fits, fingerprint="0" * 16, currency="EUR", as_of=date(2026, 6, 30))


def test_a_model_file_with_covariates_is_small_and_gives_the_fit_back(large):
    _, _, found = large
    text = text_of(found)
    assert len(text.encode()) < 3000
    assert json.loads(text)["clvtool_model"] == 2
    again = file.loads(text).fits["bg-nbd"]
    assert again.parameters == found.parameters
    assert again.std_errors == found.std_errors
    assert again.covariates == found.covariates
    assert again.covariance.tobytes() == found.covariance.tobytes()
    assert text_of(again) == text


def test_effects_without_standard_error_survive_a_file():
    z, (x, t_x, T) = shop(7, 900)
    found = fit("bg-nbd", [CHANNEL], z, (np.where(z == 2, 0, x), np.where(z == 2, 0, t_x), T))
    again = file.loads(text_of(found)).fits["bg-nbd"]
    assert again.std_errors == found.std_errors
    assert again.std_errors["rate: channel=shop"] is None


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("effects", "0.1 0.2", "do not match its covariates"),
        ("effects", "0.1 nan 0.2 0.3", "must be numbers"),
        ("effects", "0.1 x 0.2 0.3", "could not convert"),
        ("effects", None, "damaged"),
        ("effect_covariances", ["1 2 3 4 5"], "do not match its covariates"),
        ("covariates", {"channel": ["web", "email"]}, "do not match its covariates"),
        ("covariates", [1], "damaged"),
    ],
)
def test_damaged_effects_are_refused(large, key, value, words):
    content = json.loads(text_of(large[2]))
    content["models"]["bg-nbd"][key] = value
    with pytest.raises(DataError, match=words):
        file.loads(json.dumps(content))


def test_effects_of_a_model_that_takes_none_are_refused(cdnow_money, large):
    content = json.loads(text_of(cdnow_money.fit))
    ours = json.loads(text_of(large[2]))["models"]["bg-nbd"]
    for key in ("covariates", "effects", "effect_covariances"):
        content["models"]["gamma-gamma"][key] = ours[key]
    with pytest.raises(DataError, match="gamma-gamma takes no covariates"):
        file.loads(json.dumps(content))
