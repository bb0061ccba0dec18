"""Where EM begins: partitions of the rows, hard or soft, turned into parameters by one M step.

k-means++ seeds find separated clusters, Ward's hierarchical clustering of whitened rows finds elongated and
unequal ones (what makes mclust's starts strong), and random partitions find what neither suggests.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import kmeans_plusplus

from bayesgmm.em.kmeans import kmeans
from bayesgmm.em.problem import Problem
from bayesgmm.em.steps import State, Sums, maximise, standard_state

__all__ = [
    "MIXED",
    "STARTS",
    "Start",
    "is_same_partition",
    "nearest",
    "start_of_clusters",
    "start_of_responsibilities",
    "whitened",
]

Array = NDArray[np.float64]
# Takes the problem, K and a generator; returns responsibilities, shape (N, K).
Start = Callable[[Problem, int, np.random.Generator], Array]

# Ward's method needs memory and time that grow with the square of the rows.
WARD_ROWS = 1000


def kmeans_plusplus_start(problem: Problem, n_components: int, rng: np.random.Generator) -> Array:
    """Rows belong to the nearest of K seeds. Arthur and Vassilvitskii (2007), algorithm 2."""
    centres, _ = kmeans_plusplus(
        problem.by_column, n_components, sample_weight=_weights(problem), random_state=_seed(rng)
    )
    return nearest(problem.by_column, centres)


def kmeans_start(problem: Problem, n_components: int, rng: np.random.Generator) -> Array:
    """Rows belong to the clusters of k-means (Lloyd 1982), run to its end from one k-means++ start."""
    labels, _ = kmeans(
        problem.by_column, n_components, n_init=1, seed=_seed(rng), sample_weight=_weights(problem)
    )
    return np.eye(n_components)[labels]


def random_start(problem: Problem, n_components: int, rng: np.random.Generator) -> Array:
    """Responsibilities drawn from the uniform distribution on the simplex's corners' surroundings."""
    return rng.dirichlet(np.full(n_components, 0.5), size=len(problem.X))


def random_rows_start(problem: Problem, n_components: int, rng: np.random.Generator) -> Array:
    """Rows belong to the nearest of K rows chosen at random."""
    chosen = rng.choice(len(problem.X), n_components, replace=False)
    return nearest(problem.by_column, problem.by_column[chosen])


def ward_start(problem: Problem, n_components: int, rng: np.random.Generator) -> Array:
    """Rows belong to the K clusters of Ward's method on whitened data; large data on a random subsample.

    Fraley (1998), Algorithms for model-based Gaussian hierarchical clustering: Ward's criterion is the
    classification likelihood of spherical components of equal volume. O(M^2) in the M rows of the subsample.
    """
    n = len(problem.X)
    rows = np.arange(n) if n <= WARD_ROWS else rng.choice(n, WARD_ROWS, replace=False)
    white = whitened(problem.X)
    labels = fcluster(linkage(white[rows], method="ward"), n_components, criterion="maxclust") - 1
    found = labels.max() + 1
    centres = np.stack([white[rows][labels == k].mean(axis=0) for k in range(found)])
    # Ties may leave fewer clusters than asked for; further centres are rows at random.
    extra = white[rng.choice(n, n_components - found, replace=False)]
    return nearest(white, np.concatenate([centres, extra]))


# Kinds of starts in turn, instead of one of those below.
MIXED = "auto"
STARTS: dict[str, Start] = {
    "k-means++": kmeans_plusplus_start,
    "kmeans": kmeans_start,
    "random": random_start,
    "random_from_data": random_rows_start,
    "ward": ward_start,
}


def is_same_partition(one: Array, other: Array) -> bool:
    """Whether responsibilities are the same but for the order of components, shape (N, K) both."""
    order = (one.T @ other).argmax(axis=1)
    return bool(np.array_equal(one, other[:, order]))


def start_of_responsibilities(problem: Problem, responsibilities: Array) -> State:
    """One M step from responsibilities, shape (N, K); see :func:`start_of_clusters`."""
    X = problem.X
    n, w = len(X), problem.weight_of_rows
    r = responsibilities * w[:, None]
    mass = r.sum(axis=0)
    elsewhere = X[np.arange(r.shape[1]) % n]
    centres = np.where(mass[:, None] > 0, r.T @ X / np.maximum(mass, 1e-300)[:, None], elsewhere)
    scatter = np.empty((len(mass), X.shape[1], X.shape[1]))
    for k, own in enumerate(np.ascontiguousarray(r.T)):
        # One feature after the other, as the rows lie in memory.
        centred = X.T - centres[k][:, None]
        scatter[k] = (centred * own) @ centred.T
    return start_of_clusters(problem, mass, centres, scatter)


def start_of_clusters(problem: Problem, mass: Array, centres: Array, scatter: Array) -> State:
    """One M step from clusters.

    A group's own covariance may be singular, so it is shrunk towards the pooled one: as if D + 1 more rows
    had carried a quarter of that.

    Parameters
    ----------
    problem : Problem
    mass : ndarray, shape (K,)
        Weight of the rows of each.
    centres : ndarray, shape (K, D)
    scatter : ndarray, shape (K, D, D)
        Sums of products of the rows' deviations from the centres.
    """
    k, d = centres.shape
    pooled = problem.covariance + 1e-6 * np.eye(d)
    extra = (d + 1.0) * problem.mean_weight
    s0 = mass + extra
    s2 = scatter + 0.25 * extra * pooled + s0[:, None, None] * centres[:, :, None] * centres[:, None, :]
    sums = Sums(0.0, s0, s0[:, None] * centres, s2)
    return maximise(sums, standard_state(k, d), problem.family.pooling, problem.floor)


def _weights(problem: Problem) -> Array | None:
    # Weights that are all the same would only draw other random numbers.
    w = problem.sample_weight
    return w if len(w) and np.ptp(w) > 0 else None


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31 - 1))


def nearest(X: Array, centres: Array) -> Array:
    """Responsibilities 0 and 1, shape (N, K): each row to the nearest centre."""
    # |x|^2 is the same for every centre and may be left out.
    distances = np.sum(centres**2, axis=1) - 2 * X @ centres.T
    return np.eye(len(centres))[distances.argmin(axis=1)]


def whitened(X: Array) -> Array:
    """Rows in coordinates in which their covariance is the identity; directions without spread are left
    out."""
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(X, rowvar=False)))
    kept = values > 1e-10 * values.max()
    return (X - X.mean(axis=0)) @ (vectors[:, kept] / np.sqrt(values[kept]))
