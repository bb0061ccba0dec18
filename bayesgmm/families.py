"""The four covariance families: shapes, counts, and coordinates to fit them in.

Every family is carried as covariances (K, D, D) inside; scikit-learn's shapes are for the outside.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.errors import ParameterError

__all__ = ["compressed", "expanded", "is_singular", "location_scale", "n_parameters"]

Array = NDArray[np.float64]


def compressed(matrices: Array, covariance_type: str) -> Array:
    """Matrices (K, D, D) in scikit-learn's shape: (K, D, D), (D, D), (K, D) or (K,)."""
    match covariance_type:
        case "full":
            return np.array(matrices)
        case "tied":
            return np.array(matrices[0])
        case "diag":
            return np.diagonal(matrices, axis1=1, axis2=2).copy()
        case _:
            return np.array(matrices[:, 0, 0])


def expanded(values: ArrayLike, covariance_type: str, n_components: int, n_features: int, name: str) -> Array:
    """Matrices (K, D, D) of values in scikit-learn's shape.

    Raises
    ------
    ParameterError
        Where the shape is not the family's.
    """
    k, d = n_components, n_features
    shapes = {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)}
    a = np.asarray(values, dtype=float)
    if a.shape != shapes[covariance_type]:
        raise ParameterError(
            f"{name} must have shape {shapes[covariance_type]} with covariance_type={covariance_type!r}; got {a.shape}."
        )
    match covariance_type:
        case "full":
            return a.copy()
        case "tied":
            return np.tile(a, (k, 1, 1))
        case "diag":
            return a[:, :, None] * np.eye(d)
        case _:
            return a[:, None, None] * np.eye(d)


def n_parameters(n_components: int, n_features: int, covariance_type: str) -> int:
    """Free parameters: K - 1 weights, K D means, and K D (D + 1) / 2, D (D + 1) / 2, K D or K for covariances."""
    k, d = n_components, n_features
    covariances = {"full": k * d * (d + 1) // 2, "tied": d * (d + 1) // 2, "diag": k * d, "spherical": k}
    return k - 1 + k * d + covariances[covariance_type]


def location_scale(X: Array, sample_weight: Array, covariance_type: str) -> tuple[Array, Array]:
    """Means and scales of the columns, shape (D,) each; a scale of zero becomes one.

    The scale is the standard deviation, or what the interquartile range says it would be if that is smaller: one giant
    outlier then leaves the other rows a spread of about one. Spherical covariances stay spherical under one common
    scale only.
    """
    w = sample_weight if len(sample_weight) else np.ones(len(X))
    shift = np.average(X, axis=0, weights=w)
    scale = np.sqrt(np.average((X - shift) ** 2, axis=0, weights=w))
    # Of a Gaussian, the interquartile range is 1.349 standard deviations.
    robust = np.array([_interquartile_range(x, w) for x in X.T]) / 1.349
    scale = np.where(robust > 0, np.minimum(scale, robust), scale)
    if covariance_type == "spherical":
        scale = np.full_like(scale, np.sqrt(np.mean(scale**2)))
    return shift, np.where(scale > 0, scale, 1.0)


def _interquartile_range(x: Array, weights: Array) -> float:
    """Of weighted values; a weight of three is the same as three values."""
    order = np.argsort(x, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    low, high = np.searchsorted(share, [0.25, 0.75])
    return float(x[order[high]] - x[order[low]])


def is_singular(X: Array, sample_weight: Array, covariance_type: str, floor: float) -> bool:
    """Whether standardised data have no spread in some direction that the family would need."""
    if covariance_type in ("diag", "spherical"):
        return False
    w = sample_weight if len(sample_weight) else None
    total = np.atleast_2d(np.cov(X, rowvar=False, aweights=w, ddof=0))
    return bool(np.linalg.eigvalsh(total)[0] <= floor)
