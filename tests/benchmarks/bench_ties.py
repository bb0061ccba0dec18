"""Ties, zeros, rounded columns, rows on lines; modes that are easily missed: do two runs agree, or does the
verdict refuse?

Writes reports/ties.md and reports/modes.md. Run it: python tests/benchmarks/bench_ties.py (two hours on two
cores; --data-sets 3 for a part, on the screen only; --group ties or modes for one of them).
"""

import argparse
import os
import platform
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from kinds import GROUPS

from bayesgmm import BayesGaussianMixture
from bayesgmm.errors import BayesGMMError
from bayesgmm.support.arguments import available_cores

REPORTS = Path(__file__).parents[2] / "reports"
DATA_SETS = 10
# Between two runs with other seeds.
EVIDENCE, SIMILARITY = 0.5, 0.1


def two_runs(job):
    """Of one data set: whether the default fit ends, and how two tempered ones differ."""
    warnings.simplefilter("ignore")
    group, kind, index = job
    X, k = GROUPS[group][kind](np.random.default_rng([kind, index]))
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
    name = kind.__name__.replace("_", " ")
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


TITLES = {"ties": "Ties, zeros, grids and lines", "modes": "Modes that are easily missed"}


def page(group, n):
    """A table of one group, as lines; each row is printed when it is known."""
    lines = [
        f"# {TITLES[group]}",
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
        for at, kind in enumerate(GROUPS[group]):
            lines.append(row(kind, list(pool.map(two_runs, [(group, at, i) for i in range(n)]))))
            print(lines[-1], flush=True)
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-sets", type=int, default=DATA_SETS)
    parser.add_argument("--group", choices=list(GROUPS), action="append")
    options = parser.parse_args()
    for group in options.group or GROUPS:
        lines = page(group, options.data_sets)
        if options.data_sets == DATA_SETS:
            (REPORTS / f"{group}.md").write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
