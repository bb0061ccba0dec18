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
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.compilation import entry, inlined
from bayesgmm.kernels import accumulate

__all__ = ["FAMILIES", "Advance", "State", "Sums", "advance", "expect", "maximise"]

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


@dataclass(frozen=True)
class Advance:
    """One EM step from a state: the log-likelihood there, and where the step leads.

    ``held`` says whether a covariance had to be kept from collapsing, ``smallest_mass`` is the weight of rows that the
    smallest component holds.
    """

    log_likelihood: float
    next: State
    held: bool
    smallest_mass: float


def advance(
    X: Array, sample_weight: Array, state: State, family: int, floor: float, n_threads: int
) -> Advance:
    """E step and M step, in one pass over the rows; by several threads where there are many.

    The result does not depend on the number of threads by a bit. Eigenvalues of the covariances are kept at or above
    `floor`, which is the maximum of the expected log-likelihood under this constraint (Hathaway 1985; Ingrassia
    2004), so that the log-likelihood still rises with every step.

    Parameters
    ----------
    X : ndarray, shape (N, D)
    sample_weight : ndarray, shape (N,) or (0,)
    state : State
    family : int
        One of ``FAMILIES``.
    floor : float
    n_threads : int
    """
    new = State(*(np.empty_like(a) for a in (state.log_weights, state.means, state.cholesky)))
    inner = np.empty_like(state.cholesky)
    old = state.log_weights, state.means, state.cholesky
    into = new.log_weights, new.means, new.cholesky, inner
    if len(X) < 2 * CHUNK:
        log_likelihood, smallest, marked = _advance(X, sample_weight, *old, family, floor, *into)
    else:
        sums = expect(X, sample_weight, state, family, n_threads)
        marked = _update(sums.s0, sums.s1, sums.s2, *old, family, floor, *into)
        log_likelihood, smallest = sums.log_likelihood, float(sums.s0.min())
    held = marked and _hold(state.cholesky, new.cholesky, inner, floor)
    return Advance(log_likelihood, new, held, smallest)


def expect(X: Array, sample_weight: Array, state: State, family: int, n_threads: int) -> Sums:
    """The E step alone: sums over chunks of rows, put together in the order of the chunks."""
    parameters = state.log_weights, state.means, state.cholesky, family >= DIAG

    def one(rows: slice) -> tuple[float, Array, Array, Array]:
        return accumulate(X[rows], sample_weight[rows], *parameters)

    chunks = list(_chunks(len(X)))
    parts = list(_pool(n_threads).map(one, chunks)) if n_threads > 1 else [one(c) for c in chunks]
    columns: list[Any] = list(zip(*parts, strict=True))
    return Sums(*(sum(column[1:], column[0]) for column in columns))


def maximise(sums: Sums, state: State, family: int, floor: float) -> State:
    """The M step alone, from sums in the coordinates of `state`."""
    new = State(*(np.empty_like(a) for a in (state.log_weights, state.means, state.cholesky)))
    inner = np.empty_like(state.cholesky)
    old = state.log_weights, state.means, state.cholesky
    into = new.log_weights, new.means, new.cholesky, inner
    if _update(sums.s0, sums.s1, sums.s2, *old, family, floor, *into):
        _hold(state.cholesky, new.cholesky, inner, floor)
    return new


def _chunks(n: int) -> Iterator[slice]:
    # A short last chunk would be a thread's whole work for little; chunks are made even instead.
    count = max(1, round(n / CHUNK))
    edges = np.linspace(0, n, count + 1).astype(int)
    for a, b in pairwise(edges):
        yield slice(int(a), int(b))


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="bayesgmm")


def _forget_threads() -> None:
    _pool.cache_clear()


# Threads do not survive a fork; a child makes its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


@entry
def _advance(
    X,
    sample_weight,
    log_weights,
    means,
    cholesky,
    family,
    floor,
    new_log_weights,
    new_means,
    new_cholesky,
    inner,
):
    """Both steps; returns the log-likelihood, the smallest component's mass, and whether a factor is marked."""
    log_likelihood, s0, s1, s2 = accumulate(X, sample_weight, log_weights, means, cholesky, family >= DIAG)
    smallest = s0[0]
    for k in range(1, s0.shape[0]):
        smallest = min(smallest, s0[k])
    marked = _update(
        s0,
        s1,
        s2,
        log_weights,
        means,
        cholesky,
        family,
        floor,
        new_log_weights,
        new_means,
        new_cholesky,
        inner,
    )
    return log_likelihood, smallest, marked


@entry
def _update(
    s0,
    s1,
    s2,
    old_log_weights,
    old_means,
    old_cholesky,
    family,
    floor,
    log_weights,
    means,
    cholesky,
    inner,
):
    """Fill log weights, means, Cholesky factors and A.

    The first entry of a factor that must be kept from collapsing is set to NaN, and true returned.
    """
    K, D = old_means.shape
    total = 0.0
    for k in range(K):
        total += s0[k]
    for k in range(K):
        # A component that has died out stays where it is.
        mass = max(s0[k], DEAD * total)
        log_weights[k] = math.log(mass / total)
        for i in range(D):
            s = 0.0
            for j in range(i + 1):
                s += old_cholesky[k, i, j] * s1[k, j]
            means[k, i] = old_means[k, i] + s / mass
            for j in range(i + 1):
                inner[k, i, j] = s2[k, i, j] / mass - (s1[k, i] / mass) * (s1[k, j] / mass)
                inner[k, j, i] = inner[k, i, j]
    if family == TIED:
        for i in range(D):
            for j in range(D):
                s = 0.0
                for k in range(K):
                    s += s0[k] * inner[k, i, j]
                for k in range(K):
                    inner[k, i, j] = s / total
    elif family >= DIAG:
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
    factor = np.zeros((D, D))
    marked = False
    for k in range(K):
        if not _factorise(inner[k], factor):
            cholesky[k, 0, 0] = np.nan
            marked = True
            continue
        for i in range(D):
            for j in range(i + 1):
                s = 0.0
                for m in range(j, i + 1):
                    s += old_cholesky[k, i, m] * factor[m, j]
                cholesky[k, i, j] = s
            for j in range(i + 1, D):
                cholesky[k, i, j] = 0.0
        if _smallest_eigenvalue_bound(cholesky[k], factor) < floor:
            cholesky[k, 0, 0] = np.nan
            marked = True
    return marked


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
