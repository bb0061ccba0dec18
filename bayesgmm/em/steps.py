"""One EM step for each covariance family, and the pass over the rows behind it.

The M step never forms a covariance. In the coordinates z = L^-1 (x - mu) of the old parameters the new
covariance of a component is A = S2 / S0 - m m' with m = S1 / S0; with A = G G' the new Cholesky factor is L
G. Near the maximum A is close to the identity, so that ill-conditioned covariances cost no accuracy. Families
with fewer parameters pool A (Celeux and Govaert 1995), as `CovarianceFamily.pooling` says:

* over components, weighted by S0, where all share L;
* its diagonal only is kept, where L is diagonal;
* the mean of that diagonal is taken, where L is a multiple of the identity.

Where volume, shape and axes are constrained apart, `em.volume_shape` brings A to the family.
"""

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.volume_shape import constrained
from bayesgmm.mixture.families import APART, DIAGONAL, OVER_COMPONENTS, OVER_FEATURES
from bayesgmm.mixture.kernels import BLAS_FROM, accumulate
from bayesgmm.support.allocation import empty, zeros
from bayesgmm.support.compilation import entry, inlined
from bayesgmm.support.threads import one_blas_thread, shared

__all__ = [
    "Advance",
    "State",
    "Sums",
    "advance",
    "advance_on_few",
    "expect",
    "is_in_one_piece",
    "maximise",
    "projected",
    "standard_state",
]

Array = NDArray[np.float64]

# Rows are summed in chunks, in this order, so that sums do not depend on how many threads there are. With
# many features a row is more work, and a chunk has fewer.
MOST_ROWS, FEWEST_ROWS, ENTRIES = 8192, 1024, 65_536
# A component that holds less than this share of the data has died out.
DEAD = 1e-9


class State:
    """Parameters of a mixture as EM moves them, in one vector: log weights (K,), means (K, D), Cholesky
    factors (K, D, D).

    One vector, since a step on few rows costs no more than handing arrays to compiled code.
    """

    __slots__ = ("packed", "shape")

    def __init__(self, log_weights: Array, means: Array, cholesky: Array) -> None:
        self.shape: tuple[int, int] = means.shape
        self.packed: Array = np.concatenate([log_weights, means.ravel(), cholesky.ravel()])

    def blank(self) -> "State":
        """A state of the same shape, not yet filled."""
        new = State.__new__(State)
        new.shape = self.shape
        new.packed = np.empty(self.packed.size)
        return new

    def copy(self) -> "State":
        """The same numbers in memory of their own."""
        new = self.blank()
        new.packed[:] = self.packed
        return new

    @property
    def log_weights(self) -> Array:
        """Shape (K,)."""
        return self.packed[: self.shape[0]]

    @property
    def means(self) -> Array:
        """Shape (K, D)."""
        k, d = self.shape
        return self.packed[k : k + k * d].reshape(k, d)

    @property
    def cholesky(self) -> Array:
        """Shape (K, D, D), lower."""
        k, d = self.shape
        return self.packed[k + k * d :].reshape(k, d, d)


@dataclass(frozen=True)
class Sums:
    """What an E step leaves: the total log-likelihood at its parameters, and the sums of r, r z and r z
    z'."""

    log_likelihood: float
    s0: Array
    s1: Array
    s2: Array


class Advance(NamedTuple):
    """One EM step from a state: the log-likelihood there, and where the step leads.

    ``held`` says whether a covariance had to be kept from collapsing, ``smallest_mass`` is the weight of rows
    that the smallest component holds.
    """

    log_likelihood: float
    next: State
    held: bool
    smallest_mass: float


