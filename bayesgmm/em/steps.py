"""One EM step for each covariance family, and the pass over the rows behind it.

The M step, and the coordinates that make it accurate, are those of :mod:`bayesgmm.em.m_step`.
"""

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.m_step import unpacked, update, update_apart
from bayesgmm.mixture.covariance_family import APART, DIAGONAL
from bayesgmm.mixture.kernels import BLAS_FROM, accumulate
from bayesgmm.support.allocation import empty, zeros
from bayesgmm.support.compilation import entry, inlined
from bayesgmm.support.threads import one_blas_thread, shared

__all__ = [
    "Advance",
    "State",
    "Sums",
    "advance",
    "advance_apart",
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
    s2 = mass[:, None, None] * (half @ np.swapaxes(half, 1, 2))
    new = near.blank()
    update_apart(mass, np.zeros(state.shape), s2, near.packed, pooling, floor, new.packed)
    new.means[:] = state.means
    return new


def _fill(sums: Sums, state: State, pooling: int, floor: float, new: State) -> bool:
    """Fill the new state; returns whether a covariance had to be kept from collapsing."""
    make = update_apart if pooling & APART else update
    return bool(make(sums.s0, sums.s1, sums.s2, state.packed, pooling, floor, new.packed))


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


@entry
def advance_on_few(X, sample_weight, old, K, D, pooling, floor, new):
    """Both steps; returns the log-likelihood, the smallest component's mass, and whether a covariance was
    held."""
    log_weights, means, cholesky = unpacked(old, K, D)
    log_likelihood, s0, s1, s2 = accumulate(
        X, sample_weight, log_weights, means, cholesky, (pooling & DIAGONAL) != 0
    )
    held = update(s0, s1, s2, old, pooling, floor, new)
    return log_likelihood, s0.min(), held


@entry
def advance_apart(X, sample_weight, old, near, form, new):
    """The same for a family that constrains volume, shape and axes apart.

    Parameters
    ----------
    X, sample_weight : ndarrays
    old : ndarray
        The state to go on from.
    near : ndarray
        Empty; or a state from which on the one of the family that is nearest to `old` is looked for, which
        takes its place first: see `projected`.
    form : tuple
        K, D, pooling and floor.
    new : ndarray
    """
    K, D, pooling, floor = form
    log_weights, means, cholesky = unpacked(old, K, D)
    log_likelihood, smallest, held = 0.0, 0.0, False
    base = near
    # Twice the same code, rather than two copies of it.
    for is_step in range(0 if near.shape[0] > 0 else 1, 2):
        if is_step:
            base = old
            log_likelihood, s0, s1, s2 = accumulate(
                X, sample_weight, log_weights, means, cholesky, (pooling & DIAGONAL) != 0
            )
            smallest = s0.min()
        else:
            s0, s1, s2 = _seen_from(near, old, K, D)
        held = update_apart(s0, s1, s2, base, pooling, floor, new)
        if not is_step:
            for i in range(K):
                old[i] = new[i]
            for i in range(K + K * D, old.shape[0]):
                old[i] = new[i]
    return log_likelihood, smallest, held


@inlined
def _seen_from(near, state, K, D):
    """Sums of a state's components, seen from another's but for their means."""
    log_weights, _, cholesky = unpacked(state, K, D)
    _, _, near_cholesky = unpacked(near, K, D)
    s0, s1, s2 = empty(K), zeros(K * D).reshape((K, D)), empty(K * D * D).reshape((K, D, D))
    half = zeros(D * D).reshape((D, D))
    for k in range(K):
        s0[k] = math.exp(log_weights[k])
        for j in range(D):
            for i in range(j, D):
                s = cholesky[k, i, j]
                for m in range(j, i):
                    s -= near_cholesky[k, i, m] * half[m, j]
                half[i, j] = s / near_cholesky[k, i, i]
        for i in range(D):
            for j in range(i + 1):
                s = 0.0
                for m in range(j + 1):
                    s += half[i, m] * half[j, m]
                s2[k, i, j] = s0[k] * s
                s2[k, j, i] = s2[k, i, j]
    return s0, s1, s2
