"""How long `select_components` takes: iris, one to six components, full posteriors by tempering and all
likelihood-ratio tests.

    python tests/benchmarks/bench_selection.py

Writes reports/benchmark_selection.md. The first round, which reads compiled code from the disk, is not
counted.
"""

import os
import platform
import statistics
import time
from pathlib import Path

from bayesgmm import datasets, select_components
from bayesgmm.selection.result import Selection

REPORT = Path(__file__).resolve().parents[2] / "reports" / "benchmark_selection.md"
TARGET, ROUNDS = 60, 5


def seconds(n_bootstrap: int) -> tuple[float, Selection]:
    began = time.perf_counter()
    found = select_components(
        datasets.iris().X, range(1, 7), n_bootstrap=n_bootstrap, random_state=0, cores=2, progressbar=False
    )
    return time.perf_counter() - began, found


def main() -> None:
    seconds(0)
    rounds = []
    for i in range(ROUNDS):
        whole, found = seconds(49)
        rounds.append((whole, seconds(0)[0]))
        print(
            f"round {i + 1}: {whole:.1f} s, without likelihood-ratio tests {rounds[-1][1]:.1f} s", flush=True
        )
    whole, fits = (statistics.median(r) for r in zip(*rounds, strict=True))
    table = found.table[["bic", "lr_p_value", "elpd_loo", "log_evidence", "log_evidence_se"]].round(2)
    lines = [
        "# `select_components` on iris, one to six components",
        "",
        f"Median of {ROUNDS} rounds on two threads of {platform.machine()} with {os.cpu_count()} cores, "
        "Python "
        f"{platform.python_version()}; the target is {TARGET} s. Written by `python "
        "tests/benchmarks/bench_selection.py`.",
        "",
        "| | seconds | from | to |",
        "|---|---|---|---|",
        _line("all criteria", whole, [r[0] for r in rounds]),
        _line("of these, all but the likelihood-ratio tests", fits, [r[1] for r in rounds]),
        "",
        found.verdict,
        "",
        "| components | " + " | ".join(table.columns) + " | verdict |",
        "|---" * (len(table.columns) + 2) + "|",
    ]
    for k, row in table.iterrows():
        cells = ["" if v != v else f"{v:.2f}" for v in row]
        lines.append(f"| {k} | {' | '.join(cells)} | {found.table.loc[k, 'verdict']} |")
    REPORT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def _line(what: str, middle: float, values: list[float]) -> str:
    return f"| {what} | {middle:.1f} | {min(values):.1f} | {max(values):.1f} |"


if __name__ == "__main__":
    main()
