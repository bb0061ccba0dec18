"""The resolution of data, and what a prior makes of it: no component is narrower than can be seen.

A column of rounded values holds many equal ones, and rows of several such columns lie on lines. A component
that sits on them gains density without bound as it narrows, and says nothing of the quantity that was
measured. With r_i the resolution of column i, rounding alone has the variance r_i^2 / 12. The prior has the
factors

    exp(-(r_i^2 / (6 s^2))^4)                        for each distinct standard deviation s in column i,
    exp(-sum_i (r_i^2 / (6 D m_i^2) (R^-1)_ii)^4)    for each distinct correlation matrix R,

with m_i the smallest prior standard deviation of a mean in that column, for the spread of the data. The first
is 1 to three digits down to s = r, and all but forbids s < 0.3 r. The second does so with the variance of a
column given the others, which is 1 / (R^-1)_ii of its own; without the D an LKJ prior of many columns, in
which all are nearly determined by the others, would be mostly forbidden. Where features share a standard
deviation the largest resolution counts.

Standard deviations and the inverse of R are thereby bounded but for a tail that falls faster than any power:
the likelihood times these factors is bounded, and with any proper prior the posterior is proper, whatever the
data. Factors of columns, and of standard deviations and correlations, are apart, so that draws of the prior
and its constant are found column by column.
"""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.support.allocation import zeros
from bayesgmm.support.compilation import inlined_in_order

__all__ = [
    "FINEST",
    "add_correlation_visibility",
    "column_resolutions",
    "correlation_bounds",
    "log_visibility_of_correlations",
    "log_visibility_of_stds",
    "std_bounds",
    "step_of_few",
]

Array = NDArray[np.float64]

# Of a column's standard deviation: what is taken for its resolution where no rounding is seen.
FINEST = 1e-6
# Of a column's range: steps nearer to each other than this are taken for equal.
SAME_STEP = 1e-9
# A column with more distinct values than this share of its rows is not taken for a rounded one.
LARGEST_DISTINCT_SHARE = 0.5
# Of the rows, what has to lie on a grid that a few values are off, such as one that was filled in.
SMALLEST_SHARE_ON_GRID = 0.9
MOST_GAPS_TRIED, FEWEST_ON_GRID = 5, 5


def column_resolutions(X: Array, spread: Array, weights: Array | None = None) -> Array:
    """The step of which all differences of a column's values are multiples, shape (D,).

    Up to a tenth of the rows may be off it, such as values that were filled in. Where most rows share
    their value with another it is the smallest difference, if that is larger; where no step is found, a
    millionth of the column's standard deviation.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        NaN where a cell is missing.
    spread : ndarray, shape (D,)
        Standard deviations of the columns.
    weights : ndarray, shape (N,) or (0,), optional
        Of the rows; a row counts as so many.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesgmm.bayes.resolution import column_resolutions
    >>> column_resolutions(np.array([[1.25], [3.0], [3.75], [5.5]]), np.ones(1))
    array([0.25])
    """
    weights = np.ones(len(X)) if weights is None or not len(weights) else weights
    there = ~np.isnan(X)
    columns = zip(X.T, there.T, spread, strict=True)
    return np.array([_resolution(column[on], FINEST * sd, weights[on]) for column, on, sd in columns])


def _resolution(column: Array, finest: float, weights: Array) -> float:
    values, at = np.unique(column, return_inverse=True)
    counts, n = np.bincount(at, weights), float(weights.sum())
    # Two values alone are as far apart as they are, and tell of no step.
    if len(values) < 3:
        return max(finest, step_of_few(values, n))
    tolerance = SAME_STEP * (values[-1] - values[0])
    steps = _common_step(np.diff(values), tolerance), _step_of_most(values, counts, 1e3 * tolerance)
    return max(*steps, finest, step_of_few(values, n))


