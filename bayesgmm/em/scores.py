"""Scores of single rows: their products tell the information of an estimate in one pass over the rows.

Where the model is right the sum of products has the expectation of minus the second derivatives, and no more
noise in directions of little information than in others (Berndt, Hall, Hall and Hausman 1974). The second
derivatives of a part of the rows are sums of large numbers that cancel, and drown there.
"""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.information import Chart
from bayesgmm.em.problem import Problem
from bayesgmm.mixture.conditional import patterns

__all__ = ["empirical_information", "row_scores"]

Array = NDArray[np.float64]

ROWS_AT_ONCE = 4096


def empirical_information(chart: Chart, problem: Problem) -> Array:
    """The sum over rows of the products of their scores at a chart's origin, shape (P, P).

    Parameters
    ----------
    chart : Chart
    problem : Problem
    """
    total = np.zeros((chart.size, chart.size))
    w = problem.sample_weight
    for start in range(0, len(problem.X), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        scores = row_scores(chart, problem, some)
        total += (scores.T * w[some] if len(w) else scores.T) @ scores
    return total


def row_scores(chart: Chart, problem: Problem, some: slice = slice(None)) -> Array:
    """Gradients of the log densities of rows by a chart's coordinates at its origin, shape (M, P)."""
    state, X = chart.origin, problem.seen[some]
    r = problem.responsibilities(state, some)
    k, d = state.shape
    scores = np.zeros((len(X), chart.size))
    scores[:, : k - 1] = (r - np.exp(state.log_weights))[:, 1:]
    for j in range(k):
        z, products = _moments(X, state.means[j], np.linalg.inv(state.cholesky[j]))
        scores[:, chart.of_mean(j)] = r[:, j, None] * z
        # The symmetric part of z z' - I along L^-1 dSigma L'^-1 / 2.
        squares = (products - np.eye(d)).reshape(len(X), d * d)
        moves = chart.factors.moves(j).reshape(-1, d * d)
        scores[:, chart.of_covariance(j)] += r[:, j, None] * (squares @ moves.T) / 2
    return scores


def _moments(X: Array, mean: Array, inverse: Array) -> tuple[Array, Array]:
    """z = L^-1 (x - mu), shape (M, D), and z z', (M, D, D), of rows, or what is expected of them where cells
    are missing; see :mod:`bayesgmm.mixture.missing_cells`."""
    centred = X - mean
    z = np.where(np.isnan(centred), 0.0, centred) @ inverse.T
    lost = [(p.rows, np.linalg.qr(inverse[:, p.missing])[0]) for p in patterns(X)]
    for rows, basis in lost:
        z[rows] -= (z[rows] @ basis) @ basis.T
    products = z[:, :, None] * z[:, None, :]
    for rows, basis in lost:
        products[rows] += basis @ basis.T
    return z, products
