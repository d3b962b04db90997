"""No file is written twice in one run, nor written over an input."""

import pytest

ORDERS = "customer_id,date,amount\nann,2024-01-05,10\nbob,bad,3\n"


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (["compute", "orders.csv", "-o", "orders.csv"], "--output orders.csv: the file is also an input"),
        (["compute", "orders.csv", "-o", "./link.csv"], "the file is also an input"),
        (
            ["inspect", "orders.csv", "-o", "out.csv", "--rejects", "out.csv"],
            "--rejects out.csv: the file is written twice",
        ),
        (["convert", "orders.csv", "--rejects", "orders.csv"], "--rejects orders.csv: the file is also an input"),
        (["fit", "orders.csv", "-o", "m.json", "--save", "m.json"], "--save m.json: the file is written twice"),
    ],
)
def test_files_of_one_run_are_different_files(words, flag, clvtool, here):
    (here / "orders.csv").write_text(ORDERS)
    (here / "link.csv").symlink_to("orders.csv")
    code, out, err = clvtool(*words)
    assert (code, out) == (2, "")
    assert flag in err
    assert (here / "orders.csv").read_text() == ORDERS
    assert not (here / "out.csv").exists()


def test_different_files_are_written_and_an_input_may_be_read_twice(clvtool, here):
    (here / "orders.csv").write_text(ORDERS)
    assert clvtool("inspect", "orders.csv", "--rejects", "rejects.csv", "-o", "out.csv")[0] == 0
    assert clvtool("convert", "orders.csv", "orders.csv", "-o", "out.csv")[0] == 0


def test_names_that_cannot_be_are_left_to_those_who_open_them(clvtool, here):
    (here / "a.csv").symlink_to("b.csv")
    (here / "b.csv").symlink_to("a.csv")
    (here / "orders.csv").write_text(ORDERS)
    assert clvtool("compute", "orders.csv", "-o", "a.csv")[0] == 3
    assert str((here / "a.csv").readlink()) == "b.csv"
