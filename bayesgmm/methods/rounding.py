"""Modes that are artefacts of rounding.

A column of rounded values holds many equal ones. A component can sit on them with a standard deviation near
zero, and gain density for each; of the quantity that was measured and rounded that says nothing. Such modes
are not started from, and hold none of what is said of a posterior.
"""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.target import Target

__all__ = ["is_artefact", "resolutions"]

Array = NDArray[np.float64]

# What rounding to a unit adds by itself: the standard deviation of a uniform distribution of width one.
UNIFORM_STD = 1 / np.sqrt(12)
# A column with more distinct values than this share of its rows is not taken for a rounded one.
LARGEST_DISTINCT_SHARE = 0.5


def resolutions(rows: Array) -> Array:
    """Smallest distance of two values of each column, shape (D,); 0 where most values are distinct."""
    out = np.zeros(rows.shape[1])
    for j, column in enumerate(rows.T):
        values = np.unique(column)
        if 1 < len(values) <= LARGEST_DISTINCT_SHARE * len(column):
            out[j] = np.diff(values).min()
    return out


def is_artefact(target: Target, q: Array, resolution: Array) -> bool:
    """Whether a component of the mixture q is narrower in a column than the rounding of its values alone.

    A prior that has a resolution sees to it that there are none.

    Parameters
    ----------
    target : Target
    q : ndarray, shape (n,)
    resolution : ndarray, shape (D,)
        Of the standardised columns.
    """
    if target.resolved_prior.resolution.any():
        return False
    stds = target.coordinates.constrained(q)["stds"]
    narrowest = target.family.all_stds(stds, *target.shape).min(axis=0)
    return bool((narrowest < UNIFORM_STD * resolution).any())
