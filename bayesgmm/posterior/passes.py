"""Passes over all draws and rows, in compiled code; nothing of size draws x rows is kept."""

import math

import numpy as np
from numpy.typing import NDArray

from bayesgmm.mixture.kernels import evaluate
from bayesgmm.support.allocation import empty, zeros
from bayesgmm.support.compilation import entry
from bayesgmm.support.threads import shared

__all__ = [
    "allocations",
    "log_likelihoods_and_overlaps",
    "mean_overlaps",
    "memberships",
    "responsibility_draws",
]

Array = NDArray[np.float64]

ROWS = 2048
NUMBERS_KEPT = 50_000_000
UNWEIGHTED = np.empty(0)


def log_likelihoods_and_overlaps(
    X: Array,
    log_weights: Array,
    means: Array,
    cholesky: Array,
    reference: Array,
    n_threads: int = 1,
    sample_weight: Array = UNWEIGHTED,
) -> tuple[Array, Array]:
    """Log-likelihood of every draw, shape (S,), and its overlap with reference responsibilities.

    overlap[s, j, k] = sum_n w_n reference[n, j] r_s[n, k], shape (S, J, K): with responsibilities as
    reference the expected number of rows that both the reference's component j and the draw's component k
    would claim. O(S N K (J + D^2)).

    Parameters
    ----------
    X : float64 array, shape (N, D)
    log_weights, means, cholesky : float64 arrays, shapes (S, K), (S, K, D), (S, K, D, D)
    reference : float64 array, shape (N, J)
    n_threads : int
        The result does not depend on it by a bit.
    sample_weight : float64 array, shape (N,) or (0,)
    """
    weighted = reference * sample_weight[:, None] if len(sample_weight) else reference
    draws = log_weights, means, cholesky
    parts = shared(
        lambda rows: _log_likelihoods_and_overlaps(X[rows], sample_weight[rows], *draws, weighted[rows]),
        _chunks(len(X), log_weights.size * reference.shape[1]),
        n_threads,
    )
    log_likelihoods, overlaps = zip(*parts, strict=True)
    return sum(log_likelihoods[1:], log_likelihoods[0]), sum(overlaps[1:], overlaps[0])


def memberships(
    X: Array, log_weights: Array, means: Array, cholesky: Array, n_threads: int = 1
) -> tuple[Array, Array, Array]:
    """Mean and standard deviation over draws of the responsibilities, and the log predictive density.

    Parameters as in :func:`log_likelihoods_and_overlaps`; returns arrays of shapes (N, K), (N, K) and
    (N,): E[r_nk], sd[r_nk] and log E[p(x_n)]. O(S N K D^2).
    """
    parts = shared(
        lambda rows: _memberships(X[rows], log_weights, means, cholesky), _chunks(len(X)), n_threads
    )
    mean, sd, predictive = zip(*parts, strict=True)
    return np.concatenate(mean), np.concatenate(sd), np.concatenate(predictive)


def responsibility_draws(X: Array, log_weights: Array, means: Array, cholesky: Array) -> Array:
    """Every draw's responsibilities of a few rows, side by side: shape (N, S, K), S N K numbers.

    Parameters as in :func:`log_likelihoods_and_overlaps`.
    """
    out = np.empty((len(X), *log_weights.shape))
    _responsibility_draws(X, log_weights, means, cholesky, out)
    return out


def allocations(
    X: Array, log_weights: Array, means: Array, cholesky: Array, rng: np.random.Generator, n_threads: int = 1
) -> NDArray[np.int32]:
    """A component for each row, drawn from each draw's responsibilities, shape (S, N).

    Other parameters as in :func:`log_likelihoods_and_overlaps`.
    """
    uniforms = rng.random((len(log_weights), len(X)))
    out = np.empty(uniforms.shape, dtype=np.int32)
    draws = log_weights, means, cholesky
    shared(
        lambda rows: _allocations(X[rows], *draws, uniforms[:, rows], out[:, rows]),
        _chunks(len(X)),
        n_threads,
    )
    return out


def mean_overlaps(
    X: Array, log_weights: Array, means: Array, cholesky: Array, tables: Array, n_threads: int = 1
) -> Array:
    """Mean over draws of sum_k tables[s, c, k] r_s[n, k], shape (N, C), for tables (S, C, K).

    With the mean responsibilities of a cluster's rows in the tables, it is the mean over these rows of the
    probability that a row shares a component with them. O(S N K (C + D^2)). Other parameters as in
    :func:`log_likelihoods_and_overlaps`.
    """
    draws = log_weights, means, cholesky
    parts = shared(lambda rows: _mean_overlaps(X[rows], *draws, tables), _chunks(len(X)), n_threads)
    return np.concatenate(parts)