def _step_of_most(values: Array, counts: Array, tolerance: float) -> float:
    """The largest of the gaps between neighbours that occur most often on whose grid nearly all other rows
    are, with several values; 0 where there is none."""
    gaps = np.diff(values)
    _, first, times = np.unique(np.round(gaps / tolerance), return_index=True, return_counts=True)
    fits = 0.0
    for at in first[np.argsort(-times, kind="stable")[:MOST_GAPS_TRIED]]:
        step = gaps[at]
        # Random numbers are not on such a grid by chance.
        if step < 100 * tolerance:
            continue
        off = np.abs((values - values[at] + step / 2) % step - step / 2)
        # Those that the gap is of are on it in any case, and so is the commonest with many gaps beside it.
        others = np.ones(len(values), bool)
        others[[at, at + 1, counts.argmax()]] = False
        on_grid = others & (off < tolerance)
        on_grid_weight, weight = counts[on_grid].sum(), counts[others].sum()
        if on_grid.sum() >= FEWEST_ON_GRID and on_grid_weight >= SMALLEST_SHARE_ON_GRID * weight:
            fits = max(fits, float(step))
    return fits


def step_of_few(values: Array, n: float) -> float:
    """Smallest difference of the distinct values of a column, in order; 0 where they are too many of its n
    rows to be those of a rounded one."""
    if not 1 < len(values) <= LARGEST_DISTINCT_SHARE * n:
        return 0.0
    return float(np.diff(values).min())


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


def std_bounds(resolution: Array, by_feature: bool = True) -> Array:
    """a_i = r_i^2 / 6, shape (D,), such that a standard deviation has the factor exp(-(a_i / s^2)^4)."""
    a = resolution**2 / 6
    return a if by_feature else np.full_like(a, a.max())


def correlation_bounds(resolution: Array, mean_scale: Array) -> Array:
    """b_i = r_i^2 / (6 D m_i^2), shape (D,), of the factor of correlation matrices.

    Parameters
    ----------
    resolution : ndarray, shape (D,)
    mean_scale : ndarray, shape (K, D)
        Prior standard deviations of the means.
    """
    return np.asarray(resolution**2 / (6 * len(resolution) * mean_scale.min(axis=0) ** 2))


def log_visibility_of_stds(stds: Array, a: Array) -> Array:
    """Logs of the factors of standard deviations (..., D), each alone; `a` is that of :func:`std_bounds`."""
    # A draw of a prior that reaches far may be zero, or infinite.
    with np.errstate(all="ignore"):
        return -((a / stds**2) ** 4)


def log_visibility_of_correlations(corr_chol: Array, b: Array) -> Array:
    """Log of the factor, shape (...), of correlation matrices with Cholesky factors (..., D, D)."""
    d, inverse = corr_chol.shape[-1], np.zeros_like(corr_chol)
    with np.errstate(all="ignore"):
        for j in range(d):
            inverse[..., j, j] = 1 / corr_chol[..., j, j]
            for i in range(j + 1, d):
                along = (corr_chol[..., i, j:i] * inverse[..., j:i, j]).sum(axis=-1)
                inverse[..., i, j] = -along / corr_chol[..., i, i]
        of_columns = (b * (inverse**2).sum(axis=-2)) ** 4
        return -np.where(np.isfinite(of_columns), of_columns, np.inf).sum(axis=-1)


@inlined_in_order
def add_correlation_visibility(value, factor, b, by_factor):
    """`value` plus the log of the factor of the correlation matrix with this Cholesky factor (D, D); fills
    `by_factor`, shape (D, D), with the gradient by its lower triangle."""
    D = len(b)
    inverse, both = zeros(D * D).reshape((D, D)), zeros(D * D).reshape((D, D))
    for j in range(D):
        inverse[j, j] = 1.0 / factor[j, j]
        for i in range(j + 1, D):
            s = 0.0
            for m in range(j, i):
                s -= factor[i, m] * inverse[m, j]
            inverse[i, j] = s / factor[i, i]
    for i in range(D):
        for j in range(i + 1):
            s = 0.0
            for m in range(i, D):
                s += inverse[m, i] * inverse[m, j]
            both[i, j], both[j, i] = s, s
    for i in range(D):
        for j in range(i + 1):
            by_factor[i, j] = 0.0
    for c in range(D):
        t = b[c] * both[c, c]
        value -= t * t * t * t
        # (R^-1)_cc changes by -2 (R^-1 dC W)_cc, with W the inverse of the factor C.
        slope = 8.0 * b[c] * t * t * t
        for j in range(c, D):
            for i in range(j, D):
                by_factor[i, j] += slope * both[c, i] * inverse[j, c]
    return value
