"""The log prior density of draws, variable by variable: what tells how sensitive a posterior is to its
prior."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import gammaln, logsumexp, xlogy

from bayesgmm.bayes.compiled_prior import lkj_log_normaliser
from bayesgmm.bayes.log_laws import log_density_of_products
from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.bayes.resolution import (
    correlation_bounds,
    log_visibility_of_correlations,
    log_visibility_of_stds,
    std_bounds,
)
from bayesgmm.bayes.std_priors import StdPrior
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import posterior_family_of

__all__ = ["log_prior", "log_visibility"]

Array = NDArray[np.float64]


def log_prior(values: Mapping[str, Array], prior: ResolvedPrior, covariance_type: str) -> dict[str, Array]:
    """Log prior density of each draw, without Jacobians, in the units of the values.

    That of `resolution` lacks its constant, which no closed form tells.

    Parameters
    ----------
    values : mapping
        weights, means, stds and, where the family has it, corr_chol, with leading axes (chain, draw).
    prior : ResolvedPrior
    covariance_type : str

    Returns
    -------
    dict of ndarrays
        weights (chain, draw), means (chain, draw, K, D), stds of the shape of its values, or (chain, draw)
        where they have volumes and shapes or a common scale, corr_chol with one number a correlation matrix,
        and resolution (chain, draw), the factor for what can be seen.
    """
    family = posterior_family_of(covariance_type)
    densities = {
        "weights": _of_weights(values["weights"], prior),
        "means": stats.norm.logpdf(values["means"], prior.mean_loc, prior.mean_scale),
        "stds": _of_stds(values["stds"], prior, family),
    }
    if "corr_chol" in values:
        densities["corr_chol"] = _lkj(values["corr_chol"], prior.lkj_eta)
    if prior.resolution.any():
        densities["resolution"] = log_visibility(values, prior, family)
    return densities


def log_visibility(values: Mapping[str, Array], prior: ResolvedPrior, family: CovarianceFamily) -> Array:
    """Log of the factors for what can be seen, of all distinct standard deviations and correlation matrices
    of each draw, shape (...)."""
    lead = values["weights"].ndim - 1
    a = std_bounds(prior.resolution, family.by_feature)
    found = log_visibility_of_stds(values["stds"], family.of_stds(a))
    total = found.sum(axis=tuple(range(lead, found.ndim)))
    if "corr_chol" in values:
        b = correlation_bounds(prior.resolution, prior.mean_scale)
        of_correlations = log_visibility_of_correlations(values["corr_chol"], b)
        total = total + of_correlations.sum(axis=tuple(range(lead, of_correlations.ndim)))
    return np.asarray(total)


def _of_stds(stds: Array, prior: ResolvedPrior, family: CovarianceFamily) -> Array:
    record, parts = prior.std_record, family.std_parts(len(prior.concentration))
    if any(parts):
        law = prior.std_law
        return np.asarray(log_density_of_products(stds, parts, law, np))
    if isinstance(record, StdPrior):
        return record.log_density(stds, *map(family.std_values, prior.std_numbers))
    # A component and a feature axis, also where standard deviations lack one.
    n = len(prior.concentration) if family.by_component else 1
    lead = stds.shape[: stds.ndim - len(family.std_dims)]
    numbers = [np.atleast_1d(family.of_stds(v)) for v in prior.shared_std_numbers]
    stds = stds.reshape(*lead, n, len(numbers[0]))
    return np.asarray(record.log_density(stds, n, np, *numbers).sum(axis=-1))


def _of_weights(weights: Array, prior: ResolvedPrior) -> Array:
    if not len(prior.mixed):
        return _dirichlet(weights, prior.concentration)
    each = [_dirichlet(weights, np.full(weights.shape[-1], a)) for a in prior.mixed]
    return np.asarray(logsumexp(each, axis=0) - np.log(len(each)))


def _dirichlet(weights: Array, concentration: Array) -> Array:
    constant = gammaln(concentration.sum()) - gammaln(concentration).sum()
    # A weight that has underflowed has a finite density all the same.
    return constant + xlogy(concentration - 1, np.maximum(weights, 1e-300)).sum(axis=-1)


def _lkj(corr_chol: Array, eta: float) -> Array:
    """Of the correlation matrix, |R|^(eta - 1) and its constant (Lewandowski, Kurowicka and Joe 2009, section
    3)."""
    d = corr_chol.shape[-1]
    log_diagonal = np.log(np.diagonal(corr_chol, axis1=-2, axis2=-1)).sum(axis=-1)
    return lkj_log_normaliser(d, eta) + 2 * (eta - 1) * log_diagonal
