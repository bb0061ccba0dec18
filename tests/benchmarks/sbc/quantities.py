"""What is ranked: numbers of a mixture and the data that do not depend on labels, by slow formulas."""

import numpy as np
from scipy.special import logsumexp

POINT = 0.5


def log_joint(weights, means, covariances, X):
    """Log of weight times density, shape (S, N, K), of mixtures (S, K, ...); of a row that lacks cells, NaN,
    that of the others."""
    missing = np.isnan(X)
    if missing.any():
        out = np.empty((len(weights), len(X), weights.shape[1]))
        kinds, which = np.unique(missing, axis=0, return_inverse=True)
        for kind, lacks in enumerate(kinds):
            rows, there = which.ravel() == kind, np.flatnonzero(~lacks)
            some = means[..., there], covariances[..., there[:, None], there]
            out[:, rows] = log_joint(weights, *some, X[np.ix_(rows, there)])
        return out
    d = X.shape[1]
    factors = np.linalg.cholesky(covariances)
    away = X[None, :, None] - means[:, None]
    z = np.linalg.solve(factors[:, None], away[..., None])[..., 0]
    log_det = np.log(np.diagonal(factors, axis1=2, axis2=3)).sum(axis=2)
    constant = np.log(weights) - log_det - 0.5 * d * np.log(2 * np.pi)
    return constant[:, None] - 0.5 * (z**2).sum(axis=3)


def log_det_correlations(covariances):
    """Sum over components of the log determinants of their correlation matrices, shape (S,)."""
    variances = np.diagonal(covariances, axis1=2, axis2=3)
    return (np.linalg.slogdet(covariances)[1] - np.log(variances).sum(axis=2)).sum(axis=1)


def quantities(weights, means, covariances, X):
    """By name, shape (S,) each."""
    with np.errstate(divide="ignore"):
        joint = log_joint(weights, means, covariances, X)
    density = logsumexp(joint, axis=2)
    memberships = np.exp(joint - density[..., None])
    mean = np.einsum("sk,skd->sd", weights, means)
    spread = means - mean[:, None]
    total = np.einsum("sk,skij->sij", weights, covariances) + np.einsum(
        "sk,ski,skj->sij", weights, spread, spread
    )
    at_point = log_joint(weights, means, covariances, np.full((1, X.shape[1]), POINT))
    return {
        "log-likelihood": density.sum(axis=1),
        "mean of the mixture": mean[:, 0],
        "largest weight": weights.max(axis=1),
        "log determinant": np.linalg.slogdet(total)[1],
        # What the prior of correlations is a density of, up to a factor.
        "log determinants of correlations": log_det_correlations(covariances),
        "same component": (memberships[:, 0] * memberships[:, 1]).sum(axis=1),
        "density at a point": logsumexp(at_point, axis=2)[:, 0],
    }
