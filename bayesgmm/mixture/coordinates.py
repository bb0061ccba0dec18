"""Where in the unconstrained vector each component keeps its numbers."""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.mixture.families import family_of

__all__ = ["logits", "own_coordinates", "permuted"]


def own_coordinates(n_components: int, n_features: int, covariance_type: str) -> NDArray[np.int64]:
    """Indices of each component's own mean, log standard deviations and entries of M, shape (K, p), in this order.

    Weights are not among them, nor what all components share. See :mod:`bayesgmm.bayes.target` for the vector.
    """
    k, d = n_components, n_features
    means = k - 1 + np.arange(k * d).reshape(k, d)
    after = k - 1 + k * d
    family = family_of(covariance_type)
    if not family.by_component:
        return means
    each = d if family.by_feature else 1
    stds = after + np.arange(k * each).reshape(k, each)
    if not family.own_correlations:
        return np.hstack([means, stds])
    below = d * (d - 1) // 2
    corr = after + k * d + np.arange(k * below).reshape(k, below)
    return np.hstack([means, stds, corr])


def logits(q: NDArray[np.float64], n_components: int) -> NDArray[np.float64]:
    """All K logits of the weights, which add up to zero, of vectors q, shape (..., K)."""
    free = q[..., : n_components - 1]
    return np.concatenate([free, -free.sum(axis=-1, keepdims=True)], axis=-1)


def permuted(q: NDArray[np.float64], order: NDArray[np.intp], own: NDArray[np.int64]) -> NDArray[np.float64]:
    """Vectors q, shape (S, n), with component order[s, k] in place k."""
    k = own.shape[0]
    out = q.copy()
    out[:, : k - 1] = np.take_along_axis(logits(q, k), order, axis=1)[:, :-1]
    out[:, own] = np.take_along_axis(q[:, own], order[:, :, None], axis=1)
    return out
