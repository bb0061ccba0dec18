"""The log posterior and its gradient as one compiled function of an unconstrained vector.

The PyMC model in `model` defines the density; this is the same density written for speed, and the tests hold
the two together to rounding. Compiling the PyMC model takes most of a minute when nothing is cached and
its function costs tens of microseconds a call, holding the interpreter's lock; this function is
compiled once for every N, D, K and prior, costs little more than the kernel's pass over the
data, and can run in several threads.

The vector q has four parts, in the order of the PyMC model's value variables, with columns of the data
standardised:

* K - 1 numbers for the weights: pi = softmax(q_1, ..., q_{K-1}, -sum q) (PyMC's simplex transform);
* K D means;
* logarithms of standard deviations: K D full and diag, D tied, K spherical;
* for each distinct correlation matrix (K full, one tied, none diag and spherical) the D (D - 1) / 2 entries below the
  diagonal of M, whose rows, with ones on the diagonal, become the rows of the Cholesky factor of the correlations when
  divided by their lengths.

For this last map the LKJ density (Lewandowski, Kurowicka and Joe 2009) and the log Jacobian add up to
(D + 2 eta - 1) sum_i log C_ii + constant: row i contributes D - i + 2 eta - 2 from the density and i + 1
from the Jacobian.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numba as nb
import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln

from bayesgmm.bayes.priors import Prior, ResolvedPrior
from bayesgmm.bayes.std_priors import CODES, add_log_density
from bayesgmm.mixture.coordinates import logits
from bayesgmm.mixture.families import DEFAULT_FAMILY, CovarianceFamily, family_of
from bayesgmm.mixture.kernels import accumulate, evaluate, gradient
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.rows import Rows
from bayesgmm.support.allocation import APART, empty, piece, zeros
from bayesgmm.support.compilation import c_entry, entry, inlined

__all__ = [
    "Target",
    "constrained",
    "log_posterior",
    "log_posterior_alone",
    "unconstrained",
    "unconstrained_values",
]

Array = NDArray[np.float64]

SMALLEST_WEIGHT = 1e-10


@dataclass(frozen=True)
class Target:
    """Everything the log posterior needs, in standardised coordinates.

    Parameters
    ----------
    data : Rows
        In the user's units.
    n_components : int
    prior : Prior
        In the user's units.
    shift, scale : ndarrays, shape (D,)
        Columns are standardised to (x - shift) / scale inside.
    covariance_type : str, default "full"
    temperature : float, default 1.0
        Power of the likelihood: 1 gives the posterior, 0 the prior.
    """

    data: Rows
    n_components: int
    prior: Prior
    shift: Array
    scale: Array
    covariance_type: str = DEFAULT_FAMILY
    temperature: float = 1.0

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
        return family_of(self.covariance_type)

    @property
    def n_parameters(self) -> int:
        """Length of the unconstrained vector."""
        return self.family.n_parameters(*self.shape)

    @cached_property
    def rows(self) -> Array:
        """The standardised data, one feature after the other in memory, shape (N, D)."""
        return self.data.standardised(self.shift, self.scale)

    @cached_property
    def numbers(self) -> Array:
        """The prior's numbers in one array, as :func:`log_posterior` reads them."""
        k, d = self.shape
        prior = self.prior.standardised(self.shift, self.scale).resolve(k, d, self.covariance_type)
        normaliser = _log_normaliser(prior, self.family)
        tail = [prior.lkj_eta, float(CODES[prior.std_family]), normaliser, *self.family.strides(d)]
        return np.concatenate(
            [prior.concentration, prior.mean_loc, prior.mean_scale, prior.std_first, prior.std_second, tail]
        )

    @classmethod
    def standardising(cls, data: Rows, n_components: int, prior: Prior, covariance_type: str) -> "Target":
        """With columns standardised by their own locations and scales."""
        shift, scale = data.location_scale
        scale = family_of(covariance_type).scales(scale)
        return cls(data, n_components, prior, shift, scale, covariance_type)

    def __call__(self, q: Array) -> tuple[float, Array]:
        """Log prior plus temperature times log likelihood, and its gradient, shape (n,)."""
        by_q = np.empty(self.n_parameters)
        log_prior, log_likelihood = log_posterior(
            q, self.rows, self.numbers, self.n_components, self.temperature, by_q
        )
        return log_prior + self.temperature * log_likelihood, by_q

    def unconstrained(self, params: MixtureParams) -> Array:
        """The vector q of a mixture in the user's units."""
        return unconstrained(params.rescaled(-self.shift / self.scale, 1 / self.scale), self.covariance_type)

    def constrained(self, q: Array) -> dict[str, Array]:
        """Parameters in the user's units of vectors q, shape (..., n); see :func:`constrained`."""
        values = constrained(q, *self.shape, self.covariance_type)
        values["means"] = self.shift + self.scale * values["means"]
        values["stds"] = self.family.of_stds(self.scale) * values["stds"]
        return values


