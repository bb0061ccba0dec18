"""The coordinates that EM works in, and the way back to the units of the data."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.mixture.params import MixtureParams

__all__ = ["Units"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """Rows are x = shift + factor z, and EM works on z.

    Parameters
    ----------
    shift : ndarray, shape (D,)
    factor : ndarray, shape (D, D)
        Lower triangular; diagonal where only the columns are scaled.
    """

    shift: Array
    factor: Array

    def is_same(self, other: "Units") -> bool:
        """Whether the coordinates are."""
        return np.array_equal(self.shift, other.shift) and np.array_equal(self.factor, other.factor)

    @property
    def inverse(self) -> Array:
        """Of the factor."""
        return np.asarray(np.linalg.inv(self.factor))

    @cached_property
    def log_volume(self) -> float:
        """What the log density of a row is lower in the units of the data."""
        return float(np.log(np.abs(np.diagonal(self.factor))).sum())

    @property
    def is_by_column(self) -> bool:
        """Whether only the columns are scaled."""
        return np.count_nonzero(self.factor) == len(self.shift)

    def by_column(self, z: Array) -> Array:
        """Rows of unit covariance, shape (N, D), in coordinates in which only the columns are scaled."""
        return z @ (self.factor / np.linalg.norm(self.factor, axis=1)[:, None]).T

    def of_data(self, params: MixtureParams) -> MixtureParams:
        """A mixture in EM's coordinates, in the units of the data."""
        return params.mapped(self.shift, self.factor)

    def of_em(self, params: MixtureParams) -> MixtureParams:
        """A mixture in the units of the data, in EM's coordinates."""
        inverse = self.inverse
        return params.mapped(-inverse @ self.shift, np.tril(inverse))

    def points(self, means: ArrayLike) -> Array:
        """Points of the data, shape (..., D), in EM's coordinates."""
        return (np.asarray(means) - self.shift) @ self.inverse.T
