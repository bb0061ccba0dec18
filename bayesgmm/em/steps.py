"""One EM step for each covariance family, and the pass over the rows behind it.

The M step never forms a covariance. In the coordinates z = L^-1 (x - mu) of the old parameters the new covariance of a
component is A = S2 / S0 - m m' with m = S1 / S0; with A = G G' the new Cholesky factor is L G. Near the maximum A is
close to the identity, so that ill-conditioned covariances cost no accuracy. The other families average A:

* tied: over components, weighted by S0; all share L. Celeux and Govaert (1995), model [lambda D A D'];
* diag: only its diagonal is kept, and L is diagonal. Model [lambda_k B_k];
* spherical: the mean of that diagonal, and L is a multiple of the identity. Model [lambda_k I].
"""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bayesgmm.compilation import entry, inlined
from bayesgmm.kernels import accumulate

__all__ = ["FAMILIES", "State", "Sums", "expect", "maximise"]

Array = NDArray[np.float64]

FULL, TIED, DIAG, SPHERICAL = range(4)
FAMILIES = {"full": FULL, "tied": TIED, "diag": DIAG, "spherical": SPHERICAL}

# Rows are summed in chunks of this many, in this order, so that sums do not depend on how many threads there are.
CHUNK = 8192
# A component that holds less than this share of the data has died out.
DEAD = 1e-9


@dataclass(frozen=True)
class State:
    """Parameters of a mixture as EM moves them: log weights (K,), means (K, D), Cholesky factors (K, D, D)."""

    log_weights: Array
    means: Array
    cholesky: Array


@dataclass(frozen=True)
class Sums:
    """What an E step leaves: the total log-likelihood at its parameters, and the sums of r, r z and r z z'."""

    log_likelihood: float
    s0: Array
    s1: Array
    s2: Array


def expect(X: Array, sample_weight: Array, state: State, family: int, n_threads: int) -> Sums:
    """The E step: one pass over the rows, by several threads where there are many.

    The result does not depend on the number of threads by a bit.

    Parameters
    ----------
    X : ndarray, shape (N, D)
    sample_weight : ndarray, shape (N,) or (0,)
    state : State
    family : int
        One of ``FAMILIES``.
    n_threads : int
    """
    diagonal = family in (DIAG, SPHERICAL)
    parameters = state.log_weights, state.means, state.cholesky, diagonal

    def one(rows: slice) -> tuple[float, Array, Array, Array]:
        return accumulate(X[rows], sample_weight[rows], *parameters)

    chunks = list(_chunks(len(X)))
    if len(chunks) == 1:
        return Sums(*one(chunks[0]))
    parts = list(_pool(n_threads).map(one, chunks)) if n_threads > 1 else [one(c) for c in chunks]
    log_likelihood, s0, s1, s2 = (sum(p[i] for p in parts) for i in range(4))
    return Sums(log_likelihood, s0, s1, s2)


def _chunks(n: int) -> Iterator[slice]:
    # A short last chunk would be a thread's whole work for little; chunks are made even instead.
    count = max(1, round(n / CHUNK))
    edges = np.linspace(0, n, count + 1).astype(int)
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        yield slice(int(a), int(b))


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="bayesgmm")


def _forget_threads() -> None:
    _pool.cache_clear()


# Threads do not survive a fork; a child makes its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def maximise(sums: Sums, state: State, family: int, total_weight: float, floor: float) -> tuple[State, bool]:
    """The M step: new parameters, and whether a covariance had to be kept from collapsing.

    Eigenvalues of the covariances are kept at or above `floor`. That is the maximum of the expected log-likelihood under
    this constraint (Hathaway 1985; Ingrassia 2004), so that the log-likelihood still rises with every step.
    """
    s0 = np.maximum(sums.s0, DEAD * total_weight)
    means, cholesky = np.empty_like(state.means), np.zeros_like(state.cholesky)
    inner = np.empty_like(state.cholesky)
    _update(s0, sums.s1, sums.s2, state.means, state.cholesky, family, floor, means, cholesky, inner)
    held = _hold(state.cholesky, cholesky, inner, floor)
    return State(np.log(s0 / s0.sum()), means, cholesky), held


