"""Does the verdict depend on what it should not: the order of rows and columns, units, the seed?

Writes reports/flips.md. Run it: python tests/benchmarks/bench_flips.py (some minutes on two cores).
"""

import argparse
import os
import platform
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from kinds import banana, five_groups, outliers

from bayesgmm import BayesGaussianMixture, datasets
from bayesgmm.support.arguments import available_cores

REPORT = Path(__file__).parents[2] / "reports" / "flips.md"
SHIPPED = (("galaxies", 3), ("faithful", 2), ("iris", 3), ("penguins", 3), ("faithful", 3), ("banknote", 2))
SIMULATED = (outliers, banana, five_groups)
CHANGES = ("", "rows shuffled", "rows reversed", "columns reversed", "units", "seed 1", "seed 2")


def cases():
    """Name, rows and number of components."""
    for name, k in SHIPPED:
        yield f"{name}, K={k}", datasets.load(name).X, k
    for kind in SIMULATED:
        X, k = kind(np.random.default_rng(42))
        yield f"{kind.__name__.replace('_', ' ')}, K={k}", X, k


def changed(X, change):
    """The rows, in another order or another unit."""
    if change == "rows shuffled":
        return np.random.default_rng(0).permutation(X)
    if change == "rows reversed":
        return X[::-1].copy()
    if change == "columns reversed":
        return X[:, ::-1].copy()
    if change == "units":
        return X * np.geomspace(1e-3, 1e4, X.shape[1]) + 7.0
    return X


def verdict(job):
    """What is accepted: draws, and components."""
    warnings.simplefilter("ignore")
    X, k, change = job
    seed = int(change[-1]) if change.startswith("seed") else 0
    fit = BayesGaussianMixture(k, random_state=seed, cores=1, progressbar=False).fit(changed(X, change))
    found = fit.verdict_
    return found.label_free_ok, found.ok, fit.method_, [reason.code for reason in found.reasons]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--shipped", action="store_true", help="the first three data sets only, nothing written"
    )
    options = parser.parse_args()
    began = time.perf_counter()
    known = list(cases())[:3] if options.shipped else list(cases())
    jobs = [(X, k, change) for _, X, k in known for change in CHANGES]
    with ProcessPoolExecutor(available_cores()) as pool:
        found = list(pool.map(verdict, jobs))
    lines, flips, total = [], 0, 0
    for at, (name, *_) in enumerate(known):
        own = found[at * len(CHANGES) : (at + 1) * len(CHANGES)]
        answers = [one[:2] for one in own]
        usual = max(set(answers), key=answers.count)
        flipped = [
            f"{change or 'as it is'} ({', '.join(one[3]) or 'accepted'})"
            for change, one in zip(CHANGES, own, strict=True)
            if one[:2] != usual
        ]
        flips, total = flips + len(flipped), total + len(own)
        says = "components" if usual[1] else "draws" if usual[0] else "nothing"
        used = " ".join(sorted({one[2] for one in own}))
        lines.append(f"| {name} | {used} | {says} | {len(flipped)} | {'; '.join(flipped)} |")
    text = [
        "# Whether the verdict depends on what it should not",
        "",
        f"Default settings; the same data with {', '.join(CHANGES[1:])}. A flip is another answer than "
        "most fits of the same data have to whether draws, and components, are accepted.",
        f"{flips} flips of {total} fits. Written by `python tests/benchmarks/bench_flips.py` in "
        f"{(time.perf_counter() - began) / 60:.0f} min on {os.cpu_count()} cores ({platform.machine()}).",
        "",
        "| data | method | accepted | flips | of which |",
        "|---|---|---|---|---|",
        *lines,
        "",
    ]
    print("\n".join(text))
    if not options.shipped:
        REPORT.write_text("\n".join(text))


if __name__ == "__main__":
    main()
