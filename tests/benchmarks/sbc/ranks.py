"""Are ranks uniform? Their distribution function against a band that holds all of it with a probability."""

import numpy as np
from scipy import stats

LEVEL = 0.99
DRAWS_FOR_BAND = 4_000


def rank_of(truth, draws, rng):
    """How many draws are below the truth; among equal ones its place is drawn."""
    below, equal = (draws < truth).sum(), (draws == truth).sum()
    return int(below + rng.integers(equal + 1))


def smallest_p(ranks, n_ranks):
    """The smallest probability, over places, that uniform ranks are as few or as many up to there as these
    are: shape of `ranks` without its last axis, which is that of the simulations."""
    n = ranks.shape[-1]
    places = np.arange(1, n_ranks)
    found = (ranks[..., None, :] < places[:, None]).sum(axis=-1)
    p = places / n_ranks
    low, high = stats.binom.cdf(found, n, p), stats.binom.sf(found - 1, n, p)
    return 2 * np.minimum(low, high).min(axis=-1)


def critical(n, n_ranks, rng):
    """What the smallest probability of n uniform ranks is below in 1 of 100 cases."""
    p = [smallest_p(rng.integers(n_ranks, size=(50, n)), n_ranks) for _ in range(DRAWS_FOR_BAND // 50)]
    return float(np.quantile(np.concatenate(p), 1 - LEVEL))
