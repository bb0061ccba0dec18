"""Choosing family and number of components by BIC: mclust's `Mclust(X)` against `select_components`.

    python tests/benchmarks/bench_mclust.py

Nine numbers of components and all families on both sides, one thread each; writes
reports/benchmark_mclust.md. Needs R and mclust 6 (Debian: r-base-core, r-cran-mclust), and says so and ends
where they are missing. The time of R's start is not counted on its side, nor that of the imports on ours;
each side has a call before that is not counted.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_wine
from threadpoolctl import threadpool_limits

from bayesgmm import datasets, select_components
from bayesgmm.mixture.families import distinct_families, family_of
from bayesgmm.selection import EMSelection
from bayesgmm.selection.em_selection import FAILED, SPURIOUS

REPORT = Path(__file__).parents[2] / "reports" / "benchmark_mclust.md"
SCRIPT = Path(__file__).parent / "mclust.R"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
KS = range(1, 10)
# Of BIC, as mclust counts it: what counts as the same.
SAME = 0.01
# Data sets of mclust itself, without the column that has the groups.
OF_MCLUST = ("thyroid", "diabetes")
# With one column.
OF_ONE_COLUMN = {"EII": "E", "VII": "V"}


@dataclass
class Theirs:
    """What mclust has come to: BIC as it counts it, 2 log L - p log n, also of each cell."""

    family: str
    k: int
    log_likelihood: float
    bic: float
    seconds: list[float]
    cells: dict[tuple[str, int], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--wide", action="store_true", help="also wdbc, 30 columns, on which mclust takes long"
    )
    parser.add_argument("names", nargs="*", help="data sets, by default all")
    options = parser.parse_args()
    if not has_mclust():
        print("R with mclust is not installed (Debian: r-base-core, r-cran-mclust); nothing was measured.")
        sys.exit()
    warnings.simplefilter("ignore")
    lines, cells, versions = [], [], ""
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        for name, X in data(options.wide).items():
            if options.names and name not in options.names:
                continue
            versions, theirs = mclust(name, X, options.rounds, Path(folder))
            seconds, ours = own(X, options.rounds)
            lines.append(line(name, X, theirs, ours, seconds))
            cells.append(line_of_cells(name, X, theirs, ours))
            print(lines[-1], cells[-1], sep="\n", flush=True)
    if not options.names:
        REPORT.write_text("\n".join(report(lines, cells, versions, options.rounds)) + "\n")


def has_mclust() -> bool:
    if shutil.which("Rscript") is None:
        return False
    found = subprocess.run(["Rscript", "-e", "library(mclust)"], capture_output=True, check=False)
    return found.returncode == 0


def data(wide: bool) -> dict[str, np.ndarray]:
    """The shipped data sets, two of mclust's own, and two of scikit-learn's."""
    found = {name: datasets.load(name).X for name in datasets.names()}
    for name in OF_MCLUST:
        code = f"suppressMessages(library(mclust)); data({name}); write.csv({name}[, -1], row.names = FALSE)"
        text = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True).stdout
        found[name] = pd.read_csv(StringIO(text)).to_numpy(float)
    found["wine"] = load_wine().data
    if wide:
        found["wdbc"] = load_breast_cancer().data
    return found


def mclust(name: str, X: np.ndarray, rounds: int, folder: Path) -> tuple[str, Theirs]:
    path = folder / f"{name}.csv"
    pd.DataFrame(X).to_csv(path, index=False)
    command = ["Rscript", str(SCRIPT), str(rounds), str(path)]
    environment = os.environ | ONE_THREAD
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    rows = [row.split("\t") for row in done.stdout.splitlines()]
    version = next(f"mclust {row[1]}, R {row[2]}" for row in rows if row[0] == "version")
    best = next(row for row in rows if row[0] == "best")
    cells = {(row[2], int(row[3])): float(row[4]) for row in rows if row[0] == "cell" and row[4] != "NA"}
    seconds = [float(text) for text in best[6].split(",")]
    return version, Theirs(best[2], int(best[3]), float(best[4]), float(best[5]), seconds, cells)


def own(X: np.ndarray, rounds: int) -> tuple[list[float], list[EMSelection]]:
    settings = {"families": "all", "criteria": "em", "cores": 1}
    select_components(X, [1, 2], random_state=0, **settings)
    seconds, found = [], []
    for seed in range(rounds):
        began = time.perf_counter()
        found.append(select_components(X, KS, random_state=seed, **settings))
        seconds.append(time.perf_counter() - began)
    return seconds, found


def called(name: str, d: int) -> str:
    """A family by mclust's name."""
    mclust = family_of(name).mclust
    return OF_ONE_COLUMN.get(mclust, mclust) if d == 1 else mclust


