"""Modes that are artefacts of rounding.

A column of rounded values holds many equal ones. A component can sit on them with a standard deviation near
zero, and gain density for each; of the quantity that was measured and rounded that says nothing. Such modes
are not started from, and hold none of what is said of a posterior.
"""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.resolution import step_of_few
from bayesgmm.bayes.target import Target
from bayesgmm.methods.laplace_approximation import Laplace

__all__ = ["is_artefact", "resolutions", "without_artefacts"]

Array = NDArray[np.float64]

# What rounding to a unit adds by itself: the standard deviation of a uniform distribution of width one.
UNIFORM_STD = 1 / np.sqrt(12)


def resolutions(rows: Array) -> Array:
    """Smallest distance of two values of each column, shape (D,); 0 where most values are distinct."""
    there = (column[~np.isnan(column)] for column in rows.T)
    return np.array([step_of_few(np.unique(column), len(column)) for column in there])


def without_artefacts(target: Target, modes: list[Laplace]) -> list[Laplace]:
    """Those of the modes that are no artefacts; all where nothing else is left.

    A prior that has a resolution sees to it that there are none.
    """
    if target.resolved_prior.resolution.any():
        return modes
    resolution = resolutions(target.data.standardised(target.shift, target.scale))
    return [mode for mode in modes if not is_artefact(target, mode.mode, resolution)] or modes


def is_artefact(target: Target, q: Array, resolution: Array) -> bool:
    """Whether a component of the mixture q is narrower in a column than the rounding of its values alone.

    Parameters
    ----------
    target : Target
    q : ndarray, shape (n,)
    resolution : ndarray, shape (D,)
        Of the standardised columns.
    """
    return bool((target.stds(q).min(axis=0) < UNIFORM_STD * resolution).any())
