"""Whether a stationary point is a maximum: the curvature of the log-likelihood there, and the ways up from a
saddle.

Between two maxima that mirror each other, and where components are alike, the likelihood is flat in the
direction in which it rises; EM comes to rest there as it does at a maximum.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from bayesgmm.em.information import Chart
from bayesgmm.em.problem import Problem
from bayesgmm.em.steps import State

__all__ = ["FLAT", "MOST_PARAMETERS", "curvature", "missing_information", "ways_up"]

Array = NDArray[np.float64]

# The curvature takes two passes for each parameter.
MOST_PARAMETERS = 300
# Up to so many the curvature is looked at as a whole; of more in so many directions at a time.
FEW, LANCZOS = 50, 20
# Of its differences, and of a step off a saddle, in units in which components are standard normal.
STEP, LEAP = 1e-4, 0.5
# A curvature above this part of what complete data would have is that of a maximum. Where components are
# alike it is nothing, and the log-likelihood rises in higher order only.
FLAT = 1e-4
# A row of so little doubt adds nothing to the information that is missing.
NO_DOUBT = 1e-18


def curvature(chart: Chart, problem: Problem) -> Array:
    """Minus the second derivatives of the log-likelihood by a chart's coordinates at their origin, (P, P)."""
    found = np.empty((chart.size, chart.size))
    for p, direction in enumerate(np.eye(chart.size)):
        found[p] = _along(chart, problem, direction)
    return (found + found.T) / 2


def ways_up(problem: Problem, state: State) -> list[State]:
    """States to both sides of a saddle, in the direction of the least curvature; none of a maximum.

    Parameters
    ----------
    problem : Problem
        Some of the rows suffice.
    state : State
        Where the log-likelihood does not rise in first order.
    """
    chart = Chart(state, problem.family)
    value, direction = _least(chart, problem)
    if value > FLAT * problem.total_weight:
        return []
    return [chart.state(side * LEAP * direction) for side in (-1.0, 1.0)]


def missing_information(problem: Problem, state: State) -> float:
    """What is missing for want of labels, as a part of what complete data would tell: the sum over all
    directions, so that below one the log-likelihood falls in every direction.

    Louis (1982), Finding the observed information matrix when using the EM algorithm, section 3.1: of each
    row the variance of the complete data's score given the row is missing.
    """
    r = problem.responsibilities(state)
    d = state.shape[1]
    w = problem.sample_weight if len(problem.sample_weight) else np.ones(len(r))
    mass = np.maximum(w @ r, 1e-300)
    total = 0.0
    for k, (mean, factor) in enumerate(zip(state.means, state.cholesky, strict=True)):
        variance = w * r[:, k] * (1 - r[:, k]) / mass[k]
        doubtful = variance > NO_DOUBT
        z = (problem.X[doubtful] - mean) @ np.linalg.inv(factor).T
        square = np.einsum("nd,nd->n", z, z)
        # Of the score by weight, mean and covariance, in coordinates of unit information.
        size = 1 + square + (square**2 - 2 * square + d) / 2
        total += float(variance[doubtful] @ size)
    return total


def _least(chart: Chart, problem: Problem) -> tuple[float, Array]:
    """The least curvature, and its direction; by Lanczos' method where there are many parameters."""
    if chart.size <= FEW:
        values, vectors = np.linalg.eigh(curvature(chart, problem))
        return float(values[0]), vectors[:, 0]

    operator = LinearOperator(
        (chart.size, chart.size), matvec=lambda v: _along(chart, problem, v.ravel()), dtype=float
    )
    start = np.random.default_rng(0).normal(size=chart.size)
    try:
        values, vectors = eigsh(operator, k=1, which="SA", v0=start, ncv=LANCZOS, maxiter=2, tol=0.1)
    except ArpackNoConvergence as unfinished:
        values, vectors = unfinished.eigenvalues, unfinished.eigenvectors
    if not len(values):
        if chart.size > MOST_PARAMETERS:
            return np.inf, start
        values, vectors = np.linalg.eigh(curvature(chart, problem))
    return float(values[0]), vectors[:, 0]


def _along(chart: Chart, problem: Problem, direction: Array) -> Array:
    """The curvature times a direction, by differences of the score."""
    ahead, behind = (chart.score(problem, h * direction) for h in (STEP, -STEP))
    return np.asarray((behind - ahead) / (2 * STEP))
