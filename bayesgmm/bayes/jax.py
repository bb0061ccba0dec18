"""The mixture's Ops for PyTensor's JAX linker; importing this module registers them.

With it ``pm.sample(nuts_sampler="numpyro")`` runs on models that hold a
:class:`bayesgmm.bayes.GaussianMixture`. JAX is optional: install the dependency group ``jax``. Gradients are
JAX's own.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jax.scipy.special import logsumexp
from pytensor.link.jax.dispatch import jax_funcify

from bayesgmm.bayes.distribution import MixtureLogDensity, MixtureLogLikelihood
from bayesgmm.mixture.kernels import LOG_2PI

__all__: list[str] = []


def log_density(X: Any, log_weights: Any, means: Any, cholesky: Any) -> Any:
    """log p(x_n), shape (N,); -inf where the parameters define no density."""
    diagonal = jnp.diagonal(cholesky, axis1=1, axis2=2)
    legal = jnp.all(diagonal > 0) & (jnp.max(log_weights) > -jnp.inf)
    # A factor that is none would put NaN into gradients even where its density is not used.
    factors = jnp.where(legal, cholesky, jnp.eye(means.shape[1]))
    z = jax.vmap(lambda L, m: solve_triangular(L, (X - m).T, lower=True))(factors, means)
    log_det = jnp.sum(jnp.log(jnp.diagonal(factors, axis1=1, axis2=2)), axis=1)
    joint = (log_weights - log_det - 0.5 * means.shape[1] * LOG_2PI)[:, None] - 0.5 * jnp.sum(z**2, axis=1)
    return jnp.where(legal, logsumexp(joint, axis=0), -jnp.inf)


def log_likelihood(
    X: Any, sample_weight: Any, log_weights: Any, means: Any, cholesky: Any
) -> tuple[Any, ...]:
    """sum_n g_n log p(x_n), and its gradient by log weights, means and Cholesky factors."""

    def total(*parameters: Any) -> Any:
        density = log_density(X, *parameters)
        return jnp.sum(density) if sample_weight.shape[0] == 0 else sample_weight @ density

    value, gradient = jax.value_and_grad(total, argnums=(0, 1, 2))(log_weights, means, cholesky)
    return value, *gradient


@jax_funcify.register(MixtureLogDensity)
def _density_on_jax(op: MixtureLogDensity, **kwargs: Any) -> Callable[..., Any]:
    return log_density


@jax_funcify.register(MixtureLogLikelihood)
def _likelihood_on_jax(op: MixtureLogLikelihood, **kwargs: Any) -> Callable[..., Any]:
    return log_likelihood
