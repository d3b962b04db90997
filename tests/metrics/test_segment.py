"""Every customer in exactly one segment: a book worked by hand, a plain loop over CDNOW, and what must not change."""

import random
from collections import Counter
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, product
from statistics import median

import polars as pl
import pytest
from books import book, cdnow, cdnow_rows, frame, random_book, said
from polars.testing import assert_frame_equal

from clvtool.cli.main import main
from clvtool.errors import DataError, FitError, UsageError
from clvtool.metrics.orderlog import Policies
from clvtool.metrics.predict import predict
from clvtool.metrics.rfm_names import PLAIN, names_of
from clvtool.metrics.schemes import Choice
from clvtool.metrics.segment import segment

TEN = """
who day amount
a 2024-01-10 10
a 2024-02-10 10
a 2024-03-11 10
a 2024-06-30 70
b 2024-06-30 50
b 2024-06-30 30
c 2024-06-10 40
c 2024-06-20 40
d 2024-06-20 20
e 2024-04-01 30
e 2024-05-01 30
e 2024-05-31 30
f 2024-05-31 5
g 2024-03-31 60
g 2024-04-05 -10
h 2024-02-01 25
h 2024-03-01 25
i 2024-01-31 15
j 2024-01-01 1
"""
SCHEMES = ("rfm", "tiers", "abc", "lifecycle")


def segments(result):
    return dict(result.table.select("customer_id", "segment").iter_rows())


def by_name(**customers):
    """Return customer -> segment, from segment="abc"."""
    return {who: name for name, some in customers.items() for who in some}


def test_scores_by_hand():
    # ten customers, so a score is 1 + ⌊(customers strictly worse) ÷ 2⌋
    rows = {row["customer_id"]: row for row in segment(book(TEN)).table.to_dicts()}
    # days since the last purchase: a b 0, c d 10, e f 30, g 91, h 121, i 151, j 181; so 8, 6, 4, 3, 2, 1, 0 are worse
    assert {who: row["recency_days"] for who, row in rows.items()} == dict(
        zip("abcdefghij", [0, 0, 10, 10, 30, 30, 91, 121, 151, 181], strict=True)
    )
    assert "".join(str(rows[who]["r"]) for who in "abcdefghij") == "5544332211"
    # purchase days: a 4, e 3, c h 2, the other six 1 (two orders of b on one day are one); 9, 8, 6, 0 are worse
    assert "".join(str(rows[who]["f"]) for who in "abcdefghij") == "5141511411"
    assert rows["b"]["orders"] == 2
    # revenue: a 100, e 90, b c 80, g h 50 (60 - 10 and 25 + 25), d 20, i 15, f 5, j 1; 9 8 6 4 3 2 1 0 are worse
    assert "".join(str(rows[who]["m"]) for who in "abcdefghij") == "5442513321"
    assert rows["g"]["revenue"] == Decimal(50)
    assert rows["e"]["score"] == 355


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (
            Choice("rfm"),  # by r and f above
            by_name(
                champions="a",
                loyal="ce",
                new_customers="b",
                promising="d",
                about_to_sleep="f",
                at_risk="h",
                hibernating="gij",
            ),
        ),
        # ⌊4 · worse ÷ 10⌋ with 9 8 6 6 4 4 3 2 1 0 worse is 3 3 2 2 1 1 1 0 0 0 for a e b c g h d i f j
        (Choice("tiers"), by_name(platinum="ae", gold="bc", silver="ghd", bronze="ifj")),
        (Choice("tiers", "80, 50,20"), by_name(platinum="aebc", gold="gh", silver="d", bronze="ifj")),
        # 491 in all: 80 % are 392.8 and 95 % are 466.45; before them had: a 0, e 100, b c 190, g h 350, d 450, i 470
        (Choice("abc"), by_name(a="aebcgh", b="d", c="ifj")),
        # all gaps: 10, 29, 30, 30, 30, 31, 111: the population's rhythm is 30, as is e's own; a's own is 31
        # up to 60 days: active or new; up to 120: at risk; h has 121
        (Choice("lifecycle"), by_name(active="ace", new="bdf", at_risk="g", lost="hij")),
    ],
    ids=["rfm", "tiers", "fixed tiers", "abc", "lifecycle"],
)
def test_segments_by_hand(choice, expected):
    assert segments(segment(book(TEN), choice)) == expected