@entry
def _update(s0, s1, s2, old_means, old_cholesky, family, floor, means, cholesky, inner):
    """Fill means, Cholesky factors and A; the first entry of a factor that must be kept from collapsing is NaN."""
    K, D = old_means.shape
    total = 0.0
    for k in range(K):
        total += s0[k]
        for i in range(D):
            s = 0.0
            for j in range(i + 1):
                s += old_cholesky[k, i, j] * s1[k, j]
            means[k, i] = old_means[k, i] + s / s0[k]
            for j in range(i + 1):
                inner[k, i, j] = s2[k, i, j] / s0[k] - (s1[k, i] / s0[k]) * (s1[k, j] / s0[k])
                inner[k, j, i] = inner[k, i, j]
    if family == TIED:
        for i in range(D):
            for j in range(D):
                s = 0.0
                for k in range(K):
                    s += s0[k] * inner[k, i, j]
                for k in range(K):
                    inner[k, i, j] = s / total
    elif family == DIAG or family == SPHERICAL:
        for k in range(K):
            mean = 0.0
            for i in range(D):
                mean += inner[k, i, i] / D
                for j in range(D):
                    if i != j:
                        inner[k, i, j] = 0.0
            if family == SPHERICAL:
                for i in range(D):
                    inner[k, i, i] = mean
    factor = np.empty((D, D))
    for k in range(K):
        if not _factorise(inner[k], factor):
            cholesky[k, 0, 0] = np.nan
            continue
        for i in range(D):
            for j in range(i + 1):
                s = 0.0
                for m in range(j, i + 1):
                    s += old_cholesky[k, i, m] * factor[m, j]
                cholesky[k, i, j] = s
        if _smallest_eigenvalue_bound(cholesky[k], factor) < floor:
            cholesky[k, 0, 0] = np.nan


@inlined
def _factorise(a, factor):
    """Lower Cholesky factor of a; False if a is not positive definite."""
    D = a.shape[0]
    for i in range(D):
        for j in range(i + 1):
            s = a[i, j]
            for m in range(j):
                s -= factor[i, m] * factor[j, m]
            if i == j:
                if not s > 0.0:
                    return False
                factor[i, i] = math.sqrt(s)
            else:
                factor[i, j] = s / factor[j, j]
    return True


@inlined
def _smallest_eigenvalue_bound(L, inverse):
    """1 / |L^-1|_F^2, which the smallest eigenvalue of L L' is not below."""
    D = L.shape[0]
    total = 0.0
    for j in range(D):
        inverse[j, j] = 1.0 / L[j, j]
        total += inverse[j, j] * inverse[j, j]
        for i in range(j + 1, D):
            s = 0.0
            for m in range(j, i):
                s -= L[i, m] * inverse[m, j]
            inverse[i, j] = s / L[i, i]
            total += inverse[i, j] * inverse[i, j]
    return 1.0 / total


def _hold(old_cholesky: Array, cholesky: Array, inner: Array, floor: float) -> bool:
    """Lift the eigenvalues of marked covariances to the floor, in place; says whether one was below."""
    held = False
    for k in np.flatnonzero(np.isnan(cholesky[:, 0, 0])):
        covariance = old_cholesky[k] @ inner[k] @ old_cholesky[k].T
        values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
        held |= bool(values[0] < floor)
        values = np.maximum(values, floor)
        # The factor of V diag(v) V' is the triangle of a QR decomposition of its square root.
        triangle = np.linalg.qr((vectors * np.sqrt(values)).T, mode="r").T
        cholesky[k] = triangle * np.sign(np.diagonal(triangle))
    return held
