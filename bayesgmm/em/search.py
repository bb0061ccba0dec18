"""Many climbs: short ones from every start, long ones from the best, and the table of maxima found."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.climb import Climb, Status, climb
from bayesgmm.em.starts import kmeans_plusplus_start

__all__ = ["Mode", "search"]

Array = NDArray[np.float64]

SHORT_STEPS = 50
SUBSAMPLE = 5_000
# Two climbs ended at the same maximum when their log-likelihoods differ by less than this, per unit
# of its size: far above the tolerance of a climb, far below the distance of distinct maxima.
SAME_MAXIMUM = 1e-6


@dataclass(frozen=True)
class Mode:
    """A local maximum, and how many starts ended there."""

    climb: Climb
    n_starts: int


def search(
    X: Array,
    sample_weight: Array,
    n_components: int,
    *,
    n_init: int,
    n_long: int,
    max_iter: int,
    tol: float,
    rng: np.random.Generator,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Mode]:
    """Distinct maxima, the best first; degenerate climbs stand at the end.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Data with standardised columns.
    sample_weight : ndarray, shape (N,) or (0,)
    n_components, n_init, n_long, max_iter : int
        Number of components, of starts, of starts that are climbed to the end, of steps.
    tol : float
        Relative tolerance of the long climbs.
    rng : numpy.random.Generator
    progress : callable
        Called with the number of finished climbs and the number of all.
    """
    few, few_weights = _subsample(X, sample_weight, rng)
    total = n_init + min(n_long, n_init)
    short = []
    for i in range(n_init):
        start = kmeans_plusplus_start(few, few_weights, n_components, rng)
        short.append(climb(few, few_weights, *start, max_iter=min(SHORT_STEPS, max_iter), tol=tol))
        progress(i + 1, total)
    groups = _distinct(short)
    long = []
    for done, (first, count) in enumerate(groups[:n_long]):
        if first.status is Status.CONVERGED and few is X:
            end = first
        else:
            end = climb(
                X, sample_weight, first.log_weights, first.means, first.cholesky, max_iter=max_iter, tol=tol
            )
        long.append((end, count))
        progress(n_init + done + 1, total)
    modes = [Mode(end, sum(counts)) for end, counts in _merge(long)]
    progress(total, total)
    return modes


def _subsample(X: Array, sample_weight: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    if len(X) <= SUBSAMPLE:
        return X, sample_weight
    rows = np.sort(rng.choice(len(X), SUBSAMPLE, replace=False))
    return np.asfortranarray(X[rows]), sample_weight[rows] if len(sample_weight) else sample_weight


def _rank(c: Climb) -> tuple[bool, float]:
    return (c.status is Status.DEGENERATE, -c.log_likelihood)


def _distinct(climbs: list[Climb]) -> list[tuple[Climb, int]]:
    return [(c, sum(n)) for c, n in _merge([(c, 1) for c in climbs])]


def _merge(climbs: list[tuple[Climb, int]]) -> list[tuple[Climb, list[int]]]:
    """Climbs that ended at the same log-likelihood, put together; the best first."""
    merged: list[tuple[Climb, list[int]]] = []
    for c, n in sorted(climbs, key=lambda pair: _rank(pair[0])):
        if merged:
            last = merged[-1][0]
            close = abs(last.log_likelihood - c.log_likelihood) <= SAME_MAXIMUM * max(
                abs(c.log_likelihood), 1.0
            )
            if close and (last.status is Status.DEGENERATE) == (c.status is Status.DEGENERATE):
                merged[-1][1].append(n)
                continue
        merged.append((c, [n]))
    return merged
