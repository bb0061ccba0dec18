"""Relabelling: give the components of every draw the names they have in a reference partition.

A posterior of a mixture does not change when components are renamed, so a chain may rename them along the way.
Each draw is matched to the EM fit by the permutation with the largest overlap of responsibilities, an assignment
problem: the equivalence-classes method of Papastamoulis and Iliopoulos (2010), with soft assignments in
place of sampled ones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

__all__ = ["Relabelling", "match", "permute"]

Array = NDArray[np.float64]

# A draw is nearly tied where exchanging two names would cost less than this share of the rows that the two hold.
NEARLY_TIED = 0.02


@dataclass(frozen=True)
class Relabelling:
    """For each draw, the permutation that names its components as in the reference.

    Parameters
    ----------
    permutations : ndarray of int, shape (chain, draw, K)
        Component ``permutations[c, d, k]`` of the draw is the reference's component k.
    margins : ndarray, shape (chain, draw)
        What the cheapest exchange of two names would cost, as a share of the rows that these two components hold; infinite
        for K = 1.
    """

    permutations: NDArray[np.intp]
    margins: Array

    @property
    def n_switches(self) -> NDArray[np.intp]:
        """How often each chain changed its names from one draw to the next, shape (chain,)."""
        changed = (np.diff(self.permutations, axis=1) != 0).any(axis=2)
        return changed.sum(axis=1)

    @property
    def nearly_tied(self) -> float:
        """Share of draws whose matching is nearly a tie."""
        return float((self.margins < NEARLY_TIED).mean())


def match(overlap: Array) -> Relabelling:
    """Permutations that maximise the overlap with the reference.

    Parameters
    ----------
    overlap : ndarray, shape (chain, draw, K, K)
        Expected rows shared by reference component j and draw component k.

    Notes
    -----
    One linear assignment a draw, O(K^3) each; K! is never enumerated.
    """
    chains, draws, k, _ = overlap.shape
    flat = overlap.reshape(-1, k, k)
    permutations = np.tile(np.arange(k), (len(flat), 1))
    # A dominant diagonal is the optimal assignment already; only the other draws need solving.
    diagonal = np.diagonal(flat, axis1=1, axis2=2)
    unsolved = np.flatnonzero((flat.max(axis=2) > diagonal).any(axis=1))
    for s in unsolved:
        permutations[s] = linear_sum_assignment(flat[s], maximize=True)[1]
    aligned = np.take_along_axis(flat, permutations[:, None, :], axis=2)
    margins = _exchange_margins(aligned)
    return Relabelling(permutations.reshape(chains, draws, k), margins.reshape(chains, draws))


def _exchange_margins(aligned: Array) -> Array:
    """Cost of the cheapest exchange of two names, per row that the two hold, shape (S,)."""
    k = aligned.shape[1]
    if k == 1:
        return np.full(len(aligned), np.inf)
    diagonal = np.diagonal(aligned, axis1=1, axis2=2)
    cost = diagonal[:, :, None] + diagonal[:, None, :] - aligned - np.swapaxes(aligned, 1, 2)
    held = aligned.sum(axis=2)
    i, j = np.triu_indices(k, 1)
    # Small components tie as large ones do: not for being small.
    return (cost[:, i, j] / np.maximum(held[:, i] + held[:, j], 1e-300)).min(axis=1)


def permute(values: Array, permutations: NDArray[np.intp]) -> Array:
    """Reorder the component axis of draws of shape (chain, draw, K, ...)."""
    index = permutations.reshape(*permutations.shape, *(1,) * (values.ndim - 3))
    return np.take_along_axis(values, index, axis=2)
