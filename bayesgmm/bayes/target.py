"""The log posterior and its gradient as one compiled function of an unconstrained vector.

The PyMC model in `model` defines the density; this is the same density written for speed, and the tests hold
the two together to rounding. Compiling the PyMC model takes most of a minute when nothing is cached and
its function costs tens of microseconds a call, holding the interpreter's lock; this function is
compiled once for every N, D, K and prior, costs little more than the kernel's pass over the
data, and can run in several threads.

What the vector q means is told in :mod:`bayesgmm.mixture.coordinates`. For its map to correlations the LKJ
density (Lewandowski, Kurowicka and Joe 2009) and the log Jacobian add up to (D + 2 eta - 1) sum_i log C_ii +
constant: row i contributes D - i + 2 eta - 2 from the density and i + 1 from the Jacobian.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln

from bayesgmm.bayes.log_laws import shape_constant, shape_kernel, volume_constant, volume_kernel, volume_law
from bayesgmm.bayes.priors import Prior, ResolvedPrior
from bayesgmm.bayes.std_priors import CODES, add_log_density
from bayesgmm.mixture import kernels
from bayesgmm.mixture.coordinates import Coordinates, Layout, add_gradient, blocks, mixture_of
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import DEFAULT_FAMILY, posterior_family_of
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.mixture.std_numbers import std_part_places
from bayesgmm.rows.rows import Rows
from bayesgmm.support.allocation import empty
from bayesgmm.support.compilation import entry, inlined

__all__ = ["Target", "log_posterior", "log_posterior_alone"]

Array = NDArray[np.float64]


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
    """

    data: Rows
    n_components: int
    prior: Prior
    shift: Array
    scale: Array
    covariance_type: str = DEFAULT_FAMILY
    beta: float = 1.0

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
        """The standardised data, one feature after the other in memory, shape (N, D)."""
        return self.data.standardised(self.shift, self.scale)

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
        return _packed(self.resolved_prior, self.coordinates)

    @classmethod
    def standardising(cls, data: Rows, n_components: int, prior: Prior, covariance_type: str) -> "Target":
        """With columns standardised by their own locations and scales."""
        data = data.counting
        shift, scale = data.location_scale
        scale = posterior_family_of(covariance_type).scales(scale)
        return cls(data, n_components, prior, shift, scale, covariance_type)

    def __call__(self, q: Array) -> tuple[float, Array]:
        """Log prior plus beta times log likelihood, and its gradient, shape (n,)."""
        gradient = np.empty(self.n_parameters)
        log_prior, log_likelihood = log_posterior(
            q, self.rows, self.sample_weight, self.packed_prior, self.beta, gradient
        )
        return log_prior + self.beta * log_likelihood, gradient

    def unconstrained(self, params: MixtureParams) -> Array:
        """The vector q of a mixture in the user's units."""
        return self.coordinates.unconstrained(params.rescaled(-self.shift / self.scale, 1 / self.scale))

    def constrained(self, q: Array) -> dict[str, Array]:
        """Parameters in the user's units of vectors q, shape (..., n); see
        :meth:`Coordinates.constrained`."""
        values = self.coordinates.constrained(q)
        values["means"] = self.shift + self.scale * values["means"]
        values["stds"] = self.family.of_stds(self.scale) * values["stds"]
        return values


class PriorNumbers(NamedTuple):
    """A prior as compiled code reads it: arrays of shape (K,) and (D,), and the sum of all that does not
    depend on q.

    Where standard deviations have volumes and shapes, `std_first` and `std_second` are those of their
    `LogLaw`, of the given form and power, and those of the volumes are numbers.
    """

    layout: Layout
    std_family: int
    lkj_eta: float
    log_normaliser: float
    form: int
    power: float
    volume_first: float
    volume_second: float
    concentration: Array
    mean_loc: Array
    mean_scale: Array
    std_first: Array
    std_second: Array


# One array instead of nine arguments: handing these to compiled code would cost as much as the prior's
# density.
_IN_LAYOUT = len(Layout._fields)
_HEADER = _IN_LAYOUT + 7


def _packed(prior: ResolvedPrior, coordinates: Coordinates) -> Array:
    """The array that :func:`_unpacked` reads."""
    normaliser = _log_normaliser(prior, coordinates.family)
    header = [*coordinates.layout, CODES[prior.std_family], prior.lkj_eta, normaliser]
    law, std_numbers = [0.0] * 4, (prior.std_first, prior.std_second)
    if coordinates.layout.n_volumes:
        of_stds, of_volumes = prior.std_law, volume_law(prior.std_law)
        law = [of_stds.form, of_stds.power, float(of_volumes.first), float(of_volumes.second)]
        std_numbers = of_stds.first, of_stds.second
    by_feature = prior.mean_loc, prior.mean_scale, *std_numbers
    return np.concatenate([header, law, prior.concentration, *by_feature])


@inlined
def _unpacked(packed):
    """The numbers of a packed prior, arrays as views."""
    K, D = int(packed[0]), int(packed[1])
    layout = Layout(K, D, int(packed[2]), int(packed[3]), int(packed[4]), int(packed[5]), int(packed[6]))
    at = _IN_LAYOUT
    loc = _HEADER + K
    scale = loc + D
    first = scale + D
    second = first + D
    return PriorNumbers(
        layout,
        int(packed[at]),
        packed[at + 1],
        packed[at + 2],
        int(packed[at + 3]),
        packed[at + 4],
        packed[at + 5],
        packed[at + 6],
        packed[_HEADER:loc],
        packed[loc:scale],
        packed[scale:first],
        packed[first:second],
        packed[second:],
    )


