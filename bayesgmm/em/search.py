"""The search for the best maximum of the likelihood, and the table of maxima found.

Starts and moves compete on a part of the rows and to a loose tolerance; what could be the best is then
brought to more rows, to all, and to the full tolerance. Each step leaves behind what cannot win any more.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.ends import bring
from bayesgmm.em.hunt import LOOSE, MATTERS, Hunt, is_below
from bayesgmm.em.maxima import SAME_MAXIMUM, Contender, Mode, merged
from bayesgmm.em.plan import Plan
from bayesgmm.em.problem import FIRST_ROWS, Problem
from bayesgmm.em.run import Status, Walk
from bayesgmm.em.saddle import FLAT, missing_information, ways_up
from bayesgmm.em.steps import State

__all__ = ["Mode", "Plan", "search"]

Array = NDArray[np.float64]

# By what factor the parts grow from the one that is searched to all rows.
GROWTH = 5
# Maxima that are followed to the end, and others that are told of.
MOST_MODES, MOST_OTHERS = 8, 3
# Maxima that are taken from the part that is searched to the next, and half as many, or two, to each further.
MOST_RIVALS = 4
# Passes before two runs are told apart by what they may still gain, and off a saddle.
LEG, PATIENCE, MOST_SADDLES = 10, 20, 3


def search(
    problem: Problem,
    plan: Plan,
    rng: np.random.Generator,
    given: State | None = None,
    known: Sequence[State] = (),
) -> list[Mode]:
    """Distinct maxima, the best first.

    Parameters
    ----------
    problem : Problem
    plan : Plan
    rng : numpy.random.Generator
    given : State, optional
        A start to run from instead of all others.
    known : sequence of State
        Found elsewhere; they compete with what the search finds, and do not lead it.
    """
    if given is not None:
        run = Contender(Walk(problem, given), plan.tol)
        run.go(plan.max_iter, plan.tol, plan.clock)
        part = next(_parts(problem, rng))
        if run.walk.status is Status.CONVERGED and plan.n_components > 1 and _above(run, part, plan):
            run.call_saddle()
        return [run.mode]
    parts = list(_parts(problem, rng))
    first = parts[0]
    found = Hunt(first, problem, plan, rng).run(others_have_searched=bool(known))
    others = [Contender(Walk(first, state), LOOSE) for state in known]
    for other in others:
        other.go(plan.max_iter, max(LOOSE, plan.tol), plan.clock)
    found = _notable(merged([*found, *others]))
    most = MOST_RIVALS
    for part in parts[1:]:
        found = _carried(_rivals(found, len(problem.X))[:most], part, first, plan)
        most = max(most // 2, 2)
    found = merged(_finished(found, first, plan))
    # What comes first when another proves to be none is to be run and looked at as that was.
    for _ in range(MOST_SADDLES):
        best, *others = found
        bring(best, first, plan, plan.tol)
        best = _off_saddles(best, first, plan)
        found = merged([best, *others])
        if plan.clock.is_over or best is found[0]:
            break
    return [c.mode for c in found]


def _notable(found: list[Contender]) -> list[Contender]:
    """The best of each kind, as they are sorted: trustworthy, spurious and collapsed."""
    kept: Counter[tuple[bool, bool]] = Counter()
    notable = []
    for each in found:
        kind = each.rank[:2]
        kept[kind] += 1
        if kept[kind] <= (MOST_MODES if kind == (False, False) else MOST_OTHERS):
            notable.append(each)
    return notable


def _parts(problem: Problem, rng: np.random.Generator) -> Iterator[Problem]:
    n = FIRST_ROWS
    while n * 2 < len(problem.X):
        yield problem.subsample(n, rng)
        n *= GROWTH
    yield problem


def _rivals(found: list[Contender], n_rows: int) -> list[Contender]:
    """Those that may be the best on more rows than they were found on."""
    best = found[0]
    if best.is_collapsed or len(found) == 1:
        return found
    part = best.walk.problem
    heights = [part.log_densities(c.walk.state) for c in found]
    pairs = zip(found[1:], heights[1:], strict=True)
    return [best, *(c for c, height in pairs if not is_below(heights[0] - height, part, n_rows))]


def _carried(found: list[Contender], part: Problem, first: Problem, plan: Plan) -> list[Contender]:
    """The same maxima on more rows, to a loose tolerance; those that fall behind are left."""
    out: list[Contender] = []
    for old in found:
        if out and plan.clock.is_over:
            break
        new, tol = Contender(Walk(part, old.walk.state), LOOSE, old.n_starts), max(LOOSE, plan.tol)
        if out:
            new.go(min(LEG, plan.max_iter), tol, plan.clock)
            bring(new, first, plan, tol, most_rounds=1)
        is_rival = not out or new.is_collapsed or out[0].is_collapsed
        if is_rival or new.hope >= out[0].walk.value - MATTERS * part.mean_weight:
            bring(new, first, plan, tol)
            out.append(new)
    return merged(out)


def _finished(found: list[Contender], first: Problem, plan: Plan) -> list[Contender]:
    """To the full tolerance what could be the best, and else as it stands."""
    best = found[0]
    bring(best, first, plan, plan.tol)
    for other in found[1:]:
        if plan.clock.is_over:
            break
        if other.hope >= best.walk.value or best.is_collapsed:
            bring(other, first, plan, plan.tol)
    return found


def _off_saddles(best: Contender, first: Problem, plan: Plan) -> Contender:
    """The best where it is a maximum, or what leads up from it; a saddle from which nothing does to another
    maximum is called one."""
    for _ in range(MOST_SADDLES):
        if best.is_under_way or best.is_collapsed or plan.n_components == 1 or plan.clock.is_over:
            break
        above = _above(best, first, plan)
        better = min(above, key=lambda c: c.rank, default=best)
        if better.rank >= best.rank:
            if above:
                best.call_saddle()
            break
        best = better
    return best


def _above(at: Contender, first: Problem, plan: Plan) -> list[Contender]:
    """Where the log-likelihood rises to from a stationary point; none from a maximum."""
    found: list[Contender] = []
    state = at.walk.state
    missing = at.missing_information if at.walk.problem is first else missing_information(first, state)
    # Where a covariance is held the log-likelihood need not be level.
    if at.walk.ahead.held or missing < 1 - FLAT:
        return found
    for beside in ways_up(at.walk.problem, state, first):
        up = Contender(Walk(at.walk.problem, beside), plan.tol, at.n_starts)
        up.go(min(PATIENCE, plan.max_iter), plan.tol, plan.clock)
        if up.hope < at.walk.value or up.is_at(at):
            continue
        bring(up, first, plan, plan.tol)
        if (
            up.walk.status is not Status.DECREASED
            and up.walk.value > at.walk.value + SAME_MAXIMUM * at.walk.size
        ):
            found.append(up)
    return found