def test_the_best_and_who_equals_the_last_of_them_are_vip():
    def vip(share):
        table = segment(book(TEN), vip_share=share).table
        return "".join(sorted(table.filter("vip")["customer_id"]))

    assert vip(0.05) == "a"  # half a customer is one
    assert vip(0.1) == "a"
    assert vip(0.3) == "abce"  # c equals b, the third
    assert vip(1) == "abcdefghij"
    # 0.1 · 30 is 3.0000000000000004 in floats
    thirty = frame([{"who": f"c{k}", "day": "2024-01-01", "amount": str(k)} for k in range(30)])
    assert segment(thirty, vip_share=0.1).table["vip"].sum() == 3
    with pytest.raises(UsageError, match="--vip-share 5"):
        segment(book(TEN), vip_share=5)


def plainly(rows, as_of):
    """Return customer -> (scores, tier, class, state) by loops; rows are (customer, day, amount) of orders."""
    days, money = {}, Counter()
    for who, day, amount in rows:
        days.setdefault(who, set()).add(day)
        money[who] += Fraction(amount)
    last = {who: max(some) for who, some in days.items()}
    often = {who: len(some) for who, some in days.items()}
    n = len(days)

    def score(figure, parts):
        counts = sorted(figure.items(), key=lambda item: item[1])
        found, worse = {}, 0
        for place, (who, value) in enumerate(counts):
            if place and value > counts[place - 1][1]:
                worse = place
            found[who] = 1 + parts * worse // n
        return found

    scores = [score(figure, 5) for figure in (last, often, money)]
    tier = score(money, 3)
    total, before, classes, own = sum(money.values()), Fraction(0), {}, {}
    equal = {}
    for who, value in money.items():
        equal.setdefault(value, []).append(who)
    for value in sorted(equal, reverse=True):
        for who in equal[value]:
            classes[who] = "a" if before < total * 80 / 100 else "b" if before < total * 95 / 100 else "c"
        before += value * len(equal[value])
    gaps = {who: [(b - a).days for a, b in pairwise(sorted(some))] for who, some in days.items()}
    all_gaps = median([gap for some in gaps.values() for gap in some])
    for who in days:
        rhythm = median(gaps[who]) if len(gaps[who]) >= 2 else all_gaps
        late = (as_of - last[who]).days / rhythm
        fresh = "new" if not gaps[who] else "active"
        own[who] = fresh if late <= 2 else "at_risk" if late <= 4 else "lost"
    tiers = {1: "bronze", 2: "silver", 3: "gold"}
    return {who: (*(one[who] for one in scores), tiers[tier[who]], classes[who], own[who]) for who in days}


def name_of(r, f):
    """Return the name of two scores, as a person reads the usual grid: recency down, frequency across."""
    grid = {
        5: "new_customers potential_loyalists potential_loyalists champions champions",
        4: "promising potential_loyalists potential_loyalists loyal loyal",
        3: "about_to_sleep about_to_sleep need_attention loyal loyal",
        2: "hibernating hibernating at_risk at_risk cannot_lose",
        1: "hibernating hibernating at_risk at_risk cannot_lose",
    }
    return grid[r].split()[f - 1]


