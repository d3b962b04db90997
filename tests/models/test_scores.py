import numpy as np
import pytest

from clvtool.models import bg_nbd, nbd, pareto_nbd
from clvtool.models.histories import Histories
from clvtool.models.scores import LEAST, log_probability


@pytest.fixture(scope="module", params=[bg_nbd, pareto_nbd, nbd])
def model(request, cdnow):
    return request.param.fit(Histories.from_arrays(cdnow.x, cdnow.t_x, cdnow.T))


def test_the_probability_of_a_count_is_that_of_the_two_ways_to_it(model):
    # one customer at a time, straight from the definition, whatever stands beside it in the arrays
    x, t_x, T = np.array([0, 3, 3, 7, 0, 3]), np.array([0, 20, 5, 30, 0, 20.0]), np.array([38, 38, 38, 31, 12, 38.0])
    k = np.array([0, 2, 0, 9, 1, 5])
    found = log_probability(model, 39, x, t_x, T, k)
    for place in range(k.size):
        one = x[place], t_x[place], T[place]
        alive = float(model.p_alive(*one))
        counts = model.counts_if_alive(39, one[0], one[2], 12)[0]
        expected = alive * counts[k[place]] + (1 - alive) * (k[place] == 0)
        assert found[place] == pytest.approx(np.log(expected), rel=1e-10)


def test_all_counts_together_are_certain(model):
    k = np.arange(400)
    x, t_x, T = np.full(400, 2), np.full(400, 30.0), np.full(400, 38.0)
    assert np.exp(log_probability(model, 39, x, t_x, T, k)).sum() == pytest.approx(1, abs=1e-9)


def test_no_customer_alone_decides(model):
    # a thousand purchases within a day are impossible to every model: they cost the same in each
    found = log_probability(model, 1 / 7, np.array([0]), np.array([0.0]), np.array([38.0]), np.array([1000]))
    assert found.tolist() == [np.log(LEAST)]