def unconstrained(p: MixtureParams, covariance_type: str = DEFAULT_FAMILY) -> Array:
    """The vector q of a mixture in standardised coordinates, shape (n,)."""
    return unconstrained_values(family_of(covariance_type).values(p))


def unconstrained_values(values: Mapping[str, Array]) -> Array:
    """The inverse of :func:`constrained`: vectors q, shape (..., n), of arrays with any leading axes."""
    # A weight of zero has no logarithm; a start needs none that small.
    log_weights = np.log(np.maximum(values["weights"], SMALLEST_WEIGHT))
    lead = log_weights.shape[:-1]
    parts = [
        (log_weights - log_weights.mean(axis=-1, keepdims=True))[..., :-1],
        values["means"],
        np.log(values["stds"]),
    ]
    if "corr_chol" in values:
        factor = values["corr_chol"]
        rows, cols = np.tril_indices(factor.shape[-1], -1)
        parts.append(factor[..., rows, cols] / factor[..., rows, rows])
    return np.concatenate([part.reshape(*lead, -1) for part in parts], axis=-1)


def constrained(
    q: Array, n_components: int, n_features: int, covariance_type: str = DEFAULT_FAMILY
) -> dict[str, Array]:
    """Parameters of vectors q, shape (..., n), as the PyMC model names and shapes them.

    weights (..., K), means (..., K, D), stds and, where the family has correlations, corr_chol:
    (..., K, D) and (..., K, D, D) full, (..., D) and (..., D, D) tied, (..., K, D) diag, (..., K) spherical.
    """
    k, d = n_components, n_features
    lead = q.shape[:-1]
    shapes = family_of(covariance_type).shapes(k, d)
    a, b = k - 1, k - 1 + k * d
    c = b + math.prod(shapes["stds"])
    of_weights = logits(q, k)
    weights = np.exp(of_weights - of_weights.max(axis=-1, keepdims=True))
    values = {
        "weights": weights / weights.sum(axis=-1, keepdims=True),
        "means": q[..., a:b].reshape(*lead, k, d),
        "stds": np.exp(q[..., b:c]).reshape(*lead, *shapes["stds"]),
    }
    if "corr_chol" in shapes:
        m = np.zeros((*lead, *shapes["corr_chol"]))
        rows, cols = np.tril_indices(d, -1)
        m[..., rows, cols] = q[..., c:].reshape(*m.shape[:-2], len(rows))
        m[..., np.arange(d), np.arange(d)] = 1.0
        values["corr_chol"] = m / np.sqrt((m**2).sum(axis=-1, keepdims=True))
    return values


def _log_normaliser(prior: ResolvedPrior, family: CovarianceFamily) -> float:
    """Sum of the constants of all priors, and of the simplex transform's Jacobian."""
    k, d = len(prior.concentration), len(prior.mean_loc)
    a = prior.concentration
    # The simplex transform's Jacobian is K prod pi: hence the log K here, and exponents a_k for a_k - 1.
    dirichlet = gammaln(a.sum()) - gammaln(a).sum() + math.log(k)
    normal = -k * (np.log(prior.mean_scale).sum() + 0.5 * d * math.log(2 * math.pi))
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
def log_posterior(q, X, numbers, n_components, temperature, by_q):
    """Log prior (with the log Jacobian of the map from q) and log likelihood at q.

    Fills `by_q` with the gradient of log prior + temperature * log likelihood. At temperature 0 the
    likelihood is not evaluated and given as 0.

    Parameters
    ----------
    q, by_q : float64 arrays, shape (n,)
    X : float64 array, shape (N, D)
        Standardised data.
    numbers : float64 array
        From ``Target.numbers``.
    n_components : int
    temperature : float
    """
    K, D = n_components, X.shape[1]
    strides = _strides(numbers, K, D)
    means_at, stds_at = K - 1, K - 1 + K * D
    below_at = stds_at + _n_stds(strides, K, D)

    log_weights, means, stds, corr_chol, cholesky, lengths = _mixture(q, K, D, strides)
    log_prior = _log_prior(q, numbers, K, D, strides, log_weights, lengths, by_q)
    if temperature == 0.0:
        return log_prior, 0.0

    log_likelihood, s0, s1, s2 = accumulate(X, np.empty(0), log_weights, means, cholesky, strides[2] < 0)
    by_log_weight, by_mean, by_cholesky = gradient(s0, s1, s2, cholesky)

    # pi = softmax: d/d logit_k = S0_k - N pi_k, and the last logit is minus the sum of the others.
    total = by_log_weight.sum()
    last = by_log_weight[K - 1] - total * math.exp(log_weights[K - 1])
    for k in range(K - 1):
        by_q[k] += temperature * (by_log_weight[k] - total * math.exp(log_weights[k]) - last)
    for k in range(K):
        for i in range(D):
            by_q[means_at + k * D + i] += temperature * by_mean[k, i]
            # L_ij = tau_i C_ij and C_ij = M_ij / |M_i|.
            along = 0.0
            for j in range(i + 1):
                along += by_cholesky[k, i, j] * corr_chol[k, i, j]
            by_q[stds_at + _std_index(strides, k, i)] += temperature * along * stds[k, i]
            if strides[2] >= 0:
                at = below_at + _row_index(strides, k, i, D)
                for j in range(i):
                    across = by_cholesky[k, i, j] - corr_chol[k, i, j] * along
                    by_q[at + j] += temperature * stds[k, i] * across / lengths[k, i]
    return log_prior, log_likelihood


