"""Proposals of components: changed copies of those that other particles have, and draws of the prior."""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.prior_draws import draw_prior
from bayesgmm.bayes.target import Target
from bayesgmm.errors import SamplingError
from bayesgmm.methods import moves
from bayesgmm.mixture.coordinates import unconstrained

__all__ = ["kernels", "prior_piece"]

Array = NDArray[np.float64]

KERNELS = 200
KERNEL_WIDTH = 1.2
# Of the components proposed, how many come from the prior.
FROM_PRIOR = 0.2
PRIOR_DRAWS = 2000
# Of the draws of the prior, how many must be finite.
FEWEST_FINITE = 100


def prior_piece(target: Target, rng: np.random.Generator) -> tuple[Array, Array]:
    """Median and variance of a component under the prior, shape (p,) each."""
    draws = draw_prior(target.resolved_prior, target.covariance_type, PRIOR_DRAWS, rng)
    q = unconstrained(target.turned_values(draws), target.family)
    pieces = target.coordinates.pieces(q).reshape(PRIOR_DRAWS * target.n_components, -1)
    # Priors that reach very far have draws beyond all numbers.
    pieces = pieces[np.isfinite(pieces).all(axis=1)]
    if len(pieces) < FEWEST_FINITE:
        raise SamplingError("Most draws of the prior are not finite; it is too wide to temper with.")
    return np.median(pieces, axis=0), pieces.var(axis=0) + 1e-6


def kernels(
    target: Target, q: Array, beta: float, prior_piece: tuple[Array, Array], rng: np.random.Generator
) -> moves.Kernels:
    """Normal kernels around components of particles, as wide as their rows leave them, and some of the prior.

    The precision of a component's parameters given who belongs to it: for the mean n / Sigma, for the
    logarithm of a standard deviation 2 n, for an entry of M n over the squared length of its row; each beside
    the prior's.
    """
    (k, d), family, at = target.shape, target.family, target.coordinates.piece_parts
    centre, variance = prior_piece
    pieces = target.coordinates.pieces(q).reshape(len(q) * k, -1)
    some = rng.choice(len(pieces), min(KERNELS, len(pieces)), replace=False)
    n_prior = max(1, int(FROM_PRIOR * len(some)))
    draws, components = np.divmod(some, k)
    theta = pieces[some]
    weight = 1 / (1 + np.exp(-theta[:, at.logit]))
    # The part of the data that the likelihood's power stands for.
    n = beta * target.data.total_weight * weight
    cholesky, lengths = _factors_of(q[draws], components, target)
    precision = np.tile(1 / variance, (len(theta), 1))
    precision[:, at.logit] += n * (1 - weight)
    # One number moves the standard deviations of all features together.
    together = at.log_stds.stop - at.log_stds.start == 1
    precision[:, at.log_stds] += 2 * n[:, None] * (d if together else 1)
    if family.own_correlations:
        rows = np.tril_indices(d, -1)[0]
        precision[:, at.below] += n[:, None] / lengths[:, rows] ** 2
    inverse = np.linalg.inv(cholesky)
    of_mean = n[:, None, None] * np.swapaxes(inverse, 1, 2) @ inverse
    of_mean[:, np.arange(d), np.arange(d)] += 1 / variance[at.means]
    # A factor of the inverse without forming it: columns that nearly add up would make that fail.
    upper = np.linalg.qr(np.linalg.inv(np.linalg.cholesky(of_mean))).R
    upper *= np.sign(np.diagonal(upper, axis1=1, axis2=2))[:, :, None]
    factors = KERNEL_WIDTH * np.swapaxes(upper, 1, 2)
    stds = KERNEL_WIDTH / np.sqrt(precision)
    theta[:n_prior], stds[:n_prior] = centre, np.sqrt(variance)
    factors[:n_prior] = np.diag(np.sqrt(variance[at.means]))
    inverses = np.linalg.inv(factors)
    constants = -np.log(np.delete(stds, at.means, axis=1)).sum(axis=1)
    constants += np.log(np.diagonal(inverses, axis1=1, axis2=2)).sum(axis=1)
    return moves.Kernels(theta, factors, stds, inverses, 1 / stds, constants)


def _factors_of(q: Array, components: NDArray[np.intp], target: Target) -> tuple[Array, Array]:
    """Of one component of each vector, the covariance's Cholesky factor and the lengths of the rows of M.

    Shapes (S, D, D) and (S, D).
    """
    (k, d), family = target.shape, target.family
    values, s = target.coordinates.constrained(q), np.arange(len(q))
    stds = family.all_stds(values["stds"], k, d)[s, components]
    if not family.has_correlations:
        return stds[:, :, None] * np.eye(d), np.ones((len(q), d))
    corr = family.all_factors(values["corr_chol"], k, d)[s, components]
    return stds[:, :, None] * corr, 1 / np.diagonal(corr, axis1=1, axis2=2)
