"""The resolution of data, and what a prior makes of it: no component is narrower than can be seen.

A column of rounded values holds many equal ones, and rows of several such columns lie on lines. A component
that sits on them gains density without bound as it narrows, and says nothing of the quantity that was
measured. With r_i the resolution of column i, rounding alone has the variance r_i^2 / 12, and

    t = sum_i r_i^2 / 12 (Sigma^-1)_ii

is the mean square of the distance, in units of a component's covariance Sigma, by which it displaces a row.
The prior has the factor exp(-(t / T)^4), T = 1/2, for each distinct covariance: it is 1 to four digits up to
t = 0.05, as for a single column whose standard deviation is 1.3 r, and all but forbids t = 1, a standard
deviation of 0.3 r. Since t is at least r^2 / 12 over the smallest eigenvalue of Sigma, the likelihood times
this factor is bounded, and with any proper prior the posterior is proper, whatever the data.
"""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.support.allocation import zeros
from bayesgmm.support.compilation import inlined_in_order

__all__ = ["add_log_visibility", "column_resolutions", "log_visibility", "scaled_variances"]

Array = NDArray[np.float64]

# T of the text above.
VISIBLE = 0.5
# Of a column's standard deviation: what is taken for its resolution where no rounding is seen.
FINEST = 1e-6
# Of a column's range: steps nearer to each other than this are taken for equal.
SAME_STEP = 1e-9
# A column of at most so many distinct values, as a share of its rows, is one of a few steps.
LARGEST_DISTINCT_SHARE = 0.5


def column_resolutions(X: Array, spread: Array) -> Array:
    """The step of which all differences of a column's values are multiples, shape (D,).

    Where most rows share their value with another it is the smallest difference, if that is larger; where no
    step is found, a millionth of the column's standard deviation.

    Parameters
    ----------
    X : ndarray, shape (N, D)
    spread : ndarray, shape (D,)
        Standard deviations of the columns.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesgmm.bayes.resolution import column_resolutions
    >>> column_resolutions(np.array([[1.25], [3.0], [3.75], [5.5]]), np.ones(1))
    array([0.25])
    """
    return np.array([_resolution(column, FINEST * sd) for column, sd in zip(X.T, spread, strict=True)])


def _resolution(column: Array, finest: float) -> float:
    values = np.unique(column)
    gaps = np.diff(values)
    found = max(_common_step(gaps, SAME_STEP * (values[-1] - values[0])), finest)
    if len(values) <= LARGEST_DISTINCT_SHARE * len(column):
        found = max(found, float(gaps.min()))
    return found


def _common_step(gaps: Array, tolerance: float) -> float:
    """The greatest common divisor of numbers, by Euclid's algorithm; 0 where there is none above a
    tolerance."""
    step = 0.0
    for gap in np.unique(gaps):
        a, b = float(gap), step
        while b > tolerance:
            rest = a % b
            a, b = b, min(rest, b - rest)
        step = a
        if step <= 1e3 * tolerance:
            return 0.0
    return step


def scaled_variances(resolution: Array) -> Array:
    """What rounding adds to the variances, shape (D,), in units of T: t / T = sum_i a_i (Sigma^-1)_ii."""
    return resolution**2 / (12 * VISIBLE)


def log_visibility(cholesky: Array, resolution: Array) -> Array:
    """Log of the factor, shape (...), of covariances with Cholesky factors (..., D, D)."""
    d, inverse = cholesky.shape[-1], np.zeros_like(cholesky)
    # A draw of a prior that reaches far may be zero, or infinite.
    with np.errstate(all="ignore"):
        for j in range(d):
            inverse[..., j, j] = 1 / cholesky[..., j, j]
            for i in range(j + 1, d):
                along = (cholesky[..., i, j:i] * inverse[..., j:i, j]).sum(axis=-1)
                inverse[..., i, j] = -along / cholesky[..., i, i]
        t = (inverse**2 * scaled_variances(resolution)).sum(axis=(-2, -1))
        return -(np.where(np.isfinite(t), t, np.inf) ** 4)


@inlined_in_order
def add_log_visibility(value, cholesky, a, n_distinct, is_diagonal, by_cholesky):
    """`value` plus the logs of the factors of the first `n_distinct` covariances; adds to their gradients,
    (K, D, D).

    `a` is that of :func:`scaled_variances`.
    """
    D = len(a)
    inverse, middle = zeros(D * D).reshape((D, D)), zeros(D * D).reshape((D, D))
    for k in range(n_distinct):
        L = cholesky[k]
        t = 0.0
        for j in range(D):
            inverse[j, j] = 1.0 / L[j, j]
            t += a[j] * inverse[j, j] * inverse[j, j]
            if not is_diagonal:
                for i in range(j + 1, D):
                    s = 0.0
                    for m in range(j, i):
                        s -= L[i, m] * inverse[m, j]
                    inverse[i, j] = s / L[i, i]
                    t += a[j] * inverse[i, j] * inverse[i, j]
        value -= t * t * t * t
        # d t / d L = -2 W' (W a W') with W the inverse.
        factor = 8.0 * t * t * t
        if is_diagonal:
            for j in range(D):
                by_cholesky[k, j, j] += factor * a[j] * inverse[j, j] * inverse[j, j] * inverse[j, j]
            continue
        for i in range(D):
            for j in range(i + 1):
                s = 0.0
                for m in range(j + 1):
                    s += inverse[i, m] * a[m] * inverse[j, m]
                middle[i, j], middle[j, i] = s, s
        for i in range(D):
            for j in range(i + 1):
                s = 0.0
                for m in range(i, D):
                    s += inverse[m, i] * middle[m, j]
                by_cholesky[k, i, j] += factor * s
    return value
