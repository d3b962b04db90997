import json
from datetime import date

import pytest
from simulated import simulate

from clvtool.errors import DataError
from clvtool.models import bg_nbd, file, registry
from clvtool.models.histories import Histories

ABOUT = {"fingerprint": "sha256:3f2a", "currency": "USD", "as_of": date(1997, 9, 30)}


@pytest.fixture(scope="module")
def text(cdnow_purchases, cdnow_money):
    return file.dumps([cdnow_purchases.fit, cdnow_money.fit], **ABOUT)


def test_a_model_file_is_small_and_says_what_it_is(text):
    assert len(text.encode()) < 5000
    content = json.loads(text)
    assert content["clvtool_model"] == 1
    assert (content["fingerprint"], content["currency"], content["as_of"]) == ("sha256:3f2a", "USD", "1997-09-30")
    purchases = content["models"]["bg-nbd"]
    assert (purchases["unit"], purchases["n_customers"]) == ("weeks", 2357)
    assert content["models"]["gamma-gamma"]["unit"] == "money"


def test_the_same_fits_give_the_same_bytes(text, cdnow_purchases, cdnow_money):
    assert file.dumps([cdnow_purchases.fit, cdnow_money.fit], **ABOUT) == text


def test_a_model_from_a_file_predicts_to_the_last_bit_as_before(text, cdnow, cdnow_purchases, cdnow_money):
    loaded = file.loads(text)
    assert (loaded.fingerprint, loaded.currency, loaded.as_of) == tuple(ABOUT.values())
    for model in (cdnow_purchases, cdnow_money):
        fit = loaded.fits[model.fit.model]
        assert fit.covariance.tobytes() == model.fit.covariance.tobytes()
        for name in (
            "parameters",
            "std_errors",
            "log_likelihood",
            "n_customers",
            "facts",
            "warnings",
            "converged",
            "flat",
        ):
            assert getattr(fit, name) == getattr(model.fit, name)
    purchases, money = (registry.fitted(fit) for fit in loaded.fits.values())
    assert (
        purchases.discounted_conditional_purchases(52, 0.002, *cdnow.weeks).tobytes()
        == cdnow_purchases.discounted_conditional_purchases(52, 0.002, *cdnow.weeks).tobytes()
    )
    assert money.expected_value(cdnow.x, cdnow.m).tobytes() == cdnow_money.expected_value(cdnow.x, cdnow.m).tobytes()
    assert file.dumps(loaded.fits.values(), **ABOUT) == text


def test_parameters_at_a_limit_and_unknown_errors_survive():
    fit = bg_nbd.fit(Histories.from_arrays(*simulate(4, 500, 1 / 40, 0.2, 900))).fit
    assert None in fit.std_errors.values()
    loaded = file.loads(file.dumps([fit], fingerprint="", currency=None, as_of=date(2024, 2, 29)))
    assert loaded.currency is None
    assert loaded.fits["bg-nbd"].parameters == fit.parameters
    assert loaded.fits["bg-nbd"].std_errors == fit.std_errors
    assert loaded.fits["bg-nbd"].warnings == fit.warnings


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("not json", "not JSON"),
        ("[1, 2]", "no model file"),
        ('{"a": 1}', "no model file"),
        ('{"clvtool_model": 3}', "version 3; this clvtool reads versions 1 and 2"),
        ('{"clvtool_model": "1"}', "version '1'"),
        ('{"clvtool_model": true}', "version True"),
        ('{"clvtool_model": 1}', "'models' is missing"),
        ('{"clvtool_model": 1, "models": []}', "damaged"),
    ],
)
def test_a_text_that_is_no_model_of_this_version_is_refused(broken, message):
    with pytest.raises(DataError, match=message) as caught:
        file.loads(broken)
    assert caught.value.exit_code == 4
    assert caught.value.hint


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("parameters", {}, "positive numbers"),
        ("parameters", {"r": 0.2, "alpha": -1, "a": 1, "b": 1}, "positive numbers"),
        ("parameters", {"r": 0.2}, "does not match"),
        ("covariance", [[1, 2], [3, 4]], "does not match"),
        ("covariance", [1, 2, 3, 4, 5, 6, 7, 8, 9], "does not match"),
        ("flat", None, "damaged"),
        ("std_errors", {"r": 1}, "'alpha' is missing"),
        ("n_customers", "many", "damaged"),
    ],
)
def test_a_damaged_model_is_refused_with_its_reason(text, key, value, message):
    content = json.loads(text)
    content["models"]["bg-nbd"][key] = value
    with pytest.raises(DataError, match=message):
        file.loads(json.dumps(content))


def test_a_model_that_does_not_exist_is_refused(text):
    with pytest.raises(DataError, match="no model 'pareto'"):
        file.loads(text.replace('"bg-nbd"', '"pareto"'))


def test_numbers_are_written_with_all_their_digits(cdnow_purchases, text):
    # the upper triangle, row by row: the covariance is symmetric
    written = json.loads(text)["models"]["bg-nbd"]["covariance"]
    full = cdnow_purchases.fit.covariance
    assert written == [full[i, j] for i in range(4) for j in range(i, 4)]


def test_all_models_of_one_shop_fit_into_five_kilobytes(cdnow, cdnow_money):
    histories = Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T)
    fits = [registry.module(name).fit(histories).fit for name in registry.COMPARED]
    text = file.dumps([*fits, cdnow_money.fit], **ABOUT)
    assert len(text.encode()) < 5000
    assert list(file.loads(text).fits) == [*registry.COMPARED, "gamma-gamma"]


def test_a_person_can_read_it_line_by_line(text):
    # one thing a line: a name, a colon and a value
    lines = text.splitlines()
    assert max(map(len, lines)) < 500
    assert sum(line.strip().startswith('"parameters": {"r": 0.24259') for line in lines) == 1


def test_another_unit_is_refused(text):
    with pytest.raises(DataError, match="bg-nbd in months, and this clvtool predicts in weeks") as caught:
        file.loads(text.replace('"unit": "weeks"', '"unit": "months"'))
    assert caught.value.hint


def test_a_file_from_the_future_says_which_program_reads_it():
    with pytest.raises(DataError, match="version 7; this clvtool reads versions 1 and 2") as caught:
        file.loads('{"clvtool_model": 7}')
    assert "newer clvtool" in caught.value.hint
