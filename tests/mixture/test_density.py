"""Densities against SciPy; draws against the moments of a mixture."""

import numpy as np
import pytest
from examples import random_mixture
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from bayesgmm.mixture import density


@pytest.fixture(params=[(1, 1), (3, 2), (4, 5)], ids=str)
def mixture_and_rows(request):
    rng = np.random.default_rng(sum(request.param))
    return random_mixture(rng, *request.param), rng.normal(scale=3, size=(150, request.param[1]))


def components(p, X):
    return np.stack(
        [multivariate_normal(p.means[k], p.covariances[k]).logpdf(X) for k in range(p.n_components)], axis=1
    )


def test_component_log_density_leaves_the_weights_out(mixture_and_rows):
    p, X = mixture_and_rows
    assert_allclose(density.component_log_density(X, p), components(p, X), rtol=1e-12)


def test_log_likelihood_per_obs(mixture_and_rows):
    p, X = mixture_and_rows
    wanted = logsumexp(components(p, X) + np.log(p.weights), axis=1)
    assert_allclose(density.log_likelihood_per_obs(X, p), wanted, rtol=1e-12)


def test_responsibilities_are_normalised_over_components(mixture_and_rows):
    p, X = mixture_and_rows
    joint = np.exp(components(p, X)) * p.weights
    r = density.responsibilities(X, p)
    assert_allclose(r, joint / joint.sum(axis=1, keepdims=True), rtol=1e-9, atol=1e-14)
    assert_allclose(r.sum(axis=1), 1, rtol=1e-14)


def test_simulated_rows_have_the_moments_of_the_mixture():
    p = random_mixture(np.random.default_rng(0), 3, 2)
    n = 200_000
    rows, labels = density.simulate(p, n, np.random.default_rng(1))
    mean = p.weights @ p.means
    centred = p.means - mean
    covariance = np.einsum("k,kij->ij", p.weights, p.covariances) + (p.weights[:, None] * centred).T @ centred
    standard_error = np.sqrt(np.diag(covariance) / n)
    assert np.all(np.abs(rows.mean(axis=0) - mean) < 4 * standard_error)
    assert_allclose(np.cov(rows.T), covariance, rtol=0.03, atol=0.03)
    counts = np.bincount(labels, minlength=3) / n
    assert np.all(np.abs(counts - p.weights) < 4 * np.sqrt(p.weights * (1 - p.weights) / n))


def test_rows_of_another_width_are_refused():
    p = random_mixture(np.random.default_rng(0), 2, 2)
    with pytest.raises(ValueError, match=r"X must have shape \(N, 2\)"):
        density.responsibilities(np.zeros((3, 4)), p)