@pytest.mark.parametrize("as_of", [date(1997, 9, 30), date(1998, 6, 30)])
def test_cdnow_by_a_plain_loop(as_of):
    expected = plainly([row for row in cdnow_rows() if row[1] <= as_of], as_of)
    results = [
        segment(cdnow(), choice, Policies(as_of=as_of))
        for choice in (Choice("rfm"), Choice("tiers", "3"), Choice("abc"), Choice("lifecycle"))
    ]
    assert results[0].table.height == len(expected) == 2357
    named = {who: name_of(r, f) for who, (r, f, *_) in expected.items()}
    assert segments(results[0]) == named
    for place, result in enumerate(results[1:], start=3):
        assert segments(result) == {who: found[place] for who, found in expected.items()}
    scores = results[0].table.select("customer_id", "r", "f", "m").iter_rows()
    assert {who: tuple(own) for who, *own in scores} == {who: found[:3] for who, found in expected.items()}


def test_every_combination_of_scores_has_exactly_one_name():
    # counted from the table itself, not by the code that checks it
    for r, f, m in product(range(1, 6), repeat=3):
        held = [
            entry["name"]
            for entry in PLAIN
            if all(
                low <= score <= high
                for score, (low, high) in zip((r, f, m), (entry.get(key, (1, 5)) for key in "rfm"), strict=True)
            )
        ]
        assert held == [name_of(r, f)]
        named = names_of(PLAIN, "here")
        assert named.names[named.places[r - 1, f - 1, m - 1]] == name_of(r, f)


OTHERS = [
    {"name": "gone", "r": [1, 2]},
    {"name": "rich", "r": [3, 5], "m": 5},
    {"name": "rest", "r": [3, 5], "m": [1, 4]},
]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (OTHERS[:2], "r=3 f=1 m=1 belongs to no segment"),
        ([*OTHERS, {"name": "best", "r": 5, "f": 5, "m": 5}], "r=5 f=5 m=5 belongs to rich and to best"),
        ([], "r=1 f=1 m=1 belongs to no segment"),
        ([{"name": "all", "r": [1, 6]}], "r of all is no range"),
        ([{"name": "all", "r": [4, 2]}], "r of all is no range"),
        ([{"name": "all", "r": True}], "r of all is no range"),
        ([{"name": "all", "f": [1, 2.5]}], "f of all is no range"),
        ([{"name": "all", "frequency": [1, 5]}], "'frequency'"),
        ([{"r": [1, 5]}], "no name"),
    ],
)
def test_bounds_that_do_not_hold_every_combination_once(entries, words):
    with pytest.raises(DataError, match=words):
        segment(book(TEN), Choice("rfm", bounds=entries, source="my.toml"))


def test_other_names():
    # m is 5 for a and e; r is 3 or more from a to f
    result = segment(book(TEN), Choice("rfm", bounds=OTHERS))
    assert segments(result) == by_name(rich="ae", rest="bcdf", gone="ghij")


def test_names_from_a_file(tmp_path, capsys):
    orders = tmp_path / "orders.csv"
    orders.write_text("customer_id,order_date,amount\nann,2024-01-01,5\nbob,2024-02-01,7\n")
    names = tmp_path / "my.toml"
    words = ["segment", str(orders), "--segments", str(names), "--format", "csv"]
    names.write_text('[[segment]]\nname = "old"\nr = [1, 2]\n\n[[segment]]\nname = "young"\nr = [3, 5]\n')
    assert main(words) == 0
    assert [line.split(",")[:3] for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["bob", "young", "3"],  # one of two is worse: 1 + ⌊5 ÷ 2⌋
        ["ann", "old", "1"],
    ]
    for text, code, told in [
        ('[[segment]]\nname = "old"\nr = [1, 2]\n', 4, "r=3 f=1 m=1"),
        ("segment = 5", 4, "[[segment]]"),
        ('[[segments]]\nname = "old"\n', 4, "[[segment]]"),
        ("[[segment]", 4, "is not TOML"),
    ]:
        names.write_text(text)
        assert main(words) == code
        ended = capsys.readouterr()
        assert told in ended.err
        assert ended.out == ""
    names.unlink()
    assert main(words) == 3
    assert main([*words, "--scheme", "abc"]) == 2


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_rows_does_not_matter(scheme, seed):
    rows = random_book(random.Random(seed), 40)
    rows[0] |= {"kind": "order", "amount": Decimal(10**6)}  # so that there is revenue
    orders = frame(rows)
    first = segment(orders, Choice(scheme))
    again = segment(orders.sample(fraction=1, shuffle=True, seed=seed), Choice(scheme))
    assert_frame_equal(again.table, first.table, check_exact=True)
    assert again.notes == first.notes


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_names_of_the_customers_do_not_matter(scheme):
    first = segment(cdnow(), Choice(scheme)).table
    renamed = cdnow().with_columns(customer_id=pl.format("someone else {}", "customer_id"))
    again = segment(renamed, Choice(scheme)).table
    # a prefix keeps the order of the ids, so the very rows must be the same
    assert_frame_equal(again.drop("customer_id"), first.drop("customer_id"), check_exact=True)


