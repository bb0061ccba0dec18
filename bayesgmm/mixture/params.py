"""`MixtureParams`: the parameters of one Gaussian mixture, the currency between the folders."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.errors import ParameterError
from bayesgmm.support.arguments import as_array, check_finite_array
from bayesgmm.support.sentences import shown_value

__all__ = ["MixtureParams"]

Array = NDArray[np.float64]

# Two entries of a matrix are one when they differ by less, relative to its largest.
ROUNDING = 1e-6


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
        If shapes disagree, a value is not finite, weights do not sum to one, or a covariance is not symmetric
        and positive definite.

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
        given = {"weights": weights, "means": means, "covariances": covariances}
        w, m, c = (_frozen(check_finite_array(values, name)) for name, values in given.items())
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
                f"Mixture weights must be non-negative and sum to one over the components; got "
                f"{shown_value(w.tolist())}.",
                weights=w,
            )
        _check_symmetric(c)
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
        order = as_array(order, "order")
        once = np.arange(self.n_components)
        if order.dtype.kind not in "iu" or not np.array_equal(np.sort(order, axis=None), once):
            raise ParameterError(
                f"order must hold each component from 0 to {len(self.means) - 1} once; got "
                f"{shown_value(order)}.",
                order=order,
            )
        return MixtureParams.of_cholesky(self.weights[order], self.means[order], self.cholesky[order])

    def rescaled(self, shift: ArrayLike, scale: ArrayLike) -> "MixtureParams":
        """The mixture of ``shift + scale * x``, where x follows this one; both of shape (D,)."""
        shift, scale = check_finite_array(shift, "shift"), check_finite_array(scale, "scale")
        for name, a in (("shift", shift), ("scale", scale)):
            if a.shape not in ((), (1,), (self.n_features,)):
                raise ParameterError(
                    f"{name} must be a number, or one for each of the {self.n_features} features; got shape "
                    f"{a.shape}.",
                    name=name,
                    shape=a.shape,
                )
        shift, scale = (np.broadcast_to(a, self.n_features) for a in (shift, scale))
        return self.mapped(shift, np.diag(scale))

    def mapped(self, shift: Array, factor: Array) -> "MixtureParams":
        """The mixture of ``shift + factor @ x``, where x follows this one; a shift (D,), a lower triangular
        factor (D, D)."""
        means = shift + self.means @ factor.T
        # A diagonal of a Cholesky factor is positive.
        cholesky = factor @ self.cholesky * np.sign(np.diagonal(factor))
        return MixtureParams.of_cholesky(self.weights, means, cholesky)

    @classmethod
    def of_cholesky(cls, weights: Array, means: Array, cholesky: Array) -> "MixtureParams":
        """The mixture with these lower Cholesky factors (K, D, D), which are kept as they are.

        A covariance holds its smallest eigenvalue to rounding of the largest, its factor to the root of that.
        """
        params = cls.__new__(cls)
        diagonal = np.diagonal(cholesky, axis1=1, axis2=2)
        if not np.all(diagonal > 0):
            k = int(np.argmin(diagonal.min(axis=1)))
            raise ParameterError(
                f"The covariance of component {k} is not positive definite: the diagonal of its factor has "
                f"{diagonal[k].min():.3g}.",
                component=k,
            )
        covariances = cholesky @ np.swapaxes(cholesky, 1, 2)
        covariances = (covariances + np.swapaxes(covariances, 1, 2)) / 2
        named = {"weights": weights, "means": means, "covariances": covariances, "cholesky": cholesky}
        for name, values in named.items():
            vars(params)[name] = _frozen(check_finite_array(values, name))
        return params


def _check_symmetric(covariances: Array) -> None:
    """Refuse a matrix of which only one half would be looked at."""
    away = np.abs(covariances - np.swapaxes(covariances, 1, 2))
    if away.size and away.max() > ROUNDING * np.abs(covariances).max():
        k, i, j = (int(index) for index in np.unravel_index(away.argmax(), away.shape))
        raise ParameterError(
            f"The covariance of component {k} is not symmetric: entry ({i}, {j}) is "
            f"{covariances[k, i, j]:g}, and entry ({j}, {i}) is {covariances[k, j, i]:g}; take the mean of "
            f"the matrix and its transpose.",
            component=k,
            entry=(i, j),
        )


def _frozen(values: ArrayLike) -> Array:
    a = np.array(values, dtype=np.float64)
    a.flags.writeable = False
    return a
