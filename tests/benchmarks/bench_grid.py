"""Every shipped data set with every number of components, default settings; writes reports/grid.md.

Run it with nothing else running: python tests/benchmarks/bench_grid.py [data set ...]. With data sets given,
only their rows are fitted again.
"""

import os
import platform
import sys
import time
import warnings
from pathlib import Path

REPORT = Path(__file__).parents[2] / "reports" / "grid.md"
GRID = {"faithful": 5, "iris": 5, "penguins": 5, "banknote": 4, "galaxies": 6}
HEADER = """# Default settings on every shipped data set

`BayesGaussianMixture(K, random_state=0)` fitted to each data set with each number of components. Label-free
quantities are the log-likelihood, the sorted weights and their entropy, the log determinant of the total
covariance and log densities at fixed points; their largest R-hat between chains or independent runs should
be below 1.01 and their smallest effective sample size above 400. "good" means both, and otherwise the
verdict refuses. "components" tells whether component-wise summaries are identifiable. Modes are those that
hold 5 % or more of the posterior, where draws go from mode to mode. Log evidence in the units of the data,
with its standard error between runs.

A mode that neither EM's maxima nor the random starts lead to is in none of these figures.

"""
COLUMNS = "| data | K | method | label-free | R-hat | ESS | components | modes | log evidence | seconds |"


def row(name, k):
    from bayesgmm import BayesGaussianMixture, datasets

    X = datasets.load(name).X
    began = time.perf_counter()
    bayes = BayesGaussianMixture(k, random_state=0, progressbar=False).fit(X)
    seconds = time.perf_counter() - began
    v = bayes.verdict_
    evidence = bayes.log_evidence_
    told = "–" if evidence is None else f"{evidence[0]:.2f} ± {evidence[1]:.2f}"
    modes = str(v.n_large_modes) if v.mode_shares else "–"
    return (
        f"| {name} | {k} | {bayes.method_} | {'good' if v.label_free_ok else 'refused'} | "
        f"{v.label_free.r_hat:.3f} "
        f"| {v.label_free.ess:.0f} | {'identifiable' if v.ok else 'no: ' + v.exploration} | {modes} | {told} "
        f"| {seconds:.0f} |"
    )


def main():
    warnings.simplefilter("ignore")
    names = sys.argv[1:] or list(GRID)
    rows = {}
    if REPORT.exists():
        for line in REPORT.read_text().splitlines():
            cells = [c.strip() for c in line.split("|")]
            if len(cells) > 3 and cells[1] in GRID:
                rows[cells[1], int(cells[2])] = line
    from bayesgmm import BayesGaussianMixture, datasets

    # Compiles what is not in the cache.
    BayesGaussianMixture(2, method="smc", draws=100, chains=2, progressbar=False).fit(datasets.galaxies().X)
    for name in names:
        for k in range(1, GRID[name] + 1):
            rows[name, k] = row(name, k)
            print(rows[name, k], flush=True)
            lines = [rows[n, j] for n in GRID for j in range(1, GRID[n] + 1) if (n, j) in rows]
            cores = len(os.sched_getaffinity(0))
            machine = f"{cores} cores of {platform.machine()}, Python {platform.python_version()}"
            table = "\n".join([COLUMNS, "|---" * 10 + "|", *lines])
            good = sum("| good |" in line for line in lines)
            REPORT.write_text(f"{HEADER}{good} of {len(lines)} cells are good. {machine}.\n\n{table}\n")


if __name__ == "__main__":
    main()
