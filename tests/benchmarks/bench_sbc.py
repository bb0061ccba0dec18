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
from bayesgmm.errors import BayesGMMError
from bayesgmm.support.arguments import available_cores

REPORT = Path(__file__).parents[2] / "reports" / "sbc.md"
# K, D, N, family, and the share of cells that are missing.
SETTINGS = (
    (2, 2, 50, "full", 0.0),
    (2, 2, 50, "full", 0.2),
    (3, 1, 50, "full", 0.0),
    (3, 2, 50, "full", 0.0),
    *((2, 2, 50, family, 0.0) for family in ("tied", "diag", "spherical", "tied_diag", "tied_spherical")),
)


HEAD = ["setting", "simulations", "errors", "accepted: draws, components", "method", "minutes"]


def ran(jobs):
    """What each simulation found, without those that ended in an error; how many did; and minutes."""
    began = time.perf_counter()
    with ProcessPoolExecutor(available_cores()) as pool:
        found = list(pool.map(attempted, jobs, chunksize=4))
    ended = [f for f in found if not isinstance(f, str)]
    for error in sorted({f for f in found if isinstance(f, str)}):
        print(f"  {error[:300]}", flush=True)
    return ended, len(jobs) - len(ended), (time.perf_counter() - began) / 60


def attempted(job):
    """A simulation, or the text of its error."""
    try:
        return simulation(job)
    except (BayesGMMError, ArithmeticError) as error:
        return f"{type(error).__name__}: {error}"


def row(label, found, errors, minutes, rng, fault=""):
    """A line of the table: the smallest probability of each quantity against the critical one."""
    ranks = {name: np.array([ranks[fault][name] for ranks, *_ in found]) for name in found[0][0][fault]}
    bound = np.quantile(smallest_p_if_uniform(len(found), AMONG + 1, rng), 1 - LEVEL)
    cells = []
    for values in ranks.values():
        p = smallest_p(values, AMONG + 1)
        cells.append(f"{p / bound:.2g}" + (" **outside**" if p < bound else ""))
    n_free, n_ok = (sum(f[i] for f in found) for i in (1, 2))
    methods = ", ".join(f"{m} {sum(f[3] == m for f in found)}" for m in sorted({f[3] for f in found}))
    counts = [label, str(len(found)), errors, f"{n_free}, {n_ok}", methods, minutes]
    return "| " + " | ".join([*counts, *cells]) + " |"


def rows_of_setting(setting, n, method, rng):
    """Lines of one setting, those of faults of its draws, and names of what is ranked."""
    found, errors, minutes = ran([(i, method, *setting, "") for i in range(n)])
    k, d, n_rows, family, missing = setting
    label = f"K={k}, D={d}, N={n_rows}, {family}" + (f", {missing:.0%} of cells missing" if missing else "")
    lines = [row(label, found, str(errors), f"{minutes:.1f}", rng)]
    accepted = [f for f in found if f[1]]
    if len(accepted) < len(found):
        lines.append(row(f"{label}, accepted only", accepted, "", "", rng))
    of_draws = [row(f"fault: {fault}", found, "", "", rng, fault) for fault in OF_DRAWS]
    return lines, of_draws, list(found[0][0][""])


def page(lines, names, command):
    head = [*HEAD, *names]
    return [
        "# Simulation-based calibration",
        "",
        "Parameters from a prior and rows given them, by a simulator in plain NumPy; a fit; the rank of each "
        f"true quantity among {AMONG} draws. Right draws have uniform ranks. The number is the smallest "
        "probability of their distribution function at any place, over what it is below in 1 of 100 cases of "
        "uniform ranks: below 1 the ranks are outside the band of 99 %. Faults are planted into the first "
        "setting.",
        "",
        f"Written by `{command}` on {os.cpu_count()} cores ({platform.machine()}).",
        "",
        "| " + " | ".join(head) + " |",
        "|---" * len(head) + "|",
        *lines,
        "",
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--others", type=int, help="simulations of settings after the first; as many")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--faults", action="store_true")
    options = parser.parse_args()
    n, rng = options.simulations, np.random.default_rng(0)
    others = options.others or n
    command = f"python tests/benchmarks/bench_sbc.py --simulations {n} --others {others} --faults"
    lines, of_draws, names = [], [], []

    def written(new):
        lines.extend(new)
        print("\n".join(new), flush=True)
        if options.faults and n >= 200:
            REPORT.write_text("\n".join(page(lines, names, command)))

    for setting in SETTINGS:
        first = setting == SETTINGS[0]
        new, faults, names = rows_of_setting(setting, n if first else others, options.method, rng)
        of_draws = of_draws or faults
        written(new)
        for fault in OF_FITS if first and options.faults else ():
            found, errors, minutes = ran([(i, "nuts", *setting, fault) for i in range(n)])
            written([row(f"fault: {fault}", found, str(errors), f"{minutes:.1f}", rng, fault)])
    written(of_draws)


if __name__ == "__main__":
    main()
