"""Where EM begins: hard partitions of the rows, turned into parameters by one M step."""

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import kmeans_plusplus

from bayesgmm.em.climb import maximise

__all__ = ["kmeans_plusplus_start", "parameters_of_partition"]

Array = NDArray[np.float64]


def kmeans_plusplus_start(
    X: Array, sample_weight: Array, n_components: int, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Parameters of the partition by nearest of K centres that k-means++ has chosen.

    Arthur and Vassilvitskii (2007), k-means++: the advantages of careful seeding, algorithm 2.
    """
    seed = int(rng.integers(2**31 - 1))
    centres, _ = kmeans_plusplus(
        X, n_components, sample_weight=sample_weight if len(sample_weight) else None, random_state=seed
    )
    # |x|^2 is the same for every centre and may be left out.
    distances = np.sum(centres**2, axis=1) - 2 * X @ centres.T
    return parameters_of_partition(X, sample_weight, distances.argmin(axis=1), n_components)


def parameters_of_partition(
    X: Array, sample_weight: Array, labels: NDArray[np.intp], n_components: int
) -> tuple[Array, Array, Array]:
    """Log weights (K,), means (K, D) and Cholesky factors (K, D, D) of the groups of rows.

    A group's own covariance may be singular, so every start shrinks it towards the pooled one:
    a quarter of the pooled covariance is added as if D + 1 rows had carried it.
    """
    n, d = X.shape
    w = sample_weight if len(sample_weight) else np.ones(n)
    pooled = np.cov(X, rowvar=False, aweights=w, ddof=0).reshape(d, d) if n > 1 else np.eye(d)
    pooled = pooled + 1e-6 * np.eye(d)
    s0 = np.zeros(n_components)
    s1 = np.zeros((n_components, d))
    s2 = np.zeros((n_components, d, d))
    for k in range(n_components):
        rows = labels == k
        wk, xk = w[rows], X[rows]
        centre = wk @ xk / wk.sum() if wk.sum() > 0 else X[int(k % n)]
        prior_rows = d + 1.0
        s0[k] = wk.sum() + prior_rows
        s1[k] = s0[k] * centre
        z = xk - centre
        s2[k] = (wk[:, None] * z).T @ z + prior_rows * 0.25 * pooled + s0[k] * np.outer(centre, centre)
    log_weights = np.zeros(n_components)
    means = np.zeros((n_components, d))
    cholesky = np.tile(np.eye(d), (n_components, 1, 1))
    maximise(s0, s1, s2, s0.sum(), log_weights, means, cholesky)
    return log_weights, means, cholesky