def _log_normaliser(prior: ResolvedPrior, family: CovarianceFamily) -> float:
    """Sum of the constants of all priors, and of the simplex transform's Jacobian."""
    k, d = len(prior.concentration), len(prior.mean_loc)
    a = prior.concentration
    # The simplex transform's Jacobian is K prod pi: hence the log K here, and exponents a_k for a_k - 1.
    dirichlet = gammaln(a.sum()) - gammaln(a).sum() + math.log(k)
    normal = -k * (np.log(prior.mean_scale).sum() + 0.5 * d * math.log(2 * math.pi))
    volumes, shapes = family.std_parts(k)
    if volumes:
        law = prior.std_law
        stds = volumes * volume_constant(volume_law(law)) + shapes * (shape_constant(law) + math.log(d))
    else:
        each = family.of_stds(prior.std_record.log_constant(*prior.std_numbers))
        stds = (k if family.by_component else 1) * each.sum()
    return float(dirichlet + normal + stds + family.n_correlations(k) * lkj_log_normaliser(d, prior.lkj_eta))


def lkj_log_normaliser(n: int, eta: float) -> float:
    """Log of the constant of the LKJ density of an n x n correlation matrix's Cholesky factor.

    Lewandowski, Kurowicka and Joe (2009), eq. 16 and 17.
    """
    total = 0.0
    for i in range(1, n):
        b = eta + 0.5 * (n - 1 - i)
        total -= (2 * eta - 2 + n - i) * (n - i) * math.log(2) + (n - i) * betaln(b, b)
    return total


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
    prior = _unpacked(packed_prior)
    mixture = mixture_of(q, prior.layout)
    log_prior = _log_prior(q, prior, mixture, gradient)
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
    prior = _unpacked(packed_prior)
    mixture = mixture_of(q, prior.layout)
    value = _log_prior(q, prior, mixture, gradient)
    none, is_diagonal = np.empty((0, prior.layout.n_components)), prior.layout.corr_by_component < 0
    kernels.evaluate(X, mixture.log_weights, mixture.means, mixture.cholesky, log_density, none, is_diagonal)
    if len(sample_weight) == 0:
        for n in range(len(X)):
            value += log_density[n]
    else:
        for n in range(len(X)):
            value += sample_weight[n] * log_density[n]
    return value


@inlined
def _log_prior(q, prior, mixture, gradient):
    """Log prior with Jacobians; fills `gradient`."""
    K, D = mixture.means.shape
    at_q, by = blocks(q, prior.layout), blocks(gradient, prior.layout)
    value = prior.log_normaliser

    # Dirichlet times the Jacobian K prod pi: exponents a_k on pi_k.
    concentration, log_weights = prior.concentration, mixture.log_weights
    total = concentration.sum()
    last = concentration[K - 1] - total * math.exp(log_weights[K - 1])
    for k in range(K):
        value += concentration[k] * log_weights[k]
        if k < K - 1:
            by.logits[k] = concentration[k] - total * math.exp(log_weights[k]) - last

    at, means, by_means = 0, at_q.means.reshape(K * D), by.means.reshape(K * D)
    for _ in range(K):
        for i in range(D):
            z = (means[at] - prior.mean_loc[i]) / prior.mean_scale[i]
            value -= 0.5 * z * z
            by_means[at] = -z / prior.mean_scale[i]
            at += 1

    if prior.layout.n_volumes > 0:
        value += _log_prior_of_parts(at_q.log_stds, prior, by.log_stds)
    else:
        # Where features share a standard deviation, its prior is the first feature's.
        n = D if prior.layout.std_by_feature > 0 else 1
        first, second = prior.std_first[:n], prior.std_second[:n]
        value = add_log_density(prior.std_family, value, at_q.log_stds, first, second, by.log_stds)

    power = D + 2.0 * prior.lkj_eta - 1.0
    for c in range(len(at_q.below)):
        at = 0
        for i in range(1, D):
            value -= power * math.log(mixture.lengths[c, i])
            for _ in range(i):
                by.below[c, at] = -power * at_q.below[c, at] / (mixture.lengths[c, i] * mixture.lengths[c, i])
                at += 1
    return value


@inlined
def _log_prior_of_parts(log_stds, prior, gradient):
    """Log prior of volumes and shapes without constants; fills `gradient`."""
    layout, last = prior.layout, prior.layout.n_features - 1
    value = 0.0
    for k in range(layout.n_volumes):
        density, slope = volume_kernel(
            prior.form, prior.power, prior.volume_first, prior.volume_second, log_stds[k]
        )
        value += density
        gradient[k] = slope
    log_shape, slopes = empty(last + 1), empty(last + 1)
    for k in range(layout.n_shapes):
        _, start = std_part_places(layout, k)
        log_shape[last] = 0.0
        for i in range(last):
            log_shape[i] = log_stds[start + i]
            log_shape[last] -= log_stds[start + i]
        value += shape_kernel(prior.form, prior.power, prior.std_first, prior.std_second, log_shape, slopes)
        for i in range(last):
            gradient[start + i] = slopes[i] - slopes[last]
    return value
