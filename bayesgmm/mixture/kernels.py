"""The fused kernel: one pass over the rows gives a log-likelihood and its sufficient statistics.

An EM step and the gradient of the mixture log-likelihood need the same sums. With
z = L^-1 (x - mu) and r the responsibility of a component for a row,

    S0 = sum r,    S1 = sum r z,    S2 = sum r z z'

give the M step, mu + L S1 / S0 and L (S2 / S0 - S1 S1' / S0^2) L', as well as the gradient,

    d/d log pi = S0,    d/d mu = L^-T S1,    d/d L = tril(L^-T (S2 - S0 I)).

So :func:`accumulate` serves both halves of the package. Rows are taken in blocks of
`BLOCK`; no temporary is larger than a block, and the innermost loops run over the rows of
a block, where the compiler turns them into vector instructions. The means are subtracted
from the rows first, so that a large common offset costs no accuracy.

All functions here release the interpreter's lock. X may have any memory layout; a
Fortran-ordered (N, D) array, which holds one feature after the other, is read fastest.
"""

import math
from typing import NamedTuple

import numpy as np

from bayesgmm.mixture.elementary import exp_inplace, log_inplace
from bayesgmm.mixture.missing_cells import (
    add_uncertainty,
    find_runs,
    memory_of_runs,
    no_runs,
    put_at_mean,
    take_out_missing,
)
from bayesgmm.support.allocation import APART, empty, piece, zeros
from bayesgmm.support.compilation import entry, inlined

BLOCK = 128
# From this many features on, a product by BLAS over a whole block is quicker than loops that use the
# triangle.
BLAS_FROM = 32
LOG_2PI = math.log(2 * math.pi)
# Stands for the largest log density of a row while it is minus infinity.
LOST = -1e300


class Whitening(NamedTuple):
    """One component as a pass over the rows needs it: mean (D,), inverse of the Cholesky factor (D, D), log
    constant."""

    mean: np.ndarray
    inverse: np.ndarray
    offset: float


@inlined
def whitening(log_weights, cholesky):
    """What a pass over the rows needs of the parameters.

    Returns the inverses of the Cholesky factors, shape (K, D, D), and per component the constant
    log pi - sum log diag(L) - D/2 log(2 pi), shape (K,).
    """
    K, D = cholesky.shape[0], cholesky.shape[1]
    memory = zeros(K * D * D + K + APART)
    offset, at = piece(memory, 0, K)
    inverse, at = piece(memory, at, K * D * D)
    inverse = inverse.reshape((K, D, D))
    for k in range(K):
        offset[k] = log_weights[k] - 0.5 * D * LOG_2PI
        for j in range(D):
            offset[k] -= math.log(cholesky[k, j, j])
            inverse[k, j, j] = 1.0 / cholesky[k, j, j]
            for i in range(j + 1, D):
                s = 0.0
                for m in range(j, i):
                    s -= cholesky[k, i, m] * inverse[k, m, j]
                inverse[k, i, j] = s / cholesky[k, i, i]
    return inverse, offset


@inlined
def _load_block(X, start, size, block):
    """block[j, i] = X[start + i, j]: one feature after the other, whatever the layout of X."""
    for j in range(X.shape[1]):
        for i in range(size):
            block[j, i] = X[start + i, j]


@inlined
def _whiten_block(block, size, component, diagonal, centred, z, log_density):
    """z = L^-1 (x - mu), shape (D, size), and log(pi N(x; mu, Sigma)), for the rows of a block."""
    mean, inverse, offset = component
    D = mean.shape[0]
    for i in range(D):
        for n in range(size):
            centred[i, n] = block[i, n] - mean[i]
    if D >= BLAS_FROM and not diagonal:
        np.dot(inverse, centred, z)
        for n in range(size):
            log_density[n] = offset
        for i in range(D):
            for n in range(size):
                log_density[n] -= 0.5 * z[i, n] * z[i, n]
        return
    for i in range(D):
        if not diagonal:
            for j in range(i):
                a = inverse[i, j]
                for n in range(size):
                    z[i, n] = a * centred[j, n] + (z[i, n] if j > 0 else 0.0)
        alone = diagonal or i == 0
        a = inverse[i, i]
        for n in range(size):
            value = a * centred[i, n] + (0.0 if alone else z[i, n])
            z[i, n] = value
            log_density[n] = (offset if i == 0 else log_density[n]) - 0.5 * value * value


