"""EM steps against the textbook's formulas."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support import random_mixture

from bayesgmm import MixtureParams, density, kernels
from bayesgmm.em.climb import Status, climb, maximise

UNWEIGHTED = np.empty(0)


def textbook_step(X, p):
    """DESIGN's E and M step, typed out: gamma, then weighted means and covariances."""
    gamma = density.responsibilities(X, p)
    mass = gamma.sum(axis=0)
    means = (gamma.T @ X) / mass[:, None]
    covariances = np.stack(
        [(gamma[:, k, None] * (X - means[k])).T @ (X - means[k]) / mass[k] for k in range(len(mass))]
    )
    return MixtureParams(mass / len(X), means, covariances)


def start_of(p):
    return np.log(p.weights), np.array(p.means), np.array(p.cholesky)


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    truth = random_mixture(rng, 3, 2)
    X, _ = density.simulate(truth, 400, rng)
    return np.asfortranarray(X), random_mixture(rng, 3, 2)


def test_one_step_is_the_textbooks(problem):
    X, p = problem
    log_weights, means, cholesky = start_of(p)
    _, *sums = kernels.accumulate(X, UNWEIGHTED, log_weights, means, cholesky)
    assert maximise(*sums, float(len(X)), log_weights, means, cholesky)
    wanted = textbook_step(X, p)
    assert_allclose(np.exp(log_weights), wanted.weights, rtol=1e-12)
    assert_allclose(means, wanted.means, rtol=1e-10, atol=1e-12)
    assert_allclose(cholesky @ cholesky.transpose(0, 2, 1), wanted.covariances, rtol=1e-9)


def test_the_trace_rises_and_ends_at_the_returned_parameters(problem):
    X, p = problem
    end = climb(X, UNWEIGHTED, *start_of(p), max_iter=500, tol=1e-10)
    assert end.status is Status.CONVERGED
    assert np.diff(end.trace).min() > -1e-11 * abs(end.trace[-1])
    weights = np.exp(end.log_weights)
    at_end = MixtureParams(weights / weights.sum(), end.means, end.cholesky @ end.cholesky.transpose(0, 2, 1))
    assert_allclose(density.log_likelihood_per_obs(X, at_end).sum(), end.log_likelihood, rtol=1e-12)


def test_the_end_is_a_stationary_point(problem):
    X, p = problem
    end = climb(X, UNWEIGHTED, *start_of(p), max_iter=5000, tol=1e-13)
    _, *sums = kernels.accumulate(X, UNWEIGHTED, end.log_weights, end.means, end.cholesky)
    by_weight, by_mean, by_cholesky = kernels.gradient(*sums, end.cholesky)
    # On the simplex the gradient by log weights is N pi at a stationary point.
    assert_allclose(by_weight, len(X) * np.exp(end.log_weights), atol=1e-3)
    assert np.abs(by_mean).max() < 1e-3
    assert np.abs(by_cholesky).max() < 1e-3


def test_running_out_of_iterations_is_not_convergence(problem):
    X, p = problem
    end = climb(X, UNWEIGHTED, *start_of(p), max_iter=3, tol=1e-10)
    assert end.status is Status.OUT_OF_ITERATIONS
    assert end.n_iter == 3


def test_a_component_on_one_point_is_degenerate():
    rng = np.random.default_rng(1)
    X = np.asfortranarray(np.concatenate([rng.normal(size=(50, 2)), np.full((3, 2), 8.0)]))
    start = np.log([0.9, 0.1]), np.array([[0.0, 0.0], [8.0, 8.0]]), np.stack([np.eye(2), 0.1 * np.eye(2)])
    end = climb(X, UNWEIGHTED, *start, max_iter=500, tol=1e-10)
    assert end.status is Status.DEGENERATE


def test_the_start_is_not_written_to(problem):
    X, p = problem
    start = start_of(p)
    kept = [a.copy() for a in start]
    climb(X, UNWEIGHTED, *start, max_iter=5, tol=1e-10)
    for a, b in zip(start, kept, strict=True):
        assert np.array_equal(a, b)