def test_one_customer_and_customers_who_are_all_equal():
    # nobody is worse than anybody: the lowest score for all, and all are among the best
    for names in ("a", "abcdefg"):
        table = segment(frame([{"who": who, "day": "2024-01-01", "amount": "5"} for who in names])).table
        assert table.select("segment", "score", "vip").unique().rows() == [("hibernating", 111, True)]
        assert table["customer_id"].to_list() == list(names)


def test_a_log_without_money():
    text = "\n".join(" ".join(line.split()[:2]) for line in TEN.splitlines() if "-10" not in line[12:])
    result = segment(book(text))
    assert segments(result) == segments(segment(book(TEN)))  # the usual names go by r and f
    assert result.table.select("m", "score", "revenue", "vip").null_count().row(0) == (10, 10, 10, 10)
    assert said(result, "no column with money")
    assert segments(segment(book(text), Choice("lifecycle"))) == segments(segment(book(TEN), Choice("lifecycle")))
    for choice in (Choice("tiers"), Choice("abc"), Choice("rfm", bounds=OTHERS, source="my.toml")):
        with pytest.raises(DataError, match="no column with money"):
            segment(book(text), choice)


def test_guests_and_refunds_without_an_order_are_in_no_segment():
    result = segment(book(TEN + "- 2024-06-01 500\nz 2024-06-02 -5\na 2023-12-31 -1\n"))
    assert segments(result) == segments(segment(book(TEN)))
    assert said(result, "1 of 19 orders have no customer")
    assert said(result, "refunds but no order: 1")
    assert said(result, "before their customer's first order: 1")


def test_revenue_that_is_not_above_0():
    # whoever gave back more than is known to have been bought is in the last class; a whole shop of them has no shares
    text = "who day amount\na 2024-01-01 10\nb 2024-01-01 10\nb 2024-01-02 -30\nc 2024-01-01 0\nd 2024-01-03 40\n"
    # 30 in all: 80 % are 24; before a had 40 (d), so only d is in class a
    assert segments(segment(book(text), Choice("abc"))) == by_name(a="d", c="abc")
    with pytest.raises(DataError, match="net revenue is not above 0"):
        segment(book(text + "b 2024-01-03 -40\n"), Choice("abc"))


def test_nobody_came_back():
    orders = book("who day amount\na 2024-01-01 10\nb 2024-01-05 10\n")
    with pytest.raises(DataError, match="no rhythm"):
        segment(orders, Choice("lifecycle"))


@pytest.mark.parametrize("tiers", ["2", "6", "many", "10", "5,5,1", "a,b", "1,2,3,4,5", "nan,1", "inf,1", ""])
def test_tiers_that_are_none(tiers):
    with pytest.raises(UsageError, match="--tiers"):
        segment(book(TEN), Choice("tiers", tiers))


@pytest.mark.parametrize("scheme", ["rfm", "abc", "lifecycle"])
def test_tiers_of_another_scheme_are_not_passed_over(scheme):
    with pytest.raises(UsageError, match=f"--tiers is about tiers, and not about {scheme}"):
        Choice(scheme, "3")


def test_a_scheme_that_does_not_exist():
    with pytest.raises(UsageError, match="--scheme zodiac"):
        Choice("zodiac")


