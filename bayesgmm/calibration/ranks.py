"""Are ranks uniform? Their distribution function, held at every place against that of uniform ranks."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

__all__ = ["band", "p_values", "rank_of", "smallest_p", "smallest_p_if_uniform"]

Array = NDArray[np.float64]

# Sets of uniform ranks that a set is held against.
SETS = 20_000
# Of these, that have to be below a probability that is read off them.
FEWEST_SETS = 20
# Of all quantities together, how often those of a right posterior stay in the band.
LEVEL = 0.99


def rank_of(truth: float, draws: Array, rng: np.random.Generator) -> int:
    """How many draws, shape (S,), are below the truth; among equal ones its place is drawn."""
    below, equal = int((draws < truth).sum()), int((draws == truth).sum())
    return below + int(rng.integers(equal + 1))


def smallest_p(ranks: ArrayLike, n_ranks: int) -> float:
    """The smallest probability, over places, that uniform ranks are as few, or as many, up to there as these.

    Säilynoja, Bürkner and Vehtari (2022), Graphical test for discrete uniformity, section 3.

    Parameters
    ----------
    ranks : array_like of int, shape (n,)
        From 0 to `n_ranks` - 1.
    n_ranks : int

    Examples
    --------
    >>> from bayesgmm.calibration.ranks import smallest_p
    >>> smallest_p([0] * 10, 2)
    0.001953125
    """
    counts = np.bincount(np.asarray(ranks), minlength=n_ranks)
    return float(_smallest_p(counts[None])[0])


def _smallest_p(counts: NDArray[np.intp]) -> Array:
    """Of sets of ranks, by how often each rank occurs, shape (sets, n_ranks)."""
    n, n_ranks = int(counts[0].sum()), counts.shape[1]
    below = counts.cumsum(axis=1)[:, :-1]
    places = np.arange(1, n_ranks)
    possible = np.arange(n + 1)[:, None]
    low = stats.binom.cdf(possible, n, places / n_ranks)
    high = stats.binom.sf(possible - 1, n, places / n_ranks)
    tail: Array = 2 * np.minimum(low, high)
    return tail[below, places - 1].min(axis=1)


def smallest_p_if_uniform(n: int, n_ranks: int, rng: np.random.Generator, sets: int = SETS) -> Array:
    """:func:`smallest_p` of many sets of n uniform ranks, in order, shape (sets,)."""
    counts = rng.multinomial(n, np.full(n_ranks, 1 / n_ranks), size=sets)
    return np.sort(_smallest_p(counts))


def p_values(smallest: ArrayLike, if_uniform: Array, n_ranks: int) -> Array:
    """How often uniform ranks have a smallest probability as small as these, shape of `smallest`.

    Where that is too seldom for simulated sets to tell, a bound: one place in all would have to be so far
    off.
    """
    smallest = np.asarray(smallest)
    below = np.searchsorted(if_uniform, smallest * (1 + 1e-9), side="right")
    p = (below + 1) / (len(if_uniform) + 1)
    return np.where(below < FEWEST_SETS, np.minimum(p, smallest * (n_ranks - 1)), p)


def band(n: int, n_ranks: int, quantities: int) -> tuple[Array, Array]:
    """Bounds of the distribution functions, shape (n_ranks - 1,) each, that so many quantities of a right
    posterior stay within in 99 % of checks of n refits."""
    if_uniform = smallest_p_if_uniform(n, n_ranks, np.random.default_rng(0))
    level = (1 - LEVEL) / quantities
    few = level * len(if_uniform) < FEWEST_SETS
    least = level / (n_ranks - 1) if few else np.quantile(if_uniform, level)
    places = np.arange(1, n_ranks) / n_ranks
    return stats.binom.ppf(least / 2, n, places) / n, stats.binom.isf(least / 2, n, places) / n
