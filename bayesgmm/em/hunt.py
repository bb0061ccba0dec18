"""Starts and moves on a part of the rows: which maxima there are, to a loose tolerance.

Runs go on in legs. After each, a run is left whose end, by what it may still gain, would lie too far below
the best to be it or to hold a share of a posterior, and one that is about to end where another has. Long runs
end by quasi-Newton steps where passes are dear.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import count

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.ends import bring
from bayesgmm.em.maxima import HOPE, SAME_MAXIMUM, Contender, merged
from bayesgmm.em.moves import Pair, crossed, moved, pair_at_random, placed
from bayesgmm.em.plan import Plan
from bayesgmm.em.problem import Problem
from bayesgmm.em.run import Walk
from bayesgmm.em.starts import MIXED, STARTS, is_same_partition, start_of_responsibilities
from bayesgmm.em.steps import State

__all__ = ["LOOSE", "MATTERS", "Hunt", "is_below"]

Array = NDArray[np.float64]

# Mixed starts take turns in this order; Ward's method has no randomness to repeat it for. Where passes are
# dear, and few starts may be all that there is time for, k-means comes first: with many columns the whitened
# rows of Ward's clustering hide clusters.
IN_TURN = ("ward", "k-means++", "random", "k-means++", "random_from_data", "k-means++", "random", "k-means++")
FIRST_OF_DEAR = ("kmeans", "kmeans", "ward")
# Relative tolerance of the log-likelihood while maxima are told apart, and passes between two looks at a run.
LOOSE, LEG = 1e-7, 10
# Passes after which a run is ended by quasi-Newton steps, if passes are dear.
LONG = 30
# On a plateau a run promises less than it has: where a pass costs fewer nanoseconds, none is left for that.
CHEAP = 1e5
# Where one over all rows costs more, the budget is smaller.
DEAR = 5e5
# Information that is missing where components hardly overlap, as a part of that of complete data.
PLAIN = 0.5
# Maxima below the best that are looked at in the end.
TOLD = 20
# Log-likelihood below the best at which a maximum no longer matters to anyone, and standard errors by which
# one must lie above another on a part of the rows to be called higher.
MATTERS, CERTAIN = 20.0, 4.0
# Where passes are dear, moves are first tried on so many rows, if there are several times as many; a pair of
# components that was far below as often is not tried again.
SCOUTED, TIMES, TRIES = 1000, 4, 2
# Without a number given: at least and at most so many starts, then moves until K^3 in a row, or these, have
# found nothing better, and several times as many of many components. A better maximum to which a move leads
# with probability p stays unseen with (1 - p)^(K^3).
FEWEST_STARTS, MOST_STARTS, FEWEST_MOVES, MORE, MANY = 4, 20, 25, 4, 4
# Moves that put two maxima together; of others those that begin elsewhere than at the best, and those that
# place a component around a row.
CROSSED, FROM_ANOTHER, PLACED = 0.6, 0.3, 0.5
# All within nanoseconds of one core, counted, by the square of K, and fewer where passes are dear; and what
# some passes over all rows cost. A start costs some, too.
BUDGET, BUDGET_OF_DEAR, PASSES_OF_ALL, START = 1.5e7, 5e6, 3, 3e5


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
        budget = (BUDGET_OF_DEAR if whole.work(k) > DEAR else BUDGET) * k * k
        budget += PASSES_OF_ALL * whole.work(k)
        self.most_passes = budget / problem.work(k) if plan.n_init is None else np.inf
        self.found: list[Contender] = []
        self._heights: list[float] = []
        self._sound: list[Contender] = []
        self.best: Contender | None = None
        self._is_best_trusted = False
        # Where starts have led to.
        self._begun: list[tuple[Array, Contender | None]] = []
        self._is_dear = problem.work(k) > CHEAP
        scouted = self._is_dear and len(problem.X) >= TIMES * SCOUTED
        self._scout = problem.subsample(SCOUTED, rng) if scouted else problem
        self._passes = 0.0
        self.n_moves = 0

    @property
    def is_spent(self) -> bool:
        """Whether the budget, or the time, has been used up."""
        return self.plan.clock.is_over or self._passes > self.most_passes

    def run(self, others_have_searched: bool = False) -> list[Contender]:
        """All of the search; distinct maxima, the best first.

        Parameters
        ----------
        others_have_searched : bool
            Whether what they have found is known, so that this need not look as far.
        """
        starts, is_plain = self._starts(), False
        for i in range(self.plan.n_init or MOST_STARTS):
            is_plain = self._is_plain
            if (i > 0 and self.plan.clock.is_over) or is_plain or self._has_enough(i):
                break
            self._begin(next(starts))
        if self.plan.n_init is None and self.plan.n_components > 1 and not is_plain:
            k = self.plan.n_components
            more = 1 if k < MANY or others_have_searched else MORE
            self._leave_basins(max(FEWEST_MOVES, more * k**3))
        return merged(self._worth_telling())

    def _worth_telling(self) -> list[Contender]:
        """What is found at or above the best, and some below."""
        if self.best is None:
            return self.found
        in_order = sorted(self.found, key=lambda c: -c.walk.value)
        return in_order[: in_order.index(self.best) + TOLD]

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
        return self._is_dear and best.missing_information < PLAIN

    def _leave_basins(self, most: int) -> None:
        in_vain = 0
        far_below: Counter[Pair] = Counter()
        while in_vain < most and not self.is_spent and self.best and not self.best.is_collapsed:
            before = self.best
            barred = {p for p, times in far_below.items() if times >= TRIES}
            start, pair = self._elsewhere(before, barred)
            if start is None:
                break
            self.n_moves += 1
            ahead = self._scouted(start)
            if ahead is not None:
                self._follow(ahead)
            elif pair:
                far_below[pair] += 1
            is_new = self.best is not before and not self.best.is_at(before)
            if is_new:
                far_below.clear()
            in_vain = 0 if is_new else in_vain + 1

    def _elsewhere(self, best: Contender, barred: set[Pair]) -> tuple[State | None, Pair | None]:
        """A start that a move leads to, and the pair of components that was moved if that may be barred; none
        where all are."""
        others, basin = [c for c in self._sound if c is not best], best.walk.state
        if others and self.rng.random() < CROSSED:
            return crossed(self._scout, basin, self._one_of(others), self.rng), None
        if others and self.rng.random() < FROM_ANOTHER:
            basin, barred = self._one_of(others), set()
        pair = pair_at_random(basin, self.rng, barred)
        if pair is None:
            return None, None
        if self.rng.random() < PLACED:
            return placed(self._scout, basin, pair[0], self.rng), None
        return moved(self._scout, basin, pair, self.rng), pair if basin is best.walk.state else None

    def _scouted(self, start: State) -> State | None:
        """Where a start leads on a few of the rows; None where the best is far above that."""
        if self._scout is self.problem:
            return start
        assert self.best is not None
        k = self.plan.n_components
        walk = Walk(self._scout, start)
        walk.go(min(LEG, self.plan.max_iter), LOOSE, self.plan.clock)
        self._passes += walk.n_iter * self._scout.work(k) / self.problem.work(k)
        gap = self._scout.log_densities(self.best.walk.state) - self._scout.log_densities(walk.state)
        far = is_below(gap, self._scout, len(self.problem.X), HOPE * walk.to_come)
        return None if walk.has_collapsed or far else walk.state

    def _one_of(self, contenders: list[Contender]) -> State:
        """Where one at random stands."""
        return contenders[self.rng.integers(len(contenders))].walk.state

    def _starts(self) -> Iterator[Array]:
        """Responsibilities to begin from."""
        mixed = self.plan.init_params == MIXED
        for i in count():
            # Ward's clustering comes first and once; later turns of it go to another.
            name = IN_TURN[i % len(IN_TURN)] if mixed else self.plan.init_params
            if mixed and name == "ward" and i > 0:
                name = "random"
            if mixed and i < len(FIRST_OF_DEAR) and self._is_dear:
                name = FIRST_OF_DEAR[i]
            yield STARTS[name](self.problem, self.plan.n_components, self.rng)

    def _begin(self, responsibilities: Array) -> None:
        """Run from a start, unless there was the same before."""
        for others, end in self._begun:
            if is_same_partition(responsibilities, others):
                if end is not None:
                    end.n_starts += 1
                return
        end = self._follow(start_of_responsibilities(self.problem, responsibilities))
        self._begun.append((responsibilities, end))

    def _follow(self, start: State) -> Contender | None:
        """Run from a start until it has converged, is hopeless, or has become too dear; returns what it has
        come to."""
        runner = Contender(Walk(self.problem, start), LOOSE)
        before, most = self._passes, self.plan.max_iter
        while True:
            # Each leg is half as long as the run so far, and none shorter than the first.
            leg = max(LEG, runner.walk.n_iter // 2)
            tol = max(LOOSE, self.plan.tol)
            if runner.walk.n_iter >= LONG and self._is_dear:
                bring(runner, self.problem, self.plan, tol, dear=CHEAP)
            else:
                runner.go(min(runner.walk.n_iter + leg, most), tol, self.plan.clock)
            self._passes = before + runner.walk.n_iter + START / self.problem.work(self.plan.n_components)
            if self._is_hopeless(runner):
                return None
            known = self._joined(runner)
            if known is not None:
                known.n_starts += runner.n_starts
                return known
            if not runner.is_under_way or runner.walk.n_iter >= most or self.is_spent:
                break
        self._keep(runner)
        return runner

    def _is_hopeless(self, runner: Contender) -> bool:
        if self.best is None or not runner.is_under_way or self.best.is_collapsed:
            return False
        return self._is_dear and runner.hope < self.best.walk.value - MATTERS * self.problem.mean_weight

    def _joined(self, runner: Contender) -> Contender | None:
        """Where a run is about to end, if another has ended there."""
        value, near, has_collapsed = runner.walk.value, runner.nearness, runner.is_collapsed
        # A run from next to the end of another ends a little higher, and is no news.
        news = SAME_MAXIMUM * runner.walk.size
        for known, above in zip(self.found, self._heights, strict=True):
            if (-news <= above - value <= near or has_collapsed) and runner.is_at(known):
                return known
        return None

    def _keep(self, runner: Contender) -> None:
        self.found.append(runner)
        self._heights.append(runner.walk.value)
        if not runner.is_collapsed:
            self._sound.append(runner)
        best = self.best
        # Lower than a maximum that is trusted is no better; to work out a rank costs as much as a move.
        if best and self._is_best_trusted and runner.walk.value <= best.walk.value:
            return
        if best is None or runner.rank < best.rank:
            self.best = runner
            self._is_best_trusted = runner.rank[:2] == (False, False)


def is_below(gap: Array, part: Problem, n_rows: int, hope: float = 0.0) -> bool:
    """Whether a maximum lies so far below another that it no longer matters.

    Parameters
    ----------
    gap : ndarray, shape (M,)
        By how much log densities at the other are higher, at the rows of a part.
    part : Problem
    n_rows : int
        Of how many rows they are part.
    hope : float
        What the first may still gain.
    """
    weights = part.weight_of_rows
    error = np.sqrt(len(gap)) * np.std(weights * gap)
    slack = MATTERS * part.mean_weight * len(gap) / n_rows
    return bool(weights @ gap - hope >= CERTAIN * error + slack)
