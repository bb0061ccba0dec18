"""One climb: accelerated EM from a start until the total log-likelihood stops rising.

EM converges linearly, and slowly where clusters overlap. After every two steps SQUAREM (Varadhan and Roland 2008,
scheme S3) jumps along the line that the two suggest; the jump is kept only if the log-likelihood has risen, which the
next E step tells at no extra cost. The sequence of log-likelihoods therefore never falls.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.steps import DEAD, State, Sums, expect, maximise

__all__ = ["Climb", "Problem", "Status", "climb"]

Array = NDArray[np.float64]


# Sums of many terms are known to this relative precision.
ROUNDING = 1e-13


class Status(Enum):
    """How a climb ended; the value is the message."""

    CONVERGED = "converged: the log-likelihood has stopped rising"
    OUT_OF_ITERATIONS = (
        "out of iterations: the log-likelihood was still rising; increase max_iter or loosen tol"
    )
    DEGENERATE = (
        "degenerate: a component collapsed onto a few points or a plane, where the likelihood has no upper bound "
        "but for the floor that reg_covar sets; use fewer components or more data"
    )
    DECREASED = (
        "decreased: the log-likelihood fell by more than rounding explains; "
        "the data may be too ill-conditioned"
    )


@dataclass(frozen=True)
class Problem:
    """The data of a climb, and the rules that all climbs on them share.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Rows in coordinates in which columns have standard deviations near one.
    sample_weight : ndarray, shape (N,) or (0,)
    family : int
        Of ``steps.FAMILIES``.
    floor : float
        Smallest eigenvalue allowed to a covariance.
    n_threads : int
    """

    X: Array
    sample_weight: Array
    family: int
    floor: float
    n_threads: int

    @property
    def total_weight(self) -> float:
        """Sum of the weights of the rows."""
        return float(self.sample_weight.sum()) if len(self.sample_weight) else float(len(self.X))

    def expect(self, state: State) -> Sums:
        """The E step at `state`."""
        return expect(self.X, self.sample_weight, state, self.family, self.n_threads)

    def maximise(self, sums: Sums, state: State) -> tuple[State, bool]:
        """The M step, and whether a covariance was held at the floor."""
        return maximise(sums, state, self.family, self.total_weight, self.floor)


@dataclass(frozen=True)
class Climb:
    """Where one climb ended, in the coordinates of the data it was given.

    ``log_likelihood`` belongs to exactly this state; ``trace`` holds the total log-likelihood at the states that the
    climb passed through, each no lower than the one before, and ends with that of the last.
    ``n_iter`` counts passes over the data.
    """

    status: Status
    state: State
    trace: Array
    n_iter: int

    @property
    def log_likelihood(self) -> float:
        """Total log-likelihood at the state."""
        return float(self.trace[-1])


def climb(problem: Problem, start: State, *, max_iter: int, tol: float, accelerate: bool = True) -> Climb:
    """Climb from `start`.

    Ends when the gain that is still to come, estimated from the last steps' rate of convergence, is below `tol` times
    the size of the log-likelihood, twice in a row.

    Parameters
    ----------
    problem : Problem
    start : State
    max_iter : int
        Largest number of passes over the data.
    tol : float
        Relative tolerance on the total log-likelihood.
    accelerate : bool
        Whether to jump; without, plain EM steps.
    """
    walk = _Walk(problem, start, max_iter)
    calm = 0
    while not walk.over:
        first, gain = walk.state, walk.step()
        if walk.over or gain is None:
            break
        second, again = walk.state, walk.step()
        if walk.over or again is None:
            break
        rate = _rate(first, second, walk.state)
        scale = max(abs(walk.value), problem.total_weight)
        # A gain the size of rounding says nothing of the rate.
        to_come = again * rate**2 / max(1 - rate**2, 1e-12) if again > ROUNDING * scale else 0.0
        calm = calm + 1 if max(again, to_come) <= tol * scale else 0
        if calm >= 2:
            walk.status = Status.CONVERGED
        elif accelerate:
            walk.jump(_extrapolate(first, second, walk.state))
    return walk.end()


class _Walk:
    """The state of a climb: where it stands, the sums there, and the log-likelihoods so far."""

    def __init__(self, problem: Problem, start: State, max_iter: int) -> None:
        self.problem = problem
        self.state = start
        self.left = max_iter
        self.status: Status | None = None
        self.held = False
        self.sums = problem.expect(start)
        self.n_iter = 0
        self.trace = [self.sums.log_likelihood]

    @property
    def over(self) -> bool:
        return self.status is not None

    @property
    def value(self) -> float:
        return self.trace[-1]

    def step(self) -> float | None:
        """One EM step; the gain, or None where the climb has ended."""
        if self.n_iter >= self.left:
            self.status = Status.OUT_OF_ITERATIONS
            return None
        state, held = self.problem.maximise(self.sums, self.state)
        sums = self.problem.expect(state)
        self.n_iter += 1
        if not np.isfinite(sums.log_likelihood):
            self.status = Status.DEGENERATE
            return None
        gain = sums.log_likelihood - self.value
        if gain < -1e-10 * max(abs(self.value), self.problem.total_weight):
            self.status = Status.DECREASED
            return None
        self._move(state, sums, held)
        return max(gain, 0.0)

    def jump(self, state: State | None) -> None:
        """Go to an extrapolated state if the log-likelihood is no lower there."""
        if state is None or self.n_iter >= self.left:
            return
        sums = self.problem.expect(state)
        self.n_iter += 1
        if np.isfinite(sums.log_likelihood) and sums.log_likelihood >= self.value:
            self._move(state, sums, self.held)

    def _move(self, state: State, sums: Sums, held: bool) -> None:
        self.state, self.sums, self.held = state, sums, held
        self.trace.append(sums.log_likelihood)

    def end(self) -> Climb:
        dead = self.sums.s0.min() <= 10 * DEAD * self.problem.total_weight
        status = self.status or Status.OUT_OF_ITERATIONS
        if self.held or dead:
            status = Status.DEGENERATE
        return Climb(status, self.state, np.array(self.trace), self.n_iter)


def _vector(state: State) -> Array:
    """A state as a vector in which any real numbers are a state: diagonals of the factors by their logarithms."""
    d = state.means.shape[1]
    i, j = np.tril_indices(d, -1)
    diagonal = np.diagonal(state.cholesky, axis1=1, axis2=2)
    return np.concatenate(
        [state.log_weights, state.means.ravel(), np.log(diagonal).ravel(), state.cholesky[:, i, j].ravel()]
    )


def _state(vector: Array, like: State) -> State:
    k, d = like.means.shape
    i, j = np.tril_indices(d, -1)
    log_weights, means, diagonal, below = np.split(vector, np.cumsum([k, k * d, k * d]))
    cholesky = np.zeros((k, d, d))
    cholesky[:, np.arange(d), np.arange(d)] = np.exp(diagonal.reshape(k, d))
    cholesky[:, i, j] = below.reshape(k, -1)
    return State(log_weights - np.logaddexp.reduce(log_weights), means.reshape(k, d), cholesky)


def _rate(first: State, second: State, third: State) -> float:
    """Ratio of two steps' lengths: an estimate of EM's linear rate of convergence."""
    a, b, c = _vector(first), _vector(second), _vector(third)
    before = np.linalg.norm(b - a)
    return float(min(np.linalg.norm(c - b) / before, 1.0)) if before > 0 else 0.0


def _extrapolate(first: State, second: State, third: State) -> State | None:
    """SQUAREM's jump from `first`, or None where it is no longer than the two steps."""
    a, b, c = _vector(first), _vector(second), _vector(third)
    r, v = b - a, (c - b) - (b - a)
    size = np.linalg.norm(v)
    if size == 0:
        return None
    alpha = -np.linalg.norm(r) / size
    if not alpha < -1.0:
        return None
    target = a - 2 * alpha * r + alpha**2 * v
    return _state(target, first) if np.all(np.isfinite(target)) and np.abs(target).max() < 1e3 else None
