"""Which periods count, and logs that are as small as logs can be."""

from datetime import date

import pytest
from books import computed, figures, said

from clvtool.metrics.orderlog import Policies
from clvtool.metrics.valuation import Valuation


def test_a_log_may_begin_late_by_its_longest_silence():
    # First order on 4 January, 3 days late. With a silence of 3 days (11th to 13th) January is complete; without it
    # (orders on 4, 6, 8, ... every other day, one day of silence) it is not. February ends with an order on its last
    # day.
    def months(days):
        rows = "\n".join(f"a {day} 1" for day in days)
        return said(computed(f"who day amount\n{rows}"), "complete months")

    dense = [f"2024-01-{day:02}" for day in range(4, 32, 2)] + [f"2024-02-{day:02}" for day in range(1, 30, 2)]
    assert months(dense) == ["complete months: 2024-02 to 2024-02; not complete, so in no rate: 2024-01"]
    assert months([day for day in dense if day != "2024-01-12"]) == []  # nothing on the 11th, 12th and 13th


def test_silence_is_that_of_the_shop_not_of_the_rows_kept():
    # The shop sells every day from 10 January on; the region "north" only now and then. January is not complete.
    rows = [f"- 2024-01-{day} 1 south" for day in range(10, 32)] + [
        f"- 2024-02-{day:02} 1 south" for day in range(1, 30)
    ]
    rows += ["a 2024-01-10 1 north", "a 2024-02-29 1 north"]
    result = computed("who day amount region\n" + "\n".join(rows), policies=Policies(where=(("region", "north"),)))
    assert said(result, "complete months: 2024-02 to 2024-02")


def test_silence_is_that_before_the_day_of_the_analysis():
    # From the 3rd on there were orders every day up to 29 February; that March is silent for 30 days makes January,
    # two days late, complete, but not when the analysis stands at the end of February.
    days = [f"2024-01-{day:02}" for day in range(3, 32)] + [f"2024-02-{day:02}" for day in range(1, 30)]
    text = "who day amount\n" + "\n".join(f"a {day} 1" for day in [*days, "2024-03-31"])
    assert not said(computed(text), "not complete")
    assert said(computed(text, policies=Policies(as_of=date(2024, 2, 29))), "complete months: 2024-02 to 2024-02")


def test_a_month_of_which_the_log_knows_little_is_not_complete_however_long_its_silences():
    # Orders a month apart: a silence of 30 days, but the log knows one day of December. A tenth of 31 days is 3.
    rows = "\n".join(f"a {day} 1" for day in ("2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"))
    assert said(computed(f"who day amount\n{rows}"), "complete months: 2024-01 to 2024-03")


def test_the_end_has_to_be_reached():
    text = """
    who day        amount
    a   2024-01-01 1
    a   2024-02-28 1
    """
    assert said(computed(text), "complete months: 2024-01 to 2024-01; not complete, so in no rate: 2024-02")
    assert not said(computed(text, policies=Policies(as_of=date(2024, 2, 29))), "not complete")


def test_empty_periods_in_the_middle():
    # Nobody buys in February or March. By month, the window being the month: January has a (start 0, end 1); in
    # February a is lost (1 of 1); March starts with nobody and ends with nobody; in April a comes back, from nobody,
    # so that month is in no rate. Churn and net churn 1 ÷ 1; buyers 1 + 1 in 4 months, 3 orders.
    found = figures(
        computed(
            """
            who day        amount
            a   2024-01-01 6
            a   2024-01-31 6
            a   2024-04-30 6
            """,
            Valuation(active_window="period"),
        )
    )
    assert found["churn_rate"] == 1
    assert found["net_churn_rate"] == 1
    assert found["purchase_frequency"] == 1.5
    assert found["customer_value"] == 9


def test_a_log_of_one_day():
    # by month there is nothing complete; by day there is a day, with nobody at its start
    text = """
    who day        amount
    a   2024-01-15 10
    b   2024-01-15 30
    """
    result = computed(text)
    found = figures(result)
    assert (found["customers"], found["aov"], found["historic_value_median"]) == (2, 20, 20)
    assert found["purchase_frequency"] is found["churn_rate"] is found["clv_average_lifespan"] is None
    assert said(result, "no complete month: rates, lifespan and methods 1 to 3 are empty")
    by_day = computed(text, Valuation(period="day"))
    assert figures(by_day)["purchase_frequency"] == 1  # 2 orders by 2 buyers on 1 day: the window is the day
    assert said(by_day, "nobody was active at the start of a complete day")


def test_one_customer_has_no_interval():
    # several orders, but of one customer: how customers differ is not known
    result = computed(
        """
        who day        amount
        a   2024-01-01 10
        a   2024-01-31 30
        a   2024-02-29 20
        """
    )
    rows = result.table.filter(result.table["ci_low"].is_not_null())
    assert rows.is_empty()
    assert figures(result)["aov"] == 20


def test_one_order():
    result = computed("""
    who day        amount
    a   2024-01-15 10
    """)
    found = figures(result)
    assert (found["customers"], found["orders"], found["aov"], found["top20_revenue_share"]) == (1, 1, 10, 1)
    assert said(result, "no complete month")


@pytest.mark.parametrize("unit", ["day", "week", "month", "quarter", "year"])
def test_every_unit_names_itself(unit):
    result = computed(
        """
        who day        amount
        a   2023-12-30 10
        a   2024-01-02 10
        """,
        Valuation(period=unit),
    )
    units = dict(result.table.select("metric", "unit").iter_rows())
    assert units["purchase_frequency"] == f"per {unit}"
    assert units["lifespan"] == f"{unit}s"
    texts = " ".join([*result.notes, *result.table["definition"]])
    assert "{" not in texts
    others = {"day", "week", "month", "quarter", "year"} - {unit, "day", "month", "year"}
    assert not [other for other in others if other in texts]
