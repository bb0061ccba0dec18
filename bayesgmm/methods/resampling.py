"""Systematic resampling: indices in proportion to weights, with one random number."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["systematic"]

Array = NDArray[np.float64]


def systematic(weights: Array, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Indices of n draws in proportion to the weights, shape (n,), in the order of the weights.

    Kitagawa (1996), section 2.4: of all ways with these expectations the copies vary least.
    """
    ends = np.cumsum(weights)
    points = (np.arange(n) + rng.random()) / n * ends[-1]
    return np.minimum(np.searchsorted(ends, points, side="right"), len(weights) - 1)