def line(name: str, X: np.ndarray, theirs: Theirs, ours: list[EMSelection], seconds: list[float]) -> str:
    """A row of the first table; of our seeds the one with the worst BIC."""
    n, d = X.shape
    worst = max(ours, key=lambda choice: choice.best_model_.bic(X))
    em = worst.best_model_
    bic = -em.bic(X)
    peer, own_time = statistics.median(theirs.seconds), statistics.median(seconds)
    verdict = "yes" if bic >= theirs.bic - SAME else "NO"
    return (
        f"| {name} | {n} | {d} | {theirs.family}, {theirs.k} | {theirs.log_likelihood:.3f} | "
        f"{theirs.bic:.3f} | {called(em.covariance_type, d)}, {em.n_components} | {em.log_likelihood_:.3f} | "
        f"{bic:.3f} | {bic - theirs.bic:+.3f} | {verdict} | {peer:.2f} | {own_time:.2f} | "
        f"{own_time / peer:.2f} |"
    )


def line_of_cells(name: str, X: np.ndarray, theirs: Theirs, ours: list[EMSelection]) -> str:
    """A row of the second table, of the first seed."""
    d = X.shape[1]
    table = ours[0].table
    own_bic = {
        (called(family, d), k): -row["bic"]
        for (family, k), row in table.iterrows()
        if row["verdict"] != FAILED
    }
    both = sorted(own_bic.keys() & theirs.cells.keys())
    gaps = np.array([own_bic[at] - theirs.cells[at] for at in both])
    spurious = int((table["verdict"] == SPURIOUS).sum())
    fitted = len({called(family, d) for family, _ in table.index}) * len(KS)
    return (
        f"| {name} | {len(both)} | {(gaps > SAME).sum()} | {(np.abs(gaps) <= SAME).sum()} | "
        f"{(gaps < -SAME).sum()} | {np.median(gaps):+.2f} | {gaps.min():+.2f} | {gaps.max():+.2f} | "
        f"{fitted - len(own_bic)} | {spurious} |"
    )


def report(lines: list[str], cells: list[str], versions: str, rounds: int) -> list[str]:
    families = ", ".join(family.mclust for family in distinct_families(2))
    return [
        "# Choosing by BIC: mclust and bayesgmm",
        "",
        f"`Mclust(X)` with G = 1:9 and all families of {versions} ({families}), against "
        '`select_components(X, range(1, 10), families="all", criteria="em")`. '
        f"Medians of {rounds} calls after one that is not counted, one thread on both sides, "
        f"{platform.machine()} with {os.cpu_count()} cores, Python {platform.python_version()}. R's start "
        "and our imports are not counted. Written by `python tests/benchmarks/bench_mclust.py`.",
        "",
        "BIC is counted as mclust does here, 2 log L - p log n, larger is better; ours, `bic`, is the same "
        "with the other sign. Of our seeds the worst is shown. The targets: BIC no lower than mclust's by "
        f"more than {SAME}, time at most its own (ratio at most 1).",
        "",
        "| data | N | D | mclust's choice | log L | BIC | ours | log L | BIC | difference | "
        "at least as good | mclust, s | bayesgmm, s | ratio |",
        "|---" * 14 + "|",
        *lines,
        "",
        "All cells, a family with a number of components: in how many of those that both have fitted our BIC "
        "is above, the same, and below, by how much in the middle and at the ends; cells that are empty "
        "here, and those that are marked as spurious and have no say. Far from the best neither side "
        "searches long.",
        "",
        "| data | cells | above | same | below | median | lowest | highest | empty | spurious |",
        "|---" * 10 + "|",
        *cells,
    ]


if __name__ == "__main__":
    main()
