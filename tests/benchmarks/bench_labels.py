"""How long relabelling, similarities and partitions take; writes reports/benchmark_labels.md.

Run it with nothing else running: python tests/benchmarks/bench_labels.py
"""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

THREADS = len(os.sched_getaffinity(0))
REPORT = Path(__file__).parents[2] / "reports" / "benchmark_labels.md"
REPEATS = 3


def draws_of(n, k, d=4, s=4000, seed=0):
    """Rows of k overlapping clusters, and draws that scatter around their parameters as a posterior's
    would."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=2.5, size=(k, d))
    X = centres[rng.integers(k, size=n)] + rng.normal(size=(n, d))
    error = 1 / np.sqrt(n / k)
    means = centres + error * rng.normal(size=(s, k, d))
    cholesky = np.eye(d) * np.exp(error * rng.normal(size=(s, k, 1, d)))
    names = np.array([rng.permutation(k) for _ in range(s)])
    at = np.arange(s)[:, None]
    log_weights = np.log(rng.dirichlet(np.full(k, n / k), s))
    return np.asfortranarray(X), (log_weights[at, names], means[at, names], cholesky[at, names]), centres


def seconds(function):
    """Median time of a call, after one that compiles."""
    function()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def relabelling_rows():
    from bayesgmm.mixture.density import responsibilities
    from bayesgmm.mixture.params import MixtureParams
    from bayesgmm.posterior import relabel
    from bayesgmm.posterior.labelling import non_permutation_rate
    from bayesgmm.posterior.streamed import StreamedResponsibilities

    X, draws, centres = draws_of(1000, 5)
    streamed = StreamedResponsibilities(X, *draws, THREADS)
    pivot = responsibilities(X, MixtureParams(np.full(5, 0.2), centres, [np.eye(4)] * 5))
    first = relabel.ecr(streamed, pivot)
    parameters = np.concatenate([draws[1], np.log(np.diagonal(draws[2], axis1=2, axis2=3))], axis=2)
    named = np.take_along_axis(parameters, first[..., None], axis=1)
    for name, function in {
        "ECR, EM's pivot": lambda: relabel.ecr(streamed, pivot),
        "iterative ECR": lambda: relabel.iterative_ecr(streamed, first),
        "Stephens": lambda: relabel.stephens(streamed, first),
        "by parameters": lambda: relabel.by_parameters(parameters, first),
        "non-permutation rate": lambda: non_permutation_rate(named),
    }.items():
        yield f"| relabelling 4,000 draws, N=1,000 D=4 K=5: {name} | {seconds(function):.2f} s | 2 s |"


def similarity_row():
    """In a process of its own, for its memory."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import re, time, numpy as np, bench_labels as b\n"
        "from bayesgmm.posterior.similarity import similarity_matrix\n"
        "def memory(what):\n"
        "    return int(re.search(what + r':\\s+(\\d+)', open('/proc/self/status').read()).group(1)) / 1024\n"
        "X, draws, _ = b.draws_of(2000, 4)\n"
        "similarity_matrix(X[:50], *draws)\n"
        "open('/proc/self/clear_refs', 'w').write('5')\n"
        "before = memory('VmRSS'); start = time.perf_counter()\n"
        "similarity_matrix(X, *draws)\n"
        "print(time.perf_counter() - start, memory('VmHWM') - before - 2000 * 2000 * 8 / 2**20)\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    taken, memory = map(float, run.stdout.split())
    return (
        f"| similarity matrix, N=2,000 D=4 K=4, 4,000 draws | {taken:.1f} s, {memory:.0f} MB beyond the "
        "matrix | 10 s, 200 MB |"
    )


def partition_rows():
    from bayesgmm import BayesGaussianMixture, partition

    X, _, _ = draws_of(1000, 4)
    bayes = BayesGaussianMixture(4, random_state=0, progressbar=False).fit(X)
    for loss in ("vi", "binder"):
        taken = seconds(lambda loss=loss: partition(bayes, loss))
        yield f"| partition, N=1,000 D=4 K=4, {loss} | {taken:.1f} s | 10 s |"


def main():
    rows = [*relabelling_rows(), similarity_row(), *partition_rows()]
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.machine())
    text = "\n".join(
        [
            "# Labels, similarities, partitions: how long they take",
            "",
            f"Medians of {REPEATS} runs (one for the similarity matrix) on {model}, {THREADS} cores, Python "
            f"{platform.python_version()}. Written by",
            "`python tests/benchmarks/bench_labels.py`.",
            "",
            "| what | measured | target |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )
    REPORT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
