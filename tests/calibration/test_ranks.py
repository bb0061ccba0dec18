"""Ranks against slow loops, and how often uniform ones leave their band."""

import numpy as np
import pytest
from scipy import stats

from bayesgmm.calibration.ranks import band, p_values, rank_of, smallest_p, smallest_p_if_uniform


def by_loops(ranks, n_ranks):
    """The smallest binomial tail, place by place."""
    least = np.inf
    for place in range(1, n_ranks):
        below = sum(rank < place for rank in ranks)
        law = stats.binom(len(ranks), place / n_ranks)
        least = min(least, 2 * law.cdf(below), 2 * law.sf(below - 1))
    return least


@pytest.mark.parametrize("n_ranks", [2, 10, 100])
def test_the_smallest_probability_is_that_of_a_slow_loop(n_ranks):
    rng = np.random.default_rng(n_ranks)
    for n in (1, 7, 40):
        ranks = rng.integers(n_ranks, size=n)
        assert smallest_p(ranks, n_ranks) == pytest.approx(by_loops(ranks, n_ranks), rel=1e-12)


def test_p_values_of_uniform_ranks_are_uniform():
    """As far as a discrete quantity allows: not below their level more often than they say."""
    rng = np.random.default_rng(1)
    if_uniform = smallest_p_if_uniform(50, 100, rng)
    found = [smallest_p(rng.integers(100, size=50), 100) for _ in range(3000)]
    p = p_values(found, if_uniform, 100)
    for level in (0.01, 0.1, 0.5):
        assert abs((p <= level).mean() - level) < 4 * np.sqrt(level * (1 - level) / 3000) + 0.005
    assert p_values(0.0, if_uniform, 100) == 0


def test_ranks_leave_the_band_where_their_probability_is_smaller_than_its():
    """The band and the p-value are of the same test, and one of a hundred uniform sets leaves it."""
    rng = np.random.default_rng(2)
    n, n_ranks = 40, 20
    low, high = band(n, n_ranks, quantities=1)
    outside = []
    for _ in range(2000):
        ranks = rng.integers(n_ranks, size=n)
        below = (ranks[:, None] < np.arange(1, n_ranks)).mean(axis=0)
        outside.append(bool(((below < low) | (below > high)).any()))
    assert 0.002 < np.mean(outside) < 0.02


def test_a_band_of_more_quantities_is_wider():
    narrow, wide = (np.subtract(*band(40, 20, quantities)[::-1]) for quantities in (1, 20))
    assert (wide >= narrow).all()
    assert wide.sum() > narrow.sum()


def test_ranks_find_draws_that_are_too_narrow():
    rng = np.random.default_rng(3)
    truths, draws = rng.normal(size=300), rng.normal(size=(300, 99))
    if_uniform = smallest_p_if_uniform(300, 100, rng)
    p = {}
    for width in (1.0, 0.7):
        ranks = [rank_of(t, width * d, rng) for t, d in zip(truths, draws, strict=True)]
        p[width] = p_values(smallest_p(ranks, 100), if_uniform, 100)
    assert p[0.7] < 0.001 < 0.05 < p[1.0]


def test_equal_values_share_their_places_at_random():
    rng = np.random.default_rng(4)
    ranks = [rank_of(0.0, np.array([-1.0, 0.0, 0.0, 1.0]), rng) for _ in range(3000)]
    assert set(ranks) == {1, 2, 3}
    assert stats.chisquare(np.bincount(ranks)[1:]).pvalue > 1e-3
