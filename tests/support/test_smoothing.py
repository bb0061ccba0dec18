"""Smoothed importance weights where there is a tail, and where there is none."""

import numpy as np
import pytest
from arviz_stats.base import array_stats
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp

from bayesgmm.support.smoothing import smoothed_log_weights


def test_with_a_tail_they_are_arvizs():
    values = np.random.default_rng(0).normal(size=(3, 400))
    found, k = smoothed_log_weights(values, 0.5)
    expected, expected_k = array_stats.psislw(values, r_eff=0.5)
    assert_array_equal(found, expected)
    assert_array_equal(k, expected_k)
    assert np.isfinite(k).all()


@pytest.mark.parametrize("draws", [4, 400])
def test_without_one_they_stay_as_they_are(draws):
    """Too few draws, or a single one that was taken many times."""
    rng = np.random.default_rng(0)
    with_tail = rng.normal(size=draws)
    without = np.where(np.arange(draws) < 0.7 * draws, -3.0, with_tail)
    found, k = smoothed_log_weights(np.stack([with_tail, without]))
    assert_allclose(found[1], -without - logsumexp(-without))
    assert k[1] == np.inf
    if draws == 400:
        one, k_one = smoothed_log_weights(with_tail)
        assert_array_equal(found[0], one)
        assert k[0] == k_one and np.isfinite(k_one)


def test_where_the_tail_underflows_they_stay_as_they_are():
    """Its first quarter within the smallest numbers there are: dividing by it is more than a number holds."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 100))
    values[0] = 750.0 + np.arange(100) / 100
    values[0, :16] = np.linspace(723.0, 0.0, 16)
    found, k = smoothed_log_weights(values)
    assert_allclose(found[0], -values[0] - logsumexp(-values[0]))
    assert k[0] == np.inf and np.isfinite(k[1])
    assert_allclose(np.exp(found).sum(axis=1), 1.0)
