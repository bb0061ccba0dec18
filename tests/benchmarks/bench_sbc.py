"""Simulation-based calibration of the whole chain; planted faults; writes reports/sbc.md.

Run it: python tests/benchmarks/bench_sbc.py --simulations 1000 (--faults plants faults; --method nuts, smc
or auto).

Talts, Betancourt, Simpson, Vehtari and Gelman (2018), Validating Bayesian inference algorithms with
simulation-based calibration; quantities that use the data: Modrak et al. (2023).
"""

import argparse
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from sbc.chain import AMONG, OF_DRAWS, OF_FITS, simulation

from bayesgmm.calibration.ranks import LEVEL, smallest_p, smallest_p_if_uniform
from bayesgmm.support.arguments import available_cores

REPORT = Path(__file__).parents[2] / "reports" / "sbc.md"
# K, D, N and family.
SETTINGS = ((2, 2, 50, "full"), (3, 1, 50, "full"), (2, 2, 50, "diag"))


def ran(jobs):
    with ProcessPoolExecutor(available_cores()) as pool:
        return list(pool.map(simulation, jobs, chunksize=4))


def row(label, found, rng, fault=""):
    """A line of the table: the smallest probability of each quantity against the critical one."""
    ranks = {name: np.array([ranks[fault][name] for ranks, *_ in found]) for name in found[0][0][fault]}
    bound = np.quantile(smallest_p_if_uniform(len(found), AMONG + 1, rng), 1 - LEVEL)
    cells = []
    for values in ranks.values():
        p = smallest_p(values, AMONG + 1)
        cells.append(f"{p / bound:.2g}" + (" **outside**" if p < bound else ""))
    n_free, n_ok = (sum(f[i] for f in found) for i in (1, 2))
    methods = ", ".join(f"{m} {sum(f[3] == m for f in found)}" for m in sorted({f[3] for f in found}))
    return "| " + " | ".join([label, str(len(found)), f"{n_free}, {n_ok}", methods, *cells]) + " |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--method", default="auto")
    parser.add_argument("--faults", action="store_true")
    options = parser.parse_args()
    n, rng = options.simulations, np.random.default_rng(0)
    began = time.perf_counter()
    head = ["setting", "simulations", "accepted: draws, components", "method"]
    lines, of_draws = [], []
    for setting in SETTINGS:
        found = ran([(i, options.method, *setting, "") for i in range(n)])
        k, d, n_rows, family = setting
        label = f"K={k}, D={d}, N={n_rows}, {family}"
        lines.append(row(label, found, rng))
        print(lines[-1], flush=True)
        accepted = [f for f in found if f[1]]
        if len(accepted) < len(found):
            lines.append(row(f"{label}, accepted only", accepted, rng))
        names = list(found[0][0][""])
        if setting == SETTINGS[0]:
            of_draws = [row(f"fault: {fault}", found, rng, fault) for fault in OF_DRAWS]
    for fault in OF_FITS if options.faults else ():
        found = ran([(i, "nuts", *SETTINGS[0], fault) for i in range(n)])
        lines.append(row(f"fault: {fault}", found, rng, fault))
        print(lines[-1], flush=True)
    lines += of_draws
    minutes = (time.perf_counter() - began) / 60
    text = [
        "# Simulation-based calibration",
        "",
        "Parameters from a prior and rows given them, by a simulator in plain NumPy; a fit; the rank of each "
        f"true quantity among {AMONG} draws. Right draws have uniform ranks. The number is the smallest "
        "probability of their distribution function at any place, over what it is below in 1 of 100 cases of "
        "uniform ranks: below 1 the ranks are outside the band of 99 %. Faults are planted into the first "
        "setting.",
        "",
        f"Written by `python tests/benchmarks/bench_sbc.py --simulations {n} --faults` in {minutes:.0f} min "
        f"on {os.cpu_count()} cores ({platform.machine()}).",
        "",
        "| " + " | ".join([*head, *names]) + " |",
        "|---" * (len(head) + len(names)) + "|",
        *lines,
        "",
    ]
    if options.faults and n >= 200:
        REPORT.write_text("\n".join(text))


if __name__ == "__main__":
    main()
