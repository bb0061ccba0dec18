"""Draws from the prior, without a model: for pictures of what it expects."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.common_scales import CommonLaw, CommonScale
from bayesgmm.bayes.log_laws import draw_volume, volume_law
from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.bayes.resolution import (
    correlation_bounds,
    log_visibility_of_correlations,
    log_visibility_of_stds,
    std_bounds,
)
from bayesgmm.errors import SamplingError
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import posterior_family_of

__all__ = ["draw_prior", "log_seen"]

Array = NDArray[np.float64]

MOST_TRIALS = 3_000
DRAWS_FOR_SHARE = 20_000


def draw_prior(
    prior: ResolvedPrior, covariance_type: str, size: int, rng: np.random.Generator
) -> dict[str, Array]:
    """Independent draws of weights, means, stds and, where the family has it, corr_chol.

    Shapes as those of posterior draws with `size` in place of (chain, draw).

    Parameters
    ----------
    prior : ResolvedPrior
    covariance_type : str
    size : int
    rng : numpy.random.Generator
    """
    (k, d), family = prior.mean_loc.shape, posterior_family_of(covariance_type)
    shapes = {name: (size, *s) for name, s in family.shapes(k, d).items()}
    values = {
        "weights": _weights(prior, size, rng),
        "means": rng.normal(prior.mean_loc, prior.mean_scale, shapes["means"]),
        "stds": _seen(_std_draws(prior, family, rng), size, rng).reshape(shapes["stds"]),
    }
    if "corr_chol" in shapes:
        n = math.prod(shapes["corr_chol"][:-2])
        values["corr_chol"] = _seen(_corr_draws(prior, rng), n, rng).reshape(shapes["corr_chol"])
    return values


def log_seen(prior: ResolvedPrior, covariance_type: str) -> float:
    """Log of the share of the prior that its resolution leaves, by draws of a fixed seed.

    Its error is about 0.01 for each column.
    """
    if not prior.resolution.any():
        return 0.0
    (k, d), family, rng = prior.mean_loc.shape, posterior_family_of(covariance_type), np.random.default_rng(0)
    _, chances = _std_draws(prior, family, rng)(DRAWS_FOR_SHARE)
    total = float(np.log(chances.mean(axis=0)).sum())
    if family.has_correlations and d > 1:
        _, chances = _corr_draws(prior, rng)(DRAWS_FOR_SHARE)
        total += family.n_correlations(k) * float(np.log(chances.mean()))
    return total


# Called with a number n: draws, shape (n, ...), and the chances (n, m) with which their m independent parts
# are kept, the last axis of the draws, or one for each draw where m is 1.
Proposals = Callable[[int], tuple[Array, Array]]


def _seen(proposals: Proposals, size: int, rng: np.random.Generator) -> Array:
    """Draws of what the resolution lets see: each part is drawn again until it is kept."""
    values, chances = proposals(size)
    left = rng.random(chances.shape) >= chances
    for _ in range(MOST_TRIALS):
        if not left.any():
            return values
        again, chances = proposals(size)
        kept = left & (rng.random(chances.shape) < chances)
        places = kept.reshape(size, *[1] * (values.ndim - 2), kept.shape[1])
        values = np.where(places, again, values)
        left &= ~kept
    raise SamplingError(
        f"Of {MOST_TRIALS} draws of the prior none is of components that the resolution of the data lets "
        f"see; choose a prior of wider components, or a smaller resolution.",
        tried=MOST_TRIALS,
    )


def _std_draws(prior: ResolvedPrior, family: CovarianceFamily, rng: np.random.Generator) -> Proposals:
    """Standard deviations (size, K or 1, D or 1), of which columns are independent but for shared shapes."""
    a = np.atleast_1d(family.of_stds(std_bounds(prior.resolution, family.by_feature)))
    shared = any(family.std_parts(len(prior.concentration)))

    def draw(size: int) -> tuple[Array, Array]:
        # A prior that reaches very far may have draws that are infinite.
        with np.errstate(divide="ignore", over="ignore"):
            stds = _stds(prior, family, size, rng)
        of_columns = log_visibility_of_stds(stds, a).sum(axis=1)
        return stds, np.exp(of_columns.sum(axis=1, keepdims=True) if shared else of_columns)

    return draw


def _corr_draws(prior: ResolvedPrior, rng: np.random.Generator) -> Proposals:
    """Cholesky factors (size, D, D) of single correlation matrices."""
    d = prior.n_features
    b = correlation_bounds(prior.resolution, prior.mean_scale)

    def draw(size: int) -> tuple[Array, Array]:
        factors = _lkj(prior.lkj_eta, (size, d, d), rng)
        return factors, np.exp(log_visibility_of_correlations(factors, b))[:, None]

    return draw


def _weights(prior: ResolvedPrior, size: int, rng: np.random.Generator) -> Array:
    if not len(prior.mixed):
        return rng.dirichlet(prior.concentration, size)
    # Of small concentrations all gammas may be zero, of which Dirichlet draws know how to take care.
    which = rng.integers(len(prior.mixed), size=size)
    weights = np.empty((size, len(prior.concentration)))
    for m, a in enumerate(prior.mixed):
        weights[which == m] = rng.dirichlet(np.full(weights.shape[1], a), int((which == m).sum()))
    return weights


def _stds(prior: ResolvedPrior, family: CovarianceFamily, size: int, rng: np.random.Generator) -> Array:
    """Standard deviations (size, K or 1, D or 1)."""
    (k, d), record = prior.mean_loc.shape, prior.std_record
    parts = family.std_parts(k)
    if any(parts):
        return _products(prior, parts, size, rng)
    n, m = k if family.by_component else 1, d if family.by_feature else 1
    # Those of a common scale are of features alone.
    rows = 1 if isinstance(record, CommonScale) else n
    return record.draw(rng, (size, n, m), *(v[:rows, :m] for v in prior.std_numbers))


def _products(prior: ResolvedPrior, parts: tuple[int, int], size: int, rng: np.random.Generator) -> Array:
    """Standard deviations (size, K, D) of volumes and shapes."""
    law, record, (volumes, shapes) = prior.std_law, prior.std_record, parts
    if isinstance(law, CommonLaw):
        log_volumes, log_shapes = law.draw_parts(rng, size, parts)
        return np.exp(log_volumes[..., None] + log_shapes)
    log_volumes = draw_volume(rng, (size, volumes), volume_law(law))
    log_shapes = np.log(record.draw(rng, (size, shapes, prior.n_features), *prior.shared_std_numbers))
    log_shapes -= log_shapes.mean(axis=-1, keepdims=True)
    return np.exp(log_volumes[..., None] + log_shapes)


def _lkj(eta: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Cholesky factors of LKJ correlation matrices, row by row: the onion method.

    Lewandowski, Kurowicka and Joe (2009), section 3.2: row i points in a uniform direction, and its squared
    length before the diagonal is Beta(i / 2, eta + (D - 1 - i) / 2).
    """
    d, lead = shape[-1], shape[:-2]
    factor = np.zeros(shape)
    factor[..., 0, 0] = 1.0
    for i in range(1, d):
        squared = rng.beta(i / 2, eta + (d - 1 - i) / 2, lead)
        direction = rng.standard_normal((*lead, i))
        direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
        factor[..., i, :i] = np.sqrt(squared)[..., None] * direction
        factor[..., i, i] = np.sqrt(1 - squared)
    return factor
