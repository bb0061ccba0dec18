"""The default fit against scikit-learn's default fit, in one run; writes reports/benchmark_fit.md.

Run it with nothing else running: python tests/benchmarks/bench_fit.py
"""

import argparse
import os
import platform
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.mixture import GaussianMixture

from bayesgmm import EMGaussianMixture

REPORT = Path(__file__).parents[2] / "reports" / "benchmark_fit.md"
# N, D, K, standard deviation of the centres in those of the clusters, and the target as a share of
# scikit-learn's time.
CASES = [
    (2_000, 60, 4, 8.0, 1.0),
    (20_000, 30, 5, 8.0, 0.7),
    (200_000, 4, 4, 8.0, 0.4),
    (1_000_000, 4, 4, 8.0, 0.4),
    (100_000, 5, 6, 2.0, 1.0),
]


def rows(n, d, k, distance, seed):
    """Rows of K spherical clusters, whose centres are normal."""
    rng = np.random.default_rng(seed)
    centres = distance * rng.normal(size=(k, d)) / np.sqrt(d)
    return centres[rng.integers(k, size=n)] + rng.normal(size=(n, d))


def seconds(work):
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def measured(case, seeds):
    """Median times of both, and the smallest difference of the log-likelihoods, relative to their size."""
    n, d, k, distance, _ = case
    theirs, ours, gains = [], [], []
    for seed in range(seeds):
        X = rows(n, d, k, distance, seed)
        peer_time, peer = seconds(lambda X=X, s=seed: GaussianMixture(k, random_state=s).fit(X))
        own_time, own = seconds(lambda X=X, s=seed: EMGaussianMixture(k, random_state=s).fit(X))
        theirs.append(peer_time)
        ours.append(own_time)
        gains.append((own.log_likelihood_ - n * peer.score(X)) / abs(own.log_likelihood_))
    return np.median(theirs), np.median(ours), min(gains)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore")
    lines = [
        "# The default fit against scikit-learn's",
        "",
        f"Medians of {seeds} data sets on {platform.machine()} with {os.cpu_count()} cores, Python "
        f"{platform.python_version()}. The last column is the smallest difference of the log-likelihoods, "
        "ours less theirs, relative to their size. Written by `python tests/benchmarks/bench_fit.py`.",
        "",
        "| N | D | K | spread of centres | scikit-learn, s | bayesgmm, s | ratio | target | log-likelihood |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        # Compiled code and threads are there before.
        EMGaussianMixture(case[2], random_state=0).fit(rows(400, *case[1:4], 99))
        peer, own, gain = measured(case, seeds)
        n, d, k, distance, target = case
        lines.append(
            f"| {n:,} | {d} | {k} | {distance:g} | {peer:.2f} | {own:.2f} | {own / peer:.2f} | {target:g} | "
            f"{gain:+.1e} |"
        )
        print(lines[-1], flush=True)
    REPORT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
