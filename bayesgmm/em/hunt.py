"""Starts and moves on a part of the rows: which maxima there are, to a loose tolerance.

Runs go on in legs. After each, a run is left whose end, by what it may still gain, would lie too far below
the best to be it or to hold a share of a posterior, and one that is about to end where another has.
"""

from collections.abc import Iterator
from itertools import count

import numpy as np

from bayesgmm.em.maxima import SAME_MAXIMUM, Contender, merged
from bayesgmm.em.moves import crossed, moved
from bayesgmm.em.plan import Plan
from bayesgmm.em.problem import Problem
from bayesgmm.em.run import Walk
from bayesgmm.em.saddle import missing_information
from bayesgmm.em.starts import MIXED, STARTS, start_of_responsibilities
from bayesgmm.em.steps import State

__all__ = ["LOOSE", "MATTERS", "Hunt"]

# Mixed starts take turns in this order; Ward's method has no randomness to repeat it for. Where passes are
# dear, and few starts may be all that there is time for, k-means comes first: with many columns the whitened
# rows of Ward's clustering hide clusters.
IN_TURN = ("ward", "k-means++", "random", "k-means++", "random_from_data", "k-means++", "random", "k-means++")
FIRST_OF_DEAR = ("kmeans", "ward")
# Relative tolerance of the log-likelihood while maxima are told apart, and passes between two looks at a run.
LOOSE, LEG = 1e-7, 10
# On a plateau a run promises less than it has: where a pass costs fewer nanoseconds, none is left for that.
CHEAP = 1e5
# Information that is missing where components hardly overlap, as a part of that of complete data.
PLAIN = 0.5
# Log-likelihood below the best at which a maximum no longer matters to anyone.
MATTERS = 20.0
# Without a number given: at least and at most so many starts, then moves until K^3 in a row, or these, have
# found nothing better. A better maximum to which a move leads with probability p stays unseen with
# (1 - p)^(K^3).
FEWEST_STARTS, MOST_STARTS, FEWEST_MOVES = 4, 20, 10
# Moves that put two maxima together, and others that begin elsewhere than at the best.
CROSSED, FROM_ANOTHER = 0.5, 0.3
# All within nanoseconds of one core, counted, by the square of K, and what some passes over all rows cost; a
# start costs some, too.
BUDGET, PASSES_OF_ALL, START = 1.5e7, 3, 3e5


