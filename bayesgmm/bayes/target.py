"""The log posterior and its gradient as one compiled function of an unconstrained vector.

The PyMC model in `model` defines the density; this is the same density written for speed, and the tests hold
the two together to rounding. Compiling the PyMC model takes most of a minute when nothing is cached and
its function costs tens of microseconds a call, holding the interpreter's lock; this function is
compiled once for every N, D, K and prior, costs little more than the kernel's pass over the
data, and can run in several threads.

What the vector q means is told in :mod:`bayesgmm.mixture.coordinates`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from bayesgmm.bayes.compiled_prior import log_prior_at, packed, unpacked
from bayesgmm.bayes.priors import Prior, ResolvedPrior
from bayesgmm.bayes.rotation import mapped_values, rotation_of
from bayesgmm.mixture import kernels
from bayesgmm.mixture.coordinates import Coordinates, add_gradient, mixture_of, unconstrained
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import DEFAULT_FAMILY, posterior_family_of
from bayesgmm.mixture.filling import filled
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.rows import Rows
from bayesgmm.support.compilation import entry

__all__ = ["Target", "log_posterior", "log_posterior_alone"]

Array = NDArray[np.float64]

# For each component and feature, that coordinates are turned at all.
FEWEST_ROWS = 2


@dataclass(frozen=True)
class Target:
    """Everything the log posterior needs, in standardised coordinates.

    Parameters
    ----------
    data : Rows
        In the user's units; those whose weight is zero are no part of it. A weight is a power of the row's
        density.
    n_components : int
    prior : Prior
        In the user's units.
    shift, scale : ndarrays, shape (D,)
        Columns are standardised to (x - shift) / scale inside.
    covariance_type : str
        Name of the covariance family.
    beta : float, default 1.0
        Inverse temperature, the power of the likelihood: 1 gives the posterior, 0 the prior.
    rotation : ndarray, shape (D, D) or (0, 0)
        Lower triangular; standardised rows are rotation @ y, and q is that of the mixture of y. Without it
        y are the standardised rows; see :mod:`bayesgmm.bayes.rotation`.
    """

    data: Rows
    n_components: int
    prior: Prior
    shift: Array
    scale: Array
    covariance_type: str = DEFAULT_FAMILY
    beta: float = 1.0
    rotation: Array = field(default_factory=lambda: np.empty((0, 0)))

    @property
    def X(self) -> Array:
        """The data in the user's units, shape (N, D)."""
        return self.data.values

    @property
    def shape(self) -> tuple[int, int]:
        """(K, D)."""
        return self.n_components, self.data.n_features

    @cached_property
    def family(self) -> CovarianceFamily:
        """The covariance family."""
        return posterior_family_of(self.covariance_type)

    @cached_property
    def coordinates(self) -> Coordinates:
        """What the unconstrained vector means."""
        return Coordinates(*self.shape, self.family)

    @property
    def n_parameters(self) -> int:
        """Length of the unconstrained vector."""
        return self.coordinates.size

    @cached_property
    def rows(self) -> Array:
        """The data in the coordinates of q, one feature after the other in memory, shape (N, D)."""
        rows = self.data.standardised(self.shift, self.scale)
        if not self.is_turned:
            return rows
        return np.asfortranarray(solve_triangular(self.rotation, rows.T, lower=True).T)

    @cached_property
    def filled_rows(self) -> Array:
        """The same, with missing cells filled in: for starts, which no density depends on."""
        return filled(self.rows, self.sample_weight) if self.data.has_missing else self.rows

    @property
    def is_turned(self) -> bool:
        """Whether there is a rotation."""
        return len(self.rotation) > 0

    @cached_property
    def _turn(self) -> Array:
        """The inverse of the rotation."""
        return np.asarray(solve_triangular(self.rotation, np.eye(len(self.rotation)), lower=True))

    @property
    def log_volume(self) -> float:
        """What the log-likelihood is lower in the user's units: of each row by the log volume of a unit of
        the coordinates, of the columns of which it has a cell."""
        if self.data.has_missing:
            return float(self.data.counts @ ~np.isnan(self.data.values) @ np.log(self.scale))
        of_row = float(np.log(self.scale).sum() + np.log(np.diagonal(self.rotation)).sum())
        return self.data.total_weight * of_row

    @property
    def sample_weight(self) -> Array:
        """Weights of the rows, shape (N,); (0,) where every row counts once."""
        return self.data.weights

    @cached_property
    def resolved_prior(self) -> ResolvedPrior:
        """The prior of the standardised parameters, as arrays."""
        return self.prior.standardised(self.shift, self.scale).resolve(*self.shape, self.covariance_type)

    @cached_property
    def packed_prior(self) -> Array:
        """The prior in one array, as :func:`log_posterior` takes it."""
        return packed(self.resolved_prior, self.coordinates, self.rotation)

    @classmethod
    def standardising(
        cls,
        data: Rows,
        n_components: int,
        prior: Prior,
        covariance_type: str,
        near: MixtureParams | None = None,
    ) -> "Target":
        """With columns standardised by their own locations and scales, and turned where they nearly tell each
        other within the components of a mixture, `near`, in the user's units."""
        data, family = data.counting, posterior_family_of(covariance_type)
        shift, scale = data.location_scale
        scale = family.scales(scale)
        plain = cls(data, n_components, prior, shift, scale, covariance_type)
        # Few rows lie in a plane by themselves.
        few = data.total_weight < FEWEST_ROWS * n_components * (data.n_features + 1)
        # Turned, no row with a missing cell would have a cell of its own.
        if near is None or few or data.has_missing:
            return plain
        return replace(plain, rotation=rotation_of(plain.turned(near), family))

    def __call__(self, q: Array) -> tuple[float, Array]:
        """Log prior plus beta times log likelihood, and its gradient, shape (n,)."""
        gradient = np.empty(self.n_parameters)
        log_prior, log_likelihood = log_posterior(
            q, self.rows, self.sample_weight, self.packed_prior, self.beta, gradient
        )
        return log_prior + self.beta * log_likelihood, gradient

    def unconstrained(self, params: MixtureParams) -> Array:
        """The vector q of a mixture in the user's units."""
        return self.coordinates.unconstrained(self.turned(params))

    def turned(self, params: MixtureParams) -> MixtureParams:
        """A mixture in the user's units as one in the coordinates of rows."""
        standardised = params.rescaled(-self.shift / self.scale, 1 / self.scale)
        return standardised.mapped(np.zeros(self.shape[1]), self._turn) if self.is_turned else standardised

    def vectors(self, values: Mapping[str, Array]) -> Array:
        """Vectors q, shape (..., n), of parameters in the user's units, as :meth:`constrained` gives them."""
        standardised = {
            **values,
            "means": (values["means"] - self.shift) / self.scale,
            "stds": values["stds"] / self.family.of_stds(self.scale),
        }
        return unconstrained(self.turned_values(standardised), self.family)

    def turned_values(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Parameters in standardised units, such as draws of the prior, in the coordinates of rows."""
        return mapped_values(values, self._turn) if self.is_turned else dict(values)

    def standardised(self, q: Array) -> dict[str, Array]:
        """Parameters in standardised units of vectors q, shape (..., n)."""
        values = self.coordinates.constrained(q)
        return mapped_values(values, self.rotation) if self.is_turned else values

    def stds(self, q: Array) -> Array:
        """Standard deviations of each component and column, standardised, shape (K, D), at a vector q."""
        return self.family.all_stds(self.standardised(q)["stds"], *self.shape)

    def own_stds(self, q: Array) -> Array:
        """The same in the coordinates of rows."""
        return self.family.all_stds(self.coordinates.constrained(q)["stds"], *self.shape)

    def constrained(self, q: Array) -> dict[str, Array]:
        """Parameters in the user's units of vectors q, shape (..., n); see
        :meth:`Coordinates.constrained`."""
        values = self.standardised(q)
        values["means"] = self.shift + self.scale * values["means"]
        values["stds"] = self.family.of_stds(self.scale) * values["stds"]
        return values


@entry
def log_posterior(q, X, sample_weight, packed_prior, beta, gradient):
    """Log prior (with the log Jacobian of the map from q) and log likelihood at q.

    Fills `gradient` with that of log prior + beta * log likelihood. At beta 0 the likelihood is not evaluated
    and given as 0.

    Parameters
    ----------
    q, gradient : float64 arrays, shape (n,)
    X : float64 array, shape (N, D)
        Standardised data.
    sample_weight : float64 array, shape (N,) or (0,)
        Powers of the rows' densities.
    packed_prior : float64 array
        ``Target.packed_prior``.
    beta : float
        Power of the likelihood.
    """
    prior = unpacked(packed_prior)
    mixture = mixture_of(q, prior.layout)
    log_prior = log_prior_at(q, prior, mixture, gradient)
    if beta == 0.0:
        return log_prior, 0.0
    is_diagonal = prior.layout.corr_by_component < 0
    log_likelihood, s0, s1, s2 = kernels.accumulate(
        X, sample_weight, mixture.log_weights, mixture.means, mixture.cholesky, is_diagonal
    )
    by_log_weight, by_mean, by_cholesky = kernels.gradient(s0, s1, s2, mixture.cholesky)
    add_gradient(mixture, by_log_weight, by_mean, by_cholesky, beta, prior.layout, gradient)
    return log_prior, log_likelihood


@entry
def log_posterior_alone(q, X, sample_weight, packed_prior, log_density, gradient):
    """Log prior plus log likelihood at q, as :func:`log_posterior` has them, in half the time.

    `log_density`, shape (N,), and `gradient`, shape (n,), are overwritten with the log density of each row
    and that of the prior alone.
    """
    prior = unpacked(packed_prior)
    mixture = mixture_of(q, prior.layout)
    value = log_prior_at(q, prior, mixture, gradient)
    none, is_diagonal = np.empty((0, prior.layout.n_components)), prior.layout.corr_by_component < 0
    kernels.evaluate(X, mixture.log_weights, mixture.means, mixture.cholesky, log_density, none, is_diagonal)
    if len(sample_weight) == 0:
        for n in range(len(X)):
            value += log_density[n]
    else:
        for n in range(len(X)):
            value += sample_weight[n] * log_density[n]
    return value
