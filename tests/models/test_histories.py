import numpy as np
import pytest

from clvtool.errors import DataError
from clvtool.models.histories import Histories, distinct


def rows(histories):
    return list(zip(*(one.tolist() for one in (histories.x, histories.t_x, histories.T, histories.count)), strict=True))


def test_equal_histories_are_counted_and_sorted_by_x_then_last_purchase_then_age():
    histories = Histories.from_arrays([1, 0, 1, 1, 0], [5, 0, 5, 2, 0], [9, 7, 9, 30, 7])
    assert rows(histories) == [(0, 0, 7, 2), (1, 2, 30, 1), (1, 5, 9, 2)]
    assert histories.n_customers == 5


def test_no_customers_are_no_histories():
    histories = Histories.from_arrays([], [], [])
    assert rows(histories) == []
    assert histories.n_customers == 0


def test_the_order_of_customers_changes_nothing():
    random = np.random.default_rng(1)
    T = random.integers(1, 40, 5000)
    t_x = random.integers(0, T + 1)
    x = np.where(t_x > 0, random.integers(1, 4, 5000), 0)
    one = Histories.from_arrays(x, t_x, T)
    order = random.permutation(5000)
    other = Histories.from_arrays(x[order], t_x[order], T[order])
    assert rows(one) == rows(other)
    # and it is what counting in plain Python gives
    plain = {}
    for row in zip(x.tolist(), t_x.tolist(), T.tolist(), strict=True):
        plain[row] = plain.get(row, 0) + 1
    assert rows(one) == [(*row, count) for row, count in sorted(plain.items())]


def test_numbers_too_large_for_one_key_are_collapsed_all_the_same():
    # (x + 1) · (T + 1)² beyond 2^62: sorted column by column instead
    histories = Histories.from_arrays([7, 2, 7], [10, 3, 10], [3_000_000_000, 9, 3_000_000_000])
    assert rows(histories) == [(2, 3, 9, 1), (7, 10, 3_000_000_000, 2)]


def test_whole_floats_are_taken_and_fractions_refused():
    assert rows(Histories.from_arrays([1.0], [3.0], [9.0])) == [(1, 3, 9, 1)]
    with pytest.raises(DataError, match="t_x must hold whole numbers"):
        Histories.from_arrays([1], [3.5], [9])
    with pytest.raises(DataError, match="T must hold whole numbers"):
        Histories.from_arrays([1], [3], [float("nan")])


@pytest.mark.parametrize(
    ("x", "t_x", "T", "what"),
    [
        (-1, 0, 5, "1 of 2 purchase histories have a negative number"),
        (1, -1, 5, "last purchase before the first"),
        (1, 6, 5, "last purchase after the as-of date"),
        (0, 3, 5, "without time between first and last, or time without any"),
        (2, 0, 5, "without time between first and last, or time without any"),
    ],
)
def test_histories_that_cannot_have_happened_are_refused_with_their_number(x, t_x, T, what):
    with pytest.raises(DataError, match=what):
        Histories.from_arrays([0, x], [0, t_x], [5, T])


def test_columns_of_different_length_are_refused():
    with pytest.raises(DataError, match="one length"):
        Histories.from_arrays([1, 0], [3], [9])


@pytest.mark.parametrize("values", [[3, 0, 3, 21], [0.5, 0.25, 0.5], [-1.0, 2.0, -1.0], [1e9, 3.0]])
def test_distinct_values_are_sorted_and_give_the_values_back(values):
    # days in weeks come from a table, fractions of days, negative and huge values from a sort
    weeks = np.array(values, float) / 7
    found, codes = distinct(weeks, 7.0)
    assert found.tolist() == sorted(set(weeks.tolist()))
    assert found[codes].tolist() == weeks.tolist()
