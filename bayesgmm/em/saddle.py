"""Whether a stationary point is a maximum: the curvature of the log-likelihood there, and the ways up from a
saddle.

Between two maxima that mirror each other, and where components are alike, the likelihood is flat in the
direction in which it rises; EM comes to rest there as it does at a maximum.
"""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.information import Chart
from bayesgmm.em.problem import Problem
from bayesgmm.em.steps import State

__all__ = ["MOST_PARAMETERS", "curvature", "ways_up"]

Array = NDArray[np.float64]

# The curvature takes two passes for each parameter.
MOST_PARAMETERS = 300
# Of its differences, and of a step off a saddle, in units in which components are standard normal.
STEP, LEAP = 1e-4, 0.5
# A curvature above this part of what complete data would have is that of a maximum. Where components are
# alike it is nothing, and the log-likelihood rises in higher order only.
FLAT = 1e-4


def curvature(chart: Chart, problem: Problem) -> Array:
    """Minus the second derivatives of the log-likelihood by a chart's coordinates at their origin, (P, P)."""
    found = np.empty((chart.size, chart.size))
    for p, direction in enumerate(np.eye(chart.size)):
        ahead, behind = (chart.score(problem, h * direction) for h in (STEP, -STEP))
        found[p] = (behind - ahead) / (2 * STEP)
    return (found + found.T) / 2


def ways_up(problem: Problem, state: State, most_parameters: int = MOST_PARAMETERS) -> list[State]:
    """States to both sides of a saddle, in the direction of the least curvature; none of a maximum, and none
    where there are too many parameters to tell.

    Parameters
    ----------
    problem : Problem
        Some of the rows suffice.
    state : State
        Where the log-likelihood does not rise in first order.
    most_parameters : int
    """
    chart = Chart(state, problem.family)
    if chart.size > most_parameters:
        return []
    values, vectors = np.linalg.eigh(curvature(chart, problem))
    if values[0] > FLAT * problem.total_weight:
        return []
    return [chart.state(side * LEAP * vectors[:, 0]) for side in (-1.0, 1.0)]
