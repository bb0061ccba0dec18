"""Local maxima that runs have come to: which of them is to be trusted, and which are the same."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.problem import Problem
from bayesgmm.em.run import EMRun, Status, Walk
from bayesgmm.em.saddle import missing_information
from bayesgmm.em.steps import State
from bayesgmm.mixture.conditional import patterns
from bayesgmm.support.clock import Clock

__all__ = ["Contender", "Mode", "gained_by_chance", "merged"]

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Two runs ended at the same maximum when their log-likelihoods differ by less than this, per unit of its
# size: far above the tolerance of a run, far below the distance of distinct maxima.
SAME_MAXIMUM = 1e-7
# Or, before they have ended, when their log densities differ by less than this on average, at so many rows.
SAME_DENSITY, ROWS_COMPARED, NEAR_VALUE = 0.05, 256, 2.0
# What a run may still gain, in units of what its last steps let expect.
HOPE = 5.0
# A maximum looks spurious (McLachlan and Peel 2000, section 3.10) where a component with hardly more rows
# than it needs for a covariance is much tighter, in some direction, than components are on average.
FEW_ROWS_PER_FEATURE = 3
TIGHT = 0.1


@dataclass(frozen=True)
class Mode:
    """A local maximum, how many starts ended there, and how far it may be trusted.

    ``tol`` is the tolerance to which it was run.
    """

    run: EMRun
    n_starts: int
    tol: float
    smallest_count: float
    smallest_eigenvalue: float
    spurious: bool

    @property
    def degenerate(self) -> bool:
        """Whether a component had collapsed."""
        return self.run.status is Status.DEGENERATE

    @property
    def held(self) -> bool:
        """Whether a covariance is kept at the floor."""
        return self.degenerate or self.run.held

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Sorts the most trustworthy first: not degenerate, neither spurious nor no maximum at all, then by
        log-likelihood."""
        no_maximum = self.run.status in (Status.SADDLE, Status.DECREASED)
        return self.degenerate, self.spurious or no_maximum, -self.run.log_likelihood

    @classmethod
    def of(cls, problem: Problem, run: EMRun, n_starts: int, tol: float) -> "Mode":
        """What a run has come to on the rows of a problem."""
        cholesky = run.state.cholesky
        counts = np.exp(run.state.log_weights) * problem.total_weight
        smallest = np.linalg.eigvalsh(cholesky @ np.swapaxes(cholesky, 1, 2))[:, 0]
        spurious = bool(np.any(_few(problem, run.state, _tightness(run.state) < TIGHT)))
        return cls(run, n_starts, tol, float(counts.min()), float(smallest.min()), spurious)


def _tightness(state: State) -> Array:
    """Standard deviation of each component in the direction in which it is smallest against what all have
    within, shape (K,)."""
    cholesky = state.cholesky
    within = np.einsum("k,kij,klj->il", np.exp(state.log_weights), cholesky, cholesky)
    values, vectors = np.linalg.eigh(within)
    # The eigenvalues of L' W^-1 L are those of the covariance in coordinates in which W is the identity.
    white = (vectors / np.sqrt(np.maximum(values, 1e-15 * values[-1]))).T @ cholesky
    relative = np.swapaxes(white, 1, 2) @ white
    return np.sqrt(np.maximum(np.linalg.eigvalsh(relative)[:, 0], 0.0))


def _few(problem: Problem, state: State, of: Bools) -> Bools:
    """Which of some components have hardly more rows than they need, shape (K,).

    Distinct rows count, so that weights do not matter; where a floor keeps covariances, all.
    """
    few = of.copy()
    least = FEW_ROWS_PER_FEATURE * problem.family.fewest_rows(state.shape[1])
    if of.any():
        labels = problem.responsibilities(state).argmax(axis=1)
        for k in np.flatnonzero(of):
            if problem.holes is not None:
                own = problem.holes[labels == k]
                if not problem.is_floor_chosen:
                    # No value of standardised rows is infinite.
                    own = np.unique(np.where(np.isnan(own), np.inf, own), axis=0)
                    own = np.where(np.isinf(own), np.nan, own)
                few[k] = _telling(own, state.cholesky[k]) < least
                continue
            rows = problem.X[labels == k]
            few[k] = len(rows if problem.is_floor_chosen else np.unique(rows, axis=0)) < least
    return few


def _telling(X: Array, factor: Array) -> float:
    """How many of the rows tell of a component in the direction in which it is tightest: one that lacks cells
    counts for the part of that direction, in coordinates of unit covariance, that the others leave known."""
    values, vectors = np.linalg.eigh(factor @ factor.T)
    # A floor, since a component on its way to a plane has none.
    along = factor.T @ vectors[:, 0] / np.sqrt(max(values[0], np.finfo(float).tiny))
    along /= np.linalg.norm(along)
    inverse, lost = np.linalg.inv(factor), 0.0
    for pattern in patterns(X):
        basis = np.linalg.qr(inverse[:, pattern.missing])[0]
        lost += len(pattern.rows) * float(np.sum((along @ basis) ** 2))
    return len(X) - lost