@inlined
def _normalise_block(log_density, size, largest, total, scratch):
    """Turn log densities (K, size) into responsibilities; the log of a row's density is
    largest + log(total)."""
    K = log_density.shape[0]
    for n in range(size):
        largest[n] = log_density[0, n]
    for k in range(1, K):
        for n in range(size):
            largest[n] = max(largest[n], log_density[k, n])
    lowest = 0.0
    for n in range(size):
        total[n] = 0.0
        lowest = min(lowest, largest[n])
    if lowest == -np.inf:
        _share_out(log_density, size, largest)
    for k in range(K):
        for n in range(size):
            log_density[k, n] -= largest[n]
        exp_inplace(log_density[k], size, scratch)
        for n in range(size):
            total[n] += log_density[k, n]
    for n in range(size):
        scratch[n] = 1.0 / total[n]
    for k in range(K):
        for n in range(size):
            log_density[k, n] *= scratch[n]
    if lowest == -np.inf:
        for n in range(size):
            if largest[n] == LOST:
                largest[n] = -np.inf


@inlined
def _share_out(log_density, size, largest):
    """Give rows whose density underflows everywhere to all components alike, and mark them."""
    for n in range(size):
        if largest[n] == -np.inf:
            largest[n] = LOST
            for k in range(log_density.shape[0]):
                log_density[k, n] = LOST


@inlined
def _add_moments(r, z, size, diagonal, weighted, products, s1, s2):
    """Add the block's sums of r, r z and r z z' (its lower half); returns the first."""
    D = z.shape[0]
    s0 = 0.0
    for n in range(size):
        s0 += r[n]
    for i in range(D):
        s = 0.0
        for n in range(size):
            weighted[i, n] = r[n] * z[i, n]
            s += weighted[i, n]
        s1[i] += s
    if not diagonal and D >= BLAS_FROM:
        # What lies behind the last row of a short block must not count.
        for i in range(D):
            for n in range(size, BLOCK):
                weighted[i, n] = 0.0
        np.dot(weighted, z.T, products)
        for i in range(D):
            for j in range(i + 1):
                s2[i, j] += products[i, j]
        return s0
    for i in range(D):
        for j in range(i if diagonal else 0, i + 1):
            s = 0.0
            for n in range(size):
                s += weighted[i, n] * z[j, n]
            s2[i, j] += s
    return s0


@inlined
def _memory_of_pass(K, D):
    """A block of rows, one centred and one weighted, shape (D, BLOCK); z of the components, (K, D, BLOCK);
    log densities or responsibilities, (K, BLOCK); three numbers of each row; a product of matrices."""
    # One piece of memory for all blocks: with few rows a dozen of them would be felt.
    work = empty((3 * D + K * D + K + 3) * BLOCK)
    if D >= BLAS_FROM:
        # What lies behind the last row of a short block goes through products, too.
        work[:] = 0.0
    at = (3 + K) * D * BLOCK
    rows = work[at + K * BLOCK :]
    side = D if D >= BLAS_FROM else 0
    return (
        work[: D * BLOCK].reshape((D, BLOCK)),
        work[D * BLOCK : 2 * D * BLOCK].reshape((D, BLOCK)),
        work[2 * D * BLOCK : 3 * D * BLOCK].reshape((D, BLOCK)),
        work[3 * D * BLOCK : at].reshape((K, D, BLOCK)),
        work[at : at + K * BLOCK].reshape((K, BLOCK)),
        rows[:BLOCK],
        rows[BLOCK : 2 * BLOCK],
        rows[2 * BLOCK :],
        empty(side * side).reshape((side, side)),
    )


