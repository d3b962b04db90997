"""Published figures, and the same figures as the models here get them.

A new model adds its line to `FITS` where its fit to the CDNOW sample is known, and a function to `FURTHER` for what
else is known of it, also on other data. Figures are texts: their last digit says how exact they are.
`models/cdnow.csv` has the sample up to 30 September 1997 (see sample_data/README.md): repeat purchase days x, days t_x
from the first to the last and T to the end, money of the repeat purchase days in cents, and how many customers are
alike in all that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from clvtool.models.contracts import Renewals
from clvtool.models.histories import Histories
from clvtool.models.registry import module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

    from clvtool.models.fitting import Fit
    from clvtool.models.histories import Floats, Ints

PUBLISHED = "published"
"""Printed in a paper, or in the tests or documentation of another package."""
OWN = "own maximum"
"""Found by several other solvers from several starts, with more digits than are printed anywhere."""
_STOPPED = 1e-3  # relative error of figures that were printed from a fit stopped a little early
_OWN_PARAMETER = 1e-6  # relative error
_OWN_LIKELIHOOD = 1e-4


@dataclass(frozen=True, slots=True)
class Check:
    """A published figure beside ours, which is right `within` an absolute error."""

    model: str
    quantity: str
    published: float
    ours: float
    within: float
    source: str

    @property
    def difference(self) -> float:
        """Return ours − published."""
        return self.ours - self.published

    @property
    def ok(self) -> bool:
        """Return whether ours is the published figure; no number never is."""
        return abs(self.difference) <= self.within


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The CDNOW sample, one entry a group of customers who are alike."""

    x: Ints
    t_x: Ints
    T: Ints
    cents: Ints
    customers: Ints

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the sample from the text of `models/cdnow.csv`."""
        rows = np.array([line.split(",") for line in text.split()[1:]], np.int64)
        return cls(*rows.T)

    def histories(self) -> Histories:
        """Return the histories of the customers, collapsed."""
        return Histories.from_arrays(*(np.repeat(column, self.customers) for column in (self.x, self.t_x, self.T)))

    def repeaters(self) -> tuple[Ints, Floats]:
        """Return x and the mean money of a repeat purchase day of each customer who came back."""
        again = self.x > 0
        x, cents = (np.repeat(column[again], self.customers[again]) for column in (self.x, self.cents))
        return x, cents / 100 / x


class Known(NamedTuple):
    """What is known of a fit to the sample, figures in the order of the parameters, then the log-likelihood."""

    published: str = ""
    published_errors: str = ""
    own: str = ""
    own_errors: str = ""


FITS = {
    "bg-nbd": Known(
        published="0.243 4.414 0.793 2.426 -9582.4",
        own="0.2425945 4.4136016 0.7929220 2.4259071 -9582.429207",
        own_errors="0.01256 0.37822 0.18573 0.70541",
    ),
    "mbg-nbd": Known(published="0.525 6.183 0.891 1.614", own="0.5248432 6.1830854 0.8913594 1.6140023 -9582.135716"),
    "pareto-nbd": Known(
        published="0.553 10.578 0.606 11.669 -9595.0",
        published_errors="0.0476 0.8427 0.1873 6.2105",
        own="0.5532771 10.5776843 0.6062399 11.6687319 -9594.976172",
    ),
    "nbd": Known(own="0.3847661 12.0720225 -9763.657615"),
    "gamma-gamma": Known(published="6.25 3.74 15.44 -4055.92", own="6.2495730 3.7442246 15.4435188 -4055.917695"),
}

DONATIONS = Known(
    published="1.204 0.750 0.657 2.783 -33225.58", own="1.2035224 0.7497164 0.6567182 2.7834424 -33225.581274"
)
DONORS = """
0 0 3464  1 1 1091  1 2 277  1 3 129  1 4 78  1 5 119  1 6 129  2 2 613  2 3 255  2 4 155  2 5 173  2 6 234
3 3 322  3 4 181  3 5 225  3 6 357  4 4 240  4 5 284  4 6 512  5 5 335  5 6 728  6 6 1203
"""
CURVES = {"high end": "100 86.9 74.3 65.3 59.3 55.1 51.7 49.1", "regular": "100 63.1 46.8 38.2 32.6 28.9 26.2 24.1"}
"""Percent of two groups of 1000 customers there after 0, 1, … 7 years: Fader & Hardie (2007), table 1."""
CONTRACTS = {
    ("sbg", "high end"): (Known("0.668 3.806", own="0.668088 3.806094 -1611.1581"), "0.378"),
    ("sbg", "regular"): (Known("0.704 1.182", own="0.704077 1.182043 -1680.2652"), "0.170"),
    ("bdw", "high end"): (Known(own="0.214253 1.426575 1.723565 -1605.31421"), ""),
    ("bdw", "regular"): (Known(own="0.455614 0.779326 1.283451 -1679.60283"), ""),
}
"""What is known of the models of contracts on these, and the published share there after 12 years."""


def checks(text: str) -> Iterator[Check]:
    """Yield every figure, model by model; `text` is that of `models/cdnow.csv`."""
    sample = Sample.of(text)
    histories = sample.histories()
    yield from _data(sample, histories)
    for name in dict.fromkeys([*FITS, *FURTHER]):
        model = None
        if name in FITS:
            model = module(name).fit(*(sample.repeaters() if name == "gamma-gamma" else (histories,)))
            yield from _fit(model.fit, FITS[name])
        if name in FURTHER:
            yield from FURTHER[name](model, sample)


def printed(
    model: str, source: str, pairs: Iterable[tuple[str, str, float]], within: float | None = None
) -> Iterator[Check]:
    """Yield figures given as (quantity, text, ours), right within half a unit of the last digit or a relative error."""
    for quantity, text, ours in pairs:
        figure = float(text)
        half = 0.5 * 10.0 ** -len(text.partition(".")[2])
        yield Check(model, quantity, figure, ours, max(half, (within or 0) * abs(figure)), source)


def _data(sample: Sample, histories: Histories) -> Iterator[Check]:
    own = {
        "customers": ("2357", histories.n_customers),
        "repeat purchase days": ("2457", int((sample.x * sample.customers).sum())),
        "customers of one purchase day": ("1411", int(sample.customers[sample.x == 0].sum())),
        "distinct histories": ("1016", histories.x.size),
    }
    yield from printed("data", PUBLISHED, ((quantity, text, float(ours)) for quantity, (text, ours) in own.items()))


def _fit(fit: Fit, known: Known) -> Iterator[Check]:
    names = [*fit.parameters, "log-likelihood"]
    ours = [*fit.parameters.values(), fit.log_likelihood]
    yield from printed(fit.model, PUBLISHED, zip(names, known.published.split(), ours, strict=False))
    for quantity, text, value in zip(names, known.own.split(), ours, strict=False):
        half = 0.5 * 10.0 ** -len(text.partition(".")[2])
        within = _OWN_LIKELIHOOD if quantity == names[-1] else max(half, _OWN_PARAMETER * value)
        yield Check(fit.model, quantity, float(text), value, within, OWN)
    errors = [value or float("nan") for value in fit.std_errors.values()]
    for source, texts in ((PUBLISHED, known.published_errors), (OWN, known.own_errors)):
        named = (f"std_error {name}" for name in fit.parameters)
        yield from printed(fit.model, source, zip(named, texts.split(), errors, strict=False), _STOPPED)


def _bg_nbd(model: Any, sample: Sample) -> Iterator[Check]:
    weeks = "0.1429 1 3 31.8571 32 78"
    times = [1 / 7, 1, 3, 223 / 7, 32, 78]
    texts = "0.0078 0.0532 0.1506 1.0405 1.0437 1.8576"
    names = (f"E[X({week} weeks)]" for week in weeks.split())
    ours = (float(model.expected_purchases(time)) for time in times)
    yield from printed("bg-nbd", PUBLISHED, zip(names, texts.split(), ours, strict=True), _STOPPED)
    expected = float(model.conditional_expected_purchases(39, 2, 30.43, 38.86))
    yield from printed("bg-nbd", PUBLISHED, [("E[Y(39 weeks) | x=2, t_x=30.43, T=38.86]", "1.226", expected)], _STOPPED)
    yield from _of_one(model, "-0.59947382 100.7957")
    yield from _holdout(model, sample, "1653.408")


def _mbg_nbd(model: Any, sample: Sample) -> Iterator[Check]:
    yield from _of_one(model, "-0.41792826 100.7869")
    yield from _holdout(model, sample, "1576.7283")


def _pareto_nbd(model: Any, sample: Sample) -> Iterator[Check]:
    x = [10, 15, 20, 25]
    texts = "0.7062289 0.1442396 0.02250658 0.00309267"
    names = (f"E[Y(52 weeks) | x={one}, t_x=20, T=39]" for one in x)
    expected = model.conditional_expected_purchases(52, x, 20, 39).tolist()
    often = (26, 30.857, 31)
    figures = [
        ("P(alive | x=26, t_x=30.857, T=31)", "0.997874", float(model.p_alive(*often))),
        (
            "E[Y(52 weeks) | x=26, t_x=30.857, T=31]",
            "25.45647",
            float(model.conditional_expected_purchases(52, *often)),
        ),
        ("E[X(52 weeks)]", "1.473434", float(model.expected_purchases(52))),
        *zip(names, texts.split(), expected, strict=True),
    ]
    yield from printed("pareto-nbd", PUBLISHED, figures, _STOPPED)
    yield from _holdout(model, sample, "1665.688")
    lasting = model.discounted_residual_purchases(0.0027, sample.x, sample.t_x / 7, sample.T / 7)
    total = float((lasting * sample.customers).sum())
    yield from printed("pareto-nbd", PUBLISHED, [("DERT of all customers, 0.0027 a week", "7185.9729", total)], 1e-6)


def _gamma_gamma(model: Any, _: Sample) -> Iterator[Check]:
    mean = [("mean of a purchase", "35.17037", model.population_mean())]
    yield from printed("gamma-gamma", OWN, mean)
    # customers 1, 2, 3, 6 and 9 of the sample; 4, 5, 8 and 10 are as 3, 7 is as 2
    customers = [(2, 44.69, "24.65"), (1, 11.77, "18.91"), (0, 0.0, "35.17"), (7, 516.19, "71.46"), (2, 51.1, "27.28")]
    for x, money, text in customers:
        ours = float(model.expected_value(x, money / max(x, 1)))
        named = f"E[M | x={x}, money={money:.2f}]"
        # printed from a fit stopped early: off by one in the last digit
        yield Check("gamma-gamma", named, float(text), ours, 0.006, PUBLISHED)


def _bg_bb(_: Any, __: Sample) -> Iterator[Check]:
    """Yield the figures of Fader, Hardie, Shang (2010): years in which donors gave, of six."""
    donors = _donors()
    model = module("bg-bb").fit(donors, 365.25)
    yield from _fit(model.fit, DONATIONS)
    histories, texts = ((0, 0), (2, 4), (6, 6)), "0.11 0.59 0.93"
    names = [f"P(alive in 2002 | x={x}, t_x={t_x}, n=6)" for x, t_x in histories]
    ours = model.p_alive(*np.array(histories).T, [6, 6, 6]).tolist()
    yield from printed("bg-bb", PUBLISHED, zip(names, texts.split(), ours, strict=True))
    total = float((donors.count * model.expected_purchases(5, donors.x, donors.t_x, donors.T)).sum())
    yield from printed("bg-bb", PUBLISHED, [("donations in 2002 to 2006", "12884.2", total)])


def _contract(name: str) -> Callable[[Any, Sample], Iterator[Check]]:
    """Return what yields the figures of a model of contracts, fitted to eight years of the curves in `CURVES`."""

    def further(_: Any, __: Sample) -> Iterator[Check]:
        for group, percent in CURVES.items():
            known, year_12 = CONTRACTS[name, group]
            renewals = Renewals.of([10 * np.array([float(text) for text in percent.split()])])
            model = module(name).fit(renewals)
            figures = [*_fit(model.fit, known)]
            if year_12:
                share = float(model.survival(12)[12])
                figures += printed(name, PUBLISHED, [("share there after 12 years", year_12, share)])
            yield from (replace(one, quantity=f"{one.quantity} ({group})") for one in figures)

    return further


FURTHER: dict[str, Callable[[Any, Sample], Iterator[Check]]] = {
    "bg-nbd": _bg_nbd,
    "mbg-nbd": _mbg_nbd,
    "pareto-nbd": _pareto_nbd,
    "gamma-gamma": _gamma_gamma,
    "bg-bb": _bg_bb,
    "sbg": _contract("sbg"),
    "bdw": _contract("bdw"),
}


def _donors() -> Histories:
    """Return table 2 of the paper on BG/BB, which has the years with a donation, the last of them, and the donors."""
    rows = np.array([int(number) for number in DONORS.split()]).reshape(-1, 3)
    return Histories(rows[:, 0], rows[:, 1], np.full(len(rows), 6), rows[:, 2])


def _of_one(model: Any, texts: str) -> Iterator[Check]:
    """Yield the log-likelihood of one customer at r = .25, α = 4, a = .8, b = 2.5, as another package has it."""
    from clvtool.models.leaving_likelihood import LeavingLikelihood

    for (x, t_x), text in zip([(0, 0), (200, 38)], texts.split(), strict=True):
        one = LeavingLikelihood.of(Histories.from_arrays([x], [7 * t_x], [7 * 40]), model.FIRST)
        ours = one.log_likelihood(np.array([0.25, 4, 0.8, 2.5])).value
        named = f"log-likelihood of x={x}, t_x={t_x}, T=40"
        yield from printed(model.fit.model, PUBLISHED, [(named, text, ours)])


def _holdout(model: Any, sample: Sample, text: str) -> Iterator[Check]:
    """Yield the purchase days expected of all customers in the 39 weeks after the sample."""
    expected = model.conditional_expected_purchases(39, sample.x, sample.t_x / 7, sample.T / 7)
    total = float((expected * sample.customers).sum())
    yield from printed(model.fit.model, PUBLISHED, [("purchase days in 39 weeks", text, total)], _STOPPED)