def test_a_summary_by_hand():
    # classes a: a e b c g h with 100 + 90 + 80 + 80 + 50 + 50 = 450 of 491; b: d with 20; c: i f j with 21
    result = segment(book(TEN), Choice("abc"), summary=True)
    rows = {row.pop("segment"): row for row in result.table.to_dicts()}
    assert list(rows) == ["(total)", "a", "b", "c"]
    assert {name: row["customers"] for name, row in rows.items()} == {"(total)": 10, "a": 6, "b": 1, "c": 3}
    assert {name: row["revenue"] for name, row in rows.items()} == {"(total)": 491, "a": 450, "b": 20, "c": 21}
    assert rows["a"]["revenue_share"] == 450 / 491
    assert rows["a"]["customer_share"] == 0.6
    assert rows["(total)"]["revenue_share"] == 1
    assert rows["a"]["orders"] == 4 + 3 + 2 + 2 + 1 + 2
    # a: recency 0 30 0 10 91 121, middle 10 and 30; orders 4 3 2 2 1 2; revenue 100 90 80 80 50 50
    assert [rows["a"][f"median_{name}"] for name in ("recency_days", "orders", "revenue")] == [20, 2, 80]
    assert [rows["c"][f"median_{name}"] for name in ("recency_days", "orders", "revenue")] == [151, 1, 5]
    assert rows["a"]["weekday"] is None  # six customers prove nothing
    assert "margin" not in rows["a"]


def test_the_terminal_shows_first_what_tells_most_and_nothing_that_is_empty():
    whole = segment(book(TEN), Choice("abc"), summary=True)
    first = ["segment", "customers", "revenue_share", "customer_share", "revenue"]
    assert whole.screen.columns[:5] == first
    # six customers prove nothing: no weekday is over-represented, and its two columns are not shown
    assert set(whole.table.columns) - set(whole.screen.columns) == {"weekday", "weekday_lift"}
    assert segment(book(TEN)).screen.columns[:4] == ["customer_id", "segment", "score", "recency_days"]
    without = segment(book("who day\na 2024-01-01\nb 2024-02-01")).screen.columns
    assert without == ["customer_id", "segment", "recency_days", "orders", "r", "f"]


def test_a_segment_without_customers_has_its_row():
    result = segment(frame([{"who": "a", "day": "2024-01-01", "amount": "5"}]), summary=True)
    row = result.table.filter(pl.col("segment") == "champions").to_dicts()[0]
    assert (row["customers"], row["customer_share"], row["revenue"], row["median_orders"]) == (0, 0, 0, None)


def shop(counts, day="2024-01-01"):
    """Return one order a customer from (revenue, channel, how many); costs are a tenth of revenue."""
    told = [(amount, channel) for amount, channel, count in counts for _ in range(count)]
    return frame(
        [
            {"who": f"c{k}", "day": day, "amount": str(amount), "cost": str(amount / 10), "channel": channel}
            for k, (amount, channel) in enumerate(told)
        ]
    )


def test_what_is_over_represented():
    # 20 customers with 100 are class a, 20 with 1 are class c; half of all came by ads, but 18 of the 20 in a did:
    # lift 0.9 ÷ 0.5; by chance 10 ± 2.24 √(20 · 0.25) = 10 ± 5.0 would have; all bought on one weekday, which is nothing
    orders = shop([(100, "ads", 18), (100, "mail", 2), (1, "ads", 2), (1, "mail", 18)])
    result = segment(orders, Choice("abc"), summary=True, by=["channel"])
    rows = {row["segment"]: row for row in result.table.to_dicts()}
    assert result.screen.columns[3:5] == ["channel", "channel_lift"]  # beside the size, where --by asks for it
    assert [(rows[name]["channel"], rows[name]["channel_lift"]) for name in ("(total)", "a", "b", "c")] == [
        (None, None),
        ("ads", 1.8),
        (None, None),
        ("mail", 1.8),
    ]
    assert {row["weekday"] for row in rows.values()} == {None}
    assert rows["a"]["margin"] == 1800  # 2000 less a tenth
    assert rows["a"]["margin_share"] == pytest.approx(2000 / 2020)
    # 15 of 20 lie at the border: 15 - 10 = 5 < 5.01
    less = shop([(100, "ads", 15), (100, "mail", 5), (1, "ads", 5), (1, "mail", 15)])
    assert segment(less, Choice("abc"), summary=True, by=["channel"]).table["channel"].null_count() == 4
    # customers of whom nothing is known are no finding
    unknown = shop([(100, "-", 18), (100, "mail", 2), (1, "-", 2), (1, "mail", 18)])
    assert segment(unknown, Choice("abc"), summary=True, by=["channel"]).table["channel"].to_list()[1] is None


