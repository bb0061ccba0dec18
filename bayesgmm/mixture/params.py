"""`MixtureParams`: the parameters of one Gaussian mixture, the currency between the folders."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.errors import ParameterError

__all__ = ["MixtureParams"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MixtureParams:
    """Weights, means and covariances of a Gaussian mixture with K components in D dimensions.

    Parameters
    ----------
    weights : array_like, shape (K,)
        Mixture weights, positive, summing to one over the components.
    means : array_like, shape (K, D)
        Component means, in the units of the data.
    covariances : array_like, shape (K, D, D)
        Component covariances, symmetric positive definite.

    Raises
    ------
    ParameterError
        If shapes disagree, weights do not sum to one, or a covariance is not positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesgmm import MixtureParams
    >>> p = MixtureParams([0.5, 0.5], [[0.0], [3.0]], [[[1.0]], [[4.0]]])
    >>> p.n_components, p.n_features
    (2, 1)
    >>> p.stds
    array([[1.],
           [2.]])
    """

    weights: Array
    means: Array
    covariances: Array

    def __init__(self, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike) -> None:
        w = _frozen(weights)
        m = _frozen(means)
        c = _frozen(covariances)
        if w.ndim != 1 or m.ndim != 2 or c.shape != (*m.shape, m.shape[-1]) or len(w) != len(m):
            raise ParameterError(
                "A mixture needs weights (K,), means (K, D) and covariances (K, D, D); "
                f"got {w.shape}, {m.shape} and {c.shape}.",
                weights=w.shape,
                means=m.shape,
                covariances=c.shape,
            )
        if not (np.all(w >= 0) and abs(w.sum() - 1) < 1e-8):
            raise ParameterError(
                f"Mixture weights must be non-negative and sum to one over the components; got {w.tolist()}.",
                weights=w,
            )
        for name, value in (("weights", w), ("means", m), ("covariances", c)):
            object.__setattr__(self, name, value)
        self.cholesky  # noqa: B018  (raises now, not later, where a covariance is singular)

    @property
    def n_components(self) -> int:
        """Number of components, K."""
        return self.means.shape[0]

    @property
    def n_features(self) -> int:
        """Number of features, D."""
        return self.means.shape[1]

    @cached_property
    def cholesky(self) -> Array:
        """Lower Cholesky factors of the covariances, shape (K, D, D)."""
        try:
            return _frozen(np.linalg.cholesky(self.covariances))
        except np.linalg.LinAlgError:
            smallest = np.linalg.eigvalsh(self.covariances).min(axis=1)
            k = int(smallest.argmin())
            raise ParameterError(
                f"The covariance of component {k} is not positive definite: its smallest eigenvalue is "
                f"{smallest[k]:.3g}.",
                component=k,
                eigenvalue=float(smallest[k]),
            ) from None

    @cached_property
    def stds(self) -> Array:
        """Standard deviations per component and feature, shape (K, D)."""
        return _frozen(np.sqrt(np.diagonal(self.covariances, axis1=-2, axis2=-1)))

    @cached_property
    def corr_chol(self) -> Array:
        """Lower Cholesky factors of the correlation matrices, shape (K, D, D)."""
        return _frozen(self.cholesky / self.stds[:, :, None])

    def permuted(self, order: ArrayLike) -> "MixtureParams":
        """The same mixture with component ``order[k]`` in place ``k``."""
        order = np.asarray(order)
        return MixtureParams(self.weights[order], self.means[order], self.covariances[order])

    def rescaled(self, shift: ArrayLike, scale: ArrayLike) -> "MixtureParams":
        """The mixture of ``shift + scale * x``, where x follows this one; both of shape (D,)."""
        shift, scale = np.asarray(shift, float), np.asarray(scale, float)
        return MixtureParams(
            self.weights,
            shift + scale * self.means,
            self.covariances * scale[:, None] * scale[None, :],
        )


def _frozen(values: ArrayLike) -> Array:
    a = np.array(values, dtype=np.float64)
    a.flags.writeable = False
    return a
