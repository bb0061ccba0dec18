"""Whether a stationary point is a maximum: the curvature of the log-likelihood there, and the ways up from a
saddle.

Between two maxima that mirror each other, and where components are alike, the likelihood is flat in the
direction in which it rises; EM comes to rest there as it does at a maximum.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from bayesgmm.em.information import Chart
from bayesgmm.em.problem import Problem
from bayesgmm.em.scores import empirical_information
from bayesgmm.em.steps import State

__all__ = ["FLAT", "MOST_PARAMETERS", "missing_information", "ways_up"]

Array = NDArray[np.float64]

# Of more parameters the products of scores are too many.
MOST_PARAMETERS = 300
# Of differences, and of a step off a saddle, in units in which components are standard normal.
STEP, LEAP = 1e-4, 0.5
# Directions in which the curvature is looked for: those that Lanczos' method comes to in so many steps.
STEPS = 8
# Information per row in a direction in which no row tells anything; and curvature per row that is none. Where
# components are alike both are, and the log-likelihood rises in higher order only, if at all.
SILENT, LEVEL = 1e-10, 1e-7
# Of the search for the direction of that rise.
POWER_STARTS, POWER_STEPS = 3, 8
# Curvature as a part of the information: below, a point may be a saddle; and above on a part of the rows, it
# is a maximum on all.
FLAT, CLEAR = 0.01, 0.5
# A row of so little doubt adds nothing to the information that is missing.
NO_DOUBT = 1e-18


def ways_up(problem: Problem, state: State, part: Problem | None = None) -> list[State]:
    """States to both sides of a saddle, in the direction of the least curvature; none of a maximum.

    Parameters
    ----------
    problem : Problem
    state : State
        Where the log-likelihood does not rise in first order.
    part : Problem, optional
        Some of the rows, that settle it where the curvature is clear.
    """
    part = part or problem
    chart = Chart(state, problem.family)
    scale, level = _units(chart, part)
    if level.shape[1]:
        return _beside(chart, _steepest(chart, problem, level))
    if part is not problem and _least(chart, part, scale)[0] > CLEAR:
        return []
    value, direction = _least(chart, problem, scale * np.sqrt(part.total_weight / problem.total_weight))
    return _beside(chart, direction) if value < FLAT else []


def _units(chart: Chart, problem: Problem) -> tuple[Array, Array]:
    """Directions of unit information as columns of a matrix (P, P), and those that are level (P, M)."""
    none = np.empty((chart.size, 0))
    if chart.size > MOST_PARAMETERS:
        return np.eye(chart.size) / np.sqrt(problem.total_weight), none
    values, vectors = np.linalg.eigh(empirical_information(chart, problem))
    silent = values <= SILENT * problem.total_weight
    if silent.any():
        # Few rows tell of a component in few directions; of the others its curvature does.
        basis = vectors[:, silent]
        products = np.array([_along(chart, problem, direction) for direction in basis.T])
        values[silent], turned = np.linalg.eigh((products @ basis + basis.T @ products.T) / 2)
        vectors[:, silent] = basis @ turned
        level = silent & (values <= LEVEL * problem.total_weight)
        if level.any():
            return vectors, vectors[:, level]
    return vectors / np.sqrt(values), none


def _steepest(chart: Chart, problem: Problem, level: Array) -> Array:
    """Of level directions, the columns of a matrix, one in which the log-likelihood rises in higher order: a
    power method, whose map is a leap and two steps of EM, which leave covariances that go with it."""
    rng = np.random.default_rng(0)
    best: Array = level[:, 0]
    highest = -np.inf
    for _ in range(POWER_STARTS):
        u: Array = rng.standard_normal(size=(level.shape[1],))
        for _ in range(POWER_STEPS):
            direction = level @ (u / np.linalg.norm(u))
            # A leap may end where there is no mixture.
            with np.errstate(all="ignore"):
                first = problem.advance(chart.state(LEAP * direction))
            if not np.isfinite(first.log_likelihood):
                break
            second = problem.advance(first.next)
            if second.log_likelihood > highest:
                best, highest = direction, second.log_likelihood
            u = np.asarray(level.T @ _weights_and_means(chart, second.next))
            if not np.linalg.norm(u) > 0:
                break
    return best


def _weights_and_means(chart: Chart, state: State) -> Array:
    """Where a mixture lies in a chart, but for its covariances."""
    at = np.zeros(chart.size)
    logits = state.log_weights - chart.origin.log_weights
    off = (state.means - chart.origin.means)[:, :, None]
    a = np.linalg.solve(chart.origin.cholesky, off)
    at[: chart.before_factors] = np.concatenate([(logits - logits[0])[1:], a.ravel()])
    return at


def _beside(chart: Chart, direction: Array) -> list[State]:
    unit = direction / np.linalg.norm(direction)
    return [chart.state(side * LEAP * unit) for side in (-1.0, 1.0)]


def missing_information(problem: Problem, state: State) -> float:
    """What is missing for want of labels, as a part of what complete data would tell: the sum over all
    directions, so that below one the log-likelihood falls in every direction.

    Louis (1982), Finding the observed information matrix when using the EM algorithm, section 3.1: of each
    row the variance of the complete data's score given the row is missing.
    """
    if problem.holes is not None:
        # Cells are missing, too, and how much they would tell is not known here.
        return np.inf
    r = problem.responsibilities(state)
    d = state.shape[1]
    w = problem.weight_of_rows
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


def _least(chart: Chart, problem: Problem, scale: Array) -> tuple[float, Array]:
    """The least curvature in the coordinates that a scale makes, and its direction in the chart's.

    Lanczos' method (Golub and Van Loan 2013, section 10.1), with all of its vectors kept orthogonal. Where
    the information is one in all directions most curvatures are near one, and one far below is soon found.
    """
    steps = min(STEPS, chart.size)
    basis = np.zeros((steps, chart.size))
    on, beside = np.zeros(steps), np.zeros(steps)
    v = np.random.default_rng(0).normal(size=chart.size)
    for i in range(steps):
        basis[i] = v / np.linalg.norm(v)
        v = scale.T @ _along(chart, problem, scale @ basis[i])
        on[i] = basis[i] @ v
        for _ in range(2):
            v = v - basis[: i + 1].T @ (basis[: i + 1] @ v)
        beside[i] = np.linalg.norm(v)
        if beside[i] < 1e-8 * max(np.abs(on).max(), 1.0):
            steps = i + 1
            break
    values, vectors = eigh_tridiagonal(on[:steps], beside[: steps - 1], select="i", select_range=(0, 0))
    return float(values[0]), scale @ (basis[:steps].T @ vectors[:, 0])


def _along(chart: Chart, problem: Problem, direction: Array) -> Array:
    """Minus the second derivatives times a direction, by differences of the score."""
    step = STEP / np.linalg.norm(direction)
    ahead, behind = (chart.score(problem, h * direction) for h in (step, -step))
    return np.asarray((behind - ahead) / (2 * step))
