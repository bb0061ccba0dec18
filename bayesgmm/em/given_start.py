"""A start of the user's own: weights_init, means_init, precisions_init."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.em.problem import FIRST_ROWS, Problem
from bayesgmm.em.starts import kmeans_plusplus_start, nearest, start_of_responsibilities
from bayesgmm.em.steps import State
from bayesgmm.em.units import Units
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.families import family_of
from bayesgmm.support.arguments import check_finite_array

__all__ = ["user_start"]

Array = NDArray[np.float64]


def user_start(
    problem: Problem,
    n_components: int,
    covariance_type: str,
    given: tuple[ArrayLike | None, ArrayLike | None, ArrayLike | None],
    units: Units,
    rng: np.random.Generator,
) -> State | None:
    """A start in standardised coordinates, or None where the user gave nothing.

    Parameters
    ----------
    problem : Problem
    n_components : int
    covariance_type : str
    given : weights, means and precisions, each array_like or None
        In the units of the data and in scikit-learn's shapes.
    units : Units
    rng : numpy.random.Generator
        For what is not given.

    Raises
    ------
    ParameterError
        Where a shape is wrong, a value is not finite, weights are no distribution, or a precision is not
        symmetric and positive definite.
    """
    weights, means, precisions = given
    if weights is None and means is None and precisions is None:
        return None
    k, d = n_components, problem.X.shape[1]
    if len(problem.X) > FIRST_ROWS:
        problem = problem.subsample(FIRST_ROWS, rng)
    if means is None:
        base = start_of_responsibilities(problem, kmeans_plusplus_start(problem, k, rng))
        centres = base.means
    else:
        centres = units.points(check_finite_array(means, "means_init", (k, d)))
        base = start_of_responsibilities(problem, nearest(problem.by_column, problem.scaled(centres)))
    log_weights = base.log_weights if weights is None else _log_weights(weights, k)
    cholesky = base.cholesky
    if precisions is not None:
        name = "precisions_init"
        matrices = family_of(covariance_type).expanded(check_finite_array(precisions, name), k, d, name)
        _check_precisions(matrices)
        cholesky = _cholesky_of_precisions(units.factor.T @ matrices @ units.factor)
    state = State(log_weights, centres, cholesky)
    # Precisions of the user's may be of no mixture of the family.
    return state if precisions is None else problem.projected(state, base)


def _log_weights(weights: ArrayLike, k: int) -> Array:
    w = check_finite_array(weights, "weights_init", (k,))
    if np.any(w <= 0):
        at = int(np.argmin(w))
        raise ParameterError(
            f"weights_init must be positive; component {at} has {w[at]:g}; leave out a component without "
            f"rows.",
            name="weights_init",
            component=at,
            value=float(w[at]),
        )
    if abs(w.sum() - 1) > 1e-6:
        raise ParameterError(
            f"weights_init must sum to one; got a sum of {w.sum():.6g}; divide the weights by their sum.",
            name="weights_init",
            total=float(w.sum()),
        )
    return np.log(w / w.sum())


def _check_precisions(precisions: Array) -> None:
    """Refuse matrices (K, D, D) of which one is no precision, and say of the first why."""
    for k, matrix in enumerate(precisions):
        if not np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-12 * np.abs(matrix).max()):
            i, j = np.unravel_index(np.abs(matrix - matrix.T).argmax(), matrix.shape)
            raise ParameterError(
                f"precisions_init must be symmetric; of component {k} entry ({i}, {j}) is {matrix[i, j]:g}, "
                f"and entry ({j}, {i}) is {matrix[j, i]:g}; take the mean of the matrix and its transpose.",
                name="precisions_init",
                component=k,
                entry=(int(i), int(j)),
            )
        smallest = float(np.linalg.eigvalsh(matrix)[0])
        if not smallest > 0:
            raise ParameterError(
                f"precisions_init must be positive definite; that of component {k} has an eigenvalue of "
                f"{smallest:.3g}; a precision is the inverse of a covariance.",
                name="precisions_init",
                component=k,
                eigenvalue=smallest,
            )


def _cholesky_of_precisions(precisions: Array) -> Array:
    """Of the covariances, shape (K, D, D)."""
    try:
        return np.linalg.cholesky(np.linalg.inv(precisions))
    except np.linalg.LinAlgError:
        raise ParameterError(
            "precisions_init cannot be inverted: got matrices that are singular to rounding; give others "
            "with smaller ratios of their eigenvalues.",
            name="precisions_init",
        ) from None
