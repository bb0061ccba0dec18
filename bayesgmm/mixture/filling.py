"""Rows whose missing cells are filled in, for starts and figures: no density depends on them."""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.mixture.conditional import completed
from bayesgmm.mixture.kernels import accumulate
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.rows import Rows

__all__ = ["filled", "filled_values"]

Array = NDArray[np.float64]

# Steps of EM for one Gaussian, to two digits, and what is added to its variances.
STEPS, LEAST = 30, 1e-6


def filled(X: Array, sample_weight: Array) -> Array:
    """Standardised rows, shape (N, D), whose missing cells, NaN, have their conditional means under the one
    Gaussian that suits all rows best; weights have shape (N,), or (0,) where every row counts once.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesgmm.mixture.filling import filled
    >>> X = np.array([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0], [0.5, np.nan]])
    >>> filled(X, np.empty(0)).round(3)[3]
    array([0.5, 0.5])
    """
    d = X.shape[1]
    mean, factor = np.zeros(d), np.eye(d)
    for _ in range(STEPS):
        _, s0, s1, s2 = accumulate(X, sample_weight, np.zeros(1), mean[None], factor[None])
        off = s1[0] / s0[0]
        covariance = factor @ (s2[0] / s0[0] - np.outer(off, off)) @ factor.T
        mean = mean + factor @ off
        factor = np.linalg.cholesky((covariance + covariance.T) / 2 + LEAST * np.eye(d))
    params = MixtureParams.of_cholesky(np.ones(1), mean[None], factor[None])
    return np.asfortranarray(completed(X, params).values)


def filled_values(rows: Rows) -> Array:
    """The rows in the units of the data, shape (N, D), their missing cells filled in so: for what cannot do
    without, such as k-means and points of a figure."""
    if not rows.has_missing:
        return rows.values
    shift, scale = rows.location_scale
    values = shift + scale * filled(rows.standardised(shift, scale), rows.weights)
    return np.where(np.isnan(rows.values), values, rows.values)