def gained_by_chance(problem: Problem) -> float:
    """Log-likelihood that a component on a few rows may gain by chance: twice what BIC charges for one of N
    rows, whatever their weight."""
    n, d = problem.X.shape
    charge = (1 + d + d * (d + 1) / 2) * np.log(n)
    return float(charge * problem.mean_weight)


class Contender:
    """A run that may lead to the best maximum, paused, and how many starts have led to where it stands.

    Parameters
    ----------
    walk : Walk
        Where the run stands.
    tol : float
        Relative tolerance of the log-likelihood to which it is meant to come.
    n_starts : int, default 1

    Attributes
    ----------
    walk, tol, n_starts
        As above; `tol` is the tolerance of the last :meth:`go`, and `n_starts` grows where others join it.
    """

    def __init__(self, walk: Walk, tol: float, n_starts: int = 1) -> None:
        self.walk, self.tol, self.n_starts = walk, tol, n_starts

    def go(self, max_iter: int, tol: float, clock: Clock | None = None) -> None:
        """Go on with the run, unless it has come to this tolerance already.

        Parameters
        ----------
        max_iter : int
            Passes over the data in all, those made before among them.
        tol : float
        clock : Clock, optional
            Where its time passes, the run pauses where it is.
        """
        has_converged = self.walk.status is Status.CONVERGED
        if self.is_collapsed or (has_converged and tol >= self.tol):
            return
        if has_converged and self.walk.to_come == 0.0:
            self.settle(tol)
            return
        self.walk.go(max_iter, tol, clock)
        self.tol = tol
        self.forget()

    def settle(self, tol: float) -> None:
        """It has come to a tolerance without more steps of EM."""
        self.walk.status, self.tol = Status.CONVERGED, tol
        self.forget()

    def forget(self) -> None:
        """What belonged to where it stood before."""
        for name in ("_mode", "heights", "missing_information"):
            vars(self).pop(name, None)

    def call_saddle(self) -> None:
        """Where it stands is no maximum."""
        self.walk.status = Status.SADDLE
        vars(self).pop("_mode", None)

    @property
    def mode(self) -> Mode:
        """What it has come to so far."""
        return replace(self._mode, n_starts=self.n_starts)

    @cached_property
    def _mode(self) -> Mode:
        return Mode.of(self.walk.problem, self.walk.end(), self.n_starts, self.tol)

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """As :attr:`Mode.rank`."""
        return self._mode.rank

    @property
    def is_collapsed(self) -> bool:
        """Whether a component has."""
        return self.walk.has_collapsed

    @property
    def is_under_way(self) -> bool:
        """Whether it has neither converged nor collapsed."""
        ended = self.walk.status in (Status.CONVERGED, Status.DECREASED, Status.SADDLE)
        return not (ended or self.is_collapsed)

    @property
    def hope(self) -> float:
        """The log-likelihood that it may come to."""
        return self.walk.value + HOPE * self.walk.to_come

    @cached_property
    def heights(self) -> Array:
        """Log densities at some of the rows, which do not depend on the order of components."""
        step = max(1, len(self.walk.problem.X) // ROWS_COMPARED)
        return self.walk.problem.log_densities(self.walk.state, slice(None, None, step))

    @cached_property
    def missing_information(self) -> float:
        """See :func:`bayesgmm.em.saddle.missing_information`."""
        return missing_information(self.walk.problem, self.walk.state)

    @property
    def nearness(self) -> float:
        """The largest difference of log-likelihoods to another run that may be at the same maximum."""
        return max(SAME_MAXIMUM * self.walk.size, NEAR_VALUE * self.walk.problem.mean_weight)

    def is_at(self, other: "Contender") -> bool:
        """Whether both have come to the same maximum, or are about to."""
        apart = abs(self.walk.value - other.walk.value)
        if apart > self.nearness or self.is_collapsed or other.is_collapsed:
            return self.is_collapsed and other.is_collapsed
        if not (self.is_under_way or other.is_under_way) and apart <= SAME_MAXIMUM * self.walk.size:
            return True
        return bool(np.abs(self.heights - other.heights).mean() < SAME_DENSITY)


def merged(contenders: Iterable[Contender]) -> list[Contender]:
    """Those that have come to the same maximum put together; the best first."""
    kept: list[Contender] = []
    for each in sorted(contenders, key=lambda c: c.rank):
        value, near, collapsed = each.walk.value, each.nearness, each.is_collapsed
        # Quick, since there may be a hundred.
        close = [c for c in kept if collapsed or abs(c.walk.value - value) <= near]
        same = next((other for other in close if each.is_at(other)), None)
        if same is None:
            kept.append(each)
        else:
            same.n_starts += each.n_starts
    return kept
