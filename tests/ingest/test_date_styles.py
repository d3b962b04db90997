"""How days are written: decided once a column from all its values, never guessed."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from ingest_checks import aside

from clvtool.errors import DataError, UsageError
from clvtool.ingest.read import read_orders
from clvtool.ingest.reading import ReadOptions


def text_of(values):
    return "\n".join(["order_id;customer_id;order_date", *(f"{n};ann;{value}" for n, value in enumerate(values)), ""])


def days_of(read, values, **options):
    """Return the days, in the order of the values, and what was set aside."""
    orders = read(text_of(values), delimiter=";", **options)
    table = orders.table.sort(orders.table["order_id"].cast(int))
    return [str(day) for day in table["order_date"]], aside(orders)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2024-01-05", "2024-12-31"], ["2024-01-05", "2024-12-31"]),
        (["2024-01-05 23:59:59", "2024-12-31 00:00:00.123"], ["2024-01-05", "2024-12-31"]),
        (["2024-01-05T23:59:59Z", "2024-12-31T10:00:00+02:00"], ["2024-01-05", "2024-12-31"]),
        (["2024-1-5", "2024-12-31 8:05"], ["2024-01-05", "2024-12-31"]),
        (["2024/01/05", "2024/12/31 10:00"], ["2024-01-05", "2024-12-31"]),
        (["2024.01.05", "2024.12.31"], ["2024-01-05", "2024-12-31"]),
        (["20240105", "20241231"], ["2024-01-05", "2024-12-31"]),
        # with points the day stands first, everywhere in the world
        (["05.01.2024", "6.2.2024"], ["2024-01-05", "2024-02-06"]),
        (["05.01.2024, 14:05", "31.12.2024, 14:05"], ["2024-01-05", "2024-12-31"]),
        (["31/12/2024", "03/04/2024"], ["2024-12-31", "2024-04-03"]),
        (["12/31/2024", "03/04/2024 10:00 PM"], ["2024-12-31", "2024-03-04"]),
        (["31-12-2024", "03-04-2024"], ["2024-12-31", "2024-04-03"]),
        (["12-31-2024", "03-04-2024"], ["2024-12-31", "2024-03-04"]),
        (["05.01.24", "31.12.24"], ["2024-01-05", "2024-12-31"]),
        (["31/12/24", "03/04/24 10:00"], ["2024-12-31", "2024-04-03"]),
        (["12/31/24", "03/04/24"], ["2024-12-31", "2024-03-04"]),
        # Magento, with every length of a month's name
        (
            ["Jan 05, 2024, 3:04:05 PM", "January 6, 2024", "Jan. 7, 2024", "Sept 8, 2024", "Sep 9, 2024"],
            ["2024-01-05", "2024-01-06", "2024-01-07", "2024-09-08", "2024-09-09"],
        ),
        # RFC 2822 (BigCommerce), with and without the weekday
        (["Fri, 05 Jan 2024 14:05:00 +0000", "6 Jan 2024 10:00:00 GMT"], ["2024-01-05", "2024-01-06"]),
        (["05-Jan-2024", "31-Dec-2024 10:00"], ["2024-01-05", "2024-12-31"]),
        # 1704412800 is 2024-01-05 00:00:00 UTC; a second less is the day before
        (["1704412800", "1704412799", "1704412800.0"], ["2024-01-05", "2024-01-04", "2024-01-05"]),
        (["1704412800000", "1704412799999"], ["2024-01-05", "2024-01-04"]),
    ],
)
def test_a_style_is_found_in_the_values(read, values, expected):
    assert days_of(read, values) == (expected, {})


@pytest.mark.parametrize("sign", ["/", "-"])
@pytest.mark.parametrize("year", ["2024", "24"])
def test_days_that_can_be_read_two_ways_everywhere(write, sign, year):
    values = [sign.join(("03", "04", year)), sign.join(("12", "11", year))]
    if (sign, year) == ("-", "24"):
        pytest.skip("not read at all: 03-04-24 may begin with the year")
    with pytest.raises(DataError, match="may be day-first or month-first") as error:
        read_orders([write(text_of(values))])
    assert all(repr(value) in error.value.message for value in values)
    assert f"--date-format DD{sign}MM{sign}{'YYYY' if year == '2024' else 'YY'}" in error.value.hint
    assert f"--date-format MM{sign}DD" in error.value.hint


@pytest.mark.parametrize(
    ("date_format", "expected"),
    [
        ("DD/MM/YYYY", "2024-04-03"),
        ("mm/dd/yyyy", "2024-03-04"),
        ("%d/%m/%Y", "2024-04-03"),
        ("%m/%d/%Y", "2024-03-04"),
    ],
)
def test_the_user_settles_it(read, date_format, expected):
    assert days_of(read, ["03/04/2024"], date_format=date_format) == ([expected], {})


def test_a_pattern_of_the_user_reads_what_no_style_of_ours_does(read):
    # year and month last, and the time in words of their own
    assert days_of(read, ["05|2024|01 at 14h05"], date_format="%d|%Y|%m at %Hh%M") == (["2024-01-05"], {})


def test_a_date_format_that_does_not_exist(write):
    with pytest.raises(UsageError, match="YYYY-DD-MM") as error:
        read_orders([write(text_of(["2024-01-05"]))], ReadOptions(date_format="YYYY-DD-MM"))
    assert "DD/MM/YYYY" in error.value.hint


@pytest.mark.parametrize("date_format", ["%Q", "%d.%m", "%Y-%m", "%H:%M", "%d.%m.%Y %H", "%"])
def test_a_pattern_that_names_no_day(write, date_format):
    with pytest.raises(UsageError, match="no day can be read"):
        read_orders([write(text_of(["2024-01-05"]))], ReadOptions(date_format=date_format))


def test_day_first_and_month_first_mixed(write):
    # 31/12 can only be day-first, 12/30 only month-first: two files put together, and 03/04 means two days
    with pytest.raises(
        DataError, match="mixes day-first and month-first dates: '31/12/2024' and '12/30/2024'"
    ) as error:
        read_orders([write(text_of(["31/12/2024", "12/30/2024", "03/04/2024"]))])
    assert "--date-format" in error.value.hint


def test_mixed_days_with_a_decision_set_the_others_aside(read):
    values = ["31/12/2024", "12/30/2024", "03/04/2024"]
    assert days_of(read, values, date_format="DD/MM/YYYY") == (["2024-12-31", "2024-04-03"], {"bad_date": 1})


@pytest.mark.parametrize("value", ["soon", "2024-13-05", "31.02.2024", "00.01.2024", "2024", "Foo 05, 2024"])
def test_what_is_no_day_is_set_aside(read, value):
    styles = {"2": "2024-01-05", "3": "05.01.2024", "0": "05.01.2024", "F": "Jan 05, 2024"}
    assert days_of(read, [styles.get(value[0], "2024-01-05"), value]) == (["2024-01-05"], {"bad_date": 1})


def test_no_value_is_a_day(write):
    with pytest.raises(DataError, match=r"no usable rows: 2 read, all set aside .2 bad_date"):
        read_orders([write(text_of(["soon", "later"]))])


# --- evidence far below the rows that are judged first (the first 5,000) ------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "each", "end"),
    [
        # the first 6,000 could be either; the last one says
        ("03/04/2024 10:00", "31/12/2024 10:00", "2024-04-03", "2024-12-31"),
        ("03/04/2024", "12/31/2024", "2024-03-04", "2024-12-31"),
        ("03-04-2024", "31-12-2024", "2024-04-03", "2024-12-31"),
        # the first 6,000 have no day at all
        ("", "31.12.2024", None, "2024-12-31"),
        # the first 6,000 have the full width, the last has not
        ("2024-04-03 10:00:00", "2024-4-5 9:00:00", "2024-04-03", "2024-04-05"),
    ],
)
def test_evidence_that_comes_late_is_still_right(read, first, last, each, end):
    days, reasons = days_of(read, [first] * 6000 + [last])
    assert days == ([each] * 6000 if each else []) + [end]
    assert reasons == ({} if each else {"missing_date": 6000})


def test_a_contradiction_that_comes_late_is_still_an_error(write):
    with pytest.raises(DataError, match="mixes day-first and month-first"):
        read_orders([write(text_of(["31/12/2024"] * 6000 + ["12/31/2024"]))])


def test_days_that_stay_ambiguous_to_the_end(write):
    with pytest.raises(DataError, match="may be day-first or month-first"):
        read_orders([write(text_of(["03/04/2024"] * 6000 + ["05/06/2024"]))])


# --- time zones --------------------------------------------------------------------------------------------------------

SUMMER = "2024-07-01 23:30:00 +0000"
WINTER = "2024-01-01 23:30:00 +0000"


def test_without_a_zone_the_day_is_the_one_on_the_clock(read):
    # Shopify writes the shop's clock and its offset: the shop's day is meant
    values = [SUMMER, "2024-07-01 23:30:00 +0200", "2024-07-01T00:10:00-11:00"]
    assert days_of(read, values) == (["2024-07-01"] * 3, {})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # Warsaw is two hours ahead in summer and one in winter
        (SUMMER, "2024-07-02"),
        (WINTER, "2024-01-02"),
        ("2024-07-01 21:59:59 +0000", "2024-07-01"),
        ("2024-07-01 22:00:00 +0000", "2024-07-02"),
        ("2024-01-01 22:59:59Z", "2024-01-01"),
        ("2024-01-01T23:00:00Z", "2024-01-02"),
        ("2024-07-02 00:30:00 +05:00", "2024-07-01"),
        ("2024-07-01 14:30:00-0800", "2024-07-02"),
        ("2024-07-01 23:30:00.250 UTC", "2024-07-02"),
        ("2024-07-01 23:30:00+00", "2024-07-02"),
        # without an offset nobody knows the moment: the day as written
        ("2024-07-01 23:30:00", "2024-07-01"),
        ("2024-07-01", "2024-07-01"),
    ],
)
def test_with_a_zone_moments_become_the_days_there(read, value, expected):
    assert days_of(read, [value], tz="Europe/Warsaw") == ([expected], {})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # the end of 07-10-2025 is no offset of -20:25
        ("31-12-2025", "2025-12-31"),
        ("31-12-2025 23:30", "2025-12-31"),
        ("31.12.2025, 23:30 +0000", "2026-01-01"),
        ("Dec 31, 2025, 11:30:00 PM UTC", "2026-01-01"),
        ("Dec 31, 2025, 12:30:00 AM UTC", "2025-12-31"),
        ("Wed, 31 Dec 2025 23:30:00 +0000", "2026-01-01"),
        # 2025-12-31 23:30:00 UTC
        ("1767223800", "2026-01-01"),
    ],
)
def test_with_a_zone_in_every_style(read, value, expected):
    assert days_of(read, [value], tz="Europe/Warsaw") == ([expected], {})


def test_every_hour_round_both_changes_of_the_clock(read):
    # the standard library knows the zone too: 31 March and 27 October 2024 in Warsaw, hour by hour in UTC
    from datetime import UTC, datetime

    start = [datetime(2024, 3, 30, 12, tzinfo=UTC), datetime(2024, 10, 26, 12, tzinfo=UTC)]
    moments = [first + timedelta(hours=hour) for first in start for hour in range(48)]
    expected = [str(moment.astimezone(ZoneInfo("Europe/Warsaw")).date()) for moment in moments]
    values = [moment.strftime("%Y-%m-%d %H:%M:%S +0000") for moment in moments]
    assert days_of(read, values, tz="Europe/Warsaw") == (expected, {})


def test_a_day_of_every_year(read):
    values = [str(date(1971, 1, 1) + timedelta(days=359 * place)) for place in range(55)]
    assert days_of(read, values) == (values, {})


def test_iso_dates_that_were_asked_for_are_read_as_those_that_were_found(read):
    # of full width or not, with a clock or not, and far below the first rows
    rows = [f"a,2024-{place % 9 + 1:02d}-05,5" for place in range(5100)]
    text = "\n".join(["customer_id,order_date,amount", *rows, "a,2024-9-7 08:15,5", "a,soon,5", ""])
    found, given = read(text), read(text, date_format="YYYY-MM-DD")
    assert given.table.rows() == found.table.rows()
    assert given.reading.set_aside == found.reading.set_aside
    assert str(given.table["order_date"].max()) == "2024-09-07"
