"""Which component is which, by a prior that tells components apart.

The likelihood is the same for all K! orders of a mixture's components, and so are the priors of correlations,
of a common scale and of what the resolution lets see. What is left is a sum over components: of component k
of a mixture, in the place of the prior's component j, the log density of its weight's power, its mean and its
standard deviations. So the order of the highest posterior density is one linear assignment, and the posterior
probabilities of all orders, given the components, are those of the prior.
"""

from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray
from scipy import stats as distributions
from scipy.special import logsumexp

from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.bayes.std_priors import StdPrior
from bayesgmm.bayes.target import Target
from bayesgmm.mixture.matching import assign
from bayesgmm.mixture.params import MixtureParams

__all__ = ["in_order_of_prior", "log_density_in_place", "order_probabilities"]

Array = NDArray[np.float64]

# Of more components not all K! orders are looked at, but the best and those that exchange two.
MOST_ENUMERATED = 6
LOWEST = -1e300


def log_density_in_place(
    weights: Array, means: Array, stds: Array, prior: ResolvedPrior, by_feature: bool
) -> Array:
    """Log density of a draw's component k by the prior of component j, shape (S, K, K) as [s, j, k], without
    what is the same for all orders.

    Parameters
    ----------
    weights : ndarray, shape (S, K)
    means, stds : ndarrays, shape (S, K, D)
    prior : ResolvedPrior
        In the same units.
    by_feature : bool
        Whether features have standard deviations of their own.
    """
    s, k = weights.shape
    record, out = prior.std_record, np.empty((s, k, k))
    log_weights = np.log(np.maximum(weights, 1e-300))
    stds = stds if by_feature else stds[..., :1]
    for j in range(k):
        out[:, j] = prior.concentration[j] * log_weights
        if {"mean_loc", "mean_scale"} & set(prior.differing):
            normal = distributions.norm(prior.mean_loc[j], prior.mean_scale[j])
            out[:, j] += normal.logpdf(means).sum(axis=-1)
        if "std_prior" in prior.differing and isinstance(record, StdPrior):
            numbers = prior.std_numbers[:, j, : stds.shape[-1]]
            out[:, j] += record.log_density(stds, *numbers).sum(axis=-1)
    return np.maximum(out, LOWEST)


def order_probabilities(log_density: Array) -> tuple[Array, Array]:
    """Probability of the order that a draw has, and of the most probable other one, shapes (S,).

    Of more than six components the best order and all exchanges of two stand for the others: both
    probabilities are then upper bounds, and the first is above one half only where no other looked at is.

    Parameters
    ----------
    log_density : ndarray, shape (S, K, K)
        As :func:`log_density_in_place` gives it.
    """
    s, k, _ = log_density.shape
    if k == 1:
        return np.ones(s), np.zeros(s)
    places = np.arange(k)
    as_they_are = np.diagonal(log_density, axis1=1, axis2=2).sum(axis=1)
    others = [
        log_density[:, places, list(order)].sum(axis=1) for order in _orders(k) if order != tuple(places)
    ]
    if k > MOST_ENUMERATED:
        best = assign(log_density)
        value = np.take_along_axis(log_density, best[..., None], axis=2)[..., 0].sum(axis=1)
        exchanged = (best != places).sum(axis=1) == 2
        others.append(np.where(exchanged | (best == places).all(axis=1), -np.inf, value))
    everything = np.stack([as_they_are, *others], axis=1)
    shares = np.exp(everything - logsumexp(everything, axis=1, keepdims=True))
    return shares[:, 0], shares[:, 1:].max(axis=1)


def _orders(k: int) -> list[tuple[int, ...]]:
    if k <= MOST_ENUMERATED:
        return list(permutations(range(k)))
    orders = []
    for i, j in combinations(range(k), 2):
        order = list(range(k))
        order[i], order[j] = j, i
        orders.append(tuple(order))
    return orders


def in_order_of_prior(target: Target, params: MixtureParams) -> MixtureParams:
    """A mixture in the order of its components that has the highest posterior density; as it is where the
    prior treats all alike."""
    prior = target.prior.resolve(*target.shape, target.covariance_type)
    if prior.is_exchangeable:
        return params
    values = params.weights[None], params.means[None], params.stds[None]
    return params.permuted(assign(log_density_in_place(*values, prior, target.family.by_feature))[0])
