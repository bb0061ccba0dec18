"""Accelerated EM runs: monotone, stationary at the end, honest about how they ended."""

import numpy as np
import pytest
from examples import random_mixture
from numpy.testing import assert_allclose

from bayesgmm import MixtureParams
from bayesgmm.em.problem import Problem
from bayesgmm.em.run import Status, run_em
from bayesgmm.em.steps import State
from bayesgmm.mixture import density, kernels
from bayesgmm.mixture.families import family_of

UNWEIGHTED = np.empty(0)


def problem_of(X, family="full", floor=1e-6):
    return Problem(np.asfortranarray(X), UNWEIGHTED, family_of(family), floor, n_threads=1)


def start_of(p):
    return State(np.log(p.weights), np.array(p.means), np.array(p.cholesky))


def overlapping(n=600, seed=2):
    """Two clusters close together, where plain EM crawls."""
    rng = np.random.default_rng(seed)
    truth = MixtureParams([0.5, 0.5], [[0.0, 0.0], [1.5, 0.5]], [np.eye(2), 1.3 * np.eye(2)])
    X, _ = density.simulate(truth, n, rng)
    return (X - X.mean(axis=0)) / X.std(axis=0), random_mixture(rng, 2, 2, spread=1.0)


@pytest.mark.parametrize("accelerate", [True, False])
def test_the_trace_never_falls_and_ends_at_the_returned_state(accelerate):
    X, p = overlapping()
    end = run_em(problem_of(X), start_of(p), max_iter=20_000, tol=1e-10, accelerate=accelerate)
    assert end.status is Status.CONVERGED
    assert np.diff(end.trace).min() >= -1e-12 * abs(end.trace[-1])
    weights = np.exp(end.state.log_weights)
    covariances = end.state.cholesky @ end.state.cholesky.transpose(0, 2, 1)
    at_end = MixtureParams(weights / weights.sum(), end.state.means, covariances)
    assert_allclose(density.log_likelihood_per_obs(X, at_end).sum(), end.log_likelihood, rtol=1e-12)


def test_acceleration_ends_where_patience_does_and_sooner():
    X, p = overlapping()
    quick = run_em(problem_of(X), start_of(p), max_iter=100_000, tol=1e-10)
    plain = run_em(problem_of(X), start_of(p), max_iter=100_000, tol=1e-13, accelerate=False)
    assert_allclose(quick.log_likelihood, plain.log_likelihood, rtol=2e-10)
    assert quick.n_iter < plain.n_iter / 4


def test_the_end_is_a_stationary_point():
    X, p = overlapping()
    end = run_em(problem_of(X), start_of(p), max_iter=50_000, tol=1e-14).state
    _, *sums = kernels.accumulate(np.asfortranarray(X), UNWEIGHTED, end.log_weights, end.means, end.cholesky)
    by_weight, by_mean, by_cholesky = kernels.gradient(*sums, end.cholesky)
    # On the simplex the gradient by log weights is N pi at a stationary point.
    assert_allclose(by_weight, len(X) * np.exp(end.log_weights), atol=2e-2)
    assert np.abs(by_mean).max() < 2e-2
    assert np.abs(by_cholesky).max() < 2e-2


def test_running_out_of_iterations_is_not_convergence():
    X, p = overlapping()
    end = run_em(problem_of(X), start_of(p), max_iter=5, tol=1e-10)
    assert end.status is Status.OUT_OF_ITERATIONS
    assert end.n_iter == 5


def test_a_component_on_three_equal_points_is_degenerate_and_held_at_the_floor():
    rng = np.random.default_rng(1)
    X = np.concatenate([rng.normal(size=(50, 2)), np.full((3, 2), 8.0)])
    start = State(
        np.log([0.9, 0.1]), np.array([[0.0, 0.0], [8.0, 8.0]]), np.stack([np.eye(2), 0.1 * np.eye(2)])
    )
    end = run_em(problem_of(X, floor=1e-4), start, max_iter=500, tol=1e-10)
    assert end.status is Status.DEGENERATE
    covariance = end.state.cholesky[1] @ end.state.cholesky[1].T
    assert_allclose(np.linalg.eigvalsh(covariance), 1e-4, rtol=1e-6)
    assert np.isfinite(end.log_likelihood)


def test_the_start_is_not_written_to():
    X, p = overlapping()
    start = start_of(p)
    kept = [a.copy() for a in (start.log_weights, start.means, start.cholesky)]
    run_em(problem_of(X), start, max_iter=50, tol=1e-10)
    for a, b in zip((start.log_weights, start.means, start.cholesky), kept, strict=True):
        assert np.array_equal(a, b)
