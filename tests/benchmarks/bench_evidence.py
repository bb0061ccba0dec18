"""Log evidences against exact ones: one component in two columns, from independent to next to collinear.

Run it: python tests/benchmarks/bench_evidence.py (a minute). It prints, for each noise of the second column
beside twice the first, the errors of six data sets in units of their stated standard errors.
"""

import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))
from exact_evidence import exact_evidence

from bayesgmm import BayesGaussianMixture, Prior

NOISES = (1.0, 0.1, 0.04, 0.02, 1e-2, 1e-3, 1e-4, 1e-6)
PRIOR = Prior(mean_loc=0.0, mean_scale=5.0, std_prior=("gamma", 2.0, 1.0))


def error_of(noise, seed):
    """Estimate less truth over the standard error, and whether the verdict accepts the fit."""
    rng = np.random.default_rng(seed + 10)
    n = int(rng.integers(15, 80))
    x = rng.normal(size=n)
    X = np.column_stack([x, 2 * x + noise * rng.normal(size=n)])
    fit = BayesGaussianMixture(1, method="smc", prior=PRIOR, random_state=seed, progressbar=False).fit(X)
    estimate, error = fit.log_evidence_
    return (estimate - exact_evidence(X, PRIOR)) / error, fit.verdict_.ok


def main():
    warnings.simplefilter("ignore")
    every = []
    for noise in NOISES:
        found = [error_of(noise, seed) for seed in range(6)]
        every += [abs(error) for error, _ in found]
        accepted = sum(ok for _, ok in found)
        print(f"noise {noise:g}: {', '.join(f'{e:.1f}' for e, _ in found)}; {accepted} of 6 accepted")
    inside = np.mean(np.array(every) < 2)
    print(f"{len(every)} cases: {100 * inside:.0f} % below 2, the largest {max(every):.1f}")


if __name__ == "__main__":
    main()
