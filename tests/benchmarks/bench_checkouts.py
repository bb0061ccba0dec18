"""This checkout against another one, in one run: what a change costs in time.

    python tests/benchmarks/bench_checkouts.py OTHER/.venv/bin/python [NAME ...]

A process for each side stays up, so that imports and compilation are not timed, and runs each case in turn
with the other, A B B A, on the same threads. Only what is public is called. Printed is the median of the
ratios of neighbours, this checkout's time over the other's, with the middle half of them.
"""

import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

ROUNDS = 7


def simulated(n, d, k, seed=0):
    """Rows of overlapping clusters."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=3.0, size=(k, d))
    return centres[rng.integers(k, size=n)] + rng.normal(size=(n, d))


def em_steps(n, d, k):
    """So many iterations of EM from one start."""
    from bayesgmm import EMGaussianMixture

    X = simulated(n, d, k)

    def run():
        EMGaussianMixture(k, n_init=1, init_params="random_from_data", max_iter=30, random_state=0).fit(X)

    return run


def em_fit(name, k):
    """A default fit by EM."""
    from bayesgmm import EMGaussianMixture, datasets

    X = datasets.load(name).X
    return lambda: EMGaussianMixture(k, random_state=0).fit(X)


def posterior(name, k, method, **settings):
    """A fit by full Bayes."""
    from bayesgmm import BayesGaussianMixture, datasets

    X = datasets.load(name).X
    return lambda: BayesGaussianMixture(k, method=method, random_state=0, progressbar=False, **settings).fit(
        X
    )


def after(what):
    """What follows a fit."""
    from bayesgmm import compare, partition, write_report

    X = simulated(1000, 4, 3)
    bayes = posterior_of(X)
    if what == "labels":
        return lambda: (bayes.memberships(), bayes.similarity(np.arange(200), np.arange(200, 400)))
    if what == "partition":
        return lambda: partition(bayes)
    if what == "compare":
        return lambda: compare(bayes)
    folder = tempfile.mkdtemp()
    return lambda: write_report(bayes, Path(folder) / "page.html")


def posterior_of(X):
    """A fit of simulated rows."""
    from bayesgmm import BayesGaussianMixture

    return BayesGaussianMixture(3, method="nuts", random_state=0, progressbar=False).fit(X)


CASES = {
    "EM, 30 iterations, 100,000 x 10, K=10": lambda: em_steps(100_000, 10, 10),
    "EM, 30 iterations, 1,000 x 2, K=3": lambda: em_steps(1000, 2, 3),
    "EM fit, faithful K=2": lambda: em_fit("faithful", 2),
    "EM fit, iris K=3": lambda: em_fit("iris", 3),
    "EM fit, banknote K=2": lambda: em_fit("banknote", 2),
    "NUTS, faithful K=2": lambda: posterior("faithful", 2, "nuts"),
    "NUTS, iris K=3": lambda: posterior("iris", 3, "nuts"),
    "tempering, faithful K=4": lambda: posterior("faithful", 4, "smc"),
    "Laplace, iris K=3": lambda: posterior("iris", 3, "laplace"),
    "memberships and similarity, 1,000 x 4, K=3": lambda: after("labels"),
    "partition, 1,000 x 4, K=3": lambda: after("partition"),
    "compare, 1,000 x 4, K=3": lambda: after("compare"),
    "report, 1,000 x 4, K=3": lambda: after("report"),
}


def serve():
    """Time a case by its number for each line that comes; it has run once before."""
    warnings.simplefilter("ignore")
    made = {}
    for line in sys.stdin:
        name = json.loads(line)
        if name not in made:
            made[name] = CASES[name]()
            made[name]()
        began = time.perf_counter()
        made[name]()
        print(time.perf_counter() - began, file=sys.__stdout__, flush=True)


def started(python):
    """A process that serves, of the package that this Python has."""
    return subprocess.Popen(
        [python, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


def timed(process, name):
    """Seconds of one run of a case."""
    process.stdin.write(json.dumps(name) + "\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main(other, *chosen):
    """Print a line for each case."""
    here, there = started(sys.executable), started(other)
    for name in (n for n in CASES if not chosen or any(c in n for c in chosen)):
        timed(here, name), timed(there, name)
        ratios, seconds = [], []
        for _ in range(ROUNDS):
            a, b, c, d = (timed(p, name) for p in (here, there, there, here))
            ratios += [a / b, d / c]
            seconds += [a, d]
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        print(f"{middle:6.3f}  ({low:.3f} to {high:.3f})  {np.median(seconds):9.4f} s  {name}", flush=True)
    for process in (here, there):
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["--serve"] else main(*sys.argv[1:])