@entry
def accumulate(X, sample_weight, log_weights, means, cholesky, diagonal=False):
    """Log-likelihood and sufficient statistics of a mixture, in one pass.

    Cells may be missing, NaN: see :mod:`bayesgmm.mixture.missing_cells`. Rows that lack the same are quickest
    one after the other.

    Parameters
    ----------
    X : float64 array, shape (N, D)
    sample_weight : float64 array, shape (N,) or (0,)
        Weights of the rows; empty means one each.
    log_weights : float64 array, shape (K,)
    means : float64 array, shape (K, D)
    cholesky : float64 array, shape (K, D, D)
        Lower Cholesky factors of the covariances.
    diagonal : bool
        Whether all factors are diagonal; then only the diagonals of s2 are summed.

    Returns
    -------
    log_likelihood : float
        Weighted sum over rows of the log of the mixture density.
    s0, s1, s2 : float64 arrays, shapes (K,), (K, D), (K, D, D)
        Sums of r, r z and r z z' (see the module's text).
    """
    N, D = X.shape
    K = log_weights.shape[0]
    inverse, offset = whitening(log_weights, cholesky)
    sums = zeros(K * (1 + D + D * D) + 2 * APART)
    s0, at = piece(sums, 0, K)
    s1, at = piece(sums, at, K * D)
    s2, at = piece(sums, at, K * D * D)
    s1, s2 = s1.reshape((K, D)), s2.reshape((K, D, D))
    block, centred, weighted, z, r, largest, total, scratch, products = _memory_of_pass(K, D)
    log_likelihood = 0.0
    runs, n_runs, start = no_runs(total), 0, 0
    while start < N:
        size = min(BLOCK, N - start)
        _load_block(X, start, size, block)
        if n_runs > 0:
            n_runs, size = find_runs(block, size, runs, total)
        for k in range(K):
            if n_runs > 0:
                put_at_mean(block, n_runs, runs, means[k])
            component = Whitening(means[k], inverse[k], offset[k])
            _whiten_block(block, size, component, diagonal, centred, z[k], r[k])
            if n_runs > 0:
                known = (inverse[k], offset[k])
                take_out_missing(n_runs, runs, runs.bases[k], known, z[k], r[k], total)
        _normalise_block(r, size, largest, total, scratch)
        log_inplace(total, size, scratch)
        before = log_likelihood
        if sample_weight.shape[0] == 0:
            for n in range(size):
                log_likelihood += largest[n] + total[n]
        else:
            for n in range(size):
                log_likelihood += sample_weight[start + n] * (largest[n] + total[n])
        if n_runs == 0 and np.isnan(log_likelihood) and not np.isnan(before):
            # The first missing cell; from here on they are looked for. On complete rows that would be felt.
            runs = memory_of_runs(K, D, BLOCK)
            n_runs, log_likelihood = 1, before
            if D >= BLAS_FROM:
                centred[:] = 0.0
                z[:] = 0.0
            continue
        if sample_weight.shape[0] > 0:
            for k in range(K):
                for n in range(size):
                    r[k, n] *= sample_weight[start + n]
        for k in range(K):
            s0[k] += _add_moments(r[k], z[k], size, diagonal, weighted, products, s1[k], s2[k])
            if n_runs > 0:
                add_uncertainty(n_runs, runs, runs.bases[k], r[k], s2[k])
        start += size
    for k in range(K):
        for i in range(D):
            for j in range(i):
                s2[k, j, i] = s2[k, i, j]
    return log_likelihood, s0, s1, s2


@entry
def evaluate(X, log_weights, means, cholesky, log_density, responsibilities, diagonal=False):
    """Fill the log of the mixture density (N,) and the responsibilities (N, K) of each row.

    `responsibilities` may have no rows, shape (0, K): then only the log density is filled. `diagonal` says
    that all factors are. Of rows with missing cells, NaN, the density is that of the cells that are there.
    """
    N, D = X.shape
    K = log_weights.shape[0]
    inverse, offset = whitening(log_weights, cholesky)
    block, centred, _, z, r, largest, total, scratch, _ = _memory_of_pass(K, D)
    runs, n_runs, start = no_runs(total), 0, 0
    while start < N:
        size = min(BLOCK, N - start)
        _load_block(X, start, size, block)
        if n_runs > 0:
            n_runs, size = find_runs(block, size, runs, total)
        for k in range(K):
            if n_runs > 0:
                put_at_mean(block, n_runs, runs, means[k])
            component = Whitening(means[k], inverse[k], offset[k])
            _whiten_block(block, size, component, diagonal, centred, z[k], r[k])
            if n_runs > 0:
                known = (inverse[k], offset[k])
                take_out_missing(n_runs, runs, runs.bases[k], known, z[k], r[k], total)
        _normalise_block(r, size, largest, total, scratch)
        log_inplace(total, size, scratch)
        sum_of_block = 0.0
        for n in range(size):
            log_density[start + n] = largest[n] + total[n]
            sum_of_block += total[n]
        if n_runs == 0 and np.isnan(sum_of_block):
            runs, n_runs = memory_of_runs(K, D, BLOCK), 1
            continue
        if responsibilities.shape[0] > 0:
            for k in range(K):
                for n in range(size):
                    responsibilities[start + n, k] = r[k, n]
        start += size


@entry
def gradient(s0, s1, s2, cholesky):
    """Gradient of the log-likelihood by log weights, means and Cholesky factors.

    Takes the sums of :func:`accumulate`. By log weights as free numbers: the constraint that
    weights sum to one is for the caller. Shapes (K,), (K, D) and (K, D, D), the last lower triangular.
    """
    K, D = s1.shape
    by_mean = empty(K * D).reshape((K, D))
    by_cholesky = zeros(K * D * D).reshape((K, D, D))
    column = empty(D)
    for k in range(K):
        L = cholesky[k]
        # Back substitution solves L' v = s, once for s1 and once for each column of s2 - s0 I.
        for i in range(D - 1, -1, -1):
            s = s1[k, i]
            for j in range(i + 1, D):
                s -= L[j, i] * by_mean[k, j]
            by_mean[k, i] = s / L[i, i]
        for c in range(D):
            for i in range(D - 1, c - 1, -1):
                s = s2[k, i, c] - (s0[k] if i == c else 0.0)
                for j in range(i + 1, D):
                    s -= L[j, i] * column[j]
                column[i] = s / L[i, i]
                by_cholesky[k, i, c] = column[i]
    return s0, by_mean, by_cholesky
