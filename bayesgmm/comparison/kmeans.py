"""k-means beside EM: what hard, round and equally large clusters make of the same data.

k-means (Lloyd 1982) is what EM becomes for a mixture whose components have equal weights and one common
spherical covariance s^2 I, as s goes to zero: each row then belongs wholly to the nearest centre (Bishop
2006, section 9.3.2).
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from bayesgmm.em.estimator import EMGaussianMixture
from bayesgmm.em.kmeans import kmeans
from bayesgmm.errors import DataError
from bayesgmm.mixture import density
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.mixture.families import family_of
from bayesgmm.mixture.filling import filled_values
from bayesgmm.mixture.matching import best_match
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.features import rows_for
from bayesgmm.rows.rows import RowsLike

__all__ = ["KMeansComparison", "kmeans_comparison"]

Array = NDArray[np.float64]
Labels = NDArray[np.intp]

N_INIT = 10
SEED = 0


@dataclass(frozen=True, eq=False)
class KMeansComparison:
    """k-means and EM on the same data with the same K.

    Attributes
    ----------
    labels, em_labels : ndarrays of int, shape (N,)
        The cluster of each row by k-means, and the component with the largest responsibility by EM. Clusters
        are numbered as the components with which they share most rows.
    centres : ndarray, shape (K, D)
        Centres of k-means, in the units of the data.
    adjusted_rand : float
        Agreement of the two partitions: 1 for the same, about 0 for chance (Hubert and Arabie 1985).
    table : DataFrame
        Rows "k-means" and "EM": ``sum_of_squares``, ``log_likelihood``, ``uncertain_rows`` and
        ``free_parameters``, as :func:`kmeans_comparison` explains.
    """

    labels: Labels
    em_labels: Labels
    centres: Array
    adjusted_rand: float
    table: pd.DataFrame = field(repr=False)

    def __str__(self) -> str:
        table = self.table.to_string(float_format=lambda v: f"{v:.2f}")
        return f"{table}\nAdjusted Rand index of the two partitions: {self.adjusted_rand:.3f}"


def kmeans_comparison(
    em: EMGaussianMixture, X: RowsLike, sample_weight: ArrayLike | None = None
) -> KMeansComparison:
    """Run k-means on the rows of a fit, and set the two side by side.

    k-means depends on units, so that columns are standardised: each by its own standard deviation, or all by
    a common one with covariance_type="spherical", whose EM depends on the ratios of units too. The best of 10
    starts, with a fixed seed. It cannot do without cells that are missing: these are filled in by what one
    Gaussian would expect.

    Parameters
    ----------
    em : EMGaussianMixture
        A fitted one.
    X : array_like or data frame, shape (N, D), or Rows
        The rows that it was fitted to.
    sample_weight : array_like, shape (N,), optional
        The weights that it was fitted with; a row of weight 3 counts as three rows in every figure.

    Returns
    -------
    KMeansComparison

    Raises
    ------
    DataError
        Where every row lies on its centre, so that k-means implies no density.

    Notes
    -----
    The columns of the table:

    sum_of_squares
        Squared distances of the rows, standardised, from the mean of their cluster, summed. For EM each row
        goes to the component with the largest responsibility. What k-means minimises: no partition has less,
        if its best start is the best there is.
    log_likelihood
        sum_n log p(x_n), in the units of the data. For EM at its estimate. For k-means of the mixture it
        implies: weights 1 / K, the centres as means, and for all components the covariance s^2 I in
        standardised columns with s^2 = sum_of_squares / (N D), the value that maximises the likelihood given
        the hard assignments. Such a mixture is one that EM may choose from, so that EM's is at least as high
        when it has found the highest maximum.
    uncertain_rows
        Rows for which no component has a responsibility of 0.95; none for k-means, which is always certain.
    free_parameters
        K D centres and s^2 for k-means, and those of the mixture for EM.

    Lloyd (1982), Least squares quantization in PCM; Bishop (2006), Pattern Recognition and Machine Learning,
    9.3.2.

    Examples
    --------
    >>> from bayesgmm import EMGaussianMixture, datasets
    >>> from bayesgmm.comparison.kmeans import kmeans_comparison
    >>> X = datasets.faithful().X
    >>> print(kmeans_comparison(EMGaussianMixture(2, random_state=0).fit(X), X))
             sum_of_squares  log_likelihood  uncertain_rows  free_parameters
    k-means           79.58        -1180.81               0                5
    EM                79.63        -1130.26               1               11
    Adjusted Rand index of the two partitions: 0.985
    """
    check_is_fitted(em)
    found = rows_for(em, X, sample_weight, reset=False)
    rows, filled = found.values, filled_values(found)
    w = found.counts
    k = em.params_.n_components
    shift, scale = _location_scale(filled, w, em.covariance_type)
    white = (filled - shift) / scale
    r = density.responsibilities(rows, em.params_)
    em_labels = r.argmax(axis=1)
    # Without tolerance it ends where no row changes its cluster, so that centres are means.
    clusters, centres = kmeans(white, k, n_init=N_INIT, seed=SEED, sample_weight=w, to_the_end=True)
    order = best_match(_shared(em_labels, clusters.astype(np.intp), w, k))
    centres, labels = centres[order], np.argsort(order)[clusters]
    squares = _sum_of_squares(white, labels, w)
    implied = _implied_mixture(centres, squares, w).rescaled(shift, scale)
    table = pd.DataFrame(
        {
            "sum_of_squares": [squares, _sum_of_squares(white, em_labels, w)],
            "log_likelihood": [
                float(w[w > 0] @ density.log_likelihood_per_obs(rows[w > 0], p))
                for p in (implied, em.params_)
            ],
            "uncertain_rows": [0, round(float(w[r.max(axis=1) < CERTAIN].sum()))],
            "free_parameters": [centres.size + 1, em.n_parameters()],
        },
        index=["k-means", "EM"],
    )
    agreement = _adjusted_rand(_shared(em_labels, labels, w, k))
    return KMeansComparison(labels, em_labels, implied.means, agreement, table)


def _location_scale(rows: Array, weights: Array, covariance_type: str) -> tuple[Array, Array]:
    # Not EM's own scale, which one outlier must not stretch: EM's result does not depend on it, that of
    # k-means would.
    mean = np.average(rows, axis=0, weights=weights)
    variance = np.average((rows - mean) ** 2, axis=0, weights=weights)
    variance = family_of(covariance_type).pooled(variance)
    return mean, np.where(variance > 0, np.sqrt(variance), 1.0)


def _shared(em_labels: Labels, labels: Labels, weights: Array, k: int) -> Array:
    """Rows that component i of EM shares with cluster j, shape (K, K)."""
    shared = np.zeros((k, k))
    np.add.at(shared, (em_labels, labels), weights)
    return shared


def _adjusted_rand(shared: Array) -> float:
    """Of two partitions, by how many rows their clusters share (Hubert and Arabie 1985, eq. 5)."""
    pairs, in_rows, in_columns, in_all = (
        float(np.sum(n * (n - 1) / 2)) for n in (shared, shared.sum(axis=1), shared.sum(axis=0), shared.sum())
    )
    by_chance, most = in_rows * in_columns / in_all, (in_rows + in_columns) / 2
    return 1.0 if most == by_chance else (pairs - by_chance) / (most - by_chance)


def _sum_of_squares(X: Array, labels: Labels, weights: Array) -> float:
    """Squared distances from the mean of each row's cluster, summed."""
    total = 0.0
    for c in np.unique(labels):
        rows, w = X[labels == c], weights[labels == c]
        if w.sum() > 0:
            total += float(w @ ((rows - np.average(rows, axis=0, weights=w)) ** 2).sum(axis=1))
    return total


def _implied_mixture(centres: Array, squares: float, weights: Array) -> MixtureParams:
    """Equal weights, the centres as means, and the common variance that the hard assignments suggest."""
    k, d = centres.shape
    variance = squares / (weights.sum() * d)
    if not variance > 0:
        raise DataError(
            f"Each of the {len(weights)} rows lies on one of the {k} centres of k-means, which leaves no "
            "variance and no density; use fewer components or more data.",
            n_rows=len(weights),
            n_clusters=k,
        )
    return MixtureParams(np.full(k, 1 / k), centres, np.tile(variance * np.eye(d), (k, 1, 1)))
