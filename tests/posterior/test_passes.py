"""Passes over draws against loops over NumPy."""

import numpy as np
import pytest
from examples import random_mixture
from numpy.testing import assert_allclose

from bayesgmm.mixture import density
from bayesgmm.posterior import passes


@pytest.fixture(params=[7, passes.ROWS + 3])
def draws_and_rows(request):
    rng = np.random.default_rng(0)
    mixtures = [random_mixture(rng, 3, 2) for _ in range(6)]
    X = np.asfortranarray(rng.normal(scale=2, size=(request.param, 2)))
    arrays = (
        np.stack([np.log(p.weights) for p in mixtures]),
        np.stack([p.means for p in mixtures]),
        np.stack([p.cholesky for p in mixtures]),
    )
    return mixtures, X, arrays


def test_log_likelihoods_and_overlaps(draws_and_rows):
    mixtures, X, arrays = draws_and_rows
    reference = np.random.default_rng(1).dirichlet(np.ones(3), size=len(X))
    log_likelihood, overlap = passes.log_likelihoods_and_overlaps(X, *arrays, reference)
    again = passes.log_likelihoods_and_overlaps(X, *arrays, reference, n_threads=2)
    assert np.array_equal(log_likelihood, again[0]) and np.array_equal(overlap, again[1])
    assert_allclose(
        log_likelihood, [density.log_likelihood_per_obs(X, p).sum() for p in mixtures], rtol=1e-12
    )
    wanted = [reference.T @ density.responsibilities(X, p) for p in mixtures]
    assert_allclose(overlap, wanted, rtol=1e-10)


def test_memberships(draws_and_rows):
    mixtures, X, arrays = draws_and_rows
    r = np.stack([density.responsibilities(X, p) for p in mixtures])
    p_x = np.stack([np.exp(density.log_likelihood_per_obs(X, p)) for p in mixtures])
    mean, sd, predictive = passes.memberships(X, *arrays)
    for one, two in zip((mean, sd, predictive), passes.memberships(X, *arrays, n_threads=2), strict=True):
        assert np.array_equal(one, two)
    assert_allclose(mean, r.mean(axis=0), rtol=1e-10, atol=1e-14)
    assert_allclose(sd, r.std(axis=0), rtol=1e-7, atol=1e-9)
    assert_allclose(predictive, np.log(p_x.mean(axis=0)), rtol=1e-10)