def _chunks(n: int, numbers: int = 0) -> list[slice]:
    # Enough for threads to share, few enough to keep the parts of all, each of so many numbers.
    size = max(128, -(-n // max(2, min(16, NUMBERS_KEPT // max(numbers, 1)))))
    return [slice(i, i + size) for i in range(0, n, size)]


@entry
def _log_likelihoods_and_overlaps(X, sample_weight, log_weights, means, cholesky, reference):
    S, K = log_weights.shape
    N, J = reference.shape
    log_likelihood = zeros(S)
    overlap = zeros(S * J * K).reshape((S, J, K))
    density = empty(ROWS)
    r = empty(ROWS * K).reshape((ROWS, K))
    for start in range(0, N, ROWS):
        size = min(ROWS, N - start)
        rows = X[start : start + size]
        for s in range(S):
            evaluate(rows, log_weights[s], means[s], cholesky[s], density, r)
            for n in range(size):
                weight = sample_weight[start + n] if len(sample_weight) else 1.0
                log_likelihood[s] += weight * density[n]
                for j in range(J):
                    for k in range(K):
                        overlap[s, j, k] += reference[start + n, j] * r[n, k]
    return log_likelihood, overlap


@entry
def _memberships(X, log_weights, means, cholesky):
    S, K = log_weights.shape
    N = X.shape[0]
    mean = zeros(N * K).reshape((N, K))
    spread = zeros(N * K).reshape((N, K))
    predictive = empty(N)
    density = empty(ROWS)
    r = empty(ROWS * K).reshape((ROWS, K))
    largest = empty(ROWS)
    total = empty(ROWS)
    for start in range(0, N, ROWS):
        size = min(ROWS, N - start)
        rows = X[start : start + size]
        for n in range(size):
            largest[n] = -np.inf
            total[n] = 0.0
        for s in range(S):
            evaluate(rows, log_weights[s], means[s], cholesky[s], density, r)
            for n in range(size):
                if density[n] > largest[n]:
                    total[n] = total[n] * math.exp(largest[n] - density[n]) + 1.0
                    largest[n] = density[n]
                else:
                    total[n] += math.exp(density[n] - largest[n])
                for k in range(K):
                    # Welford's update: no cancellation where memberships hardly vary.
                    step = r[n, k] - mean[start + n, k]
                    mean[start + n, k] += step / (s + 1)
                    spread[start + n, k] += step * (r[n, k] - mean[start + n, k])
        for n in range(size):
            predictive[start + n] = largest[n] + math.log(total[n] / S)
    return mean, np.sqrt(spread / S), predictive


@entry
def _responsibility_draws(X, log_weights, means, cholesky, out):
    """Fill the responsibilities (N, S, K)."""
    density = empty(X.shape[0])
    for s in range(log_weights.shape[0]):
        evaluate(X, log_weights[s], means[s], cholesky[s], density, out[:, s])


@entry
def _allocations(X, log_weights, means, cholesky, uniforms, out):
    """Fill the first component whose cumulative responsibility exceeds the uniform number."""
    S, K = log_weights.shape
    N = X.shape[0]
    density = empty(N)
    r = empty(N * K).reshape((N, K))
    for s in range(S):
        evaluate(X, log_weights[s], means[s], cholesky[s], density, r)
        for n in range(N):
            k = 0
            reached = r[n, 0]
            while k < K - 1 and reached <= uniforms[s, n]:
                k += 1
                reached += r[n, k]
            out[s, n] = k


@entry
def _mean_overlaps(X, log_weights, means, cholesky, tables):
    S, C, K = tables.shape
    N = X.shape[0]
    total = zeros(N * C).reshape((N, C))
    density = empty(ROWS)
    r = empty(ROWS * K).reshape((ROWS, K))
    for start in range(0, N, ROWS):
        size = min(ROWS, N - start)
        rows = X[start : start + size]
        for s in range(S):
            evaluate(rows, log_weights[s], means[s], cholesky[s], density, r)
            for n in range(size):
                for c in range(C):
                    for k in range(K):
                        total[start + n, c] += tables[s, c, k] * r[n, k]
    return total / S