@entry
def log_posterior_alone(q, X, numbers, n_components, by_row, by_q):
    """Log prior plus log likelihood at q, as :func:`log_posterior` has them, in half the time.

    `by_row`, shape (N,), and `by_q`, shape (n,), are overwritten with the log density of each row and the gradient of the prior alone.
    """
    K, D = n_components, X.shape[1]
    strides = _strides(numbers, K, D)
    log_weights, means, _, _, cholesky, lengths = _mixture(q, K, D, strides)
    value = _log_prior(q, numbers, K, D, strides, log_weights, lengths, by_q)
    evaluate(X, log_weights, means, cholesky, by_row, np.empty((0, K)), strides[2] < 0)
    for n in range(len(X)):
        value += by_row[n]
    return value


@inlined
def _mixture(q, K, D, strides):
    """Log weights, means, standard deviations, Cholesky factors of correlations and covariances, and lengths of the rows of M."""
    means_at, stds_at = K - 1, K - 1 + K * D
    below_at = stds_at + _n_stds(strides, K, D)
    memory = zeros(K * D * (3 + 2 * D) + 4 * APART)
    means, at = piece(memory, 0, K * D)
    stds, at = piece(memory, at, K * D)
    lengths, at = piece(memory, at, K * D)
    corr_chol, at = piece(memory, at, K * D * D)
    cholesky, at = piece(memory, at, K * D * D)
    for i in range(K * D):
        means[i] = q[means_at + i]
    means, stds, lengths = means.reshape((K, D)), stds.reshape((K, D)), lengths.reshape((K, D))
    corr_chol, cholesky = corr_chol.reshape((K, D, D)), cholesky.reshape((K, D, D))
    for k in range(K):
        for i in range(D):
            stds[k, i] = math.exp(q[stds_at + _std_index(strides, k, i)])
            s = 1.0
            if strides[2] >= 0:
                at = below_at + _row_index(strides, k, i, D)
                for j in range(i):
                    corr_chol[k, i, j] = q[at + j]
                    s += q[at + j] * q[at + j]
            corr_chol[k, i, i] = 1.0
            lengths[k, i] = math.sqrt(s)
            for j in range(i + 1):
                corr_chol[k, i, j] /= lengths[k, i]
                cholesky[k, i, j] = stds[k, i] * corr_chol[k, i, j]
    return log_softmax(q, K), means, stds, corr_chol, cholesky, lengths


@inlined
def _strides(numbers, K, D):
    """See ``CovarianceFamily.strides``."""
    at = K + 4 * D + 3
    return int(numbers[at]), int(numbers[at + 1]), int(numbers[at + 2])


@inlined
def _n_stds(strides, K, D):
    """Number of distinct standard deviations."""
    return 1 + strides[0] * (K - 1) + strides[1] * (D - 1)


@inlined
def _std_index(strides, k, i):
    """Which of the standard deviations is that of component k and feature i."""
    return strides[0] * k + strides[1] * i


