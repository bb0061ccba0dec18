"""The log prior density of draws, variable by variable: what tells how sensitive a posterior is to its
prior."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import gammaln, xlogy

from bayesgmm.bayes.log_laws import log_density_of_products
from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.bayes.target import lkj_log_normaliser
from bayesgmm.mixture.families import posterior_family_of

__all__ = ["log_prior"]

Array = NDArray[np.float64]


def log_prior(values: Mapping[str, Array], prior: ResolvedPrior, covariance_type: str) -> dict[str, Array]:
    """Log prior density of each draw, without Jacobians, in the units of the values.

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
        where they have volumes and shapes, and corr_chol with one number a correlation matrix.
    """
    family = posterior_family_of(covariance_type)
    stds, parts = values["stds"], family.std_parts(len(prior.concentration))
    densities = {
        "weights": _dirichlet(values["weights"], prior.concentration),
        "means": stats.norm.logpdf(values["means"], prior.mean_loc, prior.mean_scale),
        "stds": log_density_of_products(stds, parts, prior.std_law, np)
        if any(parts)
        else prior.std_record.log_density(stds, *map(family.of_stds, prior.std_numbers)),
    }
    if "corr_chol" in values:
        densities["corr_chol"] = _lkj(values["corr_chol"], prior.lkj_eta)
    return densities


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
