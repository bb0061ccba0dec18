"""What a pass over rows with missing cells costs, against one over the same rows when they are complete.

Run it: python tests/benchmarks/bench_missing.py. One thread on both sides; a fifth of the cells is missing at
random, and rows that lack the same cells follow each other.
"""

import os
import platform
import time
from functools import partial

import numpy as np

from bayesgmm.mixture.kernels import accumulate

SHARE = 0.2
TIMES = 31
# N, D, K.
SIZES = ((150, 4, 3), (1000, 2, 3), (10_000, 10, 5), (1000, 10, 5))


def seconds(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def main():
    print(f"{os.cpu_count()} cores ({platform.machine()}), median of {TIMES}")
    for n, d, k in SIZES:
        rng = np.random.default_rng(n)
        half = rng.normal(size=(k, d, d + 3))
        mixture = (
            np.log(np.full(k, 1 / k)),
            rng.normal(size=(k, d)),
            np.linalg.cholesky(half @ half.swapaxes(1, 2)),
        )
        X = np.asfortranarray(rng.normal(scale=2, size=(n, d)))
        holes = np.where(rng.random((n, d)) < SHARE, np.nan, X)
        holes = np.asfortranarray(holes[np.lexsort(np.isnan(holes).T)])
        patterns = len(np.unique(np.isnan(holes), axis=0))
        passes = [partial(accumulate, rows, np.empty(0), *mixture) for rows in (X, holes)]
        for one in passes:
            one()
        complete, missing = np.median([[seconds(one) for one in passes] for _ in range(TIMES)], axis=0)
        print(
            f"N={n} D={d} K={k}, {patterns} patterns: {1e6 * complete:.0f} us complete, "
            f"{missing / complete:.2f} times that with missing cells"
        )


if __name__ == "__main__":
    main()
