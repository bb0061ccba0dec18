"""Many EM runs: short ones from every start, long ones from the best, and the table of maxima found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.problem import Problem
from bayesgmm.em.run import EMRun, Status, run_em
from bayesgmm.em.starts import MIXED, STARTS, start_of_responsibilities
from bayesgmm.em.steps import State
from bayesgmm.support.clock import Clock

__all__ = ["Mode", "Plan", "search"]

Array = NDArray[np.float64]

# Mixed starts take turns in this order; Ward's method has no randomness to repeat it for.
IN_TURN = ("ward", "k-means++", "random", "k-means++", "random_from_data", "k-means++", "random", "k-means++")
SHORT_STEPS = 50
# Two runs ended at the same maximum when their log-likelihoods differ by less than this, per unit of its
# size: far above the tolerance of a run, far below the distance of distinct maxima.
SAME_MAXIMUM = 1e-7
# A maximum looks spurious (McLachlan and Peel 2000, section 3.10) where a component with hardly more rows
# than it needs for a covariance is much tighter, in some direction, than the data as a whole.
FEW_ROWS_PER_FEATURE = 3
TIGHT = 0.05


@dataclass(frozen=True)
class Plan:
    """How the search goes about: number of starts, of long runs, the rules of a run, and a time after which
    no further run begins and one under way ends."""

    n_components: int
    init_params: str
    n_init: int
    n_long: int
    max_iter: int
    tol: float
    clock: Clock = field(default_factory=lambda: Clock(None))


@dataclass(frozen=True)
class Mode:
    """A local maximum, how many starts ended there, and how far it may be trusted."""

    run: EMRun
    n_starts: int
    smallest_count: float
    smallest_eigenvalue: float
    spurious: bool

    @property
    def degenerate(self) -> bool:
        """Whether a component had collapsed."""
        return self.run.status is Status.DEGENERATE

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Sorts the most trustworthy first: not degenerate, not spurious, then by log-likelihood."""
        return self.degenerate, self.spurious, -self.run.log_likelihood


def search(
    problem: Problem,
    plan: Plan,
    rng: np.random.Generator,
    given: State | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Mode]:
    """Distinct maxima, the best first.

    Parameters
    ----------
    problem : Problem
        Large data are searched on a subsample; the long runs see all rows.
    plan : Plan
    rng : numpy.random.Generator
    given : State, optional
        A start to run from instead of all others.
    progress : callable
        Called with the number of finished runs and of all.
    """
    if given is not None:
        end = run_em(problem, given, max_iter=plan.max_iter, tol=plan.tol, clock=plan.clock)
        return [_mode(problem, end, 1)]
    small = problem.subsample(rng)
    total = plan.n_init + min(plan.n_long, plan.n_init)
    short = []
    for i, start in enumerate(_starts(small, plan, rng)):
        short.append(
            run_em(small, start, max_iter=min(SHORT_STEPS, plan.max_iter), tol=plan.tol, clock=plan.clock)
        )
        progress(i + 1, total)
        if plan.clock.is_over:
            break
    long: list[tuple[EMRun, int]] = []
    for i, (first, count) in enumerate(_followed(short, plan.n_long)):
        if long and plan.clock.is_over:
            break
        if small is not problem:
            end = run_em(problem, first.state, max_iter=plan.max_iter, tol=plan.tol, clock=plan.clock)
        elif first.status is Status.OUT_OF_ITERATIONS and first.n_iter < plan.max_iter:
            left = plan.max_iter - first.n_iter
            rest = run_em(problem, first.state, max_iter=left, tol=plan.tol, clock=plan.clock)
            # The second begins where the first ended.
            trace = np.concatenate([first.trace[:-1], rest.trace])
            end = replace(rest, trace=trace, n_iter=first.n_iter + rest.n_iter)
        else:
            end = first
        long.append((end, count))
        progress(plan.n_init + i + 1, total)
    progress(total, total)
    return sorted((_mode(problem, c, n) for c, n in _merged(long)), key=lambda m: m.rank)


def _starts(problem: Problem, plan: Plan, rng: np.random.Generator) -> Iterator[State]:
    names = IN_TURN if plan.init_params == MIXED else (plan.init_params,)
    for i in range(plan.n_init):
        # Ward's clustering comes first and once; later turns of it go to the next in the list.
        name = names[i % len(names)]
        if name == "ward" and i > 0 and len(names) > 1:
            name = "random"
        responsibilities = STARTS[name](problem, plan.n_components, rng)
        yield start_of_responsibilities(problem, responsibilities)


def _followed(short: list[EMRun], most: int) -> list[tuple[EMRun, int]]:
    """The short runs that are followed to their ends: the best of distinct ones, and always the first, so
    that more starts never end lower than one. Runs that stand equally high may yet part."""
    if short[0].status is not Status.OUT_OF_ITERATIONS:
        return _merged([(run, 1) for run in short])[:most]
    return [*_merged([(run, 1) for run in short[1:]])[:most], (short[0], 1)]


def _merged(runs: list[tuple[EMRun, int]]) -> list[tuple[EMRun, int]]:
    """Runs that ended at the same log-likelihood, put together; the best first, degenerate ones last."""
    merged: list[tuple[EMRun, int]] = []
    order = sorted(runs, key=lambda pair: (pair[0].status is Status.DEGENERATE, -pair[0].log_likelihood))
    for c, n in order:
        if merged:
            last, count = merged[-1]
            size = max(abs(c.log_likelihood), 1.0)
            alike = (last.status is Status.DEGENERATE) == (c.status is Status.DEGENERATE)
            if alike and abs(last.log_likelihood - c.log_likelihood) <= SAME_MAXIMUM * size:
                merged[-1] = last, count + n
                continue
        merged.append((c, n))
    return merged


def _mode(problem: Problem, end: EMRun, n_starts: int) -> Mode:
    cholesky = end.state.cholesky
    counts = np.exp(end.state.log_weights) * problem.total_weight
    smallest = np.linalg.eigvalsh(cholesky @ np.swapaxes(cholesky, 1, 2))[:, 0]
    d = cholesky.shape[1]
    tight = np.sqrt(np.maximum(smallest, 0)) < TIGHT * _tightest_spread(problem)
    few = counts < FEW_ROWS_PER_FEATURE * (d + 1)
    return Mode(end, n_starts, float(counts.min()), float(smallest.min()), bool(np.any(few & tight)))


def _tightest_spread(problem: Problem) -> float:
    """Standard deviation of the data in the direction in which it is smallest."""
    return float(np.sqrt(max(np.linalg.eigvalsh(problem.covariance)[0], 1e-12)))
