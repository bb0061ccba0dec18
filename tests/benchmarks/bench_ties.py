"""Ties, zeros, censored and rounded columns, rows on lines: do two runs agree, or does the verdict refuse?

Writes reports/ties.md. Run it: python tests/benchmarks/bench_ties.py (an hour on two cores; --data-sets 3 for
a part, on the screen only).
"""

import argparse
import os
import platform
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from bayesgmm import BayesGaussianMixture
from bayesgmm.errors import BayesGMMError
from bayesgmm.support.arguments import available_cores

REPORT = Path(__file__).parents[2] / "reports" / "ties.md"
DATA_SETS = 10
# Between two runs with other seeds.
EVIDENCE, SIMILARITY = 0.5, 0.1


def integers(rng):
    return np.round(3 * rng.normal(size=(150, 2))), 2


def integers_on_a_diagonal(rng):
    return np.r_[np.round(3 * rng.normal(size=(100, 2))), np.c_[np.arange(15), np.arange(15)]], 2


def collinear_rows(rng):
    x = rng.normal(size=10)
    return np.r_[rng.normal(size=(90, 2)), np.c_[x, 0.5 * x + 1]], 2


def zeros(rng):
    return np.r_[np.zeros(60), rng.normal(4, 1, 140)][:, None], 2


def zeros_in_one_of_two(rng):
    X = rng.normal(size=(150, 2)) + 2.5
    X[rng.random(150) < 0.4, 1] = 0.0
    return X, 2


def censored(rng):
    return np.minimum(rng.normal(size=(150, 1)) + 3.5 * (rng.random((150, 1)) < 0.5), 4.0), 2


def tied_groups(rng):
    return np.r_[np.full(30, 1.0), np.full(30, 2.0), rng.normal(5, 1, 60)][:, None], 3


def duplicated_rows(rng):
    X = rng.normal(size=(80, 2))
    return np.r_[X, np.tile(X[:2], (8, 1))], 2


def one_decimal(rng):
    X = rng.normal(size=(120, 2)) @ [[0.3, 0.2], [0.0, 0.1]] + 0.8 * (rng.random((120, 1)) < 0.4)
    return X.round(1), 2


def coarse_grid(rng):
    return np.round(rng.normal(size=(100, 2)) + 3 * (rng.random((100, 1)) < 0.5)), 2


def counts(rng):
    return np.where(rng.random(150) < 0.6, rng.poisson(2, 150), rng.poisson(9, 150)).astype(float)[:, None], 2


def nearly_a_multiple(rng):
    x = rng.normal(size=100) + 4 * (rng.random(100) < 0.5)
    return np.c_[x, 2 * x + 1e-6 * rng.normal(size=100)], 2


KINDS = (
    *(integers, integers_on_a_diagonal, collinear_rows, zeros, zeros_in_one_of_two, censored),
    *(tied_groups, duplicated_rows, one_decimal, coarse_grid, counts, nearly_a_multiple),
)


def two_runs(job):
    """Of one data set: whether the default fit ends, and how two tempered ones differ."""
    warnings.simplefilter("ignore")
    kind, index = job
    X, k = KINDS[kind](np.random.default_rng([kind, index]))
    settings = {"cores": 1, "progressbar": False}
    began = time.perf_counter()
    try:
        default = BayesGaussianMixture(k, random_state=index, **settings).fit(X)
        fits = [
            BayesGaussianMixture(k, method="smc", random_state=seed, **settings).fit(X)
            for seed in (100 + index, 200 + index)
        ]
    except (BayesGMMError, ArithmeticError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    (a, b), seconds = fits, time.perf_counter() - began
    return {
        "default": default.verdict_.label_free_ok,
        "accepted": a.verdict_.label_free_ok and b.verdict_.label_free_ok,
        "evidence": abs(a.log_evidence_[0] - b.log_evidence_[0]),
        "similarity": np.abs(a.similarity_ - b.similarity_).max(),
        "beside_default": max(np.abs(default.similarity_ - f.similarity_).max() for f in fits),
        "seconds": seconds,
    }


def row(kind, found):
    name = KINDS[kind].__name__.replace("_", " ")
    errors = [f["error"] for f in found if "error" in f]
    ended = [f for f in found if "error" not in f]
    accepted = [f for f in ended if f["accepted"]]
    wrong = sum(f["evidence"] > EVIDENCE or f["similarity"] > SIMILARITY for f in accepted)
    of_default = sum(f["default"] and f["accepted"] and f["beside_default"] > SIMILARITY for f in ended)
    for error in errors:
        print(f"  {name}: {error[:300]}")
    largest = [f"{max((f[key] for f in accepted), default=np.nan):.2f}" for key in ("evidence", "similarity")]
    cells = [name, len(found), len(errors), len(accepted), wrong, *largest]
    cells += [sum(f["default"] for f in ended), of_default, f"{np.median([f['seconds'] for f in ended]):.0f}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-sets", type=int, default=DATA_SETS)
    n = parser.parse_args().data_sets
    lines = [
        "# Ties, zeros, grids and lines",
        "",
        f"Of each kind {n} data sets, the default prior, two fits by tempering with other seeds, and one by "
        "default settings.",
        f"Wrong is what both verdicts accept, although log evidences differ by more than {EVIDENCE:g} or a "
        f"similarity of two rows by more than {SIMILARITY:g};",
        "or, for the default fit, what it accepts and an accepted tempered one contradicts.",
        "Written by `python tests/benchmarks/bench_ties.py` "
        f"on {os.cpu_count()} cores ({platform.machine()}).",
        "",
        "| kind | data sets | errors | accepted | wrong | largest difference: log evidence | similarity "
        "| default accepted | wrong | seconds |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    print(lines[-2], flush=True)
    with ProcessPoolExecutor(available_cores()) as pool:
        for kind in range(len(KINDS)):
            lines.append(row(kind, list(pool.map(two_runs, [(kind, i) for i in range(n)]))))
            print(lines[-1], flush=True)
    if n == DATA_SETS:
        REPORT.write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
