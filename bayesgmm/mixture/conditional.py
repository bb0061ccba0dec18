"""What the cells of a row that are there tell of those that are missing.

Given its component a row is normal, and the missing cells M are normal given those that are there, O:

    E[x_M | x_O] = mu_M + S_MO S_OO^-1 (x_O - mu_O),    Cov[x_M | x_O] = S_MM - S_MO S_OO^-1 S_OM

(Bishop 2006, equations 2.81 and 2.82). Under a mixture the components are weighted by the responsibilities
that the cells that are there give.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve

from bayesgmm.mixture.density import responsibilities
from bayesgmm.mixture.params import MixtureParams

__all__ = ["Completion", "Pattern", "completed", "given_component", "lacking_like", "patterns"]

Array = NDArray[np.float64]


class Pattern(NamedTuple):
    """Rows that lack the same cells: their numbers, and those of the cells that are missing and there."""

    rows: NDArray[np.intp]
    missing: NDArray[np.intp]
    there: NDArray[np.intp]


class Completion(NamedTuple):
    """Rows whose missing cells have their conditional means, shape (N, D), and the standard deviations of
    these, zero where a cell is there."""

    values: Array
    sd: Array


def patterns(X: Array) -> Iterator[Pattern]:
    """The rows of X, shape (N, D), by the cells that they lack; complete ones are left out."""
    missing = np.isnan(X)
    some = np.flatnonzero(missing.any(axis=1))
    kinds, which = np.unique(missing[some], axis=0, return_inverse=True)
    for kind, lacks in enumerate(kinds):
        yield Pattern(some[which.ravel() == kind], np.flatnonzero(lacks), np.flatnonzero(~lacks))


def lacking_like(X: Array, others: Array, shares: Array, rng: np.random.Generator) -> Array:
    """Complete rows, which then lack what others lack that are drawn at random, in proportion to shares that
    add up to one; these themselves where the others lack nothing."""
    missing = np.isnan(others)
    if not missing.any():
        return X
    return np.where(missing[rng.choice(len(others), len(X), p=shares)], np.nan, X)


def given_component(X: Array, pattern: Pattern, mean: Array, covariance: Array) -> tuple[Array, Array]:
    """Conditional means, shape (n, m), and the covariance, (m, m), of the cells that n rows lack, under a
    Gaussian of mean (D,) and covariance (D, D)."""
    rows, missing, there = pattern
    between = covariance[np.ix_(there, missing)]
    own = covariance[np.ix_(missing, missing)]
    slopes = cho_solve((np.linalg.cholesky(covariance[np.ix_(there, there)]), True), between)
    centred = X[np.ix_(rows, there)] - mean[there]
    return mean[missing] + centred @ slopes, own - between.T @ slopes


def completed(X: Array, params: MixtureParams) -> Completion:
    """Conditional means and standard deviations of missing cells, NaN in X, under a mixture.

    Parameters
    ----------
    X : ndarray, shape (N, D)
    params : MixtureParams

    Returns
    -------
    Completion

    Examples
    --------
    >>> import numpy as np
    >>> from bayesgmm import MixtureParams
    >>> from bayesgmm.mixture.conditional import completed
    >>> p = MixtureParams([1.0], [[0.0, 0.0]], [[[1.0, 0.6], [0.6, 1.0]]])
    >>> values, sd = completed(np.array([[2.0, np.nan]]), p)
    >>> values.round(3), sd.round(3)
    (array([[2. , 1.2]]), array([[0. , 0.8]]))
    """
    values, sd = X.copy(), np.zeros(X.shape)
    r = responsibilities(X, params)
    for pattern in patterns(X):
        first = np.zeros((len(pattern.rows), len(pattern.missing)))
        second = np.zeros_like(first)
        each = [
            given_component(X, pattern, m, c) for m, c in zip(params.means, params.covariances, strict=True)
        ]
        for share, (mean, _) in zip(r[pattern.rows].T, each, strict=True):
            first += share[:, None] * mean
        # About the mean of the mixture: no large squares that cancel.
        for share, (mean, covariance) in zip(r[pattern.rows].T, each, strict=True):
            second += share[:, None] * (np.diag(covariance) + (mean - first) ** 2)
        at = np.ix_(pattern.rows, pattern.missing)
        values[at], sd[at] = first, np.sqrt(second)
    return Completion(values, sd)