@inlined
def _row_index(strides, k, i, D):
    """Where row i of component k's M begins among the entries below the diagonals."""
    return strides[2] * k * (D * (D - 1) // 2) + i * (i - 1) // 2


@inlined
def log_softmax(q, K):
    """Log weights of a mixture, shape (K,)."""
    out = empty(K)
    last = 0.0
    for k in range(K - 1):
        out[k] = q[k]
        last -= q[k]
    out[K - 1] = last
    largest = out[0]
    for k in range(1, K):
        largest = max(largest, out[k])
    s = 0.0
    for k in range(K):
        s += math.exp(out[k] - largest)
    for k in range(K):
        out[k] -= largest + math.log(s)
    return out


@inlined
def _log_prior(q, numbers, K, D, strides, log_weights, lengths, by_q):
    """Log prior with Jacobians; fills the gradient."""
    concentration = numbers[:K]
    mean_loc = numbers[K : K + D]
    mean_scale = numbers[K + D : K + 2 * D]
    first = numbers[K + 2 * D : K + 3 * D]
    second = numbers[K + 3 * D : K + 4 * D]
    eta = numbers[K + 4 * D]
    family = int(numbers[K + 4 * D + 1])
    value = numbers[K + 4 * D + 2]

    # Dirichlet times the Jacobian K prod pi: exponents a_k on pi_k.
    total = concentration.sum()
    last = concentration[K - 1] - total * math.exp(log_weights[K - 1])
    for k in range(K):
        value += concentration[k] * log_weights[k]
        if k < K - 1:
            by_q[k] = concentration[k] - total * math.exp(log_weights[k]) - last

    at = K - 1
    for _ in range(K):
        for i in range(D):
            z = (q[at] - mean_loc[i]) / mean_scale[i]
            value -= 0.5 * z * z
            by_q[at] = -z / mean_scale[i]
            at += 1

    end = at + _n_stds(strides, K, D)
    # Where features share a standard deviation its prior is the first feature's.
    n = D if strides[1] > 0 else 1
    value = add_log_density(family, value, q[at:end], first[:n], second[:n], by_q[at:end])
    at = end

    power = D + 2.0 * eta - 1.0
    n_correlations = 1 + strides[2] * (K - 1) if strides[2] >= 0 else 0
    for k in range(n_correlations):
        for i in range(1, D):
            value -= power * math.log(lengths[k, i])
            for _ in range(i):
                by_q[at] = -power * q[at] / (lengths[k, i] * lengths[k, i])
                at += 1
    return value


# The sampler calls a C function with one pointer to data of its own. Everything goes into one array of
# floats: five integers and the temperature, then the prior's numbers, the centre, the whitening matrix and the data.
_HEADER = 6
_SIGNATURE = nb.types.int64(
    nb.types.uint64,
    nb.types.CPointer(nb.types.double),
    nb.types.CPointer(nb.types.double),
    nb.types.CPointer(nb.types.double),
    nb.types.CPointer(nb.types.double),
)


def pack(target: Target, centre: Array, whitening: Array) -> Array:
    """One array with all that :func:`whitened_log_posterior` reads, for q = centre + whitening @ z."""
    n, d = target.rows.shape
    header = [n, d, target.n_components, target.n_parameters, len(target.numbers), target.temperature]
    return np.concatenate([header, target.numbers, centre, whitening.ravel(), target.rows.ravel(order="F")])


@c_entry(_SIGNATURE)
def whitened_log_posterior(n, z_, gradient_, value_, data_):
    """Log posterior and gradient at centre + whitening @ z, for the sampler; returns 0, or 1 where
    the value is not finite."""
    header = nb.carray(data_, (_HEADER,))
    N, D, K = int(header[0]), int(header[1]), int(header[2])
    P, M = int(header[3]), int(header[4])
    data = nb.carray(data_, (_HEADER + M + P + P * P + N * D,))
    at = _HEADER
    numbers = data[at : at + M]
    centre = data[at + M : at + M + P]
    at += M + P
    whitening = data[at : at + P * P].reshape((P, P))
    X = data[at + P * P :].reshape((D, N)).T
    given, wanted = nb.carray(z_, (P,)), nb.carray(gradient_, (P,))
    value = nb.carray(value_, (1,))

    # Copies that lie where memory should.
    z, by_z, q, by_q = empty(P), zeros(P), empty(P), empty(P)
    for i in range(P):
        z[i] = given[i]
    for i in range(P):
        s = centre[i]
        for j in range(P):
            s += whitening[i, j] * z[j]
        q[i] = s
    temperature = header[5]
    log_prior, log_likelihood = log_posterior(q, X, numbers, K, temperature, by_q)
    for i in range(P):
        for j in range(P):
            by_z[j] += whitening[i, j] * by_q[i]
    for i in range(P):
        wanted[i] = by_z[i]
    value[0] = log_prior + temperature * log_likelihood
    if not math.isfinite(value[0]):
        return 1
    for j in range(P):
        if not math.isfinite(by_z[j]):
            return 1
    return 0