def test_the_weekday_of_the_first_order():
    # 2024-01-01 was a Monday, 2024-01-06 a Saturday
    orders = pl.concat(
        [
            shop([(100, "ads", 20)]),
            shop([(1, "ads", 20)], day="2024-01-06").with_columns(customer_id=pl.format("x{}", "customer_id")),
        ]
    )
    table = segment(orders, Choice("abc"), summary=True).table
    assert table.select("segment", "weekday", "weekday_lift").rows()[1::2] == [
        ("a", "Monday", 2.0),
        ("c", "Saturday", 2.0),
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_summary_adds_up_to_the_customers(scheme):
    each = segment(cdnow(), Choice(scheme)).table
    summary = segment(cdnow(), Choice(scheme), summary=True).table
    sums = each.group_by("segment").agg(pl.len(), pl.col("revenue", "orders").sum())
    expected = {name: own for name, *own in sums.iter_rows()}
    whole, *parts = summary.select("segment", "customers", "revenue", "orders").rows()
    assert {name: own for name, *own in parts if own[0]} == expected
    assert list(whole[1:]) == [sum(part[place] for part in parts) for place in (1, 2, 3)]


def test_groups_are_for_the_summary():
    with pytest.raises(UsageError, match="--by"):
        segment(shop([(1, "ads", 2)]), by=["channel"])
    with pytest.raises(DataError, match="'chanel'"):
        segment(shop([(1, "ads", 2)]), summary=True, by=["chanel"])


def test_the_value_to_come_is_that_of_predict():
    # to the ten-thousandth of money, customer by customer; tiers by it put nobody above one who is worth more
    orders = cdnow()
    rows = dict(predict(orders).table.select("customer_id", "clv").rows())
    table = segment(orders, Choice("tiers", tiers_by="clv")).table
    for who, clv in table.select("customer_id", "clv").rows():
        assert float(clv) == pytest.approx(rows[who], abs=0.00005)
    bounds = table.group_by("segment").agg(low=pl.col("clv").min(), high=pl.col("clv").max()).sort("low")
    assert bounds["segment"].to_list() == ["bronze", "silver", "gold", "platinum"]
    assert (bounds["high"][:-1] < bounds["low"][1:]).all()
    summary = segment(orders, Choice("tiers"), clv=True, summary=True).table
    assert float(summary["clv"][0]) == pytest.approx(sum(rows.values()))
    assert summary["clv_share"][1:].sum() == pytest.approx(1)
    assert summary["budget_share"].to_list() == pytest.approx(summary["clv_share"].to_list())  # nobody is below 0


def test_without_a_model_the_value_to_come_is_empty_and_tiers_by_it_are_refused():
    alone = book("who day amount\na 2024-01-01 5")
    result = segment(alone, Choice("tiers"), clv=True)
    assert result.table["clv"].to_list() == [None]
    assert said(result, "clv is empty")
    with pytest.raises(FitError, match="--tiers-by clv has nothing to go by"):
        segment(alone, Choice("tiers", tiers_by="clv"))
    with pytest.raises(UsageError, match="--tiers-by"):
        Choice("rfm", tiers_by="clv")
