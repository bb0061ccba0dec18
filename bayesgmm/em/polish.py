"""The end of a run by a quasi-Newton method, where EM would take many passes more.

EM converges at the rate of the information that is missing, which overlapping components have much of. Near a
maximum the curvature of the log-likelihood is nearly that of a part of the rows, enlarged; with it as first
guess, limited-memory BFGS needs few passes over all rows, each the E step of an EM pass and no more.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bayesgmm.em.information import Chart
from bayesgmm.em.problem import Problem
from bayesgmm.em.saddle import MOST_PARAMETERS, curvature
from bayesgmm.em.steps import State

__all__ = ["MOST_PASSES", "can_be_polished", "polished"]

Array = NDArray[np.float64]

MEMORY, MOST_PASSES = 30, 100
# Directions of hardly any curvature, or of a wrong one, are taken for this part of the largest.
SMALLEST = 1e-6


def can_be_polished(problem: Problem, n_components: int) -> bool:
    """Whether the curvature of so many parameters can be had."""
    return problem.family.n_parameters(n_components, problem.X.shape[1]) <= MOST_PARAMETERS


def polished(problem: Problem, state: State, part: Problem, tol: float) -> tuple[State, int, float]:
    """Where quasi-Newton steps lead from a state near a maximum, the passes over the rows that they took, and
    what a Newton step would still gain.

    Nocedal and Wright (2006), Numerical optimization, algorithm 7.5, in coordinates in which the
    log-likelihood of the part has unit curvature.

    Parameters
    ----------
    problem : Problem
    state : State
    part : Problem
        Some of the rows, for the curvature.
    tol : float
        Relative gain at which to end.
    """
    chart = Chart(state, problem.family)
    scale = _scale(chart, part) * np.sqrt(part.total_weight / problem.total_weight)
    size = max(problem.total_weight, 1.0)
    passes = 0

    def loss(y: Array) -> tuple[float, Array]:
        nonlocal passes
        passes += 1
        value, score = chart.value_and_score(problem, scale @ y)
        if not np.isfinite(value):
            return np.inf, np.zeros(len(y))
        return -value / size, -(scale.T @ score) / size

    found = minimize(
        loss,
        np.zeros(chart.size),
        jac=True,
        method="L-BFGS-B",
        options={"maxcor": MEMORY, "maxfun": MOST_PASSES, "ftol": 0.01 * tol, "gtol": 1e-14},
    )
    # Half the squared slope where the curvature is one.
    return chart.state(scale @ found.x), passes, float(np.sum((size * found.jac) ** 2) / 2)


def _scale(chart: Chart, part: Problem) -> Array:
    """Of unit coordinates: the inverse root of minus the curvature, shape (P, P)."""
    values, vectors = np.linalg.eigh(curvature(chart, part))
    values = np.maximum(np.abs(values), SMALLEST * np.abs(values).max())
    return vectors / np.sqrt(values)
