"""Fitting BG/NBD and Gamma-Gamma alone, ours against lifetimes, on the same customers.

`python benchmarks/models.py --customers 1000000 --repeat 3`. Each fit runs in a process of its own and times itself
from the arrays in memory to the parameters. lifetimes gets weeks (days ÷ 7), the unit that ours fits in. Both answers
are then judged by one log-likelihood, written here from the papers and using neither package.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median

import peers

PARAMETERS = {"bg_nbd": ("r", "alpha", "a", "b"), "gamma_gamma": ("p", "q", "gamma")}
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
    return (x, t_x, T) if model == "bg_nbd" else (x[returning], m[returning])


def fit_ours(model, arrays):
    from importlib import import_module

    from clvtool.models.histories import Histories

    fit = import_module(f"clvtool.models.{model}").fit
    begin = time.perf_counter()
    fitted = fit(Histories.from_arrays(*arrays)) if model == "bg_nbd" else fit(*arrays)
    seconds = time.perf_counter() - begin
    return seconds, list(fitted.fit.parameters.values())  # in the order of the papers, as lifetimes'


def fit_lifetimes(model, arrays):
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    if model == "bg_nbd":
        x, t_x, T = arrays
        arrays = (x, t_x / 7, T / 7)
    fitter = BetaGeoFitter() if model == "bg_nbd" else GammaGammaFitter()
    begin = time.perf_counter()
    fitter.fit(*arrays)
    return time.perf_counter() - begin, list(fitter.params_)


def fit(who, model, path):
    seconds, values = (fit_ours if who == "us" else fit_lifetimes)(model, load(path, model))
    return {"seconds": seconds, "parameters": [float(value) for value in values]}


def log_likelihood(model, path, values):
    """Return the log-likelihood of the parameters: Fader, Hardie, Lee (2005); Fader, Hardie, note 025 (2013)."""
    import numpy as np
    from scipy.special import gammaln

    if model == "bg_nbd":
        (r, alpha, a, b), (x, t_x, T) = values, load(path, model)
        buying = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        staying = gammaln(a + b) - gammaln(b) + gammaln(b + x) - gammaln(a + b + x)
        alive = -(r + x) * np.log(alpha + T / 7)
        gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x / 7)
        units = buying + staying + np.logaddexp(alive, np.where(x > 0, gone, -np.inf))
    else:
        (p, q, gamma), (x, m) = values, load(path, model)
        units = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma) - np.log(m)
        units += p * x * np.log(m * x) - (p * x + q) * np.log(gamma + m * x)
    return {"log_likelihood": float(units.sum())}


def compare(customers, repeat, peer_python):
    """Run the fits in turn; return the lines of the table (work, who, seconds, megabytes) and what disagrees."""
    path = child(sys.executable, "make", customers).answer["path"]
    rows, faults = [], []
    for model, names in PARAMETERS.items():
        runs = {who: [] for who in CONTESTANTS}
        for _ in range(repeat):
            for who, python in zip(CONTESTANTS, (sys.executable, peer_python), strict=True):
                runs[who].append(child(python, "fit", who, model, path))
        found, judged = {}, {}
        for who in CONTESTANTS:
            found[who] = [float(value) for value in runs[who][0].answer["parameters"]]
            judged[who] = float(child(sys.executable, "judge", model, path, *found[who]).answer["log_likelihood"])
            seconds = [float(run.answer["seconds"]) for run in runs[who]]
            rows.append((f"fit {model}", who, seconds, median(run.megabytes for run in runs[who])))
            values = " ".join(f"{name} {value:.6f}" for name, value in zip(names, found[who], strict=True))
            print(f"{model:12} {who:10} {values}  log-likelihood {judged[who]:.4f}")
        for name, our, their in zip(names, found["us"], found["lifetimes"], strict=True):
            if abs(our - their) > CLOSE * abs(their):
                faults.append(f"{model} {name}: us {our:.6f}, lifetimes {their:.6f}")
        if judged["us"] < judged["lifetimes"] - SHORT:
            faults.append(f"{model}: our log-likelihood is {judged['lifetimes'] - judged['us']:.4f} lower")
    return rows, faults


def child(python, *words):
    return peers.measure([python, __file__, *map(str, words)])


def main():
    match sys.argv[1:]:
        case ["make", customers]:
            print(json.dumps(make(int(customers))))
        case ["fit", who, model, path]:
            print(json.dumps(fit(who, model, path)))
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
