"""Fitting and scoring alone, ours against lifetimes, on the same customers.

`python benchmarks/models.py --customers 1000000 --repeat 3`. Each piece of work runs in a process of its own and times
itself from the arrays in memory to the answer. lifetimes gets weeks (days ÷ 7), the unit that ours fits in. Both fits
are then judged by one log-likelihood, written here from the papers and using neither package. Scoring is P(alive),
purchases expected within 90 days, money of a purchase, and value over 12 months of every customer, from parameters
that are the same for both. Pareto/NBD is fitted to at most 100,000 customers: lifetimes takes half a minute for them.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median

import peers

PARAMETERS = {
    "bg_nbd": ("r", "alpha", "a", "b"),
    "pareto_nbd": ("r", "alpha", "s", "beta"),
    "gamma_gamma": ("p", "q", "gamma"),
}
MOST_FOR_PARETO = 100_000
SCORED_FROM = {"bg_nbd": (1.05, 10.0, 0.8, 6.0), "gamma_gamma": (6.25, 3.74, 15.44)}
SCORES = {"p_alive": 1e-6, "purchases": 1e-6, "money": 1e-6, "value": 0.03}
"""What is scored, and how far the sums may differ: lifetimes adds up months of 30 days, ours 365 days exactly."""
CONTESTANTS = ("us", "lifetimes")
CLOSE = 1e-2  # relative, between the parameters of the two
SHORT = 0.01  # units of log-likelihood by which we may end below lifetimes


def make(customers):
    """Write and return the path of x, t_x, T (days) and m (money per repeat purchase day) of that many customers."""
    import make_log
    import numpy as np

    path = make_log.DATA / f"histories-{customers}.npz"
    if path.exists() and path.stat().st_mtime > Path(make_log.__file__).stat().st_mtime:
        return {"path": str(path)}
    bought = make_log.simulate(customers, np.random.default_rng(make_log.SEED))
    day = bought.time.astype(np.int64)
    occasions, of_purchase = np.unique(bought.customer * make_log.DAYS + day, return_inverse=True)
    money = np.bincount(of_purchase, weights=bought.money) / 100
    customer, day = occasions // make_log.DAYS, occasions % make_log.DAYS
    first = np.flatnonzero(np.diff(customer, prepend=-1))
    x = np.diff(first, append=occasions.size) - 1
    t_x = day[first + x] - day[first]
    repeat_money = np.add.reduceat(money, first) - money[first]
    m = np.where(x > 0, repeat_money / np.maximum(x, 1), 0.0)
    make_log.DATA.mkdir(exist_ok=True)
    np.savez(path, x=x, t_x=t_x, T=make_log.DAYS - 1 - day[first], m=m)
    return {"path": str(path)}


def load(path, model):
    """Return the arrays that a model is fitted to: x, t_x, T in days, or x, m of the customers who came back."""
    import numpy as np

    with np.load(path) as stored:
        x, t_x, T, m = (stored[name] for name in ("x", "t_x", "T", "m"))
    returning = (x > 0) & (m > 0)
    if model == "score":
        return x, t_x, T, m
    return (x, t_x, T) if model != "gamma_gamma" else (x[returning], m[returning])


def fit_ours(model, arrays):
    from importlib import import_module

    from clvtool.models.histories import Histories

    fit = import_module(f"clvtool.models.{model}").fit
    begin = time.perf_counter()
    fitted = fit(*arrays) if model == "gamma_gamma" else fit(Histories.from_arrays(*arrays))
    seconds = time.perf_counter() - begin
    return seconds, list(fitted.fit.parameters.values())  # in the order of the papers, as lifetimes'


def fit_lifetimes(model, arrays):
    from lifetimes import BetaGeoFitter, GammaGammaFitter, ParetoNBDFitter

    if model != "gamma_gamma":
        x, t_x, T = arrays
        arrays = (x, t_x / 7, T / 7)
    fitter = {"bg_nbd": BetaGeoFitter, "pareto_nbd": ParetoNBDFitter, "gamma_gamma": GammaGammaFitter}[model]()
    begin = time.perf_counter()
    fitter.fit(*arrays)
    return time.perf_counter() - begin, list(fitter.params_)


def fit(who, model, path):
    seconds, values = (fit_ours if who == "us" else fit_lifetimes)(model, load(path, model))
    return {"seconds": seconds, "parameters": [float(value) for value in values]}


def score_ours(x, t_x, T, m):
    import numpy as np

    from clvtool.models.bg_nbd import BgNbd
    from clvtool.models.fitting import Fit
    from clvtool.models.gamma_gamma import GammaGamma
    from clvtool.models.purchases import weekly_delta

    def fitted(model, facts):
        values = dict(zip(PARAMETERS[model], SCORED_FROM[model], strict=True))
        return Fit(
            model=model.replace("_", "-"),
            parameters=values,
            std_errors=dict.fromkeys(values),
            covariance=np.zeros((len(values), len(values))),
            log_likelihood=0.0,
            n_customers=len(x),
            unit="weeks",
            converged=True,
            gradient_norm=0.0,
            facts=facts,
        )

    buying, spending = (
        BgNbd(fitted("bg_nbd", {})),
        GammaGamma(fitted("gamma_gamma", {"observed_mean": 35.0, "dropped": 0})),
    )
    begin = time.perf_counter()
    outlook = buying.outlook(365 / 7, weekly_delta(0.10), x, t_x / 7, T / 7)
    soon = buying.conditional_expected_purchases(90 / 7, x, t_x / 7, T / 7)
    money = spending.expected_value(x, m)
    value = outlook.discounted * money
    seconds = time.perf_counter() - begin
    return seconds, (outlook.p_alive, soon, money, value)


def score_lifetimes(x, t_x, T, m):
    import pandas as pd
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    x, t_x, T, m = (pd.Series(values, dtype=float) for values in (x, t_x / 7, T / 7, m))
    buying, spending = BetaGeoFitter(), GammaGammaFitter()
    buying.params_ = pd.Series(SCORED_FROM["bg_nbd"], list(PARAMETERS["bg_nbd"]))
    buying.predict = buying.conditional_expected_number_of_purchases_up_to_time  # as its fit() sets it
    spending.params_ = pd.Series(SCORED_FROM["gamma_gamma"], ["p", "q", "v"])
    begin = time.perf_counter()
    alive = buying.conditional_probability_alive(x, t_x, T)
    soon = buying.conditional_expected_number_of_purchases_up_to_time(90 / 7, x, t_x, T)
    money = spending.conditional_expected_average_profit(x, m)
    monthly = 1.10 ** (1 / 12) - 1
    value = spending.customer_lifetime_value(buying, x, t_x, T, m, time=12, discount_rate=monthly, freq="W")
    return time.perf_counter() - begin, (alive, soon, money, value)


def score(who, path):
    seconds, figures = (score_ours if who == "us" else score_lifetimes)(*load(path, "score"))
    return {"seconds": seconds} | {name: float(sum(part)) for name, part in zip(SCORES, figures, strict=True)}


def log_likelihood(model, path, values):
    """Return the log-likelihood of the parameters: Fader, Hardie, Lee (2005); Fader, Hardie, notes 009 and 025."""
    import numpy as np
    from scipy.special import gammaln, hyp2f1

    if model == "bg_nbd":
        (r, alpha, a, b), (x, t_x, T) = values, load(path, model)
        buying = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        staying = gammaln(a + b) - gammaln(b) + gammaln(b + x) - gammaln(a + b + x)
        alive = -(r + x) * np.log(alpha + T / 7)
        gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x / 7)
        units = buying + staying + np.logaddexp(alive, np.where(x > 0, gone, -np.inf))
    elif model == "pareto_nbd":
        (r, alpha, s, beta), (x, t_x, T) = values, load(path, model)
        buying = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        near, far, second = min(alpha, beta), max(alpha, beta), s + 1 if alpha >= beta else r + x

        def tail(t):
            power = -(r + s + x) * np.log(far + t)
            return power + np.log(hyp2f1(r + s + x, second, r + s + x + 1, (far - near) / (far + t)))

        both = -(r + x) * np.log(alpha + T / 7) - s * np.log(beta + T / 7)
        above = tail(t_x / 7)
        gone = above + np.log(-np.expm1(np.minimum(tail(T / 7) - above, -1e-300)))
        units = buying + np.logaddexp(both, np.log(s / (r + s + x)) + np.where(t_x < T, gone, -np.inf))
    else:
        (p, q, gamma), (x, m) = values, load(path, model)
        units = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma) - np.log(m)
        units += p * x * np.log(m * x) - (p * x + q) * np.log(gamma + m * x)
    return {"log_likelihood": float(units.sum())}


def compare(customers, repeat, peer_python):
    """Run the fits in turn; return the lines of the table (work, who, seconds, megabytes) and what disagrees."""
    rows, faults = [], []
    for model, names in PARAMETERS.items():
        number = min(customers, MOST_FOR_PARETO) if model == "pareto_nbd" else customers
        path = child(sys.executable, "make", number).answer["path"]
        runs = {who: [] for who in CONTESTANTS}
        for _ in range(repeat):
            for who, python in zip(CONTESTANTS, (sys.executable, peer_python), strict=True):
                runs[who].append(child(python, "fit", who, model, path))
        found, judged = {}, {}
        for who in CONTESTANTS:
            found[who] = [float(value) for value in runs[who][0].answer["parameters"]]
            judged[who] = float(child(sys.executable, "judge", model, path, *found[who]).answer["log_likelihood"])
            seconds = [float(run.answer["seconds"]) for run in runs[who]]
            rows.append((f"fit {model} {number:,}", who, seconds, median(run.megabytes for run in runs[who])))
            values = " ".join(f"{name} {value:.6f}" for name, value in zip(names, found[who], strict=True))
            print(f"{model:12} {who:10} {values}  log-likelihood {judged[who]:.4f}")
        for name, our, their in zip(names, found["us"], found["lifetimes"], strict=True):
            if model != "pareto_nbd" and abs(our - their) > CLOSE * abs(their):
                faults.append(f"{model} {name}: us {our:.6f}, lifetimes {their:.6f}")
        if judged["us"] < judged["lifetimes"] - SHORT:
            faults.append(f"{model}: our log-likelihood is {judged['lifetimes'] - judged['us']:.4f} lower")
    scored, wrong = compare_scores(customers, repeat, peer_python)
    return [*rows, *scored], [*faults, *wrong]


def compare_scores(customers, repeat, peer_python):
    """Run the scoring in turn; return as `compare` does."""
    rows, faults = [], []
    path = child(sys.executable, "make", customers).answer["path"]
    runs = {who: [] for who in CONTESTANTS}
    for _ in range(repeat):
        for who, python in zip(CONTESTANTS, (sys.executable, peer_python), strict=True):
            runs[who].append(child(python, "score", who, path))
    for who, done in runs.items():
        seconds = [float(run.answer["seconds"]) for run in done]
        rows.append((f"score {customers:,}", who, seconds, median(run.megabytes for run in done)))
    for name, most in SCORES.items():
        our, their = (float(runs[who][0].answer[name]) for who in CONTESTANTS)
        if abs(our / their - 1) > most:
            faults.append(f"sum of {name}: us {our:.6f}, lifetimes {their:.6f}")
    return rows, faults


def child(python, *words):
    return peers.measure([python, __file__, *map(str, words)])


def main():
    match sys.argv[1:]:
        case ["make", customers]:
            print(json.dumps(make(int(customers))))
        case ["fit", who, model, path]:
            print(json.dumps(fit(who, model, path)))
        case ["score", who, path]:
            print(json.dumps(score(who, path)))
        case ["judge", model, path, *values]:
            print(json.dumps(log_likelihood(model, path, [float(value) for value in values])))
        case _:
            parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
            parser.add_argument("--customers", type=int, default=1_000_000)
            parser.add_argument("--repeat", type=int, default=3)
            parser.add_argument("--peer-python", type=Path, default=peers.PEER_PYTHON)
            chosen = parser.parse_args()
            rows, faults = compare(chosen.customers, chosen.repeat, chosen.peer_python)
            print(peers.table(f"{chosen.customers:,} customers", rows))
            sys.exit(peers.verdict(faults))


if __name__ == "__main__":
    main()
