"""How long `write_report` takes after the fit, and how large the page is: 1,000 rows, 4 features, 3
components.

    python tests/benchmarks/bench_report.py

Writes reports/benchmark_report.md. Each round is a process of its own, that fits and then writes the page
twice; compiled code is on the disk.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bayesgmm import BayesGaussianMixture, MixtureParams, write_report
from bayesgmm.mixture import density

REPORT = Path(__file__).resolve().parents[2] / "reports" / "benchmark_report.md"
TARGET, LARGEST, ROUNDS = 15, 8, 5
MEANS = np.array([[0, 0, 0, 0], [3, 1, 0, 2], [0, 3, 3, 0]], dtype=float)


def one_round() -> dict[str, float]:
    """Seconds of the first and the second page, their size in bytes, and whether names hold, so that nothing
    is left out."""
    params = MixtureParams(np.array([0.4, 0.35, 0.25]), MEANS, np.tile(np.eye(4), (3, 1, 1)))
    X, _ = density.simulate(params, 1000, np.random.default_rng(0))
    bayes = BayesGaussianMixture(3, random_state=0, progressbar=False).fit(X)
    found = {"ok": float(bayes.verdict_.ok)}
    with tempfile.TemporaryDirectory() as folder:
        for which in ("first", "second"):
            began = time.perf_counter()
            page = write_report(bayes, Path(folder) / "page.html", progressbar=False)
            found[which] = time.perf_counter() - began
        found["bytes"] = page.stat().st_size
    return found


def main() -> None:
    rounds = []
    # The first reads code from the disk, or compiles it, and is not counted.
    for i in range(ROUNDS + 1):
        done = subprocess.run([sys.executable, __file__, "round"], capture_output=True, text=True, check=True)
        rounds.append(json.loads(done.stdout))
        print(f"round {i}: {rounds[-1]}", flush=True)
    rounds = rounds[1:]
    assert all(r["ok"] for r in rounds)
    lines = [
        "# `write_report` after a fit of 1,000 rows, 4 features, 3 components",
        "",
        f"Median of {ROUNDS} processes on {platform.machine()} with {os.cpu_count()} cores, Python "
        f"{platform.python_version()}; the "
        f"targets are {TARGET} s and {LARGEST} MB. Written by `python tests/benchmarks/bench_report.py`.",
        "",
        "| | median | from | to |",
        "|---|---|---|---|",
    ]
    for which, what in (("first", "first page of a process, seconds"), ("second", "second page, seconds")):
        lines.append(_line(what, [r[which] for r in rounds], 1))
    lines.append(_line("size of the page, MB", [r["bytes"] / 1e6 for r in rounds], 2))
    REPORT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def _line(what: str, values: list[float], digits: int) -> str:
    numbers = (statistics.median(values), min(values), max(values))
    return f"| {what} | " + " | ".join(f"{v:.{digits}f}" for v in numbers) + " |"


if __name__ == "__main__":
    if sys.argv[1:] == ["round"]:
        print(json.dumps(one_round()))
    else:
        main()
