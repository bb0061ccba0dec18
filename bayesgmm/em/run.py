"""One EM run: accelerated EM from a start until the total log-likelihood stops rising.

EM converges linearly, and slowly where clusters overlap. After every two steps SQUAREM (Varadhan and Roland
2008, scheme S3) jumps along the line that the two suggest; the jump is kept only if the log-likelihood has
risen, which the next E step tells at no extra cost. The sequence of log-likelihoods therefore never falls.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em import leg as legs
from bayesgmm.em.leg import ROUNDING
from bayesgmm.em.m_step import DEAD
from bayesgmm.em.problem import Problem
from bayesgmm.em.squarem import squarem
from bayesgmm.em.steps import Advance, State
from bayesgmm.support.clock import Clock

__all__ = ["ROUNDING", "EMRun", "Status", "Walk", "has_stopped", "run_em"]

Array = NDArray[np.float64]

# Passes of a compiled leg at most, and counted nanoseconds, after which a clock is looked at.
MOST_PASSES, LONG = 64, 1e7


class Status(Enum):
    """How an EM run ended; the value is the message."""

    CONVERGED = "converged: the log-likelihood has stopped rising"
    OUT_OF_ITERATIONS = (
        "out of iterations: the log-likelihood was still rising; increase max_iter or loosen tol"
    )
    OUT_OF_TIME = "out of time: the log-likelihood was still rising when max_time had passed; allow more time"
    DEGENERATE = (
        "degenerate: a component collapsed onto a few points or a plane, where the likelihood has no upper "
        "bound; use fewer components, more data, or a reg_covar that keeps covariances from it"
    )
    SADDLE = (
        "saddle: the log-likelihood is level here, but rises to both sides of it; use other starts or fewer "
        "components"
    )
    DECREASED = (
        "decreased: the log-likelihood fell by more than rounding explains; "
        "the data may be too ill-conditioned"
    )


# What a compiled leg has come to.
ENDED = {
    legs.CONVERGED: Status.CONVERGED,
    legs.DEGENERATE: Status.DEGENERATE,
    legs.DECREASED: Status.DECREASED,
}


@dataclass(frozen=True)
class EMRun:
    """Where one EM run ended, in the coordinates of the data it was given.

    ``log_likelihood`` belongs to exactly this state; ``trace`` holds the total log-likelihood at the states
    that the run passed through, each no lower than the one before, and ends with that of the last. ``n_iter``
    counts passes over the data. ``held`` says whether a covariance is kept at the floor.
    """

    status: Status
    state: State
    trace: Array
    n_iter: int
    held: bool

    @property
    def log_likelihood(self) -> float:
        """Total log-likelihood at the state."""
        return float(self.trace[-1])


def run_em(
    problem: Problem,
    start: State,
    *,
    max_iter: int,
    tol: float,
    accelerate: bool = True,
    clock: Clock | None = None,
) -> EMRun:
    """Run EM from `start`.

    Parameters
    ----------
    problem : Problem
    start : State
    max_iter : int
        Largest number of passes over the data.
    tol : float
        Relative tolerance on the total log-likelihood; see :meth:`Walk.go`.
    accelerate : bool
        Whether to jump; without, plain EM steps.
    clock : Clock, optional
        Where its time passes, the run ends where it is.
    """
    walk = Walk(problem, start, accelerate=accelerate)
    walk.go(max_iter, tol, clock)
    return walk.end()


def has_stopped(before: Array, after: Array, problem: Problem, tol: float) -> bool:
    """Whether the log-likelihood has stopped rising along a run that goes on where another one ended.

    Parameters
    ----------
    before, after : ndarrays
        Log-likelihoods along the two, in the problem's coordinates. They belong together where the one begins
        at the other's end.
    problem : Problem
    tol : float
        As in :func:`run_em`. What is still to come is extrapolated from the last two gains (Aitken).
    """
    scale = max(abs(after[0]), problem.total_weight)
    if abs(after[0] - before[-1]) > ROUNDING * 10 * scale:
        return False
    trace = np.concatenate([before[:-1], after])
    if len(trace) < 3:
        return False
    first, second = np.diff(trace[-3:])
    if second <= ROUNDING * scale:
        return True
    to_come = second * second / (first - second) if second < first else np.inf
    return bool(max(second, to_come) <= tol * scale)


class Walk:
    """An EM run that can be paused: the state, the EM step ahead of it, and the log-likelihoods so far.

    Attributes
    ----------
    status : Status or None
        How it ended; None while it is under way.
    n_iter : int
        Passes over the data so far.
    to_come : float
        What the last steps' rate of convergence lets expect of further gain.
    """

    def __init__(self, problem: Problem, start: State, *, accelerate: bool = True) -> None:
        self.problem = problem
        self.accelerate = accelerate
        self.max_iter = 1
        self.status: Status | None = None
        self.state = problem.lifted(start)
        self.ahead = problem.advance(self.state)
        self.n_iter = 1
        self.trace = [self.ahead.log_likelihood]
        self.to_come = np.inf
        if not np.isfinite(self.value):
            self.status = Status.DEGENERATE

    def go(self, max_iter: int, tol: float, clock: Clock | None = None) -> None:
        """Go on, to `max_iter` passes in all at the most, and not when a clock's time has passed.

        Ends when the gain that is still to come, estimated from the last steps' rate of convergence, is below
        `tol` times the size of the log-likelihood, twice in a row, or a step gains no more than rounding.
        """
        if self.status in (Status.OUT_OF_ITERATIONS, Status.OUT_OF_TIME, Status.CONVERGED):
            self.status = None
        self.max_iter, calm = max_iter, 0
        few = self.problem.is_in_one_piece
        while self.status is None:
            if clock is not None and clock.is_over:
                self.status = Status.OUT_OF_TIME
                break
            if few:
                calm = self._leg(tol, calm)
                continue
            first, second = self.state, self.ahead.next
            gain = self.step()
            if self.status is not None:
                break
            if not self.accelerate and gain > tol * self.size:
                calm = 0
                continue
            rate, target = _extrapolate(first, second, self.ahead.next)
            # A gain the size of rounding says nothing of the rate.
            told = gain > ROUNDING * self.size
            self.to_come = gain * rate**2 / max(1 - rate**2, 1e-12) if told else 0.0
            calm = calm + 1 if max(gain, self.to_come) <= tol * self.size else 0
            # Where nothing is gained at all another step would tell no more.
            if calm >= 2 or not told:
                self.status = Status.CONVERGED
            elif self.accelerate and target is not None and calm == 0:
                self.jump(self.problem.projected(target, second))

    def _leg(self, tol: float, calm: int) -> int:
        """Go on for some passes in compiled code; returns how often in a row nothing was to be gained."""
        if self.n_iter >= self.max_iter:
            self.status = Status.OUT_OF_ITERATIONS
            return calm
        problem, state, ahead = self.problem, self.state.copy(), self.ahead.next.copy()
        pause = int(np.clip(LONG / problem.work(state.shape[0]), 1, MOST_PASSES))
        # A jump may come after the last step.
        trace = np.empty(pause + 1)
        rules = legs.Rules(
            *state.shape,
            problem.family.pooling,
            problem.floor,
            not problem.is_floor_chosen,
            self.accelerate,
            tol,
            problem.total_weight,
        )
        place = legs.Place(state.packed, ahead.packed, self.value, self.to_come, calm)
        most = self.max_iter - self.n_iter
        apart = np.empty(0) if problem.family.has_own_m_step else None
        found = legs.leg(problem.seen, problem.sample_weight, place, rules, most, pause, trace, apart)
        ended = legs.Leg(*found)
        self.n_iter += ended.n_passes
        self.to_come, self.status = ended.to_come, ENDED.get(ended.status)
        if ended.n_values:
            self.state = state
            self.ahead = Advance(ended.log_likelihood, ahead, ended.held, ended.smallest_mass)
            self.trace += trace[: ended.n_values].tolist()
        return ended.calm

    @property
    def value(self) -> float:
        return self.trace[-1]

    @property
    def size(self) -> float:
        """What tolerances are relative to."""
        return max(abs(self.value), self.problem.total_weight)

    def step(self) -> float:
        """Take the step ahead; returns the gain."""
        if self.n_iter >= self.max_iter:
            self.status = Status.OUT_OF_ITERATIONS
            return 0.0
        ahead = self.problem.advance(self.ahead.next)
        self.n_iter += 1
        if not np.isfinite(ahead.log_likelihood):
            self.status = Status.DEGENERATE
            return 0.0
        gain = ahead.log_likelihood - self.value
        if gain < -1e-10 * self.size:
            self.status = Status.DECREASED
            return 0.0
        self._move(self.ahead.next, ahead)
        return max(gain, 0.0)

    def jump(self, state: State) -> None:
        """Go to another state if the log-likelihood is no lower there."""
        if self.n_iter >= self.max_iter:
            return
        ahead = self.problem.advance(state)
        self.n_iter += 1
        # Beyond the floor it finds what no step comes back from without a loss.
        if np.isfinite(ahead.log_likelihood) and ahead.log_likelihood >= self.value and not ahead.held:
            self._move(state, ahead)

    def _move(self, state: State, ahead: Advance) -> None:
        self.state, self.ahead = state, ahead
        self.trace.append(ahead.log_likelihood)
        if ahead.held and not self.problem.is_floor_chosen:
            self.status = Status.DEGENERATE

    @property
    def has_collapsed(self) -> bool:
        """Whether a component has lost its rows, or is kept from collapsing by a floor that nobody asked
        for."""
        held = self.ahead.held and not self.problem.is_floor_chosen
        dead = self.ahead.smallest_mass <= 10 * DEAD * self.problem.total_weight
        return held or dead or self.status is Status.DEGENERATE

    def end(self) -> EMRun:
        """Where it stands."""
        status = self.status or Status.OUT_OF_ITERATIONS
        if self.has_collapsed:
            status = Status.DEGENERATE
        return EMRun(status, self.state, np.array(self.trace), self.n_iter, self.ahead.held)


def _extrapolate(first: State, second: State, third: State) -> tuple[float, State | None]:
    """The rate of convergence that three states in a row suggest, and SQUAREM's jump from the first.

    No state is returned where the jump would be no longer than the two steps.
    """
    target = first.blank()
    rate, far = squarem(first.packed, second.packed, third.packed, *first.shape, target.packed)
    return rate, target if far else None
