import subprocess
import sys

import pytest

from clvtool.errors import UsageError
from clvtool.models import registry


def test_every_model_has_a_form_of_its_name_a_fit_and_a_class_to_predict_from():
    for name, (_, cls) in registry.MODELS.items():
        module = registry.module(name)
        assert module.FORM.name == name
        assert callable(module.fit)
        assert isinstance(getattr(module, cls), type)


def test_a_fit_becomes_the_model_that_predicts(cdnow_purchases, cdnow_money):
    assert type(registry.fitted(cdnow_purchases.fit)) is type(cdnow_purchases)
    assert registry.fitted(cdnow_money.fit).population_mean() == cdnow_money.population_mean()


def test_models_are_of_a_kind_and_only_the_right_kind_is_taken():
    assert registry.of_kind(registry.MONEY) == ["gamma-gamma"]
    assert registry.of_kind(registry.CONTRACTS) == ["sbg", "bdw"]
    assert {"bg-nbd", "nbd", "mbg-cnbd-k"} <= set(registry.of_kind(registry.PURCHASES))
    assert sum(len(registry.of_kind(kind)) for kind in registry.KINDS) == len(registry.MODELS)
    assert registry.require("pareto-nbd", registry.PURCHASES) == "pareto-nbd"
    with pytest.raises(UsageError, match="--model bg-bb counts in which of the periods") as caught:
        registry.require("bg-bb", registry.PURCHASES)
    assert caught.value.hint == "such as --model bg-nbd"


def test_an_unknown_model_gets_a_suggestion():
    with pytest.raises(UsageError, match="no model 'bgnbd'") as caught:
        registry.module("bgnbd")
    assert caught.value.hint.startswith("did you mean bg-nbd")


def imported(statement):
    code = f"{statement}; import sys; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_names_are_listed_without_numpy():
    assert "numpy" not in imported("from clvtool.models.registry import MODELS")


def test_models_fit_without_scipy_or_polars():
    # importing scipy.special takes longer than most fits
    fit = (
        "from clvtool.models import bg_nbd, gamma_gamma, histories; "
        "h = histories.Histories.from_arrays([0, 1, 3], [0, 9, 30], [40, 50, 60]); "
        "bg_nbd.fit(h).discounted_expected_purchases(52, .002); gamma_gamma.fit([1, 3], [9.5, 12])"
    )
    assert not {"scipy", "polars", "pandas", "rich", "typer"} & imported(fit)
