"""Whether one component more raises the likelihood by more than chance would: the bootstrap likelihood-ratio
test."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.problem import Problem, standardised_problem, state_of
from bayesgmm.em.run import Status, run_em
from bayesgmm.em.search import Plan, search
from bayesgmm.em.starts import MIXED
from bayesgmm.mixture import density
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.rows import Rows
from bayesgmm.support.threads import shared, threads_for_runs

__all__ = ["LikelihoodRatioTest", "likelihood_ratio_test"]

Array = NDArray[np.float64]

STEPS, TOLERANCE = 2000, 1e-8
# So many replications as large as the data's statistic settle that it is no exception.
ENOUGH_ABOVE = 5
# Simulated together; a fixed number, so that the result does not depend on the threads.
AT_ONCE = 10


@dataclass(frozen=True)
class LikelihoodRatioTest:
    """Twice the gain in log-likelihood by one component more, and how often chance gains as much.

    Attributes
    ----------
    statistic : float
    p_value : float
        Of the hypothesis that K - 1 components are enough.
    n_replications : int
        Data sets that were simulated; fewer than asked for where the first settled it.
    """

    statistic: float
    p_value: float
    n_replications: int


def likelihood_ratio_test(
    X: Array,
    smaller: MixtureParams,
    larger: MixtureParams,
    covariance_type: str,
    *,
    n_replications: int,
    seed: np.random.SeedSequence,
    reg_covar: float = 0.0,
    n_threads: int = 1,
    progress: Callable[[int], None] = lambda done: None,
) -> LikelihoodRatioTest:
    """Against data sets simulated from the smaller mixture, both mixtures fitted to each.

    McLachlan (1987), On bootstrapping the likelihood ratio test statistic for the number of components in a
    normal mixture; it stops early in the way of Besag and Clifford (1991), Sequential Monte Carlo p-values,
    which leaves the p-value valid.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Where it lacks cells, NaN, simulated rows lack them, too.
    smaller, larger : MixtureParams
        Maximum-likelihood estimates with K - 1 and K components.
    covariance_type : str
    n_replications : int
        The smallest p-value is 1 / (n_replications + 1).
    seed : numpy.random.SeedSequence
    reg_covar : float
        As for the estimates.
    n_threads : int
    progress : callable
        Called with the number of replications done.

    Returns
    -------
    LikelihoodRatioTest
        The p-value is NaN where no replication could be fitted.
    """
    low, high = (density.log_likelihood_per_obs(X, p).sum() for p in (smaller, larger))
    statistic = max(0.0, 2.0 * float(high - low))
    missing = np.isnan(X)

    def replicate(own: np.random.SeedSequence) -> float | None:
        rng = np.random.default_rng(own)
        drawn, _ = density.simulate(smaller, len(X), rng)
        rows = Rows.unchecked(np.where(missing, np.nan, drawn)).by_pattern
        problem, units = standardised_problem(rows, covariance_type, reg_covar, 1)
        first, second = (_maximum(problem, p.n_components, rng) for p in (smaller, larger))
        # The maximum of the smaller one is near the mixture that the rows come from.
        truth = state_of(units.of_em(smaller))
        near = run_em(problem, truth, max_iter=STEPS, tol=TOLERANCE)
        known = [
            v
            for v in (first, None if near.status is Status.DEGENERATE else near.log_likelihood)
            if v is not None
        ]
        if not known or second is None:
            return None
        return max(0.0, 2.0 * (second - max(known)))

    n_threads = threads_for_runs(len(X), n_threads)
    above = done = tried = 0
    seeds = seed.spawn(n_replications)
    while tried < n_replications and above < ENOUGH_ABOVE:
        for value in shared(replicate, seeds[tried : tried + AT_ONCE], n_threads):
            tried += 1
            if value is None:
                continue
            done += 1
            above += value >= statistic
            if above == ENOUGH_ABOVE:
                break
        progress(tried)
    if above == ENOUGH_ABOVE:
        return LikelihoodRatioTest(statistic, above / done, done)
    return LikelihoodRatioTest(statistic, (above + 1) / (done + 1) if done else float("nan"), done)


def _maximum(problem: Problem, n_components: int, rng: np.random.Generator) -> float | None:
    """Log-likelihood of the best maximum that is not an artefact of few rows; None where there is none."""
    # The search that an estimate of the data has had: a worse one would make statistics too small.
    plan = Plan(n_components, MIXED, None, STEPS, TOLERANCE)
    best = search(problem, plan, rng)[0]
    return None if best.degenerate else best.run.log_likelihood
