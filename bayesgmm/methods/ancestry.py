"""Effective sample sizes of draws that descend from common ancestors."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["ancestral_ess"]

Array = NDArray[np.float64]


def ancestral_ess(values: Array, ancestor: NDArray[np.int64]) -> Array:
    """Effective number of tempered draws, from the draws that each ancestor has.

    Lee and Whiteley (2018), Variance estimation in the particle filter, section 3: draws of different
    ancestors are nearly independent, so that the squares of their sums tell the variance of a mean; with few
    ancestors they tell little. Values are replaced by their ranks first, and by whether they lie in the lower
    or upper 20th part; the smallest of the three counts.

    Parameters
    ----------
    values : ndarray, shape (chain, draw, Q)
    ancestor : ndarray of int, shape (chain, draw)

    Returns
    -------
    ndarray, shape (Q,)
    """
    chains, draws, _ = values.shape
    flat = values.reshape(chains * draws, -1)
    ranks = stats.rankdata(flat, axis=0)
    low, high = np.quantile(flat, [0.05, 0.95], axis=0)
    _, first = np.unique(ancestor + np.arange(chains)[:, None] * (ancestor.max() + 1), return_inverse=True)
    first = first.ravel()
    sizes = np.bincount(first)
    run_of = np.zeros(len(sizes), np.int64)
    run_of[first] = np.repeat(np.arange(chains), draws)
    # Sums around a run's own mean scatter less, by what the draws of an ancestor have in common with that
    # mean.
    free = 1.0 - np.bincount(run_of, (sizes / draws) ** 2, chains)
    if (free < 1e-12).any():
        return np.ones(values.shape[2])
    inflation = 1.0 / free
    smallest = np.full(flat.shape[1], float(chains * draws))
    for scores in (ranks, (flat <= low).astype(float), (flat >= high).astype(float)):
        per_chain = scores.reshape(chains, draws, -1)
        away = (per_chain - per_chain.mean(axis=1, keepdims=True)).reshape(chains * draws, -1)
        sums = np.zeros((len(run_of), flat.shape[1]))
        np.add.at(sums, first, away)
        spread = ((sums**2) * inflation[run_of][:, None]).sum(axis=0) / (chains * draws) ** 2
        varying = spread > 0
        ess = scores.var(axis=0)[varying] / spread[varying]
        smallest[varying] = np.minimum(smallest[varying], ess)
    return smallest
