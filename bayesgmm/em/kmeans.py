"""K-means: the one place that calls it."""

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

__all__ = ["kmeans"]

Array = NDArray[np.float64]

# Enough for every row to stay where it is.
MOST_STEPS = 1000


def kmeans(
    X: Array,
    n_clusters: int,
    *,
    n_init: int,
    seed: int,
    sample_weight: Array | None = None,
    to_the_end: bool = False,
) -> tuple[NDArray[np.int32], Array]:
    """The cluster of each row, shape (N,), and the centres, shape (K, D): the best of several runs (Lloyd
    1982).

    Parameters
    ----------
    X : ndarray, shape (N, D)
        With no fewer distinct rows than clusters.
    n_clusters : int
    n_init : int
        Runs, each from seeds by k-means++.
    seed : int
    sample_weight : ndarray, shape (N,), optional
    to_the_end : bool
        Whether to run until no row changes its cluster; otherwise until the centres hardly move.
    """
    settings = {"tol": 0.0, "max_iter": MOST_STEPS} if to_the_end else {}
    model = KMeans(n_clusters, n_init=n_init, random_state=seed, **settings)
    model.fit(X, sample_weight=sample_weight)
    return model.labels_, model.cluster_centers_
