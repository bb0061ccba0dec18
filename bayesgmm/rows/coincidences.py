"""Rows that are equal, and rows that lie exactly on a line."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["SAME_DIRECTION", "equal_rows", "on_a_line"]

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# Directions that differ by less are one.
SAME_DIRECTION = 1e-9


def equal_rows(X: Array, weights: Array | None = None) -> Indices:
    """Which rows are equal, of those that are so the ones with the largest weight; a single row where none
    are.

    Parameters
    ----------
    X : ndarray, shape (N, D)
    weights : ndarray, shape (N,), optional

    Examples
    --------
    >>> import numpy as np
    >>> from bayesgmm.rows.coincidences import equal_rows
    >>> equal_rows(np.array([[3.0], [1.0], [3.0]]))
    array([0, 2])
    """
    _, at, counts = np.unique(X, axis=0, return_inverse=True, return_counts=True)
    by_value = counts if weights is None else np.bincount(at.ravel(), weights)
    return np.flatnonzero(at.ravel() == np.where(counts > 1, by_value, -1.0).argmax())


def on_a_line(points: Array, fewest: float) -> Indices:
    """Which points lie exactly on one line, parallel to no axis: the largest such set; none where it is
    smaller than wanted.

    Each point is compared with every other.

    Parameters
    ----------
    points : ndarray, shape (N, 2)
    fewest : float
    """
    found, spread = np.empty(0, np.int64), np.ptp(points, axis=0)
    if not spread.all():
        return found
    points = points / spread
    for at, p in enumerate(points):
        away = points - p
        beside = np.flatnonzero((away != 0).all(axis=1))
        angles = np.arctan(away[beside, 1] / away[beside, 0])
        order = np.argsort(angles)
        ends = np.flatnonzero(np.diff(angles[order], append=np.inf) > SAME_DIRECTION)
        sizes = np.diff(ends, prepend=-1)
        if len(sizes) and sizes.max() + 1 > max(len(found), fewest - 1):
            last = ends[sizes.argmax()]
            found = np.sort(np.append(beside[order[last + 1 - sizes.max() : last + 1]], at))
    return found
