"""How runs are brought to a tolerance: by EM, and by quasi-Newton steps where EM would take long."""

from bayesgmm.em.maxima import Contender
from bayesgmm.em.plan import Plan
from bayesgmm.em.polish import MOST_ON_PART, can_be_polished, polished
from bayesgmm.em.problem import Problem

__all__ = ["bring"]

# A pass of so many nanoseconds is dear; so many passes before quasi-Newton steps, if they are and if not, and
# rounds of these, each with a new guess of the curvature.
DEAR, PATIENCE, LONG_PATIENCE, MOST_ROUNDS = 1e6, 5, 2000, 20
# By how much more than a part's curvature says a Newton step might gain.
CAUTION = 4.0


def bring(
    runner: Contender,
    first: Problem,
    plan: Plan,
    tol: float,
    *,
    dear: float = DEAR,
    most_rounds: int = MOST_ROUNDS,
) -> None:
    """Run to a tolerance.

    Parameters
    ----------
    runner : Contender
    first : Problem
        Some of the rows.
    plan : Plan
    tol : float
    dear : float
        Nanoseconds of a pass from which on quasi-Newton steps pay.
    most_rounds : int
        Of these; after fewer than usual the run stands where it is, and says what it may still gain.
    """
    walk, k = runner.walk, plan.n_components
    patience = PATIENCE if walk.problem.work(k) > dear else LONG_PATIENCE
    runner.go(min(walk.n_iter + patience, plan.max_iter), tol, plan.clock)
    for _ in range(most_rounds):
        room = plan.max_iter - walk.n_iter > MOST_ON_PART and not plan.clock.is_over
        if not (runner.is_under_way and room and can_be_polished(walk.problem, k)):
            break
        before = walk.value
        state, passes, to_come = polished(walk.problem, walk.state, first, tol)
        walk.n_iter += passes
        # Not that of the patience before.
        walk.max_iter = plan.max_iter
        walk.jump(state)
        runner.forget()
        if walk.state is state:
            walk.to_come = to_come
        if walk.state is state and CAUTION * to_come <= tol * walk.size:
            runner.settle(tol)
            return
        if walk.value - before <= tol * walk.size:
            break
    else:
        if most_rounds < MOST_ROUNDS:
            return
    runner.go(plan.max_iter, tol, plan.clock)