class Hunt:
    """The search on one problem, and what it has found.

    Parameters
    ----------
    problem, whole : Problem
        On the rows that are searched, and on all.
    plan : Plan
    rng : numpy.random.Generator

    Attributes
    ----------
    found : list of Contender
    best : Contender or None
        Of these.
    n_moves : int
        Made so far.
    most_passes : float
        Over the problem's rows, after which the search is spent.
    """

    def __init__(self, problem: Problem, whole: Problem, plan: Plan, rng: np.random.Generator) -> None:
        self.problem, self.plan, self.rng = problem, plan, rng
        k = plan.n_components
        budget = BUDGET * k * k + PASSES_OF_ALL * whole.work(k)
        self.most_passes = budget / problem.work(k) if plan.n_init is None else np.inf
        self.found: list[Contender] = []
        self._heights: list[float] = []
        self.best: Contender | None = None
        self._passes = 0.0
        self.n_moves = 0

    @property
    def is_spent(self) -> bool:
        """Whether the budget, or the time, has been used up."""
        return self.plan.clock.is_over or self._passes > self.most_passes

    def run(self) -> list[Contender]:
        """All of the search; distinct maxima, the best first."""
        starts, is_plain = self._starts(), False
        for i in range(self.plan.n_init or MOST_STARTS):
            is_plain = self._is_plain
            if (i > 0 and self.plan.clock.is_over) or is_plain or self._has_enough(i):
                break
            self._follow(next(starts))
        if self.plan.n_init is None and self.plan.n_components > 1 and not is_plain:
            self._leave_basins()
        return merged(self.found)

    def go_on(self, known: Contender, most_in_vain: int) -> Contender:
        """The best to which moves lead from what is known, without starts.

        Parameters
        ----------
        known : Contender
        most_in_vain : int
            Moves in a row that find nothing better, after which it ends.
        """
        self._keep(known)
        self._leave_basins(most_in_vain)
        assert self.best is not None
        return self.best

    def _has_enough(self, n: int) -> bool:
        if self.plan.n_init is not None or self.best is None or self.best.is_collapsed:
            return False
        return self.plan.n_components == 1 or n >= FEWEST_STARTS or self.is_spent

    @property
    def _is_plain(self) -> bool:
        """Whether passes are dear, and two starts have led to components that hardly overlap: there is little
        that a search could find."""
        best = self.best
        if self.plan.n_init is not None or best is None or best.is_collapsed or best.n_starts < 2:
            return False
        if self.problem.work(self.plan.n_components) < CHEAP:
            return False
        return missing_information(self.problem, best.walk.state) < PLAIN

    def _leave_basins(self, most: int | None = None) -> None:
        k = self.plan.n_components
        in_vain, most = 0, most or max(FEWEST_MOVES, k**3)
        while in_vain < most and not self.is_spent and self.best and not self.best.is_collapsed:
            before = self.best
            self.n_moves += 1
            self._follow(self._elsewhere())
            in_vain = in_vain + 1 if self.best is before or self.best.is_at(before) else 0

    def _elsewhere(self) -> State:
        """A start that a move leads to: from the best mostly, or from the best and another."""
        assert self.best is not None
        basin = self.best.walk.state
        others = [c for c in self.found if c is not self.best and not c.is_collapsed]
        if others and self.rng.random() < CROSSED:
            return crossed(self.problem, basin, self._one_of(others), self.rng)
        if others and self.rng.random() < FROM_ANOTHER:
            basin = self._one_of(others)
        return moved(self.problem, basin, self.rng)

    def _one_of(self, contenders: list[Contender]) -> State:
        """Where one at random stands."""
        return contenders[self.rng.integers(len(contenders))].walk.state

    def _starts(self) -> Iterator[State]:
        mixed = self.plan.init_params == MIXED
        for i in count():
            # Ward's clustering comes first and once; later turns of it go to another.
            name = IN_TURN[i % len(IN_TURN)] if mixed else self.plan.init_params
            if mixed and name == "ward" and i > 0:
                name = "random"
            if mixed and i < len(FIRST_OF_DEAR) and self.problem.work(self.plan.n_components) > CHEAP:
                name = FIRST_OF_DEAR[i]
            responsibilities = STARTS[name](self.problem, self.plan.n_components, self.rng)
            yield start_of_responsibilities(self.problem, responsibilities)

    def _follow(self, start: State) -> None:
        """Run from a start until it has converged, is hopeless, or has become too dear."""
        runner = Contender(Walk(self.problem, start), LOOSE)
        before, most = self._passes, self.plan.max_iter
        while True:
            # Each leg is half as long as the run so far, and none shorter than the first.
            leg = max(LEG, runner.walk.n_iter // 2)
            runner.go(min(runner.walk.n_iter + leg, most), max(LOOSE, self.plan.tol), self.plan.clock)
            self._passes = before + runner.walk.n_iter + START / self.problem.work(self.plan.n_components)
            if self._is_hopeless(runner) or self._has_joined(runner):
                return
            if not runner.is_under_way or runner.walk.n_iter >= most or self.is_spent:
                break
        self._keep(runner)

    def _is_hopeless(self, runner: Contender) -> bool:
        if self.best is None or not runner.is_under_way or self.best.is_collapsed:
            return False
        if self.problem.work(self.plan.n_components) < CHEAP:
            return False
        return runner.hope < self.best.walk.value - MATTERS * self.problem.mean_weight

    def _has_joined(self, runner: Contender) -> bool:
        """Whether a run is about to end where another has; it is counted there then."""
        value, near = runner.walk.value, runner.nearness
        # A run from next to the end of another ends a little higher, and is no news.
        news = SAME_MAXIMUM * runner.walk.size
        for known, above in zip(self.found, self._heights, strict=True):
            if (-news <= above - value <= near or runner.is_collapsed) and runner.is_at(known):
                known.n_starts += runner.n_starts
                return True
        return False

    def _keep(self, runner: Contender) -> None:
        self.found.append(runner)
        self._heights.append(runner.walk.value)
        if self.best is None or runner.rank < self.best.rank:
            self.best = runner
