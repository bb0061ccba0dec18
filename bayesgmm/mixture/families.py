"""The four covariance families: shapes, counts, and coordinates to fit them in.

Every family is carried as covariances (K, D, D) inside; scikit-learn's shapes are for the outside.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.errors import ParameterError

__all__ = ["compressed", "expanded", "location_scale", "n_parameters", "parameter_shapes"]

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
            f"{name} must have shape {shapes[covariance_type]} with covariance_type={covariance_type!r}; got {a.shape}.",
            name=name,
            expected=shapes[covariance_type],
            shape=a.shape,
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


def parameter_shapes(n_components: int, n_features: int, covariance_type: str) -> dict[str, tuple[int, ...]]:
    """Shapes of weights, means, stds and, where the family has it, corr_chol, as the PyMC model has them."""
    k, d = n_components, n_features
    stds = {"full": (k, d), "diag": (k, d), "tied": (d,), "spherical": (k,)}[covariance_type]
    shapes: dict[str, tuple[int, ...]] = {"weights": (k,), "means": (k, d), "stds": stds}
    if covariance_type in ("full", "tied"):
        shapes["corr_chol"] = (k, d, d) if covariance_type == "full" else (d, d)
    return shapes


def location_scale(X: Array, sample_weight: Array, covariance_type: str) -> tuple[Array, Array]:
    """Means and scales of the columns, shape (D,) each; a scale of zero becomes one.

    The scale is the standard deviation, or what the interquartile range says it would be if that is smaller: one giant
    outlier then leaves the other rows a spread of about one. Spherical covariances stay spherical under one common
    scale only.
    """
    w = sample_weight if len(sample_weight) else None
    column = np.empty(len(X))
    shift, scale = np.array([_location_scale(x, w, column) for x in X.T]).T
    if covariance_type == "spherical":
        scale = np.full_like(scale, np.sqrt(np.mean(scale**2)))
    return shift, np.where(scale > 0, scale, 1.0)


def _location_scale(x: Array, weights: Array | None, scratch: Array) -> tuple[float, float]:
    """Of one column. Copies go to `scratch`, since with many rows another would be felt."""
    shift = np.average(x, weights=weights)
    np.subtract(x, shift, out=scratch)
    np.square(scratch, out=scratch)
    scale = np.sqrt(np.average(scratch, weights=weights))
    scratch[:] = x
    # An observed value each, so that a weight of three is the same as three values.
    low, high = np.quantile(
        scratch, [0.25, 0.75], weights=weights, method="inverted_cdf", overwrite_input=True
    )
    # Of a Gaussian, the interquartile range is 1.349 standard deviations.
    robust = (high - low) / 1.349
    return float(shift), float(min(scale, robust) if robust > 0 else scale)
