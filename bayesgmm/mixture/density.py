"""The density of a Gaussian mixture and draws from it.

    p(x) = sum_k pi_k N(x; mu_k, Sigma_k),   sum_k pi_k = 1

Three quantities that are easily confused have three names: `component_log_density` is log N(x; mu_k, Sigma_k)
without the weight, `log_likelihood_per_obs` is log p(x), and `responsibilities` are p(z = k | x), which
divide by the sum over components of weight times density.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.mixture import kernels
from bayesgmm.mixture.params import MixtureParams

__all__ = [
    "CERTAIN",
    "component_log_density",
    "log_likelihood_per_obs",
    "responsibilities",
    "simulate",
    "simulate_from",
]

Array = NDArray[np.float64]

# A row is certain of a component, by EM or by the posterior, where its membership is above this.
CERTAIN = 0.95


def component_log_density(X: ArrayLike, params: MixtureParams) -> Array:
    """Log density of each row under each component, without the weights: log N(x; mu_k, Sigma_k).

    Parameters
    ----------
    X : array_like, shape (N, D)
    params : MixtureParams

    Returns
    -------
    ndarray, shape (N, K)

    Notes
    -----
    Bishop (2006), Pattern Recognition and Machine Learning, eq. 2.43.

    Examples
    --------
    >>> from bayesgmm import MixtureParams
    >>> from bayesgmm.mixture.density import component_log_density
    >>> p = MixtureParams([0.5, 0.5], [[0.0], [3.0]], [[[1.0]], [[1.0]]])
    >>> component_log_density([[0.0]], p).round(4)
    array([[-0.9189, -5.4189]])
    """
    X = _rows(X, params)
    out = np.empty((len(X), params.n_components))
    for k in range(params.n_components):
        # A mixture of this one component has its density.
        kernels.evaluate(
            X,
            np.zeros(1),
            params.means[k : k + 1],
            params.cholesky[k : k + 1],
            out[:, k],
            np.empty((0, 1)),
        )
    return out


def log_likelihood_per_obs(X: ArrayLike, params: MixtureParams) -> Array:
    """Log density of the mixture at each row, log p(x), shape (N,). Bishop (2006), eq. 9.7.

    Examples
    --------
    >>> from bayesgmm import MixtureParams
    >>> from bayesgmm.mixture.density import log_likelihood_per_obs
    >>> p = MixtureParams([1.0], [[0.0]], [[[1.0]]])
    >>> log_likelihood_per_obs([[0.0], [1.0]], p).round(4)
    array([-0.9189, -1.4189])
    """
    return _evaluate(X, params, with_responsibilities=False)[0]


def responsibilities(X: ArrayLike, params: MixtureParams) -> Array:
    """p(z = k | x), shape (N, K), rows summing to one. Bishop (2006), eq. 9.13.

    Examples
    --------
    >>> from bayesgmm import MixtureParams
    >>> from bayesgmm.mixture.density import responsibilities
    >>> p = MixtureParams([0.5, 0.5], [[-1.0], [1.0]], [[[1.0]], [[1.0]]])
    >>> responsibilities([[0.0]], p)
    array([[0.5, 0.5]])
    """
    return _evaluate(X, params, with_responsibilities=True)[1]


def simulate(params: MixtureParams, size: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
    """Draw rows and the components they come from: arrays of shape (size, D) and (size,)."""
    return simulate_from(params.weights, params.means, params.cholesky, size, rng)


def simulate_from(
    weights: Array, means: Array, cholesky: Array, size: int, rng: np.random.Generator
) -> tuple[Array, NDArray[np.intp]]:
    """The same of a mixture given by weights (K,), means (K, D) and Cholesky factors (K, D, D)."""
    labels = rng.choice(len(weights), size=size, p=weights / weights.sum())
    noise = rng.standard_normal((size, means.shape[1]))
    return means[labels] + np.einsum("nij,nj->ni", cholesky[labels], noise), labels


def _evaluate(X: ArrayLike, params: MixtureParams, with_responsibilities: bool) -> tuple[Array, Array]:
    X = _rows(X, params)
    n, k = len(X), params.n_components
    log_density = np.empty(n)
    r = np.empty((n if with_responsibilities else 0, k))
    with np.errstate(divide="ignore"):
        log_weights = np.log(params.weights)
    kernels.evaluate(X, log_weights, params.means, params.cholesky, log_density, r)
    return log_density, r


def _rows(X: ArrayLike, params: MixtureParams) -> Array:
    X = np.asarray(X, dtype=np.float64)
    if X.ndim != 2 or X.shape[1] != params.n_features:
        raise ValueError(f"X must have shape (N, {params.n_features}); got {X.shape}.")
    return X
