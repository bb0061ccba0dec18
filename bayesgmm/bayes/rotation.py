"""Coordinates in which columns that nearly tell each other are not collinear.

Where a column is next to a linear function of others within every component, correlations are next to one:
infinity in the coordinates of samplers, along which standard deviations, correlations and means are bound to
each other in a curve that no linear map makes straight. Rows are then written as x = shift + F y with a lower
triangular F, the Cholesky factor of the covariance within components, and the sampler moves in the
coordinates of the mixture of y: what is left of a column when those before it are known is a column of its
own.

The prior is that of x. With S the covariance of a component of y, that of x is F S F'. The coordinates of a
covariance, logarithms of standard deviations and the numbers M of its correlations, have the volume element
|S| ^ -((D + 1) / 2) dS times a constant, which the map leaves as it is: the density by coordinates of y is
the density by coordinates of x at the mapped mixture, times |F| for each mean.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayesgmm.mixture.coordinates import add_gradient, blocks
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.support.allocation import empty, zeros
from bayesgmm.support.compilation import inlined

__all__ = ["mapped_values", "put_rotated_gradient", "rotated", "rotation_of"]

Array = NDArray[np.float64]

# Of a column's standard deviation, what those before it do not tell: below the first, coordinates are turned;
# below the second it is rounding.
SMALL_REST, ROUNDING = 0.01, 1e-10


def rotation_of(mixture: MixtureParams, family: CovarianceFamily) -> Array:
    """The lower triangular F of a mixture of standardised rows, shape (D, D): the Cholesky factor of the mean
    covariance within its components; (0, 0) where no column is nearly told by others there, or the family has
    no covariances of all kinds.

    The covariance of all rows would not do: clusters far from each other, or one giant outlier, make it look
    like that of collinear columns.

    Parameters
    ----------
    mixture : MixtureParams
    family : CovarianceFamily

    Examples
    --------
    >>> import numpy as np
    >>> from bayesgmm import MixtureParams
    >>> from bayesgmm.bayes.rotation import rotation_of
    >>> from bayesgmm.mixture.families import family_of
    >>> near = MixtureParams([1.0], [[0.0, 0.0]], [[[1.0, 1.0], [1.0, 1.0 + 1e-6]]])
    >>> rotation_of(near, family_of("full")).round(3)
    array([[1.   , 0.   ],
           [1.   , 0.001]])
    >>> rotation_of(near, family_of("diag")).shape
    (0, 0)
    """
    d, nothing = mixture.n_features, np.empty((0, 0))
    alike = family.by_component == family.own_correlations and family.by_feature
    if not (alike and family.has_correlations and d > 1 and not any(family.std_parts(1))):
        return nothing
    # Of the factors, not of the covariances, which square how nearly collinear columns are.
    roots = np.sqrt(mixture.weights)[:, None, None] * np.swapaxes(mixture.cholesky, 1, 2)
    upper = np.linalg.qr(roots.reshape(-1, d), mode="r")
    factor = (upper * np.sign(np.diagonal(upper))[:, None]).T
    left = float((np.diagonal(factor) / np.linalg.norm(factor, axis=1)).min())
    return factor if ROUNDING < left < SMALL_REST else nothing


def mapped_values(values: Mapping[str, Array], factor: Array) -> dict[str, Array]:
    """Parameters, as the PyMC model names them and with any leading axes, of ``factor @ x``, where x follows
    those given; a lower triangular factor (D, D) with a positive diagonal."""
    cholesky = factor @ (values["stds"][..., None] * values["corr_chol"])
    stds = np.linalg.norm(cholesky, axis=-1)
    means = values["means"] @ factor.T
    return {**values, "means": means, "stds": stds, "corr_chol": cholesky / stds[..., None]}


@inlined
def rotated(q, mixture, rotation, layout):
    """The vector of the mixture of x at the vector of that of y."""
    K, D = layout.n_components, layout.n_features
    out = empty(len(q))
    for i in range(len(q)):
        out[i] = q[i]
    there = blocks(out, layout)
    row = empty(D)
    for k in range(K):
        for i in range(D):
            s = 0.0
            for m in range(i + 1):
                s += rotation[i, m] * mixture.means[k, m]
            there.means[k, i] = s
            squares = 0.0
            for j in range(i + 1):
                row[j] = 0.0
                for m in range(j, i + 1):
                    row[j] += rotation[i, m] * mixture.cholesky[k, m, j]
                squares += row[j] * row[j]
            there.log_stds[layout.std_by_component * k + i] = 0.5 * np.log(squares)
            below = there.below[layout.corr_by_component * k]
            for j in range(i):
                below[i * (i - 1) // 2 + j] = row[j] / row[i]
    return out


@inlined
def put_rotated_gradient(by_there, there, mixture, rotation, layout, gradient):
    """Fill `gradient` by the vector of y from that by the vector of x, `by_there`; `there` is the mixture of
    x, and `mixture` that of y."""
    K, D = layout.n_components, layout.n_features
    by = blocks(by_there, layout)
    by_mean = zeros(K * D).reshape((K, D))
    by_cholesky = zeros(K * D * D).reshape((K, D, D))
    by_row = empty(D)
    for k in range(K):
        # What components share has its gradient once.
        counts_std = k == 0 or layout.std_by_component > 0
        counts_corr = k == 0 or layout.corr_by_component > 0
        for i in range(D):
            for m in range(i + 1):
                by_mean[k, m] += rotation[i, m] * by.means[k, i]
            by_std = by.log_stds[layout.std_by_component * k + i] if counts_std else 0.0
            by_below = by.below[layout.corr_by_component * k]
            # log tau_i = log |L_i| and M_ij = L_ij / L_ii.
            for j in range(i + 1):
                by_row[j] = by_std * there.corr_chol[k, i, j] / there.stds[k, i]
            if counts_corr:
                for j in range(i):
                    slope = by_below[i * (i - 1) // 2 + j] / there.cholesky[k, i, i]
                    by_row[j] += slope
                    by_row[i] -= slope * there.cholesky[k, i, j] / there.cholesky[k, i, i]
            for j in range(i + 1):
                for m in range(j, i + 1):
                    by_cholesky[k, m, j] += rotation[i, m] * by_row[j]
    for i in range(len(gradient)):
        gradient[i] = by_there[i] if i < K - 1 else 0.0
    add_gradient(mixture, zeros(K), by_mean, by_cholesky, 1.0, layout, gradient)
