"""How long fit, `compare`, `partition` and `write_report` take of 100,000 rows, 4 features, 3 components.

    python tests/benchmarks/bench_large.py

Prints the seconds and writes reports/benchmark_large.md. One process; a small fit before it takes compiled
code from the disk. `--keep FILE` saves the fit, and a later `--fit FILE` measures the rest of it.
"""

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np

from bayesgmm import BayesGaussianMixture, MixtureParams, compare, load, partition, save, write_report
from bayesgmm.mixture import density

REPORT = Path(__file__).resolve().parents[2] / "reports" / "benchmark_large.md"
N, TARGET = 100_000, 10
MEANS = np.array([[0, 0, 0, 0], [3, 1, 0, 2], [0, 3, 3, 0]], dtype=float)
QUIET = {"progressbar": False}


def rows(n: int, seed: int) -> np.ndarray:
    params = MixtureParams(np.array([0.4, 0.35, 0.25]), MEANS, np.tile(np.eye(4), (3, 1, 1)))
    return density.simulate(params, n, np.random.default_rng(seed))[0]


def timed(seconds: dict[str, float], what: str, work):
    began = time.perf_counter()
    found = work()
    seconds[what] = time.perf_counter() - began
    print(f"{what}: {seconds[what]:.1f} s", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep")
    parser.add_argument("--fit")
    asked = parser.parse_args()
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        small = BayesGaussianMixture(3, random_state=0, **QUIET).fit(rows(1000, 1))
        write_report(small, Path(folder) / "small.html", **QUIET)
        partition(small)
        X = rows(N, asked.seed)
        bayes = (
            load(asked.fit)
            if asked.fit
            else timed(seconds, "fit", lambda: BayesGaussianMixture(3, random_state=0, **QUIET).fit(X))
        )
        if asked.keep:
            save(bayes, asked.keep)
        result = timed(seconds, "compare", lambda: compare(bayes))
        print(result.verdict)
        part = timed(seconds, "partition", lambda: partition(bayes))
        print(part)
        timed(
            seconds,
            "write_report",
            lambda: write_report(bayes, Path(folder) / "large.html", comparison=result, **QUIET),
        )
        timed(seconds, "similarity of rows 0 and 1", lambda: bayes.similarity(0, 1))
    if asked.fit:
        return
    lines = [
        f"# {N:,} rows, 4 features, 3 components",
        "",
        f"Seconds on {platform.machine()} with {os.cpu_count()} cores, Python {platform.python_version()}; "
        f"the target of `compare` is {TARGET} s. Written by `python tests/benchmarks/bench_large.py`, seed "
        f"{asked.seed}.",
        "",
        "| | seconds |",
        "|---|---|",
        *(f"| {what} | {value:.1f} |" for what, value in seconds.items()),
        "",
        str(result.extent.finding),
    ]
    REPORT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
