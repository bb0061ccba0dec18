"""Which component is which: the one assignment routine, and components put into another order."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bayesgmm.errors import DataError

__all__ = ["Permutations", "assign", "best_match", "permute"]

Array = NDArray[np.float64]
Permutations = NDArray[np.intp]


def best_match(gain: Array) -> NDArray[np.intp]:
    """The columns, one for each row, whose summed gain is largest, of a matrix (rows, columns >= rows)."""
    return linear_sum_assignment(gain, maximize=True)[1]


def assign(gain: Array) -> Permutations:
    """Of each draw the permutation p with the largest sum_j gain[s, j, p_j], shape (S, K), of gain (S, K, K).

    Raises
    ------
    DataError
        Where a draw is not finite.
    """
    k = gain.shape[1]
    lost = np.flatnonzero(~np.isfinite(gain).all(axis=(1, 2)))
    if lost.size:
        raise DataError(
            f"{lost.size} of {len(gain)} draws are not finite, the first draw {lost[0]}; "
            "drop them before relabelling.",
            draw=int(lost[0]),
        )
    permutations = np.tile(np.arange(k), (len(gain), 1))
    # Where each row is largest on the diagonal, that is the optimal assignment; only the other draws need
    # solving.
    diagonal = np.diagonal(gain, axis1=1, axis2=2)
    unsolved = np.flatnonzero((gain.max(axis=2) > diagonal).any(axis=1))
    for s in unsolved:
        permutations[s] = best_match(gain[s])
    return permutations


def permute(values: Array, permutations: Permutations) -> Array:
    """Reorder the component axis of draws of shape (chain, draw, K, ...)."""
    index = permutations.reshape(*permutations.shape, *(1,) * (values.ndim - 3))
    return np.take_along_axis(values, index, axis=2)