def advance(
    X: Array, sample_weight: Array, state: State, pooling: int, floor: float, n_threads: int
) -> Advance:
    """E step and M step, in one pass over the rows; by several threads where there are many.

    The result does not depend on the number of threads by a bit. Eigenvalues of the covariances are kept at
    or above `floor`, which is the maximum of the expected log-likelihood under this constraint (Hathaway
    1985; Ingrassia 2004), so that the log-likelihood still rises with every step.

    Parameters
    ----------
    X : ndarray, shape (N, D)
    sample_weight : ndarray, shape (N,) or (0,)
    state : State
    pooling : int
        Of the covariance family.
    floor : float
    n_threads : int
    """
    new = state.blank()
    few = is_in_one_piece(X)
    if few and not pooling & APART:
        log_likelihood, smallest, held = advance_on_few(
            X, sample_weight, state.packed, *state.shape, pooling, floor, new.packed
        )
        return Advance(log_likelihood, new, held, smallest)
    if few:
        sums = Sums(*_summed(X, sample_weight, state, pooling))
    else:
        sums = expect(X, sample_weight, state, pooling, n_threads)
    held = _fill(sums, state, pooling, floor, new)
    return Advance(sums.log_likelihood, new, held, float(sums.s0.min()))


def expect(X: Array, sample_weight: Array, state: State, pooling: int, n_threads: int) -> Sums:
    """The E step alone: sums over chunks of rows, put together in the order of the chunks."""

    def one(rows: slice) -> tuple[float, Array, Array, Array]:
        return _summed(X[rows], sample_weight[rows], state, pooling)

    chunks = list(_chunks(X))
    alone = n_threads == 1 or len(chunks) == 1 or X.shape[1] < BLAS_FROM
    # BLAS with threads of its own would have ours wait for each other: 76 ms instead of 30 at D = 64.
    with nullcontext() if alone else one_blas_thread():
        parts = shared(one, chunks, n_threads)
    columns: list[Any] = list(zip(*parts, strict=True))
    return Sums(*(sum(column[1:], column[0]) for column in columns))


def _summed(X: Array, sample_weight: Array, state: State, pooling: int) -> tuple[float, Array, Array, Array]:
    parameters = state.log_weights, state.means, state.cholesky, (pooling & DIAGONAL) != 0
    found: tuple[float, Array, Array, Array] = accumulate(X, sample_weight, *parameters)
    return found


def standard_state(n_components: int, n_features: int) -> State:
    """Components that are all standard normal: in their coordinates sums are those of the rows themselves."""
    k, d = n_components, n_features
    return State(np.zeros(k), np.zeros((k, d)), np.tile(np.eye(d), (k, 1, 1)))


def maximise(sums: Sums, state: State, pooling: int, floor: float) -> State:
    """The M step alone, from sums in the coordinates of `state`."""
    new = state.blank()
    _fill(sums, state, pooling, floor, new)
    return new


def projected(state: State, near: State, pooling: int, floor: float) -> State:
    """The mixture of a family that is nearest to a state in Kullback and Leibler's sense, by the M step.

    Parameters
    ----------
    state : State
        A state outside the family. Where its Cholesky factors are those of a linear space none is.
    near : State
        One of the family, from whose volumes and axes on the nearest is looked for.
    pooling : int
    floor : float
    """
    if not pooling & APART:
        return state
    mass, half = np.exp(state.log_weights), np.linalg.solve(near.cholesky, state.cholesky)
    new = near.blank()
    _constrain(half @ np.swapaxes(half, 1, 2), mass, near, pooling, floor, new)
    new.means[:] = state.means
    return new


def _fill(sums: Sums, state: State, pooling: int, floor: float, new: State) -> bool:
    """Fill the new state; returns whether a covariance had to be kept from collapsing."""
    if not pooling & APART:
        return bool(_update(sums.s0, sums.s1, sums.s2, state.packed, pooling, floor, new.packed))
    mass = np.maximum(sums.s0, DEAD * sums.s0.sum())
    move = sums.s1 / mass[:, None]
    inner = sums.s2 / mass[:, None, None] - move[:, :, None] * move[:, None, :]
    held = _constrain(inner, mass, state, pooling, floor, new)
    new.means[:] = state.means + (state.cholesky @ move[:, :, None])[:, :, 0]
    return held


def _constrain(inner: Array, mass: Array, state: State, pooling: int, floor: float, new: State) -> bool:
    """Fill weights and factors of a family with volume, shape and axes apart, from components on their
    own."""
    inner = constrained(inner, mass, state.cholesky, pooling)
    still, s2 = np.zeros(state.means.shape), mass[:, None, None] * inner
    return bool(_update(mass, still, s2, state.packed, pooling & DIAGONAL, floor, new.packed))


