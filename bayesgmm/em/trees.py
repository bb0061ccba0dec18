"""Hierarchical clusterings of the rows that serve every family and number of components.

A tree is grown once and cut at every number. Ward's criterion on whitened rows finds elongated clusters, and
in the coordinates of a family those that are compact there; the criterion of Gaussians with covariances of
their own, which mclust begins with, finds clusters of unlike shapes. It is followed from a fine partition by
Ward's method on, which leaves out most of its work.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from bayesgmm.em.starts import WARD_ROWS, nearest, whitened

__all__ = ["Trees"]

Array = NDArray[np.float64]

# Clusters of the fine partition for each component of the largest mixture, and the largest number of them.
FINENESS, FINEST = 4, 40
# Clusters of few rows have no covariance of their own: as if D + 1 more rows had carried this part of that of
# all rows.
SHARE = 0.05


class Trees:
    """Partitions of the rows into any number of clusters.

    Parameters
    ----------
    forms : sequence of ndarray, shape (N, D)
        The rows in the coordinates of the families, which some of them share.
    ks : sequence of int
        Numbers of clusters that will be asked for.
    rng : numpy.random.Generator
        Chooses the rows for the trees where there are many.
    """

    def __init__(self, forms: Sequence[Array], ks: Sequence[int], rng: np.random.Generator) -> None:
        n, d = forms[0].shape
        self._rows = np.arange(n) if n <= WARD_ROWS else np.sort(rng.choice(n, WARD_ROWS, replace=False))
        self._white = whitened(forms[0])
        self._tree = self._ward(self._white)
        self._own = [(X, self._ward(X)) for X in forms]
        fine = min(FINENESS * max(ks), FINEST, len(self._rows) // (d + 1))
        self._merged = {} if fine <= min(ks) else self._gaussian(max(fine, 1), set(ks))

    def cut(self, n_clusters: int) -> list[Array]:
        """Responsibilities 0 and 1 by each tree, shape (N, K); one whose ties leave fewer clusters is left
        out."""
        found = [
            self._spread(X, _cut(tree, n_clusters)) for X, tree in ((self._white, self._tree), *self._own)
        ]
        if n_clusters in self._merged:
            found.append(self._spread(self._white, self._merged[n_clusters]))
        return [r for r in found if r.shape[1] == n_clusters]

    def _ward(self, X: Array) -> Array:
        return linkage(X[self._rows], method="ward")

    def _spread(self, Z: Array, labels: NDArray[np.intp]) -> Array:
        """Of the rows of a tree to all."""
        k = labels.max() + 1
        if len(labels) == len(Z):
            return np.eye(k)[labels]
        return nearest(Z, np.stack([Z[self._rows][labels == j].mean(axis=0) for j in range(k)]))

    def _gaussian(self, fine: int, ks: set[int]) -> dict[int, NDArray[np.intp]]:
        """Clusters merged two by two where the classification likelihood of Gaussians with covariances of
        their own falls least (Fraley 1998); labels of each number in `ks` that there is."""
        X, labels = self._white[self._rows], _cut(self._tree, fine)
        k = int(labels.max()) + 1
        one = np.eye(k)[labels]
        n, sums = one.sum(axis=0), one.T @ X
        products = np.einsum("nk,ni,nj->kij", one, X, X)
        found = {}
        while True:
            if k in ks:
                found[k] = labels.copy()
            if k <= min(ks):
                return found
            i, j = np.triu_indices(k, 1)
            apart = _scatter(n, sums, products)
            together = _scatter(n[i] + n[j], sums[i] + sums[j], products[i] + products[j])
            at = int((together - apart[i] - apart[j]).argmin())
            a, b = int(i[at]), int(j[at])
            n[a], sums[a], products[a] = n[a] + n[b], sums[a] + sums[b], products[a] + products[b]
            n, sums, products = (np.delete(v, b, axis=0) for v in (n, sums, products))
            labels[labels == b] = a
            labels[labels > b] -= 1
            k -= 1


def _cut(tree: Array, n_clusters: int) -> NDArray[np.intp]:
    return fcluster(tree, n_clusters, criterion="maxclust") - 1


def _scatter(n: Array, sums: Array, products: Array) -> Array:
    """n log |W / n| of clusters, by numbers of whitened rows, sums and sums of products."""
    d = sums.shape[1]
    within = products - sums[:, :, None] * sums[:, None, :] / n[:, None, None]
    shrunk = (within + SHARE * (d + 1) * np.eye(d)) / (n + d + 1)[:, None, None]
    return n * np.linalg.slogdet(shrunk)[1]
