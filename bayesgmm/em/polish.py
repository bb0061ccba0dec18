"""The end of a run by a quasi-Newton method, where EM would take many passes more.

EM converges at the rate of the information that is missing, which overlapping components have much of. Near a
maximum the curvature of the log-likelihood is nearly the information that a part of the rows tells, enlarged.
With it as first guess, limited-memory BFGS needs few passes over all rows, each the E step of an EM pass.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bayesgmm.em.information import Chart
from bayesgmm.em.problem import Problem
from bayesgmm.em.saddle import MOST_PARAMETERS
from bayesgmm.em.scores import empirical_information
from bayesgmm.em.steps import State

__all__ = ["MOST_ON_PART", "can_be_polished", "polished"]

Array = NDArray[np.float64]

# Passes with one guess of the curvature: fewer where they cost more than it does.
MEMORY, MOST_PASSES, MOST_ON_PART = 30, 15, 40
# Information of about half a standard deviation of a component: beyond, coordinates are no longer straight.
WITHIN_REACH = 4.0


def can_be_polished(problem: Problem, n_components: int) -> bool:
    """Whether the curvature of so many parameters can be had."""
    return problem.family.n_parameters(n_components, problem.X.shape[1]) <= MOST_PARAMETERS


def polished(problem: Problem, state: State, part: Problem, tol: float) -> tuple[State, int, float]:
    """Where quasi-Newton steps lead from a state near a maximum, the passes over the rows that they took, and
    what a Newton step would still gain.

    Nocedal and Wright (2006), Numerical optimization, algorithm 7.5, in coordinates in which the
    part tells unit information.

    Parameters
    ----------
    problem : Problem
    state : State
    part : Problem
        Some of the rows, for the information.
    tol : float
        Relative gain at which to end.
    """
    chart = Chart(state, problem.family)
    scale = _scale(chart, part, problem.total_weight / part.total_weight)
    size = problem.total_weight
    passes = 0

    def loss(y: Array) -> tuple[float, Array]:
        nonlocal passes
        passes += 1
        value, score = chart.value_and_score(problem, scale @ y)
        if not np.isfinite(value):
            return np.inf, np.zeros(len(y))
        return -value / size, -(scale.T @ score) / size

    most = MOST_ON_PART if problem is part else MOST_PASSES
    found = minimize(
        loss,
        np.zeros(chart.size),
        jac=True,
        method="L-BFGS-B",
        options={"maxcor": MEMORY, "maxfun": most, "ftol": 0.01 * tol, "gtol": 1e-14},
    )
    # Half the squared slope where the curvature is that of one row.
    to_come = float(np.sum((size * found.jac) ** 2) / 2 / part.mean_weight)
    return chart.state(scale @ found.x), passes, to_come


def _scale(chart: Chart, part: Problem, enlarged: float) -> Array:
    """Of coordinates in which information is the weight of a row: its inverse root, shape (P, P)."""
    values, vectors = np.linalg.eigh(empirical_information(chart, part))
    information = enlarged * np.maximum(values, 0.0) + WITHIN_REACH * part.mean_weight
    return np.asarray(vectors * np.sqrt(part.mean_weight / information))
