"""A start of the user's own: weights_init, means_init, precisions_init."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.em.problem import Problem
from bayesgmm.em.starts import kmeans_plusplus_start, nearest, start_of_responsibilities
from bayesgmm.em.steps import State
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.families import family_of

__all__ = ["user_start"]

Array = NDArray[np.float64]


def user_start(
    problem: Problem,
    n_components: int,
    covariance_type: str,
    given: tuple[ArrayLike | None, ArrayLike | None, ArrayLike | None],
    coordinates: tuple[Array, Array],
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
    coordinates : shift and scale, shape (D,) each
    rng : numpy.random.Generator
        For what is not given.

    Raises
    ------
    ParameterError
        Where a shape is wrong, weights are no distribution, or a precision is not positive definite.
    """
    weights, means, precisions = given
    if weights is None and means is None and precisions is None:
        return None
    shift, scale = coordinates
    k, d = n_components, problem.X.shape[1]
    problem = problem.subsample(rng)
    if means is None:
        base = start_of_responsibilities(problem, kmeans_plusplus_start(problem, k, rng))
        centres = base.means
    else:
        centres = (_checked(means, (k, d), "means_init") - shift) / scale
        base = start_of_responsibilities(problem, nearest(problem.X, centres))
    log_weights = base.log_weights if weights is None else _log_weights(weights, k)
    cholesky = base.cholesky
    if precisions is not None:
        matrices = family_of(covariance_type).expanded(precisions, k, d, "precisions_init")
        cholesky = _cholesky_of_precisions(matrices * scale[:, None] * scale)
    return State(log_weights, centres, cholesky)


def _checked(values: ArrayLike, shape: tuple[int, ...], name: str) -> Array:
    try:
        a = np.asarray(values)
        if np.iscomplexobj(a):
            raise TypeError
        a = a.astype(float)
    except (TypeError, ValueError):
        raise ParameterError(
            f"{name} must hold real numbers; got {values!r}.", name=name, values=values
        ) from None
    if a.shape != shape or not np.all(np.isfinite(a)):
        raise ParameterError(
            f"{name} must be finite and of shape {shape}; got shape {a.shape}.",
            name=name,
            expected=shape,
            shape=a.shape,
        )
    return a


def _log_weights(weights: ArrayLike, k: int) -> Array:
    w = _checked(weights, (k,), "weights_init")
    if np.any(w <= 0) or abs(w.sum() - 1) > 1e-6:
        raise ParameterError(
            f"weights_init must be positive and sum to one; got {w.tolist()}.", weights=w.tolist()
        )
    return np.log(w / w.sum())


def _cholesky_of_precisions(precisions: Array) -> Array:
    try:
        transposed = np.swapaxes(precisions, 1, 2)
        if not np.all(np.isfinite(precisions)) or not np.allclose(
            precisions, transposed, rtol=1e-6, atol=1e-12 * np.abs(precisions).max()
        ):
            raise np.linalg.LinAlgError
        np.linalg.cholesky(precisions)
        return np.linalg.cholesky(np.linalg.inv(precisions))
    except np.linalg.LinAlgError:
        raise ParameterError("precisions_init must hold symmetric positive definite matrices.") from None