def is_in_one_piece(X: Array) -> bool:
    """Whether the rows are so few that they are not summed in chunks."""
    return len(X) < 2 * _chunk(X)


def _chunk(X: Array) -> int:
    return max(FEWEST_ROWS, min(MOST_ROWS, ENTRIES // X.shape[1]))


def _chunks(X: Array) -> Iterator[slice]:
    # A short last chunk would be a thread's whole work for little; chunks are made even instead.
    edges = np.linspace(0, len(X), max(1, round(len(X) / _chunk(X))) + 1).astype(int)
    for a, b in pairwise(edges):
        yield slice(int(a), int(b))


@inlined
def unpacked(packed, K, D):
    """Log weights, means and Cholesky factors: views of a state's vector."""
    m = K + K * D
    return packed[:K], packed[K:m].reshape(K, D), packed[m:].reshape(K, D, D)


@entry
def advance_on_few(X, sample_weight, old, K, D, pooling, floor, new):
    """Both steps; returns the log-likelihood, the smallest component's mass, and whether a covariance was
    held."""
    log_weights, means, cholesky = unpacked(old, K, D)
    log_likelihood, s0, s1, s2 = accumulate(
        X, sample_weight, log_weights, means, cholesky, (pooling & DIAGONAL) != 0
    )
    held = _update(s0, s1, s2, old, pooling, floor, new)
    return log_likelihood, s0.min(), held


@entry
def _update(s0, s1, s2, old, pooling, floor, new):
    """Fill the new state; returns whether a covariance had to be kept from collapsing."""
    K, D = s1.shape
    _, old_means, old_cholesky = unpacked(old, K, D)
    log_weights, means, cholesky = unpacked(new, K, D)
    inner = empty(K * D * D).reshape((K, D, D))
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
    _pool(inner, s0, total, pooling)
    factor = zeros(D * D).reshape((D, D))
    held = False
    for k in range(K):
        definite = _factorise(inner[k], factor)
        if definite:
            for i in range(D):
                for j in range(i + 1):
                    s = 0.0
                    for m in range(j, i + 1):
                        s += old_cholesky[k, i, m] * factor[m, j]
                    cholesky[k, i, j] = s
                for j in range(i + 1, D):
                    cholesky[k, i, j] = 0.0
        if not definite or _smallest_eigenvalue_bound(cholesky[k], factor) < floor:
            held |= _lift(old_cholesky[k], inner[k], floor, cholesky[k])
    return held


@inlined
def _pool(inner, s0, total, pooling):
    """Average what the family shares, in place."""
    K, D = inner.shape[:2]
    if pooling & OVER_COMPONENTS:
        for i in range(D):
            for j in range(D):
                s = 0.0
                for k in range(K):
                    s += s0[k] * inner[k, i, j]
                for k in range(K):
                    inner[k, i, j] = s / total
    if pooling & DIAGONAL:
        for k in range(K):
            mean = 0.0
            for i in range(D):
                mean += inner[k, i, i] / D
                for j in range(D):
                    if i != j:
                        inner[k, i, j] = 0.0
            if pooling & OVER_FEATURES:
                for i in range(D):
                    inner[k, i, i] = mean


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


@inlined
def _lift(old_cholesky, inner, floor, cholesky):
    """Fill the factor of L A L' with its eigenvalues lifted to the floor; says whether one was below."""
    covariance = old_cholesky @ inner @ old_cholesky.T
    if not np.all(np.isfinite(covariance)):
        cholesky[:] = np.nan
        return True
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    # The factor of V diag(v) V' is the triangle of a QR decomposition of its square root.
    _, triangle = np.linalg.qr((vectors * np.sqrt(np.maximum(values, floor))).T)
    for i in range(cholesky.shape[0]):
        for j in range(cholesky.shape[1]):
            cholesky[i, j] = triangle[j, i] * np.sign(triangle[j, j])
    return bool(values[0] < floor)
